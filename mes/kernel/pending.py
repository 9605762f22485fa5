"""Hot statements, past SQLAlchemy: on SQLite each is run at once; on PostgreSQL writes wait for the next statement of
their batch and travel with it, in order, in one round trip. `?` stands for a parameter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import psycopg
from psycopg.pq.abc import PGresult
from sqlalchemy import Connection

from mes.kernel.roundtrip import round_trip, rows_of

_PENDING: Final = "pending"
_ROWS_TOGETHER: Final = 2_000


@dataclass(frozen=True, slots=True)
class RowWrite:
    """A write of single rows; a row's values stand in the order of `columns`, the key, if one is needed, last.

    `one` writes a row on any database (`?` are its values). `many` is PostgreSQL's, for rows of different keys at
    once: its `?` is a JSON array of objects.
    """

    columns: tuple[str, ...]
    one: str
    many: str


def keyed_update(table: str, columns: Sequence[tuple[str, str]], *, always: str = "", keys: int = 1) -> RowWrite:
    """`columns`: name and PostgreSQL type, the key (of so many columns) last; `always`: what is set besides, whatever
    the values."""
    names = tuple(name for name, _ in columns)
    values, key = names[:-keys], names[-keys:]
    extra = [always] if always else []
    new = ", ".join([*(f"{name} = v.{name}" for name in values), *extra])
    one = ", ".join([*(f"{name} = ?" for name in values), *extra])
    return RowWrite(
        names,
        f"UPDATE {table} SET {one} WHERE {' AND '.join(f'{name} = ?' for name in key)}",  # noqa: S608
        f"UPDATE {table} SET {new} FROM {json_rows(columns)} "  # noqa: S608
        f"WHERE {' AND '.join(f'{table}.{name} = v.{name}' for name in key)}",
    )


def deletion(table: str, columns: Sequence[tuple[str, str]]) -> RowWrite:
    """Rows by their key, which are all the `columns`: name and PostgreSQL type."""
    names = tuple(name for name, _ in columns)
    return RowWrite(
        names,
        f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in names)}",  # noqa: S608
        f"DELETE FROM {table} USING {json_rows(columns)} "  # noqa: S608
        f"WHERE {' AND '.join(f'{table}.{name} = v.{name}' for name in names)}",
    )


def json_rows(columns: Sequence[tuple[str, str]]) -> str:
    """The rows of a JSON array (`?`), all of them. PostgreSQL expects 100 rows of any JSON, and for so many it reads a
    whole table of a thousand rows; of a limit that it cannot see it expects that it leaves a tenth."""
    typed = ", ".join(f"{name} {kind}" for name, kind in columns)
    return f"(SELECT * FROM json_to_recordset(?) AS v({typed}) LIMIT (SELECT NULL::int)) AS v"  # noqa: S608


def upsert(table: str, columns: Sequence[tuple[str, str]]) -> RowWrite:
    """Rows that take the place of those of the same key; `columns` as in `keyed_update`."""
    names = tuple(name for name, _ in columns)
    *values, key = names
    change = f"ON CONFLICT ({key}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in values)}"
    return _insertion(table, columns, change)


def insertion(table: str, columns: Sequence[tuple[str, str]]) -> RowWrite:
    """New rows; `columns`: name and PostgreSQL type."""
    return _insertion(table, columns, "")


def _insertion(table: str, columns: Sequence[tuple[str, str]], change: str) -> RowWrite:
    names = tuple(name for name, _ in columns)
    into = f"INSERT INTO {table} ({', '.join(names)})"
    return RowWrite(
        names,
        f"{into} VALUES ({', '.join('?' * len(names))}) {change}",
        f"{into} SELECT {', '.join(names)} FROM {json_rows(columns)} {change}",  # noqa: S608
    )


def postpone_rows(connection: Connection, write: RowWrite, rows: Sequence[Sequence[Any]]) -> None:
    """Have these rows, no two of one key, written by one statement before whatever is sent next."""
    if _is_sqlite(connection):
        _cursor(connection).executemany(write.one, rows)
    else:
        postpone(connection, *_many(write, rows))


def postpone(connection: Connection, statement: str | RowWrite, params: Sequence[Any] = ()) -> None:
    """Have this sent before whatever is sent next."""
    if _is_sqlite(connection):
        _cursor(connection).execute(statement if isinstance(statement, str) else statement.one, params)
    else:
        connection.info.setdefault(_PENDING, []).append((statement, params))


def forget(connection: Connection) -> None:
    """What is pending was sent, or its transaction is undone."""
    connection.info.pop(_PENDING, None)


def ask(connection: Connection, queries: Sequence[tuple[str, Sequence[Any]]]) -> list[list[tuple[Any, ...]]]:
    """What queries find that do not need each other's answers, after what is pending, in one round trip."""
    if _is_sqlite(connection):
        return [_cursor(connection).execute(sql, params).fetchall() for sql, params in queries]
    return rows_of(connection, _with_pending(connection, queries))


def change(connection: Connection, sql: str, params: Sequence[Any]) -> int:
    """How many rows a statement changes, after what is pending, in one round trip."""
    if _is_sqlite(connection):
        return int(_cursor(connection).execute(sql, params).rowcount)
    (answer,) = _with_pending(connection, [(sql, params)])
    return answer.command_tuples or 0


def write_many(connection: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """One statement for each of many rows, after what is pending."""
    if _is_sqlite(connection):
        _cursor(connection).executemany(sql, rows)
        return
    for start in range(0, len(rows), _ROWS_TOGETHER):
        _with_pending(connection, [(sql, row) for row in rows[start : start + _ROWS_TOGETHER]])


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _cursor(connection: Connection) -> Any:
    return connection.connection.cursor()


def settle(connection: Connection) -> None:
    """Send what is pending on a connection."""
    _with_pending(connection, ())


def commit(connection: Connection) -> None:
    """Send what is pending and commit, in one round trip. An error of the server's means that nothing was kept."""
    (answer,) = _with_pending(connection, [("COMMIT", ())])
    if answer.command_status != b"COMMIT":
        raise psycopg.InternalError(f"PostgreSQL answered {answer.command_status!r} to COMMIT.")


def _with_pending(connection: Connection, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[PGresult]:
    """What is pending stays so where nothing could be sent: it may be another verb's."""
    pending = connection.info.get(_PENDING, ())
    if not pending and not statements:
        return []
    before = list(_merged(pending))
    answers = round_trip(connection, [*before, *statements])
    forget(connection)
    return answers[len(before) :]


def _merged(pending: Sequence[tuple[str | RowWrite, Sequence[Any]]]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Updates by key that follow one another become one statement, unless they touch the same row."""
    update: RowWrite | None = None
    rows: dict[Any, Sequence[Any]] = {}
    for statement, params in pending:
        if update is not None and (statement is not update or params[-1] in rows):
            yield _many(update, rows.values())
            update, rows = None, {}
        if isinstance(statement, RowWrite):
            update = statement
            rows[params[-1]] = params
        else:
            yield statement, params
    if update is not None:
        yield _many(update, rows.values())


def _many(update: RowWrite, rows: Iterable[Sequence[Any]]) -> tuple[str, Sequence[Any]]:
    return update.many, (orjson.dumps([dict(zip(update.columns, row, strict=True)) for row in rows]).decode(),)
