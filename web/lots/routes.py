"""Which lots run out; one lot, and where it is put."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.kernel.db import ReadSession
from mes.materials.errors import MaterialLotNotFound
from mes.materials.life.service import set_lot_expiry, set_lot_storage
from mes.materials.queries import get_material_lot
from mes.materials.receiving.errors import ReceiptNotFound
from mes.materials.receiving.queries import get_receipt
from mes.materials.types import Storage
from mes.quality.service import hold_lots, release_lots
from web.components.plant_time import plant_zone
from web.components.properties import described_lot
from web.layouts.shell import shell_of
from web.live.region import live_url
from web.lots.regions import LOT, REGIONS, RUNNING_OUT, build_lot, build_running_out
from web.lots.views import Came, LotPage, LotsPage, base_of, came_view
from web.templating import region_routes, render

__all__ = ["REGIONS", "router"]
router = screen_router()
router.routes.extend(region_routes("/lots", (RUNNING_OUT,)).routes)
router.routes.extend(region_routes("/lots/{lot_id}", (LOT,)).routes)
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Operator = Annotated[Caller, Depends(caller(Permission.operate))]
Overrider = Annotated[Caller, Depends(caller(Permission.override_refusals))]
Decider = Annotated[Caller, Depends(caller(Permission.decide_quality))]
Reason = Annotated[str, Form(min_length=1, max_length=500)]
Wanted = Annotated[str, Query(max_length=200)]
Version = Annotated[int, Form(ge=0, le=2**31)]


@router.get("/lots")
async def lots(request: Request, who: Viewer, unknown: Wanted = "") -> HTMLResponse:
    """Lots that run out; `unknown` is what was looked up and is no lot."""
    page, zone = await who.read(_lots, unknown=unknown, now=who.database.clock())
    shell = shell_of(request, who, zone=zone, live=live_url(RUNNING_OUT.name))
    return HTMLResponse(render("lots/page.html", page, language=who.language, shell=shell))


@router.post("/lots")
async def find(who: Viewer, lot: Annotated[str, Form(max_length=200)]) -> Response:
    """To the lot that was scanned or typed."""
    try:
        await who.read(get_material_lot, lot_id=lot.strip())
    except MaterialLotNotFound:
        return RedirectResponse(f"/lots?{urlencode({'unknown': lot.strip()})}", status_code=303)
    return RedirectResponse(base_of(lot.strip()), status_code=303)


def _lots(session: ReadSession, *, unknown: str, now: datetime) -> tuple[LotsPage, ZoneInfo]:
    return LotsPage(build_running_out(session, now=now, params={}), unknown), plant_zone(session)


@router.get("/lots/{lot_id}")
async def lot(request: Request, lot_id: str, who: Viewer) -> HTMLResponse:
    page, zone = await who.read(_lot, lot_id=lot_id, now=who.database.clock())
    shell = shell_of(request, who, zone=zone, live=live_url(LOT.name, params={"lot_id": lot_id}))
    return HTMLResponse(render("lots/lot.html", page, language=who.language, shell=shell))


def _lot(session: ReadSession, *, lot_id: str, now: datetime) -> tuple[LotPage, ZoneInfo]:
    zone = plant_zone(session)
    view = build_lot(session, now=now, params={"lot_id": lot_id})
    return LotPage(lot_id, view, _came(session, lot_id, zone), described_lot(session, lot_id)), zone


def _came(session: ReadSession, lot_id: str, zone: ZoneInfo) -> Came | None:
    try:
        return came_view(get_receipt(session, lot_id=lot_id), zone)
    except ReceiptNotFound:
        return None


@router.post("/lots/{lot_id}/storage")
async def put(lot_id: str, storage: Annotated[Storage, Form()], version: Version, who: Operator) -> Response:
    """A transition carries the version it saw: a second tap is refused."""
    await who.write(set_lot_storage, lot_id=lot_id, storage=storage, version=version)
    return RedirectResponse(base_of(lot_id), status_code=303)


@router.post("/lots/{lot_id}/hold")
async def hold(lot_id: str, reason: Reason, who: Decider) -> Response:
    """Nobody may use it until somebody releases it."""
    await who.write(hold_lots, lot_ids=[lot_id], reason=reason)
    return RedirectResponse(base_of(lot_id), status_code=303)


@router.post("/lots/{lot_id}/release")
async def release(lot_id: str, reason: Reason, who: Decider) -> Response:
    await who.write(release_lots, lot_ids=[lot_id], reason=reason)
    return RedirectResponse(base_of(lot_id), status_code=303)


@router.post("/lots/{lot_id}/expiry")
async def prolong(
    lot_id: str, expires_on: Annotated[date, Form()], reason: Reason, version: Version, who: Overrider
) -> Response:
    """Another last day, with the reason for it."""
    await who.write(set_lot_expiry, lot_id=lot_id, expires_on=expires_on, reason=reason, version=version)
    return RedirectResponse(base_of(lot_id), status_code=303)
