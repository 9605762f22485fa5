"""PackML (OPC 30050, ISA-TR88.00.02) states and modes, and what they mean for an equipment state."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final


class EquipmentState(StrEnum):
    """What a work unit does, in Lineside's words. `Unknown` is said when nobody can know."""

    Running = "Running"
    Idle = "Idle"
    Starved = "Starved"
    Blocked = "Blocked"
    Setup = "Setup"
    Stopped = "Stopped"
    Down = "Down"
    Off = "Off"
    Unknown = "Unknown"


class PackMLState(IntEnum):
    Clearing = 1
    Stopped = 2
    Starting = 3
    Idle = 4
    Suspended = 5
    Execute = 6
    Stopping = 7
    Aborting = 8
    Aborted = 9
    Holding = 10
    Held = 11
    Unholding = 12
    Suspending = 13
    Unsuspending = 14
    Resetting = 15
    Completing = 16
    Complete = 17


class UnitMode(IntEnum):
    """ProductionMaintenanceModeEnum. Counts outside Produce are set-up pieces or dry cycles."""

    Invalid = 0
    Produce = 1
    Maintenance = 2
    Manual = 3


class MachineryItemState(IntEnum):
    """MachineryItemState_StateMachineType (OPC 40001-1), for machines that do not speak PackML."""

    NotAvailable = 0
    OutOfService = 1
    NotExecuting = 2
    Executing = 3


_P, _E, _M = PackMLState, EquipmentState, MachineryItemState
PACKML_EQUIPMENT_STATES: Final[dict[int, EquipmentState]] = {
    _P.Execute: _E.Running,
    _P.Starting: _E.Running,
    _P.Completing: _E.Running,
    _P.Unholding: _E.Running,
    _P.Unsuspending: _E.Running,
    _P.Idle: _E.Idle,
    _P.Complete: _E.Idle,
    _P.Resetting: _E.Idle,
    _P.Suspending: _E.Starved,
    _P.Suspended: _E.Starved,
    _P.Holding: _E.Stopped,
    _P.Held: _E.Stopped,
    _P.Stopping: _E.Stopped,
    _P.Stopped: _E.Stopped,
    _P.Clearing: _E.Stopped,
    _P.Aborting: _E.Down,
    _P.Aborted: _E.Down,
}
"""PackML: Suspended is an outside condition (no material, blocked downstream), Held an inside one."""

MACHINERY_EQUIPMENT_STATES: Final[dict[int, EquipmentState]] = {
    _M.NotAvailable: _E.Off,
    _M.OutOfService: _E.Down,
    _M.NotExecuting: _E.Idle,
    _M.Executing: _E.Running,
}
STATE_MAPS: Final[dict[str, dict[int, EquipmentState]]] = {
    "packml": PACKML_EQUIPMENT_STATES,
    "machinery": MACHINERY_EQUIPMENT_STATES,
}
