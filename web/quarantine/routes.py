"""Readings that nobody could place. The list is not live: nothing moves under the finger of whoever decides."""

from __future__ import annotations

from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Path, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.ingest.quarantine.queries import list_quarantine
from mes.ingest.quarantine.service import retry_reading, set_reading_aside
from mes.ingest.quarantine.types import NOTE_MAX, QuarantineList
from mes.kernel.db import ReadSession
from mes.kernel.texts import NO_NUL
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.quarantine.views import quarantine_page
from web.templating import render

HERE: Final = "/quarantine"
router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_bridges))]
Decider = Annotated[Caller, Depends(caller(Permission.decide_quality))]
Key = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reason = Annotated[str, Form(min_length=1, max_length=NOTE_MAX), NO_NUL]


@router.get(HERE)
async def quarantine(request: Request, who: Viewer, cursor: Cursor = None) -> HTMLResponse:
    found, zone = await who.read(_quarantine, cursor=cursor)
    page = quarantine_page(found, zone, may_decide=who.may(Permission.decide_quality))
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("quarantine/page.html", page, language=who.language, shell=shell))


def _quarantine(session: ReadSession, *, cursor: str | None) -> tuple[QuarantineList, ZoneInfo]:
    return list_quarantine(session, cursor=cursor), plant_zone(session)


@router.post(f"{HERE}/{{pk}}/retry")
async def retry(pk: Key, who: Decider) -> Response:
    """Record it now; a second tap, and one that still cannot be, is refused."""
    await who.write(retry_reading, pk=pk)
    return RedirectResponse(HERE, status_code=303)


@router.post(f"{HERE}/{{pk}}/set-aside")
async def set_aside(pk: Key, reason: Reason, who: Decider, alike: Annotated[bool, Form()] = False) -> Response:
    """Nothing is to be done about it, and why."""
    await who.write(set_reading_aside, pk=pk, reason=reason.strip(), alike=alike)
    return RedirectResponse(HERE, status_code=303)
