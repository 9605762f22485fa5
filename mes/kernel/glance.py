"""A look at an SQLite plant that costs microseconds: one connection held open, asked on the event loop itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, Protocol

from sqlalchemy.engine import make_url

from mes.kernel.errors import Unavailable

BUSY_S: Final = 0.1
"""Whoever glances holds up the loop: a file that somebody keeps for himself is asked again later."""


class ReadsRows(Protocol):
    """What a snapshot offers for hot statements; `?` stands for a parameter on both databases."""

    def driver_query(self, sql: str, params: Sequence[Any] = ()) -> list[Any]: ...


class Glance:
    """Opened with the first question; each answer is a snapshot of its own."""

    def __init__(self, url: str) -> None:
        self._path = make_url(url).database
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    def driver_query(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """As `ReadSession.driver_query`. Unavailable `database-unavailable`, `shutting-down` after close."""
        if self._closed:
            raise Unavailable("This plant is being closed.", code="shutting-down")
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(
                    f"file:{self._path}?mode=ro", uri=True, check_same_thread=False, timeout=BUSY_S
                )
            return self._connection.execute(sql, params).fetchall()
        except sqlite3.OperationalError as error:
            raise Unavailable("The database cannot be read right now.", code="database-unavailable") from error

    def version(self) -> int:
        """A number that changes with every commit of any other connection."""
        return int(self.driver_query("PRAGMA data_version")[0][0])

    def close(self) -> None:
        """No more questions."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()
