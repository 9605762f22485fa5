"""A run of good readings taken at once is what it is reading by reading, or is left to the rules."""

from __future__ import annotations

from hypothesis import event, given, settings
from hypothesis import strategies as st

from mes.equipment.counter_rules import Baseline, CounterSpec, Movement, MovementKind, Reading, fold, movement

SECOND = 1_000_000
AT = 10**15

markers = st.sampled_from(["", "a", "a", "a", "b"])
types = st.sampled_from(["", "UInt32", "UInt32", "UInt32", "UInt16"])
values = st.sampled_from([0, 1, 60, 990, 999, 2_000, 2**16 - 1, 2**31, 2**53 + 1, 2**64 - 1])
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
runs = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 7, 20, 25] * 6 + [-3, 1_001, 2_001, 2_002, 2**40]),
        st.sampled_from([SECOND] * 36 + [1, 0, -SECOND, 90 * SECOND]),
    ),
    min_size=1,
    max_size=12,
)
"""By how much value and time go on from one reading to the next."""


def readings(baseline: Baseline, steps: list[tuple[int, int]], marker: str, data_type: str) -> list[Reading]:
    value, at_us, found = baseline.value, baseline.at_us, []
    for more, later_us in steps:
        value, at_us = max(value + more, 0), at_us + later_us
        found.append(Reading(value, at_us, marker, None, data_type))
    return found


def one_by_one(baseline: Baseline, run: list[Reading], spec: CounterSpec) -> tuple[list[Movement], Baseline]:
    found = []
    for reading in run:
        found.append(movement(baseline, reading, spec))
        baseline = found[-1].baseline
    return found, baseline


@settings(max_examples=2_000)
@given(baselines, runs, markers, types, specs)
def test_folded_is_one_by_one(
    baseline: Baseline, steps: list[tuple[int, int]], marker: str, data_type: str, spec: CounterSpec
) -> None:
    run = readings(baseline, steps, marker, data_type)
    folded = fold(baseline, [r.value for r in run], [r.at_us for r in run], marker, data_type, spec)
    event("left to the rules" if folded is None else f"folded: {folded.kind}")
    if folded is None:
        return
    moves, last = one_by_one(baseline, run, spec)
    counted = [move for move in moves if move.kind is not MovementKind.still]
    assert folded.baseline == last
    assert all(move.kind is MovementKind.counted and move.exact and not move.gapped for move in counted)
    assert (folded.low, folded.high) == (sum(m.low for m in counted), sum(m.high or 0 for m in counted))
    assert not folded.gapped
    assert (folded.kind is MovementKind.still) is (not counted)
    if counted:
        assert (folded.from_us, folded.to_us) == (counted[0].from_us, counted[-1].to_us)


@settings(max_examples=300)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), plain_specs)
def test_what_only_rises_is_folded(counts: list[int], spec: CounterSpec) -> None:
    """The other property would hold if nothing ever were."""
    baseline = Baseline(7, AT, "a", data_type="UInt32")
    run = readings(baseline, [(count, SECOND) for count in counts], "a", "UInt32")
    folded = fold(baseline, [r.value for r in run], [r.at_us for r in run], "a", "UInt32", spec)
    assert folded is not None
    assert (folded.low, folded.baseline.at_us) == (sum(counts), AT + len(counts) * SECOND)
