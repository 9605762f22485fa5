"""The door of every request: who calls, of which plant, and may they?

A plant is named by the path (`/plants/north/api/…`, for programs), by the host name, or, where neither says anything,
by the token itself. A credential of another plant than the one that is named is refused.

Below `/api/`, and for `/metrics` and `/b2mml`, a bearer token counts and nothing else; everywhere else, the live
socket included, the session cookie and nothing else. So a script on another site can never use somebody's cookie on the
API, nor a token on a screen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from fastapi import WebSocket
from starlette.requests import HTTPConnection

from mes.access import permissions, rules
from mes.access.errors import (
    CredentialUnknown,
    DryRunUnclear,
    NotSignedIn,
    PermissionMissing,
    PrincipalDisabled,
    SecondFactorNeeded,
    SessionOver,
    TokenExpired,
    TokenRevoked,
    WrongPlant,
)
from mes.access.permissions import Permission
from mes.access.queries import find_session, find_sessions, find_token
from mes.access.recent import RECENT
from mes.access.service import touch_session, touch_token
from mes.access.sign_in import device_key
from mes.access.tokens import SESSION_PREFIX, TOKEN_PREFIX, digest, plant_of
from mes.access.types import Role, Standing, StoredCredential
from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import Refusal, Unauthenticated, Unavailable
from mes.kernel.origins import ADDRESS_MAX, Origin, acting_from
from mes.kernel.plants import DEFAULT_PLANT, Plants, serving_plant
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import EmittedEvent, UnitOfWork

T = TypeVar("T")
P = ParamSpec("P")

SESSION_COOKIE: Final = "lineside_session"
API_PREFIX: Final = "/api/"
METRICS_PATH: Final = "/metrics"
B2MML_PATH: Final = "/b2mml"
PLANT_IN_PATH: Final = "lineside.plant"
"""Where `web.plant_path` leaves the plant that a path names, in the connection's scope."""
CLOSE_SESSION_OVER: Final = 4401
CLOSE_FORBIDDEN: Final = 4403
"""Websocket close codes: in the private range, which browsers' reconnecting clients leave alone."""

_TOKEN_REFUSALS: Final[dict[Standing, type[Unauthenticated]]] = {
    Standing.ended: TokenRevoked,
    Standing.expired: TokenExpired,
    Standing.disabled: PrincipalDisabled,
}
_SESSION_REFUSALS: Final[dict[Standing, type[Unauthenticated]]] = {
    Standing.ended: SessionOver,
    Standing.expired: SessionOver,
    Standing.idle: SessionOver,
    Standing.disabled: PrincipalDisabled,
}


class Rehearsed(Exception):
    """The work of a request with `dry_run=true` was done and undone; whoever called is told what it would have done."""

    def __init__(self, events: Sequence[EmittedEvent]) -> None:
        super().__init__("rehearsed")
        self.events = tuple(events)

    def told(self) -> dict[str, Any]:
        """The answer."""
        told = [{"type": e.type, "subject": e.subject, "payload": dict(e.payload)} for e in self.events]
        return {"dry_run": True, "events": told}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and the database of their plant."""

    database: Database
    principal_pk: int
    principal_id: str
    role: Role
    display_name: str
    language: str
    work_unit_id: str | None
    credential_sha256: bytes = field(default=b"", repr=False)
    correlation_id: str = ""
    scope: str | None = None
    """What the credential is limited to; None: all the role may do."""
    dry_run: bool = False

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the caller may do with this credential."""
        return permissions.granted(self.role, self.scope)

    async def write(self, verb: Callable[Concatenate[UnitOfWork, P], T], /, **kwargs: Any) -> T:
        """Run a verb in the caller's plant, in the caller's name; Rehearsed where nothing is to come of it."""
        if self.dry_run:
            raise Rehearsed(
                await self.database.rehearse(
                    verb, actor=self.principal_pk, correlation_id=self.correlation_id, **kwargs
                )
            )
        return await self.database.write(verb, actor=self.principal_pk, correlation_id=self.correlation_id, **kwargs)

    async def read(self, query: Callable[Concatenate[ReadSession, P], T], /, **kwargs: Any) -> T:
        """Run a query in the caller's plant."""
        return await self.database.read(query, **kwargs)

    def may(self, permission: Permission) -> bool:
        """Whether the caller's role has a permission, and the credential is not limited to others."""
        return permission in self.permissions


