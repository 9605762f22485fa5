"""Which equipment is a station."""

from __future__ import annotations

from tests.web import factory as f
from web.home.views import home_stations


def test_a_line_is_one_station_and_its_cells_are_none() -> None:
    areas = home_stations(f.plant(), f.NOW).areas
    assert [[s.machine.equipment_id for s in area.stations] for area in areas] == [
        ["SMT-1", "DEPANEL-1", "TEST-1", "PACK-1", "REWORK-1"],
        ["CNC-1"],
    ]
    assert [area.wall for area in areas] == ["/wall/ELECTRONICS", "/wall/MACHINING"]


def test_a_station_tells_what_is_in_work_there() -> None:
    (electronics, machining) = home_stations(f.plant(), f.NOW, (f.job(), f.job("CNC-1"))).areas
    assert [s.job.order_id if s.job else "" for s in electronics.stations] == ["PO-1001", "", "", "", ""]
    assert [s.job.equipment_id if s.job else "" for s in machining.stations] == ["CNC-1"]
