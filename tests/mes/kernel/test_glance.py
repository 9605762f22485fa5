"""Small questions that are asked again and again, on both databases."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing

import pytest
from sqlalchemy.engine import make_url

from mes.kernel.db import Database
from mes.kernel.errors import Unavailable
from mes.kernel.glance import ReadsRows
from mes.kernel.uow import UnitOfWork


def newest(reads: ReadsRows, *, above: int) -> list[tuple[int]]:
    return reads.driver_query("SELECT seq FROM outbox_event WHERE seq > ? ORDER BY seq", (above,))


def happens(uow: UnitOfWork) -> None:
    uow.emit("test.happened.v1", topics=["board"], subject="board", payload={})


async def test_each_look_sees_what_was_committed_by_then(database: Database) -> None:
    before = [seq for (seq,) in await database.glance(newest, above=0)]
    await database.write(happens, actor=None)
    after = [seq for (seq,) in await database.glance(newest, above=0)]
    assert after == [*before, max(before, default=0) + 1]


async def test_a_file_that_somebody_keeps_for_himself_holds_nobody_up(sqlite_database: Database) -> None:
    path = make_url(sqlite_database.url).database
    assert path is not None
    await sqlite_database.glance(newest, above=0)
    with closing(sqlite3.connect(path, isolation_level=None)) as elsewhere:
        elsewhere.execute("PRAGMA locking_mode = EXCLUSIVE")
        sqlite_database.close()
        fresh = Database(sqlite_database.url)
        elsewhere.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        with pytest.raises(Unavailable) as refused:
            await fresh.glance(newest, above=0)
        assert (refused.value.code, time.monotonic() - begun < 2) == ("database-unavailable", True)
    assert await fresh.glance(newest, above=0) is not None
    fresh.close()


async def test_a_closed_plant_answers_no_more(database: Database) -> None:
    await asyncio.to_thread(database.close)
    with pytest.raises(Unavailable) as refused:
        await database.glance(newest, above=0)
    assert refused.value.code == "shutting-down"
