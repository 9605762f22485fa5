"""Simulated time → wall clock: the source timestamps a real machine would give."""

from __future__ import annotations

APART_US = 1000


class Stamps:
    """Wall times, in Unix microseconds. Steps of one lane are at least 1 ms apart, at any speed."""

    def __init__(self, start_wall_us: int, speed: float, start_sim_us: int = 0) -> None:
        self._start_us, self._speed, self._start_sim_us = start_wall_us, speed, start_sim_us
        self._last: dict[str, tuple[int, int]] = {}
        self._of_tag: dict[str, int] = {}

    def of(self, lane: str, step: int, at_us: int) -> int:
        """The wall time of a step. Without a lane only the time itself counts."""
        ideal = self._start_us + round((at_us - self._start_sim_us) / self._speed)
        if not lane:
            return ideal
        last_step, last_us = self._last.get(lane, (-1, 0))
        if step == last_step:
            return last_us
        stamp = max(ideal, last_us + APART_US)
        self._last[lane] = (step, stamp)
        return stamp

    def of_change(self, tag: str, lane: str, step: int, at_us: int) -> int:
        """Likewise, and strictly later than the tag's value before."""
        stamp = self.of(lane, step, at_us)
        before = self._of_tag.get(tag)
        if before is not None and stamp <= before:
            stamp = before + APART_US
            if lane:
                self._last[lane] = (step, stamp)
        self._of_tag[tag] = stamp
        return stamp

    def sim_us(self, wall_us: int) -> int:
        """Which simulated instant this wall time is."""
        return self._start_sim_us + round((wall_us - self._start_us) * self._speed)
