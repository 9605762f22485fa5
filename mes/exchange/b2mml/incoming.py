"""The objects of a document, and what of them is taken over. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mes.exchange.b2mml.errors import B2mmlNotSupported
from mes.exchange.b2mml.types import PRODUCED, Item
from standards.isa95.b2mml import Document, Element, Remark
from standards.isa95.b2mml.reading import REMARKS_MAX

PARTS: Final = {
    "MaterialInformation": ("MaterialClass", "MaterialDefinition", "MaterialLot"),
    "EquipmentInformation": ("Equipment", "EquipmentClass"),
    "PersonnelInformation": ("PersonnelClass", "Person"),
    "OperationsDefinitionInformation": ("OperationsDefinition",),
    "OperationsSchedule": ("OperationsRequest",),
    "WorkSchedule": ("WorkRequest",),
}
"""Objects that only hold others, and which of them are taken, in the order in which they are."""

SINGLE: Final = frozenset(
    {
        *("MaterialClass", "MaterialDefinition", "MaterialLot", "EquipmentClass", "Equipment"),
        *("PersonnelClass", "Person", "OperationsDefinition"),
    }
)
"""Objects that are taken as they stand in the document."""

PROPERTIES: Final = {
    "MaterialClass": "MaterialClassProperty",
    "MaterialDefinition": "MaterialDefinitionProperty",
    "EquipmentClass": "EquipmentClassProperty",
    "Equipment": "EquipmentProperty",
    "MaterialLot": "MaterialLotProperty",
    "Person": "PersonProperty",
}
"""What holds properties, and what one is called there."""

USED: Final = {
    name: frozenset(words.split())
    for name, words in {
        **{name: " ".join(("ID", *parts)) for name, parts in PARTS.items()},
        "MaterialClass": "ID Description MaterialClassProperty",
        "MaterialDefinition": "ID Description MaterialDefinitionProperty MaterialClassID",
        "MaterialLot": "ID MaterialDefinitionID Disposition MaterialLotProperty Quantity",
        "EquipmentClass": "ID Description EquipmentClassProperty",
        "Equipment": "ID Description HierarchyScope EquipmentLevel EquipmentProperty EquipmentChild EquipmentClassID",
        "EquipmentChild": "ID Description HierarchyScope EquipmentLevel EquipmentProperty EquipmentChild "
        "EquipmentClassID",
        **dict.fromkeys(PROPERTIES.values(), "ID Description Value"),
        "Person": "ID PersonName PersonProperty PersonnelClassID",
        "PersonnelClass": "ID Description",
        "OperationsDefinition": "ID Description Version EffectiveStartDate EffectiveEndDate OperationsSegment",
        "OperationsSegment": "ID Description Duration WorkMasterSourceID ParameterSpecification PersonnelSpecification "
        "EquipmentSpecification MaterialSpecification SegmentDependency",
        "ParameterSpecification": "ID Value",
        "PersonnelSpecification": "ID PersonnelClassID",
        "EquipmentSpecification": "ID EquipmentID",
        "MaterialSpecification": "ID MaterialDefinitionID MaterialUse Quantity",
        "SegmentDependency": "ID Dependency SegmentID",
        "OperationsRequest": "ID Description Version EndTime Priority RequestState OperationsDefinitionID "
        "SegmentRequirement",
        "SegmentRequirement": "ID ProcessSegmentID OperationsDefinitionID OperationsSegmentID LatestEndTime "
        "MaterialRequirement SegmentRequirementChild",
        "SegmentRequirementChild": "ID ProcessSegmentID OperationsDefinitionID OperationsSegmentID "
        "MaterialRequirement SegmentRequirementChild",
        "WorkRequest": "ID Description Version EndTime Priority OperationsRequestID RequestState JobOrder",
        "JobOrder": "ID WorkMasterID EquipmentRequirement MaterialRequirement",
        "EquipmentRequirement": "ID EquipmentID",
        "MaterialRequirement": "ID MaterialDefinitionID MaterialUse Quantity",
    }.items()
}
"""What is taken over of an element. Everything else in it is passed over, and said so."""


def items_of(document: Document) -> list[Item]:
    """The objects of a document, each with its place. `b2mml-not-supported` for a noun that is not taken."""
    if document.noun not in PARTS and document.noun not in SINGLE:
        raise B2mmlNotSupported(f"{document.root} is not taken; documents of {document.noun} are only given.")
    found: list[Item] = []
    for place, element in enumerate(document.objects, start=1):
        path = f"{document.noun}[{place}]"
        if document.noun in PARTS:
            found += _parts(document.noun, element, path)
        else:
            found += _with_children(Item(document.noun, path, element))
    return found


def _parts(noun: str, element: Element, path: str) -> Iterator[Item]:
    for kind in PARTS[noun]:
        for place, part in enumerate(element.all(kind), start=1):
            yield from _with_children(Item(kind, f"{path}/{kind}[{place}]", part))


def _with_children(item: Item) -> Iterator[Item]:
    """Nested equipment is as many objects."""
    yield item
    for place, child in enumerate(item.element.all("EquipmentChild"), start=1):
        yield from _with_children(Item("Equipment", f"{item.path}/EquipmentChild[{place}]", child, item.id))


def passed_over(document: Document) -> tuple[Remark, ...]:
    """What of its objects is not taken over, each kind of it once, the first `REMARKS_MAX` of them.

    A Cancel takes nothing over but ids.
    """
    if document.verb.name == "Cancel":
        return ()
    found: dict[str, Remark] = {}
    for element in document.objects:
        for remark in _unused(element, document.noun):
            found.setdefault(remark.message, remark)
    return tuple(found.values())[:REMARKS_MAX]


def _unused(element: Element, path: str) -> Iterator[Remark]:
    if element.name in PROPERTIES.values() and len(element.all("Value")) > 1:
        yield Remark(element.line, "element-ignored", f"{path}/Value but for the first is not kept")
    if element.name == "MaterialRequirement" and element.value("MaterialUse") not in PRODUCED:
        yield Remark(element.line, "element-ignored", f"{path} that is not Produced: the routing says what is used")
    if element.name == "MaterialLot" and element.first("Quantity") is None:
        message = f"{path} has no Quantity: what is known stays, a new lot has none"
        yield Remark(element.line, "quantity-missing", message)
    used = USED.get(element.name)
    for child in element.children:
        if used is not None and child.name not in used:
            yield Remark(child.line, "element-ignored", f"{path}/{child.name} is not kept")
        else:
            yield from _unused(child, f"{path}/{child.name}")
