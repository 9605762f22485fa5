"""Pure: what the movement of a machine's counter proves. An exact number where everything was seen, else an interval.

A counter rises, wraps at its modulus, restarts from 0 with its machine, or lies for a moment (a zero or a spike between
good readings). What happened while nobody could look is bounded, never guessed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class MovementKind(StrEnum):
    first = "first"
    """The first reading ever: a baseline, no count."""
    still = "still"
    counted = "counted"
    wrap = "wrap"
    reset = "reset"
    suspect = "suspect"
    """A fall or jump that the next reading has to confirm; nothing is counted yet."""
    false_reading = "false-reading"
    """The suspect reading was a lie: the counter went on from before it."""


@dataclass(frozen=True, slots=True)
class CounterSpec:
    """How a counter behaves. `max_per_s` bounds what could have been counted unseen; None: no bound is known."""

    modulus: int | None = None
    retentive: bool = False
    marked: bool = False
    """The machine has a restart marker, so a restart never goes unnoticed."""
    max_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The last reading that was believed, and a later one that still has to be confirmed."""

    value: int
    at_us: int
    marker: str = ""
    suspect_value: int | None = None
    suspect_at_us: int | None = None
    gap_from_us: int | None = None
    """Values may have been missed from here on; stays until the next believed reading."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A good reading. `gap_from_us`: values may have been missed between that instant and this reading."""

    value: int
    at_us: int
    marker: str = ""
    gap_from_us: int | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """Counts between baseline and reading: at least `low`, at most `high` (None: unbounded)."""

    kind: MovementKind
    low: int
    high: int | None
    from_us: int
    """When the counting can have begun: the baseline's instant, or the gap's begin if all was seen until then."""
    baseline: Baseline
    gapped: bool = False

    @property
    def exact(self) -> bool:
        return self.low == self.high


def movement(baseline: Baseline | None, reading: Reading, spec: CounterSpec) -> Movement:
    """Classify one reading against the baseline."""
    if baseline is None:
        return Movement(MovementKind.first, 0, 0, reading.at_us, _believed(reading))
    gap = _gap(baseline, reading)
    if spec.marked and reading.marker != baseline.marker:
        return _restarted(baseline, reading, spec, gap)
    if baseline.suspect_value is not None:
        return _after_suspect(baseline, baseline.suspect_value, reading, spec, gap)
    if reading.value >= baseline.value:
        return _rise(baseline, reading, spec, gap)
    return _fall(baseline, reading, spec, gap)


def _gap(baseline: Baseline, reading: Reading) -> int | None:
    starts = [at for at in (baseline.gap_from_us, reading.gap_from_us) if at is not None]
    return max(min(starts), baseline.at_us) if starts else None


def _believed(reading: Reading) -> Baseline:
    return Baseline(reading.value, reading.at_us, reading.marker)


def _moved(kind: MovementKind, low: int, high: int | None, baseline: Baseline, reading: Reading) -> Movement:
    gap = _gap(baseline, reading)
    return Movement(kind, low, high, baseline.at_us if gap is None else gap, _believed(reading), gap is not None)


def _suspected(baseline: Baseline, reading: Reading, gap: int | None) -> Movement:
    kept = Baseline(baseline.value, baseline.at_us, baseline.marker, reading.value, reading.at_us, gap)
    return Movement(MovementKind.suspect, 0, 0, baseline.at_us, kept)


