"""Live regions of a wall. Parameter: `area_id`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mes.equipment.queries import list_equipment_status, list_state_intervals_of
from mes.kernel.db import ReadSession
from mes.kernel.sqltypes import to_us
from mes.orders.queries import count_produced_since, list_board
from standards.isa95.equipment_hierarchy import WORK_UNIT_LEVELS
from web.components.plant_time import plant_zone, production_day_start
from web.live.region import Region
from web.wall.views import (
    STOPS,
    WallMachines,
    WallOrders,
    WallTotals,
    line_totals,
    stop_minutes,
    wall_machines,
    wall_orders,
    wall_totals,
)

Params = Mapping[str, str]


def build_machines(session: ReadSession, *, now: datetime, params: Params) -> WallMachines:
    area_id = params["area_id"]
    return wall_machines(area_id, list_equipment_status(session, area_id=area_id), now)


def build_orders(session: ReadSession, *, now: datetime, params: Params) -> WallOrders:
    area_id = params["area_id"]
    cards = list_board(session, area_id=area_id, now=now, ended_since=production_day_start(session, now))
    return wall_orders(area_id, cards, plant_zone(session), now)


def build_totals(session: ReadSession, *, now: datetime, params: Params) -> WallTotals:
    area_id = params["area_id"]
    start = production_day_start(session, now)
    start_us, now_us = to_us(start), to_us(now)
    statuses = list_equipment_status(session, area_id=area_id)
    units = [s.equipment_id for s in statuses if s.level in WORK_UNIT_LEVELS and not s.manual]
    stops = list_state_intervals_of(session, equipment_ids=units, from_us=start_us, to_us=now_us, states=STOPS)
    made = count_produced_since(session, since=start)
    return wall_totals(area_id, line_totals(statuses, made), stop_minutes(stops, start_us, now_us))


def _area(params: Params) -> tuple[str, ...]:
    return (f"area/{params['area_id']}",)


REGIONS: tuple[Region, ...] = (
    Region("wall-machines", "wall/_wall_machines.html", _area, build_machines),
    Region("wall-orders", "wall/_wall_orders.html", _area, build_orders),
    Region("wall-totals", "wall/_wall_totals.html", _area, build_totals),
)
