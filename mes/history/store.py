"""Where sealed history is: chunks of samples by the day, roll-ups by the month.

A shelf is one place of it that answers SQL: a file on SQLite, the partitioned table on PostgreSQL. The statements are
the same, `?` stands for a parameter. Whoever reads looks at the log first, then at chunks, then at roll-ups: the other
way round what is moved in between would be missed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Protocol

HOURS_A_DAY: Final = 24


class Shelf(Protocol):
    """One place of sealed history, within one transaction."""

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """The rows of a read."""

    def write_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One write for each of the rows."""


class SealedReads(Protocol):
    """Read what is sealed. Shelves come in the order of time, each as one snapshot."""

    def chunks(self, from_hour: int, to_hour: int) -> Iterator[Shelf]:
        """The shelves that hold chunks of hours in [from_hour, to_hour)."""

    def rollups(self, from_hour: int, to_hour: int) -> Iterator[Shelf]:
        """The shelves that hold roll-ups of hours in [from_hour, to_hour)."""


class SealedWrites(SealedReads, Protocol):
    """What the sealer has besides: each `…_of` is a transaction."""

    def turn(self) -> AbstractContextManager[bool]:
        """Whether nobody else seals this plant; held until left."""

    def chunks_of(self, day: int) -> AbstractContextManager[Shelf]:
        """The chunks of one day (days since 1970), made if there are none."""

    def rollups_of(self, hour: int) -> AbstractContextManager[Shelf]:
        """The roll-ups of the month that holds this hour, made if there are none."""

    def days(self) -> list[int]:
        """The days that have chunks, oldest first."""

    def forget(self, *, before_day: int, rollups_before_day: int) -> list[str]:
        """Drop whole days of chunks and whole months of roll-ups that end before these; answers what went."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of one tag within one hour, packed."""

    tag_pk: int
    hour: int
    n: int
    blob: bytes
    merged: bool = False
    """It is all there is of that hour, and the roll-ups say so."""
    seq: int = 0
    """The order in which pieces came."""


def insert_pieces(shelf: Shelf, pieces: Sequence[Piece]) -> None:
    """Keep pieces, after those that are there."""
    shelf.write_many(
        "INSERT INTO history_chunk (tag_pk, hour, n, merged, data) VALUES (?, ?, ?, ?, ?)",
        [(one.tag_pk, one.hour, one.n, int(one.merged), one.blob) for one in pieces],
    )


def delete_pieces(shelf: Shelf, pieces: Sequence[Piece]) -> None:
    """Forget exactly these."""
    shelf.write_many(
        "DELETE FROM history_chunk WHERE tag_pk = ? AND hour = ? AND seq = ?",
        [(one.tag_pk, one.hour, one.seq) for one in pieces],
    )


def unmerged_hours(
    shelf: Shelf, *, from_hour: int, to_hour: int, tag_pks: Collection[int] | None = None
) -> list[tuple[int, int]]:
    """Tag and hour of what still is in pieces, in order."""
    tags = "" if tag_pks is None else f" AND tag_pk IN ({_marks(tag_pks)})"
    return [
        (row[0], row[1])
        for row in shelf.query(
            "SELECT DISTINCT tag_pk, hour FROM history_chunk WHERE merged = 0 AND hour >= ? AND hour < ?"  # noqa: S608
            f"{tags} ORDER BY tag_pk, hour",
            (from_hour, to_hour, *(tag_pks or ())),
        )
    ]


def load_pieces(shelf: Shelf, *, tag_pks: Collection[int], from_hour: int, to_hour: int) -> list[Piece]:
    """The pieces of some tags in hours of [from_hour, to_hour), by tag and hour, then in the order they came in."""
    return [
        Piece(tag_pk, hour, n, bytes(blob), bool(merged), seq)
        for tag_pk, hour, seq, n, merged, blob in shelf.query(
            "SELECT tag_pk, hour, seq, n, merged, data FROM history_chunk "  # noqa: S608
            f"WHERE tag_pk IN ({_marks(tag_pks)}) AND hour >= ? AND hour < ? ORDER BY tag_pk, hour, seq",
            (*tag_pks, from_hour, to_hour),
        )
    ]


def count_samples(shelf: Shelf, *, tag_pk: int, from_hour: int, to_hour: int) -> int:
    """How many samples of a tag there are at most in these hours."""
    rows = shelf.query(
        "SELECT coalesce(sum(n), 0) FROM history_chunk WHERE tag_pk = ? AND hour >= ? AND hour < ?",
        (tag_pk, from_hour, to_hour),
    )
    return int(rows[0][0])


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
            f"WHERE tag_pk IN ({_marks(tag_pks)}) AND hour >= ? AND hour < ? ORDER BY tag_pk, hour",
            (*tag_pks, from_hour, to_hour),
        )
    ]


def month_of(day: int) -> tuple[int, int]:
    """Year and month of a day (days since 1970)."""
    at = date(1970, 1, 1) + timedelta(days=day)
    return at.year, at.month


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
