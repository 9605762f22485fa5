"""Recording what was done: new lots, acts, links, mounts of the past, many at once or a few. All other verbs end here.

Everything is loaded in sets, judged, written in sets. A recording is taken whole or not at all.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from mes.genealogy.errors import (
    GenealogyCycle,
    GenealogyInvalid,
    GenealogyTooLarge,
    LotUnknown,
)
from mes.genealogy.queries.walk import all_made_of, walk_up
from mes.genealogy.rules import (
    check_order,
    on_a_cycle,
    refusals_as_child,
    refusals_of,
)
from mes.genealogy.service.bill import unapproved
from mes.genealogy.statements import (
    Bill,
    add_used,
    flag_acts,
    forget_made_of,
    insert_acts,
    insert_context,
    insert_links,
    insert_lots,
    insert_mounts,
    kept_lots,
    load_equipment,
    load_jobs,
    load_lots,
    load_lots_by_pk,
    load_materials,
    load_slots,
    load_touching_mounts,
    made_of_text,
    next_act,
    recount_mounts,
)
from mes.genealogy.types import (
    BATCH_MAX,
    HELD,
    OPEN_SEQ,
    SEQ_MAX,
    WORKED,
    Act,
    Context,
    Interval,
    Link,
    LotFacts,
    NewLot,
    Override,
    Reach,
    Recording,
)
from mes.kernel.errors import FieldError, Refusal
from mes.kernel.uow import UnitOfWork
from mes.materials.life.queries import get_lot_facts
from mes.materials.rules import OVERRIDABLE, REFUSED_AS, reasons_against
from mes.materials.types import Unusable
from standards.isa95.material import Disposition

NOTHING: Final[Mapping[str, Collection[int]]] = MappingProxyType({})
ERRORS_MAX: Final = 100
"""Faults that are named of one recording."""
_MAY_BE_OVERRIDDEN: Final = tuple(REFUSED_AS[one] for one in OVERRIDABLE)


def code_of(refused: Unusable) -> str:
    """The code of the refusal."""
    return REFUSED_AS[refused].code


def may_be_overridden(refusal: Refusal) -> bool:
    """Whether a supervisor may decide otherwise."""
    return isinstance(refusal, _MAY_BE_OVERRIDDEN)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Numbers of the acts written: `first_act` and the `acts` − 1 after it. `overridden`: lots used all the same."""

    first_act: int
    acts: int
    links: int
    lots: int
    overridden: tuple[str, ...] = ()


@dataclass(slots=True)
class Known:
    """Everything a recording names, by id."""

    lots: dict[str, LotFacts]
    new: dict[str, int] = field(default_factory=dict)
    equipment: Mapping[str, int] = field(default_factory=dict)
    jobs: Mapping[str, int] = field(default_factory=dict)
    contexts: Mapping[Context, int] = field(default_factory=dict)
    over: Mapping[str, tuple[Unusable, ...]] = field(default_factory=dict)
    """Lots whose life is over, or that are not of an approved part."""
    bills: Mapping[str, Bill] = field(default_factory=dict)

    def pk(self, lot_id: str) -> int:
        return self.new.get(lot_id) or self.lots[lot_id].pk


def overridden(override: Override | None, lot_ids: Sequence[str]) -> dict[str, object]:
    """What an event says of lots that were used, or taken, by override."""
    if override is None or not lot_ids:
        return {}
    return {"overridden": list(lot_ids), "override_reason": override.reason}


def record_genealogy(
    uow: UnitOfWork, *, recording: Recording, override: Override | None = None, flags_held: bool = False
) -> Recorded:
    """Add a recording, of the past unless `flags_held`. `genealogy-too-large`, `genealogy-invalid` (`errors` names each
    fault), and as `record`."""
    done = record(uow, recording, override=override, flags_held=flags_held)
    uow.emit(
        "genealogy.recorded.v1",
        topics=["genealogy"],
        subject="genealogy",
        payload={
            "first_act": done.first_act,
            "acts": done.acts,
            "links": done.links,
            "lots": done.lots,
            "mounts": len(recording.mounts),
            "overridden": list(done.overridden[:ERRORS_MAX]),
            "override_reason": override.reason if override else "",
        },
    )
    return done


