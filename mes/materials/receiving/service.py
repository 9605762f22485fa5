"""Verbs of receiving."""

from __future__ import annotations

from dataclasses import astuple, replace
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from mes.equipment.queries import get_calendar
from mes.kernel.errors import Refusal
from mes.kernel.repeats import content_hash, refuse_other_content
from mes.kernel.uow import UnitOfWork
from mes.materials.errors import LotExpired
from mes.materials.life.queries import get_handling
from mes.materials.life.service import begin_life
from mes.materials.life_rules import expires_at_us
from mes.materials.receiving import rules
from mes.materials.receiving.types import ReceiptSpec
from mes.materials.service import create_lot
from mes.materials.tables import MaterialLot, MaterialReceipt
from mes.materials.types import HandlingSpec, LotSpec

REELS = "reel"


def receive_lot(uow: UnitOfWork, *, spec: ReceiptSpec) -> str:
    """Take a lot in under the next reel id, which is the answer. Repeating a `request_id` does nothing.

    Whether the caller may give an `override_reason` is for the door to say. `material-not-found`, `receipt-invalid`,
    `unit-not-convertible`, `quantity-out-of-range`, `idempotency-key-reused`; unless overridden `part-not-approved`,
    `lot-expired`.
    """
    known = _received_by(uow, spec)
    if known is not None:
        return known
    rules.check_receipt(spec)
    handling = get_handling(uow.session, material_id=spec.material_id).spec
    ends_us = _ends_us(uow, spec, handling)
    refusal = _refusal(uow, spec, handling, ends_us)
    if refusal is not None and not spec.override_reason:
        raise refusal
    lot_id = _next_reel_id(uow)
    create_lot(uow, spec=LotSpec(lot_id, spec.material_id, spec.quantity, spec.unit))
    begin_life(uow, lot_id=lot_id, storage=spec.storage, expires_at_us=ends_us, msl=spec.msl)
    _store(uow, lot_id, spec, overridden=refusal)
    return lot_id


def _received_by(uow: UnitOfWork, spec: ReceiptSpec) -> str | None:
    """The lot this request has made already. `idempotency-key-reused` if something else was told with it."""
    found = uow.session.exec(
        select(MaterialLot, MaterialReceipt)
        .join(MaterialReceipt, col(MaterialReceipt.lot_pk) == col(MaterialLot.pk))
        .where(MaterialReceipt.request_id == spec.request_id)
    ).first()
    if found is None:
        return None
    lot, receipt = found
    refuse_other_content(spec.request_id, known=receipt.content_hash, told=_told(spec))
    return lot.id


def _told(spec: ReceiptSpec) -> int:
    """An override's reason apart: it is added when the same receipt was refused."""
    return content_hash(astuple(replace(spec, quantity=spec.quantity.normalize(), override_reason="")))


def _ends_us(uow: UnitOfWork, spec: ReceiptSpec, handling: HandlingSpec) -> int | None:
    zone = ZoneInfo(get_calendar(uow.session).calendar.time_zone)
    return expires_at_us(
        expires_on=spec.expires_on,
        made_on=rules.made_on(spec, uow.now.astimezone(zone).date()),
        shelf_life_days=handling.shelf_life_days,
        received_at_us=uow.now_us,
        zone=zone,
    )


def _refusal(uow: UnitOfWork, spec: ReceiptSpec, handling: HandlingSpec, ends_us: int | None) -> Refusal | None:
    try:
        rules.check_approved(spec, handling.approved_parts)
    except Refusal as refusal:
        return refusal
    return LotExpired("Its shelf life is over already.") if ends_us is not None and ends_us <= uow.now_us else None


def _next_reel_id(uow: UnitOfWork) -> str:
    """The next number that no lot bears: lots may have been declared under such an id."""
    while True:
        number = _next_number(uow, REELS)
        lot_id = rules.reel_id(number)
        if not uow.driver_query("SELECT 1 FROM material_lot WHERE id = ?", [lot_id]):
            return lot_id


def _next_number(uow: UnitOfWork, name: str) -> int:
    uow.driver_execute(
        "INSERT INTO number_sequence (name, following) VALUES (?, 2) "
        "ON CONFLICT (name) DO UPDATE SET following = number_sequence.following + 1",
        [name],
    )
    ((following,),) = uow.driver_query("SELECT following FROM number_sequence WHERE name = ?", [name])
    return int(following) - 1


def _store(uow: UnitOfWork, lot_id: str, spec: ReceiptSpec, *, overridden: Refusal | None) -> None:
    ((lot_pk,),) = uow.driver_query("SELECT pk FROM material_lot WHERE id = ?", [lot_id])
    reason = spec.override_reason if overridden is not None else ""
    texts = {name: getattr(spec, name) for name in ("supplier", "supplier_lot", "manufacturer", "part", "date_code")}
    row = MaterialReceipt(
        lot_pk=lot_pk,
        request_id=spec.request_id,
        content_hash=_told(spec),
        label=spec.label,
        label_key=rules.label_key(spec.label),
        approved=overridden is None,
        override_reason=reason,
        received_at_us=uow.now_us,
        received_by_pk=uow.actor,
        **texts,
    )
    uow.session.add(row)
    uow.flush()
    payload = {"lot_id": lot_id, "material_id": spec.material_id, **texts}
    if overridden is not None:
        payload |= {"overridden": overridden.code, "reason": reason}
    uow.emit(
        "materials.lot-received.v1",
        topics=[f"material-lot/{lot_id}", "receipts"],
        subject=f"material-lot/{lot_id}",
        payload=payload,
    )
