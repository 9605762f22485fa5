"""Values of ingest."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class CounterCost:
    """What a gap left open of one counter: pieces between `low` and `high` (None: no upper bound is known)."""

    tag: str
    equipment_id: str
    low: Decimal
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class GapView:
    """Values may be missing between two instants. No `tags`: all of the source. No `costs`: every count is exact."""

    source: str
    from_at_us: int
    to_at_us: int
    reason: str
    tags: tuple[str, ...]
    lost: int | None
    recorded_at_us: int
    costs: tuple[CounterCost, ...] = ()
    filled: int = 0
    """Values of measurements in that time which the machine's own history had; nobody can say that these are all."""
    filled_tags: int = 0
