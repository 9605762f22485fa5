"""The writer of one plant: a thread that runs the waiting verbs one after another and commits them together.

A verb that fails is undone alone: on SQLite by a savepoint, on PostgreSQL by running the batch again without it.
Whoever waits is answered after the commit, never before.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError

from mes.kernel.clock import Clock
from mes.kernel.crash import crash_point
from mes.kernel.errors import ConstraintConflict, Refusal, Unavailable, ValueNotKept, VersionConflict
from mes.kernel.limits import WRITE_BATCH_MAX, WRITE_QUEUE_MAX
from mes.kernel.origins import Origin, OriginBook
from mes.kernel.outbox import append_events, is_chain_ahead
from mes.kernel.pending import commit, forget, postpone, settle
from mes.kernel.roundtrip import STALE
from mes.kernel.uow import EmittedEvent, FollowUp, Prefetch, UnitOfWork

_LOG = logging.getLogger(__name__)
_TAKE_LOCK: Final = "SELECT pg_advisory_xact_lock(18751, hashtext(current_schema()))"
"""Orders the batches of several processes on one PostgreSQL plant, so that `seq` is commit order."""
_RERUNS_MAX: Final = 3
"""Batches run again without a verb that was refused before PostgreSQL verbs are run one by one. A database error sends
them there at once: it may belong to an earlier verb, whose write travelled with a later one's."""


