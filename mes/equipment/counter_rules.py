"""Pure: what the movement of a machine's counter proves. An exact number where everything was seen, else an interval.

A counter rises, wraps at its modulus, restarts from 0 with its machine, or lies for a moment (a zero or a spike between
good readings). What happened while nobody could look is bounded, never guessed.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

SURPRISE: Final = 1_000
"""Counts a second, where no bound is known: what goes beyond waits for the next reading to confirm it, and a whole turn
that would take more is not thought of."""
LONG_TURN: Final = 2**31
"""A whole turn of such a counter takes months: nobody misses one."""
GRACE_US: Final = 1_000_000
"""Clocks, and times of sampling, are not that exact."""


_EXACT: Final = 2**53
"""Up to here a float is exact."""
_NEVER_US: Final = 2**62
Whole = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class MovementKind(StrEnum):
    first = "first"
    """The first reading ever: a baseline, no count."""
    still = "still"
    counted = "counted"
    wrap = "wrap"
    reset = "reset"
    retyped = "retyped"
    """The counter has another data type than before: its machine was reprogrammed, and its value may mean another."""
    suspect = "suspect"
    """A fall or jump that the next reading has to confirm; nothing is counted yet."""
    false_reading = "false-reading"
    """The suspect reading was a lie: the counter went on from before it."""


class CounterSpec(NamedTuple):
    """How a counter behaves. `max_per_s` bounds what could have been counted unseen; None: no bound is known, but
    for whole turns SURPRISE is taken."""

    modulus: int | None = None
    retentive: bool = False
    marked: bool = False
    """The machine has a restart marker, so a restart never goes unnoticed where the marker is known."""
    max_per_s: float | None = None


class Baseline(NamedTuple):
    """The last reading that was believed, and a later one that still has to be confirmed."""

    value: int
    at_us: int
    marker: str = ""
    suspect_value: int | None = None
    suspect_at_us: int | None = None
    gap_from_us: int | None = None
    """Values may have been missed from here on; stays until the next believed reading."""
    data_type: str = ""


class Reading(NamedTuple):
    """A good reading. `gap_from_us`: values may have been missed between that instant and this reading."""

    value: int
    at_us: int
    marker: str = ""
    gap_from_us: int | None = None
    data_type: str = ""
    """OPC UA built-in type; empty: not said."""


class Movement(NamedTuple):
    """Counts between baseline and reading: at least `low`, at most `high` (None: unbounded)."""

    kind: MovementKind
    low: int
    high: int | None
    from_us: int
    """When the counting can have begun: the baseline's instant, or the gap's begin if all was seen until then."""
    baseline: Baseline
    gapped: bool = False
    """Nobody saw, or no clock says, when it was counted between `from_us` and `to_us`."""
    to_us: int = 0
    """When it was counted at the latest: the reading's instant, or the baseline's if the clock was set back since."""

    @property
    def exact(self) -> bool:
        return self.low == self.high


NATURAL_MODULUS: Final = {
    "Byte": 2**8,
    "UInt16": 2**16,
    "UInt32": 2**32,
    "UInt64": 2**64,
    "SByte": 2**7,
    "Int16": 2**15,
    "Int32": 2**31,
    "Int64": 2**63,
}
"""Where a counter of this OPC UA type ends, unless another end is configured. One with a sign begins again at 0: below
it, it counts nothing anybody could mean."""


def movement(baseline: Baseline | None, reading: Reading, spec: CounterSpec) -> Movement:
    """Classify one reading against the baseline."""
    if baseline is None:
        return Movement(MovementKind.first, 0, 0, reading.at_us, _believed(None, reading), to_us=reading.at_us)
    if _is_the_same(baseline, reading, spec):
        return Movement(MovementKind.still, 0, 0, baseline.at_us, baseline, to_us=baseline.at_us)
    gap = _gap(baseline, reading)
    if not (baseline.marker and reading.marker):
        spec = spec._replace(marked=False)
    if baseline.data_type and reading.data_type and baseline.data_type != reading.data_type:
        return _moved(MovementKind.retyped, 0, _bound(baseline, reading, spec, low=0), baseline, reading)
    if spec.marked and reading.marker != baseline.marker:
        return _restarted(baseline, reading, spec, gap)
    if baseline.suspect_value == reading.value:
        return _suspected(baseline, reading, gap)
    if baseline.suspect_value is not None:
        return _after_suspect(baseline, baseline.suspect_value, reading, spec, gap)
    if reading.value >= baseline.value:
        return _rise(baseline, reading, spec, gap)
    return _fall(baseline, reading, spec, gap)


class Folded(NamedTuple):
    """What runs of readings prove, one entry a counter."""

    plain: Flags
    """Whether the other columns say it; else the readings have to be judged one by one."""
    counted: Whole
    from_us: Whole
    """The last reading before the first that counted."""
    to_us: Whole
    """The last that counted."""
    first: Whole
    """Which reading was the first that counted."""


def fold(value: Whole, at_us: Whole, starts: Whole, before: Whole, before_us: Whole, max_per_s: Numbers) -> Folded:
    """What `movement` finds of good readings one after another, at once, where they only rise, in time and by no more
    than is plausible.

    `value` and `at_us`: the readings, counter by counter, at least one of each; `starts`: where each counter's begin.
    `before`, `before_us`, `max_per_s`: where each stood (`is_plain`), and its bound (`rate_of`). All values are below
    2^63.
    """
    sizes = np.diff(starts, append=len(value))
    previous, previous_us = np.roll(value, 1), np.roll(at_us, 1)
    previous[starts], previous_us[starts] = before, before_us
    rise, later_us = value - previous, at_us - previous_us
    possible = np.ceil((later_us + GRACE_US) / 1_000_000 * np.repeat(max_per_s, sizes)) + 1
    odd = (rise < 0) | (later_us <= 0) | (rise > _EXACT) | ((rise > 0) & (rise > possible))
    counted = rise > 0
    return Folded(
        ~np.logical_or.reduceat(odd, starts),
        np.add.reduceat(np.where(odd, 0, rise), starts),
        np.minimum.reduceat(np.where(counted, previous_us, _NEVER_US), starts),
        np.maximum.reduceat(np.where(counted, at_us, 0), starts),
        np.minimum.reduceat(np.where(counted, np.arange(len(value)), len(value)), starts),
    )


def is_plain(baseline: Baseline, marker: str, data_type: str) -> bool:
    """Whether nothing but values and times has a say in what the next readings prove: no suspect, no gap, no restart,
    no other data type."""
    known = (baseline.suspect_value, baseline.gap_from_us, baseline.marker, baseline.data_type)
    return known == (None, None, marker, data_type)


def _is_the_same(baseline: Baseline, reading: Reading, spec: CounterSpec) -> bool:
    """The baseline's very reading again, as after an outage: whatever was missed, the counter has not moved since."""
    again = (reading.value, reading.at_us) == (baseline.value, baseline.at_us)
    return again and baseline.suspect_value is None and (not spec.marked or reading.marker == baseline.marker)


