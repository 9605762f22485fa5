"""Material in use: lots in a few words, and the places of a station where they are used, each with its state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from mes.genealogy.at_station.types import Line, LotAt
from web.components.lives import LifeView, life_view
from web.wording import code_key


@dataclass(frozen=True, slots=True)
class LotView:
    lot_id: str
    material: str
    material_id: str
    left: Decimal
    unit: str
    lives: tuple[LifeView, ...]
    refused: str
    """The key of the words that say why it may not be used."""


@dataclass(frozen=True, slots=True)
class LineView:
    """Where material is used. `name` is the slot as people call it, "" of the bill; `tap` what a tap says."""

    tap: str
    name: str
    material: str
    material_id: str
    state: str
    tone: str
    icon: str
    lot: LotView | None
    anything: bool


def lot_view(lot: LotAt, now: datetime) -> LotView:
    """A lot in a few words."""
    lives = tuple(life_view(clock, now) for clock in lot.clocks)
    refused = "" if lot.refusal is None else code_key("scan.refused", lot.refusal.code)
    return LotView(lot.lot_id, lot.material, lot.material_id, lot.left, lot.unit, lives, refused)


def line_view(line: Line, now: datetime) -> LineView:
    """A slot or a line of the bill with its state."""
    state, tone, icon = _state(line)
    return LineView(
        tap=line.slot_id,
        name="" if line.by_hand else line.slot_id,
        material=line.material,
        material_id=line.material_ids[0] if line.material_ids else "",
        state=state,
        tone=tone,
        icon=icon,
        lot=lot_view(line.mounted, now) if line.mounted else None,
        anything=not line.material_ids,
    )


def _state(line: Line) -> tuple[str, str, str]:
    if line.stray:
        return "stray", "warn", "triangle-alert"
    if line.mounted is None:
        return ("free", "idle", "circle-dot") if not line.material_ids else ("empty", "warn", "triangle-alert")
    if line.mounted.refusal is not None:
        return "wrong", "down", "octagon-alert"
    if not line.takes(line.mounted.material_id):
        return "other", "warn", "triangle-alert"
    return "right", "run", "check"
