"""A small plant: one line with a cell, one manual bench."""

from __future__ import annotations

import pytest

from mes.equipment.service import put_equipment
from mes.equipment.types import Confirmation, EquipmentSpec
from mes.kernel.db import Database
from standards.isa95.equipment_hierarchy import EquipmentLevel as L

SPECS = (
    EquipmentSpec("CELL", L.WorkCell, "LINE"),
    EquipmentSpec("LINE", L.ProductionLine, "AREA"),
    EquipmentSpec("AREA", L.Area, "SITE"),
    EquipmentSpec("SITE", L.Site, "ENT"),
    EquipmentSpec("ENT", L.Enterprise),
    EquipmentSpec("PACK", L.WorkCenter, "AREA", confirmation=Confirmation.Manual),
    EquipmentSpec("PACK-1", L.WorkUnit, "PACK"),
)


@pytest.fixture
def plant(database: Database) -> Database:
    database.write_now(put_equipment, actor=None, specs=SPECS)
    return database