def _gap(baseline: Baseline, reading: Reading) -> int | None:
    """Since when values may have been missed; 0: since the baseline. It may lie before the baseline where the clock was
    set back in between. What was published then had been sampled before: up to `GRACE_US`."""
    starts = [at for at in (baseline.gap_from_us, reading.gap_from_us) if at is not None]
    return min(starts) or baseline.at_us if starts else None


def _set_back(baseline: Baseline, reading: Reading) -> bool:
    """Readings are seen in their order: a later one with an earlier time has another clock."""
    return reading.at_us < baseline.at_us


def _believed(baseline: Baseline | None, reading: Reading) -> Baseline:
    """The new baseline. Its time never runs back: until the clock has caught up nobody can say whose a count was."""
    at_us = reading.at_us if baseline is None else max(reading.at_us, baseline.at_us)
    return Baseline(reading.value, at_us, reading.marker, data_type=reading.data_type)


def _moved(kind: MovementKind, low: int, high: int | None, baseline: Baseline, reading: Reading) -> Movement:
    gap, back = _gap(baseline, reading), _set_back(baseline, reading)
    from_us = baseline.at_us
    if gap is not None:
        from_us = gap if gap <= baseline.at_us else max(baseline.at_us, gap - GRACE_US)
    if from_us > reading.at_us:
        from_us = min(baseline.at_us, reading.at_us)
    believed = _believed(baseline, reading)
    return Movement(kind, low, high, from_us, believed, gap is not None or back, believed.at_us)


def _suspected(baseline: Baseline, reading: Reading, gap: int | None) -> Movement:
    since = reading.at_us if baseline.suspect_value != reading.value else baseline.suspect_at_us
    kept = baseline._replace(suspect_value=reading.value, suspect_at_us=since, gap_from_us=gap)
    return Movement(MovementKind.suspect, 0, 0, baseline.at_us, kept, to_us=reading.at_us)


