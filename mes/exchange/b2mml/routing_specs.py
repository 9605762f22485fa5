"""An OperationsDefinition as the spec of a routing."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from mes.definitions.types import (
    DefinitionSpec,
    DefinitionState,
    DependencyKind,
    Effectivity,
    MaterialSpecification,
    SegmentDependency,
    SegmentSpec,
)
from mes.exchange.b2mml.types import PRODUCED, Item
from mes.exchange.b2mml.values import (
    ID_PATTERN,
    STEPS_MAX,
    TEXT_MAX,
    bounded,
    checked,
    exact,
    id_of,
    label_of,
    quantity_of,
    text_of,
    time_of,
    unusable,
)
from standards.isa95.b2mml import Element
from standards.isa95.b2mml.values import seconds
from standards.isa95.material import MaterialUse

CHILDREN_MAX: Final = 2_000


def definition_spec(item: Item) -> DefinitionSpec:
    """A routing; what is made is the material its segments produce."""
    segments = item.element.all("OperationsSegment")
    bounded(segments, STEPS_MAX, "OperationsSegment")
    products = {p.value("MaterialDefinitionID") for s in segments for p in _produced(s, "MaterialSpecification")}
    if len(products) != 1:
        raise unusable("The segments must name one material with MaterialUse Produced, the same in each.")
    return DefinitionSpec(
        definition_id=id_of(item.element, "ID"),
        material_id=checked(ID_PATTERN, products.pop(), "MaterialDefinitionID"),
        segments=tuple(_segment(segment) for segment in segments),
        version_label=label_of(item.element),
        description=text_of(item.element, "Description") or "",
        state=DefinitionState.Released,
        effectivity=Effectivity(time_of(item.element, "EffectiveStartDate"), time_of(item.element, "EffectiveEndDate")),
    )


def _produced(element: Element, name: str) -> tuple[Element, ...]:
    return tuple(found for found in element.all(name) if found.value("MaterialUse") in PRODUCED)


def _segment(element: Element) -> SegmentSpec:
    bounded(element.children, CHILDREN_MAX, "an OperationsSegment's elements")
    produced = _produced(element, "MaterialSpecification")
    per_cycle = next((found[0] for p in produced if (found := quantity_of(p)) is not None), Decimal(1))
    if per_cycle <= 0:
        raise unusable(f"Segment {element.value('ID')[:100]!r} produces nothing.")
    places = [place for s in element.all("EquipmentSpecification") for place in s.values("EquipmentID")]
    if not places or not element.values("WorkMasterSourceID"):
        raise unusable(f"Segment {element.value('ID')[:100]!r} needs a WorkMasterSourceID and an EquipmentID.")
    return SegmentSpec(
        segment_id=id_of(element, "ID"),
        work_master_id=id_of(element, "WorkMasterSourceID"),
        equipment_id=checked(ID_PATTERN, places[0], "EquipmentID"),
        quantity_per_cycle=per_cycle,
        description=text_of(element, "Description") or "",
        nominal_cycle_s=_cycle(element),
        after=tuple(_dependency(found) for found in element.all("SegmentDependency")),
        materials=tuple(_consumed(element, per_cycle)),
        alternatives=tuple(checked(ID_PATTERN, place, "EquipmentID") for place in places[1:]),
        parameters={_parameter(p): p.value("Value", "ValueString") for p in element.all("ParameterSpecification")},
        personnel_class_ids=tuple(
            checked(ID_PATTERN, name, "PersonnelClassID")
            for s in element.all("PersonnelSpecification")
            for name in s.values("PersonnelClassID")
        ),
    )


def _parameter(element: Element) -> str:
    name = element.value("ID")
    if not 0 < len(name) <= 100 or len(element.value("Value", "ValueString")) > TEXT_MAX:
        raise unusable(f"Parameter {name[:100]!r}: an ID has 1 to 100 characters, a value at most {TEXT_MAX}.")
    return name


def _cycle(element: Element) -> Decimal | None:
    if not element.value("Duration"):
        return None
    found = seconds(element.value("Duration"))
    if found is None or not 0 < found <= 10**6:
        raise unusable("Duration must be of days, hours, minutes and seconds, and more than nothing (PT20S).")
    return found


def _dependency(element: Element) -> SegmentDependency:
    kind = element.value("Dependency")
    if kind not in DependencyKind.__members__ or not element.value("SegmentID"):
        raise unusable("A SegmentDependency needs a SegmentID and is AfterEnd or AfterStart.")
    return SegmentDependency(id_of(element, "SegmentID"), DependencyKind(kind))


def _consumed(segment: Element, per_cycle: Decimal) -> Iterator[MaterialSpecification]:
    """A segment's quantities are those of one cycle; ours are those of one piece."""
    for found in segment.all("MaterialSpecification"):
        if found.value("MaterialUse") in PRODUCED:
            continue
        use, stated = found.value("MaterialUse"), quantity_of(found)
        if use not in set(MaterialUse) or stated is None:
            raise unusable(f"MaterialSpecification {found.value('ID')[:100]!r} needs a Quantity and a use we know.")
        quantity = stated[0] / per_cycle
        what = f"{stated[0]} for {per_cycle} pieces, for one:"
        yield MaterialSpecification(id_of(found, "MaterialDefinitionID"), MaterialUse(use), exact(quantity, what))
