from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from mes.exchange.webhooks.sending import Sender
from mes.kernel.db import Database
from mes.kernel.vault import KEY_FILE, open_vault
from tests.support.plants import Box
from tests.support.rest import rest_api
from tests.web.cast import OnePlant


@pytest.fixture
def plant(built_plant: None, database: Database) -> Database:
    """The plant of `tests.support.plants`."""
    return database


@pytest.fixture
def box(plant: Database) -> Box:
    return Box(plant)


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    """The certificates this machine trusts, read once."""
    return ssl.create_default_context()


@pytest.fixture
async def http(tls: ssl.SSLContext, plant: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The REST API of `plant`."""
    app = rest_api()
    app.state.plants = OnePlant(plant)
    app.state.vault = vault = open_vault(tmp_path / KEY_FILE)
    app.state.webhook_sender = sender = Sender(vault, clock=plant.clock, tls=tls)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant") as client, sender:
        yield client
