"""Reads of history: samples, roll-ups, as many points as a screen has room for, last values, and windows of jobs.

Unsealed samples are always seen. On PostgreSQL a read is a fixed number of statements; on SQLite each day (samples) and
month (roll-ups) the window touches has its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
from sqlalchemy import select
from sqlmodel import Session
from tsdownsample import MinMaxLTTBDownsampler

from mes.history.codec import hour_of
from mes.history.errors import HistoryWindowInvalid
from mes.history.reader import count_sealed, read_hours, read_newest, read_rollups, read_samples
from mes.history.rules import (
    chained,
    coarser,
    held_in,
    held_until,
    known,
    newest_before,
    rollups_of,
    starts_of_runs,
    summary,
    taken,
)
from mes.history.statements import load_log
from mes.history.tables import HistoryLast, HistoryRetention, HistoryText
from mes.history.types import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    TIME_MAX_US,
    Held,
    LastValue,
    Measurements,
    Retention,
    Rollups,
    Samples,
    Summary,
    TextView,
    Window,
)

_LAST = HistoryLast.__table__  # type: ignore[attr-defined]
_TEXT = HistoryText.__table__  # type: ignore[attr-defined]
_RETENTION = HistoryRetention.__table__  # type: ignore[attr-defined]

_DOWNSAMPLER: Final = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]
SAMPLES_MAX: Final = 10_000
"""Samples in one answer."""
ROLLUPS_MAX: Final = 50_000
"""Spans a window of roll-ups may have."""
SUMMARY_HOURS_MAX: Final = 50_000
"""Hours of tags that are summed up at once (50 tags over six weeks)."""
POINTS_SAMPLES_MAX: Final = 5_000_000
"""Samples that are looked at to find the points of a curve."""


def list_samples(
    session: Session, *, tag_pk: int, from_us: int, to_us: int, limit: int = SAMPLES_MAX
) -> tuple[Samples, int | None]:
    """Samples of one tag in [from_us, to_us), oldest first, and from where to go on (None: that was all).

    `history-window-invalid`.
    """
    _check(from_us, to_us)
    samples, through_us = read_samples(session, tag_pk=tag_pk, from_us=from_us, to_us=to_us, limit=limit)
    if len(samples) > limit:
        return samples.between(from_us, int(samples.at_us[limit])), int(samples.at_us[limit])
    return samples, None if through_us >= to_us else through_us


def list_rollups(
    session: Session, *, tag_pk: int, from_us: int, to_us: int, span_us: int = MINUTE_US, limit: int = ROLLUPS_MAX
) -> Rollups:
    """One tag by the minute or by a multiple of it: the spans that touch [from_us, to_us).

    `history-window-invalid` for a window of more than `limit` spans.
    """
    _check(from_us, to_us)
    first, last = from_us // span_us * span_us, -(-to_us // span_us) * span_us
    if (last - first) // span_us > limit:
        raise HistoryWindowInvalid(f"The window has more than {limit} spans.")
    found, _ = read_rollups(session, tag_pks=[tag_pk], from_us=first, to_us=last)
    fine = found[tag_pk]
    here = slice(*np.searchsorted(fine.start_us, (first, last)))
    return coarser(taken(fine, here), span_us) if span_us != MINUTE_US else taken(fine, here)


def downsample(session: Session, *, tag_pk: int, from_us: int, to_us: int, points: int) -> Samples:
    """About `points` samples that look like all of them (MinMaxLTTB), and at most as many marks of "not known".

    `history-window-invalid` where more than `POINTS_SAMPLES_MAX` samples would have to be looked at.
    """
    _check(from_us, to_us)
    if count_sealed(session, tag_pk=tag_pk, from_us=from_us, to_us=to_us) > POINTS_SAMPLES_MAX:
        raise HistoryWindowInvalid(f"The window has more than {POINTS_SAMPLES_MAX} samples.")
    samples, _ = read_samples(session, tag_pk=tag_pk, from_us=from_us, to_us=to_us, limit=2 * POINTS_SAMPLES_MAX)
    return thinned(samples, points)


def thinned(samples: Samples, points: int) -> Samples:
    """The points of a curve; between two of them at most one mark of "not known"."""
    is_known = ~np.isnan(samples.value)
    known_at = np.flatnonzero(is_known)
    chosen = known_at
    if len(known_at) > points:
        x, y = samples.at_us[known_at], samples.value[known_at]
        chosen = known_at[_DOWNSAMPLER.downsample(x, y, n_out=points).astype(np.int64)]
    gaps = np.flatnonzero(~is_known)
    if len(gaps):
        gaps = gaps[starts_of_runs(np.searchsorted(chosen, gaps))]
    here = np.sort(np.concatenate((chosen, gaps)))
    return Samples(samples.at_us[here], samples.value[here], samples.quality[here])


def list_last(session: Session, *, tag_pks: Collection[int]) -> dict[int, LastValue]:
    """The newest sample of each tag that has one."""
    found = {
        row.tag_pk: LastValue(row.tag_pk, row.at_us, row.value, row.quality)
        for row in session.execute(select(_LAST).where(_LAST.c.tag_pk.in_(tag_pks)))
    }
    wanted = np.fromiter(tag_pks, np.uint32, len(tag_pks))
    for log in load_log(session, from_us=0, to_us=TIME_MAX_US):
        columns = log.columns
        here = np.flatnonzero(np.isin(columns.tag_pk, wanted))
        for place in here[np.argsort(columns.at_us[here], kind="stable")].tolist():
            _keep_newer(found, _last_of(columns, place))
    return found


def _keep_newer(found: dict[int, LastValue], one: LastValue) -> None:
    before = found.get(one.tag_pk)
    if before is None or one.at_us > before.at_us:
        found[one.tag_pk] = one


def _last_of(columns: Measurements, place: int) -> LastValue:
    value = known(float(columns.value[place]))
    return LastValue(int(columns.tag_pk[place]), int(columns.at_us[place]), value, int(columns.quality[place]))


def summarise(session: Session, *, windows: Sequence[Window]) -> dict[int, Summary]:
    """What each tag did in its windows, taken together. Whole hours from roll-ups, the ends from samples.

    `history-window-invalid` for more than `SUMMARY_HOURS_MAX` hours of tags.
    """
    asked = [window for window in windows if window.from_us < window.to_us]
    if not asked:
        return {}
    hours = sum(hour_of(window.to_us - 1) - hour_of(window.from_us) + 1 for window in asked)
    if hours > SUMMARY_HOURS_MAX:
        raise HistoryWindowInvalid(f"The windows have more than {SUMMARY_HOURS_MAX} hours of tags.")
    ends = {(window.tag_pk, hour) for window in asked for hour in (hour_of(window.from_us), hour_of(window.to_us - 1))}
    minutes, raw = read_rollups(
        session,
        tag_pks={window.tag_pk for window in asked},
        from_us=min(window.from_us for window in asked),
        to_us=max(window.to_us for window in asked),
        whole=ends,
    )
    by_tag: dict[int, list[tuple[Rollups, bool]]] = {}
    for window in asked:
        parts, widened = _of_window(window, minutes[window.tag_pk], raw)
        by_tag.setdefault(window.tag_pk, []).append((held_until(parts, window), widened))
    return {
        tag_pk: summary([one for one, _ in found], whole_minutes=any(widened for _, widened in found))
        for tag_pk, found in by_tag.items()
    }


def measure_windows(session: Session, *, windows: Sequence[Window]) -> list[Held | None]:
    """What each window's tag did in it, in their order; None: nothing is known, neither in it nor before it.

    Windows may lie years apart: only the hours they touch are read. ValueError for more than `SUMMARY_HOURS_MAX` hours
    of tags, and for a window that does not end after it begins: the caller bounds them.
    """
    spans = [(window, hour_of(window.from_us), hour_of(window.to_us - 1)) for window in windows]
    if any(not 0 <= window.from_us < window.to_us for window in windows):
        raise ValueError("a window that does not end after it begins")
    if sum(last - first + 1 for _, first, last in spans) > SUMMARY_HOURS_MAX:
        raise ValueError(f"more than {SUMMARY_HOURS_MAX} hours of tags")
    keys = {(window.tag_pk, hour) for window, first, last in spans for hour in range(first - 1, last + 1)}
    ends = {(window.tag_pk, hour) for window, first, last in spans for hour in (first, last)}
    minutes, raw = read_hours(session, keys=keys, whole=ends)
    near = [
        newest_before(window.from_us, raw.get((window.tag_pk, first)), minutes[window.tag_pk])
        for window, first, _ in spans
    ]
    far = _far_before(session, [window for window, before in zip(windows, near, strict=True) if before is None])
    found: list[Held | None] = []
    for window, before in zip(windows, near, strict=True):
        one, widened = _of_window(window, minutes[window.tag_pk], raw)
        found.append(held_in(window, one, before or far.get(window), whole_minutes=widened))
    return found


def _far_before(session: Session, windows: Sequence[Window]) -> dict[Window, tuple[int, float]]:
    """The newest sample before windows that have none in their own hour and the one before: when, and the value."""
    if not windows:
        return {}
    keys = {window: (window.tag_pk, hour_of(window.from_us) - 1) for window in windows}
    kept = read_newest(session, keys=set(keys.values()))
    missing = {window.tag_pk for window in windows if keys[window] not in kept}
    last = list_last(session, tag_pks=missing) if missing else {}
    found = {window: kept[key] for window, key in keys.items() if key in kept}
    for window in windows:
        newest = last.get(window.tag_pk)
        if window not in found and newest is not None and newest.at_us <= window.from_us:
            found[window] = newest.at_us, np.nan if newest.value is None else newest.value
    return found


def _of_window(window: Window, minutes: Rollups, raw: dict[tuple[int, int], Samples]) -> tuple[Rollups, bool]:
    """The roll-ups of a window, and whether its ends had to be widened to whole minutes."""
    parts: list[Rollups] = []
    widened = False
    first, last = hour_of(window.from_us), hour_of(window.to_us - 1)
    for from_hour, to_hour in _stretches(first, last):
        samples = raw.get((window.tag_pk, from_hour)) if from_hour in (first, last) else None
        if samples is not None:
            parts.append(rollups_of(samples.between(window.from_us, window.to_us)))
            continue
        begin, end = max(from_hour * HOUR_US, window.from_us - MINUTE_US + 1), min(to_hour * HOUR_US, window.to_us)
        part = taken(minutes, slice(*np.searchsorted(minutes.start_us, (begin, end))))
        widened |= len(part) > 0 and (int(part.start_us[0]) < window.from_us or end % MINUTE_US != 0)
        parts.append(part)
    return chained([part for part in parts if len(part)]), widened


def _stretches(first: int, last: int) -> list[tuple[int, int]]:
    """The first hour, all between, the last hour."""
    middle = [(first + 1, last)] if last - first > 1 else []
    return [(first, first + 1), *middle, *([(last, last + 1)] if last > first else [])]


def list_texts(
    session: Session, *, tag_pk: int, from_us: int, to_us: int, limit: int = SAMPLES_MAX
) -> tuple[TextView, ...]:
    """Identities of one tag in [from_us, to_us), oldest first."""
    statement = (
        select(_TEXT)
        .where(_TEXT.c.tag_pk == tag_pk, _TEXT.c.at_us >= from_us, _TEXT.c.at_us < to_us)
        .order_by(_TEXT.c.at_us)
        .limit(limit)
    )
    return tuple(TextView(row.at_us, row.text) for row in session.execute(statement))


def get_retention(session: Session) -> Retention:
    """How long this plant keeps samples and roll-ups."""
    row = session.execute(select(_RETENTION)).first()
    return Retention() if row is None else Retention(row.samples_days, row.rollups_days)


def _check(from_us: int, to_us: int) -> None:
    if not 0 <= from_us < to_us <= TIME_MAX_US + DAY_US:
        raise HistoryWindowInvalid("The window does not end after it begins.")
