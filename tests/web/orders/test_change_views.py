"""What a job's page offers in each state, and what an order's timeline draws."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mes.equipment.queries import EquipmentView
from mes.equipment.types import Confirmation
from mes.orders.types import FirstArticle, JobRole
from standards.isa95.job_control import DispatchStatus, JobState
from tests.web import factory as f
from tests.web.screens import job_page, order_page
from web.components.time_axis import WIDTH
from web.orders.change_views import JobChange, job_change, rework_places
from web.orders.timeline import OrderTimeline

RUNNING = f.job("PACK-1", manual=True)
WAITING = f.waiting("PACK-1", manual=True, note="")


def offered(job: Any) -> set[str]:
    _, view = job_page(job)
    flags = {name for name in JobChange.__slots__ if name.startswith("may_") and getattr(view, name)}
    return {name.removeprefix("may_") for name in flags}


@pytest.mark.parametrize(
    ("job", "acts"),
    [
        (WAITING, {"ask", "hold", "split", "cancel", "set"}),
        (replace(WAITING, hold_reason="x"), {"ask", "lift", "split", "cancel", "set"}),
        (replace(WAITING, dispatch_status=DispatchStatus.Dispatched), {"ask"}),
        (replace(WAITING, dispatch_status=DispatchStatus.Cancelled), set()),
        (RUNNING, {"ask", "hold", "split", "complete", "split_on_end", "cancel", "correct", "rework"}),
        (replace(RUNNING, manual=False), {"ask", "hold", "complete", "cancel", "correct", "rework"}),
        (replace(RUNNING, hold_reason="x"), {"ask", "lift", "split", "split_on_end", "cancel", "correct", "rework"}),
        (
            replace(RUNNING, first_article=FirstArticle.due),
            {"ask", "hold", "split", "split_on_end", "cancel", "correct", "rework"},
        ),
        (
            replace(RUNNING, role=JobRole.rework),
            {"ask", "hold", "split", "complete", "split_on_end", "cancel", "correct"},
        ),
        (replace(RUNNING, state=JobState.Ended), {"split_rest", "correct", "rework"}),
        (replace(RUNNING, state=JobState.Ended, good_high=None), {"correct", "rework"}),
        (replace(RUNNING, state=JobState.Ended, undo_until=f.NOW + timedelta(seconds=5)), {"correct", "rework"}),
    ],
)
def test_a_page_offers_what_would_not_be_refused(job: Any, acts: set[str]) -> None:
    assert offered(job) == acts


def test_rework_is_offered_where_a_station_shows_its_queue() -> None:
    bench = EquipmentView(1, "BENCH", "WorkUnit", "HAND", "HAND", "HALL", "Bench", None, True, None, "", 1, ())
    centre = replace(bench, equipment_id="HAND", level="WorkCenter", confirmation=Confirmation.Manual)
    machine = replace(bench, equipment_id="PRESS", manual=False)
    assert [choice.value for choice in rework_places([centre, bench, machine])] == ["BENCH"]


def test_a_job_takes_in_only_its_like() -> None:
    like = replace(WAITING, job_id="PO-1001-PACK-1.2", role=JobRole.part, version=7)
    others = (replace(like, segment_id="X"), replace(like, hold_reason="x"), replace(like, equipment_id="SMT-1"))
    card = replace(f.order(), jobs=(WAITING, like, *others))
    view = job_change(WAITING, card, (), {}, (), f.NOW, "0123456789")
    assert [choice.value for choice in view.merges] == ["7:PO-1001-PACK-1.2"]


def test_a_timeline_has_a_lane_per_station_with_stops_and_marks() -> None:
    drawn = order_page().timeline
    assert isinstance(drawn, OrderTimeline)
    assert [lane.equipment_id for lane in drawn.lanes] == ["SMT-1", "DEPANEL-1"]
    assert [[bar.kind for bar in lane.bars] for lane in drawn.lanes] == [["run", "stop"], ["open", "stop"]]
    assert {one.kind: one.count for one in drawn.legend} == {
        "stop": 2,
        "hold": 1,
        "correction": 1,
        "rework": 1,
        "scrap": 1,
    }
    assert [len(lane.marks) for lane in drawn.lanes] == [3, 1]
    assert drawn.now_x is not None
    assert all(0 <= bar.x < WIDTH for lane in drawn.lanes for bar in lane.bars)
