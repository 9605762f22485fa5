"""Reads of receiving: what a label means here, and what was received."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlmodel import Session

from mes.access.tables import Principal
from mes.equipment.queries import get_calendar
from mes.kernel.errors import FieldError
from mes.kernel.limits import ID_MAX
from mes.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, page_of
from mes.kernel.sqltypes import from_us, to_us
from mes.materials.life.queries import get_handlings
from mes.materials.life_rules import folded
from mes.materials.queries import get_materials
from mes.materials.receiving import rules
from mes.materials.receiving.errors import LabelUnreadable, ReceiptNotFound
from mes.materials.tables import (
    ApprovedPartRow,
    MaterialDefinition,
    MaterialHandling,
    MaterialLot,
    MaterialLotLife,
    MaterialReceipt,
)
from standards.labels.faults import LabelFault
from standards.labels.reading import Label, LabelFormat, read_label
from standards.labels.zpl import reel_label

_M: Final = MaterialDefinition.__table__  # type: ignore[attr-defined]
_H: Final = MaterialHandling.__table__  # type: ignore[attr-defined]
_L: Final = MaterialLot.__table__  # type: ignore[attr-defined]
_P: Final = ApprovedPartRow.__table__  # type: ignore[attr-defined]
_R: Final = MaterialReceipt.__table__  # type: ignore[attr-defined]
_A: Final = Principal.__table__  # type: ignore[attr-defined]
_F: Final = MaterialLotLife.__table__  # type: ignore[attr-defined]
CANDIDATES_MAX: Final = 20
SEEN_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A material that a label may mean. `approved`: the label's part may be received as it."""

    material_id: str
    description: str
    unit: str
    approved: bool
    part: str
    manufacturer: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a scan means here: a lot we have, or materials it may be, the approved ones first.

    `seen`: lots that came in under this very label, the latest first; reels of one lot may bear the same.
    """

    label: Label
    lot_id: str = ""
    candidates: tuple[Candidate, ...] = ()
    seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """How a lot came in, and how it is now."""

    lot_id: str
    material_id: str
    material_description: str
    quantity: Decimal
    unit: str
    supplier: str
    supplier_lot: str
    manufacturer: str
    part: str
    date_code: str
    msl: str
    expires_at_us: int | None
    approved: bool
    override_reason: str
    received_at: datetime
    received_by: str
    lot_pk: int


def propose_receipt(session: Session, *, text: str, now: datetime) -> Proposal:
    """What a scan means here. `label-unreadable`."""
    try:
        label = read_label(text, year=now.year)
    except LabelFault as fault:
        raise LabelUnreadable(fault.detail, errors=[FieldError("label", fault.detail, fault.code)]) from fault
    if label.format is LabelFormat.plain and _is_lot(session, label.text):
        return Proposal(label, label.text)
    return Proposal(label, "", _candidates(session, label), _seen(session, text))


def _seen(session: Session, text: str) -> tuple[str, ...]:
    key = rules.label_key(text)
    if not key:
        return ()
    same = select(_L.c.id).join(_R, _R.c.lot_pk == _L.c.pk).where(_R.c.label_key == key)
    return tuple(session.execute(same.order_by(_R.c.lot_pk.desc()).limit(SEEN_MAX)).scalars())


def _is_lot(session: Session, text: str) -> bool:
    return len(text) <= ID_MAX and session.execute(select(_L.c.pk).where(_L.c.id == text)).first() is not None


def _candidates(session: Session, label: Label) -> tuple[Candidate, ...]:
    named, listed = _named(session, label), _listed(session, label)
    ids = list(dict.fromkeys([*named, *listed]))[:CANDIDATES_MAX]
    materials, handlings = get_materials(session, ids), get_handlings(session, ids)
    found = []
    for material_id in ids:
        parts = handlings[material_id].spec.approved_parts if material_id in handlings else ()
        by_gtin = next((part for part in parts if label.gtin and part.gtin == label.gtin), None)
        said = label.supplier_part or (_part_of(label) if material_id in listed else "")
        part = by_gtin.part if by_gtin and not label.supplier_part else said
        manufacturer = by_gtin.manufacturer if by_gtin and not label.manufacturer else label.manufacturer
        approved = rules.is_approved(parts, manufacturer=manufacturer, part=part)
        known = materials[material_id]
        found.append(Candidate(material_id, known.description, known.unit, approved, part, manufacturer))
    return tuple(sorted(found, key=lambda candidate: not candidate.approved))


def _part_of(label: Label) -> str:
    """The manufacturer's part; a plain scan may be nothing else."""
    return label.text if label.format is LabelFormat.plain else label.supplier_part


