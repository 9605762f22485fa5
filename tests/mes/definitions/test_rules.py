"""Cycles, version labels, routings that make no sense."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.definitions.effectivity_rules import is_effective, newest_effective, supersedes
from mes.definitions.parameter_rules import recipe_faults, value_fault
from mes.definitions.rules import cycles_for, needed_e6, next_label, planned_e6, segment_faults
from mes.definitions.types import (
    DataType,
    Effectivity,
    ParameterLimit,
    SegmentDependency,
    SegmentSpec,
    WorkMasterSpec,
)


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


PIECES = st.integers(1, 10**12)


@given(PIECES, st.integers(1, 10**9), st.integers(0, 10**9))
def test_what_is_needed_covers_pieces_and_allowance_and_no_more(pieces: int, per_piece: int, allowance: int) -> None:
    exact = Fraction(pieces * per_piece, 10**6) * (1 + Fraction(allowance, 10**8))
    assert exact <= needed_e6(pieces, per_piece, allowance) < exact + 1


AT = datetime(2026, 3, 2, tzinfo=UTC)
INSTANTS = st.none() | st.integers(-5, 5).map(lambda days: AT + timedelta(days=days))
EFFECTIVITIES = st.builds(Effectivity, INSTANTS, INSTANTS)


@given(st.lists(EFFECTIVITIES, max_size=6))
def test_a_new_order_takes_the_newest_that_is_effective(versions: list[Effectivity]) -> None:
    taken = newest_effective(enumerate(versions), AT)
    effective = [n for n, one in enumerate(versions) if is_effective(one, AT)]
    assert taken == (effective[-1] if effective else None)


@given(EFFECTIVITIES, INSTANTS)
def test_what_supersedes_others_is_never_missing_later(effectivity: Effectivity, later: datetime | None) -> None:
    if supersedes(effectivity, AT) and later is not None and later >= AT:
        assert is_effective(effectivity, later)


@given(st.decimals(-1000, 1000, places=3), st.decimals(-1000, 1000, places=3), st.decimals(-1000, 1000, places=3))
def test_limits_are_allowed_themselves(value: Decimal, low: Decimal, high: Decimal) -> None:
    fault = value_fault("p", f"{value:f}", ParameterLimit(DataType.decimal, "", low, high))
    assert (fault is None) == (low <= value <= high)


@pytest.mark.parametrize(
    ("value", "kind", "fits"),
    [
        *(("1", DataType.integer, True), ("1.0", DataType.integer, False), ("1e3", DataType.decimal, False)),
        *(("nan", DataType.decimal, False), ("-0.5", DataType.decimal, True), ("true", DataType.boolean, True)),
        *(("yes", DataType.boolean, False), ("", DataType.string, True), ("٣", DataType.integer, False)),
    ],
)
def test_a_value_has_the_type_it_is_said_to_have(value: str, kind: DataType, fits: bool) -> None:
    assert (value_fault("p", value, ParameterLimit(kind)) is None) == fits


def test_limits_need_a_parameter_and_a_number_and_an_order() -> None:
    cases = {
        "parameter-not-found": WorkMasterSpec("W", limits={"p": ParameterLimit()}),
        "parameter-type": WorkMasterSpec("W", parameters={"p": "a"}, limits={"p": ParameterLimit(low=Decimal(1))}),
        "parameter-out-of-limits": WorkMasterSpec(
            "W", parameters={"p": "1"}, limits={"p": ParameterLimit(DataType.decimal, "", Decimal(2), Decimal(1))}
        ),
    }
    assert {code: [f.code for f in recipe_faults(spec)] for code, spec in cases.items()} == {c: [c] for c in cases}
