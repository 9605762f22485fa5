"""Sealed history beside a SQLite plant: a file for pieces, a file a day for chunks, a file a month for roll-ups.

Who writes closes the file, which folds its write-ahead log back. Files of past days only change for samples that come
late.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from mes.history.store import HOURS_A_DAY, Shelf, month_of

FOLDER: Final = "history"
PIECES: Final = "pieces.sqlite"
VERSION: Final = 1
_EPOCH: Final = date(1970, 1, 1)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\.sqlite")
_MONTH: Final = re.compile(r"rollups-(\d{4})-(\d\d)\.sqlite")
_WAIT_S: Final = 10
_PIECES_PAGE: Final = 4_096
_CHUNK_PAGE: Final = 32_768
_ROLLUP_PAGE: Final = 16_384
"""Bytes: many rows share a page, so that little of it stays empty."""
_PIECES_TABLE: Final = """
CREATE TABLE IF NOT EXISTS history_piece (
  seq INTEGER PRIMARY KEY, tag_pk INTEGER NOT NULL, hour INTEGER NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS ix_history_piece ON history_piece (hour, tag_pk);
"""
_CHUNK_TABLE: Final = """
CREATE TABLE IF NOT EXISTS history_chunk (
  tag_pk INTEGER NOT NULL, hour INTEGER NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (tag_pk, hour));
"""
_ROLLUP_TABLE: Final = """
CREATE TABLE IF NOT EXISTS history_rollup (
  tag_pk INTEGER NOT NULL, hour INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (tag_pk, hour)) WITHOUT ROWID;
"""


class HistoryTooNew(RuntimeError):
    """A file of history was written by a newer Lineside: this one must not touch it."""


class DayFiles:
    """Reads and writes the files under one folder, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def pieces(self) -> Iterator[Shelf]:
        """As `SealedReads.pieces`."""
        yield from self._read(path for path in (self._pieces,) if path.exists())

    def chunks(self, from_hour: int, to_hour: int) -> Iterator[Shelf]:
        """As `SealedReads.chunks`."""
        wanted = range(from_hour // HOURS_A_DAY, (to_hour - 1) // HOURS_A_DAY + 1)
        yield from self._read(self._day(day) for day in self.days() if day in wanted)

    def rollups(self, from_hour: int, to_hour: int) -> Iterator[Shelf]:
        """As `SealedReads.rollups`."""
        first, last = month_of(from_hour // HOURS_A_DAY), month_of((to_hour - 1) // HOURS_A_DAY)
        yield from self._read(self._month(*month) for month in self._months() if first <= month <= last)

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """One server process a plant: always."""
        yield True

    @contextmanager
    def writing_pieces(self) -> Iterator[Shelf]:
        """As `SealedWrites.writing_pieces`."""
        with self._written(self._pieces, _PIECES_TABLE, _PIECES_PAGE) as shelf:
            yield shelf
        self._give_back(self._pieces)

    @contextmanager
    def writing_chunks(self, day: int) -> Iterator[Shelf]:
        """As `SealedWrites.writing_chunks`."""
        with self._written(self._day(day), _CHUNK_TABLE, _CHUNK_PAGE) as shelf:
            yield shelf

    @contextmanager
    def writing_rollups(self, day: int) -> Iterator[Shelf]:
        """As `SealedWrites.writing_rollups`."""
        with self._written(self._month(*month_of(day)), _ROLLUP_TABLE, _ROLLUP_PAGE) as shelf:
            yield shelf

    def days(self) -> list[int]:
        """As `SealedWrites.days`."""
        names = (path.name for path in self._files())
        return sorted((date.fromisoformat(name[:10]) - _EPOCH).days for name in names if _DAY.fullmatch(name))

    def forget(self, *, before_day: int, rollups_before_day: int) -> list[str]:
        """As `SealedWrites.forget`."""
        old = [self._day(day) for day in self.days() if day < before_day]
        old += [self._month(*month) for month in self._months() if month < month_of(rollups_before_day)]
        for path in old:
            for tail in ("-wal", "-shm", ""):
                path.with_name(path.name + tail).unlink(missing_ok=True)
        return [path.name for path in old]

    def close(self) -> None:
        """Nothing stays open."""

    def _files(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.is_dir() else []

    def _months(self) -> list[tuple[int, int]]:
        found = (_MONTH.fullmatch(path.name) for path in self._files())
        return sorted((int(match[1]), int(match[2])) for match in found if match)

    @property
    def _pieces(self) -> Path:
        return self.folder / PIECES

    def _day(self, day: int) -> Path:
        return self.folder / f"{_EPOCH + timedelta(days=day)}.sqlite"

    def _month(self, year: int, month: int) -> Path:
        return self.folder / f"rollups-{year:04}-{month:02}.sqlite"

    def _read(self, paths: Iterator[Path]) -> Iterator[Shelf]:
        for path in paths:
            try:
                connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_WAIT_S)
            except sqlite3.OperationalError:
                if path.exists():
                    raise
                continue  # dropped by age in the meantime
            with closing(connection):
                connection.isolation_level = None
                connection.execute("BEGIN")
                if _version(connection, path):  # else it is being made: nothing is in it yet
                    yield _FileShelf(connection)

    @contextmanager
    def _written(self, path: Path, tables: str, page: int) -> Iterator[Shelf]:
        new = not path.exists()
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True)
            _sync_folder(self.folder.parent)
        with closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA page_size = {page}")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            if _version(connection, path) < VERSION:
                connection.executescript(f"{tables} PRAGMA user_version = {VERSION};")
            if new:
                _sync_folder(self.folder)
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield _FileShelf(connection)

    def _give_back(self, path: Path) -> None:
        """A file that is mostly empty, as after the backlog of an outage, gets small again."""
        with closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as connection:
            pages, free = (
                connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count")
            )
            if free > pages // 2:
                connection.executescript("PRAGMA incremental_vacuum")  # execute() would free one page


class _FileShelf:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        return self._connection.execute(sql, params).fetchall()

    def write_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """0 before its tables are there. HistoryTooNew."""
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found > VERSION:
        raise HistoryTooNew(f"{path.name} is of format {found}; this version of Lineside reads {VERSION}.")
    return found


def _sync_folder(folder: Path) -> None:
    """A new name in a folder is on disk only when the folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
