"""How much of a lot's lives is left, as bars and counting times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mes.materials.types import LifeClock

TONES: Final = {0: "idle", 80: "warn", 100: "down"}
WARN_PERCENT: Final = 80
OVER_PERCENT: Final = 100
BAR: Final = 1_000


@dataclass(frozen=True, slots=True)
class LifeView:
    """One life. `ends_ms` is when it ends if it runs, `over_ms` since when it is over; 0: not so. `left_s` as of now.

    `used` is the length of the bar of 1,000; None where only the end is known.
    """

    kind: str
    tone: str
    percent: int
    used: int | None
    left_s: int
    ends_ms: int
    over_ms: int


def life_view(clock: LifeClock, now: datetime) -> LifeView:
    """A life as it is now."""
    now_ms, left_ms = int(now.timestamp() * 1000), clock.left_us // 1000
    over = clock.left_us <= 0
    percent = clock.percent
    tone = "down" if over else "warn" if percent >= WARN_PERCENT else "idle"
    used = (
        None if clock.total_us is None else min(BAR, max(0, (clock.total_us - clock.left_us) * BAR // clock.total_us))
    )
    ends_ms = now_ms + left_ms if clock.running and not over else 0
    over_ms = now_ms + left_ms if over and clock.running else 0
    return LifeView(clock.kind.value, tone, min(percent, OVER_PERCENT), used, max(0, left_ms // 1000), ends_ms, over_ms)
