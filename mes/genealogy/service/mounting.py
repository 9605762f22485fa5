"""Lots into slots and out of them. What a piece was made of follows from its sequence at the station.

A change between two pieces is told by the first piece after it. A splice is made while a piece is worked on: that piece
may have parts of either lot, and of every lot that was spliced in before the next piece.
"""

from __future__ import annotations

from collections.abc import Mapping

from mes.genealogy.errors import GenealogyInvalid, MountOutOfOrder, SlotEmpty
from mes.genealogy.rules import end_before, is_open
from mes.genealogy.service.once import done_once
from mes.genealogy.service.recording import NOTHING, put_slots, record
from mes.genealogy.statements import (
    OpenMount,
    close_mount,
    kept_lots,
    last_sequence,
    load_equipment,
    load_materials,
    load_newest_mount,
    load_slots,
    load_taken,
    lot_id_of,
    next_act,
    set_slot_material,
)
from mes.genealogy.types import OPEN_SEQ, Act, ActKind, Interval, Mount, Override, Recording
from mes.kernel.uow import UnitOfWork
from mes.materials.life.service import set_lot_storage
from mes.materials.types import Storage


def put_setup(uow: UnitOfWork, *, equipment_id: str, materials: Mapping[str, str]) -> None:
    """The set-up list of a station: which material belongs in which slot ("" anything). `genealogy-invalid`."""
    place = _place(uow, equipment_id)
    known = load_materials(uow, {material for material in materials.values() if material})
    missing = sorted({material for material in materials.values() if material} - known.keys())
    if missing:
        raise GenealogyInvalid(f"There is no material {missing[0]!r}.")
    slots = put_slots(uow, {(place, slot) for slot in materials})
    set_slot_material(uow, {slots[place, slot]: known[name][0] if name else None for slot, name in materials.items()})
    uow.emit(
        "genealogy.setup-put.v1",
        topics=[f"equipment/{equipment_id}"],
        subject=f"equipment/{equipment_id}",
        payload={"equipment_id": equipment_id, "materials": dict(materials)},
    )


@done_once()
def mount_lot(
    uow: UnitOfWork,
    *,
    request_id: str,
    equipment_id: str,
    slot_id: str,
    lot_id: str,
    seq: int | None = None,
    splice: bool = False,
    quantity_per_e6: int = 0,
    override: Override | None = None,
) -> int:
    """A lot is in a slot from piece `seq` on (None: from the next one; of a splice: from the last one).

    What was there before ends with the piece before, or by a splice with the same one. A floor life passes from now on.
    Repeating a `request_id` does nothing. Answers the number of the act. `wrong-material` (set-up list, and what the
    bill of the job in work allows instead), `lot-on-hold`, `lot-used-up`, `lot-not-usable`, `lot-unknown`,
    `lot-expired`, `lot-open-too-long`, `floor-life-over`, `lot-not-warm`, `mount-out-of-order`, `slot-empty` (a splice
    to nothing), `genealogy-cycle`.
    """
    place = _place(uow, equipment_id)
    slot, material_pk = load_slots(uow, [place]).get((place, slot_id), (None, None))
    newest = load_newest_mount(uow, slot) if slot is not None else None
    if seq is None:
        seq = first_possible(last_sequence(uow, place), newest, splice=splice)
    if splice and (newest is None or not is_open(newest.interval)):
        raise SlotEmpty(f"Nothing is mounted in {slot_id} of {equipment_id} to splice to.")
    if newest is not None and not is_open(newest.interval) and seq <= newest.interval.last:
        raise MountOutOfOrder(f"What was in {slot_id} before is in the pieces up to {newest.interval.last}.")
    note = override.reason if override else None
    act = Act(ActKind.mounted, lot_id, uow.now_us, equipment_id, None, "", None, request_id, note)
    new = Mount(0, slot_id, lot_id, seq, OPEN_SEQ, None, quantity_per_e6)
    materials = load_taken(uow, place, material_pk)
    return put_in(uow, act=act, mount=new, newest=newest, splice=splice, materials=materials, override=override)


