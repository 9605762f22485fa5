"""What is said of things beyond their columns, their own words and those of their classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mes.kernel.db import ReadSession
from mes.kernel.properties import InheritedProperty, Property
from mes.materials.queries import get_material, get_material_lot


@dataclass(frozen=True, slots=True)
class PropertyRow:
    """`class_id`: the class that says so, "" where the thing itself does."""

    id: str
    description: str
    value: str
    unit: str
    class_id: str


@dataclass(frozen=True, slots=True)
class Described:
    """A thing of a kind (`lot`, `material`, `equipment`) of which something is said; rows in order of id."""

    kind: str
    id: str
    rows: tuple[PropertyRow, ...]


def described(
    kind: str, id: str, own: Iterable[Property], inherited: Iterable[InheritedProperty] = ()
) -> tuple[Described, ...]:
    """The thing, or nothing where nothing is said of it."""
    rows = [_row(one) for one in own] + [_row(one.property, one.class_id) for one in inherited]
    return (Described(kind, id, tuple(sorted(rows, key=lambda row: row.id))),) if rows else ()


def _row(one: Property, class_id: str = "") -> PropertyRow:
    return PropertyRow(one.id, one.description, one.value, one.unit, class_id)


def described_lot(session: ReadSession, lot_id: str) -> tuple[Described, ...]:
    """A lot and its material. `material-lot-not-found`."""
    lot = get_material_lot(session, lot_id=lot_id)
    material = get_material(session, material_id=lot.material_id)
    of_material = described("material", material.material_id, material.properties, material.inherited)
    return (*described("lot", lot_id, lot.properties), *of_material)
