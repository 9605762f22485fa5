"""Scanning at a station: one field for everything, and what can be done with what was scanned. All plain forms."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller, device_of
from mes.access.door.routing import screen_router
from mes.access.errors import PermissionMissing, SignInFailed, SignInLocked
from mes.access.permissions import Permission
from mes.access.sign_in import owner_of_badge, sign_in_with_badge, vouch_with_pin
from mes.access.types import BadgeUse, Voucher
from mes.genealogy.at_station.queries import find_place_of_act, find_place_of_tool, get_place, understand_scan
from mes.genealogy.at_station.types import NOTHING_HELD, Follow, Following, Held, Place
from mes.genealogy.service import may_be_overridden
from mes.kernel.db import ReadSession
from mes.kernel.errors import Refusal
from mes.kernel.vault import Vault
from mes.materials.errors import WrongMaterial
from mes.orders.errors import ReasonMissing
from mes.orders.queries import list_paths
from web.components.people import people_here
from web.components.plant_time import plant_zone
from web.layouts.cookies import keep_signed_in
from web.layouts.shell import is_htmx, shell_of
from web.live.region import live_url
from web.scan.acts import ACTS, NEEDS, WITHOUT_PLACE, Here
from web.scan.answering import Outcome, Refused, build_answer
from web.scan.forms import Act, Done, Remembered, Scan
from web.scan.regions import REGIONS, build_lately, build_material, build_tools
from web.scan.views import Answer, ScanPage, Told, base_of, held_href, records_at, station_of
from web.templating import region_routes, render, render_region

router = screen_router()
Operator = Annotated[Caller, Depends(caller(Permission.operate))]
ACT_OF: Final[dict[Following, Act]] = {
    Following.mount: "mount",
    Following.use: "use",
    Following.install: "install",
    Following.exchange: "exchange",
    Following.pack: "pack",
}
ASIDE: Final = frozenset({Following.person, Following.shipment, Following.nothing, Following.no_job})
"""What changes nothing about what is held."""
WHYS: Final[dict[type[Refusal], str]] = {SignInLocked: "locked", ReasonMissing: "reason"}
NO_STORE: Final = {"Cache-Control": "no-store"}
IDS: Final = frozenset(Done.model_fields) - {"request_id", "by", "pin", "reason", "other_reason", "repaired", "undoes"}


@router.get("/s/{equipment_id}/scan")
async def scanning(
    request: Request, equipment_id: str, who: Operator, carried: Annotated[Remembered, Query()]
) -> Response:
    """Ready for a scan; what was scanned before may be carried along."""
    return await _answer(request, who, equipment_id, Outcome(carried.holding))


router.routes.extend(region_routes("/s/{equipment_id}", REGIONS).routes)


@router.post("/s/{equipment_id}/scan")
async def scan(request: Request, equipment_id: str, who: Operator, form: Annotated[Scan, Form()]) -> Response:
    """One scan: what follows from it is done, asked or told. The same label twice at once is one scan."""
    now = who.database.clock()
    if form.is_double(int(now.timestamp() * 1000)):
        return Response(status_code=204)
    held = form.holding
    if not form.scan.strip() and not form.tapped:
        return await _answer(request, who, equipment_id, Outcome(held))
    if not form.tapped and (changed := await _badge(request, who, equipment_id, form)) is not None:
        return changed
    asked = {"text": form.scan, "slot_id": form.tapped, "held": held, "equipment_id": equipment_id}
    try:
        found = await who.read(understand_scan, **asked, now=now)
    except Refusal as refusal:
        refused = Refused(refusal, form.scan.strip()[:60])
        return await _answer(request, who, equipment_id, Outcome(held, refused=refused, status=refusal.status))
    act = ACT_OF.get(found.what)
    if act is not None:
        return await _do(request, who, equipment_id, act, _done(form, found), before=form.scan)
    return await _answer(request, who, equipment_id, _outcome(found, held, form.scan))


async def _badge(request: Request, who: Caller, equipment_id: str, form: Scan) -> Response | None:
    """Whoever's badge was scanned works here from now on; where it needs a PIN, that is asked. None: it is no badge."""
    badge = form.scan.strip()
    vault: Vault = request.app.state.vault
    found = await owner_of_badge(who.database, vault, scan=badge)
    if found is None:
        return None
    owner, use = found
    if use is BadgeUse.with_pin:
        return await _answer(request, who, equipment_id, Outcome(form.holding, Told("person", owner.display_name)))
    device = device_of(request)
    signed_in = await sign_in_with_badge(who.database, vault, badge=badge, device=device, work_unit_id=equipment_id)
    page = held_href(equipment_id, form.holding)
    if is_htmx(request):
        return keep_signed_in(request, Response(status_code=204, headers={"HX-Redirect": page}), signed_in)
    return keep_signed_in(request, RedirectResponse(page, status_code=303), signed_in)


