"""What goes wrong between Lineside and a real Tryton: killed in the middle, orders given up, counts put right."""

from __future__ import annotations

import asyncio
import os
import sys
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from mes.exchange.erp.service import choose_consumption
from mes.exchange.erp.telling import note_news
from mes.exchange.erp.types import Consumption
from mes.genealogy.service import reverse_act
from mes.kernel.uow import UnitOfWork
from mes.kernel.vault import KEY_FILE
from mes.orders.service import Correction, cancel_order, correct_counts
from mes.orders.types import CountKind, RequestState
from mes.reporting.service import publish_due_reports
from tests.mes.exchange.erp.floor import ERP, Floor
from tests.opcua_bridge.support import until
from tests.support.ticks import tick
from tests.support.tryton import ErpUser, Tryton

pytestmark = pytest.mark.long
WHY = "counted again"
KILLS_MAX = 30


def booked(planner: ErpUser, order: int, table: str) -> list[list[Any]]:
    """Moves without where they went and how they stand; all of them have to be done."""
    moves = planner("look", id=order)[table]
    assert {move[5] for move in moves} == {"done"}
    return [move[:4] for move in moves]


async def made(floor: Floor, tryton: Tryton, planner: ErpUser, quantity: int = 10) -> int:
    """An order that is over here and not told yet."""
    floor.connect(tryton.url)
    order: int = planner("produce", product="PUMP", quantity=float(quantity), unit="u")
    await floor.look()
    floor.press("1-S1", good=quantity)
    floor.consume("1-S2", "PUMPS-1", quantity, [("C-1", quantity)])
    floor.bench("1-S2", good=quantity)
    return order


async def test_a_corrected_count_is_booked_in_the_place_of_the_first(
    floor: Floor, tryton: Tryton, planner: ErpUser
) -> None:
    order = await made(floor, tryton, planner)
    await floor.look()
    first = planner("look", id=order)
    lines = [Correction(CountKind.good, Decimal(-2)), Correction(CountKind.scrap, Decimal(2), "scratch")]
    floor.acts.do(correct_counts, job_id="1-S2", corrections=lines, reason=WHY, request_id="two-were-broken")
    await floor.look()
    again = planner("look", id=order)
    assert again["state"] == "done"
    assert [move[:2] for move in again["outputs"]] == [["PUMP", 2.0], ["PUMP", 8.0]]
    assert {name: again["seconds"][name] for name in first["seconds"]} == first["seconds"]
    assert (planner("stock", product="PUMP"), planner("stock", product="HOUSING")) == (8.0, 980.0)
    assert "booked without lots" in floor.orders()[str(order)].said


async def test_consumption_taken_back_here_is_taken_back_there(floor: Floor, tryton: Tryton, planner: ErpUser) -> None:
    floor.connect(tryton.url)
    order = planner("produce", product="PUMP", quantity=10.0, unit="u")
    await floor.look()
    floor.press("1-S1", good=10)
    wrong = floor.consume("1-S2", "PUMPS-1", 4, [("C-1", 4)])
    floor.consume("1-S2", "PUMPS-2", 6, [("C-2", 6)])
    floor.bench("1-S2", good=10)
    await floor.look()
    assert planner("stock", product="CONTROLLER", lot="C-1") == 496.0
    floor.acts.do(reverse_act, request_id="it-was-another-reel", act=wrong, reason=WHY)
    await floor.look()
    assert planner("stock", product="CONTROLLER", lot="C-1") == 500.0
    assert ["CONTROLLER", 6.0, "u", "C-2"] in booked(planner, order, "inputs")
    assert planner("stock", product="HOUSING") == 980.0


async def test_back_flush_instead_of_lots_where_a_person_says_so(
    floor: Floor, tryton: Tryton, planner: ErpUser
) -> None:
    order = await made(floor, tryton, planner)
    for material_id in ("HOUSING", "GREASE"):
        chosen = {"connection_id": ERP, "material_id": material_id, "consumption": Consumption.actual}
        floor.acts.do(choose_consumption, **chosen)
    await floor.look()
    assert booked(planner, order, "inputs") == [["CONTROLLER", 10.0, "u", "C-1"]]


async def test_given_up_in_the_erp_it_stops_here_and_what_was_made_is_a_persons_matter(
    floor: Floor, tryton: Tryton, planner: ErpUser
) -> None:
    floor.connect(tryton.url)
    order = planner("produce", product="PUMP", quantity=10.0, unit="u")
    await floor.look()
    floor.press("1-S1", good=10)
    floor.acts.release("1-S2")
    floor.acts.start("1-S2")
    floor.acts.good("1-S2", 3)
    planner("click", id=order, buttons=["cancel"])
    await floor.look()
    assert floor.acts.order("1").state is RequestState.Aborted
    await floor.look()
    assert floor.orders()[str(order)].said == (
        "Production 1 is cancelled in Tryton, but 3 good and 0 scrap pieces were made."
    )
    planner("click", id=order, buttons=["draft", "wait"])
    floor.clock.advance(minutes=6)
    await floor.look()
    assert booked(planner, order, "outputs") == [["PUMP", 3.0, "u", ""]]


