"""What is done each second in each plant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mes.exchange.erp.queries import has_turn
from mes.exchange.webhooks.queries import has_news
from mes.kernel.db import Database
from mes.kernel.outbox import list_changes
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.ticks import TICKS, list_due_ticks
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
    "genealogy_act",
    "slot_mount",
    "webhook_delivery",
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


def list_next_changes(uow: UnitOfWork, *, now_us: int) -> None:
    list_changes(uow, after=now_us)


@pytest.mark.parametrize("question", [list_due_ticks, has_turn, has_news, list_next_changes])
def test_what_is_asked_on_the_event_loop_does_not_read_through_the_past(
    sqlite_database: Database, question: Callable[..., Any]
) -> None:
    def ask(uow: UnitOfWork) -> None:
        question(uow, now_us=uow.now_us)

    sqlite_database.write_now(build_plant, actor=None)
    steps = sqlite_database.write_now(plans, actor=None, verb=ask)
    assert [step for step in steps if step.startswith("SCAN") and "INDEX" not in step and reads_past(step)] == []
    assert [step for step in steps if "TEMP B-TREE" in step or "AUTOMATIC" in step] == []


def test_a_plant_in_which_nothing_is_due_is_left_alone(database: Database) -> None:
    """Every verb's own tests let time pass by `tests.support.ticks.tick`, which does what is said to be due and no
    more; here is that nothing is said that is not."""
    database.write_now(build_plant, actor=None)
    now_us = to_us(database.clock())
    for verb in TICKS:
        database.write_now(verb, actor=None)
    assert database.read_now(list_due_ticks, now_us=now_us) == ()


def reads_past(step: str) -> bool:
    """Whether a plan's step walks a table that grows for ever, under its name or its usual alias."""
    return step.split()[1] in {*GROWING, "j", "c", "e", "a", "m", "d"}
