"""Structures of a machine, by the definitions its own server gives (OPC 10000-3 clause 8.48, 10000-6 clause 5.2.6).

asyncua's `load_data_type_definitions` keeps what it finds in one registry for the whole process, by namespace index:
two machines that number their namespaces differently would read each other's bytes. Here every connection has types of
its own, values are dictionaries by field name, and a field that a machine does not define is simply not there.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary

MAX_ROUNDS: Final = 12
"""How deep structures may lie in structures."""
MAX_LENGTH: Final = 1_000_000
"""Elements of an array; more is damage."""
_BUILT_IN_END: Final = 25
_STRUCTURE: Final = 22
_ENUMERATION: Final = 29
_ALSO: Final = {24: ua.VariantType.Variant, 12: ua.VariantType.String, _ENUMERATION: ua.VariantType.Int32}
_DAMAGE: Final = (ua.UaError, struct.error, LookupError, ValueError, TypeError, AttributeError, RecursionError)
_PLAIN: Final = (ua.StructureType.Structure, ua.StructureType.StructureWithOptionalFields)
Fields = dict[str, Any]


class UnknownStructure(LookupError):
    """The machine's server does not describe this type, or in a way that cannot be read."""


class TypeSource(Protocol):
    """What is needed of a connection."""

    async def definitions(self, data_types: Sequence[ua.NodeId]) -> list[ua.DataValue]: ...

    async def supertype(self, data_type: ua.NodeId) -> ua.NodeId | None: ...


@dataclass(frozen=True)
class _Field:
    name: str
    data_type: ua.NodeId
    is_array: bool
    is_optional: bool


@dataclass(frozen=True)
class _Structure:
    encoding: ua.NodeId
    fields: tuple[_Field, ...]
    has_mask: bool


class Structures:
    """Types of one connection: read them, then encode and decode."""

    def __init__(self) -> None:
        self._structures: dict[ua.NodeId, _Structure] = {}
        self._simple: dict[ua.NodeId, ua.VariantType] = {}
        self._by_encoding: dict[ua.NodeId, ua.NodeId] = {}

    # ------------------------------------------------------------- definitions

    async def read(self, source: TypeSource, data_types: Iterable[ua.NodeId]) -> None:
        """Learn these types and whatever lies in them. UnknownStructure if one of them cannot be read."""
        wanted = {t for t in data_types if not self._knows(t)}
        for _ in range(MAX_ROUNDS):
            if not wanted:
                return
            found = await source.definitions(sorted(wanted, key=str))
            for data_type, value in zip(sorted(wanted, key=str), found, strict=True):
                await self._learn(source, data_type, value)
            wanted = {f.data_type for s in self._structures.values() for f in s.fields if not self._knows(f.data_type)}
        raise UnknownStructure(f"structures lie in one another more than {MAX_ROUNDS} deep")

    def _knows(self, data_type: ua.NodeId) -> bool:
        return _built_in(data_type) is not None or data_type in self._structures or data_type in self._simple

    async def _learn(self, source: TypeSource, data_type: ua.NodeId, value: ua.DataValue) -> None:
        definition = value.Value.Value if value.Value is not None else None
        if _standard_class(data_type) is not None:
            self._simple[data_type] = ua.VariantType.ExtensionObject
        elif isinstance(definition, ua.StructureDefinition):
            self._add(data_type, definition)
        else:
            self._simple[data_type] = await _basis(source, data_type)

    def _add(self, data_type: ua.NodeId, definition: ua.StructureDefinition) -> None:
        if definition.StructureType not in _PLAIN:
            raise UnknownStructure(f"{data_type.to_string()} is a {definition.StructureType.name}")
        fields = tuple(
            _Field(f.Name, f.DataType, f.ValueRank >= 1, bool(f.IsOptional)) for f in definition.Fields or ()
        )
        has_mask = definition.StructureType == ua.StructureType.StructureWithOptionalFields
        self._structures[data_type] = _Structure(definition.DefaultEncodingId, fields, has_mask)
        self._by_encoding[definition.DefaultEncodingId] = data_type

    # ---------------------------------------------------------------- encoding

    def encode(self, data_type: ua.NodeId, value: Fields) -> ua.ExtensionObject:
        """A structure ready to be sent. Names that the machine does not define are left out.

        Raises UnknownStructure, also for values that do not fit the definition.
        """
        try:
            structure = self._structures[data_type]
        except KeyError:
            raise UnknownStructure(data_type.to_string()) from None
        try:
            return ua.ExtensionObject(TypeId=structure.encoding, Body=self._body(structure, value))
        except _DAMAGE as error:
            raise UnknownStructure(f"{data_type.to_string()}: {error or type(error).__name__}") from error

    def _body(self, structure: _Structure, value: Mapping[str, Any]) -> bytes:
        parts = []
        if structure.has_mask:
            there = [value.get(f.name) is not None for f in structure.fields if f.is_optional]
            parts.append(
                ua_binary.Primitives.UInt32.pack(sum(1 << bit for bit, is_there in enumerate(there) if is_there))
            )
        for field in structure.fields:
            content = value.get(field.name)
            if content is None and field.is_optional and structure.has_mask:
                continue
            parts.append(self._packed(field, content))
        return b"".join(parts)

    def _packed(self, field: _Field, content: Any) -> bytes:
        pack = self._packer(field.data_type)
        if not field.is_array:
            return pack(content)
        if content is None:
            return ua_binary.Primitives.Int32.pack(-1)
        return ua_binary.Primitives.Int32.pack(len(content)) + b"".join(pack(one) for one in content)

    def _packer(self, data_type: ua.NodeId) -> Callable[[Any], bytes]:
        structure = self._structures.get(data_type)
        if structure is not None:
            return lambda content: self._body(structure, content or {})
        blank = _standard_class(data_type)
        if blank is not None:
            return lambda content: ua_binary.struct_to_binary(blank() if content is None else content)
        kind = self._kind(data_type)
        return lambda content: ua_binary.pack_uatype(kind, _blank(kind) if content is None else content)

    def _kind(self, data_type: ua.NodeId) -> ua.VariantType:
        kind = _built_in(data_type) or self._simple.get(data_type)
        if kind is None:
            raise UnknownStructure(data_type.to_string())
        return kind

    # ---------------------------------------------------------------- decoding

    def decode(self, value: Any) -> Fields:
        """What a structure says, by field name; optional fields that were not sent are None.

        Raises UnknownStructure, also for bytes that do not fit the definition.
        """
        if not isinstance(value, ua.ExtensionObject):  # somebody else's registry knew the type, or thought so
            value = from_raw(raw(value))
        structure = self._structures.get(self._by_encoding.get(value.TypeId, value.TypeId))
        if structure is None:
            raise UnknownStructure(f"a structure with encoding {value.TypeId.to_string()}")
        try:
            return self._unpacked(structure, Buffer(value.Body or b""))
        except _DAMAGE as error:
            raise UnknownStructure(f"{value.TypeId.to_string()}: {error or type(error).__name__}") from error

    def _unpacked(self, structure: _Structure, data: Buffer) -> Fields:
        mask = ua_binary.Primitives.UInt32.unpack(data) if structure.has_mask else ~0
        found: Fields = {}
        bit = 0
        for field in structure.fields:
            if field.is_optional and structure.has_mask:
                is_there, bit = mask >> bit & 1, bit + 1
                if not is_there:
                    found[field.name] = None
                    continue
            found[field.name] = self._content(field, data)
        return found

    def _content(self, field: _Field, data: Buffer) -> Any:
        unpack = self._unpacker(field.data_type)
        if not field.is_array:
            return unpack(data)
        length = ua_binary.Primitives.Int32.unpack(data)
        if length > MAX_LENGTH:
            raise ValueError(f"an array of {length}")
        return [unpack(data) for _ in range(max(0, length))]

    def _unpacker(self, data_type: ua.NodeId) -> Callable[[Buffer], Any]:
        structure = self._structures.get(data_type)
        if structure is not None:
            return lambda data: self._unpacked(structure, data)
        known = _standard_class(data_type)
        if known is not None:
            return lambda data: ua_binary.from_binary(known, data)
        kind = self._kind(data_type)
        return lambda data: ua_binary.unpack_uatype(kind, data)