def _done(form: Scan, found: Follow) -> Done:
    """What follows from a scan, as its form would send it."""
    held = form.holding
    new_part = found.what is Following.exchange
    return Done(
        request_id=form.request_id,
        held=held.kind,
        held_id=held.id,
        held_part=held.part_id,
        slot_id=found.slot_id,
        lot_id=found.lot_id,
        unit_id=found.unit_id,
        part_id=held.part_id if new_part else found.lot_id,
        container_id=found.container_id,
    )


def _outcome(found: Follow, held: Held, before: str) -> Outcome:
    """What is asked or told."""
    if found.what is Following.show:
        return Outcome(found.held, before=before)
    if found.what is Following.not_here:
        refusal = WrongMaterial(f"{found.lot_id} belongs in none of the slots here.")
        return Outcome(refused=Refused(refusal, found.lot_id), before=before, status=refusal.status)
    told = Told(found.what.value, found.lot_id, found.slot_id)
    return Outcome(held if found.what in ASIDE else NOTHING_HELD, told, found, before=before)


@router.post("/s/{equipment_id}/scan/{act}")
async def do(request: Request, equipment_id: str, act: Act, who: Operator, form: Annotated[Done, Form()]) -> Response:
    """Do it. The same `request_id` does it once."""
    return await _do(request, who, equipment_id, act, form)


async def _do(request: Request, who: Caller, equipment_id: str, act: Act, form: Done, before: str = "") -> Response:
    there = await _place_of(who, equipment_id, act, form)
    try:
        vouched = await _vouched(request, who, equipment_id, there, act, form)
        override = form.override(who.principal_id) if vouched and act not in NEEDS else None
    except (SignInFailed, SignInLocked, PermissionMissing, ReasonMissing) as refusal:
        refused = _asking(act, form, refusal)
        return await _answer(request, who, equipment_id, Outcome(form.holding, refused=refused, status=refusal.status))
    place: Place = await who.read(get_place, equipment_id=equipment_id, now=who.database.clock())
    deed = ACTS[act](form, Here(equipment_id, place.job_id, override, there))
    common: dict[str, Any] = {"request_id": form.request_id, "correlation_id": who.correlation_id}
    actor = vouched.principal_pk if vouched else who.principal_pk
    try:
        await who.require_there(deed.kwargs)
        await who.database.write(deed.verb, actor=actor, **common, **deed.kwargs)
    except Refusal as refusal:
        refused = _refused(act, form, refusal, overridable=vouched is None and may_be_overridden(refusal))
        outcome = Outcome(form.holding, refused=refused, before=before, status=refusal.status)
        return await _answer(request, who, equipment_id, outcome)
    return await _answer(request, who, equipment_id, Outcome(deed.held, deed.told, before=before))


async def _place_of(who: Caller, equipment_id: str, act: Act, form: Done) -> str:
    """Where a role has to count for it: at the station, or where what it is done to is; "": in the whole plant."""
    if act == "undo":
        return await who.read(find_place_of_act, undoes=form.undoes)
    if act in ("unmount-tool", "clean-tool"):
        return await who.read(find_place_of_tool, tool_id=form.tool_id, request_id=form.request_id)
    return "" if act in WITHOUT_PLACE else equipment_id


