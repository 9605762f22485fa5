"""REST: hold, split, merge, rework, complete, cancel, correct, sequence; what comes next, and is the material there."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from mes.access.door import Caller, caller
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.orders import service
from mes.orders.planning.queries import list_dispatch, list_material_needs
from mes.orders.queries import get_operations_request
from mes.orders.schemas import PrintableId
from mes.orders.supervising.schemas import (
    ChangeOrderIn,
    ChangeQuantityIn,
    CompleteIn,
    CorrectionIn,
    DispatchListOut,
    JobActIn,
    JobReworkIn,
    LiftHoldIn,
    MaterialNeedOut,
    MergeJobsIn,
    NewJobsOut,
    OrderActIn,
    SequenceIn,
    SplitJobIn,
    SplitOrderIn,
)

router = api_router("orders")

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Operator = Annotated[Caller, Depends(caller(Permission.operate))]
Supervisor = Annotated[Caller, Depends(caller(Permission.release_jobs))]


@router.post(
    "/job-orders/hold",
    status_code=204,
    openapi_extra=refuses(
        "job-held job-order-not-found job-state-conflict job-version-conflict job-with-machine "
        "machine-unreachable reason-missing"
    ),
)
async def hold_job_order(caller: Supervisor, body: JobActIn) -> None:
    """Keep a job from starting or going on. A machine that runs it is asked to pause."""
    await caller.write(service.hold_job, **body.model_dump())


@router.post(
    "/job-orders/lift-hold",
    status_code=204,
    openapi_extra=refuses("first-article-open job-not-held job-order-not-found job-version-conflict"),
)
async def lift_job_order_hold(caller: Supervisor, body: LiftHoldIn) -> None:
    """Take the hold away. What had begun waits, paused."""
    await caller.write(service.lift_hold, **body.model_dump())


@router.post(
    "/job-orders/split",
    status_code=201,
    openapi_extra=refuses(
        "job-order-not-found job-state-conflict job-version-conflict job-with-machine "
        "quantity-invalid reason-missing split-invalid"
    ),
)
async def split_job_order(caller: Supervisor, body: SplitJobIn) -> NewJobsOut:
    """Take pieces that are still to be made into a job of their own."""
    return NewJobsOut(job_order_ids=[await caller.write(service.split_job, **body.model_dump())])


@router.post(
    "/job-orders/split-rest",
    status_code=201,
    openapi_extra=refuses("job-order-not-found job-state-conflict job-version-conflict reason-missing split-invalid"),
)
async def split_rest_of_job_order(caller: Supervisor, body: JobActIn) -> NewJobsOut:
    """What an ended job did not make becomes a job of its own, not released."""
    return NewJobsOut(job_order_ids=[await caller.write(service.split_rest, **body.model_dump())])


@router.post(
    "/job-orders/merge",
    status_code=204,
    openapi_extra=refuses(
        "job-held job-order-not-found job-version-conflict job-with-machine merge-invalid reason-missing"
    ),
)
async def merge_job_orders(caller: Supervisor, body: MergeJobsIn) -> None:
    """Put jobs that have not begun into one of them, all or none."""
    await caller.write(service.merge_jobs, **body.model_dump())


@router.post(
    "/job-orders/complete",
    status_code=204,
    openapi_extra=refuses(
        "first-article-open job-held job-machine-run job-order-not-found job-state-conflict "
        "job-version-conflict machine-unreachable outside-tolerance reason-missing split-invalid"
    ),
)
async def complete_job_order(caller: Supervisor, body: CompleteIn) -> None:
    """End an active job, also outside its order's tolerance with a reason. A machine is asked to stop."""
    await caller.write(service.complete_job, **body.model_dump())


@router.post(
    "/job-orders/cancel",
    status_code=204,
    openapi_extra=refuses(
        "job-order-not-found job-state-conflict job-version-conflict job-with-machine machine-unreachable "
        "reason-missing"
    ),
)
async def cancel_job_order(caller: Supervisor, body: JobActIn) -> None:
    """Give a job up; what ran stays reported. A machine is asked to abort."""
    await caller.write(service.cancel_job, **body.model_dump())


