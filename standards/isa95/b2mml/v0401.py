"""Documents of B2MML V0401 (ISA-95 of 2000) as if they were of 7.01: material, lot and production schedule.

Derived by us from both schemas; no standard says how. Each kind of change is remarked once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from standards.isa95.b2mml.types import Element, Remark, leaf

RENAMED: Final = {
    "ProductionSchedule": "OperationsSchedule",
    "ProductionRequest": "OperationsRequest",
    "ProductProductionRuleID": "OperationsDefinitionID",
    "ProductSegmentID": "OperationsSegmentID",
    "ProductionParameter": "SegmentParameter",
    "MaterialSublotProperty": "MaterialLotProperty",
    "MaterialProducedRequirement": "MaterialRequirement",
    "MaterialConsumedRequirement": "MaterialRequirement",
    "ConsumableExpectedRequirement": "MaterialRequirement",
}
"""What has another name today."""

USES: Final = {
    "MaterialProducedRequirement": "Produced",
    "MaterialConsumedRequirement": "Consumed",
    "ConsumableExpectedRequirement": "Consumable",
}
"""Requirements whose name said what `MaterialUse` says today."""


def root_of(name: str) -> str:
    """The name of a document's root in 7.01."""
    return name.replace("ProductionSchedule", "OperationsSchedule")


def translated(root: Element, remarks: list[Remark]) -> Element:
    """The document in words and places of 7.01; what it has no place for stays, for the reader to remark."""
    told: dict[str, Remark] = {}
    done = _translated(root, told)
    remarks.extend(told.values())
    return done


def _translated(source: Element, told: dict[str, Remark]) -> Element:
    children: Iterable[Element] = (_translated(_placed(child, source, told), told) for child in source.children)
    if source.name == "MaterialInformation":
        children = (_of_material(child, source.value("ID"), told) for child in children)
    return Element(source.name, source.text, tuple(children), source.attributes, source.line)


def _placed(child: Element, parent: Element, told: dict[str, Remark]) -> Element:
    """One child under its name of today, and with the content of today."""
    name, children = RENAMED.get(child.name, child.name), child.children
    if child.name == "SegmentRequirement" and parent.name.startswith("SegmentRequirement"):
        name = "SegmentRequirementChild"
    elif child.name == "Location" and child.first("EquipmentID") is not None:
        name = "HierarchyScope"
    elif child.name == "ProductionParameter" and (parameter := child.first("Parameter")) is not None:
        children = parameter.children
    elif child.name in USES and child.first("MaterialUse") is None:
        children = (*children, leaf("MaterialUse", USES[child.name]))
    elif child.name == "StorageLocation" and not children:
        children = (leaf("Location", child.text.strip()), leaf("LocationType", "Description"))
    if name != child.name:
        _remark(told, child.line, "v0401-renamed", f"{child.name} is read as {name}")
    return Element(name, child.text, children, child.attributes, child.line)


def _of_material(child: Element, material_id: str, told: dict[str, Remark]) -> Element:
    """A lot that names no material is of the one whose information this is."""
    material_id = material_id.strip()
    if child.name != "MaterialLot" or not material_id or child.value("MaterialDefinitionID").strip():
        return child
    message = f"MaterialLot without MaterialDefinitionID is of {material_id[:100]}, by MaterialInformation/ID"
    _remark(told, child.line, "material-assumed", message)
    others = tuple(found for found in child.children if found.name != "MaterialDefinitionID")
    return Element(child.name, child.text, (*others, leaf("MaterialDefinitionID", material_id)), line=child.line)


def _remark(told: dict[str, Remark], line: int, code: str, message: str) -> None:
    told.setdefault(message, Remark(line, code, message))