def raw(value: Any) -> bytes:
    """A structure as it came over the wire, type and all; `from_raw` makes it a structure again.

    Raises UnknownStructure for what is none, or none that anybody can write.
    """
    try:
        return ua_binary.extensionobject_to_binary(value)
    except _DAMAGE as error:
        raise UnknownStructure(f"not a structure: {type(value).__name__}") from error


def from_raw(sent: bytes) -> ua.ExtensionObject:
    """The structure of `raw`, whatever the process's registry believes of its type."""
    data = Buffer(sent)
    type_id = ua_binary.nodeid_from_binary(data)
    has_body = data.read(1) != b"\x00"
    return ua.ExtensionObject(TypeId=type_id, Body=ua_binary.Primitives.Bytes.unpack(data) if has_body else b"")


def _built_in(data_type: ua.NodeId) -> ua.VariantType | None:
    if data_type.NamespaceIndex or not isinstance(data_type.Identifier, int):
        return None
    if data_type.Identifier in _ALSO:
        return _ALSO[data_type.Identifier]
    return ua.VariantType(data_type.Identifier) if 0 < data_type.Identifier <= _BUILT_IN_END else None


def _standard_class(data_type: ua.NodeId) -> Any | None:
    """The class of a structure of namespace 0 (RelativePath, EUInformation …); their numbers are fixed."""
    if data_type.NamespaceIndex or _built_in(data_type) is not None:
        return None
    found = getattr(ua, ua.ObjectIdNames.get(data_type.Identifier, ""), None)
    return found if isinstance(found, type) and is_dataclass(found) else None


def _blank(kind: ua.VariantType) -> Any:
    """What stands for "nothing" where a field must be sent."""
    if kind.value <= ua.VariantType.Double.value:
        return 0
    known = {ua.VariantType.Variant: ua.Variant, ua.VariantType.LocalizedText: ua.LocalizedText}
    known |= {ua.VariantType.NodeId: ua.NodeId, ua.VariantType.QualifiedName: ua.QualifiedName}
    known |= {ua.VariantType.DateTime: lambda: datetime(1601, 1, 1), ua.VariantType.Guid: lambda: uuid.UUID(int=0)}  # noqa: DTZ001
    return known[kind]() if kind in known else None


async def _basis(source: TypeSource, data_type: ua.NodeId) -> ua.VariantType:
    """The built-in type that a simple type or an enumeration is made of."""
    above: ua.NodeId | None = data_type
    for _ in range(MAX_ROUNDS):
        above = await source.supertype(above)
        if above is None or above == ua.NodeId(_STRUCTURE):
            break
        kind = _built_in(above)
        if kind is not None:
            return kind
    raise UnknownStructure(f"the machine's server does not describe {data_type.to_string()}")
