"""Pure: samples to bytes and back, roll-ups against the samples themselves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mes.history.codec import UnknownFormat, pack_rollups, pack_samples, unpack_rollups, unpack_samples
from mes.history.queries import thinned
from mes.history.rules import (
    COLUMNS,
    checked,
    coarser,
    held_in,
    held_until,
    joined,
    newest_before,
    no_rollups,
    rollups_of,
    summary,
    taken,
    tidy,
)
from mes.history.types import HOUR_US, MINUTE_US, NOT_KNOWN, TIME_MAX_US, Measurements, Samples, Window
from tests.mes.history.model import PlainHistory, check_rollups, check_window, columns, same, told

WHOLE = st.integers(-(2**53), 2**53).map(float)
EXTREME = st.sampled_from(
    [2.0**63, -(2.0**63), 2.0**53, 0.0, -0.0, 1.7e308, -1.7e308, 5e-324, 0.01, math.nan, math.inf]
)
NOISE = st.integers(-10_000, 10_000).map(lambda n: n / 100)
VALUES = st.one_of(WHOLE, EXTREME, NOISE, st.floats(width=64))
INSTANTS = st.one_of(
    st.integers(0, 3 * HOUR_US), st.integers(0, 40).map(lambda n: n * 30_000_000), st.just(TIME_MAX_US - 1)
)
ROWS = st.lists(st.tuples(st.just(7), INSTANTS, VALUES, st.integers(0, 2)), min_size=1, max_size=60)


def samples_of(rows: list[tuple[int, int, float, int]]) -> Samples:
    made = checked(columns(rows))
    return tidy(made.at_us, made.value, made.quality)


@given(ROWS)
@example([(7, 5, -0.0, 0), (7, 5, 1.0, 0), (7, 6, math.nan, 0)])
@example([(7, 0, math.inf, 1)])
def test_samples_come_back_bit_by_bit(rows: list[tuple[int, int, float, int]]) -> None:
    plain = PlainHistory()
    plain.add(rows)
    samples = samples_of(rows)
    assert same(told(samples), plain.samples(7, 0, TIME_MAX_US))
    assert same(told(unpack_samples(pack_samples(samples))), told(samples))


@given(ROWS, st.sampled_from([MINUTE_US, HOUR_US]))
def test_rollups_say_what_the_samples_say(rows: list[tuple[int, int, float, int]], span_us: int) -> None:
    plain = PlainHistory()
    plain.add(rows)
    spans = plain.spans(7, 0, TIME_MAX_US, span_us)
    minutes = rollups_of(samples_of(rows))
    check_rollups(rollups_of(samples_of(rows), span_us), spans)
    check_rollups(coarser(minutes, span_us), spans)
    again = unpack_rollups(pack_rollups(minutes))
    assert all(np.array_equal(getattr(again, name), getattr(minutes, name), equal_nan=True) for name in COLUMNS)


@given(ROWS, st.integers(0, 3 * HOUR_US), st.integers(1, HOUR_US))
def test_a_summary_of_a_window_is_that_of_its_samples(
    rows: list[tuple[int, int, float, int]], from_us: int, length_us: int
) -> None:
    window = Window(7, from_us, from_us + length_us)
    its = samples_of(rows).between(window.from_us, window.to_us)
    found = summary([held_until(rollups_of(its), window)], whole_minutes=False)
    known = its.value[~np.isnan(its.value)].tolist()
    assert found.n == len(known)
    assert found.minimum == (min(known) if known else None)
    assert found.maximum == (max(known) if known else None)
    until = [*its.at_us.tolist(), window.to_us]
    steps = [(until[n + 1] - until[n], value) for n, value in enumerate(its.value.tolist()) if not math.isnan(value)]
    assert found.known_us == sum(length for length, _ in steps)
    if known and found.held_mean is not None:
        mean = math.fsum(value * (length / found.known_us) for length, value in steps)
        assert math.isclose(found.held_mean, mean, rel_tol=1e-9, abs_tol=max(map(abs, known)) * 1e-9)


def test_the_mean_over_time_weighs_how_long_a_value_held() -> None:
    at_us = np.array([0, 10_000_000, 20_000_000, 30_000_000])
    samples = Samples(at_us, np.array([1.0, 3.0, np.nan, 5.0]), np.array([0, 0, NOT_KNOWN, 0], np.uint8))
    found = summary([held_until(rollups_of(samples), Window(7, 0, 70_000_000))], whole_minutes=False)
    assert (found.n, found.minimum, found.maximum, found.mean) == (3, 1.0, 5.0, 3.0)
    assert found.known_us == 60_000_000
    assert found.held_mean == pytest.approx((10 * 1 + 10 * 3 + 40 * 5) / 60)


def test_nothing_stays_nothing() -> None:
    nothing = joined([])
    assert len(unpack_samples(pack_samples(nothing))) == 0
    assert len(rollups_of(nothing)) == len(coarser(no_rollups(), HOUR_US)) == 0
    assert len(held_until(no_rollups(), Window(7, 0, 1))) == 0
    assert summary([], whole_minutes=False).held_mean is None


def test_a_chunk_of_a_newer_format_is_not_guessed_at() -> None:
    blob = bytearray(pack_samples(samples_of([(7, 1, 1.0, 0)])))
    blob[0] = 9
    with pytest.raises(UnknownFormat, match="format 9"):
        unpack_samples(bytes(blob))


@pytest.mark.parametrize("at_us", [-1, TIME_MAX_US, 2**63 - 1])
def test_instants_that_cannot_be_kept_are_refused(at_us: int) -> None:
    with pytest.raises(ValueError, match="1970"):
        checked(columns([(7, at_us, 1.0, 0)]))


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="lengths"):
        checked(Measurements(np.zeros(2, np.uint32), np.zeros(1, np.int64), np.zeros(2), np.zeros(2, np.uint8)))


def test_a_curve_keeps_its_ends_its_peaks_and_its_gaps() -> None:
    at_us = np.arange(10_000) * 1_000_000
    value = np.sin(at_us / 5e8)
    value[5_000:5_010] = np.nan
    value[7_777] = 9.0
    quality = np.where(np.isnan(value), NOT_KNOWN, 0).astype(np.uint8)
    points = thinned(Samples(at_us, value, quality), 100)
    assert len(points) == 101
    assert 9.0 in points.value
    assert points.at_us[0] == at_us[0]
    assert points.at_us[-1] == at_us[-1]
    assert points.at_us[np.isnan(points.value)].tolist() == [5_000_000_000]


def test_few_samples_are_all_points() -> None:
    samples = samples_of([(7, n, float(n), 0) for n in range(50)])
    assert same(told(thinned(samples, 100)), told(samples))


def test_some_of_the_rollups() -> None:
    minutes = rollups_of(samples_of([(7, n * MINUTE_US, float(n), 0) for n in range(5)]))
    assert taken(minutes, slice(1, 3)).minimum.tolist() == [1.0, 2.0]


NUMBERS = st.lists(st.tuples(st.just(7), INSTANTS, NOISE | st.just(math.nan), st.just(0)), max_size=40)


@given(NUMBERS, st.integers(1, 3 * HOUR_US), st.integers(1, HOUR_US))
@example([(7, 5, 1.0, 0), (7, 10, math.nan, 0)], 10, 5)
@example([(7, 10, 2.0, 0)], 10, 1)
def test_a_window_begins_with_what_held_when_it_began(rows: list[Any], from_us: int, length_us: int) -> None:
    plain = PlainHistory()
    plain.add(rows)
    window = Window(7, from_us, from_us + length_us)
    samples = samples_of(rows) if rows else joined([])
    before = newest_before(from_us, samples, rollups_of(samples))
    parts = rollups_of(samples.between(window.from_us, window.to_us))
    check_window(held_in(window, parts, before, whole_minutes=False), plain, window)
