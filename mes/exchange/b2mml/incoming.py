"""Elements as the specs the verbs take. Pure; `b2mml-value-unusable` names the element that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
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
from mes.equipment.queries import EquipmentView
from mes.equipment.types import EquipmentSpec
from mes.exchange.b2mml.errors import B2mmlNotSupported, B2mmlValueUnusable
from mes.exchange.b2mml.types import (
    CONVERSION_PROPERTY,
    SHOWN_MAX,
    UNIT_PROPERTY,
    Asked,
    Item,
    JobWanted,
    OrderWanted,
    Product,
)
from mes.materials.errors import LotOnHold
from mes.materials.queries import MaterialLotView, MaterialView
from mes.materials.rules import conversion
from mes.materials.types import LotSpec, MaterialSpec, UnitConversion
from mes.personnel.types import PersonView, Qualification
from standards.isa95.b2mml import Document, Element, Remark
from standards.isa95.b2mml.reading import REMARKS_MAX
from standards.isa95.b2mml.values import instant, number, seconds
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.material import Disposition, MaterialUse
from standards.isa95.quantity import from_e6, to_e6

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_ORDER_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}")
TEXT_MAX: Final = 500
UNIT_MAX: Final = 20
NAME_MAX: Final = 200
PRIORITY_MAX: Final = 100
JOBS_MAX: Final = 500
PRODUCED: Final = frozenset({"Produced", "Material Produced"})

PARTS: Final = {
    "MaterialInformation": ("MaterialDefinition", "MaterialLot"),
    "EquipmentInformation": ("Equipment",),
    "PersonnelInformation": ("PersonnelClass", "Person"),
    "OperationsDefinitionInformation": ("OperationsDefinition",),
    "OperationsSchedule": ("OperationsRequest",),
    "WorkSchedule": ("WorkRequest",),
}
"""Objects that only hold others, and which of them are taken, in the order in which they are."""

SINGLE: Final = frozenset(
    {"MaterialDefinition", "MaterialLot", "Equipment", "Person", "PersonnelClass", "OperationsDefinition"}
)
"""Objects that are taken as they stand in the document."""

USED: Final = {
    name: frozenset(words.split())
    for name, words in {
        **{name: " ".join(("ID", *parts)) for name, parts in PARTS.items()},
        "MaterialDefinition": "ID Description MaterialDefinitionProperty",
        "MaterialLot": "ID MaterialDefinitionID Disposition Quantity",
        "Equipment": "ID Description HierarchyScope EquipmentLevel EquipmentChild",
        "EquipmentChild": "ID Description HierarchyScope EquipmentLevel EquipmentChild",
        "Person": "ID PersonName PersonnelClassID",
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
    if element.name == "MaterialDefinitionProperty" and element.value("ID") not in (UNIT_PROPERTY, CONVERSION_PROPERTY):
        yield Remark(element.line, "element-ignored", f"{path} {element.value('ID')[:100]!r} is not kept")
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


def unusable(what: str) -> B2mmlValueUnusable:
    return B2mmlValueUnusable(what)


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if pattern.fullmatch(text) is None:
        raise unusable(f"{what} {text[:100]!r} cannot be an id here: letters, digits and . _ : -, at most 100.")
    return text


def _id(element: Element, *path: str) -> str:
    return _checked(_ID, element.value(*path), "/".join(path))


def _text(element: Element, name: str, longest: int = TEXT_MAX) -> str | None:
    """The first of its texts of a name; None where it has none."""
    found = element.first(name)
    if found is None:
        return None
    if len(found.text) > longest:
        raise unusable(f"{name} is longer than {longest} characters.")
    return found.text.strip()


def _label(element: Element) -> str | None:
    text = element.value("Version")
    if not text:
        return None
    if _LABEL.fullmatch(text) is None:
        raise unusable(f"Version {text[:100]!r} cannot be a version here: letters, digits and . _ -, at most 20.")
    return text


def _time(element: Element, name: str) -> datetime | None:
    return instant(element.value(name)) if element.value(name) else None


def _amount(text: str, what: str) -> Decimal:
    found = number(text)
    if found is None:
        raise unusable(f"{what} {text[:100]!r} is no decimal number.")
    return _exact(found, f"{what} {text[:100]!r}:")


def _exact(value: Decimal, what: str) -> Decimal:
    try:
        return from_e6(to_e6(value))
    except ValueError as error:
        raise unusable(f"{what} {error}.") from error


def _unit(text: str, what: str) -> str:
    if not 0 < len(text) <= UNIT_MAX:
        raise unusable(f"{what} has 1 to {UNIT_MAX} characters.")
    return text


def _quantity(element: Element) -> tuple[Decimal, str | None] | None:
    """Its first quantity and the unit of that."""
    found = element.first("Quantity")
    if found is None:
        return None
    unit = found.value("UnitOfMeasure")
    return _amount(found.value("QuantityString"), "QuantityString"), _unit(unit, "UnitOfMeasure") if unit else None


# --- master data


def material_spec(item: Item, known: MaterialView | None) -> MaterialSpec:
    """What the document does not say stays as it is known."""
    description = _text(item.element, "Description")
    properties = item.element.all("MaterialDefinitionProperty")
    units = [p.value("Value", "ValueString").strip() for p in properties if p.value("ID") == UNIT_PROPERTY]
    unit = units[0] if units else known.unit if known else ""
    if not unit:
        raise unusable(f"A new material needs the MaterialDefinitionProperty {UNIT_PROPERTY} with its unit.")
    conversions = tuple(_conversion(p) for p in properties if p.value("ID") == CONVERSION_PROPERTY)
    return MaterialSpec(
        _id(item.element, "ID"),
        _unit(unit, UNIT_PROPERTY),
        description if description is not None else known.description if known else "",
        conversions or (known.conversions if known else ()),
    )


def _conversion(element: Element) -> UnitConversion:
    return conversion(
        _unit(element.value("Value", "UnitOfMeasure"), "UnitOfMeasure"), element.value("Value", "ValueString")
    )


def lot_spec(item: Item, known: MaterialLotView | None, unit: str) -> LotSpec:
    """`unit` is the material's. `lot-on-hold`: a document does not lift a hold, people do."""
    word = item.element.value("Disposition")
    if word == "Other":
        raise unusable("Disposition Other says nothing here.")
    disposition = Disposition(word) if word else known.disposition if known else Disposition.UnRestricted
    on_hold = known is not None and known.disposition is Disposition.Restricted
    if on_hold and disposition not in (Disposition.Restricted, Disposition.Closed):
        raise LotOnHold(f"{item.id} is on hold; a document does not lift it.")
    stated = _quantity(item.element)
    quantity, stated_unit = stated or (known.quantity if known else Decimal(0), None)
    material = item.element.value("MaterialDefinitionID") or (known.material_id if known else "")
    if not material:
        raise unusable("A new lot needs a MaterialDefinitionID.")
    return LotSpec(
        _id(item.element, "ID"),
        _checked(_ID, material, "MaterialDefinitionID"),
        quantity,
        stated_unit or (known.unit if known else unit),
        disposition,
    )


