"""The structures of ISA-95 Job Control V2 (OPC 10031-4, clause 7.3), the simulator's own copy.

They are not put into asyncua's registry, which is one for the whole process and goes by namespace index.
"""

from __future__ import annotations

import typing
from dataclasses import field, make_dataclass
from typing import Any, Final, NamedTuple

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary

URI: Final = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"


class Part(NamedTuple):
    """A field: `[]` after the type is an array, `?` after the name is optional."""

    name: str
    kind: str
    is_array: bool
    is_optional: bool


class Structure(NamedTuple):
    node: int
    encoding: int
    parts: tuple[Part, ...]

    @property
    def has_optional(self) -> bool:
        return any(part.is_optional for part in self.parts)


def _part(word: str) -> Part:
    name, _, kind = word.partition(":")
    return Part(name.rstrip("?"), kind.removesuffix("[]"), kind.endswith("[]"), name.endswith("?"))


_TABLE: Final = """
ISA95PropertyDataType 3002 5002 ID:String Value:BaseDataType Description?:LocalizedText[]
  EngineeringUnits?:EUInformation Subproperties?:ISA95PropertyDataType[]

ISA95ParameterDataType 3003 5005 ID:String Value:BaseDataType Description?:LocalizedText[]
  EngineeringUnits?:EUInformation Subparameters?:ISA95ParameterDataType[]

ISA95EquipmentDataType 3005 5008 ID:String Description?:LocalizedText[] EquipmentUse?:String
  Quantity?:DecimalString EngineeringUnits?:EUInformation Properties?:ISA95PropertyDataType[]

ISA95StateDataType 3006 5029 BrowsePath:RelativePath StateText:LocalizedText StateNumber:UInt32

ISA95WorkMasterDataType 3007 5011 ID:String Description?:LocalizedText Parameters?:ISA95ParameterDataType[]

ISA95MaterialDataType 3010 5017 MaterialClassID?:String MaterialDefinitionID?:String MaterialLotID?:String
  MaterialSublotID?:String Description?:LocalizedText[] MaterialUse?:String
  Quantity?:DecimalString EngineeringUnits?:EUInformation Properties?:ISA95PropertyDataType[]

ISA95PersonnelDataType 3011 5020 ID:String Description?:LocalizedText[] PersonnelUse?:String
  Quantity?:DecimalString EngineeringUnits?:EUInformation Properties?:ISA95PropertyDataType[]

ISA95PhysicalAssetDataType 3012 5023 ID:String Description?:LocalizedText[] PhysicalAssetUse?:String
  Quantity?:DecimalString EngineeringUnits?:EUInformation Properties?:ISA95PropertyDataType[]

ISA95JobOrderDataType 3008 5014 JobOrderID:String Description?:LocalizedText[]
  WorkMasterID?:ISA95WorkMasterDataType[] StartTime?:DateTime EndTime?:DateTime Priority?:Int16
  JobOrderParameters?:ISA95ParameterDataType[] PersonnelRequirements?:ISA95PersonnelDataType[]
  EquipmentRequirements?:ISA95EquipmentDataType[] PhysicalAssetRequirements?:ISA95PhysicalAssetDataType[]
  MaterialRequirements?:ISA95MaterialDataType[]

ISA95JobResponseDataType 3013 5026 JobResponseID:String Description?:LocalizedText JobOrderID:String
  StartTime?:DateTime EndTime?:DateTime JobState:ISA95StateDataType[] JobResponseData?:ISA95ParameterDataType[]
  PersonnelActuals?:ISA95PersonnelDataType[] EquipmentActuals?:ISA95EquipmentDataType[]
  PhysicalAssetActuals?:ISA95PhysicalAssetDataType[] MaterialActuals?:ISA95MaterialDataType[]

ISA95JobOrderAndStateDataType 3015 5032 JobOrder:ISA95JobOrderDataType State:ISA95StateDataType[]
"""
"""Name, node, node of its binary encoding, fields; each after those it is made of."""


