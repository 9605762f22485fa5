"""PostgreSQL: statements that travel together, on the writer's own kind of connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection

from mes.kernel import roundtrip
from mes.kernel.engine import writer_engine
from mes.kernel.pending import ask, commit, forget, keyed_update, postpone, write_many
from mes.kernel.roundtrip import PARAMETERS_MAX, round_trip, undo

ASKED_BEFORE = pytest.mark.parametrize("times", [1, 3], ids=["as it is", "prepared"])


@pytest.fixture
def connection(postgres_url: str) -> Iterator[Connection]:
    engine = writer_engine(postgres_url)
    connection = engine.connect()
    with connection.begin():
        connection.exec_driver_sql("CREATE TABLE tally (name TEXT PRIMARY KEY, value BIGINT)")
    yield connection
    connection.invalidate()
    engine.dispose()


def driver_of(connection: Connection) -> Any:
    return connection.connection.driver_connection


def prepared(connection: Connection) -> list[str]:
    found = ask(connection, [("SELECT name FROM pg_prepared_statements ORDER BY prepare_time", ())])[0]
    return [name for (name,) in found]


@pytest.mark.parametrize(
    "value", [None, True, 7, -(2**40), 2**70, 1.5, Decimal("1.10"), "ä?%s", b"\x00\xff", "", [1, 2]]
)
def test_what_is_sent_comes_back(connection: Connection, value: object) -> None:
    """As it is, prepared, and prepared before: three times."""
    kind = {None: "TEXT", True: "BOOLEAN"}.get(value) if not isinstance(value, list) else "INT[]"  # type: ignore[call-overload]
    kind = kind or {int: "NUMERIC", float: "FLOAT8", Decimal: "NUMERIC", str: "TEXT", bytes: "BYTEA"}[type(value)]
    for _ in range(3):
        assert ask(connection, [(f"SELECT ?::{kind}, 1", (value,))]) == [[(value, 1)]]


@pytest.mark.parametrize("present", [10, 1_000])
def test_rows_are_changed_by_key_in_a_table_nobody_has_counted_yet(connection: Connection, present: int) -> None:
    """However few: PostgreSQL expects 100 rows of any JSON, and of a new table that it is tiny."""
    change = keyed_update("job", (("value", "bigint"), ("pk", "int")))
    postpone(connection, "CREATE TABLE job (pk INT PRIMARY KEY, value BIGINT, words CHAR(400))")
    postpone(connection, f"INSERT INTO job SELECT n, n, '' FROM generate_series(1, {present}) n")
    rows = '[{"pk": 7, "value": 1}, {"pk": 8, "value": 2}]'
    plan = "\n".join(row[0] for row in ask(connection, [(f"EXPLAIN {change.many}", (rows,))])[0])
    assert "Index Scan using job_pkey" in plan, plan
    assert "Index Cond: (pk = v.pk)" in plan, plan


def test_a_statement_that_fails_stops_those_after_it_and_is_named(connection: Connection) -> None:
    insert = "INSERT INTO tally VALUES (?, ?)"
    for _ in range(3):
        with pytest.raises(psycopg.errors.UniqueViolation, match="tally_pkey"):
            round_trip(connection, [(insert, ("a", 1)), (insert, ("a", 2)), (insert, ("b", 3))])
        undo(connection)
    assert ask(connection, [("SELECT name FROM tally", ())]) == [[]]
    commit(connection)


def test_what_is_prepared_outlives_what_is_undone(connection: Connection) -> None:
    query = ("SELECT value FROM tally WHERE name = ?", ("a",))
    for _ in range(3):
        ask(connection, [query])
    held = prepared(connection)
    assert len(held) == 1
    with pytest.raises(psycopg.errors.DivisionByZero):
        ask(connection, [query, ("SELECT 1 / ?", (0,)), ("SELECT 2", ())])
    undo(connection)
    assert ask(connection, [query, ("SELECT 3", ())]) == [[], [(3,)]]
    assert prepared(connection)[0] == held[0]


def test_one_that_could_not_be_prepared_is_tried_again(connection: Connection) -> None:
    """The table is there the third time."""
    query = ("SELECT value FROM later WHERE name = ?", ("a",))
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            ask(connection, [query])
        undo(connection)
    assert ask(connection, [("CREATE TABLE later (name TEXT, value INT)", ()), query, query])[1:] == [[], []]


def test_so_many_statements_are_kept_prepared_and_no_more(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roundtrip, "PREPARED_MAX", 5)
    for number in range(20):
        for _ in range(2):
            assert ask(connection, [(f"SELECT {number} + ?", (1,))]) == [[(number + 1,)]]
    assert len(prepared(connection)) <= 5
    assert (
        ask(connection, [(f"SELECT {number} + ?", (1,)) for number in range(20)] * 2)
        == [[(number + 1,)] for number in range(20)] * 2
    )


def test_both_sides_may_send_more_than_a_socket_takes(connection: Connection) -> None:
    large = "x" * 1_000_000
    for _ in range(3):
        found = ask(connection, [("SELECT ?::text", (large,)) for _ in range(20)])
        assert [len(rows[0][0]) for rows in found] == [1_000_000] * 20


def test_a_transaction_that_cannot_be_kept_is_not_taken_for_one_that_is(connection: Connection) -> None:
    """PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, and without an error."""
    with pytest.raises(psycopg.errors.DivisionByZero):
        ask(connection, [("SELECT 1 / ?", (0,))])
    assert driver_of(connection).info.transaction_status == TransactionStatus.INERROR
    with pytest.raises(psycopg.InternalError, match="ROLLBACK"):
        commit(connection)


def test_a_value_that_no_driver_takes_sends_nothing_and_loses_nothing(connection: Connection) -> None:
    """What is pending may be another verb's."""
    postpone(connection, "INSERT INTO tally VALUES (?, 1)", ("a",))
    with pytest.raises(psycopg.DataError):
        ask(connection, [("SELECT value FROM tally WHERE name = ?", ("a\0b",))])
    assert driver_of(connection).info.transaction_status == TransactionStatus.IDLE
    commit(connection)
    assert ask(connection, [("SELECT name FROM tally", ())]) == [[("a",)]]
    postpone(connection, "INSERT INTO tally VALUES (?, 1)", ("b\0",))
    for _ in range(2):
        with pytest.raises(psycopg.DataError):
            commit(connection)
    forget(connection)
    commit(connection)


