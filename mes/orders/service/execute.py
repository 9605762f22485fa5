"""What an operator does with a job: at a manual station it happens, at a machine the machine is asked."""

from __future__ import annotations

from typing import Final

from mes.access.signatures.service import require_signature
from mes.access.types import SignedAct
from mes.kernel.uow import UnitOfWork, loaded_together
from mes.orders.errors import (
    FirstArticleOpen,
    JobHeld,
    JobIsMachineRun,
    JobNotDue,
    JobStateConflict,
    NothingToUndo,
    OutsideTolerance,
    StationOccupied,
)
from mes.orders.quantity_rules import deviation
from mes.orders.rules import ACTIVE_STATES, JobFacts, hold_text
from mes.orders.service.dispatch import ask_machine
from mes.orders.service.following import dispatch_due_jobs
from mes.orders.service.qualified import missing_classes, require_qualified
from mes.orders.service.split import split_off_rest
from mes.orders.service.transition import get_record, move, reason_of, undo_deadline
from mes.orders.statements import JobRecord, load_active_jobs, prefetch_jobs, reopen_run, set_report_due
from mes.orders.types import Note, Remainder
from standards.isa95.job_control import (
    DispatchStatus,
    EndedSubstate,
    InterruptedSubstate,
    JobState,
)
from standards.lineside.commands_v1 import JobAction

_OPERATOR = "operator"


@loaded_together(prefetch_jobs)
def start_job(uow: UnitOfWork, *, job_id: str, version: int) -> None:
    """Start a released job at a manual station.

    `job-machine-run` at a machine, `job-not-due` before its predecessors ended, `station-occupied`,
    `job-state-conflict`, `job-version-conflict`, `qualification-missing`.
    """
    job = _startable(uow, job_id, version)
    require_qualified(uow, job)
    _start(uow, job)


def start_job_by_override(uow: UnitOfWork, *, job_id: str, version: int, reason: str) -> None:
    """Start a job whose step asks for a qualification that whoever starts it has not. As `start_job` else.

    What was missing and why it did not matter is recorded, with who said so.
    """
    job = _startable(uow, job_id, version)
    missing = missing_classes(uow, job)
    if missing:
        what = {"job_id": job_id, "version": version, "personnel_class_ids": list(missing), "reason": reason}
        require_signature(uow, SignedAct.override_qualification, subjects=[f"job/{job_id}"], what=what)
    _start(uow, job)
    if missing:
        uow.emit(
            "orders.qualification-overridden.v1",
            topics=job.topics,
            subject=f"job/{job.job_id}",
            payload={
                "job_order_id": job.job_id,
                "equipment_id": job.equipment_id,
                "personnel_class_ids": list(missing),
                "reason": reason,
            },
        )


def _startable(uow: UnitOfWork, job_id: str, version: int) -> JobRecord:
    job = get_record(uow, job_id, version)
    if not job.manual:
        raise JobIsMachineRun(f"{job.equipment_id} reports by itself when job {job_id} runs.")
    _require(job, JobState.AllowedToStart)
    _refuse_held(job)
    if _open_predecessors(uow, job):
        raise JobNotDue(f"Job {job_id} waits for the step before it.")
    if load_active_jobs(uow, (job.equipment_pk,)):
        raise StationOccupied(f"{job.equipment_id} has an active job.")
    return job


def _start(uow: UnitOfWork, job: JobRecord) -> None:
    facts = job.facts._replace(state=JobState.Running, dispatch_status=DispatchStatus.Running, started_at_us=uow.now_us)
    move(uow, job, facts, at_us=uow.now_us, event="orders.job-started.v1", confirmed_by=_OPERATOR)


@loaded_together(prefetch_jobs)
def pause_job(uow: UnitOfWork, *, job_id: str, version: int) -> None:
    """Suspend a running job: at a manual station at once, at a machine by asking it."""
    job = get_record(uow, job_id, version)
    _require(job, JobState.Running)
    if not job.manual:
        ask_machine(uow, job, JobAction.pause)
        return
    suspended = job.facts._replace(
        state=JobState.Interrupted,
        substate=InterruptedSubstate.Suspended,
        dispatch_status=DispatchStatus.Suspended,
    )
    move(uow, job, suspended, at_us=uow.now_us, event="orders.job-interrupted.v1", confirmed_by=_OPERATOR)


@loaded_together(prefetch_jobs)
def resume_job(uow: UnitOfWork, *, job_id: str, version: int) -> None:
    """Go on with an interrupted job: at a manual station at once, at a machine by asking it. `job-held`."""
    job = get_record(uow, job_id, version)
    _require(job, JobState.Interrupted)
    _refuse_held(job)
    if not job.manual and job.note != Note.forgotten_by_machine:
        ask_machine(uow, job, JobAction.resume)
        return
    if not job.manual:
        raise JobIsMachineRun("The machine no longer knows this job. Complete it with what was counted.")
    running = job.facts._replace(state=JobState.Running, substate=0, dispatch_status=DispatchStatus.Running)
    move(uow, job, running, at_us=uow.now_us, event="orders.job-resumed.v1", confirmed_by=_OPERATOR)


