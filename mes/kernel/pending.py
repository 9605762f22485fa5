"""PostgreSQL: writes that wait for the next statement of their batch travel with it, in order, in one round trip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

_PENDING = "pending"


@dataclass(frozen=True, slots=True)
class KeyedUpdate:
    """An update of single rows by their key; a row's values stand in the order of `columns`, the key last.

    `one` updates a row on any database (`?` are its values). `many` is PostgreSQL's, for rows of different keys at
    once: `%s` is a JSON array of objects.
    """

    columns: tuple[str, ...]
    one: str
    many: str


def keyed_update(table: str, columns: Sequence[tuple[str, str]], *, always: str) -> KeyedUpdate:
    """`columns`: name and PostgreSQL type, the key last; `always`: what is set besides, whatever the values."""
    names = tuple(name for name, _ in columns)
    *values, key = names
    new = ", ".join(f"{name} = v.{name}" for name in values)
    typed = ", ".join(f"{name} {kind}" for name, kind in columns)
    return KeyedUpdate(
        names,
        f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in values)}, {always} WHERE {key} = ?",  # noqa: S608
        f"UPDATE {table} SET {new}, {always} FROM json_to_recordset(%s) AS v({typed}) WHERE {table}.{key} = v.{key}",  # noqa: S608
    )


def postpone(connection: Connection, statement: str | KeyedUpdate, params: Sequence[Any] = ()) -> None:
    """Have this sent before whatever is sent next."""
    connection.info.setdefault(_PENDING, []).append((statement, params))


def forget(connection: Connection) -> None:
    """Its transaction is undone."""
    connection.info.pop(_PENDING, None)


def pending_first(connection: Connection) -> AbstractContextManager[Any]:
    """What is pending on a connection travels together with, and before, what is sent inside."""
    pending = connection.info.pop(_PENDING, None)
    return _pipelined(connection, pending) if pending else nullcontext()


def settle(connection: Connection) -> None:
    """Send what is pending on a connection."""
    with pending_first(connection):
        pass


def commit(connection: Connection) -> None:
    """Send what is pending and commit, in one round trip. An error of the server's means that nothing was kept."""
    with pending_first(connection):
        connection.connection.commit()


@contextmanager
def _pipelined(connection: Connection, pending: Sequence[tuple[str | KeyedUpdate, Sequence[Any]]]) -> Iterator[None]:
    driver: Any = connection.connection.driver_connection
    with driver.pipeline():
        cursor = driver.cursor()
        for sql, params in _merged(pending):
            cursor.execute(sql, params)
        yield


def _merged(pending: Sequence[tuple[str | KeyedUpdate, Sequence[Any]]]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Updates by key that follow one another become one statement, unless they touch the same row."""
    update: KeyedUpdate | None = None
    rows: dict[Any, Sequence[Any]] = {}
    for statement, params in pending:
        if update is not None and (statement is not update or params[-1] in rows):
            yield _many(update, rows.values())
            update, rows = None, {}
        if isinstance(statement, KeyedUpdate):
            update = statement
            rows[params[-1]] = params
        else:
            yield statement, params
    if update is not None:
        yield _many(update, rows.values())


def _many(update: KeyedUpdate, rows: Any) -> tuple[str, Sequence[Any]]:
    return update.many, (orjson.dumps([dict(zip(update.columns, row, strict=True)) for row in rows]).decode(),)
