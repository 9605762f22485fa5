"""Whatever a machine's life is like: told in blocks, which are looked at as columns, the plant comes to hold what it
holds when each value is told, and looked at, by itself."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from mes.history.queries import list_samples
from mes.kernel.db import Database, ReadSession
from mes.kernel.uow import UnitOfWork
from mes.orders.service import release_jobs, submit_operations_request
from standards.lineside.ingest_v1 import Entry, Gap, Samples, SourceEvent, samples_of
from tests.conftest import SettableClock
from tests.mes.history.model import told
from tests.support.plants import CELL, LINE, PRESS, Box, build_plant

SECOND = 1_000_000
BATCHES = 60
TABLES = {
    "count_fact": "job_pk, equipment_pk, kind, low_e6, high_e6, from_at_us, source_at_us, unassigned, tag",
    "counter_baseline": "binding_pk, value, at_us, marker, suspect_value, suspect_at_us, gap_from_us, data_type",
    "signal_value": "binding_pk, value, quality, at_us, observed_at_us",
    "equipment_state_interval": "equipment_pk, from_at_us, state, to_at_us, told_at_us, cause, alarm_text",
    "equipment_status": "equipment_pk, state, since_us, mode, known, known_at_us, unknown_reason, unknown_since_us",
    "quarantine": "seq, tag, reason, item",
    "gap": "source, from_at_us, to_at_us, reason, tags",
    "job_order": "id, state, good_low_e6, good_high_e6, scrap_low_e6, scrap_high_e6",
    "ingest_cursor": "journal_id, seq",
}
EVENTS = "SELECT type, topics, subject, payload, occurred_at_us FROM outbox_event ORDER BY seq"
OF_RULES = ("ingest.", "equipment.", "orders.pieces")
"""Events that hold no random ids."""
TEMPERATURE = "SELECT pk FROM tag_binding WHERE tag = 'PRESS.Temperature'"


class Life:
    """A line and a press, and everything odd that befalls their values."""

    def __init__(self, seed: int, now_us: int) -> None:
        self.chance = random.Random(seed)
        self.now_us, self.clock_us = now_us, 0
        self.counts = {f"{CELL}.Good": 100, f"{CELL}.Reject": 5, f"{PRESS}.Good": 990}
        self.states = {f"{LINE}.State": 6, f"{PRESS}.State": 5}
        self.types = dict.fromkeys(self.counts, "UInt32")
        self.boot, self.job = 1, 1

    def odd(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    def second(self) -> list[tuple[str, Any, int, int | None]]:
        """What is told in a second: tag, value, status, and age."""
        self.now_us += SECOND
        if self.odd(2):
            self.clock_us += self.chance.choice([-3_600, -2, 3, 600]) * SECOND
        told = [self.reading(tag) for tag in self.counts]
        told += [(f"{PRESS}.Temperature", self.temperature(), self.status(), 7)]
        told += [(tag, self.state(tag), self.status(), 11) for tag in self.states]
        if self.odd(3):
            self.boot += 1
            told.insert(self.chance.randrange(3), (f"{CELL}.StartedAt", f"boot-{self.boot}", 0, 5))
            self.counts[f"{CELL}.Good"] = self.counts[f"{CELL}.Reject"] = 0
        if self.odd(3):
            told.append((f"{CELL}.Mode", self.chance.choice([1, 1, 2, 3]), 0, 5))
        if self.odd(6):
            told += self.job_words()
        if self.odd(2):
            told.append(("NOBODY.KNOWS", 1, 0, None))
        return [
            (tag, value, status, age - self.clock_us if age is not None else None) for tag, value, status, age in told
        ]

    def reading(self, tag: str) -> tuple[str, Any, int, int | None]:
        self.counts[tag] += self.chance.choice([0, 0, 1, 1, 2, 3])
        if tag.startswith(PRESS):
            self.counts[tag] %= 1000
        value: Any = self.counts[tag]
        if self.odd(6):
            value = self.chance.choice([0, value + 5_000, float(value), "twelve", True, None, 2**63 + 1, -1, value - 1])
        if self.odd(1):
            self.types[tag] = self.chance.choice(["UInt16", "UInt32"])
        return tag, value, self.status(), 9 if not self.odd(2) else None

    def state(self, tag: str) -> Any:
        if self.odd(15):
            self.states[tag] = self.chance.choice([5, 6, 2, 9])
        return self.states[tag] if not self.odd(1) else "six"

    def temperature(self) -> Any:
        if self.odd(5):
            return self.chance.choice([None, "hot", True, float("nan"), 2**60])
        return round(self.chance.gauss(60, 5), 2)

    def status(self) -> int:
        if not self.odd(3):
            return 0
        return self.chance.choice([0x80310000, 0x80000000, 0x40000000, 0x480, 0x00A60000])

    def job_words(self) -> list[tuple[str, Any, int, int | None]]:
        self.job = self.job % 3 + 1
        state = self.chance.choice([3, 3, 4, 5])
        return [
            (f"{LINE}.Job.OrderId", f"PO-{self.job}-LINE", 0, 3),
            (f"{LINE}.Job.Substate", 0, 0, 3),
            (f"{LINE}.Job.State", state, 0, 3),
        ]

    def batch(self) -> list[Entry]:
        entries: list[Entry] = []
        for _ in range(self.chance.randint(1, 4)):
            told = [one for _ in range(self.chance.randint(1, 6)) for one in self.second()]
            entries.append(self.block(told))
            if self.odd(6):
                entries.append(self.gap())
            if self.odd(6):
                entries += samples_of(self.block(self.second()))
            if self.odd(4):
                entries.append(SourceEvent(f"{LINE}.State", "e", "alarm", "Jam", 500, self.now_us, active=True))
        return entries

    def block(self, told: list[tuple[str, Any, int, int | None]]) -> Samples:
        """Ages are those of the machine's clock, later seconds being younger."""
        tags = list(dict.fromkeys(tag for tag, *_ in told))
        places = [tags.index(tag) for tag, *_ in told]
        ages = [None if age is None else age + (len(told) - n) * 1_000 for n, (*_, age) in enumerate(told)]
        types = [self.types.get(tag, "Double") for tag in tags]
        statuses = [status for _, _, status, _ in told]
        return Samples(
            tags, places, [one[1] for one in told], self.now_us, ages, statuses if any(statuses) else [], types
        )

    def gap(self) -> Gap:
        tags = self.chance.choice([None, [f"{CELL}.Good"], [f"{PRESS}.Good", f"{PRESS}.Temperature"]])
        at_us = self.now_us + self.clock_us
        return Gap("plc", at_us - self.chance.randint(0, 20) * SECOND, at_us, "connection-lost", tags)


