"""What a value was seen to do."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from opcua_bridge.discovery.behaviour import MAX_CHANGES, Behaviour, Observed, Pattern, behaviour_of
from standards.lineside.ingest_v1 import Value

values = st.one_of(st.booleans(), st.integers(-50, 50), st.floats(allow_nan=False, allow_infinity=False), st.text())


def observed(*seen: Value, every_s: float = 1.0) -> Observed:
    """One look after another, unevenly: nothing that rises keeps time by chance."""
    it = Observed()
    for number, value in enumerate(seen):
        it.add(number * every_s + (0.4 * every_s if number % 2 else 0.0), value)
    return it


@pytest.mark.parametrize(
    ("seen", "pattern", "words"),
    [
        ((5, 5, 5), Pattern.constant, "did not change in 2 s (5)"),
        ((120, 121, 121, 124), Pattern.rising, "rose from 120 to 124, 2 times, never fell"),
        ((65530, 65534, 2, 5), Pattern.rising, "rose from 65530 to 5, 3 times, fell back once"),
        ((7, 0), Pattern.few_values, "changed once between 2 values: 7, 0"),
        ((1, 2, 3, 1, 2), Pattern.few_values, "changed 4 times between 3 values: 1, 2, 3"),
        ((3, 1, 2), Pattern.few_values, "changed 2 times between 3 values: 3, 1, 2"),
        ((0, 1, 2, 1, 0), Pattern.few_values, "changed 4 times between 3 values: 0, 1, 2"),
        ((False, True, False), Pattern.few_values, "went on and off, 2 times"),
        (("A", "B", "C"), Pattern.fresh_values, "changed 2 times, to a new value each time, the last 'C'"),
        (("Idle", "Run", "Idle"), Pattern.few_values, "changed 2 times between 2 values: 'Idle', 'Run'"),
        ((20.5, 20.7, 20.1), Pattern.wandering, "wandered between 20.1 and 20.7, 2 times"),
        ((*range(0, 20, 2), *range(20, 0, -2)), Pattern.wandering, "wandered between 0 and 20, 19 times"),
    ],
)
def test_patterns_and_their_words(seen: tuple[Value, ...], pattern: Pattern, words: str) -> None:
    behaviour = behaviour_of(observed(*seen))
    assert (behaviour.pattern, behaviour.words) == (pattern, words)


def test_what_rises_with_the_clock_is_told_from_a_counter() -> None:
    clock, parts = Observed(), Observed()
    for look in range(20):
        clock.add(look * 0.25, 1_000 + look * 250)
        parts.add(look * 0.25, look // 4)
    assert behaviour_of(clock).pattern is Pattern.keeping_time
    assert behaviour_of(parts).pattern is Pattern.rising


def test_nobody_watched_is_not_the_same_as_nothing_happened() -> None:
    assert behaviour_of(observed(5)) == Behaviour(Pattern.unwatched, 0, "was looked at once (5)")
    bad = Observed()
    bad.add(0.0, None, 0x80740000)
    assert behaviour_of(None).pattern is Pattern.unwatched
    assert (behaviour_of(bad).pattern, behaviour_of(bad).words) == (
        Pattern.unreadable,
        "not readable, status 0x80740000",
    )


@given(st.lists(st.integers(1, 1_000), min_size=3, max_size=40), st.integers(0, 10**9))
def test_whatever_only_rises_is_never_taken_for_a_state(steps: list[int], first: int) -> None:
    rising = behaviour_of(observed(*accumulate(steps, initial=first)))
    assert rising.pattern in (Pattern.rising, Pattern.keeping_time)
    assert rising.changes == len(steps)


@given(st.lists(values, max_size=30))
def test_changes_are_counted_and_nothing_else(seen: list[Value]) -> None:
    behaviour = behaviour_of(observed(*seen))
    assert behaviour.changes == sum(type(a) is not type(b) or a != b for a, b in pairwise(seen))
    assert (behaviour.pattern is Pattern.constant) is (behaviour.changes == 0 and len(seen) > 1)


@given(st.lists(st.integers(0, 100), min_size=4, max_size=30))
def test_two_falls_are_no_counter(seen: list[int]) -> None:
    assume(sum(b < a for a, b in pairwise(seen)) >= 2)
    assert behaviour_of(observed(*seen)).pattern not in (Pattern.rising, Pattern.keeping_time)


def test_what_is_remembered_is_bounded() -> None:
    it = Observed()
    for number in range(MAX_CHANGES + 50):
        it.add(float(number), number % 7)
    assert len(it.changes) == MAX_CHANGES
    assert it.readable == MAX_CHANGES + 50
