"""Live regions of the station. Parameter: `equipment_id`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import uuid4

from mes.equipment.queries import get_equipment_status, list_status_below
from mes.kernel.db import ReadSession
from mes.orders.following.queries import get_briefing
from mes.orders.queries import list_jobs_to_count, list_station_jobs, list_unassigned_counts
from web.components.machine import view_machine
from web.components.plant_time import plant_zone, production_day_start
from web.live.region import Region
from web.station.views import (
    CellsRegion,
    CurrentJobRegion,
    MachineRegion,
    QueueRegion,
    UnassignedRegion,
    cells_region,
    current_job,
    current_region,
    queue_region,
    unassigned_region,
)

Params = Mapping[str, str]
UNASSIGNED_READ = 200


def build_machine(session: ReadSession, *, now: datetime, params: Params) -> MachineRegion:
    status = get_equipment_status(session, equipment_id=params["equipment_id"])
    return MachineRegion(view_machine(status, now))


def build_current_job(session: ReadSession, *, now: datetime, params: Params) -> CurrentJobRegion:
    equipment_id = params["equipment_id"]
    jobs = session.once(list_station_jobs, equipment_id=equipment_id, now=now)
    current = current_job(jobs)
    briefing = get_briefing(session, job_pk=current.pk) if current else None
    return current_region(equipment_id, jobs, uuid4().hex, plant_zone(session), now, briefing)


def build_job_queue(session: ReadSession, *, now: datetime, params: Params) -> QueueRegion:
    equipment_id = params["equipment_id"]
    jobs = session.once(list_station_jobs, equipment_id=equipment_id, now=now)
    to_count = list_jobs_to_count(session, equipment_id=equipment_id, now=now)
    return queue_region(equipment_id, jobs, to_count, plant_zone(session))


def build_line_cells(session: ReadSession, *, now: datetime, params: Params) -> CellsRegion:
    equipment_id = params["equipment_id"]
    return cells_region(equipment_id, session.once(list_status_below, parent_id=equipment_id), now)


def build_unassigned(session: ReadSession, *, now: datetime, params: Params) -> UnassignedRegion:
    cells = build_line_cells(session, now=now, params=params)
    counts = list_unassigned_counts(session, since=production_day_start(session, now), limit=UNASSIGNED_READ).items
    return unassigned_region(params["equipment_id"], cells, counts)


def _topics(*kinds: str) -> Callable[[Params], tuple[str, ...]]:
    return lambda params: tuple(f"{kind}/{params['equipment_id']}" for kind in kinds)


REGIONS: tuple[Region, ...] = (
    Region("machine-state", "station/_machine_state.html", _topics("equipment"), build_machine),
    Region("current-job", "station/_current_job.html", _topics("equipment"), build_current_job, "outerMorph"),
    Region("job-queue", "station/_job_queue.html", _topics("equipment"), build_job_queue),
    Region("line-cells", "station/_line_cells.html", _topics("work-center"), build_line_cells),
    Region("unassigned-counts", "station/_unassigned_counts.html", lambda params: ("board",), build_unassigned),
)
