"""The demo's own page: four ways to disturb the factory, and one line that tells whether the numbers are true.

It is served by the supervisor on a loopback port, so it outlives the server. Only who has the key that the demo
printed may open it, and only its own pages may press its buttons.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from web.demo.erp import NotSent
from web.demo.pieces import Compared, Witness, read_true_pieces
from web.demo.reel import QUESTION
from web.demo.truth import Comparison, look
from web.layouts.shell import Shell
from web.security import NO_TELEMETRY, security_middleware
from web.supervision import supervise
from web.templating import STATIC, render
from web.wording import language_of

if TYPE_CHECKING:
    from web.demo.supervisor import Demo

COOKIE: Final = "lineside_demo"
LOOK_EVERY_S: Final = 1.0
HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Said:
    """What came of a button: the key of its words, and what they are about."""

    key: str
    what: str = ""


@dataclass
class Line:
    """The newest comparison; None while the server is away."""

    comparison: Comparison | None = None
    said: Said | None = None
    pieces: Compared = field(default_factory=Compared)


@dataclass(frozen=True)
class DemoView:
    """What the page shows."""

    address: str
    cable_in: bool
    server_up: bool
    bridge_up: bool
    simulator_up: bool
    server_starts: int
    said: Said | None
    verdict: str
    made: Decimal
    counted: Decimal
    ended_made: Decimal
    told: Decimal
    unsure: int
    panels: int
    tests: int
    differ: tuple[str, ...]
    """Pieces of which the record says something else than the ledger."""
    question: str
    """Address of: what do the failed boards share?"""


def serve_page(
    demo: Demo, client: httpx.AsyncClient, witness: Witness, tasks: asyncio.TaskGroup
) -> tuple[str, asyncio.Task[None]]:
    """Start the page and its look at the truth. Gives the key, and the task to cancel."""
    key = secrets.token_urlsafe(16)
    line = Line()
    config = uvicorn.Config(
        page_app(demo, line, key),
        host="127.0.0.1",
        port=demo.ports.control,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return key, tasks.create_task(_serve(_Page(config), lambda: _look_for_ever(demo, client, witness, line)))


class _Page(uvicorn.Server):
    """The supervisor handles the signals, not this server."""

    def install_signal_handlers(self) -> None:
        """None."""


async def _serve(server: uvicorn.Server, looking: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(supervise("comparison with the ledger", looking))
        group.create_task(server._serve())


async def _look_for_ever(demo: Demo, client: httpx.AsyncClient, witness: Witness, line: Line) -> None:
    while True:
        try:
            line.comparison = await look(client, demo.erp, demo.files.ledger)
            line.pieces = await witness.look(await asyncio.to_thread(read_true_pieces, demo.files.ledger))
        except (httpx.HTTPError, OSError):
            line.comparison = None
        await asyncio.sleep(LOOK_EVERY_S)


def page_app(demo: Demo, line: Line, key: str) -> FastAPI:
    """The application behind the page."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=NO_TELEMETRY,
        middleware=security_middleware(hosts=("127.0.0.1", "localhost")),
    )
    app.mount("/static", StaticFiles(directory=STATIC))
    app.mount("/demo", StaticFiles(directory=HERE / "static"))

    @app.get("/")
    async def page(request: Request) -> Response:
        if "key" in request.query_params:
            return _let_in(request.query_params["key"], key)
        if not _is_known(request, key):
            return _turned_away()
        shell, view = Shell(now_ms=0), view_of(demo, line)
        return HTMLResponse(render("demo/page.html", view, language=_language(request), shell=shell))

    @app.get("/line")
    async def newest(request: Request) -> Response:
        if not _is_known(request, key):
            return _turned_away()
        view, language = view_of(demo, line), _language(request)
        return HTMLResponse(render("demo/_line.html", view, language=language, region_id="line"))

    @app.post("/{action}")
    async def act(request: Request, action: str) -> Response:
        if not _is_known(request, key):
            return _turned_away()
        if action not in ACTIONS:
            return JSONResponse({"detail": "no such action"}, 404)
        line.said = await ACTIONS[action](demo)
        return RedirectResponse("/", 303)

    return app


async def _send_order(demo: Demo) -> Said:
    try:
        return Said("send-order", await demo.erp.send_order())
    except NotSent as error:
        return Said("not-sent", str(error))


async def _pull_cable(demo: Demo) -> Said:
    demo.pull_cable()
    return Said("pull-cable")


async def _restart_machine(demo: Demo) -> Said:
    try:
        await demo.restart_machine()
    except OSError as error:
        return Said("no-answer", str(error))
    return Said("restart-machine")


async def _kill_server(demo: Demo) -> Said:
    demo.server.kill()
    return Said("kill-server")


ACTIONS: Final[dict[str, Callable[[Demo], Awaitable[Said]]]] = {
    "send-order": _send_order,
    "pull-cable": _pull_cable,
    "restart-machine": _restart_machine,
    "kill-server": _kill_server,
}


def view_of(demo: Demo, line: Line) -> DemoView:
    """What there is to see now."""
    found, none = line.comparison, Decimal(0)
    return DemoView(
        address=demo.address,
        cable_in=demo.cable.is_in,
        server_up=demo.server.is_running,
        bridge_up=demo.bridge.is_running,
        simulator_up=demo.simulator.is_running,
        server_starts=demo.server.starts,
        said=line.said,
        verdict="away" if found is None else found.verdict,
        made=none if found is None else found.made,
        counted=none if found is None else found.counted,
        ended_made=none if found is None else found.ended_made,
        told=none if found is None else found.told,
        unsure=0 if found is None else found.unsure,
        panels=line.pieces.panels,
        tests=line.pieces.verdicts,
        differ=line.pieces.wrong,
        question=f"{demo.address}{QUESTION}",
    )


def _language(request: Request) -> str:
    return language_of(request.headers.get("Accept-Language", "").split(",")[0].split(";")[0].strip())


def _let_in(given: str, key: str) -> Response:
    if not hmac.compare_digest(given, key):
        return _turned_away()
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, key, httponly=True, samesite="strict")
    return answer


def _is_known(request: Request, key: str) -> bool:
    return hmac.compare_digest(request.cookies.get(COOKIE, ""), key)


def _turned_away() -> Response:
    return PlainTextResponse("Open the address that the demo printed, with its key.", 403)
