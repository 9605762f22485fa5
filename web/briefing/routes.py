"""What a job asks for and follows: its instruction, a supervisor's word, version and place. All plain forms."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.definitions.queries import read_document
from mes.kernel.db import ReadSession
from mes.kernel.texts import NO_NUL
from mes.orders.following.queries import get_briefing, get_followed, get_following_order
from mes.orders.queries import get_job
from mes.orders.service import (
    acknowledge_instruction,
    move_job_to_equipment,
    move_order_to_version,
    start_job_by_override,
)
from web.briefing.views import (
    AllowPage,
    CoursePage,
    EmptyInstruction,
    InstructionPage,
    allow_page,
    base_of,
    course_page,
    instruction_page,
    next_unread,
    step_href,
)
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.security import CONTENT_SECURITY_POLICY
from web.templating import render

router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Operator = Annotated[Caller, Depends(caller(Permission.operate))]
Supervisor = Annotated[Caller, Depends(caller(Permission.release_jobs))]
Text = Annotated[str, Form(max_length=250)]
Name = Annotated[str, Form(max_length=100)]
Label = Annotated[str, Form(max_length=20)]
Seen = Annotated[int, Form(ge=0, le=2**31)]
Step = Annotated[int, Form(ge=1, le=1_000)]
FRAMING_DOCUMENTS: Final = {"Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"}
"""Nothing but a document lets itself be framed: every other answer says `frame-ancestors 'none'`."""
DOCUMENT_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Disposition": "inline",
}
"""A document is named by its content, so it never changes; its type was found out by its content, never told."""


Why = Annotated[str, Form(min_length=1, max_length=500), NO_NUL]


@router.get("/s/{equipment_id}/instructions")
async def instructions(
    request: Request,
    equipment_id: str,
    who: Viewer,
    job_id: Annotated[str, Query(max_length=250)],
    step: Annotated[int, Query(ge=0, le=1_000)] = 0,
) -> HTMLResponse:
    """One step; 0: the first that whoever looks has not read."""
    page, zone = await who.read(_page, equipment_id=equipment_id, job_id=job_id, step=step, who=who.principal_id)
    shell = shell_of(request, await who.at(equipment_id), zone=zone, station=equipment_id)
    html = render("briefing/page.html", page, language=who.language, shell=shell, name=equipment_id)
    return HTMLResponse(html, headers=FRAMING_DOCUMENTS)


def _page(
    session: ReadSession, *, equipment_id: str, job_id: str, step: int, who: str
) -> tuple[InstructionPage | EmptyInstruction, ZoneInfo]:
    found, zone = get_followed(session, job_id=job_id), plant_zone(session)
    return instruction_page(equipment_id, found, step or next_unread(found, who), who, zone), zone


@router.post("/s/{equipment_id}/instructions")
async def acknowledge(equipment_id: str, job_id: Text, step: Step, who: Operator) -> Response:
    """Whoever taps has read this step; on to the next, or back to the station after the last."""
    await who.write(acknowledge_instruction, job_id=job_id, sequence=step)
    found = await who.read(get_followed, job_id=job_id)
    last = step >= len(found.instructions)
    address = base_of(equipment_id) if last else step_href(equipment_id, job_id, step + 1)
    return RedirectResponse(address, status_code=303)


@router.get("/s/{equipment_id}/allow")
async def ask(request: Request, equipment_id: str, job_id: str, who: Supervisor) -> HTMLResponse:
    page, zone = await who.read(_asked, equipment_id=equipment_id, job_id=job_id, who=who)
    shell = shell_of(request, await who.at(equipment_id), zone=zone, station=equipment_id)
    return HTMLResponse(render("briefing/allow.html", page, language=who.language, shell=shell, name=equipment_id))


def _asked(session: ReadSession, *, equipment_id: str, job_id: str, who: Caller) -> tuple[AllowPage, ZoneInfo]:
    job = get_job(session, job_id=job_id, now=who.database.clock())
    asked = get_briefing(session, job_pk=job.pk).qualifications
    return allow_page(equipment_id, get_followed(session, job_id=job_id), asked), plant_zone(session)


@router.post("/s/{equipment_id}/allow")
async def allow(
    equipment_id: str,
    job_id: Text,
    version: Seen,
    reason: Why,
    who: Supervisor,
) -> Response:
    """Start the job without the qualification; what was missing, who allowed it and why are recorded."""
    await who.write(start_job_by_override, job_id=job_id, version=version, reason=reason.strip())
    return RedirectResponse(base_of(equipment_id), status_code=303)


@router.get("/orders/{order_id}/course")
async def course(request: Request, order_id: str, who: Supervisor) -> HTMLResponse:
    """What an order follows, and where its jobs are done; both may be changed for what has not begun."""
    page, zone = await who.read(_course, order_id=order_id)
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("briefing/course.html", page, language=who.language, shell=shell))


def _course(session: ReadSession, *, order_id: str) -> tuple[CoursePage, ZoneInfo]:
    return course_page(get_following_order(session, operations_request_id=order_id)), plant_zone(session)


@router.post("/orders/{order_id}/course/version")
async def move_order(order_id: str, from_label: Label, to_label: Label, reason: Why, who: Supervisor) -> Response:
    """Let the order follow another version; what has begun stays as it is."""
    asked = {"operations_request_id": order_id, "from_label": from_label, "to_label": to_label}
    await who.write(move_order_to_version, **asked, reason=reason.strip())
    return RedirectResponse(f"/orders/{quote(order_id, safe='')}/course", status_code=303)


@router.post("/orders/{order_id}/course/place")
async def move_job(order_id: str, job_id: Text, version: Seen, equipment_id: Name, who: Supervisor) -> Response:
    """Let a job that has not begun be done at another of its step's places."""
    await who.write(move_job_to_equipment, job_id=job_id, version=version, equipment_id=equipment_id)
    return RedirectResponse(f"/orders/{quote(order_id, safe='')}/course", status_code=303)


@router.get("/documents/{sha256}")
async def document(sha256: str, who: Viewer) -> Response:
    """A picture or drawing of a work instruction."""
    media_type, content = await who.read(read_document, sha256=sha256)
    return Response(content, media_type=media_type.value, headers=DOCUMENT_HEADERS)
