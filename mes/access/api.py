"""REST of access, for administrators: principals, PINs, tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Response

from mes.access import queries, service
from mes.access.door import Caller, caller
from mes.access.errors import PrincipalNotFound
from mes.access.pages import Cursor, Limit
from mes.access.permissions import Permission
from mes.access.pins import hash_password_aside, hash_pin_aside
from mes.access.preconditions import IfMatch, etag, expected_version
from mes.access.routing import api_router, refuses
from mes.access.schemas import (
    NewTokenOut,
    PasswordIn,
    PinIn,
    PrincipalChange,
    PrincipalIn,
    PrincipalOut,
    PrincipalPage,
    TokenIn,
    TokenPage,
)
from mes.access.types import PrincipalKind, Role
from mes.kernel.limits import RowNumber
from mes.kernel.paging import LIMIT_DEFAULT

router = api_router("access")

Administrator = Annotated[Caller, Depends(caller(Permission.manage_access))]


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
    "/principals/{principal_id}", openapi_extra=refuses("last-administrator principal-not-found role-kind-mismatch")
)
async def change_principal(
    caller: Administrator,
    principal_id: str,
    body: PrincipalChange,
    response: Response,
    if_match: IfMatch = None,
) -> PrincipalOut:
    """Give another role, disable or enable."""
    await caller.write(
        service.change_principal,
        principal_id=principal_id,
        version=expected_version(if_match, body.version),
        role=body.role,
        disabled=body.disabled,
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


@router.post("/tokens", status_code=201, openapi_extra=refuses("principal-not-found"))
async def create_token(caller: Administrator, body: TokenIn) -> NewTokenOut:
    """A token. Its text is in this answer and nowhere else; a repeated request makes another token."""
    new = await caller.write(
        service.create_token,
        plant_id=caller.database.plant_id,
        principal_id=body.principal_id,
        label=body.label,
        expires_at=body.expires_at,
    )
    return NewTokenOut.of(new)


@router.delete("/tokens/{token_id}", status_code=204, openapi_extra=refuses("token-not-found"))
async def revoke_token(caller: Administrator, token_id: RowNumber) -> None:
    """Refused from now on; it stays listed."""
    await caller.write(service.revoke_token, token_id=token_id)


async def _shown(caller: Caller, principal_id: str, response: Response) -> PrincipalOut:
    view = await caller.read(queries.get_principal, principal_id=principal_id)
    if view is None:
        raise PrincipalNotFound(f"There is no principal {principal_id}.")
    response.headers["ETag"] = etag(view.version)
    return PrincipalOut.of(view)
