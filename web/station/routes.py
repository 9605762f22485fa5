"""The station's page, its dialogs, and what an operator does there. Every action is a plain form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final, Literal
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.definitions.queries import list_scrap_reasons
from mes.equipment.queries import get_equipment
from mes.kernel.db import ReadSession
from mes.orders.errors import QuantityInvalid
from mes.orders.queries import get_job
from mes.orders.service import (
    complete_job,
    pause_job,
    report_good,
    report_scrap,
    resume_job,
    settle_count,
    start_job,
    undo_complete_job,
    undo_count,
)
from web.components.job import amount
from web.components.people import people_here
from web.components.plant_time import plant_zone
from web.layouts.shell import is_htmx, shell_of
from web.live.region import live_url
from web.station.regions import (
    REGIONS,
    build_current_job,
    build_job_queue,
    build_line_cells,
    build_machine,
    build_unassigned,
)
from web.station.views import (
    UNDO_S,
    Deed,
    Reason,
    ReportView,
    StationPage,
    UndoView,
    base_of,
    deed_from_query,
    deed_query,
    undo_view,
)
from web.templating import region_routes, render, render_region
from web.typed import typed_number

router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Operator = Annotated[Caller, Depends(caller(Permission.operate))]
Text = Annotated[str, Form(max_length=250)]
Version = Annotated[int, Form(ge=0, le=2**31)]
RequestId = Annotated[str, Form(min_length=8, max_length=90)]
Act = Literal["start", "pause", "resume", "complete"]
TRANSITIONS: Final[Mapping[Act, Callable[..., None]]] = {
    "start": start_job,
    "pause": pause_job,
    "resume": resume_job,
    "complete": complete_job,
}


@router.get("/s/{equipment_id}")
async def station(request: Request, equipment_id: str, who: Viewer) -> HTMLResponse:
    now = who.database.clock()
    undo = undo_view(equipment_id, deed_from_query(request.query_params), now)
    page, zone = await who.read(_page, equipment_id=equipment_id, undo=undo, now=now)
    here = await who.read(people_here, station=equipment_id, besides=who.principal_id, now=now)
    live = live_url(*(region.name for region in REGIONS), params={"equipment_id": equipment_id})
    shell = shell_of(
        request, await who.at(equipment_id), zone=zone, live=live, station=equipment_id, here=here.values()
    )
    return HTMLResponse(render("station/page.html", page, language=who.language, shell=shell))


def _page(
    session: ReadSession, *, equipment_id: str, undo: UndoView | None, now: datetime
) -> tuple[StationPage, ZoneInfo]:
    params = {"equipment_id": equipment_id}
    name = get_equipment(session, equipment_id=equipment_id).description or equipment_id
    page = StationPage(
        equipment_id,
        name,
        build_machine(session, now=now, params=params),
        build_current_job(session, now=now, params=params),
        build_line_cells(session, now=now, params=params),
        build_job_queue(session, now=now, params=params),
        build_unassigned(session, now=now, params=params),
        undo,
    )
    return page, plant_zone(session)


router.routes.extend(region_routes("/s/{equipment_id}", REGIONS).routes)


@router.get("/s/{equipment_id}/scrap")
async def ask_scrap(request: Request, equipment_id: str, job_id: str, who: Operator) -> HTMLResponse:
    return await _ask(request, equipment_id, job_id, "scrap", who)


@router.get("/s/{equipment_id}/good")
async def ask_good(request: Request, equipment_id: str, job_id: str, who: Operator) -> HTMLResponse:
    return await _ask(request, equipment_id, job_id, "good", who)


@router.get("/s/{equipment_id}/count")
async def ask_count(request: Request, equipment_id: str, job_id: str, who: Operator) -> HTMLResponse:
    return await _ask(request, equipment_id, job_id, "count", who)


async def _ask(request: Request, equipment_id: str, job_id: str, what: str, who: Caller) -> HTMLResponse:
    view, zone = await who.read(_report, equipment_id=equipment_id, job_id=job_id, what=what, now=who.database.clock())
    shell = shell_of(request, await who.at(equipment_id), zone=zone, station=equipment_id)
    template = "station/_report.html" if is_htmx(request) else "station/report.html"
    return HTMLResponse(render(template, view, language=who.language, shell=shell))


def _report(
    session: ReadSession, *, equipment_id: str, job_id: str, what: str, now: datetime
) -> tuple[ReportView, ZoneInfo]:
    job = get_job(session, job_id=job_id, now=now)
    name = get_equipment(session, equipment_id=equipment_id).description or equipment_id
    reasons = (
        tuple(Reason(r.reason_id, r.description or r.reason_id) for r in list_scrap_reasons(session))
        if what == "scrap"
        else ()
    )
    view = ReportView(
        base_of(equipment_id),
        name,
        what,
        job_id,
        job.operations_request_id,
        job.material_description or job.material_id,
        uuid4().hex,
        reasons,
        first="" if what == "count" else "1",
        good=amount(job.good_low, job.good_high),
        lost=amount(job.scrap_low, job.scrap_high),
    )
    return view, plant_zone(session)


@router.post("/s/{equipment_id}/good")
async def good(
    request: Request, equipment_id: str, job_id: Text, quantity: Text, request_id: RequestId, who: Operator
) -> Response:
    """Good pieces at a manual station. The same `request_id` counts once."""
    pieces = _pieces(quantity)
    await who.write(report_good, job_id=job_id, quantity=pieces, request_id=request_id)
    return await _answer(request, who, equipment_id, _counted(who, "good", job_id, pieces, request_id))


@router.post("/s/{equipment_id}/scrap")
async def scrap(
    request: Request,
    equipment_id: str,
    job_id: Text,
    quantity: Text,
    reason_id: Text,
    request_id: RequestId,
    who: Operator,
) -> Response:
    """Scrap with its reason. The same `request_id` counts once."""
    pieces = _pieces(quantity)
    await who.write(report_scrap, job_id=job_id, quantity=pieces, reason_id=reason_id, request_id=request_id)
    return await _answer(request, who, equipment_id, _counted(who, "scrap", job_id, pieces, request_id))


@router.post("/s/{equipment_id}/count")
async def count(
    request: Request,
    equipment_id: str,
    job_id: Text,
    quantity: Text,
    request_id: RequestId,
    who: Operator,
    scrap: Text = "",
) -> Response:
    """The pieces of a job that is over, counted by hand. `scrap` empty: as the machines prove it."""
    pieces = _pieces(quantity)
    lost = _pieces(scrap) if scrap.strip() else None
    await who.write(settle_count, job_id=job_id, quantity_good=pieces, quantity_scrap=lost, request_id=request_id)
    return await _answer(request, who, equipment_id, _counted(who, "count", job_id, pieces, request_id))


@router.post("/s/{equipment_id}/undo")
async def undo(
    request: Request,
    equipment_id: str,
    what: Text,
    job_id: Text,
    who: Operator,
    version: Version = 0,
    undoes: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Take back what was done within the last ten seconds."""
    if what == "complete":
        await who.write(undo_complete_job, job_id=job_id, version=version)
    else:
        await who.write(undo_count, request_id=undoes, job_id=job_id)
    return await _answer(request, who, equipment_id, Deed("undo", job_id))


