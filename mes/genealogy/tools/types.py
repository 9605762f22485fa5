"""Values of tools."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

CYCLES_MAX: Final = 1_000_000_000
DAYS_MAX: Final = 36_500
HOURS_MAX: Final = 876_000
LIMITS: Final = {
    "life_cycles": CYCLES_MAX,
    "life_days": DAYS_MAX,
    "clean_cycles": CYCLES_MAX,
    "clean_hours": HOURS_MAX,
}
"""The most of each."""
ACTS_MAX: Final = 500
"""Of one tool, the newest."""


class ToolAct(StrEnum):
    mounted = "mounted"
    unmounted = "unmounted"
    cleaned = "cleaned"
    prolonged = "prolonged"


class Spent(StrEnum):
    """Why a tool may not be used."""

    worn_out = "tool-worn-out"
    not_clean = "tool-not-clean"


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """How long a tool lasts and how often it is cleaned; None: no such limit. Days count from its first use."""

    tool_id: str
    kind: str = ""
    description: str = ""
    life_cycles: int | None = None
    life_days: int | None = None
    clean_cycles: int | None = None
    clean_hours: int | None = None


class Limit(NamedTuple):
    """What is left of a limit: cycles, and the instant at which it is reached (0: none)."""

    tool_id: str
    why: Spent
    cycles_left: int
    until_us: int


@dataclass(frozen=True, slots=True)
class ToolView:
    spec: ToolSpec
    cycles: int
    cycles_since_clean: int
    equipment_id: str
    """Where it stands; "": nowhere."""
    spent: Spent | None
    version: int


@dataclass(frozen=True, slots=True)
class ToolActView:
    act: ToolAct
    at: datetime
    actor: int | None
    equipment_id: str
    cycles: int
    reason: str
