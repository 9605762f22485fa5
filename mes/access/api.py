"""REST of access, for administrators: principals, PINs, tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from mes.access import queries, second_factor, service
from mes.access.door import Caller, caller, device_of, identify
from mes.access.door.pages import Cursor, Limit
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.errors import PrincipalNotFound, SingleSignOnOff
from mes.access.oidc import service as oidc
from mes.access.oidc.queries import find_identity_provider
from mes.access.permissions import Permission
from mes.access.pins import hash_password_aside, hash_pin_aside
from mes.access.schemas import (
    AccessPolicyIn,
    AccessPolicyOut,
    BadgeIn,
    BadgePage,
    IdentityProviderIn,
    IdentityProviderOut,
    NewBadgeOut,
    NewSignatureOut,
    NewTokenOut,
    PasswordIn,
    PinIn,
    PrincipalChange,
    PrincipalIn,
    PrincipalOut,
    PrincipalPage,
    SessionPage,
    SignatureIn,
    SignaturePage,
    TokenIn,
    TokenPage,
)
from mes.access.sign_in import new_badge_hmacs
from mes.access.signatures.queries import list_signatures as find_signatures
from mes.access.signatures.signing import sign_act
from mes.access.types import PlacedRole, PrincipalKind, Role
from mes.kernel.limits import RowNumber
from mes.kernel.paging import LIMIT_DEFAULT
from mes.kernel.sqltypes import to_us
from mes.kernel.vault import Vault

router = api_router("access")

Administrator = Annotated[Caller, Depends(caller(Permission.manage_access))]
Number = Annotated[int, Path(ge=0, le=2**31 - 1)]
Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Anybody = Annotated[Caller, Depends(identify)]


@router.get("/principals")
async def list_principals(
    caller: Administrator,
    kind: PrincipalKind | None = None,
    role: Role | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PrincipalPage:
    """Principals by id."""
    page = await caller.read(queries.list_principals, kind=kind, role=role, cursor=cursor, limit=limit)
    return PrincipalPage.of(page)


@router.post("/principals", status_code=201, openapi_extra=refuses("id-invalid principal-exists principal-not-found"))
async def create_principal(caller: Administrator, body: PrincipalIn, response: Response) -> PrincipalOut:
    """A new person, bridge or integration."""
    await caller.write(
        service.create_principal,
        principal_id=body.id,
        role=body.role,
        display_name=body.display_name,
        language=body.language,
    )
    response.headers["Location"] = f"/api/v1/principals/{body.id}"
    return await _shown(caller, body.id, response)


@router.get("/principals/{principal_id}", openapi_extra=refuses("principal-not-found"))
async def get_principal(caller: Administrator, principal_id: str, response: Response) -> PrincipalOut:
    """One principal."""
    return await _shown(caller, principal_id, response)


@router.patch(
    "/principals/{principal_id}",
    openapi_extra=refuses(
        "last-administrator login-name-invalid placed-roles-invalid principal-not-found role-kind-mismatch"
    ),
)
async def change_principal(
    caller: Administrator,
    principal_id: str,
    body: PrincipalChange,
    response: Response,
    if_match: IfMatch = None,
) -> PrincipalOut:
    """Give another role, roles at places, or a login name; disable or enable."""
    await caller.write(
        service.change_principal,
        principal_id=principal_id,
        version=expected_version(if_match, body.version),
        role=body.role,
        disabled=body.disabled,
        placed=None
        if body.placed_roles is None
        else [PlacedRole(one.equipment_id, one.role) for one in body.placed_roles],
        login_name=body.login_name,
    )
    return await _shown(caller, principal_id, response)


@router.put(
    "/principals/{principal_id}/pin",
    status_code=204,
    openapi_extra=refuses("pin-not-for-machines pin-unacceptable principal-not-found"),
)
async def put_pin(caller: Administrator, principal_id: str, body: PinIn) -> None:
    """Give a person a PIN; lifts a lock and signs them out everywhere."""
    pin_hash = await hash_pin_aside(body.pin)
    await caller.write(service.store_pin, principal_id=principal_id, pin_hash=pin_hash)


@router.put(
    "/principals/{principal_id}/password",
    status_code=204,
    openapi_extra=refuses("password-unacceptable pin-not-for-machines principal-not-found"),
)
async def put_password(caller: Administrator, principal_id: str, body: PasswordIn) -> None:
    """Give a person a password in the place of the PIN; lifts a lock and signs them out everywhere."""
    pin_hash = await hash_password_aside(body.password)
    await caller.write(service.store_pin, principal_id=principal_id, pin_hash=pin_hash)


@router.delete(
    "/principals/{principal_id}/second-factor",
    status_code=204,
    openapi_extra=refuses("principal-not-found second-factor-not-found"),
)
async def remove_second_factor(caller: Administrator, principal_id: str) -> None:
    """Somebody's authenticator app is gone: they sign in without, and set up another if the plant wants one."""
    view = await caller.read(queries.get_principal, principal_id=principal_id)
    if view is None:
        raise PrincipalNotFound(f"There is no principal {principal_id}.")
    await caller.write(second_factor.remove_second_factor, principal_pk=view.pk, principal_id=principal_id)


