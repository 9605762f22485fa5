"""SQL of the log and of last values, on the driver's cursor. `?` is a parameter on both databases."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlmodel import Session

from mes.history.types import LastValue, Measurements
from mes.kernel.uow import UnitOfWork

_COLUMNS: Final = "pk, tag_pk, at_us, value, quality"
_LAST_NEWER: Final = (
    "ON CONFLICT (tag_pk) DO UPDATE SET at_us = excluded.at_us, value = excluded.value, quality = excluded.quality "
    "WHERE excluded.at_us > history_last.at_us"
)


@dataclass(frozen=True, slots=True)
class LogRow:
    """One batch of the log."""

    pk: int
    columns: Measurements


def insert_log(uow: UnitOfWork, columns: Measurements) -> None:
    """One row for a whole batch."""
    uow.driver_write(
        "INSERT INTO history_log (n, from_us, to_us, tag_pk, at_us, value, quality) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            len(columns.at_us),
            int(columns.at_us.min()),
            int(columns.at_us.max()),
            columns.tag_pk.astype("<u4").tobytes(),
            columns.at_us.astype("<i8").tobytes(),
            columns.value.astype("<f8").tobytes(),
            columns.quality.tobytes(),
        ),
    )


def delete_log(uow: UnitOfWork, pks: Collection[int]) -> None:
    """Forget exactly these batches."""
    uow.driver_executemany("DELETE FROM history_log WHERE pk = ?", [(pk,) for pk in pks])


def put_last(uow: UnitOfWork, values: Iterable[LastValue]) -> None:
    """Keep the newest of what is there and of these; one statement on PostgreSQL."""
    rows = [(one.tag_pk, one.at_us, one.value, one.quality) for one in values]
    if not rows:
        return
    if uow.dialect == "sqlite":
        sql = f"INSERT INTO history_last (tag_pk, at_us, value, quality) VALUES (?, ?, ?, ?) {_LAST_NEWER}"  # noqa: S608
        uow.driver_executemany(sql, rows)
        return
    uow.driver_write(
        "INSERT INTO history_last (tag_pk, at_us, value, quality) "  # noqa: S608
        f"SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::float8[], ?::smallint[]) {_LAST_NEWER}",
        [list(column) for column in zip(*rows, strict=True)],
    )


def put_retention(uow: UnitOfWork, samples_days: int, rollups_days: int) -> None:
    """The one row of it."""
    uow.driver_execute(
        "INSERT INTO history_retention (pk, samples_days, rollups_days) VALUES (1, ?, ?) ON CONFLICT (pk) DO UPDATE "
        "SET samples_days = excluded.samples_days, rollups_days = excluded.rollups_days",
        (samples_days, rollups_days),
    )


def load_log(session: Session, *, from_us: int, to_us: int) -> list[LogRow]:
    """Batches that may hold samples of [from_us, to_us), in the order they came in."""
    return _log_rows(session, "from_us < ? AND to_us >= ? ORDER BY pk", (to_us, from_us))


def load_oldest_log(session: Session, *, samples: int, rows: int) -> list[LogRow]:
    """The batches that came in first: at most so many rows, and no more of them than reach so many samples."""
    sizes = _query(session, "SELECT pk, n FROM history_log ORDER BY pk LIMIT ?", (rows,))
    if not sizes:
        return []
    reached = np.cumsum([size for _, size in sizes]) >= samples
    last = sizes[int(np.argmax(reached)) if bool(reached.any()) else -1][0]
    return _log_rows(session, "pk >= ? AND pk <= ? ORDER BY pk", (sizes[0][0], last))


def _log_rows(session: Session, condition: str, params: tuple[Any, ...]) -> list[LogRow]:
    rows = _query(session, f"SELECT {_COLUMNS} FROM history_log WHERE {condition}", params)  # noqa: S608
    return [LogRow(row[0], _columns(*row[1:])) for row in rows]


def _columns(tag_pk: bytes, at_us: bytes, value: bytes, quality: bytes) -> Measurements:
    return Measurements(
        np.frombuffer(tag_pk, "<u4"),
        np.frombuffer(at_us, "<i8"),
        np.frombuffer(value, "<f8"),
        np.frombuffer(quality, "u1"),
    )


def _query(session: Session, sql: str, params: tuple[Any, ...]) -> list[Any]:
    connection = session.connection()
    text = sql if connection.dialect.name == "sqlite" else sql.replace("?", "%s")
    return list(connection.exec_driver_sql(text, params).all())