def complete_job(
    uow: UnitOfWork,
    *,
    job_id: str,
    version: int,
    remainder: Remainder = Remainder.closed,
    accepted_reason: str = "",
) -> None:
    """End a job: at a manual station at once (to be undone for 10 s), at a machine by telling it to stop.

    A job its machine has forgotten is ended by the operator's word, since nobody else can. `remainder` split: what was
    not made becomes a job of its own, not released, and the end stands. `accepted_reason`: why a supervisor accepts
    what is outside the order's tolerance; without it that is `outside-tolerance`. A machine ends by itself: what it
    made is then seen, not refused. `job-held`, `job-state-conflict`, `job-version-conflict`.
    """
    job = get_record(uow, job_id, version)
    if job.state not in ACTIVE_STATES:
        raise JobStateConflict(f"Job {job_id} is {job.state.name}; only an active job is completed.")
    _refuse_held(job)
    if not job.manual and job.note != Note.forgotten_by_machine:
        if remainder is Remainder.split_off:
            raise JobIsMachineRun("Split off the rest when the machine has ended the job.")
        ask_machine(uow, job, JobAction.stop)
        return
    accepted = _accepted(job, remainder, accepted_reason)
    ended = _ended(job, uow.now_us)
    splits = remainder is Remainder.split_off
    move(
        uow,
        job,
        ended,
        at_us=uow.now_us,
        event="orders.job-ended.v1",
        confirmed_by=_OPERATOR,
        undo_until_us=None if splits else undo_deadline(uow),
        payload={"remainder": remainder, **accepted},
    )
    if splits:
        split_off_rest(uow, job)
    dispatch_due_jobs(uow)


_THAN: Final = {"under": "less", "over": "more"}


def _accepted(job: JobRecord, remainder: Remainder, reason: str) -> dict[str, str]:
    """What the event tells of a tolerance that was not kept. What went to rework is delivered by other jobs."""
    found = deviation(
        good_low_e6=job.good_low_e6,
        good_high_e6=job.good_high_e6,
        planned_e6=job.quantity_e6 - job.rework_e6,
        under_bp=None if remainder is Remainder.split_off else job.under_tolerance_bp,
        over_bp=job.over_tolerance_bp,
    )
    if not found:
        return {}
    if not reason.strip():
        raise OutsideTolerance(f"Job {job.job_id} would deliver {_THAN[found]} than its order tolerates.")
    return {"deviation": found, "reason": reason_of(reason)}


def undo_complete_job(uow: UnitOfWork, *, job_id: str, version: int) -> None:
    """Take a completion back within 10 s. `nothing-to-undo` later, or where another job has begun here."""
    job = get_record(uow, job_id, version)
    if job.state != JobState.Ended or job.undo_until_us is None or job.undo_until_us < uow.now_us:
        raise NothingToUndo(f"The end of job {job_id} stands.")
    if load_active_jobs(uow, (job.equipment_pk,)):
        raise StationOccupied(f"{job.equipment_id} has another active job by now.")
    facts = job.facts._replace(
        state=JobState.Running, substate=0, dispatch_status=DispatchStatus.Running, ended_at_us=None
    )
    reopen_run(uow, job.pk)
    move(uow, job, facts, at_us=uow.now_us, event="orders.job-end-undone.v1", confirmed_by=_OPERATOR)
    set_report_due(uow, job.pk, None)


def _ended(job: JobRecord, at_us: int) -> JobFacts:
    return job.facts._replace(
        state=JobState.Ended,
        substate=EndedSubstate.Completed,
        dispatch_status=DispatchStatus.Completed,
        ended_at_us=at_us,
        note=Note.none,
    )


def _refuse_held(job: JobRecord) -> None:
    if job.gated:
        raise FirstArticleOpen(f"Job {job.job_id}: {hold_text(job.hold_reason, job.first_article)}")
    if job.hold_reason:
        raise JobHeld(f"Job {job.job_id} is on hold: {job.hold_reason}")


def _require(job: JobRecord, state: JobState) -> None:
    if job.state != state:
        raise JobStateConflict(f"Job {job.job_id} is {job.state.name}, not {state.name}.")


def _open_predecessors(uow: UnitOfWork, job: JobRecord) -> bool:
    rows = uow.driver_query(
        "SELECT count(*) FROM job_dependency d JOIN job_order p ON p.pk = d.after_job_pk WHERE d.job_pk = ? "
        "AND NOT (p.state = 5 OR (d.kind = 'AfterStart' AND p.state IN (3, 4)) OR p.dispatch_status = 'Cancelled')",
        (job.pk,),
    )
    return bool(rows[0][0])