@dataclass(slots=True)
class Work:
    """A verb that waits, and what became of it."""

    verb: Callable[..., Any]
    kwargs: dict[str, Any]
    actor: int | None
    correlation_id: str
    deliver: Callable[[Work], None]
    origin: Origin | None = None
    rehearsal: bool = False
    """It is undone whatever comes of it; its result is the events it would have recorded."""
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs verbs for one plant. `submit` may be called from any thread."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        *,
        deliver_all: Callable[[Sequence[Work]], None],
        after_commit: Callable[[], None],
        chained: bool = False,
        name: str = "writer",
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._deliver_all = deliver_all
        self._after_commit = after_commit
        self._chained = chained
        self._origins = OriginBook()
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._connection: Connection | None = None
        self._closed = False
        self._door = threading.Lock()
        """For who hands over, takes or closes: what is handed over together is taken together, and nothing follows the
        end."""
        self._in_weather = False
        self._savepoints = engine.dialect.name == "sqlite"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        event.listen(engine, "before_cursor_execute", _note_write)

    def submit(self, works: Sequence[Work]) -> None:
        """Queue verbs, for one batch. One that cannot be is answered Unavailable: `database-busy` when too many wait,
        `shutting-down` after close."""
        refused = []
        with self._door:
            for work in works:
                if self._closed:
                    work.error = Unavailable("The server is stopping.", code="shutting-down")
                elif self._queue.qsize() >= WRITE_QUEUE_MAX:
                    work.error = Unavailable("Too many writes are waiting.", code="database-busy")
                else:
                    self._queue.put(work)
                    continue
                refused.append(work)
        self._deliver_all(refused)

    @property
    def waiting(self) -> int:
        """How many verbs wait."""
        return self._queue.qsize()

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._door:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_ = True
        while open_:
            works, open_ = self._take()
            if works:
                self._serve(works)
        self._drop_connection()

    def _take(self) -> tuple[list[Work], bool]:
        works: list[Work] = []
        first = self._queue.get()
        if first is None:
            return works, False
        works.append(first)
        with self._door:
            while len(works) < WRITE_BATCH_MAX and not self._queue.empty():
                following = self._queue.get_nowait()
                if following is None:
                    return works, False
                works.append(following)
        return works, True

    def _serve(self, works: list[Work]) -> None:
        rehearsals = [work for work in works if work.rehearsal]
        self._write([work for work in works if not work.rehearsal] if rehearsals else works)
        for work in rehearsals:
            self._rehearse(work)
        self._deliver_all(works)

    def _write(self, works: list[Work]) -> None:
        try:
            wrote_events = bool(works) and self._commit_together(works)
        except BaseException as error:  # noqa: BLE001  the whole batch failed: nobody may believe it was written
            wrote_events = False
            self._drop_connection()
            for work in works:
                work.error = work.error or weather(error)
                work.result = None
            self._note_failure(error)
        if wrote_events:
            self._after_commit()

    def _note_failure(self, error: BaseException) -> None:
        """Weather is logged when it begins and when it is over; a bug each time, with where it was."""
        told = translated(error)
        if not isinstance(told, Refusal | Unavailable):
            _LOG.error("a write failed", exc_info=error)
        elif isinstance(told, Unavailable) and not self._in_weather:
            self._in_weather = True
            _LOG.error("The database cannot be written to: %s", " ".join(str(error).split())[:300])

    def _note_success(self) -> None:
        if self._in_weather:
            self._in_weather = False
            _LOG.warning("The database can be written to again.")

    def _commit_together(self, works: list[Work]) -> bool:
        if self._savepoints:
            try:
                return self._attempt(works)
            except _VerbFailed:
                return self._one_by_one(works)
        waiting = works
        for _ in range(_RERUNS_MAX):
            try:
                return self._attempt(waiting)
            except _VerbFailed as failed:
                if not failed.by_itself:
                    break
                waiting = [work for work in waiting if work is not failed.work]
            except psycopg.Error as error:
                if not self._was_refused(error):
                    raise
                break
        return self._one_by_one(waiting)

    def _was_refused(self, error: psycopg.Error) -> bool:
        """PostgreSQL: the server or, of a value, the driver has answered, so that nothing of the batch was kept; not
        that the server went away."""
        if error.sqlstate in STALE:
            return True
        if self._connection is None or (error.sqlstate is None and not is_not_kept(error)):
            return False
        driver: Any = self._connection.connection.driver_connection
        return not driver.closed

    def _one_by_one(self, works: list[Work]) -> bool:
        wrote = False
        for work in works:
            try:
                wrote |= self._attempt([work])
            except _VerbFailed:
                continue
            except Exception as error:  # noqa: BLE001  those before it are committed: only this one failed
                self._drop_connection()
                work.result, work.error = None, translated(error)
                self._note_failure(error)
        return wrote

    def _attempt(self, works: list[Work]) -> bool:
        """One transaction, run again where a chain turns out to have been begun. True if it wrote events."""
        try:
            return self._transact(works)
        except psycopg.Error as error:
            if self._chained or not is_chain_ahead(error):
                raise
            self._chained = True
            return self._transact(works)

    def _transact(self, works: list[Work]) -> bool:
        connection = self._open_connection()
        transaction = connection.begin()
        try:
            if not self._savepoints:
                postpone(connection, _TAKE_LOCK)
            self._prefetch(connection, works)
            events: list[Any] = []
            for run in _runs(works):
                events += self._run_verbs(connection, run, alone=len(works) == 1)
            if events:
                append_events(connection, events, origins=self._origins, chained=self._chained)
            crash_point("before-commit")
            if not self._savepoints:
                commit(connection)
            transaction.commit()
            self._note_success()
            self._origins.committed()
            crash_point("after-commit-before-answer")
        except BaseException:
            forget(connection)
            self._origins.undone()
            self._undo(transaction)
            raise
        return bool(events)

    def _rehearse(self, work: Work) -> None:
        """Run a verb in a transaction of its own that is never committed."""
        try:
            connection = self._open_connection()
            transaction = connection.begin()
        except Exception as error:  # noqa: BLE001  it is answered to whoever waits
            self._drop_connection()
            work.error = translated(error)
            return
        connection.info["prefetched"] = {}
        uow = self._unit(connection, work)
        try:
            work.verb(uow, **work.kwargs)
            uow.finish()
            owed = _FollowUps()
            owed.take(work, uow)
            owed.do()
            settle(connection)
            work.result = tuple(uow.events)
        except _VerbFailed:
            uow.discard()
        except Exception as error:  # noqa: BLE001  it is answered to whoever waits
            uow.discard()
            work.error = translated(error)
        finally:
            forget(connection)
            self._undo(transaction)

    def _prefetch(self, connection: Connection, works: Sequence[Work]) -> None:
        """Load in one read what several verbs of the batch will ask for."""
        calls: dict[Prefetch, list[dict[str, Any]]] = {}
        for work in works:
            prefetch = getattr(work.verb, "prefetch", None)
            if prefetch is not None:
                calls.setdefault(prefetch, []).append(work.kwargs)
        found: dict[tuple[str, str], Any] = {}
        connection.info["prefetched"] = found
        for prefetch, its_calls in calls.items():
            if len(its_calls) > 1:
                uow = UnitOfWork(connection, now=self._clock(), actor=None)
                found.update(prefetch(uow, its_calls))
                uow.finish()

    def _run_verbs(self, connection: Connection, works: Sequence[Work], *, alone: bool) -> list[EmittedEvent]:
        """Verbs, and then once what follows from them; it is told of whoever asked for it first."""
        owed = _FollowUps()
        events: list[EmittedEvent] = []
        for work in works:
            uow = self._run_verb(connection, work, alone=alone)
            if uow is not None:
                events += uow.events
                owed.take(work, uow)
        if owed:
            connection.info["prefetched"].clear()
            events += owed.do()
        return events

    def _run_verb(self, connection: Connection, work: Work, *, alone: bool) -> UnitOfWork | None:
        """None: it was refused, and nothing is left of it."""
        work.result = work.error = None
        uow = self._unit(connection, work)
        connection.info["wrote"] = False
        cursor = connection.connection.cursor() if self._savepoints else None
        if cursor is not None:
            cursor.execute("SAVEPOINT verb")
        try:
            work.result = work.verb(uow, **work.kwargs)
            uow.finish()
            if not hasattr(work.verb, "prefetch"):
                connection.info["prefetched"].clear()
            if alone:
                settle(connection)
        except Exception as error:  # noqa: BLE001  it is answered to whoever waits
            uow.discard()
            work.result, work.error = None, translated(error)
            self._undo_verb(connection, cursor, work, error)
            return None
        if cursor is not None:
            cursor.execute("RELEASE verb")
        return uow

    def _unit(self, connection: Connection, work: Work) -> UnitOfWork:
        return UnitOfWork(
            connection,
            now=self._clock(),
            actor=work.actor,
            correlation_id=work.correlation_id,
            origin=work.origin,
        )

    def _undo_verb(self, connection: Connection, cursor: Any, work: Work, error: Exception) -> None:
        if cursor is not None:
            cursor.execute("ROLLBACK TO verb")
            cursor.execute("RELEASE verb")
        elif connection.info["wrote"] or not isinstance(error, Refusal):
            raise _VerbFailed(work, error)

    def _open_connection(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _undo(self, transaction: Any) -> None:
        try:
            transaction.rollback()
        except (SQLAlchemyError, OSError):
            self._drop_connection()

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except (SQLAlchemyError, OSError):
                _LOG.warning("the writer's connection could not be closed cleanly")


def _runs(works: Sequence[Work]) -> Iterator[list[Work]]:
    """Verbs that stand one after another and are loaded together; any other verb alone."""
    for prefetch, run in groupby(works, key=lambda work: getattr(work.verb, "prefetch", None)):
        if prefetch is None:
            yield from ([work] for work in run)
        else:
            yield list(run)


@dataclass(slots=True)
class _Owed:
    """Who asked first for what follows, and about what anybody did."""

    work: Work
    uow: UnitOfWork
    abouts: dict[Any, None] = field(default_factory=dict)


class _FollowUps:
    """What follows from the verbs of a run."""

    def __init__(self) -> None:
        self._owed: dict[FollowUp, _Owed] = {}

    def __bool__(self) -> bool:
        return bool(self._owed)

    def take(self, work: Work, uow: UnitOfWork) -> None:
        """What a unit asked for."""
        for follow_up, abouts in uow.follow_ups.items():
            self._owed.setdefault(follow_up, _Owed(work, uow)).abouts.update(abouts)
        uow.follow_ups.clear()

    def do(self) -> list[EmittedEvent]:
        """Do all of it, in the order it was asked for; its events. `_VerbFailed` where something of it fails."""
        events: list[EmittedEvent] = []
        while self._owed:
            follow_up = next(iter(self._owed))
            owed = self._owed.pop(follow_up)
            before = len(owed.uow.events)
            try:
                follow_up(owed.uow, owed.abouts)
                owed.uow.finish()
            except Exception as error:
                owed.work.result, owed.work.error = None, translated(error)
                raise _VerbFailed(owed.work, error) from error
            events += owed.uow.events[before:]
            self.take(owed.work, owed.uow)
        return events


class _VerbFailed(Exception):
    """This verb wrote and failed, or what follows from it did, so the batch has to run again without it."""

    def __init__(self, work: Work, error: Exception) -> None:
        super().__init__("verb failed")
        self.work = work
        self.by_itself = isinstance(error, Refusal)
        """Not by the database, which may have meant an earlier verb's write."""


_HARMLESS: Final = ("SELECT", "SAVEPO", "RELEAS", "ROLLBA")
"""First letters of statements that leave nothing to undo."""


def _note_write(connection: Connection, _cursor: Any, statement: str, _params: Any, _context: Any, _many: bool) -> None:
    if not statement.lstrip()[:6].upper().startswith(_HARMLESS):
        connection.info["wrote"] = True


def translated(error: BaseException) -> BaseException:
    """What a verb's caller sees: refusals as they are, database errors as refusals or weather, bugs as bugs."""
    if isinstance(error, StaleDataError):
        return VersionConflict()
    if isinstance(error, (IntegrityError, sqlite3.IntegrityError, psycopg.IntegrityError)):
        return ConstraintConflict(_constraint(error))
    if is_not_kept(error):
        return ValueNotKept(str(getattr(error, "orig", error)).split("\n", 1)[0][:200])
    return weather(error) if isinstance(error, (OperationalError, *_DRIVER_WEATHER)) else error


def is_not_kept(error: BaseException) -> bool:
    """A value was refused for what it is: by the database, or by its driver."""
    if isinstance(error, OverflowError):
        return "SQLite INTEGER" in str(error)
    return isinstance(error, (DataError, psycopg.DataError))


def _constraint(error: BaseException) -> str:
    original = getattr(error, "orig", error)
    diagnostics = getattr(original, "diag", None)
    name = getattr(diagnostics, "constraint_name", None)
    return str(name or original)


_DRIVER_WEATHER: Final = (sqlite3.OperationalError, psycopg.OperationalError)


def weather(error: BaseException) -> BaseException:
    """A failure of the database itself as `database-unavailable`; anything else stays a bug."""
    if isinstance(error, (DBAPIError, OSError, *_DRIVER_WEATHER)):
        return Unavailable("The database cannot be written to right now.", code="database-unavailable")
    return error
