"""The genealogy explorer, and one unit as it was built."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.genealogy.errors import GenealogyInvalid
from mes.genealogy.finding import find_lot
from mes.genealogy.queries import get_as_built, get_difference
from mes.genealogy.queries.steps import Way, get_layers, get_step
from mes.genealogy.service import adjust_lot
from mes.kernel.db import ReadSession
from mes.kernel.sqltypes import to_us
from mes.quality.errors import UnitNotSeen
from mes.quality.queries import get_unit_results
from mes.quality.types import ResultView
from standards.isa95.quantity import to_e6
from web.components.plant_time import plant_zone
from web.components.properties import described_lot
from web.layouts.shell import shell_of
from web.templating import render
from web.trace import filing, recalling
from web.trace.unit_views import DifferencePage, UnitPage, difference_page, unit_page
from web.trace.views import StepView, TracePage, address, drawn_step, explored, step_view, unit_of
from web.typed import typed_number

router = screen_router()
router.routes.extend([*recalling.router.routes, *filing.router.routes])
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Wanted = Annotated[str, Query(max_length=2_000)]
Scanned = Annotated[str, Form(max_length=2_000)]
Supervisor = Annotated[Caller, Depends(caller(Permission.release_jobs))]
RequestId = Annotated[str, Form(min_length=1, max_length=100)]
Short = Annotated[str, Form(max_length=30)]
Reason = Annotated[str, Form(min_length=1, max_length=500)]
Start = Annotated[int, Query(ge=0, le=2**31)]
PAGE_LINES = 50
CARRIERS_SHOWN = 5


@router.get("/trace")
async def trace(request: Request, who: Viewer, unknown: Wanted = "") -> HTMLResponse:
    zone = await who.read(plant_zone)
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("trace/page.html", TracePage(unknown=unknown), language=who.language, shell=shell))


@router.post("/trace")
async def find(who: Viewer, lot: Scanned) -> Response:
    """To what was scanned or typed: a lot, a serial, a carton, a delivery, or a label of one."""
    found = await who.read(find_lot, text=lot, year=who.database.clock().year)
    to = address(found, "made-of") if found else f"/trace?{urlencode({'unknown': lot.strip()[:200]})}"
    return RedirectResponse(to, status_code=303)


@router.get("/trace/lots/{lot_id}")
async def explore(
    request: Request, lot_id: str, who: Viewer, way: Way = Way.made_of, look: str = "list", start: Start = 0
) -> HTMLResponse:
    page, zone = await who.read(_explore, lot_id=lot_id, way=way, drawn=look == "drawing", start=start)
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("trace/page.html", page, language=who.language, shell=shell))


def _explore(session: ReadSession, *, lot_id: str, way: Way, drawn: bool, start: int) -> tuple[TracePage, ZoneInfo]:
    zone = plant_zone(session)
    if drawn:
        layers = get_layers(session, lot_id=lot_id, way=way)
        return TracePage(explored(layers.columns[0][0], way, None, layers, request_id=uuid4().hex)), zone
    step = get_step(session, lot_id=lot_id, way=way, start=start, limit=PAGE_LINES)
    return TracePage(explored(step.root, way, step_view(step, zone), None, request_id=uuid4().hex)), zone


@router.post("/trace/lots/{lot_id}/count")
async def count(lot_id: str, who: Supervisor, request_id: RequestId, left: Short, reason: Reason) -> Response:
    """What somebody counted to be left of a lot."""
    await who.write(adjust_lot, request_id=request_id, lot_id=lot_id, left_e6=_e6(left), reason=reason)
    return RedirectResponse(unit_of(lot_id), status_code=303)


def _e6(text: str) -> int:
    try:
        return to_e6(typed_number(text, GenealogyInvalid))
    except ValueError as error:
        raise GenealogyInvalid(f"{text!r} has more than six decimals, or is too much.") from error


@router.get("/trace/lots/{lot_id}/trace-step")
async def one_step(lot_id: str, who: Viewer, way: Way = Way.made_of, start: Start = 0) -> HTMLResponse:
    """A page of a step, to be put into the list."""
    view = await who.read(_one_step, lot_id=lot_id, way=way, start=start)
    return HTMLResponse(render("trace/_trace_step.html", view, language=who.language))


def _one_step(session: ReadSession, *, lot_id: str, way: Way, start: int) -> StepView:
    step = get_step(session, lot_id=lot_id, way=way, start=start, limit=PAGE_LINES)
    return step_view(step, plant_zone(session))


@router.get("/trace/lots/{lot_id}/drawn-step")
async def one_drawn_step(lot_id: str, who: Viewer, way: Way = Way.made_of, start: Start = 0) -> HTMLResponse:
    """A page of a step, to be put into the drawing."""
    step = await who.read(get_step, lot_id=lot_id, way=way, start=start)
    return HTMLResponse(render("trace/_drawn_step.html", drawn_step(step), language=who.language))


@router.get("/trace/units/{lot_id}")
async def unit(request: Request, lot_id: str, who: Viewer, unknown: Wanted = "") -> HTMLResponse:
    page, zone = await who.read(_unit, lot_id=lot_id, unknown=unknown, now_us=to_us(who.database.clock()))
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("trace/unit.html", page, language=who.language, shell=shell))


def _unit(session: ReadSession, *, lot_id: str, unknown: str, now_us: int) -> tuple[UnitPage, ZoneInfo]:
    zone = plant_zone(session)
    around = get_step(session, lot_id=lot_id, way=Way.used_in, limit=CARRIERS_SHOWN)
    built = get_as_built(session, lot_id=lot_id, now_us=now_us)
    said = described_lot(session, lot_id)
    return unit_page(built, around, _results(session, lot_id), zone, unknown, said), zone


def _results(session: ReadSession, lot_id: str) -> tuple[ResultView, ...]:
    """Newest first; none of a lot that nobody tested."""
    try:
        return get_unit_results(session, unit_id=lot_id)
    except UnitNotSeen:
        return ()


@router.get("/trace/units/{lot_id}/difference")
async def difference(request: Request, lot_id: str, who: Viewer, other: Wanted) -> Response:
    """Between two units; the other one is scanned or typed."""
    found = await who.read(find_lot, text=other, year=who.database.clock().year)
    if not found:
        return RedirectResponse(f"{unit_of(lot_id)}?{urlencode({'unknown': other.strip()[:200]})}", status_code=303)
    now_us = to_us(who.database.clock())
    page, zone = await who.read(_difference, first_id=lot_id, second_id=found, now_us=now_us)
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("trace/difference.html", page, language=who.language, shell=shell))


def _difference(session: ReadSession, *, first_id: str, second_id: str, now_us: int) -> tuple[DifferencePage, ZoneInfo]:
    answer = get_difference(session, first_id=first_id, second_id=second_id, now_us=now_us)
    return difference_page(answer), plant_zone(session)
