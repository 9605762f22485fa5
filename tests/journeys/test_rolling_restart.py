"""Two server processes on one PostgreSQL plant, restarted in turn while operators tap: no tap is lost or counted twice.

An operator does what a page behind a proxy does: a tap that got no answer is sent again, with the same request id, to
whichever server answers. A tap that got an answer is there.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from mes.access.service import open_session
from mes.access.tokens import digest, new_session_value
from mes.access.types import Role
from mes.definitions.service import put_definitions
from mes.definitions.types import DefinitionSpec, SegmentSpec
from mes.kernel.plants import Plants
from mes.kernel.uow import UnitOfWork
from mes.migrations.upgrade import upgrade
from mes.orders.queries import get_job
from mes.orders.service import release_jobs, start_job, submit_operations_request
from tests.support.plants import BENCH, build_plant
from tests.support.ports import free_port
from tests.web.cast import hire
from web.live.region import live_url

pytestmark = [pytest.mark.long, pytest.mark.journey]
JOB: Final = "PO-1-W"
OPERATORS: Final = 4
ROUNDS: Final = 5
TAPS: Final = 5
"""Of each operator between two events."""
WITHIN_S: Final = 120.0


@dataclass
class Servers:
    """Two ports on which server processes come and go."""

    environment: dict[str, str]
    ports: tuple[int, int]
    processes: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)

    async def start(self, port: int) -> None:
        """Returns when it is ready."""
        self.processes[port] = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "web", "serve", "--port", str(port), env={**os.environ, **self.environment}
        )
        async with asyncio.timeout(WITHIN_S), httpx.AsyncClient() as client:
            while True:
                try:
                    if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    assert self.processes[port].returncode is None, "the server did not start"
                await asyncio.sleep(0.1)

    async def stop(self, port: int) -> None:
        """In order, as a service manager does."""
        process = self.processes.pop(port)
        process.terminate()
        async with asyncio.timeout(WITHIN_S):
            assert await process.wait() in (0, -15)


@dataclass
class Operator:
    """Taps good pieces, one after another, until each was answered."""

    servers: Servers
    session: str
    name: str
    answered: int = 0
    repeated: int = 0

    async def tap(self) -> None:
        self.answered += 1
        form = {"job_id": JOB, "quantity": "1", "request_id": f"{self.name}-{self.answered}"}
        headers = {"Cookie": f"lineside_session={self.session}", "HX-Request": "true"}
        async with asyncio.timeout(WITHIN_S):
            for attempt in range(10_000):
                port = self.servers.ports[(self.answered + attempt) % 2]
                try:
                    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
                        answer = await client.post(f"/s/{BENCH}/good", data=form, headers=headers)
                except httpx.TransportError:
                    answer = None
                if answer is not None and answer.status_code == 200:
                    return
                assert answer is None or answer.status_code == 503, answer.text
                self.repeated += 1
                await asyncio.sleep(0.05)

    async def tap_until(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self.tap()


def fill(uow: UnitOfWork) -> None:
    build_plant(uow)
    put_definitions(uow, specs=[DefinitionSpec("R", "BOARD", (SegmentSpec("W", "WM-BENCH", BENCH),))])
    submit_operations_request(uow, id="PO-1", quantity=Decimal(10**6), operations_definition_id="R")
    release_jobs(uow, versions={JOB: 1})
    start_job(uow, job_id=JOB, version=2)


@asynccontextmanager
async def two_servers(folder: Path, url: str) -> AsyncIterator[tuple[Servers, Plants, str]]:
    """Both running, and a session that both know."""
    plants = Plants(data_dir=folder, database_url=url, migrate=upgrade)
    plants.default.write_now(fill, actor=None)
    hire(plants.default, "ada", Role.operator)
    session = new_session_value("default")
    plants.default.write_now(open_session, actor=None, principal_id="ada", session_sha256=digest(session))
    environment = {
        "LINESIDE_DATA_DIR": str(folder),
        "LINESIDE_DATABASE_URL": url.replace("+psycopg", ""),
        "LINESIDE_LOG_LEVEL": "error",
    }
    servers = Servers(environment, (free_port(), free_port()))
    try:
        await asyncio.gather(*(servers.start(port) for port in servers.ports))
        yield servers, plants, session
    finally:
        for process in servers.processes.values():
            process.kill()
            await process.wait()
        plants.close()


async def counted(plants: Plants) -> int:
    job = await plants.default.read(get_job, job_id=JOB, now=plants.default.clock())
    assert job.good_low == job.good_high
    return int(job.good_low)


async def test_a_rolling_restart_loses_no_tap_and_counts_none_twice(tmp_path: Path, postgres_url: str) -> None:
    async with two_servers(tmp_path, postgres_url) as (servers, plants, session):
        over = asyncio.Event()
        operators = [Operator(servers, session, f"operator-{n}") for n in range(OPERATORS)]
        async with asyncio.TaskGroup() as group:
            for operator in operators:
                group.create_task(operator.tap_until(over))
            for _ in range(ROUNDS):
                for port in servers.ports:
                    await taps_more(operators)
                    await servers.stop(port)
                    await taps_more(operators)
                    await servers.start(port)
            over.set()
        assert await counted(plants) == sum(operator.answered for operator in operators)
        assert sum(operator.repeated for operator in operators) > 0, "no tap ever met a server that was away"
        await hears_the_other(servers, session)


async def taps_more(operators: list[Operator]) -> None:
    """Everybody goes on tapping, whatever is away."""
    before = [operator.answered for operator in operators]
    async with asyncio.timeout(WITHIN_S):
        while any(now.answered < then + TAPS for now, then in zip(operators, before, strict=True)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def hears_the_other(servers: Servers, session: str) -> None:
    """A page at one server shows what was tapped at the other, at once and not at the next slow look."""
    here, there = servers.ports
    tapper = Operator(Servers({}, (there, there)), session, "neighbour")
    async with AsyncExitStack() as stack:
        page = await stack.enter_async_context(watching(here, session))
        json.loads(await page.recv())
        await tapper.tap()
        async with asyncio.timeout(10):
            await page.recv()


@asynccontextmanager
async def watching(port: int, session: str) -> AsyncIterator[ClientConnection]:
    url = f"ws://127.0.0.1:{port}{live_url(('board-orders', {}))}"
    cookie = {"Cookie": f"lineside_session={session}"}
    async with connect(url, additional_headers=cookie, compression=None, close_timeout=0.2) as page:
        yield page
