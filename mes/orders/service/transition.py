"""The one way a job's state changes: rule, write, run, event."""

from __future__ import annotations

from typing import Any

from mes.kernel.uow import UnitOfWork
from mes.orders.errors import JobNotFound, JobVersionConflict, ReasonMissing
from mes.orders.rules import ACTIVE_STATES, JobFacts
from mes.orders.service.following import refresh_request_state
from mes.orders.service.gate import want_at_start
from mes.orders.statements import (
    JobRecord,
    close_run,
    load_job,
    open_run,
    set_counted,
    set_hold,
    set_report_due,
    update_facts,
)
from mes.orders.types import REASON_MAX, UNDO_S
from standards.isa95.job_control import FINAL_STATES, JobState

REPORT_AFTER_US = 2_000_000
"""A report waits this long for facts that are still on their way."""


def get_record(uow: UnitOfWork, job_id: str, version: int | None = None) -> JobRecord:
    """The job; `job-order-not-found`, or `job-version-conflict` if it is not the version somebody looked at."""
    job = load_job(uow, job_id)
    if job is None:
        raise JobNotFound(f"There is no job {job_id!r}.")
    if version is not None and version != job.version:
        raise JobVersionConflict(f"Job {job_id} has moved on since you looked.")
    return job


def move(
    uow: UnitOfWork,
    job: JobRecord,
    facts: JobFacts,
    *,
    at_us: int,
    event: str,
    confirmed_by: str = "",
    undo_until_us: int | None = None,
    payload: dict[str, Any] | None = None,
    released: bool = False,
) -> None:
    """Write a transition with everything that belongs to it, and say so."""
    update_facts(uow, job, facts, confirmed_by=confirmed_by, undo_until_us=undo_until_us, released=released)
    _keep_run(uow, job, facts, at_us)
    if job.state in FINAL_STATES and facts.state not in FINAL_STATES:
        set_counted(uow, job.pk, None)
    if facts.state in FINAL_STATES:
        due = undo_until_us if undo_until_us is not None else uow.now_us + REPORT_AFTER_US
        set_report_due(uow, job.pk, due)
        if job.hold_reason:
            set_hold(uow, job.pk, "")
    uow.emit(
        event,
        topics=job.topics,
        subject=f"job/{job.job_id}",
        payload={
            "job_order_id": job.job_id,
            "operations_request_id": job.operations_request_id,
            "equipment_id": job.equipment_id,
            "from": job.state.name,
            "state": facts.state.name,
            "substate": facts.substate,
            "dispatch_status": facts.dispatch_status,
            "confirmed_by": confirmed_by,
            **(payload or {}),
        },
        occurred_at_us=at_us,
    )
    if not (facts.state in ACTIVE_STATES and job.state in ACTIVE_STATES):
        refresh_request_state(uow, job.work_request_pk)


def _keep_run(uow: UnitOfWork, job: JobRecord, facts: JobFacts, at_us: int) -> None:
    """A job has its equipment from its first `Running` to its end, pauses included."""
    if facts.state is JobState.Running and job.state not in ACTIVE_STATES:
        open_run(uow, job.pk, job.equipment_pk, at_us)
        want_at_start(uow, job)
    elif job.state in ACTIVE_STATES and facts.state not in ACTIVE_STATES:
        close_run(uow, job.pk, at_us)


def undo_deadline(uow: UnitOfWork) -> int:
    """Until when an act of now can be taken back."""
    return uow.now_us + UNDO_S * 1_000_000


def reason_of(text: str) -> str:
    """Why somebody did something, cut to what is kept. `reason-missing` where there is none."""
    reason = " ".join(text.split())[:REASON_MAX]
    if not reason:
        raise ReasonMissing("A reason is needed here.")
    return reason
