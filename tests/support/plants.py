"""A small plant for tests: a line with a counting point, a machine after it, and a manual bench."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from mes.definitions.service import put_definitions, put_scrap_reasons, put_work_masters
from mes.definitions.types import (
    DefinitionSpec,
    ScrapReasonSpec,
    SegmentDependency,
    SegmentSpec,
    WorkMasterSpec,
)
from mes.edge.service import put_bridge, put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.equipment.service import put_equipment
from mes.equipment.types import Confirmation, EquipmentSpec
from mes.ingest.service import receive_batch
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.materials.service import put_materials
from mes.materials.types import MaterialSpec
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.lineside.ingest_v1 import Batch, BatchAnswer, Entry, Gap, Item, Sample
from standards.opcua.status import Quality

BRIDGE = "box"
LINE, CELL, PRESS, BENCH = "LINE", "LINE-AOI", "PRESS", "BENCH"


def build_plant(uow: UnitOfWork) -> None:
    """LINE (with LINE-AOI as its counting point, eight boards a panel) → PRESS → BENCH (manual)."""
    build_places(uow)
    put_tag_bindings(uow, bridge_id=BRIDGE, bindings=_bindings())
    put_materials(uow, specs=[MaterialSpec("BOARD", "pcs", "Controller board")])
    put_work_masters(uow, specs=[WorkMasterSpec(f"WM-{step}") for step in ("LINE", "PRESS", "BENCH")])
    put_definitions(uow, specs=[DefinitionSpec("BOARD-ROUTE", "BOARD", _segments())])


def build_places(uow: UnitOfWork) -> None:
    """Its equipment and its bridge, which tells nothing yet."""
    put_equipment(
        uow,
        specs=[
            EquipmentSpec("ENT", EquipmentLevel.Enterprise),
            EquipmentSpec("SITE", EquipmentLevel.Site, "ENT"),
            EquipmentSpec("HALL", EquipmentLevel.Area, "SITE"),
            EquipmentSpec(LINE, EquipmentLevel.ProductionLine, "HALL"),
            EquipmentSpec(CELL, EquipmentLevel.WorkCell, LINE),
            EquipmentSpec("PRESSES", EquipmentLevel.WorkCenter, "HALL"),
            EquipmentSpec(PRESS, EquipmentLevel.WorkUnit, "PRESSES"),
            EquipmentSpec("BENCHES", EquipmentLevel.WorkCenter, "HALL"),
            EquipmentSpec(BENCH, EquipmentLevel.WorkUnit, "BENCHES", confirmation=Confirmation.Manual),
        ],
    )
    put_scrap_reasons(uow, specs=[ScrapReasonSpec("scratch", "Scratched"), ScrapReasonSpec("aoi", "Rejected by AOI")])
    put_bridge(uow, bridge_id=BRIDGE)


def _segments() -> tuple[SegmentSpec, ...]:
    return (
        SegmentSpec("LINE", "WM-LINE", LINE, Decimal(8), "panel", nominal_cycle_s=Decimal(20)),
        SegmentSpec("PRESS", "WM-PRESS", PRESS, after=(SegmentDependency("LINE"),)),
        SegmentSpec("BENCH", "WM-BENCH", BENCH, after=(SegmentDependency("PRESS"),)),
    )


def _bindings() -> list[TagBindingSpec]:
    bindings = [
        TagBindingSpec(f"{CELL}.Good", "counter", CELL, "good", counting_point_of=LINE, max_per_s=10.0),
        TagBindingSpec(f"{CELL}.Reject", "counter", CELL, "scrap", "aoi", counting_point_of=LINE, max_per_s=10.0),
        TagBindingSpec(f"{CELL}.Mode", "unit-mode", CELL),
        TagBindingSpec(f"{CELL}.StartedAt", "restart-marker", CELL),
        TagBindingSpec(
            f"{PRESS}.Good",
            "counter",
            PRESS,
            "good",
            units_per_count_e6=2_000_000,
            counting_point_of=PRESS,
            modulus=1000,
            retentive=True,
        ),
        TagBindingSpec(f"{PRESS}.Temperature", "measurement", PRESS, unit="°C"),
    ]
    for target in (LINE, PRESS):
        bindings += [
            TagBindingSpec(f"{target}.State", "equipment-state", target, state_map="packml"),
            TagBindingSpec(f"{target}.Remote", "remote-control", target),
            TagBindingSpec(f"{target}.Job.OrderId", "job-order", target),
            TagBindingSpec(f"{target}.Job.State", "job-state", target),
            TagBindingSpec(f"{target}.Job.Substate", "job-substate", target),
        ]
    return bindings


@dataclass
class Box:
    """A bridge with its journal: what it says is numbered and handed in."""

    database: Database
    journal_id: str = "journal-1"
    seq: int = 0
    said: list[Item] = field(default_factory=list)

    def at_us(self) -> int:
        return to_us(self.database.clock())

    def sample(self, tag: str, value: Any, at_us: int | None = None, **more: Any) -> Sample:
        at = self.at_us() if at_us is None else at_us
        return Sample(tag, value, observed_at_us=at, source_at_us=at, **more)

    def bad(self, tag: str) -> Sample:
        return Sample(tag, None, observed_at_us=self.at_us(), quality=Quality.bad, status=0x80310000)

    def gap(self, from_us: int, to_us_: int, tags: list[str] | None = None) -> Gap:
        return Gap("plc", from_us, to_us_, "connection-lost", tags)

    def say(self, *items: Item) -> BatchAnswer:
        """Journal items and hand them in at once."""
        first = self.seq + 1
        self.seq += len(items)
        self.said += items
        return self.hand_in(first, items)

    def hand_in(self, first_seq: int, items: Sequence[Entry]) -> BatchAnswer:
        batch = Batch(self.journal_id, first_seq, list(items))
        return self.database.write_now(receive_batch, actor=None, bridge_id=BRIDGE, batch=batch)

    def ready(self, *targets: str) -> None:
        """The machines are there, idle, and may be commanded."""
        for target in targets or (LINE, PRESS):
            self.say(self.sample(f"{target}.State", 4), self.sample(f"{target}.Remote", True))
        self.say(self.sample(f"{CELL}.Mode", 1), self.sample(f"{CELL}.StartedAt", "boot-1"))

    def job(self, target: str, job_id: str, state: int, at_us: int | None = None, substate: int = 0) -> None:
        self.say(
            self.sample(f"{target}.Job.OrderId", job_id, at_us),
            self.sample(f"{target}.Job.Substate", substate, at_us),
            self.sample(f"{target}.Job.State", state, at_us),
        )
