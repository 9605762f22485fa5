"""The dispatch list's page, and the sequence a supervisor gives to what waits."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.equipment.queries import get_equipment, get_equipment_pks, get_equipment_views
from mes.kernel.db import ReadSession
from mes.kernel.errors import BadRequest
from mes.orders.service import sequence_jobs
from mes.orders.types import SEQUENCE_MAX
from web.components.plant_time import plant_zone
from web.components.properties import Described, described
from web.dispatch.regions import REGIONS, build_dispatch_list
from web.dispatch.views import DispatchPage, base_of, moved
from web.layouts.shell import is_htmx, shell_of
from web.live.region import live_url
from web.templating import region_routes, render, render_region
from web.typed import seen_version

KEY_MAX: Final = 270
router = screen_router()
router.routes.extend(region_routes("/dispatch/{work_center_id}", REGIONS).routes)
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Supervisor = Annotated[Caller, Depends(caller(Permission.release_jobs))]
Jobs = Annotated[list[Annotated[str, Form(max_length=KEY_MAX)]], Form(min_length=1, max_length=SEQUENCE_MAX)]


class SequenceUnreadable(BadRequest):
    """A job in the form is not `version:id`."""

    code = "sequence-unreadable"
    title = "The sequence cannot be read"
    next_step = "Load the dispatch list again."


@router.get("/dispatch/{work_center_id}")
async def dispatch(request: Request, work_center_id: str, who: Viewer) -> HTMLResponse:
    page, zone = await who.read(_page, work_center_id=work_center_id, now=who.database.clock())
    live = live_url("dispatch-list", params={"work_center_id": work_center_id})
    shell = shell_of(request, who, zone=zone, live=live)
    return HTMLResponse(render("dispatch/page.html", page, language=who.language, shell=shell))


def _page(session: ReadSession, *, work_center_id: str, now: datetime) -> tuple[DispatchPage, ZoneInfo]:
    name = get_equipment(session, equipment_id=work_center_id).description or work_center_id
    region = build_dispatch_list(session, now=now, params={"work_center_id": work_center_id})
    places = dict.fromkeys((work_center_id, *(station.equipment_id for station in region.stations)))
    return DispatchPage(work_center_id, name, region, _said(session, places)), plant_zone(session)


def _said(session: ReadSession, places: Collection[str]) -> tuple[Described, ...]:
    views = get_equipment_views(session, get_equipment_pks(session, places).values())
    by_id = {view.equipment_id: view for view in views.values()}
    found = ((name, by_id[name]) for name in places)
    return tuple(one for name, view in found for one in described("equipment", name, view.properties, view.inherited))


@router.post("/dispatch/{work_center_id}/sequence")
async def sequence(
    request: Request,
    work_center_id: str,
    equipment_id: Annotated[str, Form(max_length=100)],
    job: Jobs,
    who: Supervisor,
    move: Annotated[str, Form(max_length=KEY_MAX + 10)] = "",
) -> Response:
    """The jobs in the order they stand in, one of them moved; the second of two supervisors is refused."""
    versions = dict(seen_version(one, SequenceUnreadable) for one in moved(job, move))
    await who.write(sequence_jobs, equipment_id=equipment_id, versions=versions)
    if not is_htmx(request):
        return RedirectResponse(base_of(work_center_id), status_code=303)
    html = await who.read(_fragment, work_center_id=work_center_id, now=who.database.clock(), language=who.language)
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})


def _fragment(session: ReadSession, *, work_center_id: str, now: datetime, language: str) -> str:
    (region,) = REGIONS
    params = {"work_center_id": work_center_id}
    html = render_region(session, region=region, now=now, params=params, language=language)
    return f'<hx-partial hx-target="#{region.name}" hx-swap="{region.swap}">{html}</hx-partial>'