async def _vouched(
    request: Request, who: Caller, equipment_id: str, there: str, act: Act, form: Done
) -> Voucher | None:
    """Who answers for it beside whoever is signed in; None where nobody has to. `permission-missing`, as signing in."""
    needed = NEEDS.get(act)
    if form.by:
        return await vouch_with_pin(
            who.database,
            principal_id=form.by,
            pin=form.pin,
            device=device_of(request),
            permission=needed or Permission.override_refusals,
            work_unit_id=equipment_id,
            path=(await who.read(list_paths, job_ids=(), equipment_ids=(there,))).get(there, ()),
        )
    if needed is not None and not (await who.at(there)).may(needed):
        raise PermissionMissing(f"{needed} is needed; {who.principal_id} is {who.role}.")
    return None


def _asking(act: Act, form: Done, refusal: Refusal) -> Refused:
    """The PIN was not taken, or somebody who may has to say so: asked (again)."""
    why = "" if not form.by else WHYS.get(type(refusal), "wrong")
    permission = NEEDS.get(act, Permission.override_refusals)
    said = {"chosen": form.by, "reason": form.reason, "other_reason": form.other_reason, "why": why}
    return Refused(refusal, _what(form), act, _fields(form), permission=permission, **said)


def _refused(act: Act, form: Done, refusal: Refusal, *, overridable: bool) -> Refused:
    return Refused(refusal, _what(form), act if overridable else "", _fields(form))


def _what(form: Done) -> str:
    return form.lot_id or form.part_id or form.unit_id or form.container_id or form.tool_id


def _fields(form: Done) -> tuple[tuple[str, str], ...]:
    """What was asked for, to be asked for again."""
    ids = ((name, str(value)) for name in sorted(IDS) if (value := getattr(form, name)))
    return (*ids, *(("repaired", str(defect)) for defect in form.repaired))


# -- answers


async def _answer(request: Request, who: Caller, equipment_id: str, outcome: Outcome) -> Response:
    """With htmx the answer and the regions as they are now; else the whole page."""
    now = who.database.clock()
    records = records_at(getattr(route, "path", "") for route in request.app.routes)
    asked = {"equipment_id": equipment_id, "outcome": outcome, "now": now, "language": who.language, "records": records}
    if is_htmx(request):
        return HTMLResponse(await who.read(_parts, **asked), outcome.status, headers=NO_STORE)
    page, zone = await who.read(_page, **asked)
    here = await who.read(people_here, station=equipment_id, besides=who.principal_id, now=now)
    live = live_url(*(region.name for region in REGIONS), params={"equipment_id": equipment_id})
    shell = shell_of(
        request, await who.at(equipment_id), zone=zone, live=live, station=equipment_id, here=here.values()
    )
    html = render("scan/page.html", page, language=who.language, shell=shell)
    return HTMLResponse(html, outcome.status, headers=NO_STORE)


def _parts(
    session: ReadSession, *, equipment_id: str, outcome: Outcome, now: datetime, language: str, records: str
) -> str:
    asked: dict[str, Any] = {"outcome": outcome, "now": now, "language": language, "records": records}
    said = build_answer(session, equipment_id=equipment_id, **asked)
    parts = [render("scan/_said.html", said, language=language)]
    for region in REGIONS:
        html = render_region(session, region=region, now=now, params={"equipment_id": equipment_id}, language=language)
        parts.append(f'<hx-partial hx-target="#{region.name}" hx-swap="{region.swap}">{html}</hx-partial>')
    return "".join(parts)


def _page(
    session: ReadSession, *, equipment_id: str, outcome: Outcome, now: datetime, language: str, records: str
) -> tuple[ScanPage, ZoneInfo]:
    params = {"equipment_id": equipment_id}
    asked: dict[str, Any] = {"outcome": outcome, "now": now, "language": language, "records": records}
    said: Answer = build_answer(session, equipment_id=equipment_id, **asked)
    page = ScanPage(
        equipment_id,
        get_place(session, equipment_id=equipment_id, now=now).name,
        base_of(equipment_id),
        station_of(equipment_id),
        said.request_id,
        said,
        build_material(session, now=now, params=params),
        build_tools(session, now=now, params=params),
        build_lately(session, now=now, params=params),
    )
    return page, plant_zone(session)