def _named(session: Session, label: Label) -> list[str]:
    """The material whose own id the label bears."""
    name = label.text if label.format is LabelFormat.plain else label.customer_part
    return list(get_materials(session, [name])) if 0 < len(name) <= ID_MAX else []


def _listed(session: Session, label: Label) -> list[str]:
    """Materials on whose approved list the label's part or trade item stands."""
    same: list[ColumnElement[bool]] = []
    if part := folded(_part_of(label)):
        same.append(_P.c.part_key == part)
    if label.gtin:
        same.append(_P.c.gtin == label.gtin)
    if not same:
        return []
    wanted = select(_M.c.id).join(_P, _P.c.material_pk == _M.c.pk).where(or_(*same))
    return list(session.execute(wanted.distinct().order_by(_M.c.id).limit(CANDIDATES_MAX)).scalars())


def get_receipt(session: Session, *, lot_id: str) -> ReceiptView:
    """How one lot came in. `receipt-not-found`."""
    row = session.execute(_receipts().where(_L.c.id == lot_id)).first()
    if row is None:
        raise ReceiptNotFound(f"There is no receipt of {lot_id!r}.")
    return _receipt(row)


def list_receipts(session: Session, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT) -> Page[ReceiptView]:
    """Receipts, the latest first."""
    limit = max(1, min(limit, LIMIT_MAX))
    statement = _receipts().order_by(_R.c.received_at_us.desc(), _R.c.lot_pk.desc()).limit(limit + 1)
    if cursor:
        at_us, lot_pk = decode_cursor(cursor, [int, int])
        same_instant = and_(_R.c.received_at_us == at_us, _R.c.lot_pk < lot_pk)
        statement = statement.where(or_(_R.c.received_at_us < at_us, same_instant))
    views = [_receipt(row) for row in session.execute(statement)]
    return page_of(views, limit, lambda view: (to_us(view.received_at), view.lot_pk))


def get_label_lines(session: Session, *, lot_id: str) -> tuple[str, ...]:
    """What stands on a reel's own label beside its id. `receipt-not-found`."""
    view = get_receipt(session, lot_id=lot_id)
    zone = ZoneInfo(get_calendar(session).calendar.time_zone)
    expires = "" if view.expires_at_us is None else from_us(view.expires_at_us - 1).astimezone(zone).date().isoformat()
    return rules.label_lines(
        material_id=view.material_id,
        description=view.material_description,
        quantity=f"{view.quantity:f} {view.unit}",
        supplier_lot=view.supplier_lot,
        date_code=view.date_code,
        msl=view.msl,
        expires=expires,
    )


def get_label_zpl(session: Session, *, lot_id: str) -> str:
    """A reel's own label for a printer that speaks ZPL. `receipt-not-found`."""
    return reel_label(lot_id, get_label_lines(session, lot_id=lot_id))


def _receipts() -> Select[Any]:
    lot = [_L.c[name] for name in ("id", "quantity", "unit")]
    names = [_M.c.id.label("material_id"), _M.c.description]
    return (
        select(
            _R,
            *lot,
            *names,
            _A.c.display_name.label("received_by"),
            _F.c.msl.label("lot_msl"),
            _F.c.expires_at_us,
            _H.c.msl,
        )
        .join(_L, _L.c.pk == _R.c.lot_pk)
        .join(_M, _M.c.pk == _L.c.material_pk)
        .outerjoin(_F, _F.c.lot_pk == _L.c.pk)
        .outerjoin(_H, _H.c.material_pk == _L.c.material_pk)
        .outerjoin(_A, _A.c.pk == _R.c.received_by_pk)
    )


def _receipt(row: Any) -> ReceiptView:
    return ReceiptView(
        row.id,
        row.material_id,
        row.description,
        row.quantity,
        row.unit,
        row.supplier,
        row.supplier_lot,
        row.manufacturer,
        row.part,
        row.date_code,
        row.lot_msl or row.msl or "",
        row.expires_at_us,
        row.approved,
        row.override_reason,
        from_us(row.received_at_us),
        row.received_by or "",
        row.lot_pk,
    )
