"""What a supervisor changes of orders that are under way: priority, due date, sequence, and whether they go on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import JobNotFound, JobStateConflict, JobVersionConflict, JobWithMachine, SequenceInvalid
from mes.orders.sequence_rules import Waiting, passes_a_higher_priority
from mes.orders.service.dispatch import ask_machine
from mes.orders.service.following import dispatch_due_jobs, refresh_request_state
from mes.orders.service.order_record import OrderRecord, get_order_record, open_jobs, touch_order
from mes.orders.service.split import cancelled_facts
from mes.orders.service.transition import REPORT_AFTER_US, get_record, move, reason_of
from mes.orders.statements import JobRecord, load_jobs, set_report_due
from mes.orders.types import SEQUENCE_MAX, Note
from standards.isa95.job_control import FINAL_STATES, DispatchStatus, JobState
from standards.lineside.commands_v1 import JobAction

KEEP: Final = "keep"
"""A due date that stays as it is."""


def change_order(
    uow: UnitOfWork,
    *,
    operations_request_id: str,
    revision: int,
    reason: str,
    priority: int | None = None,
    due_at: datetime | str | None = KEEP,
) -> None:
    """Another priority or due date for an order and its jobs that are not over. None: no due date.

    A sequence its jobs stood in no longer holds for them where the priority changes. `reason-missing`,
    `order-version-conflict`, `order-over`, `operations-request-not-found`.
    """
    order = get_order_record(uow, operations_request_id, revision)
    why, jobs = reason_of(reason), open_jobs(uow, order)
    due_us = order.due_at_us if isinstance(due_at, str) else None if due_at is None else to_us(due_at)
    wanted = order.priority if priority is None else priority
    uow.driver_execute(
        "UPDATE operations_request SET priority = ?, due_at_us = ? WHERE pk = ?", (wanted, due_us, order.pk)
    )
    same = wanted == order.priority
    uow.driver_executemany(
        "UPDATE job_order SET priority = ?, due_at_us = ?, rank = CASE WHEN ? THEN rank END, version = version + 1 "
        "WHERE pk = ?",
        [(wanted, due_us, same, job.pk) for job in jobs],
    )
    touch_order(uow, order)
    changed = {"priority": [order.priority, wanted], "due_at_us": [order.due_at_us, due_us]}
    _tell(uow, order, jobs, "orders.operations-request-changed.v1", reason=why, **changed)
    dispatch_due_jobs(uow)


def cancel_job(uow: UnitOfWork, *, job_id: str, version: int, reason: str) -> None:
    """Give a job up: one that has not begun is Cancelled, one that has is Aborted and what ran stays reported.

    A machine is asked to abort; the job moves when the machine says so. `reason-missing`, `job-state-conflict` once it
    is over, `job-with-machine` before it began there, `job-version-conflict`.
    """
    job = get_record(uow, job_id, version)
    why = reason_of(reason)
    if job.state in FINAL_STATES or job.dispatch_status == DispatchStatus.Cancelled:
        raise JobStateConflict(f"Job {job_id} is over.")
    _refuse_with_machine(job)
    _give_up(uow, job, why)
    dispatch_due_jobs(uow)


def cancel_order(uow: UnitOfWork, *, operations_request_id: str, revision: int, reason: str) -> None:
    """Give up all jobs of an order that are not over, all or none, as `cancel_job` does.

    `reason-missing`, `order-version-conflict`, `order-over`, `job-with-machine`, `operations-request-not-found`.
    """
    order = get_order_record(uow, operations_request_id, revision)
    why, jobs = reason_of(reason), open_jobs(uow, order)
    for job in jobs:
        _refuse_with_machine(job)
    uow.driver_execute("UPDATE operations_request SET cancelled = ? WHERE pk = ?", (True, order.pk))
    touch_order(uow, order)
    _tell(uow, order, jobs, "orders.operations-request-cancelled.v1", reason=why)
    for job in jobs:
        _give_up(uow, job, why)
    refresh_request_state(uow, order.work_request_pk)
    dispatch_due_jobs(uow)


def sequence_jobs(uow: UnitOfWork, *, equipment_id: str, versions: Mapping[str, int]) -> None:
    """The order in which waiting jobs of one station are to be made: job id → the version somebody looked at.

    Jobs not named come after them; no job passes one of a higher priority. `sequence-invalid`,
    `job-order-not-found`, `job-version-conflict`, `job-state-conflict`.
    """
    jobs = {job.job_id: job for job in load_jobs(uow, ids=tuple(versions))}
    if missing := [name for name in versions if name not in jobs]:
        raise JobNotFound(f"There is no job {missing[0]}.")
    if stale := [name for name, version in versions.items() if jobs[name].version != version]:
        raise JobVersionConflict(f"{', '.join(stale)} moved on since you looked.")
    ordered = [jobs[name] for name in versions]
    _refuse_sequence(uow, equipment_id, ordered)
    uow.driver_executemany(
        "UPDATE job_order SET rank = ?, version = version + 1 WHERE pk = ?",
        [(place, job.pk) for place, job in enumerate(ordered, start=1)],
    )
    uow.emit(
        "orders.jobs-sequenced.v1",
        topics=sorted({topic for job in ordered for topic in job.topics}),
        subject=f"equipment/{equipment_id}",
        payload={"equipment_id": equipment_id, "job_order_ids": list(versions)},
    )
    dispatch_due_jobs(uow)


def _refuse_sequence(uow: UnitOfWork, equipment_id: str, jobs: list[JobRecord]) -> None:
    if not jobs or len(jobs) > SEQUENCE_MAX:
        raise SequenceInvalid(f"A sequence has 1 to {SEQUENCE_MAX} jobs.")
    for job in jobs:
        if job.equipment_id != equipment_id:
            raise SequenceInvalid(f"Job {job.job_id} is made at {job.equipment_id}, not at {equipment_id}.")
        if not job.waits or job.with_machine:
            raise JobStateConflict(f"Job {job.job_id} no longer waits.")
    if passes_a_higher_priority([Waiting(job.job_id, job.priority, None, "", None) for job in jobs]):
        raise SequenceInvalid("A job would pass one of a higher priority.")


def _refuse_with_machine(job: JobRecord) -> None:
    if job.with_machine:
        raise JobWithMachine(f"{job.equipment_id} has job {job.job_id} and may start it any moment.")


def cancel_waiting(uow: UnitOfWork, job: JobRecord, why: str) -> None:
    """A job nobody has begun will not be made; the ERP is told so."""
    event = "orders.job-cancelled.v1"
    move(uow, job, cancelled_facts(job), at_us=uow.now_us, event=event, payload={"reason": why})
    set_report_due(uow, job.pk, uow.now_us + REPORT_AFTER_US)


def _give_up(uow: UnitOfWork, job: JobRecord, why: str) -> None:
    if job.waits:
        cancel_waiting(uow, job, why)
    elif job.manual or job.note == Note.forgotten_by_machine:
        facts = job.facts._replace(
            state=JobState.Aborted,
            substate=0,
            dispatch_status=DispatchStatus.Aborted,
            ended_at_us=uow.now_us,
            note=Note.none,
        )
        payload = {"reason": why}
        event = "orders.job-aborted.v1"
        move(uow, job, facts, at_us=uow.now_us, event=event, confirmed_by="operator", payload=payload)
    else:
        ask_machine(uow, job, JobAction.abort, reason=why)


def _tell(uow: UnitOfWork, order: OrderRecord, jobs: list[JobRecord], event: str, **payload: Any) -> None:
    uow.emit(
        event,
        topics=sorted({topic for job in jobs for topic in job.topics}),
        subject=f"order/{order.operations_request_id}",
        payload={"operations_request_id": order.operations_request_id, **payload},
    )