def _comparable(row: Sequence[Any]) -> list[Any]:
    return [int(value) if isinstance(value, bool) else value for value in row]


def held(database: Database) -> dict[str, Any]:
    """What rules made of all that was told."""

    def tables(uow: UnitOfWork) -> dict[str, Any]:
        found: dict[str, Any] = {
            name: sorted(repr(_comparable(row)) for row in uow.driver_query(f"SELECT {columns} FROM {name}"))
            for name, columns in TABLES.items()
        }
        events = [row for row in uow.driver_query(EVENTS) if row[0].startswith(OF_RULES)]
        found["events"] = [(*row[:3], orjson.loads(row[3]), row[4]) for row in events]
        return found

    def history(session: ReadSession) -> list[Any]:
        pk = (
            session.connection()
            .exec_driver_sql(f"SELECT pk FROM tag_binding WHERE tag = '{PRESS}.Temperature'")
            .scalar()
        )
        samples, _ = list_samples(session, tag_pk=pk, from_us=0, to_us=4_000_000_000_000_000)
        return told(samples)

    return database.write_now(tables, actor=None) | {"history": repr(database.read_now(history))}


@pytest.fixture
def twin(sqlite_template: Path, tmp_path: Path, clock: SettableClock) -> Iterator[Database]:
    """Another plant like it, always on SQLite."""
    shutil.copy(sqlite_template, tmp_path / "twin.sqlite")
    database = Database(f"sqlite:///{tmp_path}/twin.sqlite", clock=clock)
    database.write_now(build_plant, actor=None)
    yield database
    database.close()


@pytest.mark.parametrize("seed", range(8))
def test_in_columns_as_one_by_one(plant: Database, twin: Database, clock: SettableClock, seed: int) -> None:
    together, apart = Box(plant), Box(twin)
    for box in (together, apart):
        for n in (1, 2, 3):
            request = {"id": f"PO-{n}", "quantity": Decimal(500), "material_id": "BOARD"}
            box.database.write_now(submit_operations_request, actor=None, **request)
            box.database.write_now(release_jobs, actor=None, versions={f"PO-{n}-LINE": 1})
        box.ready()
    life = Life(seed, together.at_us())
    for _ in range(BATCHES):
        entries = life.batch()
        singles = [one for entry in entries for one in (samples_of(entry) if isinstance(entry, Samples) else [entry])]
        clock.advance(seconds=5)
        answer = together.hand_in(together.seq + 1, entries)
        assert apart.hand_in(apart.seq + 1, singles) == answer
        together.seq = apart.seq = answer.accepted_through
    ours, theirs = held(plant), held(twin)
    for what, expected in theirs.items():
        assert ours[what] == expected, what
    assert len(theirs["count_fact"]) > 100
