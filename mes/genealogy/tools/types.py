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


class ToolLife(NamedTuple):
    """What is left of one of a tool's limits: cycles of how many (None: not so many), or until when (0: no end).

    `why`: what it is when it is over; None: a supervisor let it be used for so many cycles more, whatever its limits.
    """

    why: Spent | None
    cycles_left: int | None
    cycles: int | None
    until_us: int
    over: bool = False


class ToolThen(NamedTuple):
    """A tool stood at a station from one instant to another (`OPEN_US`: it still does), in µs, half open."""

    tool_id: str
    equipment_pk: int
    from_us: int
    to_us: int


OPEN_US: Final = 2**62


@dataclass(frozen=True, slots=True)
class ToolView:
    spec: ToolSpec
    cycles: int
    cycles_since_clean: int
    equipment_id: str
    """Where it stands; "": nowhere."""
    spent: Spent | None
    version: int
    lives: tuple[ToolLife, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolActView:
    act: ToolAct
    at: datetime
    actor: int | None
    equipment_id: str
    cycles: int
    reason: str
