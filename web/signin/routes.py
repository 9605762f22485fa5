"""Signing in and out, at a station or anywhere."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import quote, urlencode

from fastapi import Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import device_of, plant_database, session_cookie
from mes.access.door.routing import screen_router
from mes.access.errors import SignInFailed, SignInLocked, SingleSignOnFailed, SingleSignOnRefused
from mes.access.oidc.queries import find_identity_provider
from mes.access.oidc.sign_on import begin_sign_on, finish_sign_on, sign_off_address
from mes.access.queries import get_access_policy
from mes.access.sign_in import sign_in_with_badge, sign_in_with_pin, sign_out_session
from mes.access.types import PASSWORD_MAX, BadgeUse
from mes.equipment.errors import EquipmentNotFound
from mes.equipment.queries import get_equipment
from mes.kernel.addresses import URL_MAX
from mes.kernel.db import ReadSession
from mes.personnel.queries import list_sign_in_names
from web.components.people import people_here
from web.layouts.cookies import (
    LANGUAGE_COOKIE,
    SIGN_ON_BACK,
    YEAR_S,
    forget_signed_in,
    is_secure,
    keep_signed_in,
)
from web.layouts.shell import THEME_COOKIE, Shell, milliseconds, theme_of
from web.signin.views import PersonTile, SigninPage
from web.templating import render
from web.wording import PSEUDO, language_of

PASSWORD: Final = "password"
SIGN_ON_COOKIE: Final = "lineside_signing_on"
SIGNED_ON_COOKIE: Final = "lineside_signed_on"
"""This browser's session was opened by the identity provider, so that signing out can offer to sign out there, too."""
NO_STORE: Final = {"Cache-Control": "no-store"}
LOCAL: Final = re.compile(r"/(?![/\\])[^\\\s]*")
"""A path on this server, and nothing that a browser could take for another host."""
OFFERED: Final = ("en", "de")

router = screen_router()


@router.get("/signin")
async def signin(
    request: Request, station: str = "", next: str = "", lang: str = "", by: str = "", left: str = ""
) -> Response:
    """Names and a key pad, or a field (`by=password`). `next` is where to go then, if it is a page of ours.

    `left`: somebody who had signed in elsewhere signed out here.
    """
    language = _language(request, lang)
    answer = await _form(request, station, _local(next), language, with_password=by == PASSWORD, left=bool(left))
    if lang:
        answer.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_S, samesite="lax")
    return answer


@router.post("/signin")
async def sign_in(
    request: Request,
    person: Annotated[str, Form(max_length=100)],
    pin: Annotated[str, Form(max_length=PASSWORD_MAX)],
    station: Annotated[str, Form(max_length=100)] = "",
    next: Annotated[str, Form(max_length=500)] = "",
    by: Annotated[str, Form(max_length=10)] = "",
    code: Annotated[str, Form(max_length=30)] = "",
) -> Response:
    """`pin` is a PIN or a password, `code` of an authenticator app. Opens a session; its cookie no script can read."""
    database = await plant_database(request)
    try:
        signed_in = await sign_in_with_pin(
            database,
            principal_id=person,
            pin=pin,
            device=device_of(request),
            work_unit_id=station or None,
            code=code,
            vault=request.app.state.vault,
        )
    except (SignInFailed, SignInLocked) as refusal:
        wrong = "wrong-password" if by == PASSWORD else "wrong"
        return await _refused(request, refusal, person, station, _local(next), wrong=wrong)
    following = "/account" if signed_in.must_set_up else _local(next) or _start(station)
    return keep_signed_in(request, RedirectResponse(following, status_code=303), signed_in)


