"""Who did what, for supervisors and administrators. The list is not live: it is read, not watched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Query, Request
from starlette.responses import HTMLResponse

from mes.access.audit.queries import list_acts
from mes.access.audit.types import Act, ActFilter
from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor
from mes.access.door.routing import screen_router
from mes.access.errors import PrincipalNotFound
from mes.access.permissions import Permission
from mes.access.queries import list_principals
from mes.access.types import PrincipalView
from mes.kernel.db import ReadSession
from mes.kernel.paging import LIMIT_MAX, Page
from mes.kernel.texts import NO_NUL
from web.audit.views import Asked, audit_page
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.templating import render

DAY: Final = r"^(\d{4}-\d{2}-\d{2})?$"
KIND: Final = r"^([a-z][a-z0-9]{0,39})?$"
router = screen_router()
Auditor = Annotated[Caller, Depends(caller(Permission.read_audit))]
Text = Annotated[str, Query(max_length=200), NO_NUL]
Day = Annotated[str, Query(pattern=DAY)]


@dataclass(frozen=True, slots=True)
class Found:
    page: Page[Act] | None
    people: tuple[PrincipalView, ...]
    zone: ZoneInfo


@router.get("/audit")
async def audit(
    request: Request,
    who: Auditor,
    person: Text = "",
    subject: Text = "",
    kind: Annotated[str, Query(pattern=KIND)] = "",
    since: Day = "",
    until: Day = "",
    cursor: Cursor = None,
) -> HTMLResponse:
    """Acts by person, subject, kind and the plant's days; the newest first."""
    asked = Asked(person, subject.strip(), kind, since, until)
    found = await who.read(_found, asked=asked, cursor=cursor)
    page = audit_page(asked, found.page, found.people, found.zone)
    return HTMLResponse(
        render("audit/page.html", page, language=who.language, shell=shell_of(request, who, zone=found.zone))
    )


def _found(session: ReadSession, *, asked: Asked, cursor: str | None) -> Found:
    zone = plant_zone(session)
    people = list_principals(session, limit=LIMIT_MAX).items
    try:
        page = list_acts(session, wanted=_wanted(asked, zone), cursor=cursor)
    except PrincipalNotFound:
        page = None
    return Found(page, people, zone)


def _wanted(asked: Asked, zone: ZoneInfo) -> ActFilter:
    until = _day(asked.until, zone)
    return ActFilter(
        principal_id=asked.person or None,
        subject=asked.subject or None,
        type=f"{asked.kind}.*" if asked.kind else None,
        since=_day(asked.since, zone),
        until=None if until is None else until + timedelta(days=1),
    )


def _day(text: str, zone: ZoneInfo) -> datetime | None:
    """Where a day begins; a text that is no day of the calendar asks for nothing."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone) if text else None
    except ValueError:
        return None
