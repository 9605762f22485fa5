"""Errors as people and programs see them: one place makes problem+json for `/api` and a page or a partial for screens.

A refusal says what and what next; weather says when to come back; a bug says nothing but its reference, which is
the correlation id of the request and stands in the log.
"""

from __future__ import annotations

import dataclasses
import logging
import random
import re
from collections.abc import Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mes.access.door import SIGNATURE_FIELDS
from mes.access.errors import NotSignedIn, SignatureNeeded
from mes.access.signatures.types import Meaning
from mes.kernel.errors import FieldError, Refusal, Unauthenticated, Unavailable
from mes.kernel.origins import Origin, acting_from
from standards.lineside.problem import MEDIA_TYPE, TYPE_PREFIX, Problem
from web.layouts.shell import Shell
from web.templating import render
from web.wording import language_of, refusal_words

_LOG = logging.getLogger(__name__)
SAID_MAX: Final = 20
"""Lots, say, that are named where many are signed for at once."""
CORRELATION_HEADER: Final = "X-Correlation-Id"
_CORRELATION_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
MACHINE_PATHS: Final = ("/api/", "/healthz", "/readyz", "/metrics", "/b2mml")
"""Where programs call: they get problem+json, everybody else a page."""


@dataclasses.dataclass(frozen=True, slots=True)
class ProblemView:
    """What a person is told."""

    status: int
    code: str
    title: str
    detail: str
    next_step: str
    reference: str
    page: str
    """Address of the problem's own page; empty where it has none."""
    home: str = "/"


def new_reference() -> str:
    """A short reference that a person can read out: `7F3A91C2`."""
    return f"{random.getrandbits(32):08X}"  # no secret; asking the system would let another thread run first


def correlation_id_of(scope: Mapping[str, Any]) -> str:
    """The correlation id that `CorrelationIds` gave this request."""
    return str(scope.get("state", {}).get("correlation_id", ""))


def install_problem_handlers(app: FastAPI) -> None:
    """Every error of every route ends here."""
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(Unavailable, _on_weather)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


def problem_of(error: Refusal) -> Problem:
    """A refusal as problem details; what it carries `extra` is added by `problem_json`."""
    return Problem(
        type=TYPE_PREFIX + error.code,
        title=error.title,
        status=error.status,
        code=error.code,
        detail=error.detail,
        next_step=error.next_step,
        errors=[dataclasses.asdict(fault) for fault in error.errors],
    )


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    if isinstance(error, SignatureNeeded) and not _for_machines(request):
        return await _ask_signature(request, error)
    if isinstance(error, Unauthenticated) and not _for_machines(request):
        return _to_sign_in(request)
    if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) and not isinstance(error, NotSignedIn):
        _note_refused(request, error)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else {}
    if (retry := error.extra.get("retry_after_s")) is not None:
        headers["Retry-After"] = str(retry)
    return answer(request, problem_of(error), extra=error.extra, headers=headers)


@dataclasses.dataclass(frozen=True, slots=True)
class SignatureView:
    """What is to be signed, and the form it was sent with, which is sent again. `why`: how the last try went."""

    action: str
    fields: tuple[tuple[str, str], ...]
    act: str
    subjects: str
    said: tuple[tuple[str, str], ...]
    act_sha256: str
    why: str
    chosen: str
    meanings: tuple[str, ...] = tuple(Meaning)


async def _ask_signature(request: Request, needed: SignatureNeeded) -> Response:
    """In place of what was wanted: what is signed, PIN or password, and what is meant; then the same form again."""
    form = await request.form()
    fields = tuple((name, str(value)) for name, value in form.multi_items() if name not in SIGNATURE_FIELDS)
    said = tuple((name, _plain_text(value)) for name, value in needed.extra["what"].items())
    view = SignatureView(
        action=str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
        fields=fields,
        act=needed.extra["act"],
        subjects=needed.detail,
        said=said,
        act_sha256=needed.extra["act_sha256"],
        why=str(needed.extra.get("why", "")),
        chosen=str(form.get("signature_meaning", "")),
    )
    template = "_signature.html" if request.headers.get("HX-Request") == "true" else "signature.html"
    shell = Shell(now_ms=0)
    html = render(f"system/{template}", view, language=_language(request), shell=shell)
    return HTMLResponse(html, needed.status, {"Cache-Control": "no-store"})


def _plain_text(value: Any) -> str:
    """Of very many things the first, and how many more: the whole is in what was done, and under what is signed."""
    if not isinstance(value, Mapping) or not all(isinstance(told, str) for told in value.values()):
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    told = ", ".join(f"{name}: {text}" for name, text in islice(value.items(), SAID_MAX))
    return told if len(value) <= SAID_MAX else f"{told} … + {len(value) - SAID_MAX}"


