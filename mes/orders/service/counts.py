"""Counting. Facts are only ever added: what was wrong is reversed by another fact.

Machines count; people correct. Where a machine counts a job, an operator's scrap moves pieces from good to scrap and
never adds to what the machine counted. At a manual station good and scrap are both the operator's word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from mes.definitions.queries import list_scrap_reasons
from mes.kernel.repeats import content_hash, refuse_other_content
from mes.kernel.uow import UnitOfWork, loaded_together
from mes.orders.errors import (
    JobIsMachineRun,
    JobStateConflict,
    MoreScrapThanGood,
    NothingToUndo,
    QuantityInvalid,
    ScrapReasonUnknown,
)
from mes.orders.rules import ACTIVE_STATES, added
from mes.orders.service.first_article import hold_for_first_article
from mes.orders.service.transition import REPORT_AFTER_US, get_record
from mes.orders.statements import JobRecord, insert_counts, load_jobs, prefetch_jobs, set_counted, update_totals
from mes.orders.types import QUANTITY_MAX_E6, UNDO_S, Cause, Count, CountKind, Unassigned
from standards.isa95.job_control import FINAL_STATES
from standards.isa95.quantity import to_e6

GOOD, SCRAP, COUNT, CORRECTION, REWORK = "good", "scrap", "count", "correction", "rework"
UNDOABLE: Final = frozenset({GOOD, SCRAP, COUNT})
"""Acts of operators, which may be taken back for some seconds."""


def record_counts(uow: UnitOfWork, *, counts: Sequence[Count]) -> None:
    """Add facts, keep the jobs' totals, and say so once a job. A late fact makes a report due again.

    What a machine tells late of a job whose pieces a person has counted was in that count: a fact, but nobody's pieces.
    """
    if not counts:
        return
    known = {count.job_pk for count in counts if count.job_pk is not None}
    jobs = {job.pk: job for job in load_jobs(uow, pks=known)}
    counts = [_unless_by_hand(count, jobs) for count in counts]
    insert_counts(uow, counts)
    mine = [count for count in counts if count.job_pk is not None]
    jobs = {pk: jobs[pk] for pk in {count.job_pk for count in mine if count.job_pk is not None}}
    for count in mine:
        _add(jobs[count.job_pk or 0], count)
    update_totals(uow, jobs, {pk: _report_due(uow, job) for pk, job in jobs.items()})
    for job in jobs.values():
        _emit_counted(uow, job, [count for count in mine if count.job_pk == job.pk])
        if job.first_article_at_e6 is not None and job.made_e6 >= job.first_article_at_e6:
            hold_for_first_article(uow, job)
    _emit_unassigned(uow, [count for count in counts if count.job_pk is None])


def _unless_by_hand(count: Count, jobs: Mapping[int, JobRecord]) -> Count:
    job = jobs.get(count.job_pk or 0)
    if job is None or job.counted_at_us is None or count.cause is not Cause.machine:
        return count
    return count._replace(job_pk=None, unassigned=Unassigned.counted_by_hand)


def _add(job: JobRecord, count: Count) -> None:
    if count.kind is CountKind.good:
        job.good_low_e6, job.good_high_e6 = added(job.good_low_e6, job.good_high_e6, count.low_e6, count.high_e6)
    elif count.kind is CountKind.rework:
        job.rework_e6 += count.low_e6
    else:
        job.scrap_low_e6, job.scrap_high_e6 = added(job.scrap_low_e6, job.scrap_high_e6, count.low_e6, count.high_e6)


def _report_due(uow: UnitOfWork, job: JobRecord) -> int | None:
    if job.state not in FINAL_STATES:
        return None
    return max(uow.now_us + REPORT_AFTER_US, job.undo_until_us or 0)


def _emit_counted(uow: UnitOfWork, job: JobRecord, counts: Sequence[Count]) -> None:
    uow.emit(
        "orders.pieces-counted.v1",
        topics=job.topics,
        subject=f"job/{job.job_id}",
        payload={
            "job_order_id": job.job_id,
            "good_e6": [job.good_low_e6, job.good_high_e6],
            "scrap_e6": [job.scrap_low_e6, job.scrap_high_e6],
            "counts": [[c.kind, c.reason_id, c.low_e6, c.high_e6, c.cause] for c in counts],
        },
        occurred_at_us=max(count.source_at_us for count in counts),
    )


def _emit_unassigned(uow: UnitOfWork, counts: Sequence[Count]) -> None:
    if not counts:
        return
    uow.emit(
        "orders.pieces-unassigned.v1",
        topics=["board", "unassigned"],
        subject="unassigned",
        payload={"counts": [[c.equipment_pk, c.kind, c.unassigned, c.low_e6, c.high_e6] for c in counts]},
        occurred_at_us=max(count.source_at_us for count in counts),
    )


@loaded_together(prefetch_jobs)
def report_good(uow: UnitOfWork, *, job_id: str, quantity: Decimal, request_id: str) -> None:
    """Good pieces at a manual station. Repeating a `request_id` does nothing. `job-machine-run` at a machine."""
    job, pieces = get_record(uow, job_id), pieces_of(quantity)
    if not is_new_act(uow, job, request_id, GOOD, pieces):
        return
    _refuse_inactive(job)
    if not job.manual:
        raise JobIsMachineRun(f"The machine counts the good pieces of job {job_id}.")
    record_counts(uow, counts=[operator_count(uow, job, CountKind.good, pieces, request_id)])


@loaded_together(prefetch_jobs)
def report_scrap(uow: UnitOfWork, *, job_id: str, quantity: Decimal, reason_id: str, request_id: str) -> None:
    """Scrap with a reason. Repeating a `request_id` does nothing.

    `scrap-reason-unknown`, `quantity-invalid`, `more-scrap-than-good` at a machine, `job-state-conflict` before the
    job ran.
    """
    job, pieces = get_record(uow, job_id), pieces_of(quantity)
    if not is_new_act(uow, job, request_id, SCRAP, pieces, reason_id):
        return
    if job.started_at_us is None:
        raise JobStateConflict(f"Job {job_id} has not run yet.")
    if reason_id not in {reason.reason_id for reason in list_scrap_reasons(uow.session)}:
        raise ScrapReasonUnknown(f"There is no scrap reason {reason_id!r}.")
    if not job.manual and pieces > job.good_low_e6:
        raise MoreScrapThanGood(f"Job {job_id} has fewer good pieces than that.")
    scrap = operator_count(uow, job, CountKind.scrap, pieces, request_id)._replace(reason_id=reason_id)
    taken = [] if job.manual else [operator_count(uow, job, CountKind.good, -pieces, request_id)]
    record_counts(uow, counts=[*taken, scrap])


def undo_count(uow: UnitOfWork, *, request_id: str, job_id: str | None = None) -> None:
    """Reverse an operator's count within 10 s; the facts stay, their opposites are added. `nothing-to-undo` later.

    What went to rework has jobs of its own by now, and a correction is a supervisor's: both stay. So does a count of
    whose pieces fewer are left, because somebody corrected them meanwhile. `job_id`: it has to be of this job.
    """
    acts = uow.driver_query(
        "SELECT a.at_us, a.undone, a.act, a.job_pk, j.id FROM job_act a JOIN job_order j ON j.pk = a.job_pk "
        "WHERE a.request_id = ?",
        (request_id,),
    )
    if acts and job_id not in (None, acts[0][4]):
        raise NothingToUndo("The count is another job's.")
    if not acts or acts[0][1] or acts[0][2] not in UNDOABLE or acts[0][0] + UNDO_S * 1_000_000 < uow.now_us:
        raise NothingToUndo("The count stands.")
    rows = uow.driver_query(
        "SELECT job_pk, equipment_pk, kind, reason_id, low_e6, high_e6, cause FROM count_fact WHERE request_id = ?",
        (request_id,),
    )
    _refuse_below_zero(uow, acts[0][3], rows)
    uow.driver_execute("UPDATE job_act SET undone = ? WHERE request_id = ?", (True, request_id))
    if acts[0][2] == COUNT:
        _open_again(uow, acts[0][3])
    reversals = [
        Count(
            job_pk=row[0],
            equipment_pk=row[1],
            kind=CountKind(row[2]),
            reason_id=row[3],
            low_e6=-row[4],
            high_e6=None if row[5] is None else -row[5],
            from_at_us=uow.now_us,
            source_at_us=uow.now_us,
            cause=Cause(row[6]),
            request_id=f"undo:{request_id}"[:100],
        )
        for row in rows
    ]
    record_counts(uow, counts=reversals)


def _refuse_below_zero(uow: UnitOfWork, job_pk: int, rows: Sequence[Sequence[Any]]) -> None:
    (job,) = load_jobs(uow, pks=[job_pk])
    left = {CountKind.good: job.good_low_e6, CountKind.scrap: job.scrap_low_e6}
    for row in rows:
        left[CountKind(row[2])] -= row[4]
    if min(left.values()) < 0:
        raise NothingToUndo("The pieces were corrected since.")


def _open_again(uow: UnitOfWork, job_pk: int) -> None:
    """A person's count is taken back: what the machines prove is all that is known."""
    (job,) = load_jobs(uow, pks=[job_pk])
    set_counted(uow, job_pk, None, awaits_count=True)
    uow.emit(
        "orders.job-count-undone.v1",
        topics=job.topics,
        subject=f"job/{job.job_id}",
        payload={"job_order_id": job.job_id, "equipment_id": job.equipment_id},
    )


