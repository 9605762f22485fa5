"""All tools on one page; a supervisor lets one be used on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final
from uuid import uuid4

from fastapi import Depends, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.genealogy.tools.queries import list_tools
from mes.genealogy.tools.service import prolong_tool
from mes.genealogy.tools.types import CYCLES_MAX
from mes.kernel.db import ReadSession
from mes.kernel.paging import LIMIT_MAX
from mes.kernel.texts import NO_NUL
from web.components.plant_time import plant_zone
from web.components.tools import tool_line
from web.layouts.shell import shell_of
from web.live.region import Region, live_url
from web.templating import region_routes, render
from web.tools.views import ToolList, ToolsPage

router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Supervisor = Annotated[Caller, Depends(caller(Permission.override_refusals))]
Cycles = Annotated[int, Form(ge=1, le=CYCLES_MAX)]
Reason = Annotated[str, Form(min_length=1, max_length=500), NO_NUL]
RequestId = Annotated[str, Form(min_length=8, max_length=80), NO_NUL]
Named = Annotated[str, Form(min_length=1, max_length=100), NO_NUL]


def build_tools(session: ReadSession, *, now: datetime, params: Mapping[str, str]) -> ToolList:
    zone = plant_zone(session)
    found = list_tools(session, now=now, limit=LIMIT_MAX).items
    return ToolList(tuple(tool_line(tool, now, zone) for tool in found), uuid4().hex)


REGIONS: Final = (Region("tool-list", "tools/_tool_list.html", lambda params: ("tools",), build_tools, "outerMorph"),)
router.routes.extend(region_routes("/tools", REGIONS).routes)


@router.get("/tools")
async def tools(request: Request, who: Viewer) -> HTMLResponse:
    found = await who.read(build_tools, now=who.database.clock(), params={})
    shell = shell_of(request, who, zone=await who.read(plant_zone), live=live_url("tool-list"))
    return HTMLResponse(render("tools/page.html", ToolsPage(found), language=who.language, shell=shell))


@router.post("/tools/prolong")
async def prolong(tool_id: Named, cycles: Cycles, reason: Reason, request_id: RequestId, who: Supervisor) -> Response:
    """For so many cycles more, with the reason for it."""
    await who.write(prolong_tool, tool_id=tool_id, cycles=cycles, reason=reason, request_id=request_id)
    return RedirectResponse("/tools", status_code=303)
