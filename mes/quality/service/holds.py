"""Holds of lots and serials. A hold is the disposition of the lot, which materials own; quality sets many at once."""

from __future__ import annotations

from collections.abc import Collection

from mes.kernel.uow import UnitOfWork
from mes.materials.service import set_disposition
from mes.quality.errors import HoldTooLarge
from mes.quality.types import HELD_MAX
from standards.isa95.material import Disposition


def hold_lots(uow: UnitOfWork, *, lot_ids: Collection[str], reason: str) -> None:
    """Keep lots and serials from being used, all or none. `hold-too-large`, `material-lot-not-found`,
    `material-lot-closed`."""
    _set(uow, lot_ids, Disposition.Restricted, reason, "quality.lots-held.v1")


def release_lots(uow: UnitOfWork, *, lot_ids: Collection[str], reason: str) -> None:
    """Let lots and serials be used again, all or none. As `hold_lots`."""
    _set(uow, lot_ids, Disposition.UnRestricted, reason, "quality.lots-released.v1")


def _set(uow: UnitOfWork, lot_ids: Collection[str], disposition: Disposition, reason: str, event: str) -> None:
    ids = tuple(dict.fromkeys(lot_ids))
    if len(ids) > HELD_MAX:
        raise HoldTooLarge(f"There are {len(ids)} lots.")
    for lot_id in ids:
        set_disposition(uow, lot_id=lot_id, disposition=disposition, reason=reason)
    uow.emit(
        event, topics=["quality"], subject="quality", payload={"lots": len(ids), "lot_ids": ids[:20], "reason": reason}
    )
