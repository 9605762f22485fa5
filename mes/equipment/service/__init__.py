"""Verbs of the equipment feature, one module per use case."""

from __future__ import annotations

from mes.equipment.service.assets import (
    create_physical_asset,
    map_asset,
    put_physical_assets,
    update_physical_asset,
)
from mes.equipment.service.calendar import put_calendar
from mes.equipment.service.classes import (
    create_equipment_class,
    put_equipment_classes,
    update_equipment_class,
)
from mes.equipment.service.hierarchy import create_equipment, put_equipment, update_equipment
from mes.equipment.service.policy import put_plant_policy
from mes.equipment.service.states import (
    record_known,
    record_mode,
    record_remote,
    record_states,
    record_unknown,
)

__all__ = [
    "create_equipment",
    "create_equipment_class",
    "create_physical_asset",
    "map_asset",
    "put_calendar",
    "put_equipment",
    "put_equipment_classes",
    "put_physical_assets",
    "put_plant_policy",
    "record_known",
    "record_mode",
    "record_remote",
    "record_states",
    "record_unknown",
    "update_equipment",
    "update_equipment_class",
    "update_physical_asset",
]
