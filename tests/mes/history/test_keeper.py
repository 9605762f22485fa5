"""The server's threads: they seal, they go on after a failure, and they can be stopped at any time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from mes.history.keeper import Keeper
from mes.history.sealer import Breath
from mes.history.service import append_measurements
from mes.kernel.db import Database, ReadSession
from mes.kernel.sqltypes import to_us
from tests.mes.history.model import columns

WITHIN_S = 30.0


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def waiting(database: Database) -> int:
    def rows(session: ReadSession) -> int:
        return int(session.execute(text("SELECT count(*) FROM history_log")).scalar_one())

    return database.read_now(rows)


def keep(database: Database, tags: int = 1) -> None:
    at_us = to_us(database.clock())
    rows = [(tag, at_us + tag, 1.0, 0) for tag in range(1, tags + 1)]
    database.write_now(append_measurements, actor=None, columns=columns(rows))


def test_a_keeper_seals_what_comes(database: Database) -> None:
    keeper = Keeper(database, every_s=0.01)
    for _ in range(3):
        keep(database)
        wait_until(lambda: waiting(database) == 0)
    keeper.stop()


def test_a_keeper_goes_on_after_a_failure(
    sqlite_database: Database, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(sqlite_url.removeprefix("sqlite:///")).parent / "history"
    folder.write_text("in the way")
    keep(sqlite_database)
    keeper = Keeper(sqlite_database, every_s=0.01)
    wait_until(lambda: "the history of default waits" in caplog.text)
    assert waiting(sqlite_database) == 1
    folder.unlink()
    wait_until(lambda: waiting(sqlite_database) == 0)
    keeper.stop()


def test_a_keeper_stops_in_the_middle_and_loses_nothing(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def held_up(_breath: Breath) -> None:
        begun.set()
        go_on.wait(WITHIN_S)

    monkeypatch.setattr(Breath, "__call__", held_up)
    keep(sqlite_database, tags=5)
    keeper = Keeper(sqlite_database, every_s=0.0)
    assert begun.wait(WITHIN_S)
    stopping = threading.Thread(target=keeper.stop)
    stopping.start()
    wait_until(keeper._stopped.is_set)
    go_on.set()
    stopping.join(WITHIN_S)
    assert not stopping.is_alive()
    assert waiting(sqlite_database) == 1
