"""Kanban and Gantt: where orders are, when stations will do what, and what is in trouble."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from mes.orders.planning.types import Slot
from standards.isa95.job_control import DispatchStatus
from tests.web import factory as f
from tests.web.screens import slots
from web.board.plan_views import SPANS, board_gantt, board_kanban
from web.board.views import board_orders
from web.components.time_axis import TICKS_MAX, WIDTH, Axis

ZONE = ZoneInfo("Europe/Berlin")


def test_an_order_stands_where_it_is_worked_on() -> None:
    view = board_kanban((*f.orders(), *f.finished()), {"PO-1003": ("MCU-32",)}, ZONE, f.NOW)
    found = {(c.kind, c.name): [k.row.order_id for k in c.cards] for c in view.columns}
    assert found == {
        ("unreleased", ""): ["PO-1003", "PO-1004"],
        ("place", "CNC-1"): ["PO-2007"],
        ("place", "SMT-1"): ["PO-1002"],
        ("place", "DEPANEL-1"): ["PO-1001"],
        ("done", ""): ["PO-0991", "PO-0992", "PO-0993"],
    }
    assert view.columns[0].cards[0].short == ("MCU-32",)


def test_a_cancelled_job_is_nowhere_and_is_not_released() -> None:
    card = f.unreleased("PO-7")
    card = replace(
        card, jobs=tuple(replace(j, dispatch_status=DispatchStatus.Cancelled) for j in card.jobs[:1]) + card.jobs[1:]
    )
    (row,) = board_orders((card,), "open", ZONE, f.NOW).rows
    assert [job.equipment_id for job in row.jobs] == ["DEPANEL-1", "TEST-1", "PACK-1"]
    assert len(row.release) == 3


def test_a_gantt_draws_each_station_and_names_what_is_late_once_an_order() -> None:
    view = board_gantt(slots((*f.orders(), *f.finished())), "shift", ZONE, f.NOW)
    assert [lane.name for lane in view.lanes] == ["CNC-1", "DEPANEL-1", "PACK-1", "SMT-1", "TEST-1"]
    kinds = {bar.kind for lane in view.lanes for bar in lane.bars}
    assert kinds == {"done", "active", "planned", "open"}
    assert [(x.order_id, x.flag) for x in view.troubles] == [("PO-1001", "late"), ("PO-1003", "risk")]
    assert all(0 <= bar.x <= WIDTH and bar.width > 0 for lane in view.lanes for bar in lane.bars)


def test_what_ends_before_or_begins_after_the_span_is_not_drawn() -> None:
    job = f.waiting("SMT-1")
    far = Slot(job, f.NOW + timedelta(hours=20), f.NOW + timedelta(hours=21), False)
    assert board_gantt([far], "shift", ZONE, f.NOW).lanes == ()
    assert len(board_gantt([far], "days", ZONE, f.NOW).lanes) == 1


@pytest.mark.parametrize("hours", [0.05, 1, *SPANS.values(), 2000])
def test_hours_are_round_and_few(hours: float) -> None:
    axis = Axis(f.NOW.astimezone(ZONE), (f.NOW + timedelta(hours=hours)).astimezone(ZONE))
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= TICKS_MAX
    assert [tick.x for tick in ticks] == sorted(tick.x for tick in ticks)
    assert all(tick.at.second == 0 for tick in ticks)
    assert (axis.x(axis.start - timedelta(hours=1)), axis.x(axis.end + timedelta(hours=1))) == (0, WIDTH)
