"""Signing in and out, at a station or anywhere."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import SESSION_COOKIE, device_of, plant_database
from mes.access.errors import SignInFailed, SignInLocked
from mes.access.sign_in import sign_in_with_pin, sign_out_session
from mes.access.types import PASSWORD_MAX, SESSION_POLICY
from mes.equipment.errors import EquipmentNotFound
from mes.equipment.queries import get_equipment
from mes.kernel.db import ReadSession
from mes.personnel.queries import list_sign_in_names
from web.layouts.shell import THEME_COOKIE, Shell, milliseconds, theme_of
from web.settings import Settings
from web.signin.views import PersonTile, SigninPage
from web.templating import render
from web.wording import PSEUDO, language_of

LANGUAGE_COOKIE: Final = "lineside_language"
PASSWORD: Final = "password"
LOCAL: Final = re.compile(r"/(?![/\\])[^\\\s]*")
"""A path on this server, and nothing that a browser could take for another host."""
OFFERED: Final = ("en", "de")

router = APIRouter(include_in_schema=False)


@router.get("/signin")
async def signin(request: Request, station: str = "", next: str = "", lang: str = "", by: str = "") -> Response:
    """Names and a key pad, or a field (`by=password`). `next` is where to go then, if it is a page of ours."""
    language = _language(request, lang)
    answer = await _form(request, station, _local(next), language, with_password=by == PASSWORD)
    if lang:
        answer.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, samesite="lax")
    return answer


@router.post("/signin")
async def sign_in(
    request: Request,
    person: Annotated[str, Form(max_length=100)],
    pin: Annotated[str, Form(max_length=PASSWORD_MAX)],
    station: Annotated[str, Form(max_length=100)] = "",
    next: Annotated[str, Form(max_length=500)] = "",
    by: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """`pin` is a PIN or a password. Opens a session and sends a cookie that no script can read."""
    database = await plant_database(request)
    try:
        signed_in = await sign_in_with_pin(
            database, principal_id=person, pin=pin, device=device_of(request), work_unit_id=station or None
        )
    except (SignInFailed, SignInLocked) as refusal:
        return await _refused(request, refusal, person, station, _local(next), with_password=by == PASSWORD)
    answer = RedirectResponse(_local(next) or _start(station), status_code=303)
    answer.set_cookie(
        SESSION_COOKIE,
        signed_in.token,
        max_age=SESSION_POLICY.lifetime_s,
        httponly=True,
        samesite="lax",
        secure=_secure(request),
    )
    answer.set_cookie(LANGUAGE_COOKIE, signed_in.language, max_age=31_536_000, samesite="lax")
    return answer


@router.post("/signout")
async def signout(request: Request, station: Annotated[str, Form(max_length=100)] = "") -> Response:
    """Ends the session, known or not, and shows the sign-in of the same station."""
    if value := request.cookies.get(SESSION_COOKIE):
        await sign_out_session(await plant_database(request), session_value=value)
    answer = RedirectResponse(f"/signin?{urlencode({'station': station})}" if station else "/signin", status_code=303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


async def _refused(
    request: Request,
    refusal: SignInFailed | SignInLocked,
    person: str,
    station: str,
    following: str,
    *,
    with_password: bool,
) -> Response:
    wrong = "wrong-password" if with_password else "wrong"
    problem = "locked" if isinstance(refusal, SignInLocked) else wrong
    wait_s = int(refusal.extra.get("retry_after_s", 0))
    language = _language(request, "")
    answer = await _form(request, station, following, language, person, problem, wait_s, with_password=with_password)
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
) -> HTMLResponse:
    database = await plant_database(request)
    name, recent, others = await database.read(_people, station=station)
    page = SigninPage(station, name, following, recent, others, selected, problem, wait_s, OFFERED, with_password)
    theme = theme_of(request.cookies.get(THEME_COOKIE))
    shell = Shell(milliseconds(database.clock()), theme)
    html = render("signin/page.html", page, language=language, shell=shell)
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})


def _people(session: ReadSession, *, station: str) -> tuple[str, tuple[PersonTile, ...], tuple[PersonTile, ...]]:
    names = list_sign_in_names(session, work_unit_id=station or None)
    recent = tuple(PersonTile(n.principal_id, n.display_name) for n in names if n.last_signed_in_at)
    others = tuple(PersonTile(n.principal_id, n.display_name) for n in names if not n.last_signed_in_at)
    return _station_name(session, station), recent, others


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


def _secure(request: Request) -> bool:
    settings: Settings = request.app.state.settings
    return request.url.scheme == "https" if settings.secure_cookies is None else settings.secure_cookies


def _local(path: str) -> str:
    return path if LOCAL.fullmatch(path) else ""


def _start(station: str) -> str:
    return f"/s/{quote(station, safe='')}" if station else "/"