def equipment_spec(item: Item, known: EquipmentView | None) -> EquipmentSpec:
    """Its place is the equipment it is nested in, else its HierarchyScope, else what is known."""
    level = item.element.value("EquipmentLevel") or (known.level if known else "")
    if level not in EquipmentLevel.__members__:
        raise unusable(f"EquipmentLevel {level!r} is no level of the hierarchy.")
    parent = item.parent_id or item.element.value("HierarchyScope", "EquipmentID") or (known.parent_id if known else "")
    description = _text(item.element, "Description")
    return EquipmentSpec(
        _id(item.element, "ID"),
        EquipmentLevel(level),
        _checked(_ID, parent, "HierarchyScope/EquipmentID") if parent else None,
        description if description is not None else known.description if known else "",
        known.confirmation if known else None,
        known.nominal_cycle_s if known else None,
    )


def class_description(item: Item, known: str) -> str:
    """Of a personnel class."""
    described = _text(item.element, "Description")
    return known if described is None else described


def person_name(item: Item, known: PersonView | None) -> str:
    """Its PersonName; of somebody new without one the id."""
    return _text(item.element, "PersonName", NAME_MAX) or (known.name if known else item.id)


def qualifications(item: Item, known: PersonView | None) -> tuple[Qualification, ...]:
    """The classes named; one the person has already keeps its dates. None named: what is known."""
    named = list(dict.fromkeys(item.element.values("PersonnelClassID")))
    held = known.qualifications if known else ()
    if not named:
        return held
    kept = [q for q in held if q.personnel_class_id in named]
    have = {q.personnel_class_id for q in kept}
    return (*kept, *(Qualification(_checked(_ID, name, "PersonnelClassID")) for name in named if name not in have))


