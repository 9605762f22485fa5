"""The edge boxes of a plant, and one connection of one of them. It only looks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from mes.access.door import Caller, caller
from mes.access.permissions import Permission
from mes.edge.queries import get_bridge
from mes.kernel.db import ReadSession
from web.bridges.regions import ENDPOINT, LIST, REGIONS, build_detail, build_gaps, build_list
from web.bridges.views import BridgesPage, EndpointPage
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.live.region import live_url
from web.templating import region_routes, render

__all__ = ["REGIONS", "router"]
router = APIRouter(include_in_schema=False)
Viewer = Annotated[Caller, Depends(caller(Permission.view_bridges))]
Name = Annotated[str, Query(max_length=200)]


@router.get("/bridges")
async def bridges(request: Request, who: Viewer) -> HTMLResponse:
    page, zone = await who.read(_bridges, now=who.database.clock())
    shell = shell_of(request, who, zone=zone, live=live_url(LIST.name))
    return HTMLResponse(render("bridges/page.html", page, language=who.language, shell=shell))


def _bridges(session: ReadSession, *, now: datetime) -> tuple[BridgesPage, ZoneInfo]:
    return BridgesPage(build_list(session, now=now, params={})), plant_zone(session)


@router.get("/bridges/{bridge_id}/endpoint")
async def endpoint(request: Request, bridge_id: str, name: Name, who: Viewer) -> HTMLResponse:
    params = {"bridge_id": bridge_id, "name": name}
    page, zone = await who.read(_endpoint, params=params, now=who.database.clock())
    shell = shell_of(request, who, zone=zone, live=live_url(*(region.name for region in ENDPOINT), params=params))
    return HTMLResponse(render("bridges/endpoint.html", page, language=who.language, shell=shell))


def _endpoint(session: ReadSession, *, params: dict[str, str], now: datetime) -> tuple[EndpointPage, ZoneInfo]:
    bridge = get_bridge(session, bridge_id=params["bridge_id"])
    detail = build_detail(session, now=now, params=params)
    gaps = build_gaps(session, now=now, params=params)
    return EndpointPage(params["name"], bridge.description or bridge.id, detail, gaps), plant_zone(session)


router.include_router(region_routes("/bridges", (LIST,), permission=Permission.view_bridges))
router.include_router(region_routes("/bridges/{bridge_id}", ENDPOINT, permission=Permission.view_bridges))
