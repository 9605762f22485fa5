"""The start page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from starlette.responses import HTMLResponse

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.equipment.queries import list_equipment_status
from mes.kernel.db import ReadSession
from mes.orders.queries import list_active_jobs
from web.components.plant_time import plant_zone
from web.home.views import HomePage, HomeStations, home_stations
from web.layouts.shell import shell_of
from web.live.region import Region, live_url
from web.templating import region_routes, render

router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
SEPARATOR = "|"


def build_stations(session: ReadSession, *, now: datetime, params: Mapping[str, str]) -> HomeStations:
    return home_stations(list_equipment_status(session), now, list_active_jobs(session, now=now))


def _areas(params: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"area/{area}" for area in params.get("areas", "").split(SEPARATOR) if area)


REGIONS: tuple[Region, ...] = (Region("home-stations", "home/_home_stations.html", _areas, build_stations),)
router.routes.extend(region_routes("", REGIONS).routes)


@router.get("/")
async def home(request: Request, who: Viewer) -> HTMLResponse:
    page, zone = await who.read(_page, now=who.database.clock())
    areas = SEPARATOR.join(area.area_id for area in page.stations.areas)
    live = live_url("home-stations", params={"areas": areas}) if areas else ""
    shell = shell_of(request, who, zone=zone, live=live)
    return HTMLResponse(render("home/page.html", page, language=who.language, shell=shell))


def _page(session: ReadSession, *, now: datetime) -> tuple[HomePage, ZoneInfo]:
    return HomePage(build_stations(session, now=now, params={})), plant_zone(session)