@cache
def caller(permission: Permission) -> Callable[[HTTPConnection], Awaitable[Caller]]:
    """The dependency of a route: `Depends(caller(Permission.operate))`. 401 or 403 with a code, or the Caller."""

    async def authorised(connection: HTTPConnection) -> Caller:
        found = await identify(connection)
        require(found, permission)
        return found

    return authorised


async def identify(connection: HTTPConnection) -> Caller:
    """Who calls, whatever they may do. Every failure is a 401 with a code."""
    presented, prefix = _presented(connection)
    plant_id = plant_of(presented, prefix)
    if plant_id is None:
        raise CredentialUnknown()
    database = await _database(connection, plant_id, prefix)
    key = digest(presented)
    credential = await _stored(database, key, prefix)
    now_us = to_us(database.clock())
    _refuse_unless_good(credential, now_us, prefix)
    if _is_used(connection, credential) and rules.is_touch_due(credential, now_us):
        await _touch(database, key, credential, now_us)
    kind = "session" if prefix == SESSION_PREFIX else "token"
    acting_from.set(
        Origin(f"{kind}/{credential.credential_pk}", credential.work_unit_id or "", _address_of(connection))
    )
    state = connection.scope.setdefault("state", {})
    state["language"] = credential.language  # for whoever words a refusal of this request
    correlation_id = str(state.get("correlation_id", ""))
    return _caller(database, key, credential, correlation_id, dry_run=_is_dry_run(connection))


def require(found: Caller, permission: Permission) -> None:
    """`permission-missing` (403) unless the caller's role has it, and the credential."""
    if not found.may(permission):
        if found.scope == "":
            raise SecondFactorNeeded()
        limited = "" if found.scope is None else f", with a credential for: {found.scope or 'nothing'}"
        raise PermissionMissing(f"{permission} is needed; {found.principal_id} is {found.role}{limited}.")


async def websocket_caller(websocket: WebSocket) -> Caller | Refusal:
    """Who opens a live socket: a signed-in person who may view the floor, or why not, with `close_code` for it."""
    try:
        found = await identify(websocket)
        require(found, Permission.view_floor)
    except Refusal as refusal:
        return refusal
    return found


def close_code(refusal: Refusal) -> int:
    """What a live socket is closed with. Neither makes the browser try again by itself."""
    return CLOSE_SESSION_OVER if isinstance(refusal, Unauthenticated) else CLOSE_FORBIDDEN


async def signed_out_among(database: Database, callers: Collection[Caller]) -> set[Caller]:
    """Those of one plant whose session is no longer what it was when they came. Asking does not count as a use."""
    keys = {found.credential_sha256 for found in callers}
    sessions = await database.read(find_sessions, token_sha256s=keys)
    now_us = to_us(database.clock())

    def is_over(found: Caller) -> bool:
        session = sessions.get(found.credential_sha256)
        if session is None or rules.standing(session, now_us) is not Standing.good:
            return True
        return (session.role, session.scope) != (found.role, found.scope)

    return {found for found in callers if is_over(found)}


def may_subscribe(found: Caller, topic: str) -> bool:
    """Whether a caller may follow a topic; asked at subscribe time for every topic."""
    return rules.may_subscribe(found.permissions, topic)


def session_cookie(connection: HTTPConnection) -> str:
    """The name of the session's cookie: by https one that only this very host can have set (RFC 6265bis, `__Host-`)."""
    by_https = connection.scope.get("scheme") in ("https", "wss")
    return f"__Host-{SESSION_COOKIE}" if by_https else SESSION_COOKIE


def device_of(connection: HTTPConnection) -> str:
    """The device key of a connection: its network address, as uvicorn's trusted proxies report it."""
    return device_key(_address_of(connection) or "unknown")


