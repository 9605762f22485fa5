"""Moves what the log holds into compressed chunks, merges the chunks of an hour, and forgets by age.

Killed between any two statements nothing is lost or doubled: rows leave the log only once their chunks are on disk, and
what is sealed twice is the same samples again, which changes nothing. Roll-ups are worked out anew from all samples of
an hour, and written before the merged chunk that says they are there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

import numpy as np

from mes.history import store
from mes.history.codec import hour_of, pack_rollups, pack_samples, unpack_samples
from mes.history.files import DayFiles
from mes.history.partitions import Partitions
from mes.history.queries import get_retention
from mes.history.reader import folder_beside, runs_of
from mes.history.rules import joined, known, rollups_of
from mes.history.service import forget_sealed
from mes.history.statements import load_oldest_log
from mes.history.store import HOURS_A_DAY, Piece, SealedWrites
from mes.history.types import HOUR_US, LastValue, Measurements, Samples
from mes.kernel.crash import crash_point
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us

_LOG = logging.getLogger(__name__)
T = TypeVar("T")

SEAL_SAMPLES: Final = 1_000_000
SEAL_ROWS: Final = 2_000
"""How much of the log is sealed at once."""
MERGE_HOURS: Final = 250
"""Hours of tags that are merged in one transaction."""
LATE_US: Final = 120_000_000
"""An hour is merged so long after its end: most of what comes late has come by then."""
BREATH_S: Final = 0.002
"""After so much work the event loop of the same process gets its turn."""


def open_store(database: Database) -> SealedWrites:
    """Where the history of a plant is sealed; close it."""
    if database.dialect == "sqlite":
        return DayFiles(folder_beside(database.url.removeprefix("sqlite:///")))
    return Partitions(database.url, database.schema)


class Sealer:
    """Seals one plant. Not for several threads. `breathe` is called again and again while there is work."""

    def __init__(self, database: Database, *, breathe: Callable[[], None] | None = None) -> None:
        self._database = database
        self._store = open_store(database)
        self._breathe = breathe or Breath()

    def close(self) -> None:
        """Let go of connections."""
        self._store.close()

    def turn(self) -> int:
        """One round: seal what waits, merge the hours that are over. Answers how many samples left the log."""
        with self._store.turn() as mine:
            if not mine:
                return 0
            sealed = self.seal()
            self.merge()
            return sealed

    def seal(self) -> int:
        """All that is in the log into chunks. Answers how many samples that were, those sent twice included."""
        sealed = 0
        while rows := self._database.read_now(load_oldest_log, samples=SEAL_SAMPLES, rows=SEAL_ROWS):
            columns = _together([row.columns for row in rows])
            last = self._write_pieces(columns)
            crash_point("history-pieces-written")
            self._database.write_now(forget_sealed, actor=None, log_pks=[row.pk for row in rows], last=last)
            crash_point("history-log-forgotten")
            sealed += len(columns.at_us)
        return sealed

    def _write_pieces(self, columns: Measurements) -> dict[int, LastValue]:
        days: dict[int, list[Piece]] = {}
        last: dict[int, LastValue] = {}
        oldest_day = self._oldest_day()
        for tag_pk, hour, run in runs_of(columns):
            if hour // HOURS_A_DAY >= oldest_day:
                days.setdefault(hour // HOURS_A_DAY, []).append(Piece(tag_pk, hour, len(run), pack_samples(run)))
                last[tag_pk] = _last(tag_pk, run)
            self._breathe()
        for day, pieces in sorted(days.items()):
            with self._store.chunks_of(day) as shelf:
                store.insert_pieces(shelf, pieces)
                crash_point("history-before-pieces-commit")
        return last

    def merge(self) -> int:
        """The pieces of each hour that is over into one chunk, with its roll-ups. Answers how many hours of tags."""
        until = hour_of(to_us(self._database.clock()) - LATE_US)
        merged = 0
        for day, keys in self._waiting(until).items():
            for some in _portions(keys, MERGE_HOURS):
                self._merge_hours(day, some)
            merged += len(keys)
        return merged

    def _waiting(self, until: int) -> dict[int, list[tuple[int, int]]]:
        """Tags and hours that still are in pieces, by day."""
        days: dict[int, list[tuple[int, int]]] = {}
        for shelf in self._store.chunks(0, until):
            for tag_pk, hour in store.unmerged_hours(shelf, from_hour=0, to_hour=until):
                days.setdefault(hour // HOURS_A_DAY, []).append((tag_pk, hour))
        return days

    def _merge_hours(self, day: int, keys: Sequence[tuple[int, int]]) -> None:
        old: list[Piece] = []
        new: list[Piece] = []
        rollups: list[tuple[int, int, bytes]] = []
        for shelf in self._store.chunks(day * HOURS_A_DAY, (day + 1) * HOURS_A_DAY):
            for tag_pk, hour in keys:
                pieces = store.load_pieces(shelf, tag_pks=[tag_pk], from_hour=hour, to_hour=hour + 1)
                samples = joined([unpack_samples(piece.blob) for piece in pieces])
                old += pieces
                new.append(Piece(tag_pk, hour, len(samples), pack_samples(samples), merged=True))
                rollups.append((tag_pk, hour, pack_rollups(rollups_of(samples))))
                self._breathe()
        with self._store.rollups_of(day * HOURS_A_DAY) as shelf:
            store.put_rollups(shelf, rollups)
        crash_point("history-rollups-written")
        with self._store.chunks_of(day) as shelf:
            store.delete_pieces(shelf, old)
            store.insert_pieces(shelf, new)
            crash_point("history-before-merge-commit")

    def forget(self) -> list[str]:
        """Drop whole days and months that are older than the plant keeps them. Answers what went."""
        with self._store.turn() as mine:
            if not mine:
                return []
            before_day = self._oldest_day()
            retention = self._database.read_now(get_retention)
            dropped = self._store.forget(
                before_day=before_day, rollups_before_day=self._today() - retention.rollups_days
            )
        if dropped:
            _LOG.info("history of %s: dropped by age: %s", self._database.plant_id, ", ".join(dropped))
        return dropped

    def _today(self) -> int:
        return to_us(self._database.clock()) // (HOURS_A_DAY * HOUR_US)

    def _oldest_day(self) -> int:
        return self._today() - self._database.read_now(get_retention).samples_days


class Breath:
    """Sleeps a moment after each `BREATH_S` of work."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def __call__(self) -> None:
        if time.perf_counter() - self._since > BREATH_S:
            time.sleep(BREATH_S)
            self._since = time.perf_counter()


def _together(batches: Sequence[Measurements]) -> Measurements:
    return Measurements(
        np.concatenate([batch.tag_pk for batch in batches]),
        np.concatenate([batch.at_us for batch in batches]),
        np.concatenate([batch.value for batch in batches]),
        np.concatenate([batch.quality for batch in batches]),
    )


def _last(tag_pk: int, run: Samples) -> LastValue:
    return LastValue(tag_pk, int(run.at_us[-1]), known(float(run.value[-1])), int(run.quality[-1]))


def _portions(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
