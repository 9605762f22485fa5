"""Moves the log into compressed pieces, merges the pieces of an hour into a chunk, and forgets by age.

Killed between any two statements nothing is lost or doubled: what goes on is on disk there before it leaves here, and
what is moved twice is the same samples again, which changes nothing. An hour in pieces is never told by its roll-ups:
these are worked out anew from all its samples, and written before the pieces go.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final

import numpy as np
from sqlalchemy.engine import make_url

from mes.history import store
from mes.history.codec import hour_of, pack_rollups, pack_samples, unpack_samples
from mes.history.files import DayFiles
from mes.history.partitions import Partitions
from mes.history.queries import get_retention
from mes.history.reader import folder_beside, runs_of
from mes.history.rules import joined, known, rollups_of
from mes.history.service import forget_sealed
from mes.history.statements import load_oldest_log
from mes.history.store import HOURS_A_DAY, Packed, SealedWrites
from mes.history.types import HOUR_US, LastValue, Measurements, Samples
from mes.kernel.crash import crash_point
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us

_LOG = logging.getLogger(__name__)

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
        return DayFiles(folder_beside(make_url(database.url).database or ""))
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
        """All that is in the log into pieces. Answers how many samples that were, those sent twice included."""
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
        pieces: list[Packed] = []
        last: dict[int, LastValue] = {}
        oldest_hour = self._oldest_day() * HOURS_A_DAY
        for tag_pk, hour, run in runs_of(columns):
            if hour >= oldest_hour:
                pieces.append(Packed(tag_pk, hour, len(run), pack_samples(run)))
                last[tag_pk] = _last(tag_pk, run)
            self._breathe()
        if pieces:
            with self._store.writing_pieces() as shelf:
                store.insert_pieces(shelf, pieces)
                crash_point("history-before-pieces-commit")
        return last

    def merge(self) -> int:
        """The pieces of each hour that is over into a chunk, with its roll-ups. Answers how many hours of tags."""
        until = hour_of(to_us(self._database.clock()) - LATE_US)
        waiting: list[tuple[int, int]] = []
        for shelf in self._store.pieces():
            waiting += store.hours_in_pieces(shelf, to_hour=until)
        for day, its in groupby(waiting, key=lambda key: key[0] // HOURS_A_DAY):
            keys = list(its)
            for begin in range(0, len(keys), MERGE_HOURS):
                self._merge_hours(day, keys[begin : begin + MERGE_HOURS])
        return len(waiting)

    def _merge_hours(self, day: int, keys: Sequence[tuple[int, int]]) -> None:
        """Some hours of tags (hour, tag) of one day."""
        wanted = set(keys)
        tag_pks = {tag_pk for _, tag_pk in keys}
        from_hour, to_hour = keys[0][0], keys[-1][0] + 1
        pieces = [
            piece
            for shelf in self._store.pieces()
            for piece in store.load_pieces(shelf, tag_pks=tag_pks, from_hour=from_hour, to_hour=to_hour)
            if (piece.hour, piece.tag_pk) in wanted
        ]
        before = [
            chunk
            for shelf in self._store.chunks(from_hour, to_hour)
            for chunk in store.load_chunks(shelf, tag_pks=tag_pks, from_hour=from_hour, to_hour=to_hour)
            if (chunk.hour, chunk.tag_pk) in wanted
        ]
        chunks, rollups = self._merged([*before, *pieces])
        with self._store.writing_rollups(day) as shelf:
            store.put_rollups(shelf, rollups)
        crash_point("history-rollups-written")
        with self._store.writing_chunks(day) as shelf:
            store.put_chunks(shelf, chunks)
        crash_point("history-chunks-written")
        with self._store.writing_pieces() as shelf:
            store.delete_pieces(shelf, pieces)
            crash_point("history-before-merge-commit")

    def _merged(self, parts: Sequence[Packed]) -> tuple[list[Packed], list[tuple[int, int, bytes]]]:
        """One chunk and one row of roll-ups for each hour of a tag, from its parts in the order they came in."""
        by_hour: dict[tuple[int, int], list[Packed]] = {}
        for part in parts:
            by_hour.setdefault((part.tag_pk, part.hour), []).append(part)
        chunks: list[Packed] = []
        rollups: list[tuple[int, int, bytes]] = []
        for (tag_pk, hour), its in by_hour.items():
            samples = joined([unpack_samples(part.blob) for part in its])
            chunks.append(Packed(tag_pk, hour, len(samples), pack_samples(samples)))
            rollups.append((tag_pk, hour, pack_rollups(rollups_of(samples))))
            self._breathe()
        return chunks, rollups

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
