"""A station reports what became of a unit at its step."""

from __future__ import annotations

from dataclasses import replace

from mes.equipment.types import WhenAway
from mes.genealogy.may_i.errors import UnitRefused
from mes.genealogy.may_i.queries import get_permission
from mes.genealogy.may_i.types import Permission, Why
from mes.kernel.uow import UnitOfWork
from mes.quality.errors import ResultInvalid
from mes.quality.service import record_results
from mes.quality.statements import load_known
from mes.quality.types import FoundDefect, ResultSpec, Verdict

STATION = "station"
"""The source of what stations report; the request id is its result id."""


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
    """A unit passed or failed its step here. Repeating a `request_id` does nothing.

    `was_away`: it was done while the MES could not be asked (`at_us` says when); then it is recorded all the same, and
    flagged with what it would have been refused with, or with `done-while-away` where the plant wants stations to wait.
    Else `unit-refused`. `equipment-not-found`, `result-invalid` (also for a defect code nobody knows).
    """
    found = get_permission(uow, unit_id=unit_id, equipment_id=equipment_id, now_us=uow.now_us)
    if (STATION, request_id) in load_known(uow, {(STATION, request_id)}):
        return found
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
    )
    refused = record_results(uow, results=[result]).refused
    if refused:
        raise ResultInvalid(refused[0].detail)
    return found