def _note_refused(request: Request, error: Refusal) -> None:
    """Who was not let in, where, and from where: never with what."""
    origin = acting_from.get() or Origin()
    address = origin.address or (request.client.host if request.client else "")
    told = (request.method, request.scope["path"], error.code, origin.credential or "nobody", address)
    _LOG.warning("%s %s refused: %s (%s from %s), reference %s", *told, correlation_id_of(request.scope))


async def _on_weather(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unavailable)
    problem = _plain(error.status, error.code, "Not available right now", error.detail, "Try again in a moment.")
    return answer(request, problem, headers={"Retry-After": str(error.retry_after_s)})


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [_fault(item) for item in error.errors()]
    unreadable = any(item["type"] == "json_invalid" for item in error.errors())
    status, code, title = (400, "unreadable", "Not JSON") if unreadable else (422, "invalid", "Not valid")
    problem = _plain(status, code, title, "; ".join(f"{f.where}: {f.message}" for f in faults[:3]))
    errors = [dataclasses.asdict(fault) for fault in faults]
    return answer(request, msgspec.structs.replace(problem, errors=errors))


def _fault(item: Mapping[str, Any]) -> FieldError:
    where = ".".join(str(part) for part in item["loc"] if part != "body") or "body"
    return FieldError(where, str(item["msg"]), str(item["type"]).replace("_", "-"))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "-")
    return answer(request, _plain(error.status_code, code, phrase), headers=dict(error.headers or {}))


def _plain(status: int, code: str, title: str, detail: str = "", next_step: str = "") -> Problem:
    return Problem(TYPE_PREFIX + code, title, status, code, detail, next_step)


def internal_error(reference: str) -> Problem:
    """A bug: no detail, only the reference."""
    return Problem(
        TYPE_PREFIX + "internal-error",
        "Something broke here",
        500,
        "internal-error",
        next_step="Go on elsewhere, and tell whoever looks after Lineside the reference.",
        reference=reference,
    )


def answer(
    request: Request,
    problem: Problem,
    *,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The problem as this caller reads it: JSON for programs, a partial for htmx, else a page."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    if _for_machines(request):
        body = {**(extra or {}), **msgspec.to_builtins(problem)}
        return Response(msgspec.json.encode(body, enc_hook=str), problem.status, headers, MEDIA_TYPE)
    template = "_problem.html" if request.headers.get("HX-Request") == "true" else "problem.html"
    language = _language(request)
    html = render(
        f"system/{template}",
        _view(problem, language),
        language=language,
        region_id="problem",
        shell=Shell(now_ms=0),
    )
    return HTMLResponse(html, problem.status, headers)


def problem_fragment(region_id: str, reference: str, *, language: str) -> str:
    """What stands in a live region that could not be rendered."""
    view = _view(internal_error(reference), language)
    return render("system/_problem.html", view, language=language, region_id=region_id)


def _view(problem: Problem, language: str) -> ProblemView:
    """The detail is English: it is told where the rest is, and where nobody has translated the rest."""
    words = refusal_words(language, problem)
    return ProblemView(
        problem.status,
        problem.code,
        words.title,
        words.detail if words.detail_fits and problem.detail != problem.title else "",
        words.next_step,
        problem.reference,
        problem.type,
    )


def _for_machines(request: Request) -> bool:
    path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return path.startswith(MACHINE_PATHS)


def _to_sign_in(request: Request) -> Response:
    headers = {"Cache-Control": "no-store"}
    if request.headers.get("HX-Request") == "true":
        return Response(status_code=401, headers={**headers, "HX-Redirect": "/signin"})
    back = request.url.path if request.method == "GET" else "/"
    return RedirectResponse(f"/signin?next={quote(back)}", status_code=303, headers=headers)


def _language(request: Request) -> str:
    """The caller's own; of somebody not signed in, what the device was set to, else the browser's."""
    own = request.scope.get("state", {}).get("language")
    given = own or request.cookies.get("lineside_language") or request.headers.get("Accept-Language", "")
    return language_of(given.split(",")[0].split(";")[0].strip())


class CorrelationIds:
    """Outermost: gives each request an id (the caller's own where it sends a plain one) and sends it back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        wished = next((value for name, value in scope["headers"] if name == b"x-correlation-id"), b"")
        text = wished.decode("latin-1")
        reference = text if _CORRELATION_ID.fullmatch(text) else new_reference()
        scope.setdefault("state", {})["correlation_id"] = reference

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[CORRELATION_HEADER] = reference
            await send(message)

        await self._app(scope, receive, send_with_id if scope["type"] == "http" else send)


class ErrorBoundary:
    """Innermost: a bug becomes a 500 without detail, inside the headers that every answer gets."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except Exception:
            reference = correlation_id_of(scope)
            _LOG.exception("%s %s failed, reference %s", scope["method"], scope["path"], reference)
            if started:
                raise
            request = Request(scope, receive)
            await answer(request, internal_error(reference))(scope, receive, send)
