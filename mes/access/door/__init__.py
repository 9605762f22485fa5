"""The door of every request: who calls, of which plant, and may they?

A plant is named by the path (`/plants/north/api/…`, for programs), by the host name, or, where neither says anything,
by the token itself. A credential of another plant than the one that is named is refused.

Below `/api/`, and for `/metrics` and `/b2mml`, a bearer token counts and nothing else; everywhere else, the live
socket included, the session cookie and nothing else. So a script on another site can never use somebody's cookie on the
API, nor a token on a screen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from fastapi import WebSocket
from starlette.requests import HTTPConnection, Request

from mes.access import permissions, rules
from mes.access.errors import (
    CredentialUnknown,
    DryRunUnclear,
    NotSignedIn,
    PermissionMissing,
    PrincipalDisabled,
    SecondFactorNeeded,
    SessionOver,
    SignatureNeeded,
    SignInFailed,
    SignInLocked,
    TokenExpired,
    TokenRevoked,
    WrongPlant,
)
from mes.access.permissions import Permission
from mes.access.queries import find_session, find_sessions, find_token
from mes.access.recent import RECENT
from mes.access.service import touch_session, touch_token
from mes.access.sign_in import device_at
from mes.access.signatures.types import Meaning
from mes.access.tokens import SESSION_PREFIX, TOKEN_PREFIX, digest, plant_of
from mes.access.types import PASSWORD_MAX, Device, PlacedRole, Role, Standing, StoredCredential
from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import Refusal, Unauthenticated, Unavailable
from mes.kernel.origins import ADDRESS_MAX, Origin, acting_from
from mes.kernel.plants import DEFAULT_PLANT, Plants, serving_plant
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import EmittedEvent, UnitOfWork

T = TypeVar("T")
P = ParamSpec("P")

SESSION_COOKIE: Final = "lineside_session"
DEVICE_COOKIE: Final = "lineside_device"
API_PREFIX: Final = "/api/"
METRICS_PATH: Final = "/metrics"
B2MML_PATH: Final = "/b2mml"
PLANT_IN_PATH: Final = "lineside.plant"
"""Where `web.plant_path` leaves the plant that a path names, in the connection's scope."""
SIGNATURE_HEADER: Final = "lineside-signature"
SIGNATURE_MAX: Final = 100
SIGNATURE_FIELDS: Final = ("signature_pin", "signature_code", "signature_meaning", "signature_of")
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


Places = Callable[..., Mapping[str, Collection[str]]]
"""A query `(session, *, job_ids, equipment_ids)`: each of those places, as an equipment's id → it and all above it.

The composition root puts it at `state.places`; what it does not know of is no place, and asks for the whole plant."""


