"""Release: a supervisor permits jobs. That is all it does; machines start when their turn comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mes.kernel.uow import UnitOfWork, loaded_together
from mes.orders.errors import JobHeld, JobNotFound, JobStateConflict, JobVersionConflict, MaterialShort
from mes.orders.planning.queries import list_material_needs
from mes.orders.rules import JobFacts
from mes.orders.service.following import dispatch_due_jobs
from mes.orders.service.transition import move, reason_of
from mes.orders.statements import JobRecord, load_jobs, load_with_bills, prefetch_released
from mes.orders.types import Note
from standards.isa95.job_control import DispatchStatus, JobState


@loaded_together(prefetch_released)
def release_jobs(uow: UnitOfWork, *, versions: Mapping[str, int], shortage_reason: str = "") -> None:
    """Permit jobs, all or none: job id → the version somebody looked at.

    `shortage_reason`: why they are released though material is short; kept with the event. `job-order-not-found`,
    `job-version-conflict`, `job-state-conflict` (already released or over), `job-held`, `material-short`.
    """
    jobs = _records(uow, versions)
    short = _short_materials(uow, jobs)
    if short and not shortage_reason.strip():
        raise MaterialShort(f"Not enough of {', '.join(short)}.")
    why = {"short": short, "reason": reason_of(shortage_reason)} if short else {}
    for job in jobs:
        if job.hold_reason:
            raise JobHeld(f"Job {job.job_id} is on hold: {job.hold_reason}")
        if job.state != JobState.NotAllowedToStart or job.dispatch_status == DispatchStatus.Cancelled:
            raise JobStateConflict(f"Job {job.job_id} is {job.state.name}; only unreleased jobs are released.")
        facts = job.facts._replace(
            state=JobState.AllowedToStart, dispatch_status=DispatchStatus.Pending, note=Note.none
        )
        move(uow, job, facts, at_us=uow.now_us, event="orders.job-released.v1", payload=why, released=True)
    dispatch_due_jobs(uow)


def _short_materials(uow: UnitOfWork, jobs: Sequence[JobRecord]) -> list[str]:
    if not _have_bills(uow, jobs):
        return []
    needs = list_material_needs(uow.session, job_pks=[job.pk for job in jobs], now=uow.now)
    return [need.material_id for need in needs if need.short]


def _have_bills(uow: UnitOfWork, jobs: Sequence[JobRecord]) -> bool:
    known = [uow.prefetched(("bill", job.job_id)) for job in jobs]
    return bool(load_with_bills(uow, [job.pk for job in jobs])) if None in known else any(known)


@loaded_together(prefetch_released)
def revoke_release(uow: UnitOfWork, *, versions: Mapping[str, int]) -> None:
    """Take the permission back from jobs that no machine has yet, all or none. `job-state-conflict` otherwise."""
    for job in _records(uow, versions):
        if job.state != JobState.AllowedToStart or job.dispatch_status != DispatchStatus.Pending:
            raise JobStateConflict(f"Job {job.job_id} is already with its machine, or was not released.")
        move(uow, job, _unreleased(job), at_us=uow.now_us, event="orders.job-release-revoked.v1")


def _unreleased(job: JobRecord) -> JobFacts:
    return job.facts._replace(state=JobState.NotAllowedToStart, dispatch_status=DispatchStatus.Waiting, note=Note.none)


def _records(uow: UnitOfWork, versions: Mapping[str, int]) -> list[JobRecord]:
    known = [uow.prefetched(("job", job_id)) for job_id in versions]
    jobs = load_jobs(uow, ids=tuple(versions)) if None in known else known
    missing = set(versions) - {job.job_id for job in jobs}
    if missing:
        raise JobNotFound(f"There is no job {', '.join(sorted(missing))}.")
    stale = [job.job_id for job in jobs if versions[job.job_id] != job.version]
    if stale:
        raise JobVersionConflict(f"{', '.join(stale)} moved on since you looked.")
    return jobs
