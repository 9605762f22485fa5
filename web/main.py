"""The composition root of the server: settings in, application out. Nothing else puts the parts together."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware import Middleware

from mes.api import router as rest
from mes.exchange.webhooks.deliveries import Deliveries
from mes.exchange.webhooks.sending import Sender
from mes.history.keeper import Keepers
from mes.kernel.db import Database
from mes.kernel.errors import Unavailable
from mes.kernel.plants import Plants
from mes.kernel.vault import KEY_FILE, open_vault
from mes.migrations.upgrade import upgrade
from mes.ticks import HOURLY, TICKS
from web import security, templating
from web.access import routes as access
from web.board import routes as board
from web.bridges import routes as bridges
from web.briefing import routes as briefing
from web.connect import routes as connect
from web.dispatch import routes as dispatch
from web.home import routes as home
from web.imports import routes as imports
from web.live.relay import Relays
from web.live.routes import live_routes
from web.lots import routes as lots
from web.openapi import Api
from web.orders import routes as orders
from web.patterns import routes as patterns
from web.problems import CorrelationIds, ErrorBoundary, install_problem_handlers
from web.quarantine import routes as quarantine
from web.receive import routes as receive
from web.reconciliation import routes as reconciliation
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
TICK_S: Final = 1.0
NEW_PLANTS_S: Final = 5.0
TICKS_AN_HOUR: Final = 3_600
SCREENS: Final = (
    *(signin, home, briefing, scan, station, board, dispatch, orders, wall, receive, lots, tools),
    *(trace, bridges, quarantine, connect, routings, imports, webhooks, reconciliation, access, patterns),
)
LIVE_SCREENS: Final = (home, scan, station, board, dispatch, orders, wall, lots, tools, bridges, connect)


def create_app(settings: Settings) -> FastAPI:
    """The server. Databases are opened when it starts (lifespan), not here."""
    app = Api(
        title="Lineside",
        version=version() or "0",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        lifespan=_lifespan(settings),
        middleware=_middleware(settings),
    )
    app.state.settings = settings
    templating.reload_templates(settings.development)
    install_problem_handlers(app)
    app.mount("/static", Assets(directory=templating.STATIC, check_dir=False), name="static")
    for router in (system.router, metrics.router, rest, *(screen.router for screen in SCREENS)):
        app.include_router(router)
    app.include_router(live_routes([region for screen in LIVE_SCREENS for region in screen.REGIONS]))
    return app


def _middleware(settings: Settings) -> list[Middleware]:
    limits = {**security.BODY_LIMITS, "/api/v1/bridge/ingest": settings.max_ingest_bytes}
    hosts = () if "*" in settings.hosts else settings.hosts
    return [
        Middleware(CorrelationIds),
        *security.security_middleware(hosts=hosts, body_limit=settings.max_body_bytes, body_limits=limits),
        Middleware(ErrorBoundary),
    ]


def _lifespan(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        if sentence := templating.assets_sentence():
            _LOG.warning(sentence)
        plants = await asyncio.to_thread(open_plants, settings)
        app.state.plants = plants
        keepers = Keepers(plants)
        vault = await asyncio.to_thread(open_vault, settings.secret_key_file or settings.data_dir / KEY_FILE)
        app.state.vault = vault
        try:
            async with Relays(plants) as relays, Sender(vault) as sender, asyncio.TaskGroup() as group:
                app.state.relays, app.state.webhook_sender = relays, sender
                await relays.of(plants.default.plant_id)
                gc.freeze()  # what is loaded by now stays: no collection needs to look at it again
                ticker = group.create_task(supervise("ticker", lambda: tick_for_ever(plants, keepers)))
                webhooks = group.create_task(supervise("webhooks", lambda: deliver_for_ever(plants, sender)))
                yield
                ticker.cancel()
                webhooks.cancel()
        finally:
            await asyncio.to_thread(keepers.stop)
            await asyncio.to_thread(plants.close)

    return running


def open_plants(settings: Settings) -> Plants:
    """The directory of plants these settings name, with the default plant open and at the present schema."""
    plants = Plants(
        data_dir=settings.data_dir,
        database_url=settings.database_url,
        migrate=upgrade,
        chained=settings.chained_audit,
    )
    plants.get(plants.default.plant_id)
    return plants


async def deliver_for_ever(plants: Plants, sender: Sender) -> None:
    """The webhooks of every plant, of those made later too. One plant's trouble is its own."""
    running: set[str] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            for plant_id in set(plants.ids()) - running:
                deliveries = Deliveries(plants.get(plant_id), sender)
                group.create_task(supervise(f"webhooks of {plant_id}", deliveries.run))
                running.add(plant_id)
            await asyncio.sleep(NEW_PLANTS_S)


async def tick_for_ever(plants: Plants, keepers: Keepers) -> None:
    """Each second, in each plant: what must happen because time passes (silence becomes unknown, undo lapses)."""
    loop = asyncio.get_running_loop()
    next_at = loop.time()
    for rounds in count():
        keepers.follow()
        verbs = TICKS + (HOURLY if rounds % TICKS_AN_HOUR == 0 else ())
        for plant_id in plants.ids():
            await tick(plants.get(plant_id), verbs)
        next_at = max(next_at + TICK_S, loop.time())
        await asyncio.sleep(next_at - loop.time())


async def tick(database: Database, verbs: Sequence[Callable[..., Any]]) -> None:
    """One round of periodic verbs; weather is left to the next round, a bug to the log."""
    for verb in verbs:
        try:
            await database.write(verb, actor=None)
        except Unavailable as weather:
            _LOG.warning("the periodic work of %s waits: %s", database.plant_id, weather.detail)
        except Exception:  # noqa: BLE001 (a supervisor goes on: one verb must not stop the others)
            _LOG.exception("%s failed in plant %s", verb.__name__, database.plant_id)
