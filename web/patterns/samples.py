"""Made-up machines and jobs, as queries would answer them: what the patterns page (and the tests of screens) show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from mes.equipment.queries import EquipmentStatus
from mes.genealogy.at_station.types import LotAt
from mes.kernel.errors import Refusal
from mes.materials.types import HOUR_US, LifeClock, LifeKind
from mes.orders.types import JobView
from standards.isa95.job_control import DispatchStatus, JobState
from standards.packml.states import EquipmentState

NOW = datetime(2026, 11, 21, 12, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
D = Decimal
_E = EquipmentState


def machine(equipment_id: str = "SMT-1", state: EquipmentState = _E.Running, **over: Any) -> EquipmentStatus:
    """A machine that has been running for twelve minutes."""
    known = state is not _E.Unknown
    made = EquipmentStatus(
        equipment_id=equipment_id,
        description=equipment_id,
        level="WorkUnit",
        parent_id="",
        area_id="ELECTRONICS",
        work_center_id=equipment_id,
        state=state,
        mode=1,
        remote=True,
        since=NOW - 12 * MINUTE,
        known_at=NOW - 3 * MINUTE,
        known=known,
        unknown_reason="" if known else "no-signal",
        manual=False,
        equipment_pk=1,
    )
    return replace(made, **over)


def job(equipment_id: str = "SMT-1", state: JobState = JobState.Running, **over: Any) -> JobView:
    """A job for 56 controller boards in seven panels, half done and a little behind."""
    running = state in (JobState.Running, JobState.Interrupted)
    made = JobView(
        pk=1,
        job_id=f"PO-1001-{equipment_id}",
        operations_request_id="PO-1001",
        work_request_id="WR-1001",
        segment_id="SMT",
        description="Surface mount",
        material_id="CB-100",
        material_description="Controller board",
        work_master_id="WM-CB-SMT",
        work_master_version="1",
        equipment_id=equipment_id,
        work_center_id=equipment_id,
        area_id="ELECTRONICS",
        sequence=1,
        priority=5,
        due_at=NOW + 4 * 60 * MINUTE,
        state=state,
        substate=0,
        dispatch_status=DispatchStatus.Running,
        note="",
        note_text="",
        quantity=D(56),
        unit="pcs",
        cycles=7,
        cycle_unit="panel",
        good_low=D(32) if running else D(0),
        good_high=D(32) if running else D(0),
        scrap_low=D(1) if running else D(0),
        scrap_high=D(1) if running else D(0),
        started_at=NOW - 5 * MINUTE if running else None,
        ended_at=None,
        target_now=D(41) if running else None,
        nominal_cycle_s=D(60),
        version=3,
        manual=False,
        undo_until=None,
        confirmed_by="",
    )
    return replace(made, **over)


def lot(lot_id: str, hours_left: int, refusal: Refusal | None = None) -> LotAt:
    """A lot with so much of a floor life of a week."""
    clock = LifeClock(LifeKind.floor_life, hours_left * HOUR_US, 168 * HOUR_US)
    return LotAt(lot_id, "MCU-32", "Microcontroller", D(840), "pcs", (clock,), refusal)
