"""What the board shows, in which order, and what a release would permit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from mes.orders.types import RequestState
from standards.isa95.job_control import DispatchStatus, JobState
from tests.web import factory as f
from web.board.views import SHOWS, board_orders
from web.components.order import order_row, order_state

ZONE = ZoneInfo("Europe/Berlin")


def test_late_orders_come_first_then_those_at_risk_then_by_due_time() -> None:
    shown = board_orders(reversed(f.orders()), "open", ZONE, f.NOW)
    assert [row.order_id for row in shown.rows] == ["PO-1001", "PO-2007", "PO-1002", "PO-1003", "PO-1004"]


@pytest.mark.parametrize(
    ("show", "ids"),
    [
        ("late", ["PO-1001"]),
        ("risk", ["PO-2007"]),
        ("unreleased", ["PO-1003", "PO-1004"]),
        ("running", ["PO-1001", "PO-2007"]),
        ("done", []),
        ("nonsense", ["PO-1001", "PO-2007", "PO-1002", "PO-1003", "PO-1004"]),
    ],
)
def test_a_filter_shows_what_it_says_and_its_count_is_that(show: str, ids: list[str]) -> None:
    shown = board_orders(f.orders(), show, ZONE, f.NOW)
    assert [row.order_id for row in shown.rows] == ids
    assert {one.show: one.count for one in shown.filters}[shown.show] == len(ids)
    assert [one.show for one in shown.filters if one.current] == [shown.show]


def test_under_the_open_orders_and_wherever_nothing_is_stand_the_last_that_are_over() -> None:
    cards = (*f.orders(), *f.finished())
    late = {show: len(board_orders(cards, show, ZONE, f.NOW).finished) for show in SHOWS}
    assert late == {"open": 3, "late": 0, "risk": 0, "unreleased": 0, "running": 0, "count": 0, "done": 0}
    assert len(board_orders(f.finished(), "late", ZONE, f.NOW).finished) == 3


def test_what_is_over_tells_what_its_last_step_made_what_was_lost_and_whether_it_was_in_time() -> None:
    rows = {row.order_id: row for row in board_orders(f.finished(), "done", ZONE, f.NOW).rows}
    assert {order: row.in_time for order, row in rows.items()} == {"PO-0991": True, "PO-0992": False, "PO-0993": True}
    assert (rows["PO-0993"].good.low, rows["PO-0993"].good.high, rows["PO-0993"].scrap.low) == (46, 48, 4)
    open_row = order_row(f.order("PO-1"), ZONE, f.NOW)
    assert (open_row.over, open_row.ended_at, open_row.in_time) == (False, None, None)


def test_every_filter_has_an_address() -> None:
    assert [one.href for one in board_orders((), "open", ZONE, f.NOW).filters] == [f"/board?show={s}" for s in SHOWS]


def test_a_release_carries_the_versions_that_were_seen_and_only_unreleased_jobs() -> None:
    row = order_row(f.unreleased("PO-1"), ZONE, f.NOW)
    assert row.release == ("3:PO-1-1", "3:PO-1-2", "3:PO-1-3", "3:PO-1-4")
    assert order_row(f.order("PO-1"), ZONE, f.NOW).release == ()


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ("1111", "unreleased"),
        ("2222", "released"),
        ("1222", "released"),
        ("5322", "running"),
        ("5422", "running"),
        ("5222", "running"),
        ("5555", "done"),
        ("5565", "done"),
        ("6666", "aborted"),
    ],
)
def test_the_word_for_an_order_follows_from_its_jobs(states: str, word: str) -> None:
    jobs = [replace(job, state=JobState(int(state))) for job, state in zip(f.CHAIN, states, strict=True)]
    assert order_state(jobs) == word


def test_an_order_given_up_half_way_is_not_done_and_delivered_nothing() -> None:
    made = replace(f.CHAIN[0], state=JobState.Ended, ended_at=f.NOW, good_low=Decimal(50), good_high=Decimal(50))
    rest = [replace(one, dispatch_status=DispatchStatus.Cancelled, good_low=Decimal(0)) for one in f.CHAIN[1:]]
    row = order_row(f.order(jobs=(made, *rest), state=RequestState.Aborted), ZONE, f.NOW)
    assert (row.state, row.over, row.in_time, row.good.low) == ("aborted", True, None, 0)


def test_jobs_stand_in_their_order() -> None:
    row = order_row(f.order(jobs=tuple(reversed(f.CHAIN))), ZONE, f.NOW)
    assert [job.equipment_id for job in row.jobs] == ["SMT-1", "DEPANEL-1", "TEST-1", "PACK-1"]
