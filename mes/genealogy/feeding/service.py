"""Record what machines say is in their slots: each change once, from the piece that came next."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from mes.genealogy.errors import MountOutOfOrder
from mes.genealogy.feeding.statements import last_piece_before, load_places, passes_from
from mes.genealogy.feeding.types import Change, Role, Unfed
from mes.genealogy.queries.walk import walk_up
from mes.genealogy.rules import check_order, is_open, refusals_of
from mes.genealogy.service.mounting import first_possible, put_in, take_out
from mes.genealogy.service.recording import code_of, put_slots, unfit_lots
from mes.genealogy.statements import (
    OpenMount,
    find_requests,
    kept_lots,
    load_lots,
    load_newest_mount,
    load_slots,
    load_taken,
    load_touching_mounts,
)
from mes.genealogy.types import OPEN_SEQ, Act, ActKind, Interval, LotFacts, Mount, Override
from mes.kernel.uow import UnitOfWork
from mes.materials.errors import LotNotWarm
from mes.materials.life.service import set_lot_storage
from mes.materials.rules import OVERRIDABLE
from mes.materials.types import Storage

HAS_IT: Final = "the machine has it mounted"


@dataclass(slots=True)
class _Slot:
    """`unplaced`: the lot that is in there, as the machine says, and could not be placed."""

    pk: int
    equipment_id: str
    material_pk: int | None
    newest: OpenMount | None
    unplaced: str = ""

    @property
    def holds(self) -> OpenMount | None:
        return self.newest if self.newest is not None and is_open(self.newest.interval) else None


def record_changes(uow: UnitOfWork, *, changes: Sequence[Change]) -> dict[str, str]:
    """Take what slots hold, each change once, in the order of time.

    Answers by request id why a lot is in no slot (`Unfed`), or the code it would have been refused with (`lot-on-hold`,
    `wrong-material` …): the machine has it all the same, so it is recorded, with a note. Refuses nothing.
    """
    done = find_requests(uow, [change.request_id for change in changes])
    fresh = {change.request_id: change for change in changes if change.request_id not in done}
    if not fresh:
        return {}
    slots = _load(uow, fresh.values())
    lots = load_lots(uow, {change.lot_id for change in fresh.values() if change.lot_id})
    told = {}
    for change in sorted(fresh.values(), key=lambda one: one.at_us):
        slot = slots[change.equipment_pk, change.slot_id]
        why = _take(uow, slot, change, lots.get(change.lot_id))
        if why:
            told[change.request_id] = why
        slot.newest = load_newest_mount(uow, slot.pk)
    return told


def _load(uow: UnitOfWork, changes: Collection[Change]) -> dict[tuple[int, str], _Slot]:
    keys = put_slots(uow, {(change.equipment_pk, change.slot_id) for change in changes})
    places = load_places(uow, {place for place, _ in keys})
    expected = load_slots(uow, places.keys())
    return {key: _Slot(pk, places[key[0]], expected[key][1], load_newest_mount(uow, pk)) for key, pk in keys.items()}


def _take(uow: UnitOfWork, slot: _Slot, change: Change, lot: LotFacts | None) -> str:
    is_late = slot.newest is not None and change.at_us < slot.newest.told_us
    if is_late and change.until_us is None:
        return Unfed.late if change.lot_id else ""
    if change.lot_id and change.until_us is None and (slot.unplaced == change.lot_id or _is_there(slot, lot)):
        return ""
    slot.unplaced = ""
    piece = last_piece_before(uow, change.equipment_pk, change.at_us)
    first = first_possible(piece, slot.newest, splice=change.role is Role.spliced)
    if change.until_us is not None:
        first = piece if change.role is Role.spliced else piece + 1
    if not change.lot_id:
        _empty(uow, slot, change, piece)
        return ""
    why = _cannot(uow, slot, change, lot, first)
    if why is None and lot is not None:
        return _put_in(uow, slot, change, lot, first)
    _empty(uow, slot, change, piece)
    slot.unplaced = change.lot_id
    return why or Unfed.unknown


def _is_there(slot: _Slot, lot: LotFacts | None) -> bool:
    return slot.holds is not None and lot is not None and slot.holds.lot_pk == lot.pk


def _empty(uow: UnitOfWork, slot: _Slot, change: Change, piece: int) -> None:
    """What was in there is so no longer, whatever came in its place."""
    if slot.holds is not None and change.until_us is None:
        last = first_possible(piece, slot.holds, splice=False) - 1
        take_out(uow, slot.holds, last, slot.equipment_id, change.slot_id, change.request_id, change.at_us)


def _cannot(uow: UnitOfWork, slot: _Slot, change: Change, lot: LotFacts | None, first: int) -> Unfed | None:
    if lot is None:
        return Unfed.unknown
    if any(refused not in OVERRIDABLE for refused in refusals_of(lot, 1)):
        return Unfed.gone
    above = walk_up(uow, {lot.pk})
    if above.truncated or passes_from(uow, change.equipment_pk, first, above.pks):
        return Unfed.into_itself
    pieces = Interval(first, _last(uow, change))
    present = load_touching_mounts(uow, {slot.pk: pieces})[slot.pk]
    if slot.holds is not None and change.until_us is None:
        present.remove(slot.holds.interval)
    try:
        check_order([*present, pieces])
    except MountOutOfOrder:
        return Unfed.late
    return None


def _last(uow: UnitOfWork, change: Change) -> int:
    if change.until_us is None:
        return OPEN_SEQ
    return last_piece_before(uow, change.equipment_pk, change.until_us)


def _put_in(uow: UnitOfWork, slot: _Slot, change: Change, lot: LotFacts, first: int) -> str:
    materials = load_taken(uow, change.equipment_pk, slot.material_pk)
    codes = [code_of(one) for one in refusals_of(lot, 1, materials)]
    codes += [code_of(one) for one in unfit_lots(uow, [lot.lot_id]).get(lot.lot_id, ())]
    if change.until_us is None and kept_lots(uow, [lot.lot_id]):
        codes += _open(uow, lot.lot_id)
    note = f"{HAS_IT}: {', '.join(codes)}" if codes else None
    put_in(
        uow,
        act=Act(ActKind.mounted, lot.lot_id, change.at_us, slot.equipment_id, None, "", None, change.request_id, note),
        mount=Mount(0, change.slot_id, lot.lot_id, first, _last(uow, change), change.until_us),
        newest=slot.holds if change.until_us is None else None,
        splice=change.role is Role.spliced,
        materials=materials,
        override=Override(note) if note else None,
    )
    return codes[0] if codes else ""


def _open(uow: UnitOfWork, lot_id: str) -> list[str]:
    """Its time in the open passes from now on, warm or not; `put_in` finds it open."""
    try:
        set_lot_storage(uow, lot_id=lot_id, storage=Storage.open)
    except LotNotWarm as refusal:
        set_lot_storage(uow, lot_id=lot_id, storage=Storage.open, is_so=True)
        return [refusal.code]
    return []