def _restarted(baseline: Baseline, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    """The machine restarted. Seen all along: exactly what it shows now. Else more may have gone before the restart."""
    if spec.retentive:
        steady = Baseline(baseline.value, baseline.at_us, reading.marker, gap_from_us=gap)
        return _rise(steady, reading, spec, gap) if reading.value >= steady.value else _fall(steady, reading, spec, gap)
    high = _bound(baseline, reading, spec, reading.value) if gap is not None else reading.value
    return _moved(MovementKind.reset, reading.value, high, baseline, reading)


def _rise(baseline: Baseline, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    count = reading.value - baseline.value
    if count and gap is None and not _plausible(count, baseline.at_us, reading.at_us, spec):
        return _suspected(baseline, reading, gap)
    high: int | None = count
    if gap is not None and not _restarts_are_seen(spec):
        high = _bound(baseline, reading, spec, count)
    return _moved(MovementKind.still if high == 0 else MovementKind.counted, count, high, baseline, reading)


def _fall(baseline: Baseline, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    wrapped = _wrapped(baseline, reading, spec)
    if wrapped is None:
        return _suspected(baseline, reading, gap)
    if _restarts_are_seen(spec):
        return _moved(MovementKind.wrap, wrapped, wrapped, baseline, reading)
    high = _bound(baseline, reading, spec, wrapped) if gap is not None else wrapped
    return _moved(MovementKind.wrap, reading.value, high, baseline, reading)


def _wrapped(baseline: Baseline, reading: Reading, spec: CounterSpec) -> int | None:
    """The count if this fall is a wrap: near the end before, near the start now, no faster than the machine counts."""
    if spec.modulus is None or reading.value >= spec.modulus:
        return None
    count = spec.modulus - baseline.value + reading.value
    if count > spec.modulus // 4 or not _plausible(count, baseline.at_us, reading.at_us, spec):
        return None
    return count


def _after_suspect(baseline: Baseline, suspect: int, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    """The reading after a suspect one decides: it goes on from before it (a lie) or from it (a reset, a jump)."""
    steady = Baseline(baseline.value, baseline.at_us, baseline.marker, gap_from_us=gap)
    if suspect > baseline.value:
        return _after_jump(steady, suspect, reading, spec, gap)
    if reading.value >= baseline.value and _plausible(
        reading.value - baseline.value, baseline.at_us, reading.at_us, spec
    ):
        return _after_lie(baseline, reading, spec, gap)
    again = suspect if reading.value < suspect else 0
    high = _bound(baseline, reading, spec, reading.value) if gap is not None else reading.value + again
    return _moved(MovementKind.reset, reading.value, high, baseline, reading)


def _after_jump(steady: Baseline, suspect: int, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    count = reading.value - steady.value
    if reading.value >= suspect:
        return _moved(MovementKind.counted, count, count, steady, reading)
    if count < 0:
        return _suspected(steady, reading, gap)
    found = _rise(steady, reading, spec, gap)
    return found if found.kind is MovementKind.suspect else _as_lie(found)


def _after_lie(baseline: Baseline, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    """Back above the baseline. Unless a restart can be excluded, it might have counted all of it since the fall."""
    count = reading.value - baseline.value
    since = baseline.suspect_at_us or baseline.at_us
    restarted = not _restarts_are_seen(spec) and (
        spec.max_per_s is None or _plausible(reading.value, since, reading.at_us, spec)
    )
    high: int | None = reading.value if restarted else count
    if gap is not None and not _restarts_are_seen(spec):
        high = _bound(baseline, reading, spec, reading.value)
    return _moved(MovementKind.false_reading, count, high, baseline, reading)


def _as_lie(found: Movement) -> Movement:
    return Movement(MovementKind.false_reading, found.low, found.high, found.from_us, found.baseline, found.gapped)


def _restarts_are_seen(spec: CounterSpec) -> bool:
    return spec.marked or spec.retentive


def _plausible(count: int, from_us: int, to_us: int, spec: CounterSpec) -> bool:
    return spec.max_per_s is None or count <= _possible(from_us, to_us, spec.max_per_s)


def _possible(from_us: int, to_us: int, max_per_s: float) -> int:
    return math.ceil(max(to_us - from_us, 0) / 1_000_000 * max_per_s) + 1


def _bound(baseline: Baseline, reading: Reading, spec: CounterSpec, low: int) -> int | None:
    """The most that can have been counted since the gap began; None where no bound is known or it is broken."""
    if spec.max_per_s is None:
        return None
    gap = _gap(baseline, reading)
    possible = _possible(baseline.at_us if gap is None else gap, reading.at_us, spec.max_per_s)
    return possible if possible >= low else None
