"""What a value was seen to do: a rising integer, a few values, fresh ones, a float that wanders. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Final

from standards.lineside.ingest_v1 import Value

MAX_CHANGES: Final = 1_000
FEW: Final = 8
"""A state has at most so many values while somebody watches."""
EVEN: Final = 0.2
"""Rises that differ by less than this part from their median keep time."""
ENOUGH_RISES: Final = 3


class Pattern(StrEnum):
    unwatched = "unwatched"
    unreadable = "unreadable"
    constant = "constant"
    rising = "rising"
    """An integer that rose, or rose and fell back once: a counter, wrapped or reset."""
    keeping_time = "keeping-time"
    """It rises evenly, at every look: a clock or a sign of life."""
    few_values = "few-values"
    fresh_values = "fresh-values"
    """Text, never the same twice."""
    wandering = "wandering"
    """A number with many values, up and down."""


@dataclass
class Observed:
    """One variable, looked at again and again."""

    looks: int = 0
    readable: int = 0
    status: int = 0
    """The last bad StatusCode; 0: none was."""
    seconds: float = 0.0
    changes: list[tuple[float, Value]] = field(default_factory=list)
    """When, and the value from then on; the first value is the first entry. At most 1,000."""

    def add(self, at_s: float, value: Value, status: int = 0) -> None:
        """A look at it, `at_s` seconds after the first."""
        self.looks += 1
        self.seconds = at_s
        if status >> 30:
            self.status = status
            return
        self.readable += 1
        if len(self.changes) < MAX_CHANGES and (not self.changes or not _same(self.changes[-1][1], value)):
            self.changes.append((at_s, value))

    @property
    def values(self) -> list[Value]:
        return [value for _, value in self.changes]


@dataclass(frozen=True)
class Behaviour:
    """A pattern, how often the value changed, and what was seen in words."""

    pattern: Pattern
    changes: int
    words: str


def behaviour_of(observed: Observed | None) -> Behaviour:
    """What was seen, never more than was seen."""
    if observed is None or not observed.looks:
        return Behaviour(Pattern.unwatched, 0, "nobody has watched it")
    if not observed.readable:
        return Behaviour(Pattern.unreadable, 0, f"not readable, status 0x{observed.status:08X}")
    values, changes = observed.values, len(observed.changes) - 1
    if observed.looks == 1:
        return Behaviour(Pattern.unwatched, 0, f"was looked at once ({shown(values[0])})")
    if not changes:
        return Behaviour(Pattern.constant, 0, f"did not change in {observed.seconds:.0f} s ({shown(values[0])})")
    pattern = _pattern(observed)
    return Behaviour(pattern, changes, _words(pattern, values, changes))


def _same(before: Value, now: Value) -> bool:
    return type(before) is type(now) and before == now


def _pattern(observed: Observed) -> Pattern:
    values = observed.values
    if any(isinstance(v, list) for v in values):
        return Pattern.wandering
    if all(_is_integer(v) for v in values) and _rises([int(v) for v in values if isinstance(v, int)]):
        return Pattern.keeping_time if _keeps_time(observed) else Pattern.rising
    distinct = len(set(values))
    if any(isinstance(v, str) for v in values):
        return Pattern.few_values if distinct < len(values) and distinct <= FEW else Pattern.fresh_values
    if any(isinstance(v, float) for v in values) or distinct > FEW:
        return Pattern.wandering
    return Pattern.few_values


def _is_integer(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _rises(values: list[int]) -> bool:
    """Up and up. One fall is a counter's if it is from beyond what a state has, to less than half, and nothing comes
    twice; a fall alone is none."""
    falls = [(before, now) for before, now in pairwise(values) if now < before]
    if not falls:
        return True
    ((before, now), *more) = falls
    return not more and before > FEW and now * 2 < before and len(set(values)) == len(values) > 2


def _keeps_time(observed: Observed) -> bool:
    rates = [
        (now - before) / (later - at)
        for (at, before), (later, now) in pairwise(observed.changes)
        if isinstance(now, int) and isinstance(before, int) and later > at
    ]
    if len(rates) < ENOUGH_RISES or len(observed.changes) < 0.8 * observed.readable:
        return False
    middle = median(rates)
    return all(abs(rate - middle) <= EVEN * middle for rate in rates)


def _words(pattern: Pattern, values: list[Value], changes: int) -> str:
    first, last = shown(values[0]), shown(values[-1])
    times = "once" if changes == 1 else f"{changes} times"
    if pattern is Pattern.keeping_time:
        return f"rose evenly with time, from {first} to {last}"
    if pattern is Pattern.rising:
        fell = any(b < a for a, b in pairwise([v for v in values if isinstance(v, int)]))
        return f"rose from {first} to {last}, {times}, {'fell back once' if fell else 'never fell'}"
    if all(isinstance(v, bool) for v in values):
        return f"went {'on and off' if changes > 1 else 'on' if values[-1] else 'off'}, {times}"
    if pattern is Pattern.few_values:
        distinct = list(dict.fromkeys(shown(v) for v in values))
        return f"changed {times} between {len(distinct)} values: {', '.join(distinct)}"
    if pattern is Pattern.fresh_values:
        return f"changed {times}, to a new value each time, the last {last}"
    numbers = [v for v in values if isinstance(v, int | float)]
    if numbers:
        return f"wandered between {shown(min(numbers))} and {shown(max(numbers))}, {times}"
    return f"changed {times}, the last value {last}"


def shown(value: Value) -> str:
    """A value as it is put before a person, at most 40 characters."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
