"""One scan at a time: this goes into that, this piece passed this station. Each is on disk when it is answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mes.genealogy.errors import GenealogyInvalid
from mes.genealogy.service.recording import NOTHING, Known, Recorded, lives_over, record
from mes.genealogy.statements import (
    find_request,
    find_requests,
    last_sequence,
    load_equipment,
    load_jobs,
    load_lots,
    load_materials,
)
from mes.genealogy.types import Act, ActKind, Context, Link, LinkKind, NewLot, Override, Recording
from mes.kernel.uow import Calls, UnitOfWork, loaded_together
from mes.materials.types import LotKind

_ACTS: Mapping[LinkKind, ActKind] = {
    LinkKind.consumed: ActKind.consumed,
    LinkKind.by_product: ActKind.produced,
    LinkKind.split: ActKind.split,
    LinkKind.merged: ActKind.merged,
    LinkKind.packed: ActKind.packed,
    LinkKind.installed: ActKind.installed,
    LinkKind.reworked: ActKind.reworked,
}


def _prefetch_scans(uow: UnitOfWork, calls: Calls) -> dict[tuple[str, str], Known | int]:
    """What each scan of a batch names. A lot that several take from is left out: each must see the one before."""
    taken = Counter(call["parent_id"] for call in calls)
    children = {call["child_id"] for call in calls}
    requests = Counter(call["request_id"] for call in calls)
    done = find_requests(uow, requests)
    lots = load_lots(uow, children | taken.keys())
    equipment = load_equipment(uow, {call.get("equipment_id", "") for call in calls} - {""})
    jobs = load_jobs(uow, {call.get("job_id", "") for call in calls} - {""})
    over = lives_over(uow, taken)
    found: dict[tuple[str, str], Known | int] = {}
    for call in calls:
        names = (call["parent_id"], call["child_id"])
        alone = taken[names[0]] == 1 and names[0] not in children and names[1] not in taken
        if call["request_id"] in done:
            found["scan", call["request_id"]] = done[call["request_id"]]
        elif alone and requests[call["request_id"]] == 1 and all(name in lots for name in names):
            known = Known({name: lots[name] for name in names}, equipment=equipment, jobs=jobs, over=over)
            if {call.get("equipment_id", "")} <= {"", *equipment} and {call.get("job_id", "")} <= {"", *jobs}:
                found["scan", call["request_id"]] = known
    return found


@loaded_together(_prefetch_scans)
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

    `material_id`: what the bill asks for there ("" anything). Refusals as `record`.
    """
    known: Any = uow.prefetched(("scan", request_id))
    done = known if isinstance(known, int) else None if known else find_request(uow, request_id)
    if done is not None:
        return done
    note = override.reason if override else None
    act = Act(_ACTS[kind], child_id, uow.now_us, equipment_id, None, job_id, None, request_id, note)
    recording = Recording(acts=(act,), links=(Link(0, parent_id, child_id, quantity_e6, kind),))
    expected = _expected(uow, parent_id, material_id)
    made = record(uow, recording, override=override, materials=expected, known=known, is_now=True)
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


def _expected(uow: UnitOfWork, lot_id: str, material_id: str) -> Mapping[str, int]:
    if not material_id:
        return NOTHING
    materials = load_materials(uow, [material_id])
    if not materials:
        raise GenealogyInvalid(f"There is no material {material_id!r}.")
    return {lot_id: materials[material_id][0]}


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
    if find_request(uow, request_id) is not None:
        return pass_sequence(uow, request_id)
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
    return seq


def pass_sequence(uow: UnitOfWork, request_id: str) -> int:
    """The sequence that was given under a request id."""
    rows = uow.driver_query("SELECT seq FROM genealogy_act WHERE request_id = ?", (request_id,))
    return int(rows[0][0])


def _emit(
    uow: UnitOfWork, what: str, lot_id: str, made: Recorded, override: Override | None, payload: dict[str, Any]
) -> None:
    if override is not None and made.overridden:
        payload |= {"overridden": list(made.overridden), "override_reason": override.reason}
    topics = [f"material-lot/{lot_id}"]
    if payload["equipment_id"]:
        topics.append(f"equipment/{payload['equipment_id']}")
    uow.emit(f"genealogy.{what}.v1", topics=topics, subject=topics[0], payload=payload)
