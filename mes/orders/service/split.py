"""Split and merge: what is to be made moves between jobs of one step; what was made stays where it was made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import insert, select

from mes.kernel.uow import UnitOfWork, marks
from mes.orders.errors import (
    JobHeld,
    JobNotFound,
    JobStateConflict,
    JobVersionConflict,
    JobWithMachine,
    MergeInvalid,
    SplitInvalid,
)
from mes.orders.quantity_rules import Part, cycles_of, split_parts
from mes.orders.service.counts import pieces_of
from mes.orders.service.following import dispatch_due_jobs, refresh_request_state
from mes.orders.service.order_record import get_order_record, open_jobs, touch_order
from mes.orders.service.parameters import values_of
from mes.orders.service.transition import get_record, move, reason_of
from mes.orders.statements import (
    JobRecord,
    insert_dependencies,
    insert_link,
    load_dependencies,
    load_jobs,
    load_order_jobs,
    set_planned,
)
from mes.orders.tables import JobOrderRow
from mes.orders.types import FirstArticle, JobRole, LinkKind, Note
from standards.isa95.job_control import FINAL_STATES, DispatchStatus, JobState
from standards.isa95.quantity import from_e6

_JOB = JobOrderRow.__table__  # type: ignore[attr-defined]
_OWN: Final = select(_JOB.c.parameters)
ID_MAX: Final = 250
FRESH: Final[Mapping[str, Any]] = {
    "pk": None,
    "substate": 0,
    "released_at_us": None,
    "note": Note.none,
    "note_text": "",
    "command_id": None,
    "retry_at_us": None,
    "started_at_us": None,
    "ended_at_us": None,
    "confirmed_by": "",
    "undo_until_us": None,
    "counted_at_us": None,
    "awaits_count": False,
    "good_low_e6": 0,
    "good_high_e6": 0,
    "scrap_low_e6": 0,
    "scrap_high_e6": 0,
    "rework_e6": 0,
    "report_version": 0,
    "report_due_at_us": None,
    "version": 1,
    "hold_reason": "",
    "first_article": FirstArticle.none,
    "first_article_at_e6": None,
}
"""What a job made after another does not take over from it."""


def split_job(uow: UnitOfWork, *, job_id: str, version: int, quantity: Decimal, reason: str) -> str:
    """Take pieces still to be made from a job; they become a job of the same step, as released as this one is.

    Whole cycles only, less than what is left. Returns the new job's id. `split-invalid`, `reason-missing`,
    `job-state-conflict` once it is over, `job-with-machine` where the machine was told the whole quantity,
    `job-version-conflict`.
    """
    job = get_record(uow, job_id, version)
    why, wanted = reason_of(reason), pieces_of(quantity)
    _refuse_fixed(job)
    (made,) = _split(uow, [(job, _parts(job, wanted))], why)
    dispatch_due_jobs(uow)
    return made


def split_order(
    uow: UnitOfWork, *, operations_request_id: str, revision: int, quantity: Decimal, reason: str
) -> tuple[str, ...]:
    """Take pieces from every job of an order that is not over; the new jobs follow each other as the old ones do.

    Where a step makes several pieces a cycle, its part is rounded up to whole cycles. All or none; errors as
    `split_job`, and `order-version-conflict`, `order-over`.
    """
    order = get_order_record(uow, operations_request_id, revision)
    why, wanted = reason_of(reason), pieces_of(quantity)
    jobs = [job for job in open_jobs(uow, order) if job.role == JobRole.main]
    for job in jobs:
        _refuse_fixed(job)
    made = _split(uow, [(job, _parts(job, wanted, rounded=True)) for job in jobs], why)
    touch_order(uow, order)
    dispatch_due_jobs(uow)
    return made


def split_rest(uow: UnitOfWork, *, job_id: str, version: int, reason: str) -> str:
    """What an ended job was asked for and did not make becomes a job of its own, not released.

    Returns its id. `job-state-conflict` before it ended, or while its pieces still have to be counted by a person;
    `split-invalid` where nothing is left; `reason-missing`, `job-version-conflict`.
    """
    job = get_record(uow, job_id, version)
    why = reason_of(reason)
    if job.state is not JobState.Ended:
        raise JobStateConflict(f"Job {job_id} is {job.state.name}; the rest is split off when it has ended.")
    if job.undo_until_us is not None and job.undo_until_us > uow.now_us:
        raise JobStateConflict(f"The end of job {job_id} can still be undone.")
    return split_off_rest(uow, job, why)


def split_off_rest(uow: UnitOfWork, job: JobRecord, why: str = "") -> str:
    """As `split_rest`, of a job that has just ended."""
    if (job.good_low_e6, job.scrap_low_e6) != (job.good_high_e6, job.scrap_high_e6):
        raise JobStateConflict(f"The pieces of job {job.job_id} have to be counted first.")
    rest = job.quantity_e6 - job.made_e6
    if rest <= 0 or not job.made_e6:
        raise SplitInvalid(f"Nothing of job {job.job_id} is left, or nothing of it was made.")
    stays = Part(job.made_e6, cycles_of(job.made_e6, job.quantity_per_cycle_e6))
    goes = Part(rest, cycles_of(rest, job.quantity_per_cycle_e6))
    (made,) = _split(uow, [(job, (stays, goes))], why, released=False)
    return made


def merge_jobs(uow: UnitOfWork, *, into: str, versions: Mapping[str, int], reason: str) -> None:
    """Put jobs that have not begun into one of them: job id → the version somebody looked at; `into` is one of them.

    They are of one order, step, recipe and station, and equally released; the others are cancelled with nothing left to
    make. `merge-invalid`, `reason-missing`, `job-held`, `job-with-machine`, `job-order-not-found`,
    `job-version-conflict`.
    """
    why = reason_of(reason)
    jobs = {job.job_id: job for job in load_jobs(uow, ids=tuple(versions))}
    _refuse_unmergeable(into, jobs, versions)
    _refuse_other_parameters(uow, jobs.values())
    target = jobs.pop(into)
    total = target.quantity_e6 + sum(job.quantity_e6 for job in jobs.values())
    set_planned(uow, target.pk, total, cycles_of(total, target.quantity_per_cycle_e6))
    _take_over_dependencies(uow, target, {job.pk for job in jobs.values()})
    for job in jobs.values():
        insert_link(uow, job.pk, target.pk, LinkKind.merge, job.quantity_e6)
        set_planned(uow, job.pk, 0, 0)
        payload = {"into": into, "reason": why, "quantity_e6": job.quantity_e6}
        move(uow, job, cancelled_facts(job), at_us=uow.now_us, event="orders.job-merged.v1", payload=payload)
    uow.emit(
        "orders.jobs-merged.v1",
        topics=target.topics,
        subject=f"job/{into}",
        payload={"job_order_id": into, "merged": sorted(jobs), "quantity_e6": total, "reason": why},
    )
    dispatch_due_jobs(uow)


def cancelled_facts(job: JobRecord) -> Any:
    """A job no machine has and nobody will start."""
    return job.facts._replace(
        state=JobState.NotAllowedToStart,
        substate=0,
        dispatch_status=DispatchStatus.Cancelled,
        note=Note.none,
        held=False,
    )


def copy_job(uow: UnitOfWork, job: JobRecord, job_id: str, **changes: Any) -> int:
    """A job like another, with a life of its own; answers its key."""
    row = uow.execute(select(_JOB).where(_JOB.c.pk == job.pk)).one()
    values = {**row._mapping, **FRESH, "id": job_id, **changes}
    values.pop("pk")
    return int(uow.execute(insert(_JOB).values(**values).returning(_JOB.c.pk)).scalar_one())


def free_id(job: JobRecord, taken: Collection[str], mark: str = "") -> str:
    """`PO-1-LINE.2`, or the next number that is free."""
    number = 1 if mark else 2
    while (found := f"{job.job_id}.{mark}{number}") in taken:
        number += 1
    if len(found) > ID_MAX:
        raise SplitInvalid(f"The id of job {job.job_id} is too long for another part.")
    return found


def mirrored(edges: Iterable[tuple[int, int, str]], copies: Mapping[int, int]) -> set[tuple[int, int, str]]:
    """What copies of some jobs wait for, and what waits for them, as it is for the jobs; copies follow copies."""
    found = set()
    for job, after, kind in edges:
        if job in copies:
            found.add((copies[job], copies.get(after, after), kind))
        elif after in copies:
            found.add((job, copies[after], kind))
    return found


def _parts(job: JobRecord, wanted_e6: int, *, rounded: bool = False) -> tuple[Part, Part]:
    per = job.quantity_per_cycle_e6
    parts = split_parts(job.quantity_e6, wanted_e6, per_cycle_e6=per, made_e6=job.made_e6, rounded=rounded)
    if parts is None:
        left = from_e6(max(job.quantity_e6 - job.made_e6, 0))
        raise SplitInvalid(f"{left} of job {job.job_id} are still to be made, {from_e6(per)} a cycle.")
    return parts


def _refuse_fixed(job: JobRecord) -> None:
    if job.state in FINAL_STATES or job.dispatch_status == DispatchStatus.Cancelled:
        raise JobStateConflict(f"Job {job.job_id} is over.")
    if job.with_machine or not (job.manual or job.waits):
        raise JobWithMachine(f"{job.equipment_id} was told the whole quantity of job {job.job_id}.")


def _split(
    uow: UnitOfWork, parts: Sequence[tuple[JobRecord, tuple[Part, Part]]], why: str, *, released: bool = True
) -> tuple[str, ...]:
    taken = {job.job_id for job in load_order_jobs(uow, parts[0][0].work_request_pk)} if parts else set()
    names, copies = {}, {}
    for job, (stays, goes) in parts:
        names[job.pk] = free_id(job, taken)
        taken.add(names[job.pk])
        set_planned(uow, job.pk, *stays)
        copies[job.pk] = _part_of(uow, job, names[job.pk], goes, released=released)
        insert_link(uow, job.pk, copies[job.pk], LinkKind.split_off, goes.quantity_e6)
        _tell_split(uow, job, names[job.pk], stays, goes, why)
    insert_dependencies(uow, mirrored(load_dependencies(uow, tuple(copies)), copies))
    for work_request_pk in {job.work_request_pk for job, _ in parts}:
        refresh_request_state(uow, work_request_pk)
    return tuple(names.values())


def _part_of(uow: UnitOfWork, job: JobRecord, name: str, goes: Part, *, released: bool) -> int:
    permitted = released and job.state == JobState.AllowedToStart
    return copy_job(
        uow,
        job,
        name,
        quantity_e6=goes.quantity_e6,
        cycles=goes.cycles,
        role=JobRole.part if job.role == JobRole.main else job.role,
        state=int(JobState.AllowedToStart if permitted else JobState.NotAllowedToStart),
        dispatch_status=DispatchStatus.Pending if permitted else DispatchStatus.Waiting,
        released_at_us=uow.now_us if permitted else None,
    )


def _tell_split(uow: UnitOfWork, job: JobRecord, name: str, stays: Part, goes: Part, why: str) -> None:
    uow.emit(
        "orders.job-split.v1",
        topics=job.topics,
        subject=f"job/{job.job_id}",
        payload={
            "job_order_id": job.job_id,
            "new_job_order_id": name,
            "stays_e6": stays.quantity_e6,
            "goes_e6": goes.quantity_e6,
            "reason": why,
        },
    )


def _refuse_unmergeable(into: str, jobs: Mapping[str, JobRecord], versions: Mapping[str, int]) -> None:
    if missing := sorted(set(versions) - set(jobs)):
        raise JobNotFound(f"There is no job {', '.join(missing)}.")
    if stale := sorted(name for name, job in jobs.items() if job.version != versions[name]):
        raise JobVersionConflict(f"{', '.join(stale)} moved on since you looked.")
    if into not in jobs or len(jobs) < 2:
        raise MergeInvalid("Name at least two jobs, and the one of them that stays.")
    for job in jobs.values():
        if job.hold_reason:
            raise JobHeld(f"Job {job.job_id} is on hold: {job.hold_reason}")
        if job.with_machine:
            raise JobWithMachine(f"{job.equipment_id} has job {job.job_id}.")
        if not job.waits or job.role not in (JobRole.main, JobRole.part):
            raise MergeInvalid(f"Job {job.job_id} has begun, is over, or is rework.")
    if len({_kind(job) for job in jobs.values()}) > 1:
        raise MergeInvalid("They differ in order, step, recipe, station or release.")


def _refuse_other_parameters(uow: UnitOfWork, jobs: Iterable[JobRecord]) -> None:
    pks = [job.pk for job in jobs]
    found = {str(sorted(values_of(own or {}).items())) for (own,) in uow.execute(_OWN.where(_JOB.c.pk.in_(pks)))}
    if len(found) > 1:
        raise MergeInvalid("A supervisor set other parameters for one of them.")


def _kind(job: JobRecord) -> tuple[Any, ...]:
    return (
        job.work_request_pk,
        job.segment_id,
        job.equipment_pk,
        job.work_master_pk,
        job.quantity_per_cycle_e6,
        job.state,
    )


def _take_over_dependencies(uow: UnitOfWork, target: JobRecord, merged: Collection[int]) -> None:
    edges = load_dependencies(uow, tuple(merged))
    moved = {
        (target.pk if job in merged else job, target.pk if after in merged else after, kind)
        for job, after, kind in edges
    }
    uow.driver_execute(
        f"DELETE FROM job_dependency WHERE job_pk IN ({marks(merged)}) OR after_job_pk IN ({marks(merged)})",  # noqa: S608
        (*merged, *merged),
    )
    insert_dependencies(uow, {edge for edge in moved if edge[0] != edge[1]})
