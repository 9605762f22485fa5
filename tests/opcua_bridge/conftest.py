"""A bridge in this process, between a mean machine and a server that keeps the contract."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opcua_bridge.agent import Agent, make_client
from opcua_bridge.settings import load_settings
from tests.opcua_bridge.support import Mes, bridge_environment, environment


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)


@pytest.fixture
async def mes() -> AsyncIterator[Mes]:
    async with Mes() as server:
        yield server


class Bridges:
    """Starts agents in this process; `stop` is what a clean end does."""

    def __init__(self, folder: Path, mes: Mes) -> None:
        self._folder, self._mes = folder, mes
        self._stack = contextlib.AsyncExitStack()
        self._task: asyncio.Task[None] | None = None

    def use(self, mes: Mes) -> None:
        """Another server than the fixture's."""
        self._mes = mes

    async def start(self, tag_map: str, **settings: str) -> Agent:
        with environment(bridge_environment(self._folder, self._mes.url, tag_map, **settings)):
            loaded = load_settings()
        client = await self._stack.enter_async_context(make_client(loaded))
        agent = Agent(loaded, client)
        self._task = asyncio.create_task(agent.run())
        return agent

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def close(self) -> None:
        await self.stop()
        await self._stack.aclose()


@pytest.fixture
async def bridges(tmp_path: Path, mes: Mes) -> AsyncIterator[Bridges]:
    it = Bridges(tmp_path, mes)
    yield it
    await it.close()
