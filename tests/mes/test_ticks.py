"""What is done each second in each plant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mes.kernel.db import Database
from mes.kernel.uow import UnitOfWork
from mes.ticks import TICKS
from tests.support.plants import build_plant

GROWING = (
    "job_order",
    "outbox_event",
    "count_fact",
    "job_run",
    "history_log",
    "history_text",
    "equipment_state_interval",
    "material_lot",
    "material_lot_life",
    "material_receipt",
)


def plans(uow: UnitOfWork, *, verb: Callable[..., Any]) -> list[str]:
    """How SQLite finds the rows of every statement of a verb."""
    seen: list[str] = []
    driver: Any = uow.connection.connection.driver_connection
    driver.set_trace_callback(seen.append)
    verb(uow)
    for follow_up, abouts in uow.follow_ups.items():
        follow_up(uow, abouts)
    driver.set_trace_callback(None)
    reads = [sql for sql in seen if sql.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE"))]
    assert reads
    return [row[3] for sql in reads for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}")]


@pytest.mark.parametrize("verb", TICKS)
def test_what_happens_each_second_does_not_read_through_the_past(
    sqlite_database: Database, verb: Callable[..., Any]
) -> None:
    """It would take longer with every order ever made."""
    sqlite_database.write_now(build_plant, actor=None)
    steps = sqlite_database.write_now(plans, actor=None, verb=verb)
    assert [step for step in steps if step.startswith("SCAN") and "INDEX" not in step and reads_past(step)] == []


def reads_past(step: str) -> bool:
    """Whether a plan's step walks a table that grows for ever, under its name or its usual alias."""
    return step.split()[1] in {*GROWING, "j", "c", "e"}