def _structures() -> dict[str, Structure]:
    found = {}
    for paragraph in _TABLE.strip().split("\n\n"):
        name, node, encoding, *fields = paragraph.split()
        found[name] = Structure(int(node), int(encoding), tuple(_part(field) for field in fields))
    return found


STRUCTURES: Final = _structures()
_PYTHON: Final = {"BaseDataType": "ua.Variant", "DecimalString": "ua.String"}


def data_type(kind: str, index: int) -> ua.NodeId:
    """The node of a field's type; `index` is that of the standard's namespace."""
    if kind in STRUCTURES:
        return ua.NodeId(STRUCTURES[kind].node, index)
    return ua.NodeId(getattr(ua.ObjectIds, kind))


def definition(name: str, index: int) -> ua.StructureDefinition:
    """DataTypeDefinition of a structure."""
    structure = STRUCTURES[name]
    fields = [
        ua.StructureField(
            Name=part.name,
            DataType=data_type(part.kind, index),
            ValueRank=ua.Int32(1 if part.is_array else -1),
            ArrayDimensions=[ua.UInt32(0)] if part.is_array else [],
            IsOptional=part.is_optional,
        )
        for part in structure.parts
    ]
    kinds = ua.StructureType
    return ua.StructureDefinition(
        DefaultEncodingId=ua.NodeId(structure.encoding, index),
        BaseDataType=ua.NodeId(ua.ObjectIds.Structure),
        StructureType=kinds.StructureWithOptionalFields if structure.has_optional else kinds.Structure,
        Fields=fields,
    )


def _annotation(part: Part, owner: str) -> str:
    if part.kind in STRUCTURES:
        kind = "__SELF__" if part.kind == owner else part.kind
    else:
        kind = _PYTHON.get(part.kind, f"ua.{part.kind}")
    kind = f"list[{kind}]" if part.is_array else kind
    return f"typing.Optional[{kind}]" if part.is_optional else kind


def _default(part: Part) -> Any:
    if part.is_optional or part.kind == "String":
        return None
    if part.is_array:
        return field(default_factory=list)
    makers = {"BaseDataType": ua.Variant, "RelativePath": ua.RelativePath, "LocalizedText": ua.LocalizedText}
    makers |= _CLASSES
    return field(default_factory=makers[part.kind]) if part.kind in makers else 0


def _class(name: str, structure: Structure) -> type:
    """A class that asyncua's own codec writes and reads."""
    fields: list[tuple[str, Any, Any]] = []
    if structure.has_optional:
        fields.append(("Encoding", "ua.UInt32", field(default=0, repr=False, compare=False)))
    fields += [(part.name, _annotation(part, name), _default(part)) for part in structure.parts]
    made = make_dataclass(name, fields, namespace={"ua": ua, "typing": typing, **_CLASSES})
    made.__SELF__ = made  # type: ignore[attr-defined]
    return made


_CLASSES: Final[dict[str, type]] = {}
for _name, _structure in STRUCTURES.items():
    _CLASSES[_name] = _class(_name, _structure)


def new(name: str, **fields: Any) -> Any:
    """A structure by its short name: `new("JobOrder", JobOrderID="J")`."""
    return _CLASSES[f"ISA95{name}DataType"](**fields)


def packed(value: Any, index: int) -> ua.ExtensionObject:
    """As it goes over the wire."""
    encoding = ua.NodeId(STRUCTURES[type(value).__name__].encoding, index)
    return ua.ExtensionObject(TypeId=encoding, Body=ua_binary.struct_to_binary(value))


def unpacked(name: str, value: Any, index: int) -> Any:
    """What a client sent. ValueError if it is another structure or damaged."""
    full = f"ISA95{name}DataType"
    if not isinstance(value, ua.ExtensionObject) or value.TypeId != ua.NodeId(STRUCTURES[full].encoding, index):
        raise ValueError(f"not a {full}")
    try:
        return ua_binary.from_binary(_CLASSES[full], Buffer(value.Body or b""))
    except ua.UaError as error:
        raise ValueError(str(error)) from error