def _address_of(connection: HTTPConnection) -> str:
    return "" if connection.client is None else connection.client.host[:ADDRESS_MAX]


async def plant_database(connection: HTTPConnection) -> Database:
    """The database of the plant a host name stands for, before anybody has signed in."""
    plants = _plants(connection)
    database = await plants.reach(plants.stands_for(_host(connection)) or DEFAULT_PLANT)
    serving_plant.set(database.plant_id)
    acting_from.set(Origin(address=_address_of(connection)))
    return database


def _presented(connection: HTTPConnection) -> tuple[str, str]:
    if _is_api(connection):
        scheme, _, text = connection.headers.get("authorization", "").partition(" ")
        prefix = TOKEN_PREFIX
        text = text.strip() if scheme.lower() == "bearer" else ""
    else:
        text, prefix = connection.cookies.get(session_cookie(connection), ""), SESSION_PREFIX
    if not text:
        raise NotSignedIn()
    return text, prefix


def _is_api(connection: HTTPConnection) -> bool:
    path: str = connection.scope["path"]
    path = path.removeprefix(connection.scope.get("root_path", ""))
    return path.startswith(API_PREFIX) or path in (METRICS_PATH, B2MML_PATH)


def _is_dry_run(connection: HTTPConnection) -> bool:
    if b"dry_run" not in connection.scope["query_string"] or not _is_api(connection):
        return False
    wish = connection.query_params.get("dry_run", "false").lower()
    if wish not in ("true", "false"):
        raise DryRunUnclear(f"{wish[:20]!r} is neither.")
    return wish == "true"


async def _database(connection: HTTPConnection, plant_id: str, prefix: str) -> Database:
    plants = _plants(connection)
    in_path = connection.scope.get(PLANT_IN_PATH)
    by_token = prefix == TOKEN_PREFIX
    if in_path not in (None, plant_id):
        raise WrongPlant()
    if in_path is None and not plants.is_reached_by(_host(connection), plant_id, by_token=by_token):
        raise WrongPlant()
    serving_plant.set(plant_id)
    return await plants.reach(plant_id)


def _plants(connection: HTTPConnection) -> Plants:
    plants: Plants = connection.app.state.plants
    return plants


def _host(connection: HTTPConnection) -> str:
    return connection.headers.get("host", "")


async def _stored(database: Database, key: bytes, prefix: str) -> StoredCredential:
    known = RECENT.get(key)
    if known is not None:
        return known
    query = find_token if prefix == TOKEN_PREFIX else find_session
    found = await database.read(query, token_sha256=key)
    if found is None:
        raise CredentialUnknown()
    RECENT.put(key, found)
    return found


def _refuse_unless_good(credential: StoredCredential, now_us: int, prefix: str) -> None:
    how = rules.standing(credential, now_us)
    if how is not Standing.good:
        raise (_TOKEN_REFUSALS if prefix == TOKEN_PREFIX else _SESSION_REFUSALS)[how]()


def _is_used(connection: HTTPConnection, credential: StoredCredential) -> bool:
    if credential.idle_us is None:
        return True
    if connection.scope["type"] == "websocket":
        return False
    return rules.is_activity(connection.scope["method"], connection.headers.get("sec-fetch-mode"))


async def _touch(database: Database, key: bytes, credential: StoredCredential, now_us: int) -> None:
    RECENT.put(key, replace(credential, last_used_at_us=now_us))
    with suppress(Unavailable):  # a busy writer must not turn a reader away
        if credential.idle_us is None:
            await database.write(touch_token, actor=None, token_sha256=key)
        else:
            await database.write(touch_session, actor=None, session_sha256=key)


def _caller(
    database: Database, key: bytes, credential: StoredCredential, correlation_id: str, *, dry_run: bool
) -> Caller:
    return Caller(
        database=database,
        principal_pk=credential.principal_pk,
        principal_id=credential.principal_id,
        role=credential.role,
        display_name=credential.display_name,
        language=credential.language,
        work_unit_id=credential.work_unit_id,
        credential_sha256=key,
        correlation_id=correlation_id,
        scope=credential.scope,
        dry_run=dry_run,
    )
