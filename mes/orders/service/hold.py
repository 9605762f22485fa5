"""Hold: a constraint a supervisor puts on a job and lifts again. It is not the operator's pause, which is Suspended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mes.kernel.uow import UnitOfWork
from mes.orders.errors import FirstArticleOpen, JobHeld, JobNotHeld, JobStateConflict, JobWithMachine
from mes.orders.rules import JobFacts
from mes.orders.service.dispatch import ask_machine
from mes.orders.service.following import dispatch_due_jobs
from mes.orders.service.transition import get_record, move, reason_of
from mes.orders.statements import JobRecord, set_hold
from mes.orders.types import Note
from standards.isa95.job_control import (
    FINAL_STATES,
    DispatchStatus,
    InterruptedSubstate,
    JobState,
    dispatch_status_of,
)
from standards.lineside.commands_v1 import JobAction

_PLACED, _LIFTED = "orders.job-hold-placed.v1", "orders.job-hold-lifted.v1"


def hold_job(uow: UnitOfWork, *, job_id: str, version: int, reason: str) -> None:
    """Keep a job from starting, or from going on: at a manual station at once, at a machine by asking it to pause.

    `reason-missing`, `job-held`, `job-state-conflict` once it is over, `job-with-machine` before it began there,
    `job-version-conflict`.
    """
    job = get_record(uow, job_id, version)
    why = reason_of(reason)
    if job.state in FINAL_STATES or job.dispatch_status == DispatchStatus.Cancelled:
        raise JobStateConflict(f"Job {job_id} is over.")
    if job.hold_reason:
        raise JobHeld(f"Job {job_id} is on hold already: {job.hold_reason}")
    if job.with_machine:
        raise JobWithMachine(f"{job.equipment_id} has job {job_id} and may start it any moment.")
    set_hold(uow, job.pk, why)
    if job.gated:
        move(uow, job, job.facts, at_us=uow.now_us, event=_PLACED, payload={"reason": why})
    else:
        interrupt(uow, job, event=_PLACED, payload={"reason": why})


def interrupt(uow: UnitOfWork, job: JobRecord, *, event: str, payload: Mapping[str, Any]) -> None:
    """A hold was put on a job: it stops here, or its machine is asked to pause. `machine-unreachable`."""
    asked = job.state == JobState.Running and _told_by_machine(job)
    move(uow, job, job.facts if asked else _held(job), at_us=uow.now_us, event=event, payload=dict(payload))
    if asked:
        ask_machine(uow, job, JobAction.pause)


def lift_hold(uow: UnitOfWork, *, job_id: str, version: int, reason: str = "") -> None:
    """Take the constraint away. What had begun waits, paused, for whoever works there; nothing starts by itself but
    what was released and is due. `job-not-held`, `job-version-conflict`."""
    job = get_record(uow, job_id, version)
    if job.gated and not job.hold_reason:
        raise FirstArticleOpen(f"Job {job_id} is held by its first article.")
    if not job.hold_reason:
        raise JobNotHeld(f"Job {job_id} is not on hold.")
    why = " ".join(reason.split())
    set_hold(uow, job.pk, "")
    held_for, job.hold_reason = job.hold_reason, ""
    payload = {"reason": why, "held_for": held_for}
    move(uow, job, freed(job), at_us=uow.now_us, event=_LIFTED, payload=payload)
    dispatch_due_jobs(uow)


def _told_by_machine(job: JobRecord) -> bool:
    return not job.manual and job.note != Note.forgotten_by_machine


def _held(job: JobRecord) -> JobFacts:
    """A machine's own sub-state stays as it said; at a manual station the hold is what interrupts."""
    facts = job.facts._replace(held=True, dispatch_status=DispatchStatus.Held, note=job.note)
    if job.waits or _told_by_machine(job):
        return facts
    return facts._replace(state=JobState.Interrupted, substate=InterruptedSubstate.Held)


def freed(job: JobRecord) -> JobFacts:
    """The job without the hold that was just taken away; where another one is on, as it is."""
    if job.hold_reason or job.gated:
        return job.facts
    facts = job.facts._replace(held=False)
    if job.waits:
        released = job.state == JobState.AllowedToStart
        return facts._replace(dispatch_status=DispatchStatus.Pending if released else DispatchStatus.Waiting)
    if job.state == JobState.Interrupted and job.manual:
        facts = facts._replace(substate=InterruptedSubstate.Suspended)
    return facts._replace(dispatch_status=dispatch_status_of(facts.state, facts.substate))
