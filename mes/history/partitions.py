"""Sealed history in a plant's PostgreSQL schema: pieces, chunks partitioned by the day, roll-ups by the month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Engine

from mes.history.store import HOURS_A_DAY, Shelf, month_of
from mes.kernel.engine import writer_engine

_EPOCH: Final = date(1970, 1, 1)
_TAKE_TURN: Final = "SELECT pg_try_advisory_lock(18753, hashtext(current_schema()))"
_END_TURN: Final = "SELECT pg_advisory_unlock(18753, hashtext(current_schema()))"
_PARTITIONS: Final = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = to_regclass(%s) ORDER BY c.relname"
)


class PartitionReads:
    """Reads through a connection that is in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pieces(self) -> Iterator[Shelf]:
        """As `SealedReads.pieces`."""
        yield _TableShelf(self._connection)

    def chunks(self, from_hour: int, to_hour: int) -> Iterator[Shelf]:
        """As `SealedReads.chunks`."""
        yield _TableShelf(self._connection)

    def rollups(self, from_hour: int, to_hour: int) -> Iterator[Shelf]:
        """As `SealedReads.rollups`."""
        yield _TableShelf(self._connection)


class Partitions:
    """What the sealer of a server process has; another process's may have the turn."""

    def __init__(self, url: str, schema: str | None) -> None:
        self._engine: Engine = writer_engine(url, schema=schema)

    def pieces(self) -> Iterator[Shelf]:
        """As `SealedReads.pieces`."""
        with self.writing_pieces() as shelf:
            yield shelf

    def chunks(self, from_hour: int, to_hour: int) -> Iterator[Shelf]:
        """As `SealedReads.chunks`."""
        with self.writing_pieces() as shelf:
            yield shelf

    def rollups(self, from_hour: int, to_hour: int) -> Iterator[Shelf]:
        """As `SealedReads.rollups`."""
        with self.writing_pieces() as shelf:
            yield shelf

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Of several server processes one seals."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            mine = bool(connection.exec_driver_sql(_TAKE_TURN).scalar())
            yield mine
            if mine:
                connection.exec_driver_sql(_END_TURN)

    @contextmanager
    def writing_pieces(self) -> Iterator[Shelf]:
        """As `SealedWrites.writing_pieces`."""
        with self._engine.begin() as connection:
            yield _TableShelf(connection)

    @contextmanager
    def writing_chunks(self, day: int) -> Iterator[Shelf]:
        """As `SealedWrites.writing_chunks`."""
        with self._engine.begin() as connection:
            name = f"history_chunk_{_named(day)}"
            _make(connection, "history_chunk", name, day * HOURS_A_DAY, (day + 1) * HOURS_A_DAY)
            yield _TableShelf(connection)

    @contextmanager
    def writing_rollups(self, day: int) -> Iterator[Shelf]:
        """As `SealedWrites.writing_rollups`."""
        year, month = month_of(day)
        first = _day_of(year, month)
        last = _day_of(year + month // 12, month % 12 + 1)
        with self._engine.begin() as connection:
            name = f"history_rollup_{year:04}{month:02}"
            _make(connection, "history_rollup", name, first * HOURS_A_DAY, last * HOURS_A_DAY)
            yield _TableShelf(connection)

    def days(self) -> list[int]:
        """As `SealedWrites.days`."""
        with self._engine.begin() as connection:
            names = [name[-8:] for name in _partitions(connection, "history_chunk")]
        return [_day_of(int(name[:4]), int(name[4:6]), int(name[6:])) for name in names]

    def forget(self, *, before_day: int, rollups_before_day: int) -> list[str]:
        """As `SealedWrites.forget`. A reader that is at it is waited for a short while, else it is tried again."""
        year, month = month_of(rollups_before_day)
        with self._engine.begin() as connection:
            old = [name for name in _partitions(connection, "history_chunk") if name[-8:] < _named(before_day)]
            old += [name for name in _partitions(connection, "history_rollup") if name[-6:] < f"{year:04}{month:02}"]
            connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            for name in old:
                connection.exec_driver_sql(f"DROP TABLE {name}")
        return old

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()


class _TableShelf:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        return list(self._connection.exec_driver_sql(sql.replace("?", "%s"), tuple(params)).all())

    def write_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            self._connection.connection.cursor().executemany(sql.replace("?", "%s"), rows)


def _partitions(connection: Connection, parent: str) -> list[str]:
    return [row[0] for row in connection.exec_driver_sql(_PARTITIONS, (parent,))]


def _make(connection: Connection, parent: str, name: str, from_hour: int, to_hour: int) -> None:
    """A partition, if it is not there. Attached, which readers do not notice; `PARTITION OF` would wait for them."""
    if connection.exec_driver_sql("SELECT to_regclass(%s)", (name,)).scalar() is None:
        connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE {parent} INCLUDING ALL)")
        connection.exec_driver_sql(
            f"ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({from_hour}) TO ({to_hour})"
        )


def _named(day: int) -> str:
    return date.fromordinal(_EPOCH.toordinal() + day).strftime("%Y%m%d")


def _day_of(year: int, month: int, day: int = 1) -> int:
    return (date(year, month, day) - _EPOCH).days
