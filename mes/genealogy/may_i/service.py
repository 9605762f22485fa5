"""A station reports what became of a unit at its step."""

from __future__ import annotations

from dataclasses import replace

from mes.equipment.types import WhenAway
from mes.genealogy.may_i.errors import ProgramMissing, UnitRefused
from mes.genealogy.may_i.queries import get_permission
from mes.genealogy.may_i.rules import expected_program
from mes.genealogy.may_i.statements import find_let, insert_let, load_parameters
from mes.genealogy.may_i.types import Permission, Why
from mes.kernel.repeats import content_hash, refuse_other_content
from mes.kernel.uow import UnitOfWork
from mes.orders.service.transition import get_record, reason_of
from mes.quality.service import record_own_result
from mes.quality.statements import load_told
from mes.quality.types import STATION, FoundDefect, ResultSpec, Verdict


def let_program(
    uow: UnitOfWork, *, job_id: str, program: str = "", program_revision: str = "", reason: str, request_id: str
) -> None:
    """A job may be made with a program, or a revision, that it does not ask for; what is done so is flagged.

    Repeating a `request_id` does nothing. `job-order-not-found`, `reason-missing`, `program-missing`,
    `idempotency-key-reused`.
    """
    why = reason_of(reason)
    told = content_hash(job_id, program, program_revision, why)
    known = find_let(uow, request_id)
    refuse_other_content(request_id, known=known, told=told)
    if known is not None:
        return
    if not (program or program_revision):
        raise ProgramMissing()
    job = get_record(uow, job_id)
    insert_let(uow, (job.pk, program, program_revision, why, request_id, told))
    uow.emit(
        "genealogy.program-overridden.v1",
        topics=job.topics,
        subject=f"job/{job_id}",
        payload={
            "job_order_id": job_id,
            "operations_request_id": job.operations_request_id,
            "program": program,
            "program_revision": program_revision,
            "wanted": expected_program(load_parameters(uow, job_id)),
            "reason": why,
        },
    )


def report_step(
    uow: UnitOfWork,
    *,
    unit_id: str,
    equipment_id: str,
    verdict: Verdict,
    request_id: str,
    at_us: int | None = None,
    defects: tuple[FoundDefect, ...] = (),
    note: str = "",
    was_away: bool = False,
    program: str = "",
    program_revision: str = "",
) -> Permission:
    """A unit passed or failed its step here. Repeating a `request_id` does nothing and is answered as the first time.

    `was_away`: it was done while the MES could not be asked (`at_us` says when); then it is recorded all the same, and
    flagged with what it would have been refused with, or with `done-while-away` where the plant wants stations to wait.
    So is what a supervisor let be done. Else `unit-refused`. `equipment-not-found`, `result-invalid` (also for a defect
    code nobody knows), `idempotency-key-reused`.
    """
    ran = (program, program_revision)
    more = ran if any(ran) else ()
    told = content_hash(unit_id, equipment_id, verdict, at_us, [tuple(one) for one in defects], note, was_away, *more)
    asked = {"unit_id": unit_id, "equipment_id": equipment_id, "program": program, "program_revision": program_revision}
    found = get_permission(uow, **asked, now_us=uow.now_us)
    if before := load_told(uow, STATION, request_id):
        refuse_other_content(request_id, known=before.content, told=told)
        why = Why(before.flag) if before.flag else None
        return replace(found, why=why, segment_id=before.segment_id, job_id=before.job_id, other="")
    if found.why is not None and not was_away:
        raise UnitRefused(f"{unit_id}: {found.why} {found.other}".rstrip(), why=found.why, other=found.other)
    if found.why is None and was_away and found.when_away is WhenAway.stop:
        found = replace(found, why=Why.away)
    result = ResultSpec(
        STATION,
        request_id,
        unit_id,
        equipment_id,
        verdict,
        uow.now_us if at_us is None else at_us,
        found.job_id,
        found.segment_id,
        *ran,
        note=note,
        defects=defects,
        flag=found.why or found.overridden or "",
        told=told,
    )
    record_own_result(uow, result=result)
    return found
