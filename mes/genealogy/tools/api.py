"""REST of tools."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Response

from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor, Limit, PageOf, page_out
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.definitions.schemas import ID_PATTERN
from mes.genealogy.tools import queries, service
from mes.genealogy.tools.schemas import ProlongIn, ToolActIn, ToolActOut, ToolIn, ToolOut
from mes.kernel.paging import LIMIT_DEFAULT

router = api_router("genealogy")

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Operator = Annotated[Caller, Depends(caller(Permission.operate))]
Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]
Supervisor = Annotated[Caller, Depends(caller(Permission.override_refusals))]
ToolId = Annotated[str, Path(pattern=ID_PATTERN)]


@router.get("/tools")
async def list_tools(caller: Viewer, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> PageOf[ToolOut]:
    """Tools by id."""
    page = await caller.read(queries.list_tools, now=caller.database.clock(), cursor=cursor, limit=limit)
    return PageOf(items=[ToolOut.of(view) for view in page.items], next_cursor=page.next_cursor)


@router.get("/tools/{tool_id}", openapi_extra=refuses("tool-not-found"))
async def get_tool(caller: Viewer, tool_id: ToolId, response: Response) -> ToolOut:
    """One tool: what it has done, where it stands, and whether it may be used."""
    return await _shown(caller, tool_id, response)


@router.put("/tools/{tool_id}", openapi_extra=refuses("tool-invalid tool-not-found"))
async def put_tool(
    caller: Engineer, tool_id: ToolId, body: ToolIn, response: Response, if_match: IfMatch = None
) -> ToolOut:
    """Make a tool as described; version 0 where there is none yet. What it has done stays."""
    version = expected_version(if_match, body.version)
    await caller.write(service.put_tool, spec=body.spec(tool_id), version=version)
    return await _shown(caller, tool_id, response)


@router.get("/tools/{tool_id}/acts", openapi_extra=refuses("tool-not-found"))
async def list_tool_acts(
    caller: Viewer, tool_id: ToolId, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[ToolActOut]:
    """What was done with a tool, newest first."""
    found = await caller.read(queries.list_tool_acts, tool_id=tool_id)
    return page_out(found, ToolActOut.of, cursor=cursor, limit=limit, key=lambda one: f"{one.at.isoformat()} {one.act}")


@router.post(
    "/tools/{tool_id}/acts",
    status_code=204,
    openapi_extra=refuses(
        "equipment-not-found idempotency-key-reused tool-not-clean tool-not-found tool-not-mounted tool-worn-out"
    ),
)
async def do_tool_act(caller: Operator, tool_id: ToolId, body: ToolActIn) -> None:
    """Mount, take out or clean a tool. The same `request_id` does it once."""
    asked = {"tool_id": tool_id, "request_id": body.request_id}
    place = {} if body.equipment_id is None else {"equipment_id": body.equipment_id}
    if body.act == "mounted":
        await caller.write(service.mount_tool, **asked, equipment_id=body.equipment_id or "")
    else:
        verb = service.clean_tool if body.act == "cleaned" else service.unmount_tool
        await caller.write(verb, **asked, **place)


@router.post(
    "/tools/{tool_id}/prolong",
    status_code=204,
    openapi_extra=refuses("idempotency-key-reused reason-missing tool-invalid tool-not-found"),
)
async def prolong_tool(caller: Supervisor, tool_id: ToolId, body: ProlongIn) -> None:
    """Let a tool be used for so many cycles more, with a reason that is kept."""
    await caller.write(service.prolong_tool, tool_id=tool_id, **body.model_dump())


async def _shown(caller: Caller, tool_id: str, response: Response) -> ToolOut:
    view = await caller.read(queries.get_tool, tool_id=tool_id, now=caller.database.clock())
    response.headers["ETag"] = etag(view.version)
    return ToolOut.of(view)
