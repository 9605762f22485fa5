"""One unit of work: what a verb may use. It is made, kept and ended by the writer; a verb never commits."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, Executable
from sqlalchemy.engine import Result
from sqlmodel import Session

from mes.kernel.changes import note_changes, written
from mes.kernel.origins import Origin
from mes.kernel.pending import RowWrite, ask, change, postpone, postpone_rows, settle, write_many
from mes.kernel.sqltypes import to_us


def marks(values: Collection[object]) -> str:
    """As many parameters as values."""
    return ", ".join("?" * len(values))


_COPY_ROWS: Final = 5_000
_COPY_SPECIAL: Final = re.compile(r"[\\\t\n\r]")
_COPY_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copy_lines(rows: Sequence[Sequence[Any]]) -> str:
    """As COPY's text format has them; column by column, which is four times as fast as handing over value by value."""
    return "\n".join(map("\t".join, zip(*map(_copy_column, zip(*rows, strict=True)), strict=True))) + "\n"


def _copy_column(values: Sequence[Any]) -> Iterable[str]:
    kinds = set(map(type, values))
    if str in kinds and _COPY_SPECIAL.search("".join(value for value in values if isinstance(value, str))):
        values = [value.translate(_COPY_ESCAPES) if isinstance(value, str) else value for value in values]
    if kinds == {str}:
        return values
    if type(None) not in kinds:
        return map(str, values)
    return ["\\N" if value is None else str(value) for value in values] if len(kinds) > 1 else ["\\N"] * len(values)


Calls = Sequence[Mapping[str, Any]]
Prefetch = Callable[["UnitOfWork", Calls], Mapping[tuple[str, str], Any]]
FollowUp = Callable[["UnitOfWork", Collection[Any]], None]
"""What follows from facts, whoever changed them: it gets everything it was asked to be done about."""
V = TypeVar("V", bound=Callable[..., Any])


def loaded_together(prefetch: Prefetch) -> Callable[[V], V]:
    """Mark a verb whose batch is loaded in one read: `prefetch` gets the keyword arguments of all its calls.

    Only for verbs that change nothing of what `prefetch` loads but their own.
    """

    def mark(verb: V) -> V:
        verb.prefetch = prefetch  # type: ignore[attr-defined]
        return verb

    return mark


class EmittedEvent(NamedTuple):
    """An outbox row without its sequence, which the writer assigns in commit order."""

    type: str
    topics: tuple[str, ...]
    subject: str
    payload: Mapping[str, Any]
    actor: int | None
    correlation_id: str
    occurred_at_us: int
    recorded_at_us: int
    origin: Origin | None = None
    changes: str | None = None


