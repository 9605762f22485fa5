"""The log, pieces, chunks and roll-ups against a plain model, on both databases, whatever the order of things."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from mes.history.errors import HistoryWindowInvalid, RetentionInvalid
from mes.history.queries import (
    downsample,
    get_retention,
    list_last,
    list_rollups,
    list_samples,
    list_texts,
    measure_windows,
    summarise,
)
from mes.history.sealer import Sealer
from mes.history.service import (
    append_measurements,
    append_texts,
    forget_old_texts,
    measurements_of,
    set_retention,
)
from mes.history.types import DAY_US, HOUR_US, MINUTE_US, Window
from mes.kernel.db import Database, ReadSession
from mes.kernel.sqltypes import to_us
from tests.conftest import SettableClock
from tests.mes.history.model import PlainHistory, Row, check_rollups, check_window, columns, same, told

TAGS = (1, 2, 4_000_000_000)


@pytest.fixture
def sealer(database: Database) -> Iterator[Sealer]:
    sealer = Sealer(database, breathe=lambda: None)
    yield sealer
    sealer.close()


def keep(database: Database, rows: list[Row]) -> None:
    if rows:
        database.write_now(append_measurements, actor=None, columns=columns(rows))


def check_all(database: Database, plain: PlainHistory, begin_us: int, end_us: int) -> None:
    """Every read says what the model says."""
    for tag_pk in plain.tags:
        window = {"tag_pk": tag_pk, "from_us": begin_us, "to_us": end_us}
        samples, next_us = database.read_now(list_samples, **window, limit=100_000)
        assert next_us is None
        assert same(told(samples), plain.samples(tag_pk, begin_us, end_us))
        for span_us in (MINUTE_US, HOUR_US):
            found = database.read_now(list_rollups, **window, span_us=span_us)
            check_rollups(found, plain.spans(tag_pk, begin_us, end_us, span_us))
        points = database.read_now(downsample, **window, points=100_000)
        assert np.array_equal(points.at_us[~np.isnan(points.value)], samples.at_us[~np.isnan(samples.value)])
    check_windows(database, plain, begin_us, end_us)
    last = database.read_now(list_last, tag_pks=plain.tags)
    for tag_pk, its in plain.tags.items():
        newest = max(its)
        value, quality = its[newest]
        kept = last[tag_pk]
        assert (kept.at_us, kept.value, kept.quality) == (newest, None if math.isnan(value) else value, quality)


def check_windows(database: Database, plain: PlainHistory, begin_us: int, end_us: int) -> None:
    """Long and short ones, some of them days later: what held then."""
    ends = [
        (begin_us + 1, end_us),
        (begin_us + HOUR_US, begin_us + HOUR_US + 7),
        (end_us + DAY_US, end_us + DAY_US + 9),
    ]
    windows = [Window(tag_pk, *end) for tag_pk in plain.tags for end in ends]
    found = database.read_now(measure_windows, windows=windows)
    for window, held in zip(windows, found, strict=True):
        check_window(held, plain, window)


INSTANTS = st.integers(0, 4 * 60).map(lambda n: n * MINUTE_US // 2) | st.integers(0, 3 * HOUR_US)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(TAGS),
        INSTANTS,
        st.floats(-1e6, 1e6) | st.sampled_from([math.nan, 0.0, 1.0, 2.0**53]),
        st.integers(0, 2),
    ),
    max_size=25,
)
STEPS = st.lists(st.one_of(ROWS, st.sampled_from(["seal", "merge", "forget"])), min_size=1, max_size=10)


@given(steps=STEPS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_things_reads_as_the_plain_model(
    database: Database, sealer: Sealer, clock: SettableClock, numbers: Iterator[int], steps: list[Any]
) -> None:
    first_tag = next(numbers)
    begin_us = to_us(clock.at) // DAY_US * DAY_US - 90_000_000
    plain = PlainHistory()
    for step in steps:
        if isinstance(step, str):
            getattr(sealer, step)()
        else:
            rows = [(first_tag + tag, begin_us + at_us, value, quality) for tag, at_us, value, quality in step]
            plain.add(rows)
            keep(database, rows)
    check_all(database, plain, begin_us, begin_us + 5 * HOUR_US)
    sealer.turn()
    check_all(database, plain, begin_us, begin_us + 5 * HOUR_US)


@pytest.fixture
def numbers() -> Iterator[int]:
    """Tags of its own for each example: the plant is the same for all."""
    return count(0, 10)


def a_day(database: Database, clock: SettableClock, *, hours: int = 6) -> tuple[int, list[Row]]:
    """A value a second, handed over by the minute; the clock stands at its end."""
    begin_us = to_us(clock.at) // HOUR_US * HOUR_US
    rng = np.random.default_rng(1)
    n = hours * 3_600
    at_us = begin_us + np.arange(n) * 1_000_000 + rng.integers(0, 11, n) * 1_000
    value = np.round(np.cumsum(rng.normal(0, 0.05, n)) + 60, 2)
    rows = [(1, int(at), float(one), 0) for at, one in zip(at_us, value, strict=True)]
    for begin in range(0, n, 1_200):
        keep(database, rows[begin : begin + 1_200])
    clock.advance(hours=hours, minutes=10)
    return begin_us, rows


def test_sealing_again_and_again_keeps_everything_once(
    database: Database, sealer: Sealer, clock: SettableClock
) -> None:
    begin_us, rows = a_day(database, clock)
    assert sealer.seal() == len(rows)
    assert sealer.seal() == 0
    assert sealer.merge() == 6
    assert sealer.merge() == 0
    plain = PlainHistory()
    plain.add(rows)
    keep(database, rows[100:200])
    late = [(1, begin_us + 1_500, -5.0, 0), (1, begin_us + 2_500, math.nan, 2)]
    plain.add(late)
    keep(database, late)
    check_all(database, plain, begin_us, begin_us + DAY_US)
    sealer.seal()
    check_all(database, plain, begin_us, begin_us + DAY_US)
    assert sealer.merge() == 1
    check_all(database, plain, begin_us, begin_us + DAY_US)


def test_long_windows_come_in_portions(database: Database, sealer: Sealer, clock: SettableClock) -> None:
    begin_us, rows = a_day(database, clock)
    sealer.turn()
    keep(database, [(1, rows[-1][1] + 1, 1.0, 0)])
    from_us: int | None = begin_us
    found: list[tuple[int, float, int]] = []
    portions = 0
    while from_us is not None:
        samples, from_us = database.read_now(
            list_samples, tag_pk=1, from_us=from_us, to_us=begin_us + DAY_US, limit=5_000
        )
        assert len(samples) <= 5_000
        found += told(samples)
        portions += 1
    assert same(found, [*((at, value, quality) for _, at, value, quality in rows), (rows[-1][1] + 1, 1.0, 0)])
    assert 5 <= portions <= 7


def test_windows_of_jobs_are_summed_up_from_rollups_and_ends(
    database: Database, sealer: Sealer, clock: SettableClock
) -> None:
    begin_us, rows = a_day(database, clock)
    windows = [
        Window(1, begin_us + 1_234_567, begin_us + 3 * HOUR_US + 17),
        Window(1, begin_us + 4 * HOUR_US + 3, begin_us + 4 * HOUR_US + 99_000_000),
        Window(2, begin_us, begin_us + HOUR_US),
    ]
    inside = [v for _, at, v, _ in rows if any(w.from_us <= at < w.to_us for w in windows[:2])]
    for turn in (lambda: None, sealer.seal, sealer.merge):
        turn()
        found = database.read_now(summarise, windows=windows)
        one = found[1]
        assert (one.n, one.minimum, one.maximum) == (len(inside), min(inside), max(inside))
        assert one.mean == pytest.approx(sum(inside) / len(inside))
        assert one.held_mean == pytest.approx(one.mean, rel=1e-4)
        assert not one.whole_minutes
        assert found[2].n == 0
        assert found[2].minimum is None


def test_what_is_old_is_dropped_by_whole_days_and_rollups_stay(
    database: Database, sealer: Sealer, clock: SettableClock
) -> None:
    begin_us, rows = a_day(database, clock, hours=3)
    plain = PlainHistory()
    plain.add(rows)
    sealer.turn()
    database.write_now(set_retention, actor=None, samples_days=10, rollups_days=100)
    clock.advance(days=9)
    assert sealer.forget() == []
    clock.advance(days=2)
    assert len(sealer.forget()) == 1
    samples, _ = database.read_now(list_samples, tag_pk=1, from_us=begin_us, to_us=begin_us + DAY_US)
    assert len(samples) == 0
    minutes = database.read_now(list_rollups, tag_pk=1, from_us=begin_us, to_us=begin_us + DAY_US)
    check_rollups(minutes, plain.spans(1, begin_us, begin_us + DAY_US, MINUTE_US))
    window = Window(1, begin_us + 90_500_000, begin_us + 2 * HOUR_US + 30_500_000)
    found = database.read_now(summarise, windows=[window])[1]
    assert found.whole_minutes
    whole = [v for _, at, v, _ in rows if begin_us + 60_000_000 <= at < begin_us + 2 * HOUR_US + 60_000_000]
    assert (found.n, found.minimum, found.maximum) == (len(whole), min(whole), max(whole))
    (held,) = database.read_now(measure_windows, windows=[window])
    assert held is not None
    assert held.whole_minutes
    assert (held.n, held.minimum, held.maximum) == (found.n, found.minimum, found.maximum)
    clock.advance(days=150)
    assert len(sealer.forget()) == 1
    minutes = database.read_now(list_rollups, tag_pk=1, from_us=begin_us, to_us=begin_us + DAY_US)
    assert len(minutes) == 0
    assert database.read_now(measure_windows, windows=[window]) == [None]


def test_what_comes_too_late_does_not_bring_back_a_day_that_was_dropped(
    database: Database, sealer: Sealer, clock: SettableClock
) -> None:
    begin_us, rows = a_day(database, clock, hours=2)
    sealer.turn()
    clock.advance(days=100)
    assert len(sealer.forget()) == 1
    keep(database, [(1, begin_us + 5, 1.0, 0), (1, to_us(clock.at), 2.0, 0)])
    sealer.turn()
    minutes = database.read_now(list_rollups, tag_pk=1, from_us=begin_us, to_us=begin_us + DAY_US)
    assert int(minutes.n.sum()) == len(rows)
    samples, _ = database.read_now(list_samples, tag_pk=1, from_us=begin_us, to_us=to_us(clock.at) + 1)
    assert told(samples) == [(to_us(clock.at), 2.0, 0)]


def test_texts_are_kept_once_and_forgotten_with_the_samples(database: Database, clock: SettableClock) -> None:
    at_us = to_us(clock.at)
    database.write_now(append_texts, actor=None, rows=[(3, at_us, "SN-1"), (3, at_us + 5, "SN-2")])
    database.write_now(append_texts, actor=None, rows=[(3, at_us, "another")])
    texts = database.read_now(list_texts, tag_pk=3, from_us=at_us, to_us=at_us + 10)
    assert [(one.at_us, one.text) for one in texts] == [(at_us, "SN-1"), (at_us + 5, "SN-2")]
    clock.advance(days=89)
    database.write_now(forget_old_texts, actor=None)
    assert len(database.read_now(list_texts, tag_pk=3, from_us=at_us, to_us=at_us + 10)) == 2
    clock.advance(days=2)
    database.write_now(forget_old_texts, actor=None)
    assert database.read_now(list_texts, tag_pk=3, from_us=at_us, to_us=at_us + 10) == ()


def test_retention_has_bounds_and_is_recorded(database: Database) -> None:
    retention = database.read_now(get_retention)
    assert (retention.samples_days, retention.rollups_days) == (90, 1_095)
    for samples_days, rollups_days in ((0, 10), (20, 10), (4_000, 4_000), (10, 40_000)):
        with pytest.raises(RetentionInvalid):
            database.write_now(set_retention, actor=None, samples_days=samples_days, rollups_days=rollups_days)
    database.write_now(set_retention, actor=None, samples_days=30, rollups_days=30)
    database.write_now(set_retention, actor=None, samples_days=40, rollups_days=300)
    assert database.read_now(get_retention).samples_days == 40

    def events(session: ReadSession) -> list[str]:
        return list(session.execute(text("SELECT type FROM outbox_event")).scalars())

    assert database.read_now(events) == ["history.retention-set.v1"] * 2


@pytest.mark.parametrize(("from_us", "to_us_"), [(5, 5), (6, 5), (-1, 5), (0, 2**62)])
def test_windows_that_do_not_fit_are_refused(sqlite_database: Database, from_us: int, to_us_: int) -> None:
    for query, more in ((list_samples, {}), (list_rollups, {}), (downsample, {"points": 10})):
        refused: Callable[..., object] = query
        with pytest.raises(HistoryWindowInvalid):
            sqlite_database.read_now(refused, tag_pk=1, from_us=from_us, to_us=to_us_, **more)


def test_windows_that_are_too_long_are_refused(sqlite_database: Database, clock: SettableClock) -> None:
    end_us = to_us(clock.at)
    with pytest.raises(HistoryWindowInvalid, match="spans"):
        sqlite_database.read_now(list_rollups, tag_pk=1, from_us=end_us - 60 * DAY_US, to_us=end_us)
    with pytest.raises(HistoryWindowInvalid, match="hours"):
        sqlite_database.read_now(summarise, windows=[Window(n, end_us - 60 * DAY_US, end_us) for n in range(50)])


def test_an_empty_batch_leaves_no_row(database: Database) -> None:
    database.write_now(append_measurements, actor=None, columns=measurements_of([]))

    def rows(session: ReadSession) -> int:
        return int(session.execute(text("SELECT count(*) FROM history_log")).scalar_one())

    assert database.read_now(rows) == 0


@pytest.mark.parametrize("to_us_", [0, 50_001 * HOUR_US])
def test_windows_are_bounded_by_who_asks(sqlite_database: Database, to_us_: int) -> None:
    with pytest.raises(ValueError, match=r"a window that|more than"):
        sqlite_database.read_now(measure_windows, windows=[Window(1, 0, to_us_)])
