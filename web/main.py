"""The composition root of the server: settings in, application out. Nothing else puts the parts together."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.middleware import Middleware

from mes.access.signatures.signing import sign_act
from mes.api import router as rest
from mes.exchange.webhooks.sending import Sender
from mes.kernel.vault import open_vault
from mes.orders.queries import list_paths
from web import security, templating
from web.access import routes as access
from web.audit import routes as audit
from web.board import routes as board
from web.bridges import routes as bridges
from web.briefing import routes as briefing
from web.caretaker import Caretaker
from web.connect import routes as connect
from web.crossroads import Crossroads
from web.dispatch import routes as dispatch
from web.erp import routes as erp
from web.fair_share import FairShare, Turns
from web.home import routes as home
from web.imports import routes as imports
from web.live.relay import Relays
from web.live.routes import live_routes
from web.lots import routes as lots
from web.openapi import Api
from web.orders import routes as orders
from web.patterns import routes as patterns
from web.plant_path import PlantPath
from web.plants import open_plants
from web.problems import CorrelationIds, ErrorBoundary, install_problem_handlers
from web.quarantine import routes as quarantine
from web.receive import routes as receive
from web.reconciliation import routes as reconciliation
from web.routings import recipes
from web.routings import routes as routings
from web.scan import routes as scan
from web.settings import Settings
from web.signin import routes as signin
from web.station import routes as station
from web.supervision import supervise
from web.system import metrics
from web.system import routes as system
from web.system.routes import Assets, version
from web.tools import routes as tools
from web.trace import routes as trace
from web.wall import routes as wall
from web.webhooks import routes as webhooks

_LOG = logging.getLogger(__name__)
ASIDE_THREADS: Final = 64
"""For what would hold up the event loop (files that are read, plants that are opened): several times what one plant
may have at work (`fair_share.ALONE_MAX`), so that its imports keep no other from being opened and looked after."""
SCREENS: Final = (
    *(signin, home, briefing, scan, station, board, dispatch, orders, wall, receive, lots, tools),
    *(
        trace,
        bridges,
        quarantine,
        connect,
        routings,
        recipes,
        imports,
        erp,
        webhooks,
        reconciliation,
        access,
        audit,
        patterns,
    ),
)
LIVE_SCREENS: Final = (home, scan, station, board, dispatch, orders, wall, lots, tools, bridges, connect)


def create_app(settings: Settings) -> FastAPI:
    """The server. Databases are opened when it starts (lifespan), not here."""
    turns: dict[str, Turns] = {}
    app = Api(
        title="Lineside",
        version=version() or "0",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        telemetry=security.NO_TELEMETRY,
        lifespan=_lifespan(settings),
        middleware=_middleware(settings, turns),
    )
    app.state.settings, app.state.turns, app.state.places = settings, turns, list_paths
    app.state.sign_act = sign_act
    templating.reload_templates(settings.development)
    install_problem_handlers(app)
    app.mount("/static", Assets(directory=templating.STATIC, check_dir=False), name="static")
    live = live_routes([region for screen in LIVE_SCREENS for region in screen.REGIONS])
    routers = (system.router, metrics.router, rest, *(screen.router for screen in SCREENS), live)
    routes = [route for router in routers for route in router.routes]
    app.router.routes += [Crossroads(routes), *routes]
    return app


def _middleware(settings: Settings, turns: dict[str, Turns]) -> list[Middleware]:
    limits = {**security.BODY_LIMITS, "/api/v1/bridge/ingest": settings.max_ingest_bytes}
    hosts = () if "*" in settings.hosts else settings.hosts
    return [
        Middleware(CorrelationIds),
        Middleware(PlantPath),
        *security.security_middleware(hosts=hosts, body_limit=settings.max_body_bytes, body_limits=limits),
        Middleware(FairShare, turns=turns),
        Middleware(ErrorBoundary),
    ]


def _lifespan(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        if sentence := templating.assets_sentence():
            _LOG.warning(sentence)
        aside = ThreadPoolExecutor(ASIDE_THREADS, thread_name_prefix="aside")
        asyncio.get_running_loop().set_default_executor(aside)
        plants = await asyncio.to_thread(open_plants, settings)
        app.state.plants = plants
        vault = await asyncio.to_thread(open_vault, settings.key_file)
        try:
            async with Relays(plants) as relays, Sender(vault) as sender, asyncio.TaskGroup() as group:
                app.state.relays, app.state.webhook_sender, app.state.vault = relays, sender, vault
                gc.freeze()  # what is loaded by now stays: no collection needs to look at it again
                caretaker = Caretaker(plants, relays, sender)
                caring = group.create_task(supervise("caretaker", caretaker.run))
                yield
                caring.cancel()
                await caretaker.stop()
        finally:
            await asyncio.to_thread(plants.close)

    return running
