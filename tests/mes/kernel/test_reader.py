"""How questions are asked."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import NotFound

_PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%% + $1::int'"


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
