"""Pure: order and sameness of samples, roll-ups, and what follows from them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final

import numpy as np

from mes.history.types import (
    GOOD,
    HOUR_US,
    MINUTE_US,
    NOT_KNOWN,
    TIME_MAX_US,
    Held,
    Measurements,
    Qualities,
    Rollups,
    Samples,
    Summary,
    Times,
    Values,
    Window,
)

COLUMNS: Final = tuple(field.name for field in fields(Rollups))
_WHOLE: Final = frozenset({"start_us", "n", "first_at_us", "last_at_us", "held_us"})


def checked(columns: Measurements) -> Measurements:
    """The same with the right types, and NaN exactly where the value is not known. ValueError on what cannot be kept.

    An infinite value is not known: no sum and no screen can say it.
    """
    tag_pk = np.ascontiguousarray(columns.tag_pk, np.uint32)
    at_us = np.ascontiguousarray(columns.at_us, np.int64)
    value = np.ascontiguousarray(columns.value, np.float64)
    quality = np.ascontiguousarray(columns.quality, np.uint8)
    if not len(tag_pk) == len(at_us) == len(value) == len(quality):
        raise ValueError("columns of different lengths")
    if len(at_us) and not (int(at_us.min()) >= 0 and int(at_us.max()) < TIME_MAX_US):
        raise ValueError("an instant outside 1970 to 2100")
    unknown = ~np.isfinite(value) | (quality >= NOT_KNOWN)
    if unknown.any():
        value = np.where(unknown, np.nan, value)
        quality = np.where(unknown, NOT_KNOWN, quality).astype(np.uint8)
    return Measurements(tag_pk, at_us, value, quality)


def tidy(at_us: Times, value: Values, quality: Qualities) -> Samples:
    """Columns in the order they came in as samples in the order of time: of the same instant the first stays."""
    if len(at_us) > 1 and not bool((at_us[1:] > at_us[:-1]).all()):
        order = np.argsort(at_us, kind="stable")
        order = order[starts_of_runs(at_us[order])]
        at_us, value, quality = at_us[order], value[order], quality[order]
    return Samples(at_us, value, quality)


def joined(parts: list[Samples]) -> Samples:
    """Several runs of one tag, in the order they came in, as one."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Samples(np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.uint8))
    return tidy(
        np.concatenate([part.at_us for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.quality for part in parts]),
    )


def starts_of_runs(keys: Any) -> Any:
    """Where each run of equal neighbours begins; `keys` is not empty."""
    return np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))


def ends_of_runs(starts: Any, length: int) -> Any:
    """The last place of each run."""
    return np.append(starts[1:], length) - 1


def no_rollups() -> Rollups:
    """None."""
    empty: dict[str, Any] = {name: np.empty(0, np.int64 if name in _WHOLE else np.float64) for name in COLUMNS}
    return Rollups(**empty)


def rollups_of(samples: Samples, span_us: int = MINUTE_US) -> Rollups:
    """Samples by spans of this length, which begin at multiples of it."""
    if not len(samples):
        return no_rollups()
    at_us, value = samples.at_us, samples.value
    buckets = at_us // span_us
    starts = starts_of_runs(buckets)
    ends = ends_of_runs(starts, len(at_us))
    known = ~np.isnan(value)
    numbers = np.where(known, value, 0.0)
    until_next = np.append(np.diff(at_us), 0)
    until_next[ends] = 0
    until_next[~known] = 0
    minimum, maximum = np.fmin.reduceat(value, starts), np.fmax.reduceat(value, starts)
    held_us, held_mean = _held(numbers, until_next, starts, minimum, maximum)
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add.reduceat(numbers, starts)
    return Rollups(
        buckets[starts] * span_us,
        np.add.reduceat(known.astype(np.int64), starts),
        minimum,
        maximum,
        total,
        value[starts],
        value[ends],
        at_us[starts],
        at_us[ends],
        held_us,
        held_mean,
    )


def _held(numbers: Values, weights_us: Times, starts: Any, minimum: Values, maximum: Values) -> tuple[Times, Values]:
    """For how long something held in each run, and the mean over that time; exact where it never changed."""
    held_us = np.add.reduceat(weights_us, starts)
    lengths = np.diff(np.append(starts, len(numbers)))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        share = weights_us / np.repeat(held_us, lengths)
        mean = np.add.reduceat(numbers * share, starts)
    mean = np.where(held_us == 0, np.nan, mean)
    return held_us, np.where((minimum == maximum) & (held_us > 0), minimum, mean)