@pytest.mark.parametrize(
    ("sql", "params"),
    [("SELECT ?::int", (1, 2)), ("SELECT 'really?'", ()), (f"SELECT {', '.join('?' * 65_536)}", tuple(range(65_536)))],
    ids=["too few", "a question", "too many"],
)
def test_parameters_that_do_not_fit_are_refused_and_the_connection_goes_on(
    connection: Connection, sql: str, params: tuple[int, ...]
) -> None:
    with pytest.raises(psycopg.ProgrammingError, match=str(PARAMETERS_MAX)):
        ask(connection, [(sql, params)])
    assert ask(connection, [("SELECT 1", ())]) == [[(1,)]]


def test_many_rows_by_one_statement(connection: Connection) -> None:
    rows = [(f"n{number}", number) for number in range(4_321)]
    write_many(connection, "INSERT INTO tally VALUES (?, ?)", rows)
    commit(connection)
    assert ask(connection, [("SELECT name, value FROM tally ORDER BY value", ())]) == [rows]


def test_what_was_asked_once_drives_out_nothing_that_is_asked_often(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roundtrip, "PREPARED_MAX", 12)
    monkeypatch.setattr(roundtrip, "SEEN_MAX", 30)
    often = [(f"SELECT {number} + ?", (1,)) for number in range(10)]
    ask(connection, often * 2)
    held = prepared(connection)[:10]
    for turn in range(5):
        ask(connection, [(f"SELECT {turn} * {number} + ?", (1,)) for number in range(20)])
        ask(connection, often)
    assert prepared(connection)[:10] == held


def test_what_could_not_be_freed_is_freed_later(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roundtrip, "PREPARED_MAX", 5)
    for number in range(20):
        for _ in range(2):
            ask(connection, [(f"SELECT {number} + ?", (1,))])
        with pytest.raises(psycopg.errors.DivisionByZero):
            ask(connection, [("SELECT 1 / ?", (0,))])
        undo(connection)
    ask(connection, [("SELECT 1", ())])
    assert len(prepared(connection)) <= 6


@pytest.mark.parametrize("stale", ["DEALLOCATE ALL", "ALTER TABLE tally ALTER value TYPE NUMERIC"])
def test_a_prepared_statement_that_is_so_no_more_ends_the_connection(connection: Connection, stale: str) -> None:
    query = ("SELECT value FROM tally WHERE name = ?", ("a",))
    for _ in range(3):
        ask(connection, [query])
    connection.connection.cursor().execute(stale)
    with pytest.raises(psycopg.Error) as refused:
        ask(connection, [query])
    assert refused.value.sqlstate in roundtrip.STALE
    assert driver_of(connection).closed


@ASKED_BEFORE
def test_a_server_that_goes_away_is_weather_and_ends_the_connection(
    connection: Connection, postgres_url: str, times: int
) -> None:
    query = ("SELECT value FROM tally WHERE name = ?", ("a",))
    for _ in range(times):
        ask(connection, [query])
    process = driver_of(connection).info.backend_pid
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
        cut = threading.Timer(0.2, other.execute, ["SELECT pg_terminate_backend(%s)", (process,)])
        cut.start()
        with pytest.raises(psycopg.errors.AdminShutdown):
            ask(connection, [query, ("SELECT pg_sleep(20)", ()), query])
        cut.join()
    assert driver_of(connection).closed
    with pytest.raises(psycopg.OperationalError):
        ask(connection, [query])
