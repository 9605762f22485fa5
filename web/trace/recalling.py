"""The recall wizard: what is suspected, what is affected, the holds in one step and their release in one; and what
failed units share.

A list of ten thousand lots fits in no address: each step is a form that carries what was typed on, and answers with the
next page. Nothing is kept on the server, and holding twice holds nothing twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Query, Request
from starlette.responses import HTMLResponse

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.genealogy.finding import list_alike
from mes.genealogy.queries import get_recall, list_recall_holds, list_shared
from mes.genealogy.service import hold_suspects, release_suspects
from mes.genealogy.types import Answer
from mes.kernel.db import ReadSession
from mes.kernel.errors import Refusal
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.templating import render
from web.trace.forms import Compared, Holding, Releasing, Typed, listed
from web.trace.recall_views import (
    RecallPage,
    SharedPage,
    first_step,
    holds_of,
    recall_page,
    released_page,
    shared_page,
)
from web.wording import refusal_words

NAMED_MAX: Final = 20
router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Decider = Annotated[Caller, Depends(caller(Permission.decide_quality))]


def _page(
    request: Request, who: Caller, page: RecallPage | SharedPage, zone: ZoneInfo, status: int = 200
) -> HTMLResponse:
    template = "trace/recall.html" if isinstance(page, RecallPage) else "trace/shared.html"
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render(template, page, language=who.language, shell=shell), status)


async def _refused(request: Request, who: Caller, refusal: Refusal, page: RecallPage | SharedPage) -> HTMLResponse:
    """What was typed stays in its fields; the lots that nobody recorded are named."""
    words = refusal_words(who.language, refusal)
    named = ", ".join(error.where for error in refusal.errors[:NAMED_MAX])
    said = replace(page, refused=f"{words.title}: {named}" if named else words.title, refused_next=words.next_step)
    return _page(request, who, said, await who.read(plant_zone), refusal.status)


@router.get("/trace/recall")
async def recall(request: Request, who: Viewer, lot: Annotated[str, Query(max_length=100)] = "") -> HTMLResponse:
    zone = await who.read(plant_zone)
    return _page(request, who, first_step(Typed(lots=lot)), zone)


@router.post("/trace/recall")
async def change(request: Request, who: Viewer, typed: Annotated[Typed, Form()]) -> HTMLResponse:
    """The first step again, as it was filled in."""
    zone = await who.read(plant_zone)
    return _page(request, who, first_step(typed), zone)


@router.post("/trace/recall/affected")
async def review(request: Request, who: Viewer, typed: Annotated[Typed, Form()]) -> HTMLResponse:
    try:
        page, zone = await who.read(_review, typed=typed)
    except Refusal as refusal:
        return await _refused(request, who, refusal, first_step(typed))
    return _page(request, who, page, zone)


def _review(
    session: ReadSession, *, typed: Typed, reason: str = "", held: int | None = None
) -> tuple[RecallPage, ZoneInfo]:
    """What is on hold is told by its reasons where anything is."""
    zone = plant_zone(session)
    suspects = typed.suspects(zone)
    page = recall_page(typed, get_recall(session, suspects=suspects), zone, reason=reason, held=held)
    found = page.affected
    if found is None or found.truncated or not any(count.held for count in found.counts):
        return page, zone
    return replace(page, holds=holds_of(list_recall_holds(session, suspects=suspects), reason)), zone


@router.post("/trace/recall/holds")
async def hold(request: Request, who: Decider, typed: Annotated[Holding, Form()]) -> HTMLResponse:
    """Everything is held, or, where it is more than one recall takes, nothing."""
    zone = await who.read(plant_zone)
    held = await who.write(hold_suspects, suspects=typed.suspects(zone), reason=typed.reason)
    page, zone = await who.read(_review, typed=typed, reason=typed.reason, held=held)
    return _page(request, who, page, zone)


@router.post("/trace/recall/release")
async def release(request: Request, who: Decider, typed: Annotated[Releasing, Form()]) -> HTMLResponse:
    """What is held for this reason, in one step; what is held for another stays."""
    zone = await who.read(plant_zone)
    what = {"suspects": typed.suspects(zone), "hold_reason": typed.held_because, "reason": typed.reason}
    released = await who.write(release_suspects, **what)
    page, zone = await who.read(_review, typed=typed, reason=typed.reason)
    return _page(request, who, released_page(page, released), zone)


@router.get("/trace/shared")
async def compare(request: Request, who: Viewer, failed: Annotated[str, Query(max_length=3_500)] = "") -> HTMLResponse:
    """`failed` fills the field: a few serials, apart by commas."""
    zone = await who.read(plant_zone)
    return _page(request, who, SharedPage(Compared(failed="\n".join(listed(failed)))), zone)


@router.post("/trace/shared")
async def shared(request: Request, who: Viewer, typed: Annotated[Compared, Form()]) -> HTMLResponse:
    try:
        page, zone = await who.read(_shared, typed=typed)
    except Refusal as refusal:
        return await _refused(request, who, refusal, SharedPage(typed))
    return _page(request, who, page, zone)


def _shared(session: ReadSession, *, typed: Compared) -> tuple[SharedPage, ZoneInfo]:
    answer = share_of(session, typed=typed)
    return shared_page(typed, answer, chosen=bool(typed.failed_ids) and not typed.good_ids), plant_zone(session)


def share_of(session: ReadSession, *, typed: Compared) -> Answer:
    """Where nobody names good units, those of the same material made about the same time are taken."""
    failed, good = typed.failed_ids, typed.good_ids
    if failed and not good:
        good = list_alike(session, failed_ids=failed)
    return list_shared(session, failed_ids=failed, good_ids=good)
