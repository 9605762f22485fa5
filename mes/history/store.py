"""Where sealed history is: pieces of the present hour, chunks of whole hours by the day, roll-ups by the month.

A shelf is one place of it that answers SQL: a file on SQLite, a table on PostgreSQL. The statements are the same, `?`
stands for a parameter. Samples go from the log to pieces to chunks; whoever reads looks at the log first, then at
pieces, chunks, roll-ups: the other way round what is moved in between would be missed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Protocol

from mes.kernel.uow import marks

HOURS_A_DAY: Final = 24
KEYS_AT_ONCE: Final = 100
"""Tags and hours that one statement looks for."""


class Shelf(Protocol):
    """One place of sealed history, within one transaction."""

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """The rows of a read."""

    def write_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One write for each of the rows."""


class SealedReads(Protocol):
    """Read what is sealed. Shelves come in the order of time, each as one snapshot."""

    def pieces(self) -> Iterator[Shelf]:
        """The shelf that holds pieces, if there is one yet."""

    def chunks(self, from_hour: int, to_hour: int) -> Iterator[Shelf]:
        """The shelves that hold chunks of hours in [from_hour, to_hour)."""

    def rollups(self, from_hour: int, to_hour: int) -> Iterator[Shelf]:
        """The shelves that hold roll-ups of hours in [from_hour, to_hour)."""


class SealedWrites(SealedReads, Protocol):
    """What the sealer has besides: each `writing_…` is a transaction."""

    def turn(self) -> AbstractContextManager[bool]:
        """Whether nobody else seals this plant; held until left."""

    def writing_pieces(self) -> AbstractContextManager[Shelf]:
        """The pieces."""

    def writing_chunks(self, day: int) -> AbstractContextManager[Shelf]:
        """The chunks of one day (days since 1970), made if there are none."""

    def writing_rollups(self, day: int) -> AbstractContextManager[Shelf]:
        """The roll-ups of the month that holds this day, made if there are none."""

    def days(self) -> list[int]:
        """The days that have chunks, oldest first."""

    def forget(self, *, before_day: int, rollups_before_day: int) -> list[str]:
        """Drop whole days of chunks and whole months of roll-ups that end before these; answers what went."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A run of one tag within one hour, packed: a piece, or the whole hour as a chunk."""

    tag_pk: int
    hour: int
    n: int
    blob: bytes
    seq: int = 0
    """The order in which pieces came."""


def insert_pieces(shelf: Shelf, pieces: Sequence[Packed]) -> None:
    """Keep pieces, after those that are there."""
    shelf.write_many(
        "INSERT INTO history_piece (tag_pk, hour, n, data) VALUES (?, ?, ?, ?)",
        [(one.tag_pk, one.hour, one.n, one.blob) for one in pieces],
    )


def delete_pieces(shelf: Shelf, pieces: Sequence[Packed]) -> None:
    """Forget exactly these."""
    shelf.write_many("DELETE FROM history_piece WHERE seq = ?", [(one.seq,) for one in pieces])


def hours_in_pieces(shelf: Shelf, *, to_hour: int) -> list[tuple[int, int]]:
    """Hour and tag of what is in pieces before an hour, in order."""
    rows = shelf.query(
        "SELECT DISTINCT hour, tag_pk FROM history_piece WHERE hour < ? ORDER BY hour, tag_pk", (to_hour,)
    )
    return [(hour, tag_pk) for hour, tag_pk in rows]


def load_pieces(shelf: Shelf, *, tag_pks: Collection[int], from_hour: int, to_hour: int) -> list[Packed]:
    """The pieces of some tags in hours of [from_hour, to_hour), in the order they came in."""
    return [
        Packed(tag_pk, hour, n, bytes(blob), seq)
        for tag_pk, hour, n, blob, seq in shelf.query(
            "SELECT tag_pk, hour, n, data, seq FROM history_piece "  # noqa: S608
            f"WHERE tag_pk IN ({marks(tag_pks)}) AND hour >= ? AND hour < ? ORDER BY seq",
            (*tag_pks, from_hour, to_hour),
        )
    ]


def put_chunks(shelf: Shelf, chunks: Sequence[Packed]) -> None:
    """Keep whole hours in the place of what was known of them."""
    shelf.write_many(
        "INSERT INTO history_chunk (tag_pk, hour, n, data) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (tag_pk, hour) DO UPDATE SET n = excluded.n, data = excluded.data",
        [(one.tag_pk, one.hour, one.n, one.blob) for one in chunks],
    )


