"""REST of orders: the ERP sends operations requests; supervisors may release jobs by program too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Request, Response

from mes.access.door import Caller, caller
from mes.access.door.bulk import Atomic, BulkOf, BulkOut, put_rows, rows_by_id
from mes.access.door.pages import Cursor, Limit, PageOf
from mes.access.door.preconditions import etag
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.kernel.idempotency import fingerprint, once
from mes.kernel.paging import LIMIT_DEFAULT
from mes.kernel.uow import UnitOfWork, loaded_together
from mes.orders import queries, service
from mes.orders.schemas import (
    JobOut,
    JobPage,
    OperationsRequestIn,
    OperationsRequestOut,
    OperationsRequestPage,
    ReleaseIn,
    ReleaseJobsIn,
    SubmittedOut,
    UnassignedOut,
)
from mes.orders.types import RequestSpec, RequestState

router = api_router("orders")

Erp = Annotated[Caller, Depends(caller(Permission.submit_operations_requests))]
Reader = Annotated[Caller, Depends(caller(Permission.read_performance))]
Releaser = Annotated[Caller, Depends(caller(Permission.release_jobs))]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


@router.post(
    "/operations-requests",
    status_code=201,
    response_model=SubmittedOut,
    responses={200: {"model": SubmittedOut, "description": "Exactly this was here already."}},
    openapi_extra=refuses(
        "idempotency-key-reused operations-definition-ambiguous operations-definition-not-effective "
        "operations-definition-not-found operations-request-differs operations-request-outdated "
        "operations-request-started quantity-invalid work-master-not-effective"
    ),
)
async def submit_operations_request(
    caller: Erp, body: OperationsRequestIn, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Take a production order: a work request and a job per step of its routing.

    The same id, version and content again answers 200 and changes nothing. Other content under the same id and
    version is `operations-request-differs` (409). An `Idempotency-Key` makes the answer itself repeatable.
    """
    values = body.model_dump()
    if idempotency_key is None:
        status, answer = await caller.write(_submit, values=values)
        return _json(status, answer)
    stored = await caller.write(
        once(_submit),
        key=idempotency_key,
        request_fingerprint=fingerprint("POST", request.url.path, await request.body()),
        values=values,
    )
    return _json(stored.status, stored.body, replayed=stored.replayed)


@loaded_together(service.prefetch_routes)
def _submit(uow: UnitOfWork, *, values: Mapping[str, Any]) -> tuple[int, bytes]:
    done = service.submit_operations_request(uow, **values)
    answer = SubmittedOut(
        operations_request_id=done.operations_request_id,
        version=done.version,
        work_request_id=done.work_request_id,
        job_order_ids=list(done.job_order_ids),
        created=done.created,
    )
    return (201 if done.created else 200), orjson.dumps(answer.model_dump())


def _submit_all(uow: UnitOfWork, *, rows: Sequence[RequestSpec]) -> Mapping[str, str]:
    done = service.submit_operations_requests(uow, specs=rows)
    return {one.operations_request_id: "created" if one.created else "unchanged" for one in done}


def _json(status: int, body: bytes, *, replayed: bool = False) -> Response:
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return Response(body, status_code=status, media_type="application/json", headers=headers)


@router.post(
    "/operations-requests/bulk",
    openapi_extra=refuses(
        "bulk-row-repeated operations-definition-ambiguous operations-definition-not-effective "
        "operations-definition-not-found operations-request-differs operations-request-outdated "
        "operations-request-started quantity-invalid work-master-not-effective"
    ),
)
async def upsert_operations_requests(caller: Erp, body: BulkOf[OperationsRequestIn], atomic: Atomic = False) -> BulkOut:
    """Production orders; the same again changes nothing, a newer version of one replaces it before it is released."""
    rows = rows_by_id(body.rows, lambda row: row.id)
    return await put_rows(caller, _submit_all, {id: row.spec() for id, row in rows.items()}, atomic=atomic)


@router.get("/operations-requests")
async def list_operations_requests(
    caller: Reader, state: RequestState | None = None, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> OperationsRequestPage:
    """Operations requests in the order they came."""
    now = caller.database.clock()
    page = await caller.read(queries.list_operations_requests, now=now, state=state, cursor=cursor, limit=limit)
    return OperationsRequestPage(
        items=[OperationsRequestOut.of(card) for card in page.items], next_cursor=page.next_cursor
    )


@router.get("/operations-requests/{request_id:path}", openapi_extra=refuses("operations-request-not-found"))
async def get_operations_request(caller: Reader, request_id: str, response: Response) -> OperationsRequestOut:
    """One operations request with its jobs. Its ETag is the `revision` that acts on it name."""
    now = caller.database.clock()
    card = await caller.read(queries.get_operations_request, operations_request_id=request_id, now=now)
    response.headers["ETag"] = etag(card.revision)
    return OperationsRequestOut.of(card)


@router.get("/job-orders")
async def list_job_orders(
    caller: Reader,
    equipment_id: str | None = None,
    operations_request_id: str | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> JobPage:
    """Jobs in the order they were made."""
    page = await caller.read(
        queries.list_jobs,
        now=caller.database.clock(),
        equipment_id=equipment_id,
        operations_request_id=operations_request_id,
        cursor=cursor,
        limit=limit,
    )
    return JobPage(items=[JobOut.of(job) for job in page.items], next_cursor=page.next_cursor)


@router.post(
    "/job-orders/release",
    status_code=204,
    openapi_extra=refuses(
        "job-held job-order-not-found job-state-conflict job-version-conflict material-short reason-missing"
    ),
)
async def release_job_orders(caller: Releaser, body: ReleaseJobsIn) -> None:
    """Permit jobs, all or none. Machines start them when their turn comes."""
    await caller.write(service.release_jobs, versions=body.versions, shortage_reason=body.shortage_reason)


@router.post(
    "/job-orders/revoke-release",
    status_code=204,
    openapi_extra=refuses("job-order-not-found job-state-conflict job-version-conflict"),
)
async def revoke_job_orders(caller: Releaser, body: ReleaseIn) -> None:
    """Take the permission back from jobs no machine has yet, all or none."""
    await caller.write(service.revoke_release, versions=body.versions)


@router.get("/unassigned-counts")
async def list_unassigned_counts(
    caller: Reader, equipment_id: str | None = None, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[UnassignedOut]:
    """What machines counted for no job, newest first: set-up pieces, dry cycles, counts nobody can place."""
    page = await caller.read(queries.list_unassigned_counts, equipment_id=equipment_id, cursor=cursor, limit=limit)
    return PageOf(items=[UnassignedOut.of(count) for count in page.items], next_cursor=page.next_cursor)
