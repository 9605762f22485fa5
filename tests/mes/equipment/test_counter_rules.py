"""What a counter proves: never a wrong exact number."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from mes.equipment.counter_rules import Baseline, CounterSpec, Movement, MovementKind, Reading, movement

SECOND = 1_000_000
PLAIN = CounterSpec()
MARKED = CounterSpec(marked=True, max_per_s=10.0)


def read(value: int, at_s: float = 10, marker: str = "", gap_s: float | None = None) -> Reading:
    return Reading(value, int(at_s * SECOND), marker, None if gap_s is None else int(gap_s * SECOND))


def bounds(found: Movement) -> tuple[MovementKind, int, int | None]:
    return found.kind, found.low, found.high


class TestPlainSight:
    def test_the_first_reading_counts_nothing(self) -> None:
        assert bounds(movement(None, read(500), PLAIN)) == (MovementKind.first, 0, 0)

    def test_a_rise_is_exact(self) -> None:
        assert bounds(movement(Baseline(5, 0), read(8), PLAIN)) == (MovementKind.counted, 3, 3)

    def test_no_movement(self) -> None:
        assert bounds(movement(Baseline(5, 0), read(5), PLAIN)) == (MovementKind.still, 0, 0)

    def test_a_wrap_is_exact_where_restarts_are_seen(self) -> None:
        spec = CounterSpec(modulus=65536, marked=True)
        assert bounds(movement(Baseline(65534, 0, "b"), read(3, marker="b"), spec)) == (MovementKind.wrap, 5, 5)

    def test_a_wrap_may_be_a_restart_where_nobody_could_tell(self) -> None:
        spec = CounterSpec(modulus=1000)
        assert bounds(movement(Baseline(990, 0), read(3), spec)) == (MovementKind.wrap, 3, 13)

    def test_a_restart_that_was_announced(self) -> None:
        found = movement(Baseline(500, 0, "b1"), read(2, marker="b2"), MARKED)
        assert bounds(found) == (MovementKind.reset, 2, 2)

    def test_a_zero_between_good_readings_is_a_lie(self) -> None:
        zero = movement(Baseline(500, 0, "b"), read(0, 10, "b"), MARKED)
        assert bounds(zero) == (MovementKind.suspect, 0, 0)
        assert bounds(movement(zero.baseline, read(502, 11, "b"), MARKED)) == (MovementKind.false_reading, 2, 2)

    def test_a_fall_that_is_confirmed_is_a_reset(self) -> None:
        fall = movement(Baseline(500, 0), read(0, 10), PLAIN)
        assert bounds(movement(fall.baseline, read(4, 11), PLAIN)) == (MovementKind.reset, 4, 4)

    def test_back_above_after_a_zero_stays_open_where_a_restart_could_hide(self) -> None:
        fall = movement(Baseline(3, 0), read(0, 10), PLAIN)
        assert bounds(movement(fall.baseline, read(4, 11), PLAIN)) == (MovementKind.false_reading, 1, 4)

    def test_a_spike_is_not_believed_until_it_is_confirmed(self) -> None:
        spike = movement(Baseline(5, 0, "b"), read(60_000, 10, "b"), MARKED)
        assert bounds(spike) == (MovementKind.suspect, 0, 0)
        assert bounds(movement(spike.baseline, read(7, 11, "b"), MARKED)) == (MovementKind.false_reading, 2, 2)
        assert bounds(movement(spike.baseline, read(60_001, 11, "b"), MARKED))[1:] == (59_996, 59_996)


class TestGaps:
    def test_a_marked_counter_that_did_not_restart_is_exact(self) -> None:
        found = movement(Baseline(5, 0, "b"), read(9, 10, "b", gap_s=2), MARKED)
        assert (found.low, found.high, found.from_us, found.gapped) == (4, 4, 1 * SECOND, True)

    def test_an_unmarked_counter_might_have_restarted(self) -> None:
        spec = CounterSpec(max_per_s=10.0)
        assert bounds(movement(Baseline(5, 0), read(9, 10, gap_s=2), spec))[1:] == (4, 91)
        assert bounds(movement(Baseline(5, 0), read(9, 10, gap_s=2), PLAIN))[1:] == (4, None)

    def test_a_retentive_counter_is_exact(self) -> None:
        assert bounds(movement(Baseline(5, 0), read(9, gap_s=2), CounterSpec(retentive=True)))[1:] == (4, 4)

    def test_a_value_that_was_sampled_after_the_last_message_before_a_gap(self) -> None:
        """Its time lies before the gap; a clock that was set back by more than a second leaves the same open."""
        spec = CounterSpec(retentive=True, modulus=60_000, max_per_s=10.0)
        before = Baseline(5, 10 * SECOND)
        found = movement(before, read(9, 11, gap_s=11.5), spec)
        assert (found.low, found.high, found.from_us, found.to_us) == (4, 4, 10.5 * SECOND, 11 * SECOND)
        assert movement(before, read(9, 11, gap_s=10.9), spec).from_us == 10 * SECOND
        found = movement(before, read(9, 11, gap_s=13), spec)
        assert (found.low, found.high, found.from_us, found.to_us) == (4, None, 10 * SECOND, 11 * SECOND)

    def test_a_gap_since_the_baseline_begins_with_it(self) -> None:
        """Nothing was published then: a reading with an earlier time has another clock."""
        spec = CounterSpec(max_per_s=10.0)
        before = Baseline(5, 10 * SECOND)
        assert bounds(movement(before, read(9, 12, gap_s=0), spec))[1:] == (4, 21)
        assert bounds(movement(before, read(9, 9.5, gap_s=0), spec))[1:] == (4, None)


@dataclass(frozen=True)
class Step:
    count: int
    restart: bool
    hidden: bool
    """Nobody looks after this step."""


steps = st.lists(st.builds(Step, st.integers(0, 20), st.booleans(), st.booleans()), min_size=1, max_size=30)


@settings(max_examples=400)
@given(steps, st.sampled_from([256, 1000, None]))
def test_the_sum_of_what_is_proven_contains_the_truth(history: list[Step], modulus: int | None) -> None:
    """A marked counter through counts, wraps, restarts and gaps: low ≤ truth ≤ high, exact without hidden restarts."""
    spec = CounterSpec(modulus=modulus, marked=True, max_per_s=20.0)
    value, boot, at = 0, 0, 0
    low, high, truth, must_be_exact = 0, 0, 0, True
    baseline = movement(None, Reading(0, 0, "0"), spec).baseline
    gap: int | None = None
    for step in history:
        at += SECOND
        if step.restart:
            value, boot = 0, boot + 1
            must_be_exact &= gap is None and not step.hidden
            if must_be_exact:  # the fall to 0 is seen
                found = movement(baseline, Reading(0, at, str(boot)), spec)
                baseline, low, high = found.baseline, low + found.low, high + (found.high or 0)
        value = value + step.count if modulus is None else (value + step.count) % modulus
        truth += step.count
        if step.hidden:
            gap = baseline.at_us if gap is None else gap
            continue
        found = movement(baseline, Reading(value, at, str(boot), gap), spec)
        baseline, gap = found.baseline, None
        assert found.high is not None
        low, high = low + found.low, high + found.high
    if gap is None:
        assert low <= truth <= high
        assert not must_be_exact or low == high


class TestMarkers:
    def test_a_marker_that_was_not_known_yet_is_no_restart(self) -> None:
        """The counter was read first, and has not changed since yesterday; the machine was started today."""
        found = movement(Baseline(500, 0, ""), read(501, marker="boot-7"), MARKED)
        assert bounds(found) == (MovementKind.counted, 1, 1)
        assert found.baseline.marker == "boot-7"

    def test_a_wrap_to_zero_that_a_restart_left_in_doubt_is_in_the_interval(self) -> None:
        spec = CounterSpec(modulus=1000, marked=True)
        doubted = movement(Baseline(994, 0, "a"), read(0, 10, "a"), spec)
        assert bounds(doubted) == (MovementKind.suspect, 0, 0)
        assert bounds(movement(doubted.baseline, read(0, 11, "b"), spec)) == (MovementKind.reset, 0, 6)

    def test_a_marker_that_comes_late_does_not_count_twice(self) -> None:
        """4 was read after the restart already, the marker is told with 6."""
        assert bounds(movement(Baseline(4, 0, "boot-1"), read(6, marker="boot-2"), MARKED))[1:] == (2, 6)
