"""A machine as screens show it: its word, its tone, since when, and how we know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mes.equipment.queries import EquipmentStatus
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.packml.states import EquipmentState, UnitMode
from web.components.elapsed import Elapsed, elapsed

_E = EquipmentState
TONES: Final[dict[str, tuple[str, str]]] = {
    _E.Down: ("down", "triangle-alert"),
    _E.Stopped: ("warn", "octagon-alert"),
    _E.Unknown: ("unknown", "circle-help"),
    _E.Starved: ("warn", "hourglass"),
    _E.Blocked: ("warn", "ban"),
    _E.Setup: ("setup", "wrench"),
    _E.Idle: ("idle", "clock"),
    _E.Off: ("off", "power"),
    _E.Running: ("run", "play"),
}
"""State → tone (a CSS class) and icon, the most urgent first."""
RANKS: Final = {state: rank for rank, state in enumerate(TONES)}
ABNORMAL: Final = frozenset({_E.Down, _E.Stopped, _E.Unknown, _E.Starved, _E.Blocked, _E.Setup})
PATIENCE: Final = timedelta(seconds=60)
"""How long a machine may wait for its neighbours before it is a matter for somebody: a balanced line always waits."""
WAITING: Final = frozenset({_E.Starved, _E.Blocked})
MANUAL: Final = "Manual"
"""The state word of a manual work unit, which has no machine to ask."""

STATION_LEVELS: Final = frozenset(
    {EquipmentLevel.ProductionLine, EquipmentLevel.WorkUnit, EquipmentLevel.Unit, EquipmentLevel.ProductionUnit}
)
"""Where jobs run: a linked line as a whole, not its cells; a work unit of any other work centre."""


@dataclass(frozen=True, slots=True)
class MachineView:
    """`state` is an EquipmentState value or `Manual`; `unknown_reason` is a code, empty where the state is known.

    `age` is that of the state; where the state is unknown, of the machine's last good word.
    """

    equipment_id: str
    name: str
    state: str
    tone: str
    icon: str
    age: Elapsed | None
    unknown_reason: str
    mode: str
    local: bool
    abnormal: bool
    rank: int


def view_machine(status: EquipmentStatus, now: datetime) -> MachineView:
    """Never the last value where nobody knows: then the state is Unknown and the age that of the last good word."""
    state = _state_word(status)
    tone, icon = ("manual", "hand") if state == MANUAL else TONES[state]
    brief = state in WAITING and status.since is not None and now - status.since < PATIENCE
    unknown = state == EquipmentState.Unknown
    return MachineView(
        equipment_id=status.equipment_id,
        name=status.description or status.equipment_id,
        state=state,
        tone="idle" if brief else tone,
        icon=icon,
        age=None if state == MANUAL else elapsed(status.known_at if unknown else status.since, now),
        unknown_reason=(status.unknown_reason or "no-signal") if unknown else "",
        mode="" if unknown or status.mode is None else _mode_word(status.mode),
        local=status.remote is False and not unknown,
        abnormal=state in ABNORMAL and not brief,
        rank=RANKS[_E.Idle] if brief else RANKS.get(state, len(RANKS)),
    )


def view_machines(statuses: Iterable[EquipmentStatus], now: datetime) -> tuple[MachineView, ...]:
    """Most urgent first, then the longest in its state, then by name."""
    views = [view_machine(status, now) for status in statuses]
    return tuple(sorted(views, key=lambda m: (m.rank, -(m.age.seconds if m.age else 0), m.equipment_id)))


def _state_word(status: EquipmentStatus) -> str:
    if status.manual:
        return MANUAL
    return status.state.value if status.known else EquipmentState.Unknown.value


def _mode_word(mode: int) -> str:
    """Only modes worth a word: production is what everybody expects."""
    if mode == UnitMode.Maintenance:
        return "maintenance"
    return "manual" if mode == UnitMode.Manual else ""