@router.get("/tokens")
async def list_tokens(
    caller: Administrator,
    principal_id: str | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> TokenPage:
    """Tokens, without their text."""
    page = await caller.read(queries.list_tokens, principal_id=principal_id, cursor=cursor, limit=limit)
    return TokenPage.of(page)


@router.post(
    "/tokens",
    status_code=201,
    openapi_extra=refuses("principal-not-found token-expiry-invalid token-scope-invalid"),
)
async def create_token(caller: Administrator, body: TokenIn) -> NewTokenOut:
    """A token. Its text is in this answer and nowhere else; a repeated request makes another token."""
    new = await caller.write(
        service.create_token,
        plant_id=caller.database.plant_id,
        principal_id=body.principal_id,
        label=body.label,
        expires_at=body.expires_at,
        permissions=body.permissions,
    )
    return NewTokenOut.of(new)


@router.delete("/tokens/{token_id}", status_code=204, openapi_extra=refuses("token-not-found"))
async def revoke_token(caller: Administrator, token_id: RowNumber) -> None:
    """Refused from now on; it stays listed."""
    await caller.write(service.revoke_token, token_id=token_id)


@router.get("/sessions")
async def list_sessions(
    caller: Administrator,
    principal_id: str | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> SessionPage:
    """Sessions that are open now, newest first."""
    now_us = to_us(caller.database.clock())
    page = await caller.read(
        queries.list_sessions, now_us=now_us, principal_id=principal_id, cursor=cursor, limit=limit
    )
    return SessionPage.of(page)


@router.delete("/sessions/{session_id}", status_code=204, openapi_extra=refuses("session-not-found"))
async def revoke_session(caller: Administrator, session_id: Number) -> None:
    """Signed out from now on."""
    await caller.write(service.end_session, session_id=session_id)


@router.get("/own/sessions")
async def list_own_sessions(caller: Anybody, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> SessionPage:
    """Where the caller is signed in now, newest first."""
    now_us = to_us(caller.database.clock())
    page = await caller.read(
        queries.list_sessions, now_us=now_us, principal_id=caller.principal_id, cursor=cursor, limit=limit
    )
    return SessionPage.of(page)


@router.delete("/own/sessions/{session_id}", status_code=204)
async def revoke_own_session(caller: Anybody, session_id: Number) -> None:
    """The caller is signed out there from now on. One that is not the caller's, or is not at all, changes nothing."""
    await caller.write(service.end_own_session, session_id=session_id, principal_id=caller.principal_id)


@router.get("/badges")
async def list_badges(caller: Administrator, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> BadgePage:
    """Who has a badge, newest first; never which."""
    return BadgePage.of(await caller.read(queries.list_badges, cursor=cursor, limit=limit))


@router.post(
    "/badges",
    status_code=201,
    openapi_extra=refuses("badge-taken badge-unacceptable pin-not-for-machines principal-not-found"),
)
async def create_badge(caller: Administrator, body: BadgeIn, request: Request) -> NewBadgeOut:
    """Give a person a badge, beside those they have."""
    hmacs = new_badge_hmacs(request.app.state.vault, caller.database.plant_id, body.badge)
    badge_id = await caller.write(service.give_badge, principal_id=body.principal_id, badge_hmacs=hmacs)
    return NewBadgeOut(id=badge_id, principal_id=body.principal_id)


@router.delete("/badges/{badge_id}", status_code=204, openapi_extra=refuses("badge-not-found"))
async def take_badge(caller: Administrator, badge_id: Number) -> None:
    """Nobody gets in by it any more."""
    await caller.write(service.take_badge, badge_id=badge_id)


@router.get("/access-policy")
async def get_access_policy(caller: Administrator, response: Response) -> AccessPolicyOut:
    """How people prove who they are; version 0: nobody has said anything."""
    return await _shown_policy(caller, response)


@router.put("/access-policy")
async def put_access_policy(
    caller: Administrator,
    body: AccessPolicyIn,
    response: Response,
    if_match: IfMatch = None,
) -> AccessPolicyOut:
    """Say how people prove who they are from now on."""
    version = expected_version(if_match, body.version)
    await caller.write(service.put_access_policy, policy=body.policy(), version=version)
    return await _shown_policy(caller, response)


@router.post(
    "/signatures",
    status_code=201,
    openapi_extra=refuses("pin-not-for-machines principal-not-found sign-in-failed sign-in-locked"),
)
async def create_signature(caller: Viewer, body: SignatureIn, request: Request) -> NewSignatureOut:
    """Sign an act that was refused for want of it; then repeat that with the signature as `Lineside-Signature`."""
    signature = await sign_act(
        caller.database,
        request.app.state.vault,
        principal_pk=caller.principal_pk,
        principal_id=caller.principal_id,
        pin=body.pin,
        code=body.code,
        device=device_of(request),
        act_sha256=body.act_sha256,
        meaning=body.meaning,
    )
    return NewSignatureOut(signature=signature)


@router.get("/signatures")
async def list_signatures(
    caller: Viewer,
    subject: Annotated[str | None, Query(max_length=300, examples=["material-lot/R-00000001"])] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> SignaturePage:
    """What was signed, by whom, when and with which meaning, newest first."""
    return SignaturePage.of(await caller.read(find_signatures, subject=subject, cursor=cursor, limit=limit))


@router.get("/identity-provider", openapi_extra=refuses("single-sign-on-off"))
async def get_identity_provider(caller: Administrator, response: Response) -> IdentityProviderOut:
    """Where people may sign in instead of here."""
    return await _shown_provider(caller, response)


@router.put("/identity-provider", openapi_extra=refuses("identity-provider-invalid single-sign-on-off"))
async def put_identity_provider(
    caller: Administrator,
    body: IdentityProviderIn,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> IdentityProviderOut:
    """Name it, or change it. Open sessions stay."""
    vault: Vault = request.app.state.vault
    sealed = None if body.client_secret is None else vault.seal(body.client_secret)
    version = expected_version(if_match, body.version)
    await caller.write(oidc.put_identity_provider, provider=body.provider(), sealed_secret=sealed, version=version)
    return await _shown_provider(caller, response)


@router.delete("/identity-provider", status_code=204)
async def remove_identity_provider(caller: Administrator) -> None:
    """People sign in here again."""
    await caller.write(oidc.remove_identity_provider)


@router.delete("/principals/{principal_id}/identity", status_code=204, openapi_extra=refuses("principal-not-found"))
async def remove_identity(caller: Administrator, principal_id: str) -> None:
    """Forget whom a principal is at the identity provider; with their next sign-in there they are met anew."""
    await caller.write(oidc.unlink_identity, principal_id=principal_id)


async def _shown_provider(caller: Caller, response: Response) -> IdentityProviderOut:
    kept = await caller.read(find_identity_provider)
    if kept is None:
        raise SingleSignOnOff()
    response.headers["ETag"] = etag(kept.provider.version)
    return IdentityProviderOut.of(kept.provider)


async def _shown_policy(caller: Caller, response: Response) -> AccessPolicyOut:
    policy = await caller.read(queries.get_access_policy)
    response.headers["ETag"] = etag(policy.version)
    return AccessPolicyOut.of(policy)


async def _shown(caller: Caller, principal_id: str, response: Response) -> PrincipalOut:
    view = await caller.read(queries.get_principal, principal_id=principal_id)
    if view is None:
        raise PrincipalNotFound(f"There is no principal {principal_id}.")
    response.headers["ETag"] = etag(view.version)
    return PrincipalOut.of(view)
