"""How much a lot is: told by master data until something is done with it, from then on by recorded acts."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from mes.equipment.types import PutOutcome
from mes.genealogy.errors import GenealogyInvalid, LotUnknown
from mes.genealogy.service.once import done_once
from mes.genealogy.service.recording import record
from mes.genealogy.statements import load_lots, lots_in_use
from mes.genealogy.types import Act, ActKind, Context, Recording
from mes.kernel.uow import UnitOfWork
from mes.materials import service as materials
from mes.materials.errors import LotNotUsable
from mes.materials.types import LotKind, LotSpec
from standards.isa95.quantity import from_e6


def put_lots(uow: UnitOfWork, *, specs: Sequence[LotSpec]) -> dict[str, PutOutcome]:
    """As master data have lots; the quantity of one in use stays (`material-lot-in-use`). Refusals of
    `materials.put_lots`."""
    return materials.put_lots(uow, specs=specs, in_use=lots_in_use(uow, [spec.lot_id for spec in specs]))


def update_lot(uow: UnitOfWork, *, spec: LotSpec, version: int) -> None:
    """As `put_lots`, of one lot that is still at `version`. Refusals of `materials.update_lot`."""
    materials.update_lot(uow, spec=spec, version=version, in_use=lots_in_use(uow, [spec.lot_id]))


@done_once()
def adjust_lot(uow: UnitOfWork, *, request_id: str, lot_id: str, left_e6: int, reason: str) -> int:
    """So much was counted to be left of a lot (× 10^6): it was in all what was taken of it, and that. What it was said
    to be before stays in the record. Answers the number of the act.

    `lot-unknown`, `genealogy-invalid` (serials and containers are not counted), `lot-not-usable` (it has left),
    `material-lot-closed`, `quantity-out-of-range`.
    """
    lot = load_lots(uow, [lot_id]).get(lot_id)
    if lot is None:
        raise LotUnknown(f"Nobody has recorded {lot_id}.")
    if lot.kind != LotKind.lot:
        raise GenealogyInvalid(f"{lot_id} is a {LotKind(lot.kind).name}; only lots are counted.")
    if lot.shipment_pk is not None:
        raise LotNotUsable(f"{lot_id} has left.")
    if left_e6 < 0:
        raise GenealogyInvalid("Less than nothing cannot be left.")
    after = lot.used_e6 + left_e6
    told = {"quantity_before": _number(lot.quantity_e6), "quantity_after": _number(after), "unit": lot.unit}
    context = Context(parameters=orjson.dumps(told).decode())
    act = Act(ActKind.adjusted, lot_id, uow.now_us, context=context, request_id=request_id, note=reason)
    materials.set_lot_quantity(uow, lot_id=lot_id, quantity_e6=after)
    made = record(uow, Recording(acts=(act,)))
    uow.emit(
        "genealogy.lot-adjusted.v1",
        topics=[f"material-lot/{lot_id}"],
        subject=f"material-lot/{lot_id}",
        payload={"act": made.first_act, "lot_id": lot_id, **told, "reason": reason},
    )
    return made.first_act


def _number(quantity_e6: int) -> str:
    return f"{from_e6(quantity_e6).normalize():f}"
