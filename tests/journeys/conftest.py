"""Databases of their own and a browser for journeys."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from playwright.async_api import Browser, async_playwright

from tests.support.chromium import launch_options
from tests.support.postgres import PostgresCluster

DRAWN = "drawn"
"""A seed made anew each run; it is printed, and LINESIDE_JOURNEY_SEED=<seed> repeats it."""


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The parameter, or a drawn one."""
    drawn = int(os.environ.get("LINESIDE_JOURNEY_SEED") or secrets.randbelow(10**6))
    chosen = drawn if request.param == DRAWN else int(request.param)
    print(f"seed {chosen}")  # noqa: T201 (pytest shows it with a failure, and with -s)
    return chosen


@pytest.fixture
def engine_url(request: pytest.FixtureRequest, engine: str) -> Iterator[str | None]:
    """An empty database for the server to fill: None is SQLite in its data directory."""
    if engine == "sqlite":
        yield None
        return
    postgres: PostgresCluster = request.getfixturevalue("postgres")
    name = "journey_" + uuid4().hex
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        yield browser
        await browser.close()
