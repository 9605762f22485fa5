"""The edge boxes of a plant, one connection of one of them, and whom it trusts among the machines."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.edge.queries import get_bridge, get_bridge_report, get_certificate
from mes.edge.service import decide_certificate
from mes.kernel.db import ReadSession
from mes.kernel.sqltypes import to_us
from standards.lineside.commands_v1 import TrustAction
from web.bridges.certificates import CertificatePage, CertificatesPage, certificate_page
from web.bridges.regions import (
    CERTIFICATES,
    ENDPOINT,
    LIST,
    REGIONS,
    build_certificates,
    build_detail,
    build_gaps,
    build_list,
)
from web.bridges.views import BridgesPage, EndpointPage, base_of
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.live.region import live_url
from web.templating import region_routes, render

__all__ = ["REGIONS", "router"]
router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_bridges))]
Decider = Annotated[Caller, Depends(caller(Permission.decide_trust))]
Name = Annotated[str, Query(max_length=200)]


@router.get("/bridges")
async def bridges(request: Request, who: Viewer) -> HTMLResponse:
    page, zone = await who.read(_bridges, now=who.database.clock())
    shell = shell_of(request, who, zone=zone, live=live_url(LIST.name))
    return HTMLResponse(render("bridges/page.html", page, language=who.language, shell=shell))


def _bridges(session: ReadSession, *, now: datetime) -> tuple[BridgesPage, ZoneInfo]:
    return BridgesPage(build_list(session, now=now, params={})), plant_zone(session)


@router.get("/bridges/{bridge_id}/endpoint")
async def endpoint(request: Request, bridge_id: str, name: Name, who: Viewer) -> HTMLResponse:
    params = {"bridge_id": bridge_id, "name": name}
    page, zone = await who.read(_endpoint, params=params, now=who.database.clock())
    shell = shell_of(request, who, zone=zone, live=live_url(*(region.name for region in ENDPOINT), params=params))
    return HTMLResponse(render("bridges/endpoint.html", page, language=who.language, shell=shell))


def _endpoint(session: ReadSession, *, params: dict[str, str], now: datetime) -> tuple[EndpointPage, ZoneInfo]:
    bridge = get_bridge(session, bridge_id=params["bridge_id"])
    detail = build_detail(session, now=now, params=params)
    gaps = build_gaps(session, now=now, params=params)
    return EndpointPage(params["name"], bridge.description or bridge.id, detail, gaps), plant_zone(session)


@router.get("/bridges/{bridge_id}/certificates")
async def certificates(request: Request, bridge_id: str, who: Viewer) -> HTMLResponse:
    params = {"bridge_id": bridge_id}
    page, zone = await who.read(_certificates, params=params, now=who.database.clock())
    shell = shell_of(request, who, zone=zone, live=live_url(CERTIFICATES.name, params=params))
    return HTMLResponse(render("bridges/certificates.html", page, language=who.language, shell=shell))


def _certificates(session: ReadSession, *, params: dict[str, str], now: datetime) -> tuple[CertificatesPage, ZoneInfo]:
    found = build_certificates(session, now=now, params=params)
    return CertificatesPage(found.name, found), plant_zone(session)


@router.get("/bridges/{bridge_id}/certificates/{thumbprint}")
async def certificate(request: Request, bridge_id: str, thumbprint: str, who: Viewer) -> HTMLResponse:
    """The certificate whole. It does not follow live: nothing moves under the finger of whoever decides."""
    asked = {"bridge_id": bridge_id, "thumbprint": thumbprint, "may_decide": who.may(Permission.decide_trust)}
    page, zone = await who.read(_certificate, now=who.database.clock(), **asked)
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("bridges/certificate.html", page, language=who.language, shell=shell))


def _certificate(
    session: ReadSession, *, bridge_id: str, thumbprint: str, may_decide: bool, now: datetime
) -> tuple[CertificatePage, ZoneInfo]:
    found = get_certificate(session, bridge_id=bridge_id, thumbprint=thumbprint, now_us=to_us(now))
    report, zone = get_bridge_report(session, bridge_id=bridge_id), plant_zone(session)
    return certificate_page(report, found, zone, now, may_decide=may_decide), zone


@router.post("/bridges/{bridge_id}/certificates/{thumbprint}")
async def decide(bridge_id: str, thumbprint: str, action: Annotated[TrustAction, Form()], who: Decider) -> Response:
    """Ask the edge box to approve, reject or revoke. The list shows what became of it."""
    await who.write(decide_certificate, bridge_id=bridge_id, thumbprint=thumbprint, action=action)
    return RedirectResponse(f"{base_of(bridge_id)}/certificates", status_code=303)


router.routes.extend(region_routes("/bridges", (LIST,), permission=Permission.view_bridges).routes)
router.routes.extend(
    region_routes("/bridges/{bridge_id}", (*ENDPOINT, CERTIFICATES), permission=Permission.view_bridges).routes
)
