"""What machines report about their jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mes.kernel.uow import UnitOfWork
from mes.orders.rules import ACTIVE_STATES, NO_JOB, forgotten, reported
from mes.orders.service.following import dispatch_due_jobs
from mes.orders.service.transition import move
from mes.orders.statements import JobRecord, load_active_jobs, load_jobs, set_note
from mes.orders.types import MachineJobReport
from standards.isa95.job_control import JobState

_EVENTS = {
    JobState.AllowedToStart: "orders.job-accepted.v1",
    JobState.Running: "orders.job-started.v1",
    JobState.Interrupted: "orders.job-interrupted.v1",
    JobState.Ended: "orders.job-ended.v1",
    JobState.Aborted: "orders.job-aborted.v1",
}


@dataclass(slots=True)
class _Jobs:
    """The jobs a batch of reports touches, kept current while it is applied."""

    by_id: dict[str, JobRecord]
    active: dict[int, dict[int, JobRecord]] = field(default_factory=dict)


def apply_machine_reports(uow: UnitOfWork, *, reports: Sequence[MachineJobReport]) -> None:
    """Follow the machines' words in order. Unknown job ids are the machine's own business: they are no job of ours."""
    if not reports:
        return
    jobs = _load(uow, reports)
    for report in reports:
        _apply(uow, jobs, report)
    dispatch_due_jobs(uow)


def _load(uow: UnitOfWork, reports: Sequence[MachineJobReport]) -> _Jobs:
    named = load_jobs(uow, ids={report.job_id for report in reports if report.job_id} or {""})
    jobs = _Jobs({job.job_id: job for job in named})
    for job in load_active_jobs(uow, {report.equipment_pk for report in reports}):
        job = jobs.by_id.setdefault(job.job_id, job)
        jobs.active.setdefault(job.equipment_pk, {})[job.pk] = job
    return jobs


def _apply(uow: UnitOfWork, jobs: _Jobs, report: MachineJobReport) -> None:
    job = jobs.by_id.get(report.job_id)
    here = jobs.active.setdefault(report.equipment_pk, {})
    if report.state == NO_JOB or (job is not None and report.state == JobState.Running):
        for other in [other for other in here.values() if other is not job or report.state == NO_JOB]:
            if not other.manual:
                _forget(uow, other, report.at_us)
                here.pop(other.pk, None)
    if job is None or report.state == NO_JOB or job.equipment_pk != report.equipment_pk:
        return
    _follow(uow, job, report)
    if job.state in ACTIVE_STATES:
        here[job.pk] = job
    else:
        here.pop(job.pk, None)


def _follow(uow: UnitOfWork, job: JobRecord, report: MachineJobReport) -> None:
    facts = reported(job.facts, report.state, report.substate, report.at_us)
    if facts == job.facts:
        return
    if (facts.state, facts.substate, facts.dispatch_status) == (job.state, job.substate, job.dispatch_status):
        set_note(uow, job.pk, facts.note)
        job.note = facts.note
        return
    event = _EVENTS[facts.state]
    if facts.state is JobState.Running and job.state == JobState.Interrupted:
        event = "orders.job-resumed.v1"
    move(uow, job, facts, at_us=report.at_us, event=event, confirmed_by="machine")
    _remember(job, facts)


def _forget(uow: UnitOfWork, job: JobRecord, at_us: int) -> None:
    facts = forgotten(job.facts)
    if facts != job.facts:
        move(uow, job, facts, at_us=at_us, event="orders.job-forgotten.v1", confirmed_by="machine")
        _remember(job, facts)


def _remember(job: JobRecord, facts: object) -> None:
    for name in ("state", "substate", "dispatch_status", "started_at_us", "ended_at_us", "note"):
        setattr(job, name, getattr(facts, name))
    job.version += 1
