"""Holds of lots and serials. A hold is the disposition of the lot, which materials own; quality sets many at once."""

from __future__ import annotations

from collections.abc import Collection

from mes.kernel.uow import UnitOfWork
from mes.materials import service as materials
from mes.quality.errors import HoldTooLarge
from mes.quality.types import HELD_MAX


def hold_lots(uow: UnitOfWork, *, lot_ids: Collection[str], reason: str) -> None:
    """Keep lots and serials from being used, all or none. `hold-too-large`, `material-lot-not-found`,
    `material-lot-closed`."""
    held = materials.hold_lots(uow, lot_ids=_few(lot_ids), reason=reason)
    _emit(uow, "quality.lots-held.v1", held, reason)


def release_lots(uow: UnitOfWork, *, lot_ids: Collection[str], reason: str) -> None:
    """Let lots and serials that are on hold be used again, all or none. As `hold_lots`, and `lot-not-held`."""
    released = materials.release_lots(uow, lot_ids=_few(lot_ids), reason=reason)
    _emit(uow, "quality.lots-released.v1", released, reason)


def _few(lot_ids: Collection[str]) -> tuple[str, ...]:
    ids = tuple(dict.fromkeys(lot_ids))
    if len(ids) > HELD_MAX:
        raise HoldTooLarge(f"There are {len(ids)} lots.")
    return ids


def _emit(uow: UnitOfWork, event: str, ids: list[str], reason: str) -> None:
    uow.emit(
        event, topics=["quality"], subject="quality", payload={"lots": len(ids), "lot_ids": ids[:20], "reason": reason}
    )
