"""Values, times, sequence numbers, the clock: the small things that lose data when they are wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from opcua_bridge.clock import Clock
from opcua_bridge.source import SEQUENCE_END, is_after, next_sequence, previous_sequence
from opcua_bridge.values import sample_of, to_us, within_deadband
from standards.opcua.status import Quality


@pytest.mark.parametrize(
    ("variant", "value", "name"),
    [
        (ua.Variant(7, ua.VariantType.UInt16), 7, "UInt16"),
        (ua.Variant(2**64 - 1, ua.VariantType.UInt64), 2**64 - 1, "UInt64"),
        (ua.Variant(True), True, "Boolean"),
        (ua.Variant(1.5), 1.5, "Double"),
        (ua.Variant("Ä"), "Ä", "String"),
        (ua.Variant(b"\x01\xff", ua.VariantType.ByteString), "01ff", "ByteString"),
        (ua.Variant(ua.LocalizedText("x")), "x", "LocalizedText"),
        (ua.Variant([1, 2], ua.VariantType.Int32), [1, 2], "Int32[]"),
        (ua.Variant(datetime(2026, 3, 1, 8, tzinfo=UTC)), "2026-03-01T08:00:00.000000Z", "DateTime"),
    ],
)
def test_values_keep_their_type(variant: ua.Variant, value: Any, name: str) -> None:
    sample = sample_of("t", ua.DataValue(variant), observed_at_us=1)
    assert (sample.value, sample.data_type, sample.quality) == (value, name, Quality.good)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "x" * 5000, [float("nan")], list(range(20_000))])
def test_a_value_that_cannot_be_passed_on_is_bad_never_cut_or_guessed(value: Any) -> None:
    sample = sample_of("t", ua.DataValue(ua.Variant(value)), observed_at_us=1)
    assert (sample.value, sample.quality) == (None, Quality.bad)


def test_the_overflow_bit_is_no_bad_quality() -> None:
    value = ua.DataValue(ua.Variant(1), ua.StatusCode(0x480))
    sample = sample_of("t", value, observed_at_us=1)
    assert (sample.value, sample.quality, sample.overflow) == (1, Quality.good, True)


def test_times_no_machine_means_are_no_times() -> None:
    assert to_us(None) is None
    assert to_us(datetime(9999, 12, 31, tzinfo=UTC)) is None
    assert to_us(datetime(1601, 1, 1, tzinfo=UTC)) is None
    assert to_us(datetime(2026, 1, 1)) == to_us(datetime(2026, 1, 1, tzinfo=UTC))  # noqa: DTZ001


@given(st.integers(1, SEQUENCE_END), st.integers(1, 1000))
def test_sequence_numbers_go_round_without_zero(number: int, steps: int) -> None:
    assert previous_sequence(next_sequence(number)) == number
    later = number
    for _ in range(steps):
        later = next_sequence(later)
        assert 1 <= later <= SEQUENCE_END
        assert is_after(later, number)
        assert not is_after(number, later)


def test_nothing_has_come_yet_and_the_first_is_next() -> None:
    assert next_sequence(0) == 1
    assert is_after(1, 0)
    assert not is_after(5, 5)


@given(st.lists(st.tuples(st.integers(-(10**13), 10**13), st.integers(0, 10**10)), max_size=30))
def test_the_clock_never_goes_back(jumps: list[tuple[int, int]]) -> None:
    now = {"wall": 1_800_000_000 * 10**9, "tick": 0}
    clock = Clock(wall_ns=lambda: now["wall"], monotonic_ns=lambda: now["tick"])
    before = clock.now_us()
    for jump, passed in jumps:
        now["wall"] += jump + passed
        now["tick"] += passed
        after = clock.now_us()
        assert after >= before + passed // 2_000 - 1
        assert after >= now["wall"] // 1000
        before = after


def test_a_deadband_is_for_numbers() -> None:
    assert within_deadband(1.0, 1.4, 0.5)
    assert not within_deadband(1.0, 1.6, 0.5)
    assert not within_deadband(True, False, 2.0)
    assert not within_deadband("a", "a", 0.5)
    assert not within_deadband(1, 1, 0.0)