class UnitOfWork:
    """Everything one verb does commits together or not at all."""

    def __init__(
        self,
        connection: Connection,
        *,
        now: datetime,
        actor: int | None,
        correlation_id: str = "",
        origin: Origin | None = None,
    ) -> None:
        self.connection = connection
        self._info = connection.info
        self.dialect = connection.dialect.name
        self.now = now
        self.now_us = to_us(now)
        self.actor = actor
        self.correlation_id = correlation_id
        self.signature_sha256: bytes | None = None
        """Of the electronic signature that came with the request (`mes.access.signatures`)."""
        self.origin = origin
        self.events: list[EmittedEvent] = []
        self.follow_ups: dict[FollowUp, dict[Any, None]] = {}
        self._session: Session | None = None
        self._changes: list[Any] = []

    @property
    def session(self) -> Session:
        """A session inside this unit, for master data and low-rate documents."""
        settle(self.connection)
        if self._session is None:
            self._session = Session(
                bind=self.connection,
                join_transaction_mode="create_savepoint",
                expire_on_commit=False,
                autoflush=True,
            )
            note_changes(self._session, self._changes)
        return self._session

    def execute(
        self, statement: Executable, params: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> Result[Any]:
        """Run a Core statement (or `text()`) here, after what the session still holds."""
        self.flush()
        return self.connection.execute(statement, params)

    def driver_query(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """Read with one hot statement, past SQLAlchemy; `?` stands for a parameter on both databases."""
        return self.driver_queries([(sql, params)])[0]

    def driver_queries(self, queries: Sequence[tuple[str, Sequence[Any]]]) -> list[list[Any]]:
        """As `driver_query`, for some that do not need each other's answers: one round trip on PostgreSQL."""
        self.flush_session()
        return ask(self.connection, queries) if queries else []

    def driver_execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Write with one hot statement, past SQLAlchemy; answers how many rows it changed."""
        self._will_write()
        return change(self.connection, sql, params)

    def driver_write(self, sql: str, params: Sequence[Any] = ()) -> None:
        """As `driver_execute`, for a statement whose answer nobody needs.

        On PostgreSQL it travels with the next statement of the batch, in order, so that it costs no round trip.
        """
        self._will_write()
        postpone(self.connection, sql, params)

    def driver_update(self, update: RowWrite, row: Sequence[Any]) -> None:
        """As `driver_write`, for one row by its key; on PostgreSQL the rows of a batch become one statement."""
        self._will_write()
        postpone(self.connection, update, row)

    def driver_rows(self, write: RowWrite, rows: Sequence[Sequence[Any]]) -> None:
        """Write many rows, no two of one key; on PostgreSQL one statement, which travels as `driver_write`'s does."""
        if rows:
            self._will_write()
            postpone_rows(self.connection, write, rows)

    def driver_executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Write many rows with one hot statement."""
        if rows:
            self._will_write()
            write_many(self.connection, sql, rows)

    def _will_write(self) -> None:
        self.flush_session()
        self._info["wrote"] = True

    def driver_copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write very many new rows: `executemany` on SQLite, COPY on PostgreSQL."""
        if self.dialect == "sqlite":
            self.driver_executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks(columns)})", rows)  # noqa: S608
        elif rows:
            self.flush()
            self._info["wrote"] = True
            with self.connection.connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for start in range(0, len(rows), _COPY_ROWS):
                    copy.write(_copy_lines(rows[start : start + _COPY_ROWS]))

    def take_keys(self, table: str, count: int) -> int:
        """The first of so many new keys of a table: only one writes at a time."""
        if self.dialect == "sqlite":
            return int(self.driver_query(f"SELECT coalesce(max(pk), 0) + 1 FROM {table}")[0][0])  # noqa: S608
        sequence = f"pg_get_serial_sequence('{table}', 'pk')"
        sql = f"SELECT setval({sequence}, nextval({sequence}) + ? - 1)"
        return int(self.driver_query(sql, (count,))[0][0]) - count + 1

    def prefetched(self, key: tuple[str, str]) -> Any:
        """What was loaded for this verb together with the rest of its batch; None where nothing was. To be had once."""
        return self._info.get("prefetched", {}).pop(key, None)

    def shared(self, key: tuple[str, str]) -> Any:
        """What was loaded for all of a batch, and none of its verbs changes; None where nothing was."""
        return self._info.get("prefetched", {}).get(key)

    def afterwards(self, follow_up: FollowUp, about: Any = None) -> None:
        """Have this done in the same transaction when the verb has returned.

        Once for all verbs of a batch that are loaded together and stand one after another, so it must come to the same
        whoever asks for it and how often.
        """
        self.follow_ups.setdefault(follow_up, {})[about] = None

    def flush(self) -> None:
        """Send everything that was written so far to the database."""
        self.flush_session()
        settle(self.connection)

    def flush_session(self) -> None:
        """Send what the session holds."""
        if self._session is not None:
            settle(self.connection)
            self._session.flush()

    def emit(
        self,
        type: str,
        *,
        topics: Sequence[str],
        subject: str,
        payload: Mapping[str, Any],
        occurred_at_us: int | None = None,
    ) -> None:
        """Record that something happened. `type` is past tense and versioned (`orders.job-released.v1`)."""
        self.events.append(
            EmittedEvent(
                type,
                tuple(dict.fromkeys(topics)),
                subject,
                payload,
                self.actor,
                self.correlation_id,
                self.now_us if occurred_at_us is None else occurred_at_us,
                self.now_us,
                self.origin,
            )
        )

    def finish(self) -> None:
        """Kernel only: the verb has returned; hand its session's work to the enclosing transaction."""
        if self._session is not None:
            self._session.commit()
            self._session.close()
            self._session = None
        if self._changes and self.events:
            self.events[-1] = self.events[-1]._replace(changes=written(self._changes))
            self._changes = []

    def discard(self) -> None:
        """Kernel only: the verb has failed."""
        self.events.clear()
        self.follow_ups.clear()
        if self._session is not None:
            self._session.close()
            self._session = None
