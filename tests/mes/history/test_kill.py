"""Killed between any two statements: what was answered is there once, and what is done again changes nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mes.history.queries import list_rollups, list_samples
from mes.history.sealer import Sealer
from mes.history.service import append_measurements
from mes.history.types import DAY_US, MINUTE_US
from mes.kernel.crash import CRASH_POINTS
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us
from tests.conftest import SettableClock
from tests.mes.history.kept import BATCHES, START, batch
from tests.mes.history.model import PlainHistory, check_rollups, columns, same, told

ROOT = Path(__file__).resolve().parents[3]
PLACES = [place for place in CRASH_POINTS if place.startswith("history-")]
KILLED = 137
ENDS_WITHIN_S = 120


def start(url: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.mes.history.kept", url],
        cwd=ROOT,
        env={**os.environ, "LINESIDE_ENVIRONMENT": "test", **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def check(url: str, answered: int) -> None:
    """Everything that was answered is there once; nothing else but perhaps the batch that was under way."""
    clock = SettableClock()
    clock.at = START
    clock.advance(days=3)
    database = Database(url, clock=clock)
    sealer = Sealer(database, breathe=lambda: None)
    kept = batches_in(database)
    assert kept in (answered, answered + 1)
    plain = PlainHistory()
    for number in range(kept):
        plain.add(batch(number))
    compare(database, plain)
    for number in range(max(kept - 8, 0), kept):
        database.write_now(append_measurements, actor=None, columns=columns(batch(number)))
    compare(database, plain)
    sealer.seal()
    compare(database, plain)
    sealer.merge()
    compare(database, plain)
    assert sealer.merge() == 0
    sealer.close()
    database.close()


def window_of(tag_pk: int) -> dict[str, int]:
    begin_us = to_us(START) // DAY_US * DAY_US
    return {"tag_pk": tag_pk, "from_us": begin_us, "to_us": begin_us + 2 * DAY_US}


def batches_in(database: Database) -> int:
    samples, _ = database.read_now(list_samples, **window_of(1), limit=100_000)
    whole, rest = divmod(len(samples), len(batch(0)) // 2)
    assert rest == 0
    return whole


def compare(database: Database, plain: PlainHistory) -> None:
    for tag_pk in (1, 2):
        window = window_of(tag_pk)
        samples, _ = database.read_now(list_samples, **window, limit=100_000)
        assert same(told(samples), plain.samples(tag_pk, window["from_us"], window["to_us"]))
        minutes = database.read_now(list_rollups, **window)
        check_rollups(minutes, plain.spans(tag_pk, window["from_us"], window["to_us"], MINUTE_US))


@pytest.mark.parametrize("place", PLACES)
def test_a_kill_at_a_marked_place(database_url: str, place: str) -> None:
    process = start(database_url, LINESIDE_CRASH_AT=f"{place}#2")
    said, _ = process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == KILLED
    check(database_url, len(said.splitlines()))


@pytest.mark.parametrize("seed", range(2))
def test_a_kill_at_any_moment(database_url: str, seed: int) -> None:
    kill_at_any_moment(database_url, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 130))
def test_many_kills_at_any_moment(database_url: str, seed: int) -> None:
    kill_at_any_moment(database_url, seed)


def kill_at_any_moment(url: str, seed: int) -> None:
    """Some time after it has answered some batch."""
    chance = random.Random(seed)
    process = start(url)
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(chance.randrange(3, BATCHES))]
    time.sleep(chance.uniform(0, 0.05))
    process.send_signal(signal.SIGKILL)
    said += process.stdout.readlines()
    process.wait(ENDS_WITHIN_S)
    process.stdout.close()
    answered = [line for line in said if line.endswith("\n") and line != "done\n"]
    check(url, len(answered))
