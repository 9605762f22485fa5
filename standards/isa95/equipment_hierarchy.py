"""Role-based equipment hierarchy (ISA-95 part 1 clause 5.3, B2MML `EquipmentLevelType`): what nests in what."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class EquipmentLevel(StrEnum):
    Enterprise = "Enterprise"
    Site = "Site"
    Area = "Area"
    ProcessCell = "ProcessCell"
    ProductionUnit = "ProductionUnit"
    ProductionLine = "ProductionLine"
    StorageZone = "StorageZone"
    WorkCenter = "WorkCenter"
    Unit = "Unit"
    WorkCell = "WorkCell"
    StorageUnit = "StorageUnit"
    WorkUnit = "WorkUnit"
    EquipmentModule = "EquipmentModule"
    ControlModule = "ControlModule"


_L = EquipmentLevel
WORK_CENTER_LEVELS: Final = frozenset(
    {_L.ProcessCell, _L.ProductionUnit, _L.ProductionLine, _L.StorageZone, _L.WorkCenter}
)
WORK_UNIT_LEVELS: Final = frozenset({_L.Unit, _L.WorkCell, _L.StorageUnit, _L.WorkUnit})

PARENT_LEVELS: Final[dict[EquipmentLevel, frozenset[EquipmentLevel]]] = {
    _L.Enterprise: frozenset(),
    _L.Site: frozenset({_L.Enterprise}),
    _L.Area: frozenset({_L.Site}),
    **{level: frozenset({_L.Area}) for level in WORK_CENTER_LEVELS},
    _L.Unit: frozenset({_L.ProcessCell, _L.ProductionUnit}),
    _L.WorkCell: frozenset({_L.ProductionLine}),
    _L.StorageUnit: frozenset({_L.StorageZone}),
    _L.WorkUnit: frozenset(WORK_CENTER_LEVELS),
    _L.EquipmentModule: frozenset(WORK_UNIT_LEVELS | {_L.EquipmentModule}),
    _L.ControlModule: frozenset(WORK_UNIT_LEVELS | {_L.EquipmentModule, _L.ControlModule}),
}
"""Levels a level may be nested under. An Enterprise has no parent; everything else has exactly one."""


def may_nest(level: EquipmentLevel, parent: EquipmentLevel | None) -> bool:
    """Whether equipment of `level` may stand directly under `parent` (None: at the top)."""
    return parent in PARENT_LEVELS[level] if parent is not None else level is EquipmentLevel.Enterprise
