"""ERP connections on screen, for administrators. Plain forms; a password goes in and never comes out."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.exchange.erp import queries, service
from mes.exchange.erp.checking import check_connection
from mes.exchange.erp.errors import ErpConnectionInvalid
from mes.exchange.erp.kinds import MAKERS
from mes.exchange.erp.types import POLL_S_MAX, URL_MAX, Checked, ConnectionSpec, ConnectionView, ErpOrderView
from mes.kernel.db import ReadSession
from mes.kernel.errors import Refusal
from mes.kernel.limits import ID_MAX
from mes.kernel.paging import Page
from mes.kernel.texts import NO_NUL
from mes.kernel.vault import Vault
from web.components.plant_time import plant_zone
from web.erp.views import Typed, base_of, erp_page, erps_page
from web.layouts.shell import shell_of
from web.templating import render
from web.wording import RefusalWords, refusal_words

HERE: Final = "/erp"
SHOWN: Final = 50
NO_STORE: Final = {"Cache-Control": "no-store"}
router = screen_router()
Keeper = Annotated[Caller, Depends(caller(Permission.manage_erp))]
NewId = Annotated[str, Form(min_length=1, max_length=ID_MAX, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Password = Annotated[str, Form(max_length=200), NO_NUL]
Word = Annotated[str, Form(max_length=ID_MAX), NO_NUL]
Flag = Annotated[bool, Form()]
Version = Annotated[int, Form(ge=1, le=2**31)]


async def typed(
    kind: Annotated[str, Form(max_length=20), NO_NUL],
    url: Annotated[str, Form(max_length=URL_MAX), NO_NUL],
    database: Word,
    user: Word,
    place: Word = "",
    places: Annotated[str, Form(max_length=20_000), NO_NUL] = "",
    order_prefix: Annotated[str, Form(max_length=20), NO_NUL] = "",
    poll_s: Annotated[int, Form(ge=1, le=POLL_S_MAX)] = 5,
    plain_http: Flag = False,
    private_addresses: Flag = False,
) -> Typed:
    """What the form says of a connection, but for its name and its password."""
    return Typed(
        kind=kind.strip(),
        url=url.strip(),
        database=database.strip(),
        user=user.strip(),
        place=place.strip(),
        places=places,
        order_prefix=order_prefix.strip(),
        poll_s=str(poll_s),
        plain_http=plain_http,
        private_addresses=private_addresses,
    )


Described = Annotated[Typed, Depends(typed)]


def _spec(form: Typed, connection_id: str, *, active: bool = True) -> ConnectionSpec:
    """`erp-connection-invalid` for a line that names no place."""
    places: dict[str, str] = {}
    for line in filter(None, map(str.strip, form.places.splitlines())):
        name, mark, place = (part.strip() for part in line.rpartition("="))
        if not (name and mark and place) or len(name) > ID_MAX or len(place) > ID_MAX:
            raise ErpConnectionInvalid(f"{line[:ID_MAX]!r}: a line says what the ERP calls a place = what it is here.")
        places[name] = place
    return ConnectionSpec(
        connection_id,
        form.kind,
        form.url,
        form.database,
        form.user,
        active,
        form.plain_http,
        form.private_addresses,
        form.place,
        places,
        form.order_prefix,
        int(form.poll_s),
    )


@router.get(HERE)
async def erps(request: Request, who: Keeper) -> HTMLResponse:
    """ERP connections and how each stands."""
    return await _listed(request, who, Typed(), None)


@router.post(HERE)
async def create(
    request: Request,
    who: Keeper,
    connection_id: NewId,
    form: Described,
    password: Annotated[Password, Form(min_length=1)],
) -> Response:
    """Work with an ERP from now on."""
    try:
        spec = _spec(form, connection_id)
        sealed = _vault(request).seal(password)
        await who.write(service.create_connection, spec=spec, sealed_password=sealed, kinds=tuple(MAKERS))
    except Refusal as refusal:
        words = refusal_words(who.language, refusal)
        return await _listed(request, who, replace(form, connection_id=connection_id), words, status=refusal.status)
    return RedirectResponse(base_of(connection_id), status_code=303)


@router.get(f"{HERE}/{{connection_id}}")
async def erp(request: Request, connection_id: str, who: Keeper, cursor: Cursor = None) -> HTMLResponse:
    """One connection: what it is, how it stands, and the orders that wait for a person."""
    return await _shown(request, who, connection_id, cursor=cursor)


@router.post(f"{HERE}/{{connection_id}}")
async def change(
    request: Request, connection_id: str, who: Keeper, version: Version, form: Described, password: Password = ""
) -> Response:
    """Make it what the form says; without a password the one that is kept stays, at the address it was given for."""
    view = await who.read(queries.get_connection, connection_id=connection_id)
    sealed = _vault(request).seal(password) if password else None
    try:
        spec = _spec(form, connection_id, active=view.spec.active)
        wanted = {"spec": spec, "version": version, "kinds": tuple(MAKERS), "sealed_password": sealed}
        await who.write(service.change_connection, **wanted)
    except ErpConnectionInvalid as refusal:
        words = refusal_words(who.language, refusal)
        seen = replace(form, version=version)
        return await _shown(request, who, connection_id, form=seen, said=words, status=refusal.status)
    return RedirectResponse(base_of(connection_id), status_code=303)


@router.post(f"{HERE}/{{connection_id}}/active")
async def switch(connection_id: str, who: Keeper, version: Version, active: Flag) -> Response:
    """Pause it, or let it go on where it stopped."""
    view = await who.read(queries.get_connection, connection_id=connection_id)
    spec = replace(view.spec, active=active)
    await who.write(service.change_connection, spec=spec, version=version, kinds=tuple(MAKERS))
    return RedirectResponse(base_of(connection_id), status_code=303)


@router.post(f"{HERE}/{{connection_id}}/check")
async def check(request: Request, connection_id: str, who: Keeper) -> HTMLResponse:
    """Sign in to the ERP now, look around, change nothing."""
    try:
        found = await check_connection(who.database, _vault(request), MAKERS, connection_id)
    except Refusal as refusal:
        words = refusal_words(who.language, refusal)
        return await _shown(request, who, connection_id, said=words, status=refusal.status)
    return await _shown(request, who, connection_id, trial=found)


@router.post(f"{HERE}/{{connection_id}}/tell-again")
async def tell_again(connection_id: str, who: Keeper, order_id: Annotated[Word, Form(min_length=1)]) -> Response:
    """Tell the outcome of an order now. What the ERP has booked already is not booked again."""
    await who.write(service.tell_again, connection_id=connection_id, order_id=order_id)
    return RedirectResponse(base_of(connection_id), status_code=303)


@router.post(f"{HERE}/{{connection_id}}/remove")
async def remove(connection_id: str, who: Keeper) -> Response:
    """Remove it with all it knows of the ERP; materials, routings and orders stay."""
    await who.write(service.remove_connection, connection_id=connection_id)
    return RedirectResponse(HERE, status_code=303)


def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.vault
    return vault


async def _listed(
    request: Request, who: Caller, form: Typed, said: RefusalWords | None, *, status: int = 200
) -> HTMLResponse:
    found, zone = await who.read(_all)
    page = erps_page(found, MAKERS, zone, form, said)
    html = render("erp/page.html", page, language=who.language, shell=shell_of(request, who, zone=zone))
    return HTMLResponse(html, status_code=status, headers=NO_STORE)


def _all(session: ReadSession) -> tuple[tuple[ConnectionView, ...], ZoneInfo]:
    return queries.list_connections(session), plant_zone(session)


async def _shown(
    request: Request,
    who: Caller,
    connection_id: str,
    *,
    cursor: str | None = None,
    form: Typed | None = None,
    trial: Checked | None = None,
    said: RefusalWords | None = None,
    status: int = 200,
) -> HTMLResponse:
    view, orders, zone = await who.read(_one, connection_id=connection_id, cursor=cursor)
    page = erp_page(view, orders, zone, typed=form, trial=trial, said=said)
    html = render("erp/connection.html", page, language=who.language, shell=shell_of(request, who, zone=zone))
    return HTMLResponse(html, status_code=status, headers=NO_STORE)


def _one(
    session: ReadSession, *, connection_id: str, cursor: str | None
) -> tuple[ConnectionView, Page[ErpOrderView], ZoneInfo]:
    view = queries.get_connection(session, connection_id=connection_id)
    orders = queries.list_erp_orders(session, connection_id=connection_id, troubled=True, cursor=cursor, limit=SHOWN)
    return view, orders, plant_zone(session)
