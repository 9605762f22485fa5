from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from mes.api import router
from mes.exchange.webhooks.sending import Sender
from mes.kernel.db import Database
from mes.kernel.vault import KEY_FILE, open_vault
from tests.support.plants import Box
from tests.web.cast import OnePlant
from web.problems import install_problem_handlers


@pytest.fixture
def plant(built_plant: None, database: Database) -> Database:
    """The plant of `tests.support.plants`."""
    return database


@pytest.fixture
def box(plant: Database) -> Box:
    return Box(plant)


@pytest.fixture(scope="session")
def rest() -> FastAPI:
    """The REST API without a plant; made once, because a router is prepared anew for each application."""
    app = FastAPI()
    install_problem_handlers(app)
    app.include_router(router)
    return app


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    """The certificates this machine trusts, read once."""
    return ssl.create_default_context()


@pytest.fixture
async def http(rest: FastAPI, tls: ssl.SSLContext, plant: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The REST API of `plant`."""
    rest.state.plants = OnePlant(plant)
    rest.state.vault = open_vault(tmp_path / KEY_FILE)
    rest.state.webhook_sender = sender = Sender(rest.state.vault, clock=plant.clock, tls=tls)
    transport = httpx.ASGITransport(app=rest)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant") as client, sender:
        yield client
