"""A plant with everything a routing refers to."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mes.definitions.service import put_work_masters
from mes.definitions.types import (
    DefinitionSpec,
    MaterialSpecification,
    SegmentDependency,
    SegmentSpec,
    WorkMasterSpec,
)
from mes.equipment.service import put_equipment
from mes.equipment.types import Confirmation, EquipmentSpec
from mes.kernel.db import Database
from mes.kernel.uow import UnitOfWork
from mes.materials.service import put_materials
from mes.materials.types import MaterialSpec
from standards.isa95.equipment_hierarchy import EquipmentLevel as L
from standards.isa95.material import MaterialUse

SMT = SegmentSpec(
    "SMT",
    "WM-SMT",
    "LINE",
    Decimal(8),
    "panel",
    "SMT assembly",
    materials=(MaterialSpecification("PASTE", MaterialUse.Consumed, Decimal("0.6")),),
)
PACK = SegmentSpec("PACK", "WM-PACK", "PACK-1", cycle_unit="board", after=(SegmentDependency("SMT"),))
ROUTE = DefinitionSpec("ROUTE", "BOARD", (SMT, PACK), description="Board")


def furnish(uow: UnitOfWork) -> None:
    put_equipment(
        uow,
        specs=[
            EquipmentSpec("ENT", L.Enterprise),
            EquipmentSpec("SITE", L.Site, "ENT"),
            EquipmentSpec("AREA", L.Area, "SITE"),
            EquipmentSpec("LINE", L.ProductionLine, "AREA", nominal_cycle_s=Decimal(24)),
            EquipmentSpec("PACK", L.WorkCenter, "AREA", confirmation=Confirmation.Manual),
            EquipmentSpec("PACK-1", L.WorkUnit, "PACK"),
        ],
    )
    put_materials(uow, specs=[MaterialSpec("BOARD", "pcs"), MaterialSpec("PASTE", "g")])
    put_work_masters(uow, specs=[WorkMasterSpec("WM-SMT", parameters={"peak_c": "245"}), WorkMasterSpec("WM-PACK")])


@pytest.fixture
def plant(database: Database) -> Database:
    database.write_now(furnish, actor=None)
    return database
