"""Cycles, version labels, routings that make no sense."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.definitions.rules import cycles_for, next_label, planned_e6, segment_faults
from mes.definitions.types import SegmentDependency, SegmentSpec


def test_fifty_boards_at_eight_a_panel_are_seven_panels_and_56_boards() -> None:
    assert cycles_for(50_000_000, 8_000_000) == 7
    assert planned_e6(50_000_000, 8_000_000) == 56_000_000
    assert planned_e6(50_000_000, 1_000_000) == 50_000_000


@pytest.mark.parametrize(("quantity", "per_cycle"), [(0, 1), (-1, 1), (1, 0), (1, -1)])
def test_cycles_need_positive_quantities(quantity: int, per_cycle: int) -> None:
    with pytest.raises(ValueError):
        cycles_for(quantity, per_cycle)


@given(st.integers(1, 10**18), st.integers(1, 10**12))
def test_cycles_are_enough_and_not_one_too_many(quantity: int, per_cycle: int) -> None:
    cycles = cycles_for(quantity, per_cycle)
    assert (cycles - 1) * per_cycle < quantity <= cycles * per_cycle


def test_next_label_follows_the_highest_number() -> None:
    assert next_label([]) == "1"
    assert next_label(["1", "9", "10", "draft"]) == "11"


def step(segment_id: str, *after: str) -> SegmentSpec:
    return SegmentSpec(segment_id, "WM", "EQ", after=tuple(SegmentDependency(a) for a in after))


def codes(*segments: SegmentSpec) -> list[tuple[str, str]]:
    return [(fault.where, fault.code) for fault in segment_faults(segments)]


def test_a_diamond_is_fine() -> None:
    assert codes(step("A"), step("B", "A"), step("C", "A"), step("D", "B", "C")) == []


def test_what_makes_no_sense_is_named() -> None:
    assert codes() == [("", "no-segments")]
    assert codes(step("A"), step("A")) == [("A", "duplicate-id")]
    assert codes(step("A", "X")) == [("A", "segment-not-found")]
    assert codes(step("A", "C"), step("B", "A"), step("C", "B")) == [(s, "segment-cycle") for s in "ABC"]
    assert codes(step("A", "A")) == [("A", "segment-cycle")]
    assert codes(replace(step("A"), quantity_per_cycle=Decimal(0))) == [("A", "quantity-not-positive")]
