"""Time across a drawing: where an instant stands, and which hours are written under it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WIDTH: Final = 1200
STEPS_MIN: Final = (1, 5, 15, 30, 60, 120, 240, 480, 1440, 2880, 10080)
TICKS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Tick:
    x: int
    at: datetime
    is_day: bool


@dataclass(frozen=True, slots=True)
class Axis:
    """From `start` to `end` (both in the plant's zone) over WIDTH units."""

    start: datetime
    end: datetime

    def x(self, at: datetime) -> int:
        """Where an instant stands; what is outside stands at the edge."""
        whole = (self.end - self.start).total_seconds() or 1.0
        part = (at - self.start).total_seconds() / whole
        return round(max(0.0, min(1.0, part)) * WIDTH)

    def has(self, at: datetime) -> bool:
        return self.start <= at <= self.end

    def ticks(self) -> tuple[Tick, ...]:
        """At most TICKS_MAX round local times."""
        whole_min = (self.end - self.start).total_seconds() / 60
        step_min = next((step for step in STEPS_MIN if whole_min / step <= TICKS_MAX), STEPS_MIN[-1])
        step = timedelta(minutes=step_min)
        midnight = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
        at = midnight + ((self.start - midnight) // step + 1) * step
        found: list[Tick] = []
        while at < self.end and len(found) < TICKS_MAX:
            found.append(Tick(self.x(at), at, step_min >= STEPS_MIN[8] or (at.hour, at.minute) == (0, 0)))
            at += step
        return tuple(found)
