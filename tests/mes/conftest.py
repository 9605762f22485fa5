from __future__ import annotations

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


@pytest.fixture
async def http(plant: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The REST API of `plant`."""
    app = FastAPI()
    app.state.plants = OnePlant(plant)
    app.state.vault = vault = open_vault(tmp_path / KEY_FILE)
    app.state.webhook_sender = sender = Sender(vault, clock=plant.clock)
    install_problem_handlers(app)
    app.include_router(router)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant") as client, sender:
        yield client
