"""Receiving: a scan is answered with what it means; what is right is taken in and gets a label. Plain forms."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import segno
from fastapi import Depends, Form, Query, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from mes.access.door import Caller, caller, require
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.kernel.db import ReadSession
from mes.kernel.errors import Refusal
from mes.kernel.texts import NO_NUL
from mes.materials.errors import LotExpired, PartNotApproved
from mes.materials.queries import get_materials
from mes.materials.receiving.queries import get_label_lines, get_label_zpl, list_receipts, propose_receipt
from mes.materials.receiving.service import receive_lot
from standards.labels.faults import LABEL_MAX
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.receive.forms import Typed
from web.receive.views import (
    Answer,
    LabelPage,
    LatestRow,
    Option,
    ReceiptForm,
    ReceivePage,
    answer,
    label_href,
    latest_row,
    receipt_form,
    scan_answer,
    units_of,
)
from web.templating import render
from web.wording import refusal_words

router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Operator = Annotated[Caller, Depends(caller(Permission.operate))]
Label = Annotated[str, Form(max_length=LABEL_MAX + 1), NO_NUL]
"""One more than a label may have, so that a longer one is refused in words."""
LATEST_SHOWN: Final = 8


@router.get("/receive")
async def receive(request: Request, who: Operator, lot: Annotated[str, Query(max_length=100)] = "") -> HTMLResponse:
    """Ready for a scan; `lot` is what has just been received."""
    said = answer("received", what=lot, href=label_href(lot)) if lot else None
    return await _page(request, who, said, None)


@router.post("/receive/scan")
async def scan(request: Request, who: Operator, scan: Label) -> HTMLResponse:
    """What a label means here. Nothing is written."""
    try:
        proposal = await who.read(propose_receipt, text=scan, now=who.database.clock())
    except Refusal as refusal:
        return await _page(request, who, _refused(who, refusal), None, status=refusal.status)
    materials = await who.read(get_materials, ids=[found.material_id for found in proposal.candidates])
    form = receipt_form(proposal, materials, request_id=uuid4().hex, text=scan)
    return await _page(request, who, scan_answer(proposal), form)


@router.post("/receive")
async def take_in(request: Request, who: Operator, typed: Annotated[Typed, Form()]) -> Response:
    """Take a lot in. What is refused comes back with everything that was typed. The same `request_id` counts once."""
    if typed.reason:
        require(who, Permission.override_refusals)
    try:
        lot_id = await who.write(receive_lot, spec=typed.spec())
    except Refusal as refusal:
        return await _again(request, who, typed, refusal)
    return RedirectResponse(f"/receive?lot={lot_id}", status_code=303)


async def _again(request: Request, who: Caller, typed: Typed, refusal: Refusal) -> HTMLResponse:
    found = await who.read(get_materials, ids=[typed.material_id])
    form = ReceiptForm(
        **typed.model_dump(),
        materials=tuple(Option(view.material_id, view.description) for view in found.values()),
        units=units_of(found.values()) or (typed.unit,),
        override=isinstance(refusal, PartNotApproved | LotExpired),
    )
    return await _page(request, who, _refused(who, refusal), form, status=refusal.status)


def _refused(who: Caller, refusal: Refusal) -> Answer:
    words = refusal_words(who.language, refusal)
    kind = "not-approved" if isinstance(refusal, PartNotApproved) else "refused"
    return answer(kind, title=words.title, detail=words.detail, next_step=words.next_step)


async def _page(
    request: Request, who: Caller, said: Answer | None, form: ReceiptForm | None, *, status: int = 200
) -> HTMLResponse:
    latest, zone = await who.read(_latest)
    page = ReceivePage(said, form, latest)
    shell = shell_of(request, who, zone=zone)
    html = render("receive/page.html", page, language=who.language, shell=shell)
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})


def _latest(session: ReadSession) -> tuple[tuple[LatestRow, ...], ZoneInfo]:
    zone = plant_zone(session)
    page = list_receipts(session, limit=LATEST_SHOWN)
    return tuple(latest_row(view, zone) for view in page.items), zone


@router.get("/receive/{lot_id}/label")
async def label(request: Request, lot_id: str, who: Viewer) -> HTMLResponse:
    """A reel's own label, for the printer of whoever looks at it."""
    lines, zone = await who.read(_label, lot_id=lot_id)
    page = label_page(lot_id, lines)
    return HTMLResponse(
        render("receive/label.html", page, language=who.language, shell=shell_of(request, who, zone=zone))
    )


@router.get("/receive/{lot_id}/label.zpl")
async def label_zpl(lot_id: str, who: Viewer) -> PlainTextResponse:
    """The same for a label printer."""
    zpl = await who.read(get_label_zpl, lot_id=lot_id)
    return PlainTextResponse(zpl, headers={"Content-Disposition": "attachment; filename=label.zpl"})


def _label(session: ReadSession, *, lot_id: str) -> tuple[tuple[str, ...], ZoneInfo]:
    return get_label_lines(session, lot_id=lot_id), plant_zone(session)


def label_page(lot_id: str, lines: tuple[str, ...]) -> LabelPage:
    """The label as an SVG path: one square for each dark module of the QR code, with the quiet zone around it."""
    code = segno.make_qr(lot_id, error="m")
    rows = list(code.matrix_iter(border=4))
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return LabelPage(lot_id, path, len(rows), lines, f"{label_href(lot_id)}.zpl")
