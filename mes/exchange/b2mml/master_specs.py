"""Materials, lots, equipment and people as the specs the verbs take. What a document does not say stays as it is."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Final

from mes.equipment.queries import EquipmentView
from mes.equipment.types import EquipmentSpec
from mes.exchange.b2mml.incoming import PROPERTIES
from mes.exchange.b2mml.types import Item
from mes.exchange.b2mml.values import ID_PATTERN, bounded, checked, id_of, quantity_of, text_of, unit_of, unusable
from mes.kernel.classes import CLASSES_MAX, ClassSpec
from mes.kernel.properties import PROPERTIES_MAX, PROPERTY_ID_MAX, PROPERTY_TEXT_MAX, Property
from mes.materials.queries import MaterialLotView, MaterialView
from mes.materials.rules import check_told_disposition, conversion
from mes.materials.types import (
    CONVERSION_PROPERTY,
    UNIT_PROPERTIES,
    UNIT_PROPERTY,
    LotSpec,
    MaterialSpec,
    UnitConversion,
)
from mes.personnel.rules import named_qualifications
from mes.personnel.types import PersonView, Qualification
from standards.isa95.b2mml import Element
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.material import Disposition

NAME_MAX: Final = 200
CONVERSIONS_MAX: Final = 50


def material_spec(item: Item, known: MaterialView | None) -> MaterialSpec:
    """What the document does not say stays as it is known."""
    description = text_of(item.element, "Description")
    properties = item.element.all("MaterialDefinitionProperty")
    units = [p.value("Value", "ValueString").strip() for p in properties if p.value("ID") == UNIT_PROPERTY]
    unit = units[0] if units else known.unit if known else ""
    if not unit:
        raise unusable(f"A new material needs the MaterialDefinitionProperty {UNIT_PROPERTY} with its unit.")
    conversions = tuple(_conversion(p) for p in properties if p.value("ID") == CONVERSION_PROPERTY)
    bounded(conversions, CONVERSIONS_MAX, CONVERSION_PROPERTY)
    return MaterialSpec(
        id_of(item.element, "ID"),
        unit_of(unit, UNIT_PROPERTY),
        description if description is not None else known.description if known else "",
        conversions or (known.conversions if known else ()),
        _classes(item, "MaterialClassID"),
        properties_of(item, but=UNIT_PROPERTIES),
    )


def _classes(item: Item, name: str) -> tuple[str, ...] | None:
    """The classes a document names; None where it names none: what is known stays."""
    named = tuple(dict.fromkeys(item.element.values(name)))
    bounded(named, CLASSES_MAX, name)
    return tuple(checked(ID_PATTERN, one, name) for one in named) or None


def properties_of(item: Item, but: Collection[str] = ()) -> tuple[Property, ...] | None:
    """The properties a document states; None where it states none: what is known stays."""
    name = PROPERTIES[item.kind]
    stated = [one for one in item.element.all(name) if one.value("ID") not in but]
    bounded(stated, PROPERTIES_MAX, name)
    found = {one.value("ID"): _property(one) for one in stated}
    if len(found) < len(stated):
        raise unusable(f"A {name} stands twice.")
    return tuple(found.values()) or None


def _property(element: Element) -> Property:
    name, value = element.value("ID"), element.value("Value", "ValueString").strip()
    if not 0 < len(name) <= PROPERTY_ID_MAX or len(value) > PROPERTY_TEXT_MAX:
        raise unusable(
            f"{element.name} {name[:100]!r}: its ID has 1 to {PROPERTY_ID_MAX} characters, "
            f"its value up to {PROPERTY_TEXT_MAX}."
        )
    unit = element.value("Value", "UnitOfMeasure")
    return Property(name, text_of(element, "Description") or "", value, unit_of(unit, "UnitOfMeasure") if unit else "")


def _conversion(element: Element) -> UnitConversion:
    return conversion(
        unit_of(element.value("Value", "UnitOfMeasure"), "UnitOfMeasure"), element.value("Value", "ValueString")
    )


def lot_spec(item: Item, known: MaterialLotView | None, unit: str) -> LotSpec:
    """`unit` is the material's. `lot-on-hold`: a document does not lift a hold, people do."""
    word = item.element.value("Disposition")
    if word == "Other":
        raise unusable("Disposition Other says nothing here.")
    disposition = Disposition(word) if word else known.disposition if known else Disposition.UnRestricted
    check_told_disposition(item.id, known.disposition if known else None, disposition)
    stated = quantity_of(item.element)
    quantity, stated_unit = stated or (known.quantity if known else Decimal(0), None)
    material = item.element.value("MaterialDefinitionID") or (known.material_id if known else "")
    if not material:
        raise unusable("A new lot needs a MaterialDefinitionID.")
    return LotSpec(
        id_of(item.element, "ID"),
        checked(ID_PATTERN, material, "MaterialDefinitionID"),
        quantity,
        stated_unit or (known.unit if known else unit),
        disposition,
        properties_of(item),
    )


def equipment_spec(item: Item, known: EquipmentView | None) -> EquipmentSpec:
    """Its place is the equipment it is nested in, else its HierarchyScope, else what is known."""
    level = item.element.value("EquipmentLevel") or (known.level if known else "")
    if level not in EquipmentLevel.__members__:
        raise unusable(f"EquipmentLevel {level!r} is no level of the hierarchy.")
    parent = item.parent_id or item.element.value("HierarchyScope", "EquipmentID") or (known.parent_id if known else "")
    description = text_of(item.element, "Description")
    return EquipmentSpec(
        id_of(item.element, "ID"),
        EquipmentLevel(level),
        checked(ID_PATTERN, parent, "HierarchyScope/EquipmentID") if parent else None,
        description if description is not None else known.description if known else "",
        known.confirmation if known else None,
        known.nominal_cycle_s if known else None,
        _classes(item, "EquipmentClassID"),
        properties_of(item),
    )


def class_spec(item: Item, known: str) -> ClassSpec:
    """Of a class of materials or equipment, whose description is known."""
    return ClassSpec(id_of(item.element, "ID"), class_description(item, known), properties_of(item))


def class_description(item: Item, known: str) -> str:
    """Of a class."""
    described = text_of(item.element, "Description")
    return known if described is None else described


def person_name(item: Item, known: PersonView | None) -> str:
    """Its PersonName; of somebody new without one the id."""
    return text_of(item.element, "PersonName", NAME_MAX) or (known.name if known else item.id)


def qualifications(item: Item, known: PersonView | None) -> tuple[Qualification, ...]:
    """The classes named; one the person has already keeps its dates. None named: what is known."""
    named = list(dict.fromkeys(item.element.values("PersonnelClassID")))
    held = known.qualifications if known else ()
    if not named:
        return held
    bounded(named, CLASSES_MAX, "PersonnelClassID")
    return named_qualifications(held, [checked(ID_PATTERN, name, "PersonnelClassID") for name in named])