def jobs_and_equipment(what: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """What the arguments of a verb name: jobs (`job_id`, the keys of `versions`) and equipment."""
    jobs = {what["job_id"]} if isinstance(what.get("job_id"), str) else set()
    if isinstance(what.get("versions"), Mapping):
        jobs |= {job for job in what["versions"] if isinstance(job, str)}
    equipment = {what[name] for name in ("equipment_id", "work_unit_id") if isinstance(what.get(name), str)}
    return frozenset(jobs), frozenset(equipment)


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
    placed: tuple[PlacedRole, ...] = ()
    """Roles at places; none: nobody looks where something is done."""
    places: Places | None = field(default=None, repr=False, compare=False)
    signature: str = field(default="", repr=False, compare=False)
    """What came as `Lineside-Signature`, or ""."""
    sign: Callable[[SignatureNeeded], Awaitable[str]] | None = field(default=None, repr=False, compare=False)
    """Signs what a verb asks to be signed, with what came in the form."""
    needed: set[Permission] = field(default_factory=set, repr=False, compare=False)
    """What the door asked for so far; whoever has roles at places has to have it where something is written, too."""

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the caller may do with this credential, somewhere at least."""
        if not self.placed:
            return permissions.granted(self.role, self.scope)
        return self.permissions_at([one.equipment_id for one in self.placed])

    def permissions_at(self, path: Collection[str]) -> frozenset[Permission]:
        """What the caller may do at a place, given it and all above it; empty: what is done has no place."""
        return permissions.limited(permissions.permissions_at(self.role, self.placed, path), self.scope)

    async def at(self, equipment_id: str) -> Caller:
        """The caller as far as they count at a place, for what a screen offers there."""
        if not self.placed:
            return self
        paths = await self._paths({"equipment_id": equipment_id})
        here = self.permissions_at(next(iter(paths.values()), ()))
        return replace(self, scope=permissions.scope_of(here))

    async def write(self, verb: Callable[Concatenate[UnitOfWork, P], T], /, **kwargs: Any) -> T:
        """Run a verb in the caller's plant, in the caller's name; Rehearsed where nothing is to come of it.

        `permission-missing` where the caller's roles do not count at the place of what the verb is to change.
        """
        await self.require_there(kwargs)
        if self.dry_run:
            raise Rehearsed(
                await self.database.rehearse(
                    verb, actor=self.principal_pk, correlation_id=self.correlation_id, **kwargs
                )
            )
        try:
            return await self._write(verb, kwargs, self.signature)
        except SignatureNeeded as needed:
            if self.sign is None:
                raise
            return await self._write(verb, kwargs, await self.sign(needed))

    async def _write(self, verb: Callable[..., T], kwargs: Mapping[str, Any], signature: str) -> T:
        common: dict[str, Any] = {"actor": self.principal_pk, "correlation_id": self.correlation_id}
        if not signature:
            return await self.database.write(verb, **common, **kwargs)
        return await self.database.write(_signed, **common, verb=verb, sha256=digest(signature), kwargs=kwargs)

    async def require_there(self, what: Mapping[str, Any]) -> None:
        """`permission-missing` unless what the door asked for is had at all jobs and equipment named in it."""
        if not self.placed or not self.needed:
            return
        paths: Mapping[str, Collection[str]] = await self._paths(what) or {"": ()}
        for place, path in paths.items():
            for permission in sorted(self.needed - self.permissions_at(path)):
                there = f"at {place}" if place else "in the whole plant"
                raise PermissionMissing(f"{permission} is needed {there}; {self.principal_id} is {self.role}.")

    async def _paths(self, what: Mapping[str, Any]) -> Mapping[str, Collection[str]]:
        jobs, equipment = jobs_and_equipment(what)
        if self.places is None or not (jobs or equipment):
            return {}
        return await self.read(self.places, job_ids=jobs, equipment_ids=equipment)

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
    places = getattr(connection.app.state, "places", None)
    found = _caller(database, key, credential, correlation_id, dry_run=_is_dry_run(connection), places=places)
    return await _signing(connection, found)


def _signed(uow: UnitOfWork, *, verb: Callable[..., T], sha256: bytes, kwargs: Mapping[str, Any]) -> T:
    """A verb with the signature that came with its request."""
    uow.signature_sha256 = sha256
    return verb(uow, **kwargs)


async def _signing(connection: HTTPConnection, found: Caller) -> Caller:
    """The caller with the signature they sent, or the means to sign what was typed into a form.

    `state.sign_act` is `signatures.signing.sign_act`: most requests sign nothing, so the door does not know how.
    """
    if signature := connection.headers.get(SIGNATURE_HEADER, ""):
        return replace(found, signature=signature[:SIGNATURE_MAX])
    if _is_api(connection) or not isinstance(connection, Request) or not _is_form(connection):
        return found
    form = await connection.form()
    typed = {name: str(form[name]) for name in SIGNATURE_FIELDS if name in form}
    if "signature_pin" not in typed:
        return found

    async def sign(needed: SignatureNeeded) -> str:
        if typed.get("signature_of") != needed.extra["act_sha256"] or typed.get("signature_meaning") not in set(
            Meaning
        ):
            raise SignatureNeeded(needed.detail, **needed.extra, why="other")
        try:
            signature: str = await connection.app.state.sign_act(
                found.database,
                connection.app.state.vault,
                principal_pk=found.principal_pk,
                principal_id=found.principal_id,
                pin=typed["signature_pin"][:PASSWORD_MAX],
                code=typed.get("signature_code", "")[:SIGNATURE_MAX],
                device=device_of(connection),
                act_sha256=needed.extra["act_sha256"],
                meaning=Meaning(typed["signature_meaning"]),
            )
            return signature
        except (SignInFailed, SignInLocked) as refusal:
            why = "locked" if "retry_after_s" in refusal.extra else "wrong"
            raise SignatureNeeded(needed.detail, **needed.extra, why=why) from refusal

    return replace(found, sign=sign)


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "")
    return request.method == "POST" and kind.startswith("application/x-www-form-urlencoded")


def require(found: Caller, permission: Permission) -> None:
    """`permission-missing` (403) unless the caller's role has it, and the credential."""
    found.needed.add(permission)
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
        return (session.role, session.scope, session.placed) != (found.role, found.scope, found.placed)

    return {found for found in callers if is_over(found)}


def may_subscribe(found: Caller, topic: str) -> bool:
    """Whether a caller may follow a topic; asked at subscribe time for every topic."""
    return rules.may_subscribe(found.permissions, topic)


def session_cookie(connection: HTTPConnection) -> str:
    """The name of the session's cookie: by https one that only this very host can have set (RFC 6265bis, `__Host-`)."""
    return _of_this_host(connection, SESSION_COOKIE)


def device_cookie(connection: HTTPConnection) -> str:
    """The name of the device's cookie."""
    return _of_this_host(connection, DEVICE_COOKIE)


def _of_this_host(connection: HTTPConnection, name: str) -> str:
    by_https = connection.scope.get("scheme") in ("https", "wss")
    return f"__Host-{name}" if by_https else name


def device_of(connection: HTTPConnection) -> Device:
    """The device of a connection: its network address, as trusted proxies report it, and a browser's cookie."""
    cookie = "" if _is_api(connection) else connection.cookies.get(device_cookie(connection), "")
    return device_at(_address_of(connection) or "unknown", cookie)


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
    database: Database,
    key: bytes,
    credential: StoredCredential,
    correlation_id: str,
    *,
    dry_run: bool,
    places: Places | None,
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
        placed=credential.placed,
        places=places,
    )
