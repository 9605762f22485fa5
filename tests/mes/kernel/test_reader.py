"""How questions are asked."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, func, select, text

from mes.kernel import engine
from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import NotFound
from mes.kernel.tables import OutboxEvent
from tests.support.cut import cut_all_connections

_PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '% + $1::int'"


def _asked(session: ReadSession, *, refused: bool) -> Any:
    found = session.driver_query("SELECT 1 + ?::int", (1,))
    if refused:
        raise NotFound()
    return found


def test_what_is_asked_often_stays_prepared_whether_or_not_it_was_refused(postgres_url: str) -> None:
    """psycopg forgets every prepared statement at a rollback, and PostgreSQL then plans each question anew."""
    plant = Database(postgres_url)
    try:
        for n in range(8):
            with suppress(NotFound):
                plant.read_now(_asked, refused=n % 2 == 1)
        assert plant.read_now(lambda session: session.driver_query(_PREPARED, ())[0][0]) == 1
    finally:
        plant.close()


def test_hot_statements_go_on_after_a_part_of_a_page_or_a_question_has_failed(database: Database) -> None:
    """Those of the driver's and those SQLAlchemy sends are prepared on one connection."""

    def page(session: ReadSession, *, rolls_back: bool, fails: bool) -> int:
        found = 0
        for is_last in (False, True):
            found += session.driver_query("SELECT count(*) FROM outbox_event WHERE seq > ?", (0,))[0][0]
            found += session.execute(select(func.count()).select_from(OutboxEvent)).scalar() or 0
            if rolls_back and not is_last:
                session.rollback()
        if fails:
            session.driver_query("SELECT nothing_of_the_kind")
        return found

    for n in range(32):
        if n % 8 == 7:
            with pytest.raises(Exception, match="nothing_of_the_kind"):
                database.read_now(page, rolls_back=False, fails=True)
        assert database.read_now(page, rolls_back=n % 8 == 5, fails=False) == 0


def test_what_parts_of_a_page_need_is_asked_once_in_a_snapshot(database: Database) -> None:
    asked: list[int] = []

    def twice(session: ReadSession, *, n: int) -> int:
        asked.append(n)
        return 2 * n

    def page(session: ReadSession) -> list[int]:
        said = [session.once(twice, n=n) for n in (1, 2, 1, 2)]
        session.rollback()  # one part could not be told
        return [*said, session.once(twice, n=1)]

    assert database.read_now(page) == [2, 4, 2, 4, 2]
    assert asked == [1, 2, 1]
    database.read_now(page)
    assert asked == [1, 2, 1, 1, 2, 1]


def test_a_large_file_is_seen_as_it_lies_in_memory(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def mapped(session: ReadSession) -> int:
        return int(session.driver_query("PRAGMA mmap_size")[0][0])

    small = Database(sqlite_url)
    assert small.read_now(mapped) == 0, "it fits into a reader's memory"
    small.close()
    monkeypatch.setattr(engine, "READER_CACHE_KIB", 4)
    large = Database(sqlite_url)
    assert large.read_now(mapped) == engine.READER_MAP_BYTES
    large.close()


def test_a_statement_is_compiled_once_for_all_plants(sqlite_url: str, tmp_path: Path) -> None:
    statement = select(OutboxEvent.seq).where(OutboxEvent.subject == "asked-in-this-test-only").limit(7)
    shutil.copy(sqlite_url.removeprefix("sqlite:///"), tmp_path / "other.sqlite")
    plants = [Database(url) for url in (sqlite_url, f"sqlite:///{tmp_path / 'other.sqlite'}")]
    try:
        found = [plant.read_now(_how_compiled, statement=statement) for plant in plants]
    finally:
        for plant in plants:
            plant.close()
    assert found == ["CACHE_MISS", "CACHE_HIT"]


def _how_compiled(session: ReadSession, *, statement: Any) -> str:
    how: list[str] = []
    event.listen(
        session.connection(),
        "before_cursor_execute",
        lambda _connection, _cursor, _sql, _given, context, _many: how.append(context.cache_hit.name),
    )
    session.execute(statement)
    return how[0]


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["statement", "driver"])
def test_a_question_is_asked_again_where_the_connections_were_cut_while_they_rested(
    postgres_url: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    def ask(session: ReadSession) -> Any:
        if how == "driver":
            return session.driver_query("SELECT pg_backend_pid()")[0][0]
        return session.execute(text("SELECT pg_backend_pid()")).scalar()

    plant = Database(postgres_url)
    try:
        first = cut_all_connections(plant)
        assert not {plant.read_now(ask) for _ in range(4)} & first
        assert caplog.messages == []
    finally:
        plant.close()


def test_nothing_is_written_by_a_question(database: Database) -> None:
    def write(session: ReadSession) -> None:
        session.driver_query("DELETE FROM outbox_event")

    with pytest.raises((psycopg.errors.ReadOnlySqlTransaction, sqlite3.OperationalError)):
        database.read_now(write)
