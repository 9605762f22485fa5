"""What the server does each second, for tests that let time pass."""

from __future__ import annotations

from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us
from mes.ticks import Verb, list_due_ticks


def tick(database: Database, verb: Verb) -> None:
    """One verb's second: done where it is said to be due, and only there."""
    if verb in database.read_now(list_due_ticks, now_us=to_us(database.clock())):
        database.write_now(verb, actor=None)