def put_in(
    uow: UnitOfWork,
    *,
    act: Act,
    mount: Mount,
    newest: OpenMount | None,
    splice: bool,
    materials: frozenset[int] | None,
    override: Override | None,
) -> int:
    """The mount of an act, in place of what is in the slot, which takes `materials` (None: anything).

    Answers the number of the act; refusals as `mount_lot`.
    """
    if newest is not None and is_open(newest.interval):
        last = end_before(newest.interval, spliced=newest.spliced, seq=mount.from_seq, splice=splice)
        close_mount(uow, newest.pk, last, next_act(uow), act.at_us)
    lot_id = mount.lot_id
    expected = NOTHING if materials is None else {lot_id: materials}
    recording = Recording(acts=(act,), mounts=(mount,))
    made = record(uow, recording, override=override, materials=expected, is_now=True)
    if is_open(Interval(mount.from_seq, mount.to_seq)) and kept_lots(uow, [lot_id]):
        set_lot_storage(uow, lot_id=lot_id, storage=Storage.open)
    uow.emit(
        "genealogy.lot-mounted.v1",
        topics=[f"equipment/{act.equipment_id}", f"material-lot/{lot_id}"],
        subject=f"material-lot/{lot_id}",
        payload={
            "act": made.first_act,
            "lot_id": lot_id,
            "equipment_id": act.equipment_id,
            "slot_id": mount.slot_id,
            "from_seq": mount.from_seq,
            "splice": splice,
            "overridden": list(made.overridden),
            "override_reason": override.reason if override else "",
        },
        occurred_at_us=act.at_us,
    )
    return made.first_act


@done_once()
def unmount_lot(uow: UnitOfWork, *, request_id: str, equipment_id: str, slot_id: str, seq: int | None = None) -> int:
    """What is in a slot is taken out before piece `seq` (None: before the next one). Answers the number of the act.

    `slot-empty`, `mount-out-of-order`.
    """
    place = _place(uow, equipment_id)
    slot, _ = load_slots(uow, [place]).get((place, slot_id), (None, None))
    newest = load_newest_mount(uow, slot) if slot is not None else None
    if seq is None:
        seq = first_possible(last_sequence(uow, place), newest, splice=False)
    if newest is None or not is_open(newest.interval):
        raise SlotEmpty(f"Nothing is mounted in {slot_id} of {equipment_id}.")
    last = end_before(newest.interval, spliced=newest.spliced, seq=seq, splice=False)
    return take_out(uow, newest, last, equipment_id, slot_id, request_id, uow.now_us)


def take_out(
    uow: UnitOfWork, newest: OpenMount, last: int, equipment_id: str, slot_id: str, request_id: str, at_us: int
) -> int:
    """What is mounted is in no piece after `last`. Answers the number of the act."""
    lot_id = lot_id_of(uow, newest.lot_pk)
    act = Act(ActKind.unmounted, lot_id, at_us, equipment_id, None, "", None, request_id)
    made = record(uow, Recording(acts=(act,)))
    close_mount(uow, newest.pk, last, made.first_act, at_us)
    uow.emit(
        "genealogy.lot-unmounted.v1",
        topics=[f"equipment/{equipment_id}", f"material-lot/{lot_id}"],
        subject=f"material-lot/{lot_id}",
        payload={
            "act": made.first_act,
            "lot_id": lot_id,
            "equipment_id": equipment_id,
            "slot_id": slot_id,
            "to_seq": last,
        },
        occurred_at_us=at_us,
    )
    return made.first_act


def first_possible(last: int, newest: OpenMount | None, *, splice: bool) -> int:
    """The piece a change or a splice is told for where nobody says: the next one or the last one, but not before what
    is mounted has begun, nor before what was taken out has ended (nothing may have passed since)."""
    natural = last if splice else last + 1
    if newest is None:
        return natural
    if not is_open(newest.interval):
        return max(natural, newest.interval.last + 1)
    return max(natural, newest.interval.first + (1 if newest.spliced and not splice else 0))


def _place(uow: UnitOfWork, equipment_id: str) -> int:
    found = load_equipment(uow, [equipment_id])
    if not found:
        raise GenealogyInvalid(f"There is no equipment {equipment_id!r}.")
    return found[equipment_id]