def coarser(rollups: Rollups, span_us: int) -> Rollups:
    """Roll-ups by longer spans; `span_us` is a multiple of theirs."""
    return _folded(rollups, rollups.start_us // span_us, span_us) if len(rollups) else rollups


def _folded(fine: Rollups, buckets: Times, span_us: int) -> Rollups:
    starts = starts_of_runs(buckets)
    ends = ends_of_runs(starts, len(buckets))
    between_us = np.append(fine.first_at_us[1:] - fine.last_at_us[:-1], 0)
    between_us[ends] = 0
    between_us[np.isnan(fine.last)] = 0
    minimum, maximum = np.fmin.reduceat(fine.minimum, starts), np.fmax.reduceat(fine.maximum, starts)
    held_us, held_mean = _held(
        np.nan_to_num(np.column_stack((fine.held_mean, fine.last)).ravel(), nan=0.0),
        np.column_stack((fine.held_us, between_us)).ravel(),
        2 * starts,
        minimum,
        maximum,
    )
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add.reduceat(fine.total, starts)
    return Rollups(
        buckets[starts] * span_us,
        np.add.reduceat(fine.n, starts),
        minimum,
        maximum,
        total,
        fine.first[starts],
        fine.last[ends],
        fine.first_at_us[starts],
        fine.last_at_us[ends],
        held_us,
        held_mean,
    )


def chained(parts: list[Rollups]) -> Rollups:
    """Several runs of roll-ups of one tag, in the order of time, as one."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return no_rollups()
    return Rollups(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS})


def taken(rollups: Rollups, places: Any) -> Rollups:
    """Some of them: a slice or a mask."""
    return Rollups(**{name: getattr(rollups, name)[places] for name in COLUMNS})


def held_until(rollups: Rollups, window: Window) -> Rollups:
    """The roll-ups of a window as one, whose last value holds to the window's end; none stay none."""
    if not len(rollups):
        return rollups
    one = _folded(rollups, np.zeros(len(rollups), np.int64), MINUTE_US)
    rest_us = max(window.to_us - int(one.last_at_us[0]), 0)
    if np.isnan(one.last[0]) or not rest_us:
        return one
    held_us, mean = _held(
        np.array([np.nan_to_num(one.held_mean[0], nan=0.0), one.last[0]]),
        np.array([int(one.held_us[0]), rest_us]),
        np.array([0]),
        one.minimum,
        one.maximum,
    )
    return replace(one, held_us=held_us, held_mean=mean)


def summary(windows: list[Rollups], *, whole_minutes: bool) -> Summary:
    """Some windows of one tag, each folded to one by `held_until`, as one sentence."""
    all_ = chained([one for one in windows if len(one)])
    n, held_us = int(all_.n.sum()), int(all_.held_us.sum())
    if not n:
        return Summary(0, None, None, None, None, held_us, whole_minutes)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(all_.total.sum()) / n
        share = all_.held_us / max(held_us, 1)
        held_mean = float((np.nan_to_num(all_.held_mean, nan=0.0) * share).sum()) if held_us else np.nan
    low, high = float(np.fmin.reduce(all_.minimum)), float(np.fmax.reduce(all_.maximum))
    if low == high and held_us:
        held_mean = low
    return Summary(n, low, high, known(mean), known(held_mean), held_us, whole_minutes)


def newest_before(at_us: int, samples: Samples | None, minutes: Rollups) -> tuple[int, float] | None:
    """The newest sample not after an instant, when and its value (NaN: not known), of its hour's samples, else of the
    roll-ups of its hour and the one before; None: there is none in these."""
    if samples is not None and (place := int(np.searchsorted(samples.at_us, at_us, "right"))):
        return int(samples.at_us[place - 1]), float(samples.value[place - 1])
    place = int(np.searchsorted(minutes.last_at_us, at_us, "right"))
    if not place or minutes.last_at_us[place - 1] < (at_us // HOUR_US - 1) * HOUR_US:
        return None
    return int(minutes.last_at_us[place - 1]), float(minutes.last[place - 1])


def held_in(window: Window, parts: Rollups, before: tuple[int, float] | None, *, whole_minutes: bool) -> Held | None:
    """The roll-ups of a window as one sentence, the value that held when it began (`before`) included; None: neither
    there is."""
    n = int(parts.n.sum())
    if before is not None and not (len(parts) and int(parts.first_at_us[0]) <= window.from_us):
        began = Samples(np.array([window.from_us]), np.array([before[1]]), np.array([GOOD], np.uint8))
        parts = chained([part for part in (rollups_of(began), parts) if len(part)])
    if not len(parts):
        return None
    one = held_until(parts, window)
    total = summary([one], whole_minutes=whole_minutes)
    mean = total.mean if total.held_mean is None else total.held_mean
    return Held(n, total.minimum, total.maximum, mean, known(float(one.last[0])), total.known_us, whole_minutes)


def known(value: float) -> float | None:
    """A number as it is told: None where there is none."""
    return float(value) if np.isfinite(value) else None
