"""View model of the start page. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from mes.equipment.queries import EquipmentStatus
from mes.orders.types import JobView
from standards.isa95.equipment_hierarchy import EquipmentLevel
from web.components.job import JobPanel, view_job
from web.components.machine import STATION_LEVELS, MachineView, view_machine


@dataclass(frozen=True, slots=True)
class Station:
    """`job` is what is in work there, None where nothing is."""

    href: str
    machine: MachineView
    job: JobPanel | None


@dataclass(frozen=True, slots=True)
class Area:
    area_id: str
    name: str
    wall: str
    stations: tuple[Station, ...]


@dataclass(frozen=True, slots=True)
class HomeStations:
    areas: tuple[Area, ...]


@dataclass(frozen=True, slots=True)
class HomePage:
    stations: HomeStations


def home_stations(statuses: Iterable[EquipmentStatus], now: datetime, active: Iterable[JobView] = ()) -> HomeStations:
    """Areas with their stations and what is in work there, in the order of the plant file."""
    jobs = {job.equipment_id: view_job(job, now) for job in active}
    by_key = sorted(statuses, key=lambda status: status.equipment_pk)
    areas = [status for status in by_key if status.level == EquipmentLevel.Area]
    return HomeStations(tuple(_area(area, by_key, jobs, now) for area in areas))


def _area(
    area: EquipmentStatus, statuses: Iterable[EquipmentStatus], jobs: Mapping[str, JobPanel], now: datetime
) -> Area:
    stations = tuple(
        Station(f"/s/{quote(status.equipment_id, safe='')}", view_machine(status, now), jobs.get(status.equipment_id))
        for status in statuses
        if status.area_id == area.equipment_id and status.level in STATION_LEVELS
    )
    wall = f"/wall/{quote(area.equipment_id, safe='')}"
    return Area(area.equipment_id, area.description or area.equipment_id, wall, stations)
