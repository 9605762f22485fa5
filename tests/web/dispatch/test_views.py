"""What a dispatch list shows, and what its buttons make of the order of jobs."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from tests.web import factory as f
from tests.web.screens import dispatch_list
from web.dispatch.views import dispatch_region, moved

ZONE = ZoneInfo("Europe/Berlin")


def test_a_job_moves_among_its_priority_only_and_set_ups_are_told() -> None:
    (station,) = dispatch_region("SMT-1", [dispatch_list()], ZONE, f.NOW).stations
    assert [(row.up, row.down) for row in station.rows] == [(False, False), (False, True), (True, True), (True, False)]
    assert [row.same_setup for row in station.rows] == [True, False, False, False]
    assert {row.due_at.tzinfo for row in station.rows if row.due_at} == {ZONE}
    assert [row.flag for row in station.rows] == ["", "late", "", ""]
    assert station.rows[3].job.said == "Stencil is being cleaned"
    assert len(station.suggested) == 4


def test_nothing_is_suggested_where_nothing_is_gained() -> None:
    (station,) = dispatch_region("SMT-1", [dispatch_list(setups_suggested=4)], ZONE, f.NOW).stations
    assert station.suggested == ()


@pytest.mark.parametrize(
    ("move", "order"),
    [
        ("up:2:b", ["2:b", "1:a", "3:c"]),
        ("down:2:b", ["1:a", "3:c", "2:b"]),
        ("up:1:a", ["1:a", "2:b", "3:c"]),
        ("down:3:c", ["1:a", "2:b", "3:c"]),
        ("", ["1:a", "2:b", "3:c"]),
        ("sideways:2:b", ["1:a", "2:b", "3:c"]),
    ],
)
def test_a_move_is_one_place(move: str, order: list[str]) -> None:
    assert moved(["1:a", "2:b", "3:c"], move) == order
