"""Reports leave when their time has come: after the undo has lapsed, and again when a late fact changes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from mes.access.privacy.queries import get_privacy_policy
from mes.access.privacy.rules import named
from mes.genealogy.types import ActKind
from mes.kernel.outbox import move_cursor, read_cursor
from mes.kernel.uow import UnitOfWork, marks
from mes.orders.types import JobRole
from mes.reporting.rules import (
    Consumption,
    Interval,
    JobOutcome,
    digest,
    in_short,
    job_response,
    run_time,
    says_the_same,
)
from mes.reporting.statements import JobSpan, jobs_of_acts, load_lots_used, load_moves, newest_act
from standards.isa95.job_control import FINAL_STATES, DispatchStatus, EndedSubstate, JobState

REPORTS_MAX: Final = 200
"""Reports in one unit of work."""
ACTS_MAX: Final = 2_000
"""Acts of genealogy looked at in one go."""
LOOKS_MAX: Final = 20
"""Times in one unit of work."""
JOBS_AT_ONCE: Final = 1_000
"""Jobs named in one statement; after as many no further acts are looked at in this unit of work."""
CONSUMPTION: Final = "reporting.consumption"
"""The cursor over acts of genealogy: jobs that used lots by later ones have not been reported with them."""

_JOBS: Final = (
    "SELECT j.pk, j.id, j.state, j.segment_id, j.work_master_id, j.work_master_version, j.unit, j.started_at_us, "
    "j.ended_at_us, j.quantity_e6, j.good_low_e6, j.good_high_e6, j.scrap_low_e6, j.scrap_high_e6, j.report_version, "
    "r.pk, r.id, r.version_label, r.state, q.id, m.id, e.id, e.pk, j.dispatch_status, j.rework_e6, j.role, j.manual "
    "FROM job_order j JOIN work_request q ON q.pk = j.work_request_pk "
    "JOIN operations_request r ON r.pk = q.operations_request_pk "
    "JOIN material_definition m ON m.pk = j.material_pk JOIN equipment e ON e.pk = j.equipment_pk WHERE "
)
_DUE: Final = f"{_JOBS} j.report_due_at_us <= ? ORDER BY j.report_due_at_us, j.pk LIMIT ?"
_WAS_USED_SINCE: Final = (
    "SELECT 1 FROM (SELECT coalesce(max(pk), 0) AS pk FROM genealogy_act) newest WHERE newest.pk > "  # noqa: S608
    f"coalesce((SELECT c.seq FROM consumer_cursor c WHERE c.consumer = '{CONSUMPTION}'), 0)"
)
ARE_DUE: Final = f"SELECT 1 FROM job_order WHERE report_due_at_us <= ? UNION ALL {_WAS_USED_SINCE}"  # noqa: S608
"""Whether `publish_due_reports` has something to do now."""
_DUE_AGAIN: Final = (
    "UPDATE job_order SET report_due_at_us = ? WHERE report_version > 0 AND report_due_at_us IS NULL AND pk IN "
)

_DONE_IN_JOB: Final = (
    f"a.job_pk = ? AND a.job_pk IS NOT NULL AND a.kind <> {ActKind.passed.value} AND a.ended_by_pk IS NULL"
)
"""As the index has it."""


def publish_due_reports(uow: UnitOfWork) -> None:
    """Publish a version of each report that is due, or whose job used lots since, and says something new.

    Called by the ticker. What is too much for one unit of work is due at the next.
    """
    _note_late_consumption(uow)
    for row in uow.driver_query(_DUE, (uow.now_us, REPORTS_MAX)):
        _publish_if_over(uow, row)
        uow.driver_execute("UPDATE job_order SET report_due_at_us = NULL WHERE pk = ?", (row[0],))


def _note_late_consumption(uow: UnitOfWork) -> None:
    """Reports of jobs that used more or less by the next acts of genealogy are due. One act may be of any number."""
    begun = since = read_cursor(uow.session, consumer=CONSUMPTION)
    head, named = newest_act(uow), 0
    for _ in range(LOOKS_MAX):
        if since >= head or named >= JOBS_AT_ONCE:
            break
        first, since = since + 1, min(head, since + ACTS_MAX)
        jobs = sorted(jobs_of_acts(uow, first, since))
        named += len(jobs)
        _note_due(uow, jobs)
    if since != begun:
        move_cursor(uow, consumer=CONSUMPTION, seq=since)


def _note_due(uow: UnitOfWork, jobs: Sequence[int]) -> None:
    for start in range(0, len(jobs), JOBS_AT_ONCE):
        some = jobs[start : start + JOBS_AT_ONCE]
        uow.driver_execute(f"{_DUE_AGAIN} ({marks(some)})", (uow.now_us, *some))


def _publish_if_over(uow: UnitOfWork, row: Sequence[Any]) -> None:
    if JobState(row[2]) in FINAL_STATES or row[23] == DispatchStatus.Cancelled:
        _publish(uow, row)


def _publish(uow: UnitOfWork, row: Sequence[Any]) -> None:
    job_pk, job_id, version, request_pk = row[0], row[1], row[14] + 1, row[15]
    outcome = _outcome(uow, row)
    if says_the_same(outcome, _last_digest(uow, job_pk)):
        return
    content = job_response(outcome)
    uow.driver_execute(
        "INSERT INTO job_report (job_pk, operations_request_pk, version, content, content_sha256, created_at_us) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (job_pk, request_pk, version, orjson.dumps(content).decode(), digest(content), uow.now_us),
    )
    uow.driver_execute("UPDATE job_order SET report_version = ? WHERE pk = ?", (version, job_pk))
    _close(uow, outcome, job_pk)
    uow.emit(
        "reporting.job-response-published.v1",
        topics=[f"order/{row[16]}", "board"],
        subject=f"job/{job_id}",
        payload={"job_order_id": job_id, "version": version, **in_short(outcome)},
    )


def _close(uow: UnitOfWork, outcome: JobOutcome, job_pk: int) -> None:
    """An ended job is closed when its final confirmation has left; else, or when a late fact left a doubt, it waits."""
    substate = EndedSubstate.Closed if outcome.final else EndedSubstate.Completed
    uow.driver_execute(
        "UPDATE job_order SET awaits_count = ?, substate = CASE WHEN state = ? THEN ? ELSE substate END WHERE pk = ?",
        (not outcome.final, int(JobState.Ended), int(substate), job_pk),
    )


def _last_digest(uow: UnitOfWork, job_pk: int) -> str:
    rows = uow.driver_query(
        "SELECT content_sha256 FROM job_report WHERE job_pk = ? ORDER BY version DESC LIMIT 1", (job_pk,)
    )
    return rows[0][0] if rows else ""


def _outcome(uow: UnitOfWork, row: Sequence[Any]) -> JobOutcome:
    return JobOutcome(
        operations_request_id=row[16],
        operations_request_version=row[17],
        operations_request_state=row[18],
        work_request_id=row[19],
        job_id=row[1],
        segment_id=row[3],
        work_master_id=row[4],
        work_master_version=row[5],
        equipment_id=row[21],
        physical_asset_ids=_assets(uow, row[22], row[7], row[8]),
        person_ids=_persons(uow, row[0], row[1]),
        material_id=row[20],
        unit=row[6],
        state=JobState(row[2]),
        started_at_us=row[7],
        ended_at_us=row[8],
        ordered_e6=row[9],
        good=Interval(row[10], row[11]),
        scrap=Interval(row[12], row[13]),
        scrap_by_reason=_scrap_by_reason(uow, row[0], exact=row[12] == row[13]),
        cancelled=row[23] == DispatchStatus.Cancelled,
        rework_e6=row[24],
        reworked=row[25] == JobRole.rework,
        used_at=_used_at(uow, row[0], row[22]),
        consumed=_consumed(uow, JobSpan(row[0], row[22], row[7], row[8])),
        ran=run_time(load_moves(uow, [row[1]])[row[1]], from_us=row[7], until_us=row[8], manual=bool(row[26])),
    )


def _consumed(uow: UnitOfWork, job: JobSpan) -> tuple[Consumption, ...]:
    lots = load_lots_used(uow, [job])
    return tuple(Consumption(lot.material_id, lot.lot_id, lot.unit, lot.quantity_e6) for lot in lots)


def _used_at(uow: UnitOfWork, job_pk: int, equipment_pk: int) -> tuple[str, ...]:
    """Where else something was done in the job, such as a part put in."""
    rows = uow.driver_query(
        "SELECT DISTINCT e.id FROM genealogy_act a JOIN equipment e ON e.pk = a.equipment_pk "  # noqa: S608
        f"WHERE {_DONE_IN_JOB} AND a.equipment_pk <> ? ORDER BY e.id",
        (job_pk, equipment_pk),
    )
    return tuple(row[0] for row in rows)


def _scrap_by_reason(uow: UnitOfWork, job_pk: int, *, exact: bool) -> dict[str, Interval]:
    """Where the total is exact because a person counted, so is each reason: what is proven of it."""
    rows = uow.driver_query(
        "SELECT reason_id, sum(low_e6), CASE WHEN count(high_e6) = count(*) THEN sum(high_e6) END "
        "FROM count_fact WHERE job_pk = ? AND kind = 'scrap' GROUP BY reason_id",
        (job_pk,),
    )
    highs = {row[0]: row[1] if exact else row[2] for row in rows}
    found = {row[0]: Interval(int(row[1]), None if (high := highs[row[0]]) is None else int(high)) for row in rows}
    return {reason: amount for reason, amount in found.items() if amount != Interval(0, 0)}


def _assets(uow: UnitOfWork, equipment_pk: int, from_us: int | None, to_us: int | None) -> tuple[str, ...]:
    """The machines that filled the role, or the roles under it, while the job ran."""
    if from_us is None or to_us is None:
        return ()
    rows = uow.driver_query(
        "SELECT DISTINCT a.id FROM equipment_asset_mapping m JOIN physical_asset a ON a.pk = m.physical_asset_pk "
        "JOIN equipment e ON e.pk = m.equipment_pk WHERE (e.pk = ? OR e.parent_pk = ?) AND m.from_at_us <= ? "
        "AND (m.to_at_us IS NULL OR m.to_at_us > ?) ORDER BY a.id",
        (equipment_pk, equipment_pk, to_us, from_us),
    )
    return tuple(row[0] for row in rows)


def _persons(uow: UnitOfWork, job_pk: int, job_id: str) -> tuple[str, ...]:
    """Who counted or moved the job by hand, or put something into its pieces, as far as the plant lets that be said."""
    rows = uow.driver_query(
        "SELECT actor FROM count_fact WHERE job_pk = ? AND actor IS NOT NULL "  # noqa: S608
        "AND cause IN ('operator', 'corrected') "
        "UNION SELECT actor FROM outbox_event WHERE subject = ? AND actor IS NOT NULL "
        f"UNION SELECT a.actor FROM genealogy_act a WHERE {_DONE_IN_JOB} AND a.actor IS NOT NULL",
        (job_pk, f"job/{job_id}", job_pk),
    )
    actors = tuple(row[0] for row in rows)
    if not actors:
        return ()
    names = uow.driver_query(
        f"SELECT pk, id FROM principal WHERE pk IN ({marks(actors)}) AND kind = 'person'",  # noqa: S608
        actors,
    )
    return named(get_privacy_policy(uow.session), {row[0]: row[1] for row in names})
