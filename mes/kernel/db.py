"""One plant's database: `write` runs verbs on the grouping writer, `read` runs queries on a few reader threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session

from mes.kernel.clock import Clock, system_clock
from mes.kernel.engine import Dialect, dialect_of, reader_engine, writer_engine
from mes.kernel.errors import Refusal, Unavailable
from mes.kernel.glance import Glance
from mes.kernel.limits import READER_THREADS
from mes.kernel.origins import acting_from
from mes.kernel.pending import ask
from mes.kernel.roundtrip import undo
from mes.kernel.uow import EmittedEvent, UnitOfWork
from mes.kernel.writer import Work, Writer, is_not_kept, translated

T = TypeVar("T")
P = ParamSpec("P")
_Look = Callable[[], AbstractContextManager[Any]]
"""Opens what a query reads from."""


class ReadOnlySession(RuntimeError):
    """A query tried to write: a bug."""


class _Cut(Unavailable):
    """A connection to the database that was there is there no more."""

    def __init__(self) -> None:
        super().__init__("The database cannot be read right now.", code="database-unavailable")


class ReadSession(Session):
    """What a query gets: one snapshot. It cannot write."""

    def once(self, query: Callable[Concatenate[ReadSession, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What a query says, asked once however many parts of a page need it: a snapshot answers the same each time.

        Arguments are hashable; the answer is not to be changed.
        """
        asked = (query, args, tuple(kwargs.items()))
        answers = self.info.setdefault("once", {})
        if asked not in answers:
            answers[asked] = query(self, *args, **kwargs)
        answer: T = answers[asked]
        return answer

    def rollback(self) -> None:
        """What is asked from now on is asked of a new snapshot."""
        self.info.clear()
        _undo(self.get_bind())
        super().rollback()

    def flush(self, objects: Any = None) -> None:
        """Refuse anything that would be written; nothing pending is fine."""
        if self.new or self.dirty or self.deleted:
            raise ReadOnlySession("queries do not write")

    @property
    def dialect(self) -> str:
        """Whose SQL it speaks."""
        return self.get_bind().dialect.name

    def driver_query(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """Read with one hot statement, past SQLAlchemy; `?` stands for a parameter on both databases."""
        return self.driver_queries([(sql, params)])[0]

    def driver_queries(self, queries: Sequence[tuple[str, Sequence[Any]]]) -> list[list[Any]]:
        """As `driver_query`, for some that do not need each other's answers: one round trip on PostgreSQL."""
        return _answers(self.connection(), queries)

    def commit(self) -> None:
        """Never: a read ends by being closed."""
        raise ReadOnlySession("queries do not commit")


def _undo(connection: Any) -> None:
    """Of a snapshot that failed, so that what was prepared stays so."""
    if connection.dialect.name == "postgresql" and not connection.invalidated:
        try:
            undo(connection)
        except psycopg.Error:
            connection.invalidate()


class _ShortLook:
    """PostgreSQL: each question is a transaction of its own, so that it costs one round trip where a snapshot
    costs two."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def driver_query(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        return _answers(self._connection, [(sql, params)])[0]


def _answers(connection: Connection, queries: Sequence[tuple[str, Sequence[Any]]]) -> list[list[Any]]:
    held: Any = connection.connection.driver_connection
    try:
        return ask(connection, queries)
    except psycopg.Error as error:
        if not held.closed:
            raise
        connection.invalidate()
        raise _Cut() from error


class Database:
    """The only way to a plant's data. Verbs and queries are plain synchronous functions."""

    def __init__(
        self,
        url: str,
        *,
        plant_id: str = "default",
        schema: str | None = None,
        clock: Clock = system_clock,
        chained: bool = False,
    ) -> None:
        self.url = url
        self.schema = schema
        self.plant_id = plant_id
        self.clock = clock
        self.dialect: Dialect = dialect_of(url)
        self.own_glance = Glance(url) if self.dialect == "sqlite" else None
        self._listeners: list[Callable[[], None]] = []
        self._gathered: dict[asyncio.AbstractEventLoop, list[Work]] = {}
        self._gathering = threading.Lock()
        """A plant may be closed by another thread than its event loop's."""
        self._writer_engine = writer_engine(url, schema=schema)
        self._reader_engine = reader_engine(url, schema=schema, pool_size=READER_THREADS)
        self._readers = ThreadPoolExecutor(READER_THREADS, thread_name_prefix=f"read-{plant_id}")
        self._writer = Writer(
            self._writer_engine,
            clock,
            deliver_all=_deliver_all,
            after_commit=self._committed,
            chained=chained,
            name=f"write-{plant_id}",
        )

    async def write(
        self,
        verb: Callable[Concatenate[UnitOfWork, P], T],
        /,
        *,
        actor: int | None,
        correlation_id: str = "",
        **kwargs: Any,
    ) -> T:
        """Run a verb in a unit of work; returns when it is durably committed. Refusals pass through."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        work = Work(verb, kwargs, actor, correlation_id, deliver=_ToLoop(future), origin=acting_from.get())
        self._hand_over(work, future.get_loop())
        return await future

    async def rehearse(
        self,
        verb: Callable[Concatenate[UnitOfWork, P], Any],
        /,
        *,
        actor: int | None,
        correlation_id: str = "",
        **kwargs: Any,
    ) -> tuple[EmittedEvent, ...]:
        """Run a verb and undo it; the events it would have recorded. Refusals pass through."""
        future: asyncio.Future[tuple[EmittedEvent, ...]] = asyncio.get_running_loop().create_future()
        work = Work(verb, kwargs, actor, correlation_id, deliver=_ToLoop(future), rehearsal=True)
        self._hand_over(work, future.get_loop())
        return await future

    def write_now(
        self,
        verb: Callable[Concatenate[UnitOfWork, P], T],
        /,
        *,
        actor: int | None,
        correlation_id: str = "",
        **kwargs: Any,
    ) -> T:
        """`write` for threads without an event loop (CLI, seeding, tests)."""
        future: Future[T] = Future()
        work = Work(verb, kwargs, actor, correlation_id, deliver=_ToThread(future), origin=acting_from.get())
        self._writer.submit([work])
        return future.result()

    async def read(self, query: Callable[Concatenate[ReadSession, P], T], /, **kwargs: Any) -> T:
        """Run a query on a reader thread, in one snapshot."""
        return await self._on_a_reader(query, kwargs, self._snapshot)

    async def glance(self, query: Callable[..., T], /, **kwargs: Any) -> T:
        """Ask a small question that is asked again and again: whether something is due, what is new.

        It takes `driver_query` alone, has a snapshot a statement, and finds its rows by an index, since on SQLite it is
        answered here, on the event loop: 20 µs, where a reader's thread and session cost 50 times as much.
        """
        if self.own_glance is None:
            return await self._on_a_reader(query, kwargs, self._short_look)
        return query(self.own_glance, **kwargs)

    def read_now(self, query: Callable[Concatenate[ReadSession, P], T], /, **kwargs: Any) -> T:
        """`read` for threads without an event loop."""
        return self._query(query, kwargs, self._snapshot)

    @property
    def writes_waiting(self) -> int:
        """How many verbs wait for the writer of this process."""
        return self._writer.waiting

    def on_commit(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back (from the writer's thread) after each commit that wrote events. Returns how to stop it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def close(self) -> None:
        """Finish the waiting writes, end the readers, close every connection."""
        with self._gathering:
            gathered = [work for works in self._gathered.values() for work in works]
            self._gathered.clear()
        self._writer.submit(gathered)
        self._writer.close()
        self._readers.shutdown()
        if self.own_glance is not None:
            self.own_glance.close()
        self._writer_engine.dispose()
        self._reader_engine.dispose()

    def _hand_over(self, work: Work, loop: asyncio.AbstractEventLoop) -> None:
        """At the end of this round of the event loop, together with what else is written in it: as one batch."""
        with self._gathering:
            gathered = self._gathered.setdefault(loop, [])
            gathered.append(work)
        if len(gathered) == 1:
            loop.call_soon(self._end_of_round, loop)

    def _end_of_round(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._gathering:
            gathered = self._gathered.pop(loop, ())
        self._writer.submit(gathered)

    async def _on_a_reader(self, query: Callable[..., T], kwargs: dict[str, Any], look: _Look) -> T:
        try:
            asked = self._readers.submit(self._query, query, kwargs, look)
        except RuntimeError as error:  # the readers have ended
            raise Unavailable("This plant is being closed.", code="shutting-down") from error
        return await asyncio.wrap_future(asked)

    def _query(self, query: Callable[..., T], kwargs: dict[str, Any], look: _Look) -> T:
        """A connection may have been cut while it rested: there are new ones then, and the question is asked again."""
        try:
            return self._ask(query, kwargs, look)
        except _Cut:
            self._reader_engine.dispose()
            return self._ask(query, kwargs, look)

    def _ask(self, query: Callable[..., T], kwargs: dict[str, Any], look: _Look) -> T:
        try:
            with look() as reads:
                return query(reads, **kwargs)
        except (DBAPIError, OverflowError, psycopg.DataError) as error:
            if is_not_kept(error):
                raise translated(error) from error
            if not isinstance(error, DBAPIError):
                raise
            if error.connection_invalidated:
                raise _Cut() from error
            if isinstance(error, OperationalError) or self.dialect == "sqlite":
                raise Unavailable("The database cannot be read right now.", code="database-unavailable") from error
            raise

    @contextmanager
    def _snapshot(self) -> Iterator[ReadSession]:
        """It ends by a commit, a refused question's too."""
        with self._reader_engine.connect() as connection, ReadSession(bind=connection) as session:
            try:
                yield session
            except Refusal:
                connection.commit()
                raise
            except BaseException:
                _undo(connection)
                raise
            connection.commit()

    @contextmanager
    def _short_look(self) -> Iterator[_ShortLook]:
        with self._reader_engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.autocommit = True
            try:
                yield _ShortLook(connection)
            finally:
                if not driver.closed:
                    driver.autocommit = False

    def _committed(self) -> None:
        for callback in tuple(self._listeners):
            callback()


class _ToLoop:
    """Delivers one result to a future of an event loop."""

    __slots__ = ("future", "loop")

    def __init__(self, future: asyncio.Future[Any]) -> None:
        self.future = future
        self.loop = future.get_loop()

    def __call__(self, work: Work) -> None:
        if self.future.done():
            return
        if work.error is None:
            self.future.set_result(work.result)
        else:
            self.future.set_exception(work.error)


class _ToThread:
    """Delivers one result to a waiting thread."""

    __slots__ = ("future",)

    def __init__(self, future: Future[Any]) -> None:
        self.future = future

    def __call__(self, work: Work) -> None:
        if work.error is None:
            self.future.set_result(work.result)
        else:
            self.future.set_exception(work.error)


def _deliver_all(works: Sequence[Work]) -> None:
    """Answer everyone of a batch: one wake-up an event loop, not one a verb."""
    loops: dict[asyncio.AbstractEventLoop, list[Work]] = {}
    for work in works:
        if isinstance(work.deliver, _ToLoop):
            loops.setdefault(work.deliver.loop, []).append(work)
        else:
            work.deliver(work)
    for loop, its_works in loops.items():
        try:
            loop.call_soon_threadsafe(_deliver_each, its_works)
        except RuntimeError:  # the loop has closed: nobody waits any more
            continue


def _deliver_each(works: Sequence[Work]) -> None:
    for work in works:
        work.deliver(work)
