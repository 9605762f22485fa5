"""One scan at a time: this goes into that, this piece passed this station. Each is on disk when it is answered."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mes.genealogy.errors import GenealogyInvalid
from mes.genealogy.service.bill import allowed_materials, wrong_material
from mes.genealogy.service.once import done_once
from mes.genealogy.service.recording import NOTHING, Known, Recorded, overridden, record, unfit_lots
from mes.genealogy.statements import (
    Requested,
    count_passed,
    find_requests,
    last_sequence,
    load_bills,
    load_equipment,
    load_jobs,
    load_lots,
)
from mes.genealogy.tools.statements import count_cycle
from mes.genealogy.types import ACT_OF, Act, ActKind, Context, Link, LinkKind, NewLot, Override, Recording
from mes.kernel.uow import Calls, UnitOfWork, loaded_together
from mes.materials.errors import WrongMaterial
from mes.materials.types import LotKind
from mes.orders.service import hold_for_units
from mes.orders.statements import load_wanted_articles


def _prefetch_scans(uow: UnitOfWork, calls: Calls) -> dict[tuple[str, str], Known | Requested]:
    """What each scan of a batch names. A lot that several take from is left out: each must see the one before."""
    taken = Counter(call["parent_id"] for call in calls)
    children = {call["child_id"] for call in calls}
    requests = Counter(call["request_id"] for call in calls)
    done = find_requests(uow, requests)
    lots = load_lots(uow, children | taken.keys())
    equipment = load_equipment(uow, {call.get("equipment_id", "") for call in calls} - {""})
    jobs = load_jobs(uow, {call.get("job_id", "") for call in calls} - {""})
    over = unfit_lots(uow, taken)
    bills = load_bills(uow, {call.get("job_id", "") for call in calls} - {""})
    found: dict[tuple[str, str], Known | Requested] = {}
    for call in calls:
        names = (call["parent_id"], call["child_id"])
        alone = taken[names[0]] == 1 and names[0] not in children and names[1] not in taken
        if requests[call["request_id"]] == 1:
            found["act", call["request_id"]] = done.get(call["request_id"], Requested(0))
        if alone and requests[call["request_id"]] == 1 and all(name in lots for name in names):
            kept = {name: lots[name] for name in names}
            known = Known(kept, equipment=equipment, jobs=jobs, over=over, bills=bills)
            if {call.get("equipment_id", "")} <= {"", *equipment} and {call.get("job_id", "")} <= {"", *jobs}:
                found["scan", call["request_id"]] = known
    return found


@loaded_together(_prefetch_scans)
@done_once()
def scan_lot(
    uow: UnitOfWork,
    *,
    request_id: str,
    parent_id: str,
    child_id: str,
    quantity_e6: int = 1_000_000,
    kind: LinkKind = LinkKind.installed,
    equipment_id: str = "",
    job_id: str = "",
    material_id: str = "",
    override: Override | None = None,
) -> int:
    """So much of a lot goes into another. Repeating a `request_id` does nothing. Answers the number of the act.

    Only what the bill of the job's step asks for, or a substitute of it, and only of an approved part: `material_id`
    names the position of the bill ("" any). Where there is no bill, `material_id` is what is asked for ("" anything).
    Refusals as `record`.
    """
    known: Known | None = uow.prefetched(("scan", request_id))
    note = override.reason if override else None
    act = Act(ACT_OF[kind], child_id, uow.now_us, equipment_id, None, job_id, None, request_id, note)
    recording = Recording(acts=(act,), links=(Link(0, parent_id, child_id, quantity_e6, kind),))
    bill = known.bills.get(job_id, {}) if known else None
    allowed = allowed_materials(uow, job_id=job_id, material_id=material_id, kind=kind, bill=bill)
    expected = NOTHING if allowed is None else {parent_id: allowed}
    try:
        made = record(uow, recording, override=override, materials=expected, known=known, is_now=True)
    except WrongMaterial as refusal:
        told = wrong_material(uow, parent_id, allowed or (), job_id=job_id, material_id=material_id)
        raise WrongMaterial(told.detail, errors=refusal.errors) from refusal
    payload = {
        "act": made.first_act,
        "kind": kind.name,
        "parent_id": parent_id,
        "child_id": child_id,
        "quantity_e6": quantity_e6,
        "equipment_id": equipment_id,
        "job_id": job_id,
    }
    _emit(uow, "lot-linked", child_id, made, override, payload)
    return made.first_act


def _sequence_of(uow: UnitOfWork, done: Requested) -> int | None:
    return done.seq


@done_once(answer=_sequence_of)
def record_pass(
    uow: UnitOfWork,
    *,
    request_id: str,
    lot_id: str,
    equipment_id: str,
    seq: int | None = None,
    job_id: str = "",
    material_id: str = "",
    context: Context | None = None,
) -> int:
    """A piece passed a station; what is mounted there is in it from now on. Answers its sequence there.

    `seq` None: the next one. A serial that nobody knows yet is made of `material_id`. Repeating a `request_id` does
    nothing. `lot-unknown`, `genealogy-invalid`, `genealogy-cycle`.
    """
    places = load_equipment(uow, [equipment_id])
    if not places:
        raise GenealogyInvalid(f"There is no equipment {equipment_id!r}.")
    if seq is None:
        seq = last_sequence(uow, places[equipment_id]) + 1
    is_new = bool(material_id) and not load_lots(uow, [lot_id])
    lots = (NewLot(lot_id, material_id, 1_000_000, LotKind.unit, job_id),) if is_new else ()
    act = Act(ActKind.passed, lot_id, uow.now_us, equipment_id, seq, job_id, context, request_id)
    made = record(uow, Recording(lots=lots, acts=(act,)))
    payload = {"act": made.first_act, "lot_id": lot_id, "equipment_id": equipment_id, "seq": seq, "job_id": job_id}
    _emit(uow, "station-passed", lot_id, made, None, payload)
    count_cycle(uow, places[equipment_id])
    if job_id:
        count_first_article(uow, job_id, places[equipment_id])
    return seq


def count_first_article(uow: UnitOfWork, job_id: str, equipment_pk: int) -> None:
    """A job that waits for its first article: as many units as passed since are there."""
    for job_pk, (_, since) in load_wanted_articles(uow, ids=[job_id]).items():
        hold_for_units(uow, units={job_pk: count_passed(uow, job_pk, equipment_pk, since)})


def _emit(
    uow: UnitOfWork, what: str, lot_id: str, made: Recorded, override: Override | None, payload: dict[str, Any]
) -> None:
    payload |= overridden(override, made.overridden)
    topics = [f"material-lot/{lot_id}"]
    if payload["equipment_id"]:
        topics.append(f"equipment/{payload['equipment_id']}")
    uow.emit(f"genealogy.{what}.v1", topics=topics, subject=topics[0], payload=payload)
