"""REST of definitions: work masters, operations definitions with their segments, scrap reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request, Response

from mes.access.door import Caller, caller
from mes.access.door.bulk import Atomic, BulkOf, BulkOut, put_rows, rows_by_id
from mes.access.door.pages import Cursor, Limit, PageOf, page_out
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.definitions import queries, service
from mes.definitions.schemas import (
    DefinitionChange,
    DefinitionIn,
    DefinitionOut,
    DefinitionPage,
    DefinitionStateChange,
    DocumentOut,
    DraftChange,
    EffectivityChange,
    ScrapReasonChange,
    ScrapReasonIn,
    ScrapReasonOut,
    WorkMasterChange,
    WorkMasterIn,
    WorkMasterOut,
    WorkMasterPage,
)
from mes.definitions.types import DefinitionSpec, DefinitionState, MediaType
from mes.kernel.paging import LIMIT_DEFAULT
from mes.kernel.uow import UnitOfWork

router = api_router("definitions")
_BINARY: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}, "example": "(bytes)"}

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]


@router.get("/work-masters")
async def list_work_masters(
    caller: Viewer, work_master_id: str | None = None, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> WorkMasterPage:
    """All versions of work masters, by id, then age."""
    page = await caller.read(queries.list_work_masters, work_master_id=work_master_id, cursor=cursor, limit=limit)
    return WorkMasterPage.of(page)


@router.post(
    "/work-masters",
    status_code=201,
    openapi_extra=refuses(
        "effectivity-invalid parameter-out-of-limits work-master-exists work-master-not-found work-master-version-fixed"
    ),
)
async def create_work_master(caller: Engineer, body: WorkMasterIn, response: Response) -> WorkMasterOut:
    """A new work master with its first version."""
    await caller.write(service.create_work_master, spec=body.spec())
    response.headers["Location"] = f"/api/v1/work-masters/{body.id}"
    return await _shown_work_master(caller, response, body.id)


@router.get("/work-masters/{work_master_id}", openapi_extra=refuses("work-master-not-found"))
async def get_work_master(
    caller: Viewer, work_master_id: str, response: Response, version_label: str | None = None
) -> WorkMasterOut:
    """One version of a work master; the newest if none is named."""
    return await _shown_work_master(caller, response, work_master_id, version_label)


@router.put(
    "/work-masters/{work_master_id}",
    openapi_extra=refuses(
        "effectivity-invalid parameter-out-of-limits work-master-not-found work-master-version-fixed"
    ),
)
async def update_work_master(
    caller: Engineer, work_master_id: str, body: WorkMasterChange, response: Response
) -> WorkMasterOut:
    """Make the next version; jobs keep the one they began with."""
    await caller.write(service.update_work_master, spec=body.spec(work_master_id), seen_label=body.seen_version_label)
    return await _shown_work_master(caller, response, work_master_id)


@router.post(
    "/work-masters/{work_master_id}/versions/{version_label}/effectivity",
    openapi_extra=refuses("effectivity-invalid work-master-not-found"),
)
async def set_work_master_effectivity(
    caller: Engineer,
    work_master_id: str,
    version_label: str,
    body: EffectivityChange,
    response: Response,
    if_match: IfMatch = None,
) -> WorkMasterOut:
    """Say when new orders may use a version of a recipe. Orders under way go on."""
    await caller.write(
        service.set_work_master_effectivity,
        work_master_id=work_master_id,
        version_label=version_label,
        effectivity=body.value,
        version=expected_version(if_match, body.version),
    )
    return await _shown_work_master(caller, response, work_master_id, version_label)


@router.get("/operations-definitions")
async def list_definitions(
    caller: Viewer,
    material_id: str | None = None,
    state: DefinitionState | None = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = LIMIT_DEFAULT,
) -> DefinitionPage:
    """All versions of operations definitions, by id, then age, with their segments."""
    page = await caller.read(
        queries.list_definitions,
        material_id=material_id,
        state=state.value if state else None,
        cursor=cursor,
        limit=limit,
    )
    return DefinitionPage.of(page)


@router.post(
    "/operations-definitions",
    status_code=201,
    openapi_extra=refuses(
        "operations-definition-exists operations-definition-invalid operations-definition-not-found "
        "operations-definition-version-fixed"
    ),
)
async def create_definition(caller: Engineer, body: DefinitionIn, response: Response) -> DefinitionOut:
    """A new operations definition with its first version."""
    await caller.write(service.create_definition, spec=body.spec())
    response.headers["Location"] = f"/api/v1/operations-definitions/{body.id}"
    return await _shown_definition(caller, response, body.id)


@router.post(
    "/operations-definitions/bulk",
    openapi_extra=refuses(
        "bulk-row-repeated operations-definition-invalid operations-definition-not-found "
        "operations-definition-version-fixed"
    ),
)
async def upsert_definitions(caller: Engineer, body: BulkOf[DefinitionIn], atomic: Atomic = False) -> BulkOut:
    """Routings as described, made where they are new; the same again changes nothing."""
    rows = rows_by_id(body.rows, lambda row: row.id)
    return await put_rows(caller, _put_definitions, {id: row.spec() for id, row in rows.items()}, atomic=atomic)


@router.get("/operations-definitions/{definition_id}", openapi_extra=refuses("operations-definition-not-found"))
async def get_definition(
    caller: Viewer, definition_id: str, response: Response, version_label: str | None = None
) -> DefinitionOut:
    """One version of an operations definition; the newest if none is named."""
    return await _shown_definition(caller, response, definition_id, version_label)


@router.put(
    "/operations-definitions/{definition_id}",
    openapi_extra=refuses(
        "operations-definition-invalid operations-definition-not-found operations-definition-version-fixed"
    ),
)
async def update_definition(
    caller: Engineer, definition_id: str, body: DefinitionChange, response: Response
) -> DefinitionOut:
    """Make the next version; orders keep the one they began with."""
    await caller.write(service.update_definition, spec=body.spec(definition_id), seen_label=body.seen_version_label)
    return await _shown_definition(caller, response, definition_id)


@router.post(
    "/operations-definitions/{definition_id}/versions/{version_label}/state",
    openapi_extra=refuses("operations-definition-not-found"),
)
async def set_definition_state(
    caller: Engineer,
    definition_id: str,
    version_label: str,
    body: DefinitionStateChange,
    response: Response,
    if_match: IfMatch = None,
) -> DefinitionOut:
    """Release a version, which makes older ones obsolete, or withdraw it. Orders under way go on."""
    await caller.write(
        service.set_definition_state,
        definition_id=definition_id,
        version_label=version_label,
        state=body.state,
        version=expected_version(if_match, body.version),
    )
    return await _shown_definition(caller, response, definition_id, version_label)


@router.post(
    "/operations-definitions/{definition_id}/versions/{version_label}/effectivity",
    openapi_extra=refuses("effectivity-invalid operations-definition-not-found"),
)
async def set_definition_effectivity(
    caller: Engineer,
    definition_id: str,
    version_label: str,
    body: EffectivityChange,
    response: Response,
    if_match: IfMatch = None,
) -> DefinitionOut:
    """Say when new orders take a version. Orders under way go on."""
    await caller.write(
        service.set_definition_effectivity,
        definition_id=definition_id,
        version_label=version_label,
        effectivity=body.value,
        version=expected_version(if_match, body.version),
    )
    return await _shown_definition(caller, response, definition_id, version_label)


@router.put(
    "/operations-definitions/{definition_id}/versions/{version_label}",
    openapi_extra=refuses(
        "operations-definition-invalid operations-definition-not-found operations-definition-version-fixed"
    ),
)
async def replace_draft(
    caller: Engineer,
    definition_id: str,
    version_label: str,
    body: DraftChange,
    response: Response,
    if_match: IfMatch = None,
) -> DefinitionOut:
    """Let a draft say something else. What was ever released stays as it is."""
    await caller.write(
        service.replace_draft,
        spec=body.spec(definition_id),
        version_label=version_label,
        version=expected_version(if_match, body.version),
    )
    return await _shown_definition(caller, response, definition_id, version_label)


@router.post(
    "/operations-definitions/{definition_id}/versions/{version_label}/drafts",
    status_code=201,
    openapi_extra=refuses("operations-definition-invalid operations-definition-not-found"),
)
async def begin_draft(caller: Engineer, definition_id: str, version_label: str, response: Response) -> DefinitionOut:
    """A new version that says what this one says, as a draft."""
    label = await caller.write(service.begin_draft, definition_id=definition_id, from_label=version_label)
    return await _shown_definition(caller, response, definition_id, label)


@router.post(
    "/instruction-documents",
    status_code=201,
    openapi_extra=refuses("instruction-document-invalid instruction-document-too-large")
    | {"requestBody": {"required": True, "content": dict.fromkeys(MediaType, _BINARY)}},
)
async def put_document(caller: Engineer, request: Request, response: Response) -> DocumentOut:
    """Upload a picture (PNG, JPEG, WebP) or PDF as the body, at most 5 MB. Its type is found out by its content."""
    view = await caller.write(service.put_document, content=await request.body())
    response.headers["Location"] = f"/api/v1/instruction-documents/{view.sha256}"
    return DocumentOut.of(view)


@router.get(
    "/instruction-documents/{sha256}",
    response_class=Response,
    responses={200: {"content": dict.fromkeys(MediaType, _BINARY)}},
    openapi_extra=refuses("instruction-document-not-found"),
)
async def read_document(caller: Viewer, sha256: str) -> Response:
    """A picture or drawing."""
    media_type, content = await caller.read(queries.read_document, sha256=sha256)
    return Response(content, media_type=media_type.value)


@router.get("/scrap-reasons")
async def list_scrap_reasons(
    caller: Viewer, active_only: bool = True, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[ScrapReasonOut]:
    """Reasons for scrap by id."""
    found = await caller.read(queries.list_scrap_reasons, active_only=active_only)
    return page_out(found, ScrapReasonOut.of, cursor=cursor, limit=limit, key=lambda one: one.reason_id)


@router.post("/scrap-reasons", status_code=201, openapi_extra=refuses("scrap-reason-exists scrap-reason-not-found"))
async def create_scrap_reason(caller: Engineer, body: ScrapReasonIn, response: Response) -> ScrapReasonOut:
    """A new reason for scrap."""
    await caller.write(service.create_scrap_reason, spec=body.spec())
    response.headers["Location"] = f"/api/v1/scrap-reasons/{body.id}"
    return await _shown_reason(caller, body.id, response)


@router.get("/scrap-reasons/{reason_id}", openapi_extra=refuses("scrap-reason-not-found"))
async def get_scrap_reason(caller: Viewer, reason_id: str, response: Response) -> ScrapReasonOut:
    """One reason, active or not."""
    return await _shown_reason(caller, reason_id, response)


@router.put("/scrap-reasons/{reason_id}", openapi_extra=refuses("scrap-reason-not-found"))
async def update_scrap_reason(
    caller: Engineer, reason_id: str, body: ScrapReasonChange, response: Response, if_match: IfMatch = None
) -> ScrapReasonOut:
    """Describe a reason anew, or take it out of choice."""
    version = expected_version(if_match, body.version)
    await caller.write(service.update_scrap_reason, spec=body.spec(reason_id), version=version)
    return await _shown_reason(caller, reason_id, response)


def _put_definitions(uow: UnitOfWork, *, rows: Sequence[DefinitionSpec]) -> Mapping[str, str]:
    return service.put_definitions(uow, specs=rows)


async def _shown_work_master(
    caller: Caller, response: Response, work_master_id: str, version_label: str | None = None
) -> WorkMasterOut:
    view = await caller.read(queries.get_work_master, work_master_id=work_master_id, version_label=version_label)
    response.headers["ETag"] = etag(view.version)
    return WorkMasterOut.of(view)


async def _shown_definition(
    caller: Caller, response: Response, definition_id: str, version_label: str | None = None
) -> DefinitionOut:
    found = await caller.read(queries.get_definition, definition_id=definition_id, version_label=version_label)
    response.headers["ETag"] = etag(found.version)
    return DefinitionOut.of(found)


async def _shown_reason(caller: Caller, reason_id: str, response: Response) -> ScrapReasonOut:
    view = await caller.read(queries.get_scrap_reason, reason_id=reason_id)
    response.headers["ETag"] = etag(view.version)
    return ScrapReasonOut.of(view)