async def test_given_up_here_it_is_cancelled_there(floor: Floor, tryton: Tryton, planner: ErpUser) -> None:
    floor.connect(tryton.url)
    order = planner("produce", product="PUMP", quantity=10.0, unit="u")
    await floor.look()
    floor.acts.to_order(cancel_order, "1", reason="the customer went away")
    await floor.look()
    assert planner("look", id=order)["state"] == "cancelled"
    assert planner("stock", product="HOUSING") == 1000.0


async def test_it_waits_for_an_erp_that_is_away_and_for_somebody_who_works_there(
    floor: Floor, tryton: Tryton, planner: ErpUser
) -> None:
    order = await made(floor, tryton, planner)
    tryton.kill()
    floor.clock.advance(seconds=20)
    tick(floor.plant, publish_due_reports)
    await floor.rounds.look()
    assert floor.view().failing_since == floor.clock()
    tryton.start()
    planner("click", id=order, buttons=["draft"])
    await floor.look()
    assert "somebody changes it" in floor.orders()[str(order)].said
    planner("click", id=order, buttons=["wait"])
    floor.clock.advance(minutes=1)
    await floor.look()
    assert booked(planner, order, "outputs") == [["PUMP", 10.0, "u", "PUMPS-1"]]


# ------------------------------------------------------------------- kill -9


async def worker(floor: Floor, **environment: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "tests.mes.exchange.erp.worker", floor.plant.url, str(floor.folder / KEY_FILE)]
    return await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "LINESIDE_ENVIRONMENT": "test", **environment}
    )


def at_once(uow: UnitOfWork) -> None:
    """As if the time had passed for which the killed process had the connection in hand."""
    uow.execute(text("UPDATE erp_connection SET busy_until_us = 0, next_at_us = 0, failures = 0"))
    uow.execute(text("UPDATE erp_order SET due_at_us = 0 WHERE due_at_us IS NOT NULL"))


async def until_told(floor: Floor, erp_order: int) -> None:
    await until(lambda: is_told(floor, erp_order), timeout_s=300)


def is_told(floor: Floor, erp_order: int) -> bool:
    view = floor.orders()[str(erp_order)]
    return not view.due and view.told_at is not None


def publish(floor: Floor) -> None:
    """The reports are out, the connection knows whose outcome they change, and its turn has come."""
    floor.clock.advance(seconds=15)
    tick(floor.plant, publish_due_reports)
    while floor.plant.write_now(note_news, actor=None, connection_pk=1):
        pass
    floor.plant.write_now(at_once, actor=None)


async def test_lineside_is_killed_at_every_step_and_everything_is_booked_once(
    floor: Floor, tryton: Tryton, planner: ErpUser
) -> None:
    """A first booking, then a correction that takes it back; after each step the process dies once."""
    order = await made(floor, tryton, planner)
    for good in (10, 9):
        if good == 9:
            lines = [Correction(CountKind.good, Decimal(-1)), Correction(CountKind.scrap, Decimal(1), "scratch")]
            floor.acts.do(correct_counts, job_id="1-S2", corrections=lines, reason=WHY, request_id="one-was-broken")
        publish(floor)
        kills = 0
        for place in ("erp-step-done", "erp-reopening-noted", "erp-told"):
            while kills < KILLS_MAX:
                killed = await worker(floor, LINESIDE_CRASH_AT=place)
                try:
                    died = await wait_for_either(killed, floor, order)
                finally:
                    if killed.returncode is None:
                        killed.kill()
                        await killed.wait()
                floor.plant.write_now(at_once, actor=None)
                if not died:
                    break
                kills += 1
        assert kills >= 5
        rest = await worker(floor)
        await until_told(floor, order)
        rest.kill()
        await rest.wait()
        assert sum(move[1] for move in planner("look", id=order)["outputs"] if move[4] == "storage") == good
        assert planner("stock", product="HOUSING") == 980.0
        assert planner("stock", product="PUMP") == good
        assert planner("look", id=order)["seconds"] == {"Press": 60.0, "Test": 120.0}


async def wait_for_either(process: asyncio.subprocess.Process, floor: Floor, order: int) -> bool:
    """Whether the process died at its place, before the order was told."""
    await until(lambda: process.returncode is not None or is_told(floor, order), timeout_s=300)
    assert process.returncode in (None, 137)
    return process.returncode == 137


async def test_tryton_is_killed_again_and_again_and_everything_is_booked_once(
    floor: Floor, tryton: Tryton, planner: ErpUser
) -> None:
    order = await made(floor, tryton, planner)
    publish(floor)
    process = await worker(floor)
    try:
        for pause_s in (0.2, 0.4, 0.7, 1.1, 1.6, 2.2):
            floor.plant.write_now(at_once, actor=None)
            await asyncio.sleep(pause_s)
            tryton.kill()
            tryton.start()
        floor.plant.write_now(at_once, actor=None)
        await until_told(floor, order)
    finally:
        process.kill()
        await process.wait()
    assert booked(planner, order, "outputs") == [["PUMP", 10.0, "u", "PUMPS-1"]]
    assert booked(planner, order, "inputs") == [
        *(["CONTROLLER", 10.0, "u", "C-1"], ["GREASE", 150.0, "g", ""], ["HOUSING", 20.0, "u", ""]),
    ]
    assert planner("stock", product="CONTROLLER", lot="C-1") == 490.0
