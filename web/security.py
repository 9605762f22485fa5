"""What every request meets before a route does: security headers, allowed hosts, body limits, same-origin checks.

Plain ASGI middlewares, so that streaming and websockets pass through untouched. `security_middleware` gives them in the
order they belong in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import msgspec
from fastapi.telemetry import TelemetryConfig
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mes.access.door.bulk import BULK_BYTES_MAX, BULK_PATHS
from mes.definitions.types import DOCUMENT_MAX_BYTES
from mes.exchange.table_files.types import FILE_MAX
from mes.kernel.errors import TooLarge
from mes.kernel.plants import Plants
from standards.isa95.b2mml.source import BYTES_MAX
from standards.lineside.health_v1 import MAX_HEALTH_BYTES
from standards.lineside.ingest_v1 import MAX_BATCH_BYTES
from standards.lineside.problem import MEDIA_TYPE, TYPE_PREFIX, Problem

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # not no-referrer: that makes browsers send `Origin: null` with our own forms
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), screen-wake-lock=(self)",
    "cross-origin-resource-policy": "same-origin",
}
STRICT_TRANSPORT: Final = "max-age=31536000; includeSubDomains"
BODY_LIMIT: Final = 1024 * 1024
"""Bytes of a request body, unless a prefix has a limit of its own."""
MAX_LISTS_BYTES: Final = 4 * 1024 * 1024
"""A recall names 10,000 lots of 100 characters, written as a form."""
MAX_UPLOAD_BYTES: Final = DOCUMENT_MAX_BYTES + 64 * 1024
"""A document of a work instruction, and the form around it."""
BODY_LIMITS: Final[Mapping[str, int]] = {
    "/api/v1/bridge/ingest": MAX_BATCH_BYTES,
    "/api/v1/bridge/health": MAX_HEALTH_BYTES,
    "/api/v1/instruction-documents": MAX_UPLOAD_BYTES,
    "/routings/": MAX_UPLOAD_BYTES,
    "/api/v1/imports": FILE_MAX,
    "/api/v1/reconciliation/": MAX_LISTS_BYTES,
    "/imports": FILE_MAX + 64 * 1024,
    "/trace/": MAX_LISTS_BYTES,
    "/b2mml": BYTES_MAX,
    **dict.fromkeys(BULK_PATHS, BULK_BYTES_MAX),
}
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CLOSE_FORBIDDEN: Final = 4403
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""For `FastAPI(telemetry=…)`: nobody is told what is asked, whatever the machine has set up."""


def security_middleware(
    *,
    hosts: Sequence[str] = (),
    body_limit: int = BODY_LIMIT,
    body_limits: Mapping[str, int] = BODY_LIMITS,
    trusted_origins: Iterable[str] = (),
) -> list[Middleware]:
    """All of it, outermost first, for `FastAPI(middleware=…)`. `hosts` empty: any host name is served."""
    return [
        Middleware(SecurityHeaders),
        Middleware(AllowedHosts, hosts=hosts),
        Middleware(SameOrigin, trusted_origins=trusted_origins),
        Middleware(BodyLimit, limit=body_limit, limits=body_limits),
    ]


class SecurityHeaders:
    """Adds the security headers to every response that does not set them itself; what does not say so is not stored.

    A browser that came by https is told to do so from then on.
    """

    def __init__(self, app: ASGIApp, *, headers: Mapping[str, str] = SECURITY_HEADERS) -> None:
        self.app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        by_https = scope["scheme"] == "https"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                if by_https:
                    headers.setdefault("strict-transport-security", STRICT_TRANSPORT)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class AllowedHosts:
    """Answers only to the host names of a list and to those of plants; `host-not-allowed` (400) else.

    An empty list or `*` allows all.
    """

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str] = ()) -> None:
        self.app = app
        self._hosts = frozenset(host.lower().strip("[]") for host in hosts)
        self._all = not self._hosts or "*" in self._hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_request = scope["type"] in {"http", "websocket"}
        if is_request and not self._all and not self._is_ours(scope):
            await _refuse(scope, receive, send, _HOST_NOT_ALLOWED)
            return
        await self.app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        host = Headers(scope=scope).get("host", "")
        plants: Plants | None = getattr(getattr(scope.get("app"), "state", None), "plants", None)
        return _host_name(host) in self._hosts or (plants is not None and plants.stands_for(host) is not None)


