"""A station reports what became of a unit at its step."""

from __future__ import annotations

from dataclasses import replace

from mes.equipment.types import WhenAway
from mes.genealogy.may_i.errors import UnitRefused
from mes.genealogy.may_i.queries import get_permission
from mes.genealogy.may_i.types import Permission, Why
from mes.kernel.repeats import content_hash, refuse_other_content
from mes.kernel.uow import UnitOfWork
from mes.quality.service import record_own_result
from mes.quality.statements import load_told
from mes.quality.types import STATION, FoundDefect, ResultSpec, Verdict


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
) -> Permission:
    """A unit passed or failed its step here. Repeating a `request_id` does nothing and is answered as the first time.

    `was_away`: it was done while the MES could not be asked (`at_us` says when); then it is recorded all the same, and
    flagged with what it would have been refused with, or with `done-while-away` where the plant wants stations to wait.
    Else `unit-refused`. `equipment-not-found`, `result-invalid` (also for a defect code nobody
    knows), `idempotency-key-reused`.
    """
    told = content_hash(unit_id, equipment_id, verdict, at_us, [tuple(one) for one in defects], note, was_away)
    found = get_permission(uow, unit_id=unit_id, equipment_id=equipment_id, now_us=uow.now_us)
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
        note=note,
        defects=defects,
        flag=found.why or "",
        told=told,
    )
    record_own_result(uow, result=result)
    return found
