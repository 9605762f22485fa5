"""Rework: pieces leave a job, are reworked at a station, and return to a named step. What is good is counted once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from mes.definitions.queries import list_scrap_reasons
from mes.equipment.queries import EquipmentView, get_equipment
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import JobStateConflict, ReworkInvalid, ScrapReasonUnknown
from mes.orders.quantity_rules import cycles_of
from mes.orders.rework_rules import follows, steps_between
from mes.orders.service.counts import REWORK, is_new_act, operator_count, pieces_of, record_counts
from mes.orders.service.following import dispatch_due_jobs, refresh_request_state
from mes.orders.service.split import copy_job, free_id
from mes.orders.service.transition import get_record
from mes.orders.statements import (
    JobRecord,
    insert_dependencies,
    insert_link,
    load_dependencies,
    load_order_jobs,
)
from mes.orders.types import Count, CountKind, JobRole, LinkKind
from standards.isa95.job_control import FINAL_STATES, DispatchStatus, JobState
from standards.isa95.quantity import SCALE, from_e6

OF_THE_ROUTING: Final = (JobRole.main, JobRole.part)


@dataclass(frozen=True, slots=True)
class _Way:
    """Where the pieces go: from `job` to `place`, and the jobs of the steps they pass again (none: they go on)."""

    job: JobRecord
    place: EquipmentView
    again: tuple[JobRecord, ...]
    edges: Sequence[tuple[int, int, str]]
    role: JobRole


def send_to_rework(
    uow: UnitOfWork,
    *,
    job_id: str,
    quantity: Decimal,
    reason_id: str,
    equipment_id: str,
    return_segment_id: str,
    request_id: str,
) -> None:
    """Take pieces out of a job for a rework job at a manual station. Repeating a `request_id` does nothing.

    Returning to the step they left, or to one before it, they pass every step from there on again, in jobs of their
    own: each of those steps gives them back and counts them when they pass. Returning to the step right after, what is
    good after rework is good of the step they left. Where a machine counts, or the job is over, the pieces leave its
    good ones; a running manual job gives those that are not counted yet, then good ones. `rework-invalid`,
    `scrap-reason-unknown`, `quantity-invalid`, `job-state-conflict` before the job ran, `equipment-not-found`.
    """
    job, pieces = get_record(uow, job_id), pieces_of(quantity)
    if not is_new_act(uow, job, request_id, REWORK, pieces, reason_id, equipment_id, return_segment_id):
        return
    if job.started_at_us is None:
        raise JobStateConflict(f"Job {job_id} has not run yet.")
    if reason_id not in {reason.reason_id for reason in list_scrap_reasons(uow.session)}:
        raise ScrapReasonUnknown(f"There is no scrap reason {reason_id!r}.")
    jobs = load_order_jobs(uow, job.work_request_pk)
    way = _way(uow, job, get_equipment(uow.session, equipment_id=equipment_id), return_segment_id, jobs)
    counts = _counts(uow, way, pieces, reason_id, request_id)
    record_counts(uow, counts=counts)
    _make_jobs(uow, way, pieces, {each.job_id for each in jobs})
    _emit(uow, way, pieces, reason_id, return_segment_id)
    refresh_request_state(uow, job.work_request_pk)
    dispatch_due_jobs(uow)


def _way(uow: UnitOfWork, job: JobRecord, place: EquipmentView, return_to: str, jobs: Sequence[JobRecord]) -> _Way:
    if not place.manual:
        raise ReworkInvalid(f"{place.equipment_id} is no manual station.")
    if job.role in (JobRole.rework, JobRole.repair):
        raise ReworkInvalid(f"Job {job.job_id} is rework itself; what fails again is scrap, or stays in it.")
    steps = {each.pk: each for each in jobs if each.role in OF_THE_ROUTING}
    edges = load_dependencies(uow, tuple(each.pk for each in jobs))
    named = {(steps[e[0]].segment_id, steps[e[1]].segment_id) for e in edges if e[0] in steps and e[1] in steps}
    again = steps_between(named, return_to, job.segment_id)
    if not again and not follows(named, return_to, job.segment_id):
        raise ReworkInvalid(f"{return_to!r} is neither {job.segment_id!r}, nor a step before it, nor the next one.")
    ordered = [s for s in dict.fromkeys(each.segment_id for each in jobs) if s in again]
    passed = [job if step == job.segment_id else _giver(steps.values(), step) for step in ordered]
    return _Way(job, place, tuple(passed), edges, JobRole.rework if again else JobRole.repair)


def _giver(jobs: Iterable[JobRecord], step: str) -> JobRecord:
    """Of the jobs of a step the one that has the most good pieces to give back."""
    return max((each for each in jobs if each.segment_id == step), key=lambda each: each.good_low_e6)


def _counts(uow: UnitOfWork, way: _Way, pieces: int, reason_id: str, request_id: str) -> list[Count]:
    """The pieces leave the job, and every step before it that they pass again."""
    counts = []
    for job in {way.job.pk: way.job, **{each.pk: each for each in way.again}}.values():
        uncounted = _uncounted(job) if job is way.job else 0
        given_back = max(pieces - uncounted, 0)
        if given_back > job.good_low_e6:
            good, left = from_e6(job.good_low_e6), from_e6(uncounted)
            raise ReworkInvalid(
                f"Job {job.job_id} has {good} good pieces and {left} that are not counted yet, fewer than are sent."
            )
        if given_back:
            counts.append(operator_count(uow, job, CountKind.good, -given_back, request_id))
        count = operator_count(uow, job, CountKind.rework, pieces, request_id)
        counts.append(count._replace(reason_id=reason_id))
    return counts


def _uncounted(job: JobRecord) -> int:
    """Pieces of a running manual job that nobody has counted yet; they go first."""
    if not job.manual or job.state in FINAL_STATES:
        return 0
    return max(job.quantity_e6 - job.made_e6, 0)


def _make_jobs(uow: UnitOfWork, way: _Way, pieces: int, taken: set[str]) -> None:
    name = free_id(way.job, taken, "R")
    rework_pk = _rework_job(uow, way, name, pieces)
    insert_link(uow, way.job.pk, rework_pk, LinkKind.rework, pieces)
    if way.role is JobRole.repair:
        insert_dependencies(uow, {(waits, rework_pk, kind) for waits, after, kind in way.edges if after == way.job.pk})
        return
    copies = {
        job.pk: _repeat_job(uow, job, free_id(job, taken, f"{name[len(way.job.job_id) + 1 :]}-"), pieces)
        for job in way.again
    }
    last = copies[way.job.pk]
    edges = {(later, earlier, "AfterEnd") for earlier, later in pairwise((rework_pk, *copies.values()))}
    edges |= {(waits, last, kind) for waits, after, kind in way.edges if after == way.job.pk and waits not in copies}
    insert_dependencies(uow, edges)


def _rework_job(uow: UnitOfWork, way: _Way, name: str, pieces: int) -> int:
    return copy_job(
        uow,
        way.job,
        name,
        equipment_pk=way.place.pk,
        manual=True,
        quantity_e6=pieces,
        cycles=cycles_of(pieces, SCALE),
        cycle_unit="",
        quantity_per_cycle_e6=SCALE,
        nominal_cycle_us=None,
        rank=None,
        setup_family="",
        role=way.role,
        state=int(JobState.AllowedToStart),
        dispatch_status=DispatchStatus.Pending,
        released_at_us=uow.now_us,
    )


def _repeat_job(uow: UnitOfWork, job: JobRecord, name: str, pieces: int) -> int:
    return copy_job(
        uow,
        job,
        name,
        quantity_e6=pieces,
        cycles=cycles_of(pieces, job.quantity_per_cycle_e6),
        rank=None,
        role=JobRole.repeat,
        state=int(JobState.AllowedToStart),
        dispatch_status=DispatchStatus.Pending,
        released_at_us=uow.now_us,
    )


def _emit(uow: UnitOfWork, way: _Way, pieces: int, reason_id: str, return_to: str) -> None:
    place = way.place
    topics = [
        f"equipment/{place.equipment_id}",
        *([f"work-center/{place.work_center_id}"] if place.work_center_id else []),
    ]
    uow.emit(
        "orders.pieces-sent-to-rework.v1",
        topics=[*way.job.topics, *topics],
        subject=f"job/{way.job.job_id}",
        payload={
            "job_order_id": way.job.job_id,
            "equipment_id": way.job.equipment_id,
            "rework_equipment_id": place.equipment_id,
            "return_segment_id": return_to,
            "quantity_e6": pieces,
            "reason_id": reason_id,
        },
    )