def _restarted(baseline: Baseline, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    """The machine restarted. Seen all along: exactly what it shows now. Else more may have gone before the restart.

    A counter that did not fall may have been read after the restart before, when the marker was not told yet."""
    if spec.retentive:
        steady = _without_suspect(baseline, gap)._replace(marker=reading.marker)
        return _rise(steady, reading, spec, gap) if reading.value >= steady.value else _fall(steady, reading, spec, gap)
    low = reading.value if reading.value < baseline.value else reading.value - baseline.value
    doubtful = _doubtful(baseline, spec)
    high = (
        reading.value + doubtful if gap is None else _bound(baseline, reading, spec, low=reading.value, seen=doubtful)
    )
    return _moved(MovementKind.reset, low, high, baseline, reading)


def _without_suspect(baseline: Baseline, gap: int | None) -> Baseline:
    return baseline._replace(suspect_value=None, suspect_at_us=None, gap_from_us=gap)


def _doubtful(baseline: Baseline, spec: CounterSpec) -> int:
    """The most that a suspect reading had counted, were it true: by a rise, from 0 after a reset, or over the end."""
    suspect = baseline.suspect_value
    if suspect is None:
        return 0
    if suspect > baseline.value:
        return suspect - baseline.value
    turned = _turned(baseline, suspect, spec)
    return max(suspect, turned) if turned is not None and _is_near_the_end(turned, spec) else suspect


def _rise(baseline: Baseline, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    count = reading.value - baseline.value
    if count and not _believable(count, baseline, reading, spec):
        return _suspected(baseline, reading, gap)
    high = count if gap is None else _unseen(baseline, reading, spec, count)
    return _moved(MovementKind.still if high == 0 else MovementKind.counted, count, high, baseline, reading)


def _fall(baseline: Baseline, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    """A wrap, or a suspect reading: a zero, which is what lies look like, waits for the next one in any case."""
    wrapped = _wrapped(baseline, reading, spec, gap)
    if wrapped is None or reading.value == 0 or not _believable(wrapped, baseline, reading, spec):
        return _suspected(baseline, reading, gap)
    return _over_the_end(baseline, reading, spec, gap, wrapped)


def _over_the_end(baseline: Baseline, reading: Reading, spec: CounterSpec, gap: int | None, wrapped: int) -> Movement:
    high = wrapped if gap is None else _unseen(baseline, reading, spec, wrapped)
    low = wrapped if _restarts_are_seen(spec) else reading.value
    return _moved(MovementKind.wrap, low, high, baseline, reading)


def _unseen(baseline: Baseline, reading: Reading, spec: CounterSpec, count: int) -> int | None:
    """The most that can lie behind `count` across a gap: a restart that nobody could tell, or whole turns."""
    if not _restarts_are_seen(spec):
        return _bound(baseline, reading, spec, low=count)
    if spec.modulus is None or spec.modulus >= LONG_TURN:
        return count
    most = _bound(baseline, reading, spec._replace(max_per_s=rate_of(spec)), low=count)
    return None if most is None else count + (most - count) // spec.modulus * spec.modulus


def _wrapped(baseline: Baseline, reading: Reading, spec: CounterSpec, gap: int | None) -> int | None:
    """The count if this fall is a wrap: near the end before, near the start now, no faster than the machine counts."""
    count = _turned(baseline, reading.value, spec)
    if count is None or not _is_near_the_end(count, spec):
        return None
    since = baseline.at_us if gap is None else gap
    return count if _plausible(count, since, reading.at_us, spec) else None


def _turned(baseline: Baseline, value: int, spec: CounterSpec) -> int | None:
    """The count from the baseline over the end to a value, were it a wrap; None where it can be none."""
    if spec.modulus is None or max(value, baseline.value) >= spec.modulus:
        return None
    return spec.modulus - baseline.value + value


def _is_near_the_end(count: int, spec: CounterSpec) -> bool:
    return spec.modulus is not None and count <= spec.modulus // 4


def _after_suspect(baseline: Baseline, suspect: int, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    """The reading after a suspect one decides: it goes on from before it (a lie) or from it (a reset, a jump)."""
    if suspect > baseline.value:
        return _after_jump(baseline, suspect, reading, spec, gap)
    if reading.value >= baseline.value and _plausible(
        reading.value - baseline.value, baseline.at_us, reading.at_us, spec
    ):
        return _after_lie(baseline, reading, spec, gap)
    since = baseline.suspect_at_us or baseline.at_us
    if reading.value > suspect and not _plausible(reading.value - suspect, since, reading.at_us, spec):
        return _still_in_doubt(baseline, reading, gap)
    wrapped = _wrapped(baseline, reading, spec, gap) if reading.value >= suspect else None
    if wrapped is not None:
        return _over_the_end(baseline, reading, spec, gap, wrapped)
    return _after_fall(baseline, suspect, reading, spec, gap)


def _after_fall(baseline: Baseline, suspect: int, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    """A reset. A wrap that only a clock speaks against stays possible."""
    again = suspect if reading.value < suspect else 0
    turned = _turned(baseline, reading.value, spec)
    seen = again
    if turned is not None and _is_near_the_end(turned, spec):
        seen = max(seen, turned - reading.value)
    high: int | None = reading.value + seen
    if gap is not None:
        high = _bound(baseline, reading, spec, low=reading.value, seen=max(seen, suspect))
    return _moved(MovementKind.reset, reading.value, high, baseline, reading)


def _after_jump(baseline: Baseline, suspect: int, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    steady = _without_suspect(baseline, gap)
    count = reading.value - steady.value
    if reading.value >= suspect:
        jumped = steady._replace(value=suspect, at_us=baseline.suspect_at_us or baseline.at_us)
        more = 0 if gap is None else _unseen(jumped, reading, spec, reading.value - suspect)
        high = None if more is None else max(count, suspect - steady.value + more)
        return _moved(MovementKind.counted, count, high, steady, reading)
    if count < 0:
        return _still_in_doubt(baseline, reading, gap)
    found = _rise(steady, reading, spec, gap)
    return found if found.kind is MovementKind.suspect else _as_lie(found)


def _still_in_doubt(baseline: Baseline, reading: Reading, gap: int | None) -> Movement:
    """Two readings that cannot both be true: the next one decides, and a gap says that it cannot know all."""
    since = baseline.at_us if gap is None else gap
    return _suspected(baseline, reading, since)


def _after_lie(baseline: Baseline, reading: Reading, spec: CounterSpec, gap: int | None) -> Movement:
    """Back above the baseline. Unless a restart can be excluded, it might have counted all of it since the fall."""
    count = reading.value - baseline.value
    since = baseline.suspect_at_us or baseline.at_us
    restarted = not _restarts_are_seen(spec) and (
        spec.max_per_s is None or _plausible(reading.value, since, reading.at_us, spec)
    )
    high: int | None = reading.value if restarted else count
    if gap is not None:
        high = _unseen(baseline, reading, spec, high if high is not None else count)
    return _moved(MovementKind.false_reading, count, high, baseline, reading)


def _as_lie(found: Movement) -> Movement:
    return found._replace(kind=MovementKind.false_reading)


def _restarts_are_seen(spec: CounterSpec) -> bool:
    return spec.marked or spec.retentive


def _believable(count: int, baseline: Baseline, reading: Reading, spec: CounterSpec) -> bool:
    """Whether a rise needs no second reading. Without a clock to judge by, what is not much is believed."""
    if _set_back(baseline, reading):
        return count <= SURPRISE
    return _plausible(count, baseline.at_us, reading.at_us, spec)


def _plausible(count: int, from_us: int, to_us: int, spec: CounterSpec) -> bool:
    """Whether so many can have been counted in that time. A clock that was set back in between cannot tell."""
    if to_us < from_us:
        return True
    return count <= _possible(from_us, to_us + GRACE_US, rate_of(spec))


def rate_of(spec: CounterSpec) -> float:
    return SURPRISE if spec.max_per_s is None else spec.max_per_s


def _possible(from_us: int, to_us: int, max_per_s: float) -> int:
    return math.ceil((to_us - from_us) / 1_000_000 * max_per_s) + 1


def _bound(baseline: Baseline, reading: Reading, spec: CounterSpec, *, low: int, seen: int = 0) -> int | None:
    """The most that can have been counted: `seen` before the gap and what the machine can do since. None where no
    bound is known, where it is broken, and where the clock was set back. By less than the gap lasted it may have been:
    so the baseline's instant is no limit to how far the gap reaches back."""
    gap = _gap(baseline, reading)
    since = baseline.at_us if gap in (None, baseline.at_us) else gap - GRACE_US
    if spec.max_per_s is None or since > reading.at_us:
        return None
    possible = seen + _possible(since, reading.at_us, spec.max_per_s)
    return possible if possible >= low else None
