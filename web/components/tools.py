"""Tools with what is left of their lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from mes.genealogy.tools.types import Spent, ToolLife, ToolView
from mes.kernel.sqltypes import from_us

WARN: Final = 10
"""A tenth of the cycles left, or a day: said beforehand."""
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class ToolLifeView:
    """`kind` chooses its words. `left` cycles are left; `until` when it ends; None: not so."""

    kind: str
    tone: str
    icon: str
    left: int | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ToolLine:
    """A tool. `spent` chooses the words that say why it may not be used, "": it may."""

    tool_id: str
    kind: str
    description: str
    equipment_id: str
    cycles: int
    spent: str
    tone: str
    icon: str
    lives: tuple[ToolLifeView, ...]


def tool_line(tool: ToolView, now: datetime, zone: tzinfo) -> ToolLine:
    """A tool in a line."""
    lives = tuple(_life(life, now, zone) for life in tool.lives)
    warns = any(life.tone == "warn" for life in lives)
    tone, icon = ("down", "octagon-alert") if tool.spent else ("warn", "triangle-alert") if warns else ("run", "check")
    spent = _KEYS[tool.spent] if tool.spent else ""
    spec = tool.spec
    return ToolLine(spec.tool_id, spec.kind, spec.description, tool.equipment_id, tool.cycles, spent, tone, icon, lives)


_KEYS: Final = {Spent.worn_out: "worn", Spent.not_clean: "dirty", None: "prolonged"}


def _life(life: ToolLife, now: datetime, zone: tzinfo) -> ToolLifeView:
    until = from_us(life.until_us).astimezone(zone) if life.until_us else None
    few = life.cycles is not None and life.cycles_left is not None and life.cycles_left * WARN <= life.cycles
    soon = until is not None and (until - now).total_seconds() < DAY_S
    tone = "down" if life.over else "warn" if few or soon or life.why is None else "idle"
    icon = {"down": "octagon-alert", "warn": "triangle-alert", "idle": "hourglass"}[tone]
    return ToolLifeView(_KEYS[life.why], tone, icon, life.cycles_left, until)