# --- routings


def definition_spec(item: Item) -> DefinitionSpec:
    """A routing; what is made is the material its segments produce."""
    segments = item.element.all("OperationsSegment")
    if len(segments) > JOBS_MAX:
        raise unusable(f"A routing has at most {JOBS_MAX} OperationsSegments.")
    products = {p.value("MaterialDefinitionID") for s in segments for p in _produced(s, "MaterialSpecification")}
    if len(products) != 1:
        raise unusable("The segments must name one material with MaterialUse Produced, the same in each.")
    return DefinitionSpec(
        definition_id=_id(item.element, "ID"),
        material_id=_checked(_ID, products.pop(), "MaterialDefinitionID"),
        segments=tuple(_segment(segment) for segment in segments),
        version_label=_label(item.element),
        description=_text(item.element, "Description") or "",
        state=DefinitionState.Released,
        effectivity=Effectivity(_time(item.element, "EffectiveStartDate"), _time(item.element, "EffectiveEndDate")),
    )


def _produced(element: Element, name: str) -> tuple[Element, ...]:
    return tuple(found for found in element.all(name) if found.value("MaterialUse") in PRODUCED)


def _segment(element: Element) -> SegmentSpec:
    produced = _produced(element, "MaterialSpecification")
    per_cycle = next((found[0] for p in produced if (found := _quantity(p)) is not None), Decimal(1))
    if per_cycle <= 0:
        raise unusable(f"Segment {element.value('ID')[:100]!r} produces nothing.")
    places = [place for s in element.all("EquipmentSpecification") for place in s.values("EquipmentID")]
    if not places or not element.values("WorkMasterSourceID"):
        raise unusable(f"Segment {element.value('ID')[:100]!r} needs a WorkMasterSourceID and an EquipmentID.")
    return SegmentSpec(
        segment_id=_id(element, "ID"),
        work_master_id=_id(element, "WorkMasterSourceID"),
        equipment_id=_checked(_ID, places[0], "EquipmentID"),
        quantity_per_cycle=per_cycle,
        description=_text(element, "Description") or "",
        nominal_cycle_s=_cycle(element),
        after=tuple(_dependency(found) for found in element.all("SegmentDependency")),
        materials=tuple(_consumed(element, per_cycle)),
        alternatives=tuple(_checked(_ID, place, "EquipmentID") for place in places[1:]),
        parameters={_parameter(p): p.value("Value", "ValueString") for p in element.all("ParameterSpecification")},
        personnel_class_ids=tuple(
            _checked(_ID, name, "PersonnelClassID")
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
    return SegmentDependency(_id(element, "SegmentID"), DependencyKind(kind))


def _consumed(segment: Element, per_cycle: Decimal) -> Iterator[MaterialSpecification]:
    """A segment's quantities are those of one cycle; ours are those of one piece."""
    for found in segment.all("MaterialSpecification"):
        if found in _produced(segment, "MaterialSpecification"):
            continue
        use, stated = found.value("MaterialUse"), _quantity(found)
        if use not in set(MaterialUse) or stated is None:
            raise unusable(f"MaterialSpecification {found.value('ID')[:100]!r} needs a Quantity and a use we know.")
        quantity = stated[0] / per_cycle
        what = f"{stated[0]} for {per_cycle} pieces, for one:"
        yield MaterialSpecification(_id(found, "MaterialDefinitionID"), MaterialUse(use), _exact(quantity, what))


# --- orders


def order_wanted(item: Item) -> OrderWanted:
    """Of an OperationsRequest."""
    segments = item.element.all("SegmentRequirement")
    own = item.element.value("OperationsDefinitionID")
    definition = own or next((found for s in segments if (found := s.value("OperationsDefinitionID"))), "")
    ends = [end for s in segments if (end := _time(s, "LatestEndTime")) is not None]
    return OrderWanted(
        order_id=_checked(_ORDER_ID, item.id, "ID"),
        version=_label(item.element),
        product=_product(_requirements(segments)),
        definition_id=_checked(_ID, definition, "OperationsDefinitionID") if definition else None,
        description=_text(item.element, "Description") or "",
        priority=_priority(item.element),
        due_at=_time(item.element, "EndTime") or max(ends, default=None),
    )


def work_wanted(item: Item) -> tuple[OrderWanted, tuple[JobWanted, ...]]:
    """Of a WorkRequest, with the jobs it asks for."""
    jobs = item.element.all("JobOrder")
    if len(jobs) > JOBS_MAX:
        raise unusable(f"A WorkRequest has at most {JOBS_MAX} JobOrders.")
    wanted = OrderWanted(
        order_id=order_id_of(item),
        version=_label(item.element),
        product=_product(_requirements(jobs)),
        definition_id=None,
        description=_text(item.element, "Description") or "",
        priority=_priority(item.element),
        due_at=_time(item.element, "EndTime"),
    )
    return wanted, tuple(JobWanted(job.value("WorkMasterID"), _place(job)) for job in jobs)


def order_id_of(item: Item) -> str:
    """The order an OperationsRequest is, or a WorkRequest belongs to."""
    return _checked(_ORDER_ID, item.element.value("OperationsRequestID") or item.id, "ID")


def _place(job: Element) -> str:
    return next((place for r in job.all("EquipmentRequirement") for place in r.values("EquipmentID")), "")


def _requirements(elements: Iterable[Element]) -> Iterator[Element]:
    for element in elements:
        for found in element.walk():
            if found.name == "MaterialRequirement" and found.value("MaterialUse") in PRODUCED:
                yield found


def _product(requirements: Iterable[Element]) -> Product:
    """The one thing all of them say is to be made."""
    found = set()
    for element in requirements:
        stated = _quantity(element)
        if stated is None:
            raise unusable("The MaterialRequirement that is Produced needs a Quantity.")
        found.add(Product(_id(element, "MaterialDefinitionID"), *stated))
    if len(found) != 1:
        raise unusable("An order needs one MaterialRequirement with MaterialUse Produced; more must say the same.")
    return found.pop()


def _priority(element: Element) -> int | None:
    if not element.value("Priority"):
        return None
    found = number(element.value("Priority"))
    if found is None or found != int(found) or not 0 <= found <= PRIORITY_MAX:
        raise unusable(f"Priority must be a whole number from 0 to {PRIORITY_MAX}; higher goes first.")
    return int(found)


# --- questions


def asked_of(document: Document) -> Asked:
    """What a Get looks for: ids of its objects, and `after:` and `limit:` among its expressions."""
    ids = tuple(dict.fromkeys(found for element in document.objects if (found := element.value("ID"))))
    if len(ids) > SHOWN_MAX:
        raise unusable(f"A Get names at most {SHOWN_MAX} ids.")
    after, limit = None, SHOWN_MAX
    for expression in document.verb.values("Expression"):
        key, _, value = expression.partition(":")
        if key == "after" and value:
            after = value
        elif key == "limit" and value.isascii() and value.isdigit() and 1 <= int(value[:6]) <= SHOWN_MAX:
            limit = int(value)
        else:
            raise unusable(f"Expression {expression[:100]!r} is neither after:… nor limit: with 1 to {SHOWN_MAX}.")
    return Asked(ids, after, limit)
