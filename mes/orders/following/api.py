"""REST of what jobs and orders follow. Job and order ids may contain slashes, so a path ends with its verb."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

from mes.access.door import Caller, caller
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.orders import service
from mes.orders.following.queries import get_followed
from mes.orders.following.schemas import (
    FollowedOut,
    MovedOrderOut,
    MoveJobIn,
    MoveOrderIn,
    ParametersIn,
    StartOverrideIn,
)

router = api_router("orders")

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Operator = Annotated[Caller, Depends(caller(Permission.operate))]
Supervisor = Annotated[Caller, Depends(caller(Permission.release_jobs))]
StepNumber = Annotated[int, Path(ge=1, lt=2**31)]


@router.get(
    "/job-orders/{job_id:path}/definition",
    openapi_extra=refuses("job-order-not-found operations-definition-not-found operations-segment-not-found"),
)
async def get_followed_definition(caller: Viewer, job_id: str) -> FollowedOut:
    """What a job follows: version, places, parameters, materials with what is needed of them, work instruction."""
    return FollowedOut.of(await caller.read(get_followed, job_id=job_id))


@router.post(
    "/job-orders/{job_id:path}/instructions/{step}/acknowledge",
    status_code=204,
    openapi_extra=refuses("instruction-not-found job-order-not-found job-version-conflict"),
)
async def acknowledge_instruction(caller: Operator, job_id: str, step: StepNumber) -> None:
    """Whoever calls has read a step of the job's work instruction. Again changes nothing."""
    await caller.write(service.acknowledge_instruction, job_id=job_id, sequence=step)


@router.post(
    "/job-orders/{job_id:path}/move",
    status_code=204,
    openapi_extra=refuses(
        "equipment-not-allowed job-order-not-found job-state-conflict job-version-conflict operations-segment-not-found"
    ),
)
async def move_job_to_equipment(caller: Supervisor, job_id: str, body: MoveJobIn) -> None:
    """Let a job that has not begun be done at another place that its step allows."""
    await caller.write(service.move_job_to_equipment, job_id=job_id, **body.model_dump())


@router.post(
    "/job-orders/{job_id:path}/parameters",
    status_code=204,
    openapi_extra=refuses(
        "job-order-not-found job-state-conflict job-version-conflict parameter-out-of-limits reason-missing"
    ),
)
async def change_job_parameters(caller: Supervisor, job_id: str, body: ParametersIn) -> None:
    """Set parameters of a job that has not begun, within the limits of its recipe. Who and why is kept."""
    await caller.write(service.change_job_parameters, job_id=job_id, **body.model_dump())


@router.post(
    "/job-orders/{job_id:path}/start-override",
    status_code=204,
    openapi_extra=refuses(
        "first-article-open job-held job-machine-run job-not-due job-order-not-found job-state-conflict "
        "job-version-conflict station-occupied"
    ),
)
async def start_job_by_override(caller: Supervisor, job_id: str, body: StartOverrideIn) -> None:
    """Start a job at a manual station without the qualification it asks for. Who, why and what was missing is kept."""
    await caller.write(service.start_job_by_override, job_id=job_id, **body.model_dump())


@router.post(
    "/operations-requests/{request_id:path}/move",
    openapi_extra=refuses(
        "operations-definition-not-found operations-definition-not-released "
        "operations-request-not-found operations-request-over quantity-invalid work-master-not-found"
    ),
)
async def move_order_to_version(caller: Supervisor, request_id: str, body: MoveOrderIn) -> MovedOrderOut:
    """Let an order follow another released version of its routing. What has begun stays as it is."""
    done = await caller.write(
        service.move_order_to_version,
        operations_request_id=request_id,
        from_label=body.from_version,
        to_label=body.to_version,
        reason=body.reason,
    )
    return MovedOrderOut.of(done)
