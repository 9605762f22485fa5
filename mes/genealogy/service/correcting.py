"""Putting right what was recorded. Nothing is edited away: an act takes back another, or takes a part out of a unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mes.genealogy.errors import ActNotFound, ActNotReversible, LotUnknown, NotLinked
from mes.genealogy.queries.walk import contents
from mes.genealogy.service.once import done_once
from mes.genealogy.service.recording import record, refuse_cycles
from mes.genealogy.statements import (
    ActRow,
    add_used,
    end_act,
    end_links,
    end_mounts_of_act,
    is_newest_of_its_slots,
    load_act,
    load_links_ended_by,
    load_links_from,
    load_links_of_act,
    load_lots,
    load_lots_by_pk,
    lot_id_of,
    names_of,
    next_act,
    recount_mounts,
    reopen_mounts,
    revive_links,
    set_of_lots,
)
from mes.genealogy.types import Act, ActKind, Interval, Link, LinkKind, LinkRow, LotFacts, Override, Recording
from mes.kernel.uow import UnitOfWork
from mes.materials.service import set_disposition
from standards.isa95.material import Disposition

_NOT_REVERSIBLE = frozenset({ActKind.reversed, ActKind.moved, ActKind.adjusted})
_PACKING = frozenset({ActKind.packed, ActKind.unpacked})


@done_once()
def reverse_act(uow: UnitOfWork, *, request_id: str, act: int, reason: str) -> int:
    """An act never was: its links, its pass, its mount are gone, what it took out is in again. Answers the reversal's
    number. Repeating a `request_id` does nothing.

    What a split or a merge made is closed with it. `act-not-found`, `act-not-reversible` (taken back already, a
    reversal, a change of reel that others followed, what was taken out is elsewhere by now, what was made was used,
    what was packed has left).
    """
    found = load_act(uow, act)
    if found is None:
        raise ActNotFound(f"There is no act {act}.")
    _refuse_unless_reversible(uow, found)
    made = _lots_made(uow, found)
    _refuse_used(found, made)
    reversal = next_act(uow)
    lot_id = lot_id_of(uow, found.lot_pk)
    record(uow, Recording(acts=(Act(ActKind.reversed, lot_id, uow.now_us, note=reason, request_id=request_id),)))
    back = _take_back(uow, found, reversal)
    for lot in made:
        set_disposition(uow, lot_id=lot.lot_id, disposition=Disposition.Closed, reason=reason)
    refuse_cycles(uow, back)
    uow.emit(
        "genealogy.act-reversed.v1",
        topics=[f"material-lot/{lot_id}", *_place_topics(uow, found.equipment_pk)],
        subject=f"material-lot/{lot_id}",
        payload={"act": act, "reversal": reversal, "lot_id": lot_id, "reason": reason},
    )
    return reversal


def _place_topics(uow: UnitOfWork, equipment_pk: int | None) -> list[str]:
    (names,) = names_of(uow, equipment=[equipment_pk])
    return [f"equipment/{name}" for pk, name in names.items() if pk is not None]


def _refuse_unless_reversible(uow: UnitOfWork, act: ActRow) -> None:
    if act.ended_by_pk is not None or act.kind in _NOT_REVERSIBLE:
        raise ActNotReversible(f"Act {act.pk} was taken back, or is nothing to take back.")
    if not is_newest_of_its_slots(uow, act.pk):
        raise ActNotReversible(f"After act {act.pk} another lot was mounted in the same slot.")
    if act.kind in _PACKING:
        links = [*load_links_of_act(uow, act), *load_links_ended_by(uow, act.pk)]
        lots = load_lots_by_pk(uow, {link.parent_pk for link in links}).values()
        if left := sorted(lot.lot_id for lot in lots if lot.shipment_pk is not None):
            raise ActNotReversible(f"{', '.join(left[:5])} left with a shipment; take that back first.")


def _lots_made(uow: UnitOfWork, act: ActRow) -> list[LotFacts]:
    """The lots that are there only by this act."""
    if act.kind not in (ActKind.split, ActKind.merged):
        return []
    return list(load_lots_by_pk(uow, {link.child_pk for link in load_links_of_act(uow, act)}).values())


def _refuse_used(act: ActRow, made: Sequence[LotFacts]) -> None:
    """Their material is in something by now: it would be there twice."""
    if used := sorted(lot.lot_id for lot in made if lot.is_used or lot.used_e6 or lot.shipment_pk is not None):
        raise ActNotReversible(f"{', '.join(used[:5])}, made by act {act.pk}, was used since.")


def _take_back(uow: UnitOfWork, act: ActRow, reversal: int) -> set[int]:
    """Answers the lots that are in something again."""
    if act.kind == ActKind.shipped:
        set_of_lots(uow, "shipment_pk", None, contents(uow, [act.lot_pk]))
    made, taken_out = load_links_of_act(uow, act), load_links_ended_by(uow, act.pk)
    end_links(uow, made, reversal)
    revive_links(uow, taken_out, act.pk)
    _settle_totals(uow, made, taken_out)
    _refuse_overdrawn(uow, taken_out)
    end_mounts_of_act(uow, act.pk, reversal)
    mounted = reopen_mounts(uow, act.pk)
    end_act(uow, act.pk, reversal)
    if act.seq is not None and act.equipment_pk is not None:
        recount_mounts(uow, act.equipment_pk, Interval(act.seq, act.seq))
    return {link.parent_pk for link in taken_out} | mounted


def _settle_totals(uow: UnitOfWork, gone: list[LinkRow], back: list[LinkRow]) -> None:
    changes: Counter[int] = Counter()
    for link in gone:
        changes[link.parent_pk] -= link.quantity_e6
    for link in back:
        changes[link.parent_pk] += link.quantity_e6
    add_used(uow, changes)


def _refuse_overdrawn(uow: UnitOfWork, back: list[LinkRow]) -> None:
    lots = load_lots_by_pk(uow, {link.parent_pk for link in back})
    elsewhere = sorted(lot.lot_id for lot in lots.values() if lot.used_e6 > lot.quantity_e6)
    if elsewhere:
        raise ActNotReversible(f"{', '.join(elsewhere[:5])} went into something else since.")


@done_once()
def remove_part(uow: UnitOfWork, *, request_id: str, unit_id: str, part_id: str, equipment_id: str = "") -> int:
    """A part is taken out of a unit; it was in there until now, which the as-built record goes on to say.

    `not-linked`, `lot-unknown`. Answers the number of the act.
    """
    act = Act(ActKind.removed, unit_id, uow.now_us, equipment_id, None, "", None, request_id)
    _take_part_out(uow, unit_id, part_id)
    made = record(uow, Recording(acts=(act,)))
    _emit(uow, "part-removed", made.first_act, unit_id, part_id, equipment_id=equipment_id)
    return made.first_act


@done_once()
def replace_part(
    uow: UnitOfWork,
    *,
    request_id: str,
    unit_id: str,
    part_id: str,
    new_part_id: str,
    quantity_e6: int = 1_000_000,
    equipment_id: str = "",
    override: Override | None = None,
) -> int:
    """A part is taken out of a unit and another put in. Refusals as `remove_part` and `record`."""
    _take_part_out(uow, unit_id, part_id)
    note = override.reason if override else None
    act = Act(ActKind.replaced, unit_id, uow.now_us, equipment_id, None, "", None, request_id, note)
    link = Link(0, new_part_id, unit_id, quantity_e6, LinkKind.installed)
    made = record(uow, Recording(acts=(act,), links=(link,)), override=override, is_now=True)
    _emit(uow, "part-replaced", made.first_act, unit_id, part_id, equipment_id=equipment_id, new_part_id=new_part_id)
    return made.first_act


def _take_part_out(uow: UnitOfWork, unit_id: str, part_id: str) -> None:
    lots = load_lots(uow, [unit_id, part_id])
    if missing := {unit_id, part_id} - lots.keys():
        raise LotUnknown(f"Nobody has recorded {min(missing)}.")
    links = [
        link
        for kind in (LinkKind.installed, LinkKind.consumed)
        for link in load_links_from(uow, [lots[part_id].pk], kind)
        if link.child_pk == lots[unit_id].pk
    ]
    if not links:
        raise NotLinked(f"{part_id} is not in {unit_id} by a recorded link.")
    end_links(uow, links, next_act(uow))
    _settle_totals(uow, links, [])


def _emit(uow: UnitOfWork, what: str, act: int, unit_id: str, part_id: str, *, equipment_id: str, **more: str) -> None:
    uow.emit(
        f"genealogy.{what}.v1",
        topics=[f"material-lot/{unit_id}", *([f"equipment/{equipment_id}"] if equipment_id else [])],
        subject=f"material-lot/{unit_id}",
        payload={"act": act, "unit_id": unit_id, "part_id": part_id, **more},
    )
