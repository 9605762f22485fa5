"""REST of quality: defect codes, what steps ask, results in bulk, rework and scrap of a unit, holds, yields."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, Response
from pydantic import AwareDatetime

from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor, Limit, PageOf, page_out
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.kernel.paging import LIMIT_DEFAULT, slice_page
from mes.quality import queries, service
from mes.quality.schemas import (
    DefectCodeChange,
    DefectCodeIn,
    DefectCodeOut,
    DefectOut,
    LotHoldIn,
    RequirementChange,
    RequirementOut,
    ResultOut,
    ResultPage,
    ResultsIn,
    ResultsRecordedOut,
    ScrapIn,
    UnitReworkIn,
    YieldReportOut,
)
from mes.quality.types import Verdict

router = api_router("quality")

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]
Reporter = Annotated[Caller, Depends(caller(Permission.report_results))]
Decider = Annotated[Caller, Depends(caller(Permission.decide_quality))]
VerdictName = Literal["passed", "failed", "aborted", "rework", "scrapped"]


@router.get("/defect-codes")
async def list_defect_codes(
    caller: Viewer, active_only: bool = True, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[DefectCodeOut]:
    """Defect codes by id."""
    found = await caller.read(queries.list_defect_codes, active_only=active_only)
    return page_out(found, DefectCodeOut.of, cursor=cursor, limit=limit, key=lambda one: one.code_id)


@router.post("/defect-codes", status_code=201, openapi_extra=refuses("defect-code-exists defect-code-not-found"))
async def create_defect_code(caller: Engineer, body: DefectCodeIn, response: Response) -> DefectCodeOut:
    """A new defect code."""
    await caller.write(service.create_defect_code, spec=body.spec())
    response.headers["Location"] = f"/api/v1/defect-codes/{body.id}"
    return await _shown_code(caller, body.id, response)


@router.get("/defect-codes/{code_id}", openapi_extra=refuses("defect-code-not-found"))
async def get_defect_code(caller: Viewer, code_id: str, response: Response) -> DefectCodeOut:
    """One defect code."""
    return await _shown_code(caller, code_id, response)


@router.put("/defect-codes/{code_id}", openapi_extra=refuses("defect-code-not-found"))
async def update_defect_code(
    caller: Engineer, code_id: str, body: DefectCodeChange, response: Response, if_match: IfMatch = None
) -> DefectCodeOut:
    """Make a defect code as described; one that is no longer active keeps its past."""
    version = expected_version(if_match, body.version)
    await caller.write(service.update_defect_code, spec=body.spec(code_id), version=version)
    return await _shown_code(caller, code_id, response)


@router.get("/quality-requirements")
async def list_quality_requirements(
    caller: Viewer, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[RequirementOut]:
    """What the steps of work masters ask of units; where nothing was said, to have been there."""
    found = await caller.read(queries.list_requirements)
    return page_out(found, RequirementOut.of, cursor=cursor, limit=limit, key=lambda one: one.work_master_id)


@router.get("/quality-requirements/{work_master_id}", openapi_extra=refuses("quality-requirement-not-found"))
async def get_quality_requirement(caller: Viewer, work_master_id: str, response: Response) -> RequirementOut:
    """What the step of one work master asks."""
    return await _shown_requirement(caller, work_master_id, response)


@router.put(
    "/quality-requirements/{work_master_id}",
    openapi_extra=refuses("quality-requirement-not-found work-master-not-found"),
)
async def put_quality_requirement(
    caller: Engineer, work_master_id: str, body: RequirementChange, response: Response, if_match: IfMatch = None
) -> RequirementOut:
    """Say what the step of a work master asks of units; version 0 where nobody has said anything."""
    version = expected_version(if_match, body.version)
    await caller.write(service.put_requirements, specs=[body.spec(work_master_id)], version=version)
    return await _shown_requirement(caller, work_master_id, response)


@router.post(
    "/test-results",
    openapi_extra=refuses(
        "defect-code-not-found equipment-not-found job-order-not-found machine-unreachable result-differs "
        "result-invalid results-too-many"
    ),
)
async def record_test_results(caller: Reporter, body: ResultsIn) -> ResultsRecordedOut:
    """Take results of testers, in one transaction. The same again changes nothing; what is wrong with one row is told
    and keeps out no other."""
    return ResultsRecordedOut.of(await caller.write(service.record_results, results=body.specs()))


@router.get("/test-results")
async def list_test_results(
    caller: Viewer,
    unit_id: str | None = None,
    job_order_id: str | None = None,
    equipment_id: str | None = None,
    verdict: VerdictName | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> ResultPage:
    """Verdicts in the order they were recorded, with measurements and defects."""
    page = await caller.read(
        queries.list_results,
        unit_id=unit_id,
        job_id=job_order_id,
        equipment_id=equipment_id,
        verdict=Verdict[verdict] if verdict else None,
        cursor=cursor,
        limit=limit,
    )
    return ResultPage(items=[ResultOut.of(view) for view in page.items], next_cursor=page.next_cursor)


@router.get("/units/{unit_id}/results", openapi_extra=refuses("unit-not-seen"))
async def get_unit_results(
    caller: Viewer, unit_id: str, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> ResultPage:
    """The newest 1,000 results of a unit, newest first."""
    found = await caller.read(queries.get_unit_results, unit_id=unit_id)
    page = slice_page(found, cursor=cursor, limit=limit, key=lambda one: str(one.pk))
    return ResultPage(items=[ResultOut.of(view) for view in page.items], next_cursor=page.next_cursor)


@router.get("/units/{unit_id}/open-defects")
async def list_open_defects(
    caller: Viewer, unit_id: str, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[DefectOut]:
    """Defects of a unit that nobody has repaired."""
    found = await caller.read(queries.list_open_defects, unit_id=unit_id)
    return page_out(found, DefectOut.of, cursor=cursor, limit=limit, key=lambda one: str(one.pk))


@router.post(
    "/units/{unit_id}/rework",
    status_code=204,
    openapi_extra=refuses(
        "defect-not-found idempotency-key-reused result-invalid unit-not-failed unit-not-seen unit-scrapped"
    ),
)
async def send_unit_to_rework(caller: Decider, unit_id: str, body: UnitReworkIn) -> None:
    """Send a failed unit back to a step of its order; it does that step and every one after it again."""
    await caller.write(
        service.send_unit_to_rework,
        unit_id=unit_id,
        return_segment_id=body.return_segment_id,
        request_id=body.request_id,
        note=body.note,
        repaired_defects=body.repaired_defects,
    )


@router.post(
    "/units/{unit_id}/scrap",
    status_code=204,
    openapi_extra=refuses("idempotency-key-reused unit-not-seen unit-scrapped"),
)
async def scrap_unit(caller: Decider, unit_id: str, body: ScrapIn) -> None:
    """A unit is lost."""
    await caller.write(service.scrap_unit, unit_id=unit_id, request_id=body.request_id, note=body.note)


@router.post(
    "/quality-holds",
    status_code=204,
    openapi_extra=refuses("hold-too-large material-lot-closed material-lot-not-found"),
)
async def hold_lots(caller: Decider, body: LotHoldIn) -> None:
    """Keep lots and serials from being used, all or none."""
    await caller.write(service.hold_lots, lot_ids=body.lot_ids, reason=body.reason)


@router.post(
    "/quality-holds/release",
    status_code=204,
    openapi_extra=refuses("hold-too-large lot-not-held material-lot-closed material-lot-not-found"),
)
async def release_lots(caller: Decider, body: LotHoldIn) -> None:
    """Let lots and serials be used again, all or none."""
    await caller.write(service.release_lots, lot_ids=body.lot_ids, reason=body.reason)


@router.get("/yields/job-orders/{job_id:path}", openapi_extra=refuses("job-order-not-found"))
async def get_job_yields(caller: Viewer, job_id: str) -> YieldReportOut:
    """First-pass and final yield of a job, by unit."""
    return YieldReportOut.of(await caller.read(queries.get_job_yields, job_id=job_id))


@router.get("/yields/equipment/{equipment_id}", openapi_extra=refuses("equipment-not-found"))
async def get_equipment_yields(
    caller: Viewer, equipment_id: str, from_at: AwareDatetime, to_at: AwareDatetime
) -> YieldReportOut:
    """First-pass and final yield of the steps done at some equipment in a half-open time."""
    window: dict[str, datetime] = {"from_at": from_at, "to_at": to_at}
    return YieldReportOut.of(await caller.read(queries.get_equipment_yields, equipment_id=equipment_id, **window))


async def _shown_code(caller: Caller, code_id: str, response: Response) -> DefectCodeOut:
    view = await caller.read(queries.get_defect_code, code_id=code_id)
    response.headers["ETag"] = etag(view.version)
    return DefectCodeOut.of(view)


async def _shown_requirement(caller: Caller, work_master_id: str, response: Response) -> RequirementOut:
    view = await caller.read(queries.get_requirement, work_master_id=work_master_id)
    response.headers["ETag"] = etag(view.version)
    return RequirementOut.of(view)
