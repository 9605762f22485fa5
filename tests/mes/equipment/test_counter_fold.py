"""A run of good readings taken at once is what it is reading by reading, or is left to the rules."""

from __future__ import annotations

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st

from mes.equipment.counter_rules import (
    Baseline,
    CounterSpec,
    Folded,
    Movement,
    MovementKind,
    Reading,
    fold,
    is_plain,
    movement,
    rate_of,
)

SECOND = 1_000_000
AT = 10**15

markers = st.sampled_from(["", "a", "a", "a", "b"])
types = st.sampled_from(["", "UInt32", "UInt32", "UInt32", "UInt16"])
values = st.sampled_from([0, 1, 60, 990, 999, 2_000, 2**16 - 1, 2**31, 2**53 + 1, 2**63 - 9])
moduli = st.sampled_from([None, 1_000, 2**16, 2**64])
plain_specs = st.builds(CounterSpec, moduli, st.booleans(), st.booleans(), st.sampled_from([None, 20.0]))
specs = st.one_of(plain_specs, plain_specs, st.builds(CounterSpec, moduli, st.booleans(), st.booleans(), st.just(0.5)))
baselines = st.builds(
    Baseline,
    values,
    st.just(AT),
    markers,
    st.sampled_from([None] * 14 + [0, 5]),
    st.sampled_from([None, AT]),
    st.sampled_from([None] * 14 + [0, AT - SECOND, AT]),
    types,
)
steps = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 7, 20, 25] * 8 + [-3, 1_001, 2_001, 2_002, 2**40, 2**62]),
        st.sampled_from([SECOND] * 48 + [1, 0, -SECOND, 90 * SECOND]),
    ),
    min_size=1,
    max_size=12,
)
"""By how much value and time go on from one reading to the next."""


def readings(baseline: Baseline, going_on: list[tuple[int, int]], marker: str, data_type: str) -> list[Reading]:
    value, at_us, found = baseline.value, baseline.at_us, []
    for more, later_us in going_on:
        value, at_us = min(max(value + more, 0), 2**63 - 1), at_us + later_us
        found.append(Reading(value, at_us, marker, None, data_type))
    return found


def folded(counters: list[tuple[Baseline, CounterSpec, list[Reading]]]) -> Folded:
    """Several counters at once."""
    runs = [run for _, _, run in counters]
    return fold(
        np.array([reading.value for run in runs for reading in run], np.int64),
        np.array([reading.at_us for run in runs for reading in run], np.int64),
        np.cumsum([0, *map(len, runs)])[:-1],
        np.array([baseline.value for baseline, _, _ in counters], np.int64),
        np.array([baseline.at_us for baseline, _, _ in counters], np.int64),
        np.array([rate_of(spec) for _, spec, _ in counters], np.float64),
    )


def one_by_one(baseline: Baseline, run: list[Reading], spec: CounterSpec) -> tuple[list[Movement], Baseline]:
    found = []
    for reading in run:
        found.append(movement(baseline, reading, spec))
        baseline = found[-1].baseline
    return found, baseline


@settings(max_examples=600)
@given(st.lists(st.tuples(baselines, steps, markers, types, specs), min_size=1, max_size=3))
def test_folded_is_one_by_one(
    counters: list[tuple[Baseline, list[tuple[int, int]], str, str, CounterSpec]],
) -> None:
    runs = [(base, spec, readings(base, going_on, *said)) for base, going_on, *said, spec in counters]
    found = folded(runs)
    for n, (baseline, spec, run) in enumerate(runs):
        last = run[-1]
        if not (found.plain[n] and is_plain(baseline, last.marker, last.data_type)):
            event("left to the rules")
            continue
        moves, after = one_by_one(baseline, run, spec)
        counted = [move for move in moves if move.kind is not MovementKind.still]
        event("folded: counted" if counted else "folded: still")
        assert after == Baseline(last.value, last.at_us, last.marker, data_type=last.data_type)
        assert all(move.kind is MovementKind.counted and move.exact and not move.gapped for move in counted)
        assert found.counted[n] == sum(move.low for move in counted)
        if counted:
            assert (found.from_us[n], found.to_us[n]) == (counted[0].from_us, counted[-1].to_us)
            starts = sum(len(before) for _, _, before in runs[:n])
            assert found.first[n] - starts == moves.index(counted[0])


@settings(max_examples=300)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), plain_specs)
def test_what_only_rises_is_folded(counts: list[int], spec: CounterSpec) -> None:
    """The other property would hold if nothing ever were."""
    baseline = Baseline(7, AT, "a", data_type="UInt32")
    run = readings(baseline, [(count, SECOND) for count in counts], "a", "UInt32")
    found = folded([(baseline, spec, run)])
    assert is_plain(baseline, "a", "UInt32")
    assert (found.plain.tolist(), found.counted.tolist()) == ([True], [sum(counts)])
