"""What the wall puts first, how big, and how it counts stops."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.equipment.types import StateInterval
from standards.packml.states import EquipmentState
from tests.web import factory as f
from web.wall.views import line_totals, stop_minutes, tile_size, wall_machines, wall_orders

ZONE = ZoneInfo("Europe/Berlin")
MINUTE_US = 60_000_000
_E = EquipmentState


def area(*states: EquipmentState) -> list[f.EquipmentStatus]:
    return [status for status in f.plant(*states) if status.area_id == "ELECTRONICS"]


def test_abnormal_machines_stand_apart_the_worst_first_and_benches_nowhere() -> None:
    shown = wall_machines("ELECTRONICS", area(_E.Running, _E.Blocked, _E.Down), f.NOW)
    assert [m.state for m in shown.abnormal] == ["Down", "Unknown", "Blocked"]
    assert {m.state for m in shown.quiet} == {"Idle", "Running"}
    assert (shown.running, shown.machines) == (5, 9)


def test_the_line_itself_is_not_one_of_its_machines() -> None:
    shown = wall_machines("ELECTRONICS", area(), f.NOW)
    assert "SMT-1" not in {m.equipment_id for m in (*shown.abnormal, *shown.quiet)}


@pytest.mark.parametrize(
    ("abnormal", "size"), [(0, "calm"), (1, "few"), (2, "few"), (3, "some"), (6, "some"), (7, "many")]
)
def test_fewer_tiles_have_bigger_letters(abnormal: int, size: str) -> None:
    assert tile_size(abnormal) == size


def test_orders_that_wait_for_release_or_are_over_are_not_in_work() -> None:
    shown = wall_orders("ELECTRONICS", f.orders(), ZONE, f.NOW)
    assert [row.order_id for row in shown.rows] == ["PO-1001", "PO-2007", "PO-1002"]
    assert (shown.late, shown.risk, shown.more) == (1, 1, 0)


def test_more_orders_than_fit_are_counted() -> None:
    cards = [f.order(f"PO-{i}") for i in range(5)]
    shown = wall_orders("ELECTRONICS", cards, ZONE, f.NOW)
    assert (len(shown.rows), shown.more) == (2, 3)


def test_the_most_urgent_order_is_shown_however_many_steps_it_has() -> None:
    shown = wall_orders("ELECTRONICS", [f.order("PO-1", f.CHAIN * 5), f.order("PO-2")], ZONE, f.NOW)
    assert ([row.order_id for row in shown.rows], shown.more) == (["PO-1"], 1)


def test_only_what_is_down_or_stopped_is_a_stop_and_only_within_the_day() -> None:
    spans = (
        StateInterval("A", _E.Down, -5 * MINUTE_US, 10 * MINUTE_US),
        StateInterval("A", _E.Running, 10 * MINUTE_US, 20 * MINUTE_US),
        StateInterval("A", _E.Starved, 20 * MINUTE_US, 30 * MINUTE_US),
        StateInterval("A", _E.Stopped, 30 * MINUTE_US, None),
    )
    assert stop_minutes(spans, 0, 60 * MINUTE_US) == 10 + 30


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=20, unique=True))
def test_stops_of_one_machine_are_never_longer_than_the_day(cuts: list[int]) -> None:
    cuts.sort()
    spans = [StateInterval("A", _E.Down, a, b) for a, b in pairwise(cuts)]
    assert stop_minutes(spans, 10**8, 10**9) <= (10**9 - 10**8) // MINUTE_US


def test_totals_are_those_of_the_area_in_the_order_of_the_plant() -> None:
    made = {"TEST-1": (Decimal(90), Decimal(1)), "SMT-1": (Decimal(50), Decimal(0)), "CNC-1": (Decimal(99), Decimal(0))}
    totals = line_totals(reversed(area()), made)
    assert [(total.equipment_id, total.good) for total in totals] == [("SMT-1", 50), ("TEST-1", 90)]


def test_a_hall_where_nothing_runs_is_not_said_to_be_well() -> None:
    def idle(*states: EquipmentState) -> list[f.EquipmentStatus]:
        return [s for s in area(*states) if s.equipment_id != "TEST-1"]

    assert wall_machines("ELECTRONICS", idle(), f.NOW).says == "all-well"
    assert wall_machines("ELECTRONICS", idle(*[_E.Idle] * 6, _E.Off), f.NOW).says == "resting"
    assert wall_machines("ELECTRONICS", (), f.NOW).says == "empty"


def test_machines_keep_their_places_on_the_wall_whatever_they_do() -> None:
    names = [m.equipment_id for m in wall_machines("ELECTRONICS", area(), f.NOW).quiet]
    assert [m.equipment_id for m in wall_machines("ELECTRONICS", area(_E.Idle, _E.Off), f.NOW).quiet] == names


def test_room_that_orders_in_work_leave_tells_what_was_done_last() -> None:
    done = wall_orders("ELECTRONICS", f.finished(), ZONE, f.NOW)
    assert ([row.order_id for row in done.rows], len(done.finished)) == ([], 3)
    assert [str(row.good.high) for row in done.finished] == ["55", "55", "48"]
    assert wall_orders("ELECTRONICS", (*f.orders(), *f.finished()), ZONE, f.NOW).finished == ()
