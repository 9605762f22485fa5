"""PostgreSQL: hot statements travel together: all are sent, then all answers are read.

psycopg's own pipeline waits for the socket, sends and looks for answers after each statement, ten times for the six of
a batch, and comes to a halt where both sides' buffers are full. This goes one storey lower, to libpq as psycopg wraps
it, with psycopg's adapters and its waiting.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg import abc, pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait
from sqlalchemy import Connection

PREPARED_MAX: Final = 200
"""Statements that a connection keeps prepared. The one that was not used for longest goes."""
SEEN_MAX: Final = 500
"""Statements that it remembers to have seen once."""
PARAMETERS_MAX: Final = 65_535
"""Of one statement (PostgreSQL's protocol)."""
STALE: Final = frozenset({"26000", "0A000"})
"""What PostgreSQL says of a prepared statement that it no longer has, or whose tables have become others since: nothing
is wrong with what was asked, and a new connection knows it."""
_KNOWN: Final = "round-trip"
_FINE: Final = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
_Key = tuple[str, tuple[int, ...]]
"""A statement's text and the types of its parameters."""


@dataclass(slots=True)
class _Known:
    """What a connection knows: how types are read and written, and what is prepared. A statement is at its second use,
    so that what is asked once is not kept."""

    transformer: abc.Transformer
    names: OrderedDict[_Key, bytes] = field(default_factory=OrderedDict)
    seen: OrderedDict[_Key, None] = field(default_factory=OrderedDict)
    given_up: list[bytes] = field(default_factory=list)
    """Prepared, and to be freed with the next round trip."""
    made: int = 0

    def is_new(self, key: _Key) -> bool:
        """Whether it was not seen before; it is from now on."""
        if key in self.seen:
            del self.seen[key]
            return False
        self.seen[key] = None
        if len(self.seen) > SEEN_MAX:
            self.seen.popitem(last=False)
        return True

    def keep(self, key: _Key, name: bytes) -> None:
        self.names[key] = name
        if len(self.names) > PREPARED_MAX:
            self.given_up.append(self.names.popitem(last=False)[1])


def round_trip(connection: Connection, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[PGresult]:
    """The answers to statements (`?` stands for a parameter), in a transaction that is begun with them if none is open.

    psycopg.Error of the first that failed: those after it were not run. Nothing was sent where a value or the number of
    values is wrong. The connection is closed where the server went away, where nobody knows what it would answer next,
    and after `STALE`.
    """
    driver: Any = connection.connection.driver_connection
    known = _known(connection)
    trip, transformer = _RoundTrip(driver, known), known.transformer
    dumped = []
    for sql, params in statements:
        _refuse_unless_fitting(sql, params)
        values = transformer.dump_sequence(params, [PyFormat.AUTO] * len(params))
        dumped.append(((sql, tuple(transformer.types or ())), values, transformer.formats))
    try:
        trip.begin()
        places = [trip.send(*each) for each in dumped]
        answers = driver.wait(trip.answers())
    except BaseException:
        driver.close()
        raise
    trip.keep_prepared(answers)
    for answer in answers:
        if answer.status not in _FINE:
            error = error_from_result(answer)
            if error.sqlstate in STALE:
                driver.close()
            raise error
    return [answers[place] for place in places]


def rows_of(connection: Connection, answers: Sequence[PGresult]) -> list[list[tuple[Any, ...]]]:
    """What each statement found."""
    transformer = _known(connection).transformer
    found = []
    for answer in answers:
        transformer.set_pgresult(answer)
        found.append(transformer.load_rows(0, answer.ntuples, tuple))
    transformer.set_pgresult(None)
    return found


def _known(connection: Connection) -> _Known:
    known: _Known | None = connection.info.get(_KNOWN)
    if known is None:
        known = connection.info[_KNOWN] = _Known(Transformer(connection.connection.driver_connection))
    return known


def undo(connection: Connection) -> None:
    """End a transaction, if there is one. After its own rollback psycopg has the server forget every prepared
    statement, those of this module as well."""
    driver: Any = connection.connection.driver_connection
    if driver.pgconn.transaction_status != pq.TransactionStatus.IDLE:
        round_trip(connection, [("ROLLBACK", ())])


class _RoundTrip:
    """Commands sent, and how they are answered."""

    def __init__(self, driver: psycopg.Connection[Any], known: _Known) -> None:
        self._driver = driver
        self._pgconn: PGconn = driver.pgconn
        self._known = known
        self._preparing: dict[_Key, tuple[int, bytes]] = {}
        self._freeing: list[tuple[int, bytes]] = []
        self._sent = 0

    def begin(self) -> None:
        """A transaction as the connection wants it, unless there is one or it wants none."""
        driver = self._driver
        is_idle = self._pgconn.transaction_status == pq.TransactionStatus.IDLE
        self._pgconn.enter_pipeline_mode()
        if is_idle and not driver.autocommit:
            isolation = driver.isolation_level
            level = "" if isolation is None else f" ISOLATION LEVEL {isolation.name.replace('_', ' ')}"
            self.send((f"BEGIN{level}{' READ ONLY' if driver.read_only else ''}", ()), (), None)
        for name in self._known.given_up:
            self._freeing.append((self._plain(b"DEALLOCATE " + name), name))

    def send(self, key: _Key, values: Sequence[Any], formats: Sequence[pq.Format] | None) -> int:
        """A statement; the place of its answer."""
        sql, types = key
        name = self._name_of(key)
        if name is None:
            return self._plain(_numbered(sql)[0], values, types, formats)
        self._pgconn.send_query_prepared(name, values, formats)
        return self._next()

    def answers(self) -> Generator[Wait, Ready, list[PGresult]]:
        """To all that was sent; psycopg waits for the socket where this says so."""
        found: list[PGresult] = []
        try:
            yield from self._answers_to(found)
        except psycopg.OperationalError as error:
            said = next((answer for answer in found if answer.status == pq.ExecStatus.FATAL_ERROR), None)
            if said is None:
                raise
            raise error_from_result(said) from error  # why the server goes
        return found

    def _answers_to(self, found: list[PGresult]) -> Generator[Wait, Ready, None]:
        pgconn = self._pgconn
        pgconn.pipeline_sync()
        while pgconn.flush():
            if (yield Wait.RW) & Ready.R:
                pgconn.consume_input()
        ended = False
        while True:
            while pgconn.is_busy():
                yield Wait.R
                pgconn.consume_input()
            answer = pgconn.get_result()
            if answer is None and ended:  # nothing follows the end of an answer: the connection has
                raise psycopg.OperationalError("The connection was lost.")
            ended = answer is None
            if answer is None:
                continue
            if answer.status == pq.ExecStatus.PIPELINE_SYNC:
                pgconn.exit_pipeline_mode()
                return
            found.append(answer)

    def keep_prepared(self, answers: Sequence[PGresult]) -> None:
        """Use from now on what was prepared, and know what was freed."""
        for place, name in self._freeing:
            if answers[place].status == pq.ExecStatus.COMMAND_OK:
                self._known.given_up.remove(name)
        for key, (place, name) in self._preparing.items():
            if answers[place].status == pq.ExecStatus.COMMAND_OK:
                self._known.keep(key, name)

    def _name_of(self, key: _Key) -> bytes | None:
        """Of a prepared statement; None: it is sent as it is."""
        names = self._known.names
        if key in names:
            names.move_to_end(key)
            return names[key]
        if key in self._preparing:
            return self._preparing[key][1]
        return None if self._known.is_new(key) else self._prepare(key)

    def _prepare(self, key: _Key) -> bytes:
        sql, types = key
        self._known.made += 1
        name = f"lineside_{self._known.made}".encode()
        self._pgconn.send_prepare(name, _numbered(sql)[0], types)
        self._preparing[key] = (self._next(), name)
        return name

    def _plain(self, sql: bytes, values: Sequence[Any] = (), types: Sequence[int] = (), formats: Any = None) -> int:
        self._pgconn.send_query_params(sql, values, types, formats)
        return self._next()

    def _next(self) -> int:
        self._sent += 1
        return self._sent - 1


@lru_cache(maxsize=1_000)
def _numbered(sql: str) -> tuple[bytes, int]:
    """With parameters as PostgreSQL writes them, and how many there are."""
    first, *others = sql.split("?")
    return (first + "".join(f"${number}{part}" for number, part in enumerate(others, start=1))).encode(), len(others)


def _refuse_unless_fitting(sql: str, params: Sequence[Any]) -> None:
    _, asked = _numbered(sql)
    if asked != len(params) or asked > PARAMETERS_MAX:
        raise psycopg.ProgrammingError(f"{len(params)} values for {asked} of at most {PARAMETERS_MAX} parameters.")
