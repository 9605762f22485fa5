"""The bridge's clock. What it says never goes back, whatever happens to the computer's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


def utc_now() -> datetime:
    """By the computer's clock, for what people are told: dates of certificates and decisions."""
    return datetime.now(UTC)


class Clock:
    """Microseconds since 1970, UTC, never decreasing.

    After the computer's clock has been set back, time goes on at half speed until the computer has caught up, so that
    what is observed later also carries a later time.
    """

    def __init__(
        self,
        *,
        not_before_us: int = 0,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns, self._monotonic_ns = wall_ns, monotonic_ns
        self._last_us = not_before_us
        self._last_tick_ns = monotonic_ns()

    def now_us(self) -> int:
        tick_ns = self._monotonic_ns()
        floor_us = self._last_us + (tick_ns - self._last_tick_ns) // 2_000
        self._last_tick_ns = tick_ns
        self._last_us = max(self._wall_ns() // 1_000, floor_us)
        return self._last_us
