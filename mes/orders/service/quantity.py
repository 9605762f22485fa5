"""Another quantity for an order that is here already, also while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from mes.kernel.uow import UnitOfWork
from mes.orders.errors import OrderQuantityFixed
from mes.orders.quantity_rules import Planned, cycles_of, replanned
from mes.orders.service.change import cancel_waiting
from mes.orders.service.counts import pieces_of
from mes.orders.service.following import dispatch_due_jobs, refresh_request_state
from mes.orders.service.order_record import OrderRecord, get_order_record, is_open, open_jobs, touch_order
from mes.orders.service.split import copy_job, free_id, mirrored
from mes.orders.service.transition import reason_of
from mes.orders.statements import JobRecord, insert_dependencies, load_dependencies, load_order_jobs, set_planned
from mes.orders.types import JobRole
from standards.isa95.job_control import DispatchStatus, JobState
from standards.isa95.quantity import from_e6


def change_order_quantity(
    uow: UnitOfWork, *, operations_request_id: str, revision: int, quantity: Decimal, reason: str
) -> None:
    """Make more or less of an order than was asked for; each step in whole cycles. All or nothing.

    What a running machine was told stays: more becomes a job of its own, less is refused. A job with nothing left to
    make is cancelled. `order-quantity-fixed`, `quantity-invalid`, `reason-missing`, `order-version-conflict`,
    `order-over`, `operations-request-not-found`.
    """
    order = get_order_record(uow, operations_request_id, revision)
    why, wanted = reason_of(reason), pieces_of(quantity)
    topics = sorted({topic for job in open_jobs(uow, order) for topic in job.topics})
    steps: dict[str, list[JobRecord]] = {}
    for job in load_order_jobs(uow, order.work_request_pk):
        if job.role in (JobRole.main, JobRole.part) and job.dispatch_status != DispatchStatus.Cancelled:
            steps.setdefault(job.segment_id, []).append(job)
    new = {jobs[-1].pk: more for jobs in steps.values() if (more := _replan(uow, jobs, wanted, why))}
    _add_jobs(uow, order, [jobs[-1] for jobs in steps.values()], new)
    before = _set_quantity(uow, order, wanted)
    touch_order(uow, order)
    uow.emit(
        "orders.operations-request-quantity-changed.v1",
        topics=topics,
        subject=f"order/{operations_request_id}",
        payload={"operations_request_id": operations_request_id, "reason": why, "quantity_e6": [before, wanted]},
    )
    refresh_request_state(uow, order.work_request_pk)
    dispatch_due_jobs(uow)


def _set_quantity(uow: UnitOfWork, order: OrderRecord, wanted_e6: int) -> int:
    """Answers what it was before."""
    before = uow.driver_query("SELECT quantity_e6 FROM operations_request WHERE pk = ?", (order.pk,))[0][0]
    uow.driver_write("UPDATE operations_request SET quantity_e6 = ? WHERE pk = ?", (wanted_e6, order.pk))
    return int(before)


def _replan(uow: UnitOfWork, jobs: Sequence[JobRecord], wanted_e6: int, why: str) -> int:
    """Spread the new quantity over a step's jobs; answers what is left for a job of its own."""
    per = jobs[0].quantity_per_cycle_e6
    change = cycles_of(wanted_e6, per) * per - sum(job.quantity_e6 for job in jobs)
    left = [job for job in jobs if is_open(job)]
    found = replanned([_planned(job) for job in left], change)
    if found is None:
        raise OrderQuantityFixed(
            f"Step {jobs[0].segment_id} has made, or was told to make, more than {from_e6(wanted_e6)}."
        )
    for job, quantity in zip(left, found[0], strict=True):
        if quantity != job.quantity_e6:
            set_planned(uow, job.pk, quantity, cycles_of(quantity, per))
            if not quantity:
                cancel_waiting(uow, job, why)
    return found[1]


def _planned(job: JobRecord) -> Planned:
    fixed = job.with_machine or not (job.manual or job.waits)
    per = job.quantity_per_cycle_e6
    least = 0 if job.waits else max(cycles_of(job.made_e6, per), 1) * per
    return Planned(job.quantity_e6, least, fixed)


def _add_jobs(uow: UnitOfWork, order: OrderRecord, last: Sequence[JobRecord], new: dict[int, int]) -> None:
    """Jobs for what no present job can be told, not released; they follow each other as those they are like do."""
    taken = {job.job_id for job in load_order_jobs(uow, order.work_request_pk)}
    copies: dict[int, int] = {}
    for job in last:
        if more := new.get(job.pk):
            name = free_id(job, taken)
            copies[job.pk] = copy_job(
                uow,
                job,
                name,
                quantity_e6=more,
                cycles=cycles_of(more, job.quantity_per_cycle_e6),
                role=JobRole.part,
                state=int(JobState.NotAllowedToStart),
                dispatch_status=DispatchStatus.Waiting,
            )
    if copies:
        insert_dependencies(uow, mirrored(load_dependencies(uow, tuple(copies)), copies))
