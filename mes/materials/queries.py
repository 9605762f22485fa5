"""Reads of the materials feature."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Select, select
from sqlmodel import Session

from mes.access.tables import Principal
from mes.kernel.classes import Belonging, ClassTables, ClassView
from mes.kernel.glance import ReadsRows
from mes.kernel.outbox import list_subject_events, newest_payloads
from mes.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, page_of
from mes.kernel.properties import InheritedProperty, Property, loaded
from mes.kernel.sqltypes import from_us
from mes.materials import rules
from mes.materials.errors import MaterialClassNotFound, MaterialLotNotFound, MaterialNotFound
from mes.materials.tables import (
    MaterialClass,
    MaterialClassMember,
    MaterialDefinition,
    MaterialLot,
    UnitConversionRow,
)
from mes.materials.types import DISPOSITION_CHANGED, UnitConversion
from standards.isa95.material import Disposition
from standards.isa95.quantity import from_e6, to_e6

_M: Final = MaterialDefinition.__table__  # type: ignore[attr-defined]
_C: Final = UnitConversionRow.__table__  # type: ignore[attr-defined]
_L: Final = MaterialLot.__table__  # type: ignore[attr-defined]
_A: Final = Principal.__table__  # type: ignore[attr-defined]
MATERIAL_CLASSES: Final = ClassTables(
    "materials",
    MaterialClass.__table__,  # type: ignore[attr-defined]
    MaterialClassMember.__table__,  # type: ignore[attr-defined]
    "material_pk",
)


@dataclass(frozen=True, slots=True)
class MaterialView:
    """A material, its units and its classes; conversions in order of unit, properties (its own) in that of id.

    `inherited`: what its classes say and it does not say otherwise.
    """

    pk: int
    material_id: str
    description: str
    unit: str
    conversions: tuple[UnitConversion, ...]
    version: int
    classes: tuple[str, ...] = ()
    properties: tuple[Property, ...] = ()
    inherited: tuple[InheritedProperty, ...] = ()


@dataclass(frozen=True, slots=True)
class LotHoldView:
    """`reason` is "" where master data or a document of an ERP held it, `who` where nobody is known."""

    reason: str
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MaterialLotView:
    """A lot. Whether it may be used is its `disposition`; properties (its own) in order of id."""

    pk: int
    lot_id: str
    material_id: str
    quantity: Decimal
    unit: str
    disposition: Disposition
    version: int
    properties: tuple[Property, ...] = ()


def list_materials(
    session: Session, *, material_class: str | None = None, cursor: str | None = None, limit: int = LIMIT_DEFAULT
) -> Page[MaterialView]:
    """Materials in order of id, all or those of a class."""
    limit = max(1, min(limit, LIMIT_MAX))
    statement = select(_M).order_by(_M.c.id).limit(limit + 1)
    if material_class is not None:
        statement = statement.where(_M.c.pk.in_(MATERIAL_CLASSES.members_of(material_class)))
    if cursor:
        statement = statement.where(_M.c.id > decode_cursor(cursor, [str])[0])
    return page_of(_material_views(session, statement), limit, lambda view: (view.material_id,))


def get_material(session: Session, *, material_id: str) -> MaterialView:
    """One material. `material-not-found`."""
    found = get_materials(session, [material_id])
    if not found:
        raise MaterialNotFound(f"There is no material {material_id!r}.")
    return found[material_id]


def get_materials(session: Session, ids: Iterable[str]) -> dict[str, MaterialView]:
    """The materials of some ids; others are absent from the answer."""
    views = _material_views(session, select(_M).where(_M.c.id.in_(set(ids))))
    return {view.material_id: view for view in views}


def _material_views(session: Session, statement: Select[Any]) -> list[MaterialView]:
    rows = session.execute(statement).all()
    pks = [row.pk for row in rows]
    conversions, classes = _conversions(session, pks), MATERIAL_CLASSES.of(session, pks)
    return [_material_view(row, conversions.get(row.pk, ()), classes.get(row.pk, Belonging())) for row in rows]


def _material_view(row: Any, conversions: tuple[UnitConversion, ...], belonging: Belonging) -> MaterialView:
    own = loaded(row.properties)
    return MaterialView(
        row.pk,
        row.id,
        row.description,
        row.unit,
        conversions,
        row.version,
        belonging.ids,
        own,
        belonging.inherited(own),
    )


def list_material_classes(
    session: Session, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT
) -> Page[ClassView]:
    """Material classes in order of id."""
    return MATERIAL_CLASSES.page(session, cursor=cursor, limit=limit)


def get_material_class(session: Session, *, material_class_id: str) -> ClassView:
    """One material class. `material-class-not-found`."""
    found = MATERIAL_CLASSES.get(session, [material_class_id])
    if not found:
        raise MaterialClassNotFound(f"There is no material class {material_class_id!r}.")
    return found[material_class_id]


def _conversions(session: Session, pks: Collection[int]) -> dict[int, tuple[UnitConversion, ...]]:
    found: dict[int, tuple[UnitConversion, ...]] = {}
    for r in session.execute(select(_C).where(_C.c.material_pk.in_(pks)).order_by(_C.c.unit)):
        found[r.material_pk] = (
            *found.get(r.material_pk, ()),
            UnitConversion(r.unit, r.numerator, r.denominator),
        )
    return found


def convert_quantity(session: Session, *, material_id: str, quantity: Decimal, from_unit: str, to_unit: str) -> Decimal:
    """A quantity of a material in another of its units, exactly.

    `material-not-found`, `unit-not-convertible`, `quantity-not-exact`.
    """
    material = get_material(session, material_id=material_id)
    result_e6 = rules.convert_e6(
        to_e6(quantity), from_unit, to_unit, base_unit=material.unit, conversions=material.conversions
    )
    return from_e6(result_e6)


def list_material_lots(
    session: Session,
    *,
    material_id: str | None = None,
    disposition: str | None = None,
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[MaterialLotView]:
    """Lots in order of id, filtered."""
    limit = max(1, min(limit, LIMIT_MAX))
    statement = _lot_select().order_by(_L.c.id).limit(limit + 1)
    if material_id is not None:
        statement = statement.where(_M.c.id == material_id)
    if disposition is not None:
        statement = statement.where(_L.c.disposition == disposition)
    if cursor:
        statement = statement.where(_L.c.id > decode_cursor(cursor, [str])[0])
    rows = [_lot_view(row) for row in session.execute(statement)]
    return page_of(rows, limit, lambda view: (view.lot_id,))


def get_material_lot(session: Session, *, lot_id: str) -> MaterialLotView:
    """One lot. `material-lot-not-found`."""
    row = session.execute(_lot_select().where(_L.c.id == lot_id)).first()
    if row is None:
        raise MaterialLotNotFound(f"There is no lot {lot_id!r}.")
    return _lot_view(row)


def find_lot_hold(session: Session, *, lot_id: str) -> LotHoldView | None:
    """Why a lot is on hold, by the newest word on it; None where it is not."""
    lot = get_material_lots(session, [lot_id]).get(lot_id)
    if lot is None or lot.disposition is not Disposition.Restricted:
        return None
    subjects = [f"material-lot/{lot_id}"]
    for event in list_subject_events(session, subjects=subjects, of_type=DISPOSITION_CHANGED, limit=1):
        who = session.execute(select(_A.c.display_name).where(_A.c.pk == event.actor)).scalar_one_or_none()
        return LotHoldView(event.payload["reason"], who or "", from_us(event.occurred_at_us))
    return None


def list_hold_reasons(reads: ReadsRows, *, lot_ids: Collection[str]) -> dict[str, str]:
    """Why each of many lots that are on hold is, by the newest word on it; "" where nobody said."""
    subjects = {f"material-lot/{lot_id}": lot_id for lot_id in lot_ids}
    said = newest_payloads(reads, of_type=DISPOSITION_CHANGED, subjects=subjects)
    return {lot_id: said[subject]["reason"] if subject in said else "" for subject, lot_id in subjects.items()}


def get_material_lots(session: Session, ids: Iterable[str]) -> dict[str, MaterialLotView]:
    """The lots of some ids; others are absent from the answer."""
    rows = session.execute(_lot_select().where(_L.c.id.in_(set(ids))))
    return {row.id: _lot_view(row) for row in rows}


def _lot_select() -> Select[Any]:
    return select(_L, _M.c.id.label("material_id")).join(_M, _M.c.pk == _L.c.material_pk)


def _lot_view(row: Any) -> MaterialLotView:
    return MaterialLotView(
        row.pk,
        row.id,
        row.material_id,
        row.quantity,
        row.unit,
        Disposition(row.disposition),
        row.version,
        loaded(row.properties or ()),
    )
