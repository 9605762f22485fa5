"""PostgreSQL: hot statements travel together: all are sent, then all answers are read.

psycopg's own pipeline looks for answers after each statement it sends, which is a third of a millisecond for the six of
a batch, and comes to a halt where a socket's buffer is full. This goes one storey lower, to libpq as psycopg wraps it,
with psycopg's adapters and its waiting.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait
from sqlalchemy import Connection

PREPARED_MAX: Final = 200
"""Statements a connection keeps prepared, with those it has seen once. The one that was not used for longest goes."""
_KEPT: Final = "round-trip"
_FINE: Final = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
_Key = tuple[str, tuple[int, ...]]
"""A statement's text and the types of its parameters."""


@dataclass(slots=True)
class _Prepared:
    """What a connection has prepared: a statement is at its second use, so that what is asked once is not kept."""

    names: OrderedDict[_Key, bytes | None] = field(default_factory=OrderedDict)
    made: int = 0


def round_trip(connection: Connection, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[PGresult]:
    """The answers to statements (`?` stands for a parameter), in a transaction that is begun with them if none is open.

    psycopg.Error of the first that failed: those after it were not run. psycopg.OperationalError, and the connection
    closed, where the server went away.
    """
    driver: Any = connection.connection.driver_connection
    trip = _RoundTrip(driver, connection.info.setdefault(_KEPT, _Prepared()))
    transformer = Transformer(driver)
    dumped = []
    for sql, params in statements:
        values = transformer.dump_sequence(params, [PyFormat.AUTO] * len(params))
        dumped.append(((sql, tuple(transformer.types or ())), values, transformer.formats))
    try:
        trip.begin()
        places = [trip.send(*each) for each in dumped]
        answers = driver.wait(trip.answers())
    except BaseException:
        driver.close()  # nobody knows what it would answer next
        raise
    trip.keep_prepared(answers)
    for answer in answers:
        if answer.status not in _FINE:
            raise error_from_result(answer)
    return [answers[place] for place in places]


def rows_of(connection: Connection, answer: PGresult) -> list[tuple[Any, ...]]:
    """What a statement found."""
    driver: Any = connection.connection.driver_connection
    transformer = Transformer(driver)
    transformer.set_pgresult(answer)
    return transformer.load_rows(0, answer.ntuples, tuple)


class _RoundTrip:
    """Commands sent, and how they are answered."""

    def __init__(self, driver: psycopg.Connection[Any], prepared: _Prepared) -> None:
        self._driver = driver
        self._pgconn: PGconn = driver.pgconn
        self._prepared = prepared
        self._preparing: dict[_Key, tuple[int, bytes]] = {}
        self._sent = 0

    def begin(self) -> None:
        """A transaction as the connection wants it, unless there is one or it wants none."""
        driver = self._driver
        is_idle = self._pgconn.transaction_status == pq.TransactionStatus.IDLE
        self._pgconn.enter_pipeline_mode()
        if is_idle and not driver.autocommit:
            isolation = driver.isolation_level
            level = "" if isolation is None else f" ISOLATION LEVEL {isolation.name.replace('_', ' ')}"
            self._plain(f"BEGIN{level}{' READ ONLY' if driver.read_only else ''}".encode())

    def send(self, key: _Key, values: Sequence[Any], formats: Sequence[pq.Format] | None) -> int:
        """A statement; the place of its answer."""
        sql, types = key
        name = self._name_of(key)
        if name is None:
            return self._plain(_numbered(sql), values, types, formats)
        self._pgconn.send_query_prepared(name, values, formats)
        return self._next()

    def answers(self) -> Generator[Wait, Ready, list[PGresult]]:
        """To all that was sent; psycopg waits for the socket where this says so."""
        pgconn = self._pgconn
        pgconn.pipeline_sync()
        while pgconn.flush():
            if (yield Wait.RW) & Ready.R:
                pgconn.consume_input()
        found: list[PGresult] = []
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
                return found
            found.append(answer)

    def keep_prepared(self, answers: Sequence[PGresult]) -> None:
        """Use from now on what was prepared."""
        for key, (place, name) in self._preparing.items():
            if answers[place].status == pq.ExecStatus.COMMAND_OK:
                self._prepared.names[key] = name

    def _name_of(self, key: _Key) -> bytes | None:
        """Of a prepared statement; None: it is sent as it is."""
        names = self._prepared.names
        if key in self._preparing:
            return self._preparing[key][1]
        if key not in names:
            names[key] = None
            self._make_room()
            return None
        names.move_to_end(key)
        return names[key] or self._prepare(key)

    def _prepare(self, key: _Key) -> bytes:
        sql, types = key
        self._prepared.made += 1
        name = f"lineside_{self._prepared.made}".encode()
        self._pgconn.send_prepare(name, _numbered(sql), types)
        self._preparing[key] = (self._next(), name)
        return name

    def _make_room(self) -> None:
        if len(self._prepared.names) > PREPARED_MAX:
            _, name = self._prepared.names.popitem(last=False)
            if name is not None:
                self._plain(b"DEALLOCATE " + name)

    def _plain(self, sql: bytes, values: Sequence[Any] = (), types: Sequence[int] = (), formats: Any = None) -> int:
        self._pgconn.send_query_params(sql, values, types, formats)
        return self._next()

    def _next(self) -> int:
        self._sent += 1
        return self._sent - 1


@lru_cache(maxsize=1_000)
def _numbered(sql: str) -> bytes:
    """With parameters as PostgreSQL writes them."""
    first, *others = sql.split("?")
    return (first + "".join(f"${number}{part}" for number, part in enumerate(others, start=1))).encode()
