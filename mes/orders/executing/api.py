"""REST of a station: start, pause, resume, count, undo. For stations of a plant's own making."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from mes.access.door import Caller, caller
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.orders import service
from mes.orders.executing.schemas import GoodPiecesIn, JobMoveIn, ScrapPiecesIn, SettledCountIn, UndoCountIn

router = api_router("orders")
Operator = Annotated[Caller, Depends(caller(Permission.operate))]


@router.post(
    "/job-orders/start",
    status_code=204,
    openapi_extra=refuses(
        "first-article-open job-held job-machine-run job-not-due job-order-not-found job-state-conflict "
        "job-version-conflict qualification-missing station-occupied"
    ),
)
async def start_job_order(caller: Operator, body: JobMoveIn) -> None:
    """Start a released job at a manual station. A machine's job is started by the machine."""
    await caller.write(service.start_job, **body.model_dump())


@router.post(
    "/job-orders/pause",
    status_code=204,
    openapi_extra=refuses("job-order-not-found job-state-conflict job-version-conflict machine-unreachable"),
)
async def pause_job_order(caller: Operator, body: JobMoveIn) -> None:
    """Suspend a running job: at a manual station at once, a machine is asked to."""
    await caller.write(service.pause_job, **body.model_dump())


@router.post(
    "/job-orders/resume",
    status_code=204,
    openapi_extra=refuses(
        "first-article-open job-held job-machine-run job-order-not-found job-state-conflict "
        "job-version-conflict machine-unreachable"
    ),
)
async def resume_job_order(caller: Operator, body: JobMoveIn) -> None:
    """Go on with an interrupted job: at a manual station at once, a machine is asked to."""
    await caller.write(service.resume_job, **body.model_dump())


@router.post(
    "/job-orders/undo-complete",
    status_code=204,
    openapi_extra=refuses("job-order-not-found job-version-conflict nothing-to-undo station-occupied"),
)
async def undo_job_order_completion(caller: Operator, body: JobMoveIn) -> None:
    """Take a completion back within 10 seconds; the ERP has not been told yet."""
    await caller.write(service.undo_complete_job, **body.model_dump())


@router.post(
    "/job-orders/good",
    status_code=204,
    openapi_extra=refuses(
        "idempotency-key-reused job-machine-run job-order-not-found job-state-conflict job-version-conflict "
        "machine-unreachable quantity-invalid"
    ),
)
async def report_good_pieces(caller: Operator, body: GoodPiecesIn) -> None:
    """Good pieces at a manual station. The same `request_id` counts once."""
    await caller.write(service.report_good, **body.model_dump())


@router.post(
    "/job-orders/scrap",
    status_code=204,
    openapi_extra=refuses(
        "idempotency-key-reused job-order-not-found job-state-conflict job-version-conflict "
        "machine-unreachable more-scrap-than-good quantity-invalid scrap-reason-unknown"
    ),
)
async def report_scrap_pieces(caller: Operator, body: ScrapPiecesIn) -> None:
    """Scrap with its reason; at a machine it is taken out of the good pieces. The same `request_id` counts once."""
    await caller.write(service.report_scrap, **body.model_dump())


@router.post(
    "/job-orders/count",
    status_code=204,
    openapi_extra=refuses(
        "count-contradicts idempotency-key-reused job-order-not-found job-state-conflict job-version-conflict "
        "nothing-to-count quantity-invalid"
    ),
)
async def settle_job_order_count(caller: Operator, body: SettledCountIn) -> None:
    """The pieces of an ended job as a person counted them, where machines leave an interval. It is final then."""
    await caller.write(service.settle_count, **body.model_dump())


@router.post("/job-orders/undo-count", status_code=204, openapi_extra=refuses("machine-unreachable nothing-to-undo"))
async def undo_count(caller: Operator, body: UndoCountIn) -> None:
    """Reverse a count within 10 seconds; the facts stay, their opposites are added."""
    await caller.write(service.undo_count, **body.model_dump())
