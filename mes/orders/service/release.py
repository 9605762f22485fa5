"""Release: a supervisor permits jobs. That is all it does; machines start when their turn comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mes.kernel.uow import UnitOfWork
from mes.orders.errors import JobNotFound, JobStateConflict, JobVersionConflict
from mes.orders.rules import JobFacts
from mes.orders.service.dispatch import dispatch_due_jobs
from mes.orders.service.transition import move
from mes.orders.statements import JobRecord, load_jobs
from mes.orders.types import Note
from standards.isa95.job_control import DispatchStatus, JobState


def release_jobs(uow: UnitOfWork, *, versions: Mapping[str, int]) -> None:
    """Permit jobs, all or none: job id → the version somebody looked at.

    `job-order-not-found`, `job-version-conflict`, `job-state-conflict` (already released or over).
    """
    for job in _records(uow, versions):
        if job.state != JobState.NotAllowedToStart or job.dispatch_status == DispatchStatus.Cancelled:
            raise JobStateConflict(
                f"Job {job.job_id} is {JobState(job.state).name}; only unreleased jobs are released."
            )
        facts = replace(
            job.facts, state=JobState.AllowedToStart, dispatch_status=DispatchStatus.Pending, note=Note.none
        )
        move(uow, job, facts, at_us=uow.now_us, event="orders.job-released.v1")
    uow.driver_executemany(
        "UPDATE job_order SET released_at_us = ?, retry_at_us = NULL WHERE id = ?",
        [(uow.now_us, job_id) for job_id in versions],
    )
    dispatch_due_jobs(uow)


def revoke_release(uow: UnitOfWork, *, versions: Mapping[str, int]) -> None:
    """Take the permission back from jobs that no machine has yet, all or none. `job-state-conflict` otherwise."""
    for job in _records(uow, versions):
        if job.state != JobState.AllowedToStart or job.dispatch_status != DispatchStatus.Pending:
            raise JobStateConflict(f"Job {job.job_id} is already with its machine, or was not released.")
        move(uow, job, _unreleased(job), at_us=uow.now_us, event="orders.job-release-revoked.v1")


def _unreleased(job: JobRecord) -> JobFacts:
    return replace(job.facts, state=JobState.NotAllowedToStart, dispatch_status=DispatchStatus.Waiting, note=Note.none)


def _records(uow: UnitOfWork, versions: Mapping[str, int]) -> list[JobRecord]:
    jobs = load_jobs(uow, ids=tuple(versions))
    missing = set(versions) - {job.job_id for job in jobs}
    if missing:
        raise JobNotFound(f"There is no job {', '.join(sorted(missing))}.")
    stale = [job.job_id for job in jobs if versions[job.job_id] != job.version]
    if stale:
        raise JobVersionConflict(f"{', '.join(stale)} moved on since you looked.")
    return jobs