class SameOrigin:
    """Refuses what another site's page makes a browser send: unsafe requests and live sockets, `cross-site-request`.

    `Sec-Fetch-Site` decides where the browser sends it (only on https and localhost), else `Origin` against `Host`. A
    client that sends neither is no browser, and a request with a bearer token carries no cookie's power: both pass.
    """

    def __init__(self, app: ASGIApp, *, trusted_origins: Iterable[str] = ()) -> None:
        self.app = app
        self._trusted = frozenset(origin.lower().rstrip("/") for origin in trusted_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._concerns(scope) and not self._is_own(Headers(scope=scope)):
            await _refuse(scope, receive, send, _CROSS_SITE)
            return
        await self.app(scope, receive, send)

    @staticmethod
    def _concerns(scope: Scope) -> bool:
        if scope["type"] == "websocket":
            return True
        return scope["type"] == "http" and scope["method"] not in SAFE_METHODS

    def _is_own(self, headers: Headers) -> bool:
        if headers.get("authorization", "").lower().startswith("bearer "):
            return True
        origin = headers.get("origin")
        if origin is not None and origin.lower() in self._trusted:
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in {"same-origin", "none"}
        return origin is None or is_same_origin(origin, headers.get("host", ""))


class BodyLimit:
    """Refuses bodies beyond a limit by their declared length, and by counting what arrives: `body-too-large` (413)."""

    def __init__(self, app: ASGIApp, *, limit: int = BODY_LIMIT, limits: Mapping[str, int] = BODY_LIMITS) -> None:
        self.app = app
        self._limit = limit
        self._limits = tuple(sorted(limits.items(), key=lambda item: -len(item[0])))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit_of(_path(scope))
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdecimal() or int(declared) > limit:
            await _refuse(scope, receive, send, _too_large(limit))
            return
        await _CountedRequest(self.app, limit, send, receive)(scope)

    def _limit_of(self, path: str) -> int:
        return next((limit for prefix, limit in self._limits if path.startswith(prefix)), self._limit)


class BodyTooLarge(TooLarge):
    """Raised where the application reads beyond the limit, so that its own handler may answer."""

    code = "body-too-large"
    title = "The request is too large"
    next_step = "Send less at a time."


class _CountedRequest:
    """One request whose body is counted while it is read; beyond the limit its answer is 413, whatever the app says."""

    def __init__(self, app: ASGIApp, limit: int, send: Send, receive: Receive) -> None:
        self._app = app
        self._limit = limit
        self._send = send
        self._receive = receive
        self._read = 0
        self._started = False

    async def __call__(self, scope: Scope) -> None:
        with suppress(BodyTooLarge):
            await self._app(scope, self._receive_counted, self._send_unless_refused)
        if self._is_over and not self._started:
            await _refuse(scope, self._receive, self._send, _too_large(self._limit))

    @property
    def _is_over(self) -> bool:
        return self._read > self._limit

    async def _receive_counted(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            if self._is_over:
                raise BodyTooLarge(_at_most(self._limit))
        return message

    async def _send_unless_refused(self, message: Message) -> None:
        if self._is_over and not self._started and message.get("status") != BodyTooLarge.status:
            return
        self._started = True
        await self._send(message)


def is_same_origin(origin: str, host: str) -> bool:
    """Whether an `Origin` header names the host and port of a `Host` header; a default port may be left out.

    The scheme is not compared: behind a proxy that ends TLS the server sees http where the browser sees https.
    """
    try:
        there, here = urlsplit(origin), urlsplit(f"//{host}")
        default = _DEFAULT_PORTS.get(there.scheme)
        if default is None or not there.hostname or there.path:
            return False
        return (there.hostname, there.port or default) == (here.hostname, here.port or default)
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False


_CROSS_SITE: Final = Problem(
    type=TYPE_PREFIX + "cross-site-request",
    title="This request came from another site",
    status=403,
    code="cross-site-request",
    next_step="Open Lineside by its own address and try again. Behind a proxy: pass the Host header on unchanged.",
)
_HOST_NOT_ALLOWED: Final = Problem(
    type=TYPE_PREFIX + "host-not-allowed",
    title="This server does not answer to that host name",
    status=400,
    code="host-not-allowed",
    next_step="Use the address you were given, or add the name to the allowed hosts.",
)


def _too_large(limit: int) -> Problem:
    return Problem(
        type=TYPE_PREFIX + BodyTooLarge.code,
        title=BodyTooLarge.title,
        status=BodyTooLarge.status,
        code=BodyTooLarge.code,
        detail=_at_most(limit),
        next_step=BodyTooLarge.next_step,
    )


def _at_most(limit: int) -> str:
    return f"At most {limit} bytes are taken here."


async def _refuse(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    if scope["type"] == "websocket":
        await _close(receive, send)
        return
    body = msgspec.json.encode(problem)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _close(receive: Receive, send: Send) -> None:
    """Accept and close: only so does the browser see the code, and stop trying (a plain 403 it retries for ever)."""
    message = await receive()
    if message["type"] == "websocket.connect":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": CLOSE_FORBIDDEN})


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
