"""One's own sign-ins; for an administrator everybody's, and the tokens of programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import segno
from fastapi import Depends, Form, Path, Request
from pydantic import BeforeValidator, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller, device_of, identify
from mes.access.door.routing import screen_router
from mes.access.errors import CodeWrong, PasswordUnacceptable, PrincipalNotFound, SignInFailed, SignInLocked
from mes.access.oidc.queries import find_identity_provider
from mes.access.oidc.service import put_identity_provider, remove_identity_provider
from mes.access.oidc.types import CLAIM_MAX, SECRET_MAX, IdentityProvider
from mes.access.permissions import Permission
from mes.access.privacy.queries import get_privacy_policy
from mes.access.privacy.service import put_privacy_policy
from mes.access.privacy.types import KEEP_DAYS_MAX, KEEP_DAYS_MIN, PerformanceByPerson, PrivacyPolicy
from mes.access.queries import (
    count_recovery_codes,
    find_second_factor,
    get_access_policy,
    get_principal,
    list_badges,
    list_principals,
    list_sessions,
    list_tokens,
)
from mes.access.second_factor import begin_setting_up, finish_setting_up, remove_second_factor
from mes.access.service import (
    create_token,
    end_own_session,
    end_session,
    end_sessions_of,
    give_badge,
    put_access_policy,
    revoke_token,
    set_login_name,
    set_placed_roles,
    take_badge,
)
from mes.access.sign_in import new_badge_hmacs, prove_again, set_password
from mes.access.types import (
    LOGIN_NAME_MAX,
    PASSWORD_MAX,
    AccessPolicy,
    BadgeUse,
    NewToken,
    PlacedRole,
    PrincipalKind,
    PrincipalView,
    Role,
    SignedAct,
)
from mes.equipment.queries import list_equipment
from mes.kernel.addresses import URL_MAX
from mes.kernel.db import ReadSession
from mes.kernel.paging import LIMIT_MAX
from mes.kernel.sqltypes import to_us
from mes.kernel.vault import Vault
from web.access.views import (
    AccountPage,
    BadgesPage,
    PlacesPage,
    PolicyPage,
    SignInsPage,
    TokensPage,
    account_page,
    badge_lines,
    elsewhere_page,
    new_token_page,
    owner_of,
    places_page,
    policy_page,
    roles_of,
    sign_in_lines,
    token_line,
)
from web.components.plant_time import plant_zone
from web.layouts.cookies import SIGN_ON_BACK
from web.layouts.shell import shell_of
from web.templating import render

DAYS_MAX: Final = 3_650
CODE_MAX: Final = 30
INT32: Final = 2**31 - 1
NO_STORE: Final = {"Cache-Control": "no-store"}
router = screen_router()
Anybody = Annotated[Caller, Depends(identify)]
Administrator = Annotated[Caller, Depends(caller(Permission.manage_access))]
Secret = Annotated[str, Form(max_length=PASSWORD_MAX)]
Code = Annotated[str, Form(max_length=CODE_MAX)]
Id = Annotated[str, Form(min_length=1, max_length=100)]
Claim = Annotated[str, Form(min_length=1, max_length=CLAIM_MAX)]
Groups = Annotated[str, Form(max_length=4_000)]
NO_PROVIDER: Final = IdentityProvider(issuer="", client_id="", label="")
Days = Annotated[
    Annotated[int, Field(ge=KEEP_DAYS_MIN, le=KEEP_DAYS_MAX)] | None, BeforeValidator(lambda typed: typed or None)
]
Number = Annotated[int, Path(ge=0, le=INT32)]


@router.get("/account")
async def account(request: Request, who: Anybody) -> HTMLResponse:
    """Where I am signed in, and my second factor."""
    return await _account_of(request, who)


async def _account_of(request: Request, who: Caller, *, status: int = 200, **shown: Any) -> HTMLResponse:
    page, zone = await who.read(
        _account,
        principal_pk=who.principal_pk,
        principal_id=who.principal_id,
        this_sha256=who.credential_sha256,
        now=who.database.clock(),
    )
    page = replace(page, wanted=who.scope == "" and not shown.get("codes"), **shown)
    return _shown(request, who, "access/account.html", page, zone, status)


def _account(
    session: ReadSession, *, principal_pk: int, principal_id: str, this_sha256: bytes, now: datetime
) -> tuple[AccountPage, ZoneInfo]:
    found = list_sessions(
        session, now_us=to_us(now), principal_id=principal_id, this_sha256=this_sha256, limit=LIMIT_MAX
    )
    zone = plant_zone(session)
    factor = find_second_factor(session, principal_pk=principal_pk)
    left = count_recovery_codes(session, principal_pk=principal_pk)
    return account_page(found.items, factor, left, zone, now), zone


@router.post("/account/password")
async def change_password(
    request: Request, who: Anybody, pin: Secret, new: Secret, code: Annotated[str, Form(max_length=CODE_MAX)] = ""
) -> Response:
    """Another password, or a first one in the place of the PIN; signs them out everywhere, here too."""
    if refused := await _unproven(request, who, pin, code):
        return refused
    try:
        await set_password(who.database, actor=who.principal_pk, principal_id=who.principal_id, password=new)
    except PasswordUnacceptable as refusal:
        return await _account_of(request, who, status=refusal.status, problem="password")
    return RedirectResponse("/signin?by=password", status_code=303)


@router.post("/account/second-factor")
async def begin_factor(request: Request, who: Anybody, pin: Secret) -> HTMLResponse:
    """Show a fresh secret to whoever says the PIN or password again."""
    if refused := await _unproven(request, who, pin, ""):
        return refused
    uri = await begin_setting_up(
        who.database, request.app.state.vault, principal_pk=who.principal_pk, principal_id=who.principal_id
    )
    (secret,) = parse_qs(urlsplit(uri).query)["secret"]
    return await _account_of(request, who, qr=segno.make(uri).svg_data_uri(scale=5, light="#fff"), secret=secret)


async def _unproven(request: Request, who: Caller, pin: str, code: str) -> HTMLResponse | None:
    """The page again, with why, unless PIN or password (and code) are right."""
    vault: Vault = request.app.state.vault
    device = device_of(request)
    try:
        await prove_again(who.database, vault, principal_id=who.principal_id, pin=pin, code=code, device=device)
    except SignInFailed:
        return await _account_of(request, who, status=422, problem="code-or-secret" if code else "secret")
    except SignInLocked:
        return await _account_of(request, who, status=429, problem="locked")
    return None


@router.post("/account/second-factor/confirm")
async def confirm_factor(request: Request, who: Anybody, code: Code) -> HTMLResponse:
    """The first code of the app. Answers the recovery codes, this one time."""
    try:
        codes = await finish_setting_up(
            who.database,
            request.app.state.vault,
            principal_pk=who.principal_pk,
            principal_id=who.principal_id,
            code=code,
            session_sha256=who.credential_sha256,
        )
    except CodeWrong as refusal:
        return await _account_of(request, who, status=refusal.status, problem="code")
    return await _account_of(request, who, codes=codes)


@router.post("/account/second-factor/remove")
async def remove_factor(request: Request, who: Anybody, pin: Secret, code: Code) -> Response:
    """Give it up, with PIN or password and one of its codes or a recovery code."""
    if refused := await _unproven(request, who, pin, code):
        return refused
    await who.write(remove_second_factor, principal_pk=who.principal_pk, principal_id=who.principal_id)
    return RedirectResponse("/account", status_code=303)


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
    found, used = list_badges(session, cursor=cursor), get_access_policy(session).badge
    people = list_principals(session, kind=PrincipalKind.person, limit=LIMIT_MAX).items
    owners = tuple(owner_of(one) for one in people if one.disabled_at is None)
    lines = badge_lines(found.items, zone)
    return BadgesPage(used.value, lines, owners, found.next_cursor or ""), zone


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


@router.get("/access/policy")
async def policy(request: Request, who: Administrator) -> HTMLResponse:
    """How people prove who they are."""
    page, zone = await who.read(_policy)
    return _shown(request, who, "access/policy.html", page, zone)


def _policy(session: ReadSession) -> tuple[PolicyPage, ZoneInfo]:
    return policy_page(get_access_policy(session), get_privacy_policy(session)), plant_zone(session)


@router.post("/access/policy")
async def put_policy(
    who: Administrator,
    badge: Annotated[BadgeUse, Form()],
    version: Annotated[int, Form(ge=0, le=INT32)],
    role: Annotated[list[Role] | None, Form(max_length=len(Role))] = None,
    act: Annotated[list[SignedAct] | None, Form(max_length=len(SignedAct))] = None,
) -> Response:
    """Say how people prove who they are, and what is signed."""
    wanted = AccessPolicy(badge, frozenset(role or ()), signed_acts=frozenset(act or ()))
    await who.write(put_access_policy, policy=wanted, version=version)
    return RedirectResponse("/access/policy", status_code=303)


@router.get("/access/places")
async def places(request: Request, who: Administrator) -> HTMLResponse:
    """Who has which role where."""
    page, zone = await who.read(_places)
    return _shown(request, who, "access/places.html", page, zone)


def _places(session: ReadSession) -> tuple[PlacesPage, ZoneInfo]:
    people = list_principals(session, kind=PrincipalKind.person, limit=LIMIT_MAX).items
    equipment = list_equipment(session, limit=LIMIT_MAX).items
    return places_page(people, [(one.equipment_id, one.description) for one in equipment]), plant_zone(session)


@router.post("/access/places")
async def give_place(who: Administrator, principal_id: Id, equipment_id: Id, role: Annotated[Role, Form()]) -> Response:
    """Give somebody a role at a place, beside those they have."""
    return await _place(who, principal_id, PlacedRole(equipment_id, role), given=True)


@router.post("/access/places/take")
async def take_place(who: Administrator, principal_id: Id, equipment_id: Id, role: Annotated[Role, Form()]) -> Response:
    """Take it away."""
    return await _place(who, principal_id, PlacedRole(equipment_id, role), given=False)


async def _place(who: Caller, principal_id: str, one: PlacedRole, *, given: bool) -> Response:
    found, _ = await who.read(_owner, principal_id=principal_id)
    placed = {*found.placed, one} if given else {*found.placed} - {one}
    await who.write(set_placed_roles, principal_id=principal_id, placed=placed, version=found.version)
    return RedirectResponse("/access/places", status_code=303)


@router.get("/access/elsewhere")
async def elsewhere(request: Request, who: Administrator) -> HTMLResponse:
    """Where people may sign in instead of here."""
    kept, people, zone = await who.read(_elsewhere)
    back = f"{request.url.scheme}://{request.url.netloc}{SIGN_ON_BACK}"
    return _shown(request, who, "access/elsewhere.html", elsewhere_page(kept, back, people), zone)


def _elsewhere(session: ReadSession) -> tuple[IdentityProvider, Sequence[PrincipalView], ZoneInfo]:
    kept = find_identity_provider(session)
    people = list_principals(session, kind=PrincipalKind.person, limit=LIMIT_MAX).items
    return NO_PROVIDER if kept is None else kept.provider, people, plant_zone(session)


@router.post("/access/elsewhere")
async def put_elsewhere(
    request: Request,
    who: Administrator,
    label: Annotated[str, Form(min_length=1, max_length=100)],
    issuer: Annotated[str, Form(max_length=URL_MAX)],
    client_id: Annotated[str, Form(min_length=1, max_length=255)],
    version: Annotated[int, Form(ge=0, le=INT32)],
    person_claim: Claim,
    groups_claim: Claim,
    client_secret: Annotated[str, Form(max_length=SECRET_MAX)] = "",
    groups_operator: Groups = "",
    groups_supervisor: Groups = "",
    groups_engineer: Groups = "",
    groups_administrator: Groups = "",
    makes_people: bool = Form(False),
    administrators: bool = Form(False),
    private_addresses: bool = Form(False),
) -> Response:
    """Name the identity provider, or change it; an empty secret stays as it is."""
    vault: Vault = request.app.state.vault
    groups = {
        Role.operator: groups_operator,
        Role.supervisor: groups_supervisor,
        Role.engineer: groups_engineer,
        Role.administrator: groups_administrator,
    }
    provider = IdentityProvider(
        issuer=issuer,
        client_id=client_id,
        label=label,
        person_claim=person_claim,
        groups_claim=groups_claim,
        roles=roles_of(groups),
        makes_people=makes_people,
        administrators=administrators,
        private_addresses=private_addresses,
    )
    sealed = vault.seal(client_secret) if client_secret else None
    await who.write(put_identity_provider, provider=provider, sealed_secret=sealed, version=version)
    return RedirectResponse("/access/elsewhere", status_code=303)


@router.post("/access/elsewhere/name")
async def name_elsewhere(
    who: Administrator, principal_id: Id, login_name: Annotated[str, Form(max_length=LOGIN_NAME_MAX)] = ""
) -> Response:
    """Say what the identity provider calls somebody; nothing: as their id."""
    await who.write(set_login_name, principal_id=principal_id, login_name=login_name.strip())
    return RedirectResponse("/access/elsewhere", status_code=303)


@router.post("/access/elsewhere/remove")
async def remove_elsewhere(who: Administrator) -> Response:
    """People sign in here again."""
    await who.write(remove_identity_provider)
    return RedirectResponse("/access/elsewhere", status_code=303)


@router.post("/access/privacy")
async def put_privacy(
    who: Administrator,
    by_person: Annotated[PerformanceByPerson, Form()],
    version: Annotated[int, Form(ge=0, le=INT32)],
    keep_days: Annotated[Days, Form()] = None,
) -> Response:
    """Say what is kept and told of people."""
    await who.write(put_privacy_policy, policy=PrivacyPolicy(by_person, keep_days), version=version)
    return RedirectResponse("/access/policy", status_code=303)


def _shown(
    request: Request, who: Caller, template: str, page: object, zone: ZoneInfo, status: int = 200
) -> HTMLResponse:
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render(template, page, language=who.language, shell=shell), status, headers=NO_STORE)