def record(
    uow: UnitOfWork,
    recording: Recording,
    *,
    override: Override | None = None,
    materials: Mapping[str, Collection[int]] = NOTHING,
    known: Known | None = None,
    is_now: bool = False,
    flags_held: bool = True,
) -> Recorded:
    """Judge and write; the caller says what it was. `materials`: what lots should be of; `known`: loaded already;
    `is_now`: it happens at this moment, so that a lot whose life is over is refused (of the past nobody knows that);
    `flags_held`: what was done to a lot on hold is flagged.

    `lot-unknown`, `lot-on-hold`, `material-lot-closed`, `lot-not-released`, `lot-not-usable` (it has left),
    `lot-used-up` (mass balance), `wrong-material`, `lot-expired`, `lot-open-too-long`, `floor-life-over`,
    `part-not-approved`, `genealogy-cycle`, `mount-out-of-order`, `genealogy-invalid`, `genealogy-too-large`.
    """
    if len(recording) > BATCH_MAX:
        raise GenealogyTooLarge(f"{len(recording)} rows; at most {BATCH_MAX} are taken at once.")
    if known is None:
        known = _load(uow, recording)
        known.over = unfit_lots(uow, _taken_from(recording)) if is_now else {}
    taken, overridden = _judge(known, recording, override, materials)
    _write_lots(uow, known, recording.lots, taken)
    first = next_act(uow)
    _write_acts(uow, known, recording.acts, first)
    if flags_held:
        flag_acts(uow, _on_held(known, recording.acts, first), HELD)
    _write_links(uow, known, recording.links, first)
    forget_made_of(uow, _made_of_more(known, recording), first)
    _write_mounts(uow, known, recording, first)
    _recount(uow, known, recording.acts)
    add_used(uow, {lot.pk: taken[lot_id] for lot_id, lot in known.lots.items() if lot_id in taken})
    links = ((known.pk(link.parent_id), known.pk(link.child_id)) for link in recording.links)
    refuse_cycles(uow, _roots(known, recording), links)
    return Recorded(first, len(recording.acts), len(recording.links), len(recording.lots), overridden)


# -- what it names


def _load(uow: UnitOfWork, recording: Recording) -> Known:
    new = {lot.lot_id for lot in recording.lots}
    named = {act.lot_id for act in recording.acts} | {mount.lot_id for mount in recording.mounts}
    named.update(link.parent_id for link in recording.links)
    named.update(link.child_id for link in recording.links)
    lots = load_lots(uow, named | new)
    if missing := sorted(named - new - lots.keys()):
        _fail(LotUnknown, ((lot_id, "nobody has recorded it") for lot_id in missing))
    if taken := sorted(new & lots.keys()):
        _fail(GenealogyInvalid, ((lot_id, "there already is a lot of this id") for lot_id in taken))
    if len(new) < len(recording.lots):
        raise GenealogyInvalid("A new lot is named twice.")
    places = {act.equipment_id for act in recording.acts}
    jobs = {act.job_id for act in recording.acts} | {lot.job_id for lot in recording.lots}
    return Known(
        lots,
        equipment=_all_of(load_equipment(uow, places - {""}), places - {""}, "equipment"),
        jobs=_all_of(load_jobs(uow, jobs - {""}), jobs - {""}, "job order"),
        contexts=_contexts(uow, {act.context for act in recording.acts if act.context is not None}),
    )


def _taken_from(recording: Recording) -> set[str]:
    mounted = {mount.lot_id for mount in recording.mounts if mount.to_seq == OPEN_SEQ}
    return mounted | {link.parent_id for link in recording.links}


def unfit_lots(uow: UnitOfWork, lot_ids: Collection[str]) -> dict[str, tuple[Unusable, ...]]:
    """Lots that may not be used now, whatever they are for: their life is over, or their part is not approved."""
    found = lives_over(uow, lot_ids)
    for lot_id in unapproved(uow, lot_ids):
        found[lot_id] = (*found.get(lot_id, ()), Unusable.part_not_approved)
    return found


def lives_over(uow: UnitOfWork, lot_ids: Collection[str]) -> dict[str, tuple[Unusable, ...]]:
    """Lots whose shelf life, time after opening or floor life is over by now."""
    kept = kept_lots(uow, lot_ids)
    if not kept:
        return {}
    facts = get_lot_facts(uow.session, lot_ids=kept, now=uow.now)
    return {
        lot_id: over
        for lot_id, lot in facts.items()
        if (over := tuple(reasons_against(Disposition.UnRestricted, lot.clocks)))
    }


def _all_of(found: Mapping[str, int], wanted: set[str], what: str) -> Mapping[str, int]:
    if missing := sorted(wanted - found.keys()):
        _fail(GenealogyInvalid, ((name, f"there is no such {what}") for name in missing))
    return found


def _contexts(uow: UnitOfWork, contexts: set[Context]) -> dict[Context, int]:
    return {
        context: insert_context(uow, hashlib.sha256("\0".join(context).encode()).hexdigest(), *context)
        for context in sorted(contexts)
    }


def _fail(error: type[Refusal], faults: Iterable[tuple[str, str]]) -> None:
    named = [FieldError(where, message, error.code) for where, message in faults]
    first = named[0]
    raise error(f"{first.where}: {first.message}.", errors=named[:ERRORS_MAX])


# -- whether it may be