@router.post(
    "/job-orders/rework",
    status_code=204,
    openapi_extra=refuses(
        "equipment-not-found idempotency-key-reused job-order-not-found job-state-conflict "
        "job-version-conflict machine-unreachable quantity-invalid rework-invalid scrap-reason-unknown "
        "split-invalid"
    ),
)
async def send_to_rework(caller: Operator, body: JobReworkIn) -> None:
    """Send pieces of a job to rework, from where they return to a named step. The same `request_id` sends once."""
    await caller.write(service.send_to_rework, **body.model_dump())


@router.post(
    "/job-orders/corrections",
    status_code=204,
    openapi_extra=refuses(
        "correction-invalid idempotency-key-reused job-order-not-found job-state-conflict "
        "job-version-conflict machine-unreachable quantity-invalid reason-missing scrap-reason-unknown"
    ),
)
async def correct_job_order(caller: Supervisor, body: CorrectionIn) -> None:
    """Put counts right by facts that reverse wrong ones, also long after the end. The same `request_id` counts once."""
    lines = [line.line() for line in body.lines]
    await caller.write(
        service.correct_counts,
        job_id=body.job_id,
        corrections=lines,
        reason=body.reason,
        request_id=body.request_id,
    )


@router.post(
    "/job-orders/sequence",
    status_code=204,
    openapi_extra=refuses("job-order-not-found job-state-conflict job-version-conflict sequence-invalid"),
)
async def sequence_job_orders(caller: Supervisor, body: SequenceIn) -> None:
    """In which order the waiting jobs of a station are to be made. None passes one of a higher priority."""
    await caller.write(service.sequence_jobs, **body.model_dump())


@router.post(
    "/operations-requests/change",
    status_code=204,
    openapi_extra=refuses("operations-request-not-found order-over order-version-conflict reason-missing"),
)
async def change_operations_request(caller: Supervisor, body: ChangeOrderIn) -> None:
    """Another priority or due date, for the order and its jobs that are not over."""
    values = body.model_dump(exclude_unset=True)
    await caller.write(service.change_order, **values)


@router.post(
    "/operations-requests/change-quantity",
    status_code=204,
    openapi_extra=refuses(
        "operations-request-not-found order-over order-quantity-fixed "
        "order-version-conflict quantity-invalid reason-missing split-invalid"
    ),
)
async def change_operations_request_quantity(caller: Supervisor, body: ChangeQuantityIn) -> None:
    """Make more or less of an order, also while it runs; each step in whole cycles, all or nothing."""
    await caller.write(service.change_order_quantity, **body.model_dump())


@router.post(
    "/operations-requests/cancel",
    status_code=204,
    openapi_extra=refuses(
        "job-with-machine machine-unreachable operations-request-not-found order-over "
        "order-version-conflict reason-missing"
    ),
)
async def cancel_operations_request(caller: Supervisor, body: OrderActIn) -> None:
    """Give up all jobs of an order that are not over, all or none."""
    await caller.write(service.cancel_order, **body.model_dump())


@router.post(
    "/operations-requests/split",
    status_code=201,
    openapi_extra=refuses(
        "job-state-conflict job-with-machine operations-request-not-found order-over "
        "order-version-conflict quantity-invalid reason-missing split-invalid"
    ),
)
async def split_operations_request(caller: Supervisor, body: SplitOrderIn) -> NewJobsOut:
    """Take pieces from every job of an order that is not over; the new jobs follow each other."""
    return NewJobsOut(job_order_ids=list(await caller.write(service.split_order, **body.model_dump())))


@router.get("/dispatch-lists/{work_center_id}", openapi_extra=refuses("equipment-not-found"))
async def get_dispatch_list(caller: Viewer, work_center_id: str) -> list[DispatchListOut]:
    """The work of a work centre, or of one station, in turn order."""
    found = await caller.read(list_dispatch, work_center_id=work_center_id, now=caller.database.clock())
    return [DispatchListOut.of(station) for station in found]


@router.get("/material-needs", openapi_extra=refuses("operations-request-not-found"))
async def get_material_needs(
    caller: Viewer, operations_request_id: Annotated[PrintableId, Query()]
) -> list[MaterialNeedOut]:
    """What an order's jobs that have not begun will consume, against the lots on hand."""
    now = caller.database.clock()
    card = await caller.read(get_operations_request, operations_request_id=operations_request_id, now=now)
    needs = await caller.read(list_material_needs, job_pks=[job.pk for job in card.jobs if job.waits], now=now)
    return [MaterialNeedOut.of(need) for need in needs]
