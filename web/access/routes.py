"""One's own sign-ins; for an administrator everybody's, and the tokens of programs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Path, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller, identify
from mes.access.errors import PrincipalNotFound
from mes.access.permissions import Permission
from mes.access.queries import (
    get_access_policy,
    get_principal,
    list_badges,
    list_principals,
    list_sessions,
    list_tokens,
)
from mes.access.service import (
    create_token,
    end_own_session,
    end_session,
    end_sessions_of,
    give_badge,
    put_access_policy,
    revoke_token,
    take_badge,
)
from mes.access.sign_in import new_badge_hmacs
from mes.access.types import AccessPolicy, BadgeUse, NewToken, PrincipalKind, PrincipalView
from mes.kernel.db import ReadSession
from mes.kernel.paging import LIMIT_MAX
from mes.kernel.sqltypes import to_us
from mes.kernel.vault import Vault
from web.access.views import (
    AccountPage,
    BadgesPage,
    SignInsPage,
    TokensPage,
    account_page,
    badge_lines,
    new_token_page,
    owner_of,
    sign_in_lines,
    token_line,
)
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.templating import render

DAYS_MAX: Final = 3_650
INT32: Final = 2**31 - 1
NO_STORE: Final = {"Cache-Control": "no-store"}
router = APIRouter(include_in_schema=False)
Anybody = Annotated[Caller, Depends(identify)]
Administrator = Annotated[Caller, Depends(caller(Permission.manage_access))]
Number = Annotated[int, Path(ge=0, le=INT32)]


@router.get("/account")
async def account(request: Request, who: Anybody) -> HTMLResponse:
    """Where I am signed in."""
    page, zone = await who.read(
        _account, principal_id=who.principal_id, this_sha256=who.credential_sha256, now=who.database.clock()
    )
    return _shown(request, who, "access/account.html", page, zone)


def _account(
    session: ReadSession, *, principal_id: str, this_sha256: bytes, now: datetime
) -> tuple[AccountPage, ZoneInfo]:
    found = list_sessions(
        session, now_us=to_us(now), principal_id=principal_id, this_sha256=this_sha256, limit=LIMIT_MAX
    )
    zone = plant_zone(session)
    return account_page(found.items, zone, now), zone


@router.post("/account/sessions/end")
async def end_mine(who: Anybody, session_id: Annotated[int, Form(ge=0, le=INT32)] = 0) -> Response:
    """End one of my sessions; without a number all but this one."""
    if session_id:
        await who.write(end_own_session, session_id=session_id, principal_id=who.principal_id)
    else:
        await who.write(end_sessions_of, principal_id=who.principal_id, but_sha256=who.credential_sha256)
    return RedirectResponse("/account", status_code=303)


@router.get("/access")
async def sign_ins(request: Request, who: Administrator, cursor: str = "") -> HTMLResponse:
    """Who is signed in, and where."""
    page, zone = await who.read(
        _sign_ins, this_sha256=who.credential_sha256, cursor=cursor or None, now=who.database.clock()
    )
    return _shown(request, who, "access/sign_ins.html", page, zone)


def _sign_ins(
    session: ReadSession, *, this_sha256: bytes, cursor: str | None, now: datetime
) -> tuple[SignInsPage, ZoneInfo]:
    found = list_sessions(session, now_us=to_us(now), this_sha256=this_sha256, cursor=cursor)
    zone = plant_zone(session)
    return SignInsPage(sign_in_lines(found.items, zone, now), found.next_cursor or ""), zone


@router.post("/access/sessions/{session_id}/end")
async def end_one(who: Administrator, session_id: Number) -> Response:
    """Sign somebody out."""
    await who.write(end_session, session_id=session_id)
    return RedirectResponse("/access", status_code=303)


@router.get("/access/tokens")
async def tokens(request: Request, who: Administrator, cursor: str = "") -> HTMLResponse:
    """The tokens of programs, and whose they are."""
    page, zone = await who.read(_tokens, cursor=cursor or None, new=None, now=who.database.clock())
    return _shown(request, who, "access/tokens.html", page, zone)


def _tokens(
    session: ReadSession, *, cursor: str | None, new: NewToken | None, now: datetime
) -> tuple[TokensPage, ZoneInfo]:
    zone = plant_zone(session)
    found = list_tokens(session, cursor=cursor, newest_first=True)
    machines = (
        one
        for kind in (PrincipalKind.integration, PrincipalKind.bridge)
        for one in list_principals(session, kind=kind, limit=LIMIT_MAX).items
        if one.disabled_at is None
    )
    page = TokensPage(
        tuple(token_line(one, zone, now) for one in found.items),
        tuple(owner_of(one) for one in machines),
        found.next_cursor or "",
        "" if new is None else new.token,
        "" if new is None else new.principal_id,
    )
    return page, zone


@router.get("/access/tokens/new")
async def ask_token(request: Request, who: Administrator, principal_id: str) -> HTMLResponse:
    """What a token of this principal is for, for how long, and what it may do."""
    found, zone = await who.read(_owner, principal_id=principal_id)
    return _shown(request, who, "access/new_token.html", new_token_page(found), zone)


def _owner(session: ReadSession, *, principal_id: str) -> tuple[PrincipalView, ZoneInfo]:
    found = get_principal(session, principal_id=principal_id)
    if found is None:
        raise PrincipalNotFound(f"There is no principal {principal_id}.")
    return found, plant_zone(session)


@router.post("/access/tokens")
async def make_token(
    request: Request,
    who: Administrator,
    principal_id: Annotated[str, Form(max_length=100)],
    label: Annotated[str, Form(min_length=1, max_length=200)],
    days: Annotated[int, Form(ge=0, le=DAYS_MAX)] = 0,
    permission: Annotated[list[Permission] | None, Form(max_length=len(Permission))] = None,
) -> HTMLResponse:
    """Make it, and show it: the one time its text can be read."""
    now = who.database.clock()
    owner, _ = await who.read(_owner, principal_id=principal_id)
    chosen = set(permission or ())
    everything = chosen == set(new_token_page(owner).permissions)
    new = await who.write(
        create_token,
        plant_id=who.database.plant_id,
        principal_id=principal_id,
        label=label,
        expires_at=now + timedelta(days=days) if days else None,
        permissions=None if everything else chosen,
    )
    page, zone = await who.read(_tokens, cursor=None, new=new, now=now)
    return _shown(request, who, "access/tokens.html", page, zone)


@router.post("/access/tokens/{token_id}/revoke")
async def revoke(who: Administrator, token_id: Number) -> Response:
    """Refused from now on."""
    await who.write(revoke_token, token_id=token_id)
    return RedirectResponse("/access/tokens", status_code=303)


@router.get("/access/badges")
async def badges(request: Request, who: Administrator, cursor: str = "") -> HTMLResponse:
    """Who has a badge, and what it is good for."""
    page, zone = await who.read(_badges, cursor=cursor or None)
    return _shown(request, who, "access/badges.html", page, zone)


def _badges(session: ReadSession, *, cursor: str | None) -> tuple[BadgesPage, ZoneInfo]:
    zone = plant_zone(session)
    found, policy = list_badges(session, cursor=cursor), get_access_policy(session)
    people = list_principals(session, kind=PrincipalKind.person, limit=LIMIT_MAX).items
    owners = tuple(owner_of(one) for one in people if one.disabled_at is None)
    lines = badge_lines(found.items, zone)
    return BadgesPage(policy.badge.value, policy.version, lines, owners, found.next_cursor or ""), zone


@router.post("/access/badges")
async def give(
    request: Request,
    who: Administrator,
    principal_id: Annotated[str, Form(max_length=100)],
    badge: Annotated[str, Form(max_length=200)],
) -> Response:
    """Give a person a badge."""
    vault: Vault = request.app.state.vault
    hmacs = new_badge_hmacs(vault, who.database.plant_id, badge.strip())
    await who.write(give_badge, principal_id=principal_id, badge_hmacs=hmacs)
    return RedirectResponse("/access/badges", status_code=303)


@router.post("/access/badges/{badge_id}/take")
async def take(who: Administrator, badge_id: Number) -> Response:
    """Nobody gets in by it any more."""
    await who.write(take_badge, badge_id=badge_id)
    return RedirectResponse("/access/badges", status_code=303)


@router.post("/access/policy")
async def put_policy(
    who: Administrator, badge: Annotated[BadgeUse, Form()], version: Annotated[int, Form(ge=0, le=INT32)]
) -> Response:
    """Say what a badge is good for."""
    await who.write(put_access_policy, policy=AccessPolicy(badge), version=version)
    return RedirectResponse("/access/badges", status_code=303)


def _shown(request: Request, who: Caller, template: str, page: object, zone: ZoneInfo) -> HTMLResponse:
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render(template, page, language=who.language, shell=shell), headers=NO_STORE)
