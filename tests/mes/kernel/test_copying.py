"""Very many new rows, by `executemany` and by COPY."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mes.kernel.db import Database
from mes.kernel.uow import UnitOfWork

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
ROW = st.tuples(TEXTS, TEXTS | st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(0, 9) | st.none(), st.none())
COLUMNS = ("told", "note", "number", "digit", "empty")


def copied(uow: UnitOfWork, *, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    uow.driver_execute("CREATE TABLE IF NOT EXISTS odd (told text, note text, number bigint, digit bigint, empty text)")
    uow.driver_execute("DELETE FROM odd")
    uow.driver_copy("odd", COLUMNS, rows)
    return [tuple(row) for row in uow.driver_query(f"SELECT {', '.join(COLUMNS)} FROM odd")]


def test_rows_are_kept_as_they_are(database: Database) -> None:
    @given(st.lists(ROW, max_size=12))
    def kept(rows: list[tuple[Any, ...]]) -> None:
        odd = [("\\N", "\\", 1, None, None), ("a\tb\r\nc", None, -1, 2, None), ("", "", 0, 0, None)]
        assert sorted(map(repr, database.write_now(copied, actor=None, rows=odd + rows))) == sorted(
            map(repr, odd + rows)
        )

    kept()
