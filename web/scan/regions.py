"""Live regions of scanning: the material and the tools in use at a station, and what was done there lately."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from mes.genealogy.at_station.queries import get_place, get_set_up, list_lately
from mes.kernel.db import ReadSession
from web.components.plant_time import plant_zone
from web.live.region import Region
from web.scan.views import LatelyRegion, MaterialRegion, ToolsRegion, lately_region, material_region, tools_region

Params = Mapping[str, str]


def build_material(session: ReadSession, *, now: datetime, params: Params) -> MaterialRegion:
    return material_region(get_place(session, equipment_id=params["equipment_id"], now=now), now)


def build_lately(session: ReadSession, *, now: datetime, params: Params) -> LatelyRegion:
    equipment_id = params["equipment_id"]
    return lately_region(equipment_id, list_lately(session, equipment_id=equipment_id), plant_zone(session))


def build_tools(session: ReadSession, *, now: datetime, params: Params) -> ToolsRegion:
    place = get_place(session, equipment_id=params["equipment_id"], now=now)
    return tools_region(place, get_set_up(session, place=place, now=now), now, plant_zone(session))


def _topics(params: Params) -> tuple[str, ...]:
    return (f"equipment/{params['equipment_id']}",)


REGIONS: Final[tuple[Region, ...]] = (
    Region("station-material", "scan/_station_material.html", _topics, build_material, "outerMorph"),
    Region("station-tools", "scan/_station_tools.html", _topics, build_tools),
    Region("station-lately", "scan/_station_lately.html", _topics, build_lately),
)