def _judge(
    known: Known, recording: Recording, override: Override | None, materials: Mapping[str, Collection[int]]
) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """What is taken of each lot, and which lots were used by override."""
    _check_numbers(recording)
    taken: Counter[str] = Counter()
    for link in recording.links:
        taken[link.parent_id] += link.quantity_e6
    faults = list(_refused(known, recording, taken, materials))
    if faults and (override is None or any(refused not in OVERRIDABLE for _, refused in faults)):
        hard = [fault for fault in faults if fault[1] not in OVERRIDABLE] or faults
        _fail(REFUSED_AS[hard[0][1]], ((lot_id, refused.value) for lot_id, refused in hard))
    return taken, tuple(sorted({lot_id for lot_id, _ in faults}))


def _check_numbers(recording: Recording) -> None:
    count = len(recording.acts)
    faults = [
        f"links[{n}]"
        for n, link in enumerate(recording.links)
        if not 0 <= link.act < count
        or link.quantity_e6 <= 0
        or link.parent_id == link.child_id
        or recording.acts[link.act].lot_id not in (link.parent_id, link.child_id)
    ]
    faults += [
        f"mounts[{n}]"
        for n, mount in enumerate(recording.mounts)
        if not 0 <= mount.act < count or not recording.acts[mount.act].equipment_id or mount.from_seq < 0
    ]
    faults += [f"lots[{n}]" for n, lot in enumerate(recording.lots) if lot.quantity_e6 < 0]
    faults += [
        f"acts[{n}]"
        for n, act in enumerate(recording.acts)
        if act.seq is not None and not (0 <= act.seq < SEQ_MAX and act.equipment_id)
    ]
    if faults:
        _fail(GenealogyInvalid, ((fault, "its numbers cannot be") for fault in faults))


def _refused(
    known: Known, recording: Recording, taken: Mapping[str, int], materials: Mapping[str, Collection[int]]
) -> Iterator[tuple[str, Unusable]]:
    quantities = {lot.lot_id: lot.quantity_e6 for lot in recording.lots}
    wanted = dict(taken)
    for mount in recording.mounts:
        if mount.to_seq == OPEN_SEQ:
            wanted.setdefault(mount.lot_id, 1)
    for lot_id, quantity in wanted.items():
        lot = known.lots.get(lot_id)
        if lot is not None:
            yield from ((lot_id, refused) for refused in refusals_of(lot, quantity, materials.get(lot_id)))
            yield from ((lot_id, refused) for refused in known.over.get(lot_id, ()))
        elif quantity > quantities[lot_id]:
            yield lot_id, Unusable.used_up
    for lot_id in {link.child_id for link in recording.links if link.child_id in known.lots}:
        yield from ((lot_id, refused) for refused in refusals_as_child(known.lots[lot_id]))


def _roots(known: Known, recording: Recording) -> set[int]:
    """Where a new cycle is seen from: it has a new link to a lot that something was made of, a piece of which something
    was made, or a new mount. Else it lies within the recording."""
    used = {lot_id for lot_id, lot in known.lots.items() if lot.is_used}
    roots = {known.pk(link.parent_id) for link in recording.links if link.child_id in used}
    roots |= {known.pk(mount.lot_id) for mount in recording.mounts}
    return roots | {known.pk(act.lot_id) for act in recording.acts if act.seq is not None and act.lot_id in used}


def refuse_cycles(uow: UnitOfWork, roots: Collection[int], links: Iterable[tuple[int, int]] = ()) -> None:
    """`genealogy-cycle` if one can be seen in what the roots are made of, or in these links (parent, child).

    `genealogy-too-large` if they are made of more than a walk takes.
    """
    above = walk_up(uow, roots) if roots else Reach()
    if above.truncated in ("lots", "links"):
        raise GenealogyTooLarge("These are made of so much that a cycle could not be seen.")
    found = on_a_cycle([*links, *((link.parent_pk, link.child_pk) for link in above.links)])
    if found:
        names = sorted(lot.lot_id for lot in load_lots_by_pk(uow, found).values())
        raise GenealogyCycle(f"{', '.join(names[:5])} would go into themselves.")


def _made_of_more(known: Known, recording: Recording) -> set[int]:
    """Lots that were in use before, and that something went into, or that passed a station where something may have."""
    changed = {link.child_id for link in recording.links}
    changed.update(act.lot_id for act in recording.acts if act.seq is not None)
    return {lot.pk for lot_id, lot in known.lots.items() if lot.is_used and lot_id in changed}


# -- writing