def load_chunks(shelf: Shelf, *, tag_pks: Collection[int], from_hour: int, to_hour: int) -> list[Packed]:
    """The chunks of some tags in hours of [from_hour, to_hour), by tag and hour."""
    return [
        Packed(tag_pk, hour, n, bytes(blob))
        for tag_pk, hour, n, blob in shelf.query(
            "SELECT tag_pk, hour, n, data FROM history_chunk "  # noqa: S608
            f"WHERE tag_pk IN ({marks(tag_pks)}) AND hour >= ? AND hour < ? ORDER BY tag_pk, hour",
            (*tag_pks, from_hour, to_hour),
        )
    ]


def load_chunks_of(shelf: Shelf, *, tag_pks: Collection[int], hours: Collection[int]) -> list[Packed]:
    """The chunks of some tags in single hours."""
    return [
        Packed(tag_pk, hour, n, bytes(blob))
        for tag_pk, hour, n, blob in shelf.query(
            "SELECT tag_pk, hour, n, data FROM history_chunk "  # noqa: S608
            f"WHERE tag_pk IN ({marks(tag_pks)}) AND hour IN ({marks(hours)})",
            (*tag_pks, *hours),
        )
    ]


def chunk_sizes(shelf: Shelf, *, tag_pk: int, from_hour: int, to_hour: int) -> list[tuple[int, int]]:
    """Hour and number of samples of a tag's chunks, oldest first."""
    rows = shelf.query(
        "SELECT hour, n FROM history_chunk WHERE tag_pk = ? AND hour >= ? AND hour < ? ORDER BY hour",
        (tag_pk, from_hour, to_hour),
    )
    return [(hour, n) for hour, n in rows]


def put_rollups(shelf: Shelf, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Keep the roll-ups of hours (tag, hour, packed) in the place of what was known of them."""
    shelf.write_many(
        "INSERT INTO history_rollup (tag_pk, hour, data) VALUES (?, ?, ?) "
        "ON CONFLICT (tag_pk, hour) DO UPDATE SET data = excluded.data",
        rows,
    )


def load_rollups(
    shelf: Shelf, *, tag_pks: Collection[int], from_hour: int, to_hour: int
) -> list[tuple[int, int, bytes]]:
    """Tag, hour and packed roll-ups of hours in [from_hour, to_hour), by tag and hour."""
    return [
        (tag_pk, hour, bytes(blob))
        for tag_pk, hour, blob in shelf.query(
            "SELECT tag_pk, hour, data FROM history_rollup "  # noqa: S608
            f"WHERE tag_pk IN ({marks(tag_pks)}) AND hour >= ? AND hour < ? ORDER BY tag_pk, hour",
            (*tag_pks, from_hour, to_hour),
        )
    ]


def load_rollups_of(shelf: Shelf, *, tag_pks: Collection[int], hours: Collection[int]) -> list[tuple[int, int, bytes]]:
    """Tag, hour and packed roll-ups of single hours."""
    return [
        (tag_pk, hour, bytes(blob))
        for tag_pk, hour, blob in shelf.query(
            "SELECT tag_pk, hour, data FROM history_rollup "  # noqa: S608
            f"WHERE tag_pk IN ({marks(tag_pks)}) AND hour IN ({marks(hours)})",
            (*tag_pks, *hours),
        )
    ]


def newest_hours(shelf: Shelf, *, keys: Sequence[tuple[int, int]], back: int) -> list[tuple[int, int, int]]:
    """Of tags and hours the newest hour before that has roll-ups, at most `back` hours before: tag, hour, that one."""
    newest = "SELECT max(hour) FROM history_rollup WHERE tag_pk = ? AND hour < ? AND hour >= ?"
    found: list[tuple[int, int, int]] = []
    for start in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[start : start + KEYS_AT_ONCE]
        sql = " UNION ALL ".join(f"SELECT {place}, ({newest})" for place in range(len(some)))
        rows = shelf.query(sql, [number for tag_pk, hour in some for number in (tag_pk, hour, hour - back)])
        found += [(*some[place], hour) for place, hour in rows if hour is not None]
    return found


def month_of(day: int) -> tuple[int, int]:
    """Year and month of a day (days since 1970)."""
    at = date(1970, 1, 1) + timedelta(days=day)
    return at.year, at.month
