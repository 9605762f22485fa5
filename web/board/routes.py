"""The board, and what only a supervisor does there: release, and take a release back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.kernel.db import ReadSession
from mes.kernel.errors import BadRequest
from mes.orders.queries import get_operations_request
from mes.orders.service import release_jobs, revoke_release
from standards.isa95.job_control import DispatchStatus, JobState
from web.board.plan_views import SPANS, BoardGantt, BoardKanban, PlanPage
from web.board.regions import REGIONS, build_board_gantt, build_board_kanban, build_board_orders
from web.board.views import SHOWS, BoardPage, ReleasedView
from web.components.plant_time import plant_zone
from web.layouts.shell import is_htmx, shell_of
from web.live.region import live_url
from web.templating import region_routes, render, render_region

UNDO_S: Final = 10
TOLD_S: Final = 4
JOBS_MAX: Final = 200
Plan = BoardKanban | BoardGantt

router = screen_router()
router.routes.extend(region_routes("/board", REGIONS).routes)
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Releaser = Annotated[Caller, Depends(caller(Permission.release_jobs))]
OrderId = Annotated[str, Form(max_length=100)]
Show = Annotated[str, Form(max_length=20)]
Jobs = Annotated[list[str], Form(min_length=1, max_length=JOBS_MAX)]


class ReleaseUnreadable(BadRequest):
    """A job in the form is not `version:id`."""

    code = "release-unreadable"
    title = "The release form cannot be read"
    next_step = "Load the board again."


@router.get("/board")
async def board(request: Request, who: Viewer, show: str = "open", released: str = "") -> HTMLResponse:
    show = show if show in SHOWS else "open"
    now = who.database.clock()
    page, zone = await who.read(_page, show=show, released=released, now=now)
    live = live_url("board-orders", params={"show": show})
    shell = shell_of(request, who, zone=zone, live=live)
    return HTMLResponse(render("board/page.html", page, language=who.language, shell=shell))


def _page(session: ReadSession, *, show: str, released: str, now: datetime) -> tuple[BoardPage, ZoneInfo]:
    orders = build_board_orders(session, now=now, params={"show": show})
    told = _told(session, order_id=released, released=True, show=show, now=now) if released else None
    return BoardPage(orders, told), plant_zone(session)


@router.get("/board/kanban")
async def kanban(request: Request, who: Viewer) -> HTMLResponse:
    return await _plan(request, who, "kanban", build_board_kanban, {})


@router.get("/board/gantt")
async def gantt(request: Request, who: Viewer, span: str = "shift") -> HTMLResponse:
    return await _plan(request, who, "gantt", build_board_gantt, {"span": span if span in SPANS else "shift"})


async def _plan(
    request: Request, who: Caller, tab: str, build: Callable[..., Plan], params: Mapping[str, str]
) -> HTMLResponse:
    region, zone = await who.read(_built, build=build, params=params, now=who.database.clock())
    shell = shell_of(request, who, zone=zone, live=live_url(f"board-{tab}", params=params))
    return HTMLResponse(render("board/plan.html", PlanPage(tab, region), language=who.language, shell=shell))


def _built(
    session: ReadSession, *, build: Callable[..., Plan], params: Mapping[str, str], now: datetime
) -> tuple[Plan, ZoneInfo]:
    return build(session, now=now, params=params), plant_zone(session)


@router.post("/board/release")
async def release(request: Request, order_id: OrderId, show: Show, job: Jobs, who: Releaser) -> Response:
    """Permit all jobs of an order that wait for it. Machines start when their turn comes."""
    await who.write(release_jobs, versions=_versions(job))
    return await _answer(request, who, order_id, show, released=True)


@router.post("/board/revoke")
async def revoke(request: Request, order_id: OrderId, show: Show, job: Jobs, who: Releaser) -> Response:
    """Take a release back from jobs that no machine has yet."""
    await who.write(revoke_release, versions=_versions(job))
    return await _answer(request, who, order_id, show, released=False)


def _versions(jobs: list[str]) -> dict[str, int]:
    versions: dict[str, int] = {}
    for item in jobs:
        version, _, job_id = item.partition(":")
        if not version.isdecimal() or not job_id:
            raise ReleaseUnreadable()
        versions[job_id] = int(version)
    return versions


async def _answer(request: Request, who: Caller, order_id: str, show: str, *, released: bool) -> Response:
    show = show if show in SHOWS else "open"
    if not is_htmx(request):
        query = urlencode({"show": show, **({"released": order_id} if released else {})})
        return RedirectResponse(f"/board?{query}", status_code=303)
    now = who.database.clock()
    html = await who.read(_fragments, order_id=order_id, released=released, show=show, now=now, language=who.language)
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})


def _fragments(session: ReadSession, *, order_id: str, released: bool, show: str, now: datetime, language: str) -> str:
    told = _told(session, order_id=order_id, released=released, show=show, now=now)
    notice = render("board/_released.html", told, language=language)
    region = REGIONS[0]
    html = render_region(session, region=region, now=now, params={"show": show}, language=language)
    return f'{notice}<hx-partial hx-target="#{region.name}" hx-swap="{region.swap}">{html}</hx-partial>'


def _told(session: ReadSession, *, order_id: str, released: bool, show: str, now: datetime) -> ReleasedView:
    """What was done, and which jobs may still be taken back: those released and not yet with a machine."""
    jobs = get_operations_request(session, operations_request_id=order_id, now=now).jobs
    back = tuple(
        f"{job.version}:{job.job_id}"
        for job in jobs
        if released and job.state is JobState.AllowedToStart and job.dispatch_status is DispatchStatus.Pending
    )
    seconds = UNDO_S if back else TOLD_S
    until = now + timedelta(seconds=seconds)
    what = "release" if released else "revoke"
    return ReleasedView(what, order_id, show, back, int(until.timestamp() * 1000), seconds)
