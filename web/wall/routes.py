"""The wall of an area. It only looks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from starlette.responses import HTMLResponse

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.equipment.queries import get_equipment
from mes.kernel.db import ReadSession
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.live.region import live_url
from web.templating import region_routes, render
from web.wall.regions import REGIONS, build_machines, build_orders, build_totals
from web.wall.views import WallPage

router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]


@router.get("/wall/{area_id}")
async def wall(request: Request, area_id: str, who: Viewer) -> HTMLResponse:
    page, zone = await who.read(_page, area_id=area_id, now=who.database.clock())
    live = live_url(*(region.name for region in REGIONS), rate="wall", params={"area_id": area_id})
    shell = shell_of(request, who, zone=zone, live=live)
    return HTMLResponse(render("wall/page.html", page, language=who.language, shell=shell))


def _page(session: ReadSession, *, area_id: str, now: datetime) -> tuple[WallPage, ZoneInfo]:
    params = {"area_id": area_id}
    name = get_equipment(session, equipment_id=area_id).description or area_id
    page = WallPage(
        area_id,
        name,
        build_machines(session, now=now, params=params),
        build_orders(session, now=now, params=params),
        build_totals(session, now=now, params=params),
    )
    return page, plant_zone(session)


router.routes.extend(region_routes("/wall/{area_id}", REGIONS).routes)
