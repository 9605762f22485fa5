"""The database dies and comes back: refused while it is away, nothing acknowledged is missing, no hand needed."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import Unavailable
from mes.kernel.uow import UnitOfWork
from tests.support.postgres import PostgresCluster, start_cluster

WRITERS = 8
WITHIN_S = 30.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[PostgresCluster]:
    """A durable one: it is killed."""
    cluster = start_cluster(tmp_path)
    yield cluster
    cluster.stop()


def make_table(uow: UnitOfWork) -> None:
    uow.execute(text("CREATE TABLE fact (name VARCHAR(40) PRIMARY KEY)"))


def record(uow: UnitOfWork, *, name: str) -> None:
    uow.driver_execute("INSERT INTO fact VALUES (?)", (name,))


def facts(session: ReadSession) -> set[str]:
    return set(session.execute(text("SELECT name FROM fact")).scalars())


class Writer:
    """Records one fact after the other, and knows which were acknowledged and which were refused."""

    def __init__(self, database: Database, number: int) -> None:
        self.database, self.number = database, number
        self.told: set[str] = set()
        self.refused: set[str] = set()
        self.codes: set[str] = set()

    async def run(self, over: asyncio.Event) -> None:
        step = 0
        while not over.is_set():
            name, step = f"{self.number}-{step}", step + 1
            try:
                await self.database.write(record, actor=None, name=name)
                self.told.add(name)
            except Unavailable as weather:
                self.codes.add(weather.code)
                self.refused.add(name)
                await asyncio.sleep(0.02)


async def until_refused(database: Database) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                await database.read(facts)
            except Unavailable:
                return
            await asyncio.sleep(0.02)


@pytest.mark.postgres
async def test_postgresql_is_killed_and_comes_back(cluster: PostgresCluster, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(cluster.create_database("plant"))
    await database.write(make_table, actor=None)
    writers = [Writer(database, number) for number in range(WRITERS)]
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for writer in writers:
            group.create_task(writer.run(over))
        await told_more(writers)
        cluster.halt(signal.SIGQUIT)
        await until_refused(database)
        await asyncio.to_thread(cluster.start)
        await told_more(writers)
        over.set()
    stored = await database.read(facts)
    told = set().union(*(writer.told for writer in writers))
    refused = set().union(*(writer.refused for writer in writers))
    assert told <= stored, "acknowledged, and not there"
    assert refused
    assert set().union(*(writer.codes for writer in writers)) == {"database-unavailable"}
    assert stored - told <= refused, "what was in flight was refused, whatever became of it"
    said = [record.getMessage().partition(":")[0] for record in caplog.records if record.name == "mes.kernel.writer"]
    assert said == ["The database cannot be written to", "The database can be written to again."]
    database.close()


async def told_more(writers: list[Writer]) -> None:
    """Every writer gets something acknowledged from now on."""
    before = [len(writer.told) for writer in writers]
    async with asyncio.timeout(WITHIN_S):
        while min(len(writer.told) - count for writer, count in zip(writers, before, strict=True)) < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.long
async def test_a_sqlite_file_that_another_program_holds_is_refused_until_it_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "plant.sqlite"
    database = Database(f"sqlite:///{path}")
    await database.write(make_table, actor=None)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="right now"):
        await database.write(record, actor=None, name="a")
    assert await database.read(facts) == set()
    other.execute("ROLLBACK")
    other.close()
    await database.write(record, actor=None, name="b")
    assert await database.read(facts) == {"b"}
    database.close()