def _write_lots(uow: UnitOfWork, known: Known, lots: Sequence[NewLot], taken: Mapping[str, int]) -> None:
    if not lots:
        return
    wanted = {lot.material_id for lot in lots}
    materials = load_materials(uow, wanted)
    if missing := sorted(wanted - materials.keys()):
        _fail(GenealogyInvalid, ((name, "there is no such material") for name in missing))
    first = uow.take_keys("material_lot", len(lots))
    free, jobs = Disposition.UnRestricted.value, known.jobs
    insert_lots(
        uow,
        [
            (
                pk,
                lot_id,
                *_material(materials[material_id], quantity),
                free,
                1,
                int(kind),
                taken.get(lot_id, 0),
                jobs.get(job_id),
            )
            for pk, (lot_id, material_id, quantity, kind, job_id) in enumerate(lots, first)
        ],
    )
    known.new = {lot.lot_id: pk for pk, lot in enumerate(lots, first)}


def _material(material: tuple[int, str], quantity_e6: int) -> tuple[int, int, str]:
    return material[0], quantity_e6, material[1]


def _write_acts(uow: UnitOfWork, known: Known, acts: Sequence[Act], first: int) -> None:
    keys = {lot_id: lot.pk for lot_id, lot in known.lots.items()} | known.new
    equipment, jobs, contexts, actor = known.equipment, known.jobs, known.contexts, uow.actor
    insert_acts(
        uow,
        [
            (
                pk,
                act.at_us,
                act.seq,
                keys[act.lot_id],
                equipment.get(act.equipment_id),
                jobs.get(act.job_id),
                actor,
                None if act.context is None else contexts[act.context],
                int(act.kind),
                act.request_id,
                act.note,
            )
            for pk, act in enumerate(acts, first)
        ],
    )


def _recount(uow: UnitOfWork, known: Known, acts: Sequence[Act]) -> None:
    """What was mounted when these pieces passed."""
    passed: dict[str, list[int]] = defaultdict(list)
    for act in acts:
        if act.seq is not None:
            passed[act.equipment_id].append(act.seq)
    for place, seqs in passed.items():
        recount_mounts(uow, known.equipment[place], Interval(min(seqs), max(seqs)))


def _on_held(known: Known, acts: Sequence[Act], first: int) -> list[int]:
    """The numbers of acts that change what is on hold."""
    held = {lot_id for lot_id, lot in known.lots.items() if lot.disposition == Disposition.Restricted}
    return [pk for pk, act in enumerate(acts, first) if act.lot_id in held and act.kind in WORKED] if held else []


def _write_links(uow: UnitOfWork, known: Known, links: Sequence[Link], first: int) -> None:
    keys = {lot_id: lot.pk for lot_id, lot in known.lots.items()} | known.new
    if len({(link.act, link.parent_id, link.child_id) for link in links}) < len(links):
        raise GenealogyInvalid("An act links the same two lots twice.")
    insert_links(
        uow,
        [(keys[child], keys[parent], first + act, quantity, int(kind)) for act, parent, child, quantity, kind in links],
    )


def _write_mounts(uow: UnitOfWork, known: Known, recording: Recording, first: int) -> None:
    if not recording.mounts:
        return
    acts = recording.acts
    places = [known.equipment[acts[mount.act].equipment_id] for mount in recording.mounts]
    slots = put_slots(uow, {(place, mount.slot_id) for place, mount in zip(places, recording.mounts, strict=True)})
    inside = all_made_of(uow, {known.pk(mount.lot_id) for mount in recording.mounts})
    rows = []
    new: dict[int, list[Interval]] = defaultdict(list)
    for place, mount in zip(places, recording.mounts, strict=True):
        slot, pieces = slots[place, mount.slot_id], Interval(mount.from_seq, mount.to_seq)
        new[slot].append(pieces)
        times = (acts[mount.act].at_us, mount.until_us)
        due = uow.now_us if mount.quantity_per_e6 else None
        made = (first + mount.act, slot, place, known.pk(mount.lot_id))
        made_of = inside.get(known.pk(mount.lot_id))
        told = None if made_of is None else made_of_text(made_of)
        rows.append((*pieces, *times, mount.quantity_per_e6, *made, due, told))
    present = load_touching_mounts(uow, {slot: _range(pieces) for slot, pieces in new.items()})
    for slot, of_slot in new.items():
        check_order([*present[slot], *of_slot])
    insert_mounts(uow, rows)


def _range(intervals: Sequence[Interval]) -> Interval:
    return Interval(min(one.first for one in intervals), max(one.last for one in intervals))


def put_slots(uow: UnitOfWork, wanted: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Keys of slots by station and id; new ones are made."""
    present = load_slots(uow, {place for place, _ in wanted})
    missing = sorted(wanted - present.keys())
    uow.driver_executemany("INSERT INTO station_slot (equipment_pk, id) VALUES (?, ?)", missing)
    if missing:
        present = load_slots(uow, {place for place, _ in wanted})
    return {key: present[key][0] for key in wanted}