@router.post("/signin/badge")
async def sign_in_by_badge(
    request: Request,
    badge: Annotated[str, Form(max_length=200)],
    station: Annotated[str, Form(min_length=1, max_length=100)],
    pin: Annotated[str, Form(max_length=PASSWORD_MAX)] = "",
    next: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """A badge at a station, with its PIN where the plant wants that."""
    database, vault, device = await plant_database(request), request.app.state.vault, device_of(request)
    try:
        signed_in = await sign_in_with_badge(
            database, vault, badge=badge.strip(), pin=pin, device=device, work_unit_id=station
        )
    except (SignInFailed, SignInLocked) as refusal:
        return await _refused(request, refusal, "", station, _local(next), wrong="wrong-badge")
    return keep_signed_in(request, RedirectResponse(_local(next) or _start(station), status_code=303), signed_in)


@router.get("/signin/elsewhere")
async def sign_on(request: Request, next: str = "") -> Response:
    """Off to the plant's identity provider; what has to match when they come back is in a cookie, sealed."""
    database = await plant_database(request)
    address, sealed = await begin_sign_on(
        database, request.app.state.vault, redirect_uri=_here(request, SIGN_ON_BACK), following=_local(next)
    )
    answer = RedirectResponse(address, status_code=303, headers=NO_STORE)
    answer.set_cookie(
        SIGN_ON_COOKIE, sealed, max_age=600, path=SIGN_ON_BACK, httponly=True, samesite="lax", secure=is_secure(request)
    )
    return answer


@router.get(SIGN_ON_BACK)
async def signed_on(
    request: Request,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4_000)] = "",
    iss: Annotated[str, Query(max_length=URL_MAX)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Back from the identity provider, with a code or without."""
    database = await plant_database(request)
    try:
        signed_in, following = await finish_sign_on(
            database,
            request.app.state.vault,
            sealed=request.cookies.get(SIGN_ON_COOKIE, ""),
            state=state,
            code=code,
            said_issuer=iss,
            error=error,
            redirect_uri=_here(request, SIGN_ON_BACK),
        )
    except (SingleSignOnFailed, SingleSignOnRefused) as refusal:
        answer: Response = await _form(
            request, "", "", _language(request, ""), problem=refusal.code, with_password=False
        )
        answer.status_code = refusal.status
    else:
        answer = keep_signed_in(request, RedirectResponse(following or "/", status_code=303), signed_in)
        answer.set_cookie(SIGNED_ON_COOKIE, "1", httponly=True, samesite="lax", secure=is_secure(request))
    answer.delete_cookie(SIGN_ON_COOKIE, path=SIGN_ON_BACK)
    return answer


@router.get("/signout/elsewhere")
async def sign_off(request: Request) -> Response:
    """Sign out at the identity provider, too, where it can be asked to."""
    address = await sign_off_address(await plant_database(request), back_to=_here(request, "/signin"))
    return RedirectResponse(address or "/signin", status_code=303, headers=NO_STORE)


@router.post("/signout")
async def signout(request: Request, station: Annotated[str, Form(max_length=100)] = "") -> Response:
    """Ends the session, known or not, and shows the sign-in of the same station."""
    if value := request.cookies.get(session_cookie(request)):
        await sign_out_session(await plant_database(request), session_value=value)
    asked = {"station": station} if station else {"left": "1"} if SIGNED_ON_COOKIE in request.cookies else {}
    answer = RedirectResponse(f"/signin?{urlencode(asked)}" if asked else "/signin", status_code=303)
    answer.delete_cookie(SIGNED_ON_COOKIE)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return forget_signed_in(request, answer)


def _here(request: Request, path: str) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{path}"


async def _refused(
    request: Request,
    refusal: SignInFailed | SignInLocked,
    person: str,
    station: str,
    following: str,
    *,
    wrong: str,
) -> Response:
    problem = "locked" if isinstance(refusal, SignInLocked) else wrong
    wait_s = int(refusal.extra.get("retry_after_s", 0))
    language = _language(request, "")
    answer = await _form(
        request, station, following, language, person, problem, wait_s, with_password=wrong == "wrong-password"
    )
    answer.status_code = refusal.status
    return answer


async def _form(
    request: Request,
    station: str,
    following: str,
    language: str,
    selected: str = "",
    problem: str = "",
    wait_s: int = 0,
    *,
    with_password: bool,
    left: bool = False,
) -> HTMLResponse:
    database = await plant_database(request)
    name, recent, others, badge, elsewhere = await database.read(_people, station=station, now=database.clock())
    page = SigninPage(
        station, name, following, recent, others, selected, problem, wait_s, OFFERED, with_password, badge
    )
    page = replace(page, elsewhere=elsewhere, left=left and bool(elsewhere))
    theme = theme_of(request.cookies.get(THEME_COOKIE))
    shell = Shell(milliseconds(database.clock()), theme)
    html = render("signin/page.html", page, language=language, shell=shell)
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})


def _people(
    session: ReadSession, *, station: str, now: datetime
) -> tuple[str, tuple[PersonTile, ...], tuple[PersonTile, ...], str, str]:
    names = list_sign_in_names(session, work_unit_id=station or None)
    here = people_here(session, station=station, now=now) if station else {}
    tiles = [(PersonTile(n.principal_id, n.display_name, n.principal_id in here), n.last_signed_in_at) for n in names]
    badge = get_access_policy(session).badge if station else BadgeUse.off
    recent = tuple(tile for tile, at in tiles if at)
    others = tuple(tile for tile, at in tiles if not at)
    kept = None if station else find_identity_provider(session)
    elsewhere = "" if kept is None else kept.provider.label
    return _station_name(session, station), recent, others, "" if badge is BadgeUse.off else badge.value, elsewhere


def _station_name(session: ReadSession, station: str) -> str:
    """Its name; the id itself where the plant does not know it, since this page is open to everybody."""
    if not station:
        return ""
    try:
        return get_equipment(session, equipment_id=station).description or station
    except EquipmentNotFound:
        return station


def _language(request: Request, wished: str) -> str:
    given = wished or request.cookies.get(LANGUAGE_COOKIE) or request.headers.get("Accept-Language", "")
    language = language_of(given.split(",")[0].split(";")[0].strip())
    return language if language != PSEUDO or wished else "en"


def _local(path: str) -> str:
    return path if LOCAL.fullmatch(path) else ""


def _start(station: str) -> str:
    return f"/s/{quote(station, safe='')}" if station else "/"
