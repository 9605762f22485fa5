"""The order as verbs that change it load it, guarded by its revision."""

from __future__ import annotations

from dataclasses import dataclass

from mes.kernel.uow import UnitOfWork
from mes.orders.errors import OperationsRequestNotFound, OrderOver, OrderVersionConflict
from mes.orders.statements import JobRecord, load_order_jobs
from standards.isa95.job_control import FINAL_STATES, DispatchStatus


@dataclass(frozen=True, slots=True)
class OrderRecord:
    pk: int
    operations_request_id: str
    work_request_pk: int
    revision: int
    priority: int
    due_at_us: int | None


def get_order_record(uow: UnitOfWork, operations_request_id: str, revision: int) -> OrderRecord:
    """The current version of an order. `operations-request-not-found`, `order-version-conflict`."""
    rows = uow.driver_query(
        "SELECT r.pk, r.id, q.pk, r.revision, r.priority, r.due_at_us FROM operations_request r "
        "JOIN work_request q ON q.operations_request_pk = r.pk WHERE r.id = ? AND r.current = ?",
        (operations_request_id, True),
    )
    if not rows:
        raise OperationsRequestNotFound(f"There is no order {operations_request_id!r}.")
    order = OrderRecord(*rows[0])
    if order.revision != revision:
        raise OrderVersionConflict(f"Order {operations_request_id} has changed since you looked.")
    return order


def open_jobs(uow: UnitOfWork, order: OrderRecord) -> list[JobRecord]:
    """Its jobs that are not over, in their order. `order-over` where there is none."""
    jobs = [job for job in load_order_jobs(uow, order.work_request_pk) if is_open(job)]
    if not jobs:
        raise OrderOver(f"All jobs of order {order.operations_request_id} are over.")
    return jobs


def touch_order(uow: UnitOfWork, order: OrderRecord) -> None:
    """Whoever saw the order before has to look again."""
    uow.driver_write("UPDATE operations_request SET revision = revision + 1 WHERE pk = ?", (order.pk,))


def is_open(job: JobRecord) -> bool:
    """Whether it is not over."""
    return job.state not in FINAL_STATES and job.dispatch_status != DispatchStatus.Cancelled