def _refuse_inactive(job: JobRecord) -> None:
    if job.state not in ACTIVE_STATES:
        raise JobStateConflict(f"Job {job.job_id} is {job.state.name}; only an active job is counted.")


def pieces_of(quantity: Decimal, *, least: int = 1) -> int:
    """Scaled by 10^6. `quantity-invalid` below `least` millionths, beyond what is counted, or not exact."""
    try:
        pieces = to_e6(quantity)
    except ValueError as error:
        raise QuantityInvalid(str(error)) from error
    if not least <= pieces <= QUANTITY_MAX_E6:
        raise QuantityInvalid("The quantity must be positive." if least else "The quantity must not be negative.")
    return pieces


def is_new_act(uow: UnitOfWork, job: JobRecord, request_id: str, act: str, *told: object) -> bool:
    """Whether this act was not done before under its request id; notes that it is done now.

    To be asked before anything else is judged, since a repeat is answered as the first time was.
    `idempotency-key-reused` where the id was used for another job, act or content.
    """
    content = content_hash(job.job_id, act, *told)
    changed = uow.driver_execute(
        "INSERT INTO job_act (request_id, job_pk, act, at_us, undone, content_hash) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        (request_id, job.pk, act, uow.now_us, False, content),
    )
    if changed:
        return True
    ((known,),) = uow.driver_query("SELECT content_hash FROM job_act WHERE request_id = ?", (request_id,))
    refuse_other_content(request_id, known=known, told=content)
    return False


def operator_count(uow: UnitOfWork, job: JobRecord, kind: CountKind, pieces: int, request_id: str) -> Count:
    """So many pieces, of now, by somebody's word."""
    return Count(
        job_pk=job.pk,
        equipment_pk=job.equipment_pk,
        kind=kind,
        reason_id="",
        low_e6=pieces,
        high_e6=pieces,
        from_at_us=uow.now_us,
        source_at_us=uow.now_us,
        cause=Cause.operator,
        request_id=request_id,
    )
