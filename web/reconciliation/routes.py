"""Reconciliation on screen, for who reads what the ERP is told."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.exchange.reconciliation.errors import ErpViewNotFound
from mes.exchange.reconciliation.files import differences_csv
from mes.exchange.reconciliation.queries import reconcile
from mes.exchange.reconciliation.types import SOURCE_MAX, Reason, Reconciliation, Subject
from mes.kernel.db import ReadSession
from mes.kernel.texts import NO_NUL
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.reconciliation.views import reconciliation_page
from web.templating import render

router = screen_router()
Reader = Annotated[Caller, Depends(caller(Permission.read_performance))]
Source = Annotated[str | None, Query(max_length=SOURCE_MAX), NO_NUL]


@router.get("/reconciliation")
async def reconciliation(who: Reader) -> Response:
    """By order first."""
    return RedirectResponse(f"/reconciliation/{Subject.orders}", status_code=303)


@router.get("/reconciliation/{subject}")
async def compared(
    request: Request, subject: Subject, who: Reader, reason: Reason | None = None, source: Source = None
) -> HTMLResponse:
    """An ERP's last view against now, the newest or one source's; with a reason only what differs by it."""
    found, zone = await who.read(_found, subject=subject, source=source)
    page = reconciliation_page(subject, found, zone, reason, source)
    html = render("reconciliation/page.html", page, language=who.language, shell=shell_of(request, who, zone=zone))
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})


def _found(session: ReadSession, *, subject: Subject, source: str | None) -> tuple[Reconciliation | None, ZoneInfo]:
    zone = plant_zone(session)
    try:
        return reconcile(session, subject=subject, source=source), zone
    except ErpViewNotFound:
        return None, zone


@router.get("/reconciliation/{subject}/differences.csv")
async def as_file(subject: Subject, who: Reader, source: Source = None) -> Response:
    """All differences as a file."""
    data = differences_csv(await who.read(reconcile, subject=subject, source=source))
    headers = {"Cache-Control": "no-store", "Content-Disposition": f"attachment; filename=differences-{subject}.csv"}
    return Response(data, media_type="text/csv; charset=utf-8", headers=headers)