@router.post("/s/{equipment_id}/{act}")
async def transition(
    request: Request, equipment_id: str, act: Act, job_id: Text, version: Version, who: Operator
) -> Response:
    """Start, pause, resume or complete: a transition carries the version it saw, so a second tap is refused."""
    await who.write(TRANSITIONS[act], job_id=job_id, version=version)
    return await _answer(request, who, equipment_id, await _deed(who, act, job_id))


async def _deed(who: Caller, act: Act, job_id: str) -> Deed:
    """At a manual station it has happened; a machine was only asked, and its own word will tell."""
    job = await who.read(get_job, job_id=job_id, now=who.database.clock())
    if act == "complete" and job.undo_until is not None:
        return Deed(act, job_id, version=job.version, until=job.undo_until)
    return Deed(act if job.manual else f"ask-{act}", job_id)


def _counted(who: Caller, what: str, job_id: str, pieces: Decimal, request_id: str) -> Deed:
    until = who.database.clock() + timedelta(seconds=UNDO_S)
    return Deed(what, job_id, pieces, undoes=request_id, until=until)


def _pieces(text: str) -> Decimal:
    return typed_number(text, QuantityInvalid)


async def _answer(request: Request, who: Caller, equipment_id: str, deed: Deed) -> Response:
    """With htmx the regions as they are now and the way back; else to the station's page, which shows both."""
    if not is_htmx(request):
        return RedirectResponse(f"{base_of(equipment_id)}?{urlencode(deed_query(deed))}", status_code=303)
    now = who.database.clock()
    undo = undo_view(equipment_id, deed, now)
    told = render("station/_undo.html", undo, language=who.language) if undo else ""
    regions = await who.read(_regions, equipment_id=equipment_id, now=now, language=who.language)
    return HTMLResponse(told + regions, headers={"Cache-Control": "no-store"})


def _regions(session: ReadSession, *, equipment_id: str, now: datetime, language: str) -> str:
    params = {"equipment_id": equipment_id}
    parts = (
        f'<hx-partial hx-target="#{region.name}" hx-swap="{region.swap}">'
        f"{render_region(session, region=region, now=now, params=params, language=language)}</hx-partial>"
        for region in REGIONS
    )
    return "".join(parts)
