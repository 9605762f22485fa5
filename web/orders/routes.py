"""The page of one order."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from starlette.responses import HTMLResponse

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.kernel.db import ReadSession
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.live.region import live_url
from web.orders.changing import router as changing
from web.orders.regions import REGIONS, build_head, build_history, build_timeline
from web.orders.views import OrderPage, base_of
from web.templating import region_routes, render

router = screen_router()
router.routes.extend(changing.routes)
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]


@router.get("/orders/{order_id}")
async def order(request: Request, order_id: str, who: Viewer) -> HTMLResponse:
    page, zone = await who.read(_page, order_id=order_id, now=who.database.clock())
    live = live_url(*(region.name for region in REGIONS), params={"order_id": order_id})
    shell = shell_of(request, who, zone=zone, live=live)
    return HTMLResponse(render("orders/page.html", page, language=who.language, shell=shell))


def _page(session: ReadSession, *, order_id: str, now: datetime) -> tuple[OrderPage, ZoneInfo]:
    params = {"order_id": order_id}
    head = build_head(session, now=now, params=params)
    timeline = build_timeline(session, now=now, params=params)
    history = build_history(session, now=now, params=params)
    return OrderPage(order_id, base_of(order_id), head, timeline, history), plant_zone(session)


router.routes.extend(region_routes("/orders/{order_id}", REGIONS).routes)
