"""Exact conversion between units, what a lot may become."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.materials.errors import (
    ConversionInvalid,
    MaterialLotClosed,
    QuantityNotExact,
    QuantityOutOfRange,
    UnitNotConvertible,
)
from mes.materials.rules import (
    OVERRIDABLE,
    REFUSED_AS,
    check_disposition,
    check_lot_quantity,
    check_units,
    conversion,
    convert_e6,
    exact_number,
    reasons_against,
    usable_lot,
)
from mes.materials.types import LifeClock, LifeKind, LotFacts, MaterialSpec, UnitConversion, Unusable
from standards.isa95.material import USABLE, Disposition

PANEL = UnitConversion("panel", 8, 1)
DOZEN = UnitConversion("dozen", 12, 1)


def convert(value_e6: int, from_unit: str, to_unit: str) -> int:
    return convert_e6(value_e6, from_unit, to_unit, base_unit="pcs", conversions=(PANEL, DOZEN))


def test_seven_panels_are_56_boards_and_back() -> None:
    assert convert(7_000_000, "panel", "pcs") == 56_000_000
    assert convert(56_000_000, "pcs", "panel") == 7_000_000
    assert convert(3_000_000, "panel", "dozen") == 2_000_000


def test_a_result_of_more_than_six_decimals_is_refused_not_rounded() -> None:
    with pytest.raises(QuantityNotExact):
        convert(1_000_000, "pcs", "dozen")
    with pytest.raises(QuantityNotExact):
        convert(2**62, "panel", "pcs")


def test_unknown_unit_is_refused() -> None:
    with pytest.raises(UnitNotConvertible):
        convert(1_000_000, "kg", "pcs")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8", (8, 1)), (8, (8, 1)), ("0.5", (1, 2)), (Decimal("0.1"), (1, 10)), ("1/12", (1, 12)), ("6/4", (3, 2))],
)
def test_factors_are_exact_ratios(text: Decimal | int | str, expected: tuple[int, int]) -> None:
    made = conversion("u", text)
    assert (made.numerator, made.denominator) == expected


@pytest.mark.parametrize("text", ["0", "-1", "x", "1/0", "", "nan", "inf", "1e40", "1e999999999", 0])
def test_factors_that_cannot_be(text: int | str) -> None:
    with pytest.raises(ConversionInvalid):
        conversion("u", text)


def test_a_factor_is_never_a_float() -> None:
    with pytest.raises(TypeError):
        conversion("u", 0.1)  # type: ignore[arg-type]


def test_json_number_that_a_float_cannot_tell_is_refused() -> None:
    assert exact_number(0.1) == "0.1"
    assert exact_number("12345678901.123456") == "12345678901.123456"
    with pytest.raises(ValueError, match="15 digits"):
        exact_number(12345678901.123456)


def test_a_unit_stands_once() -> None:
    with pytest.raises(ConversionInvalid):
        check_units(MaterialSpec("M", "pcs", conversions=(PANEL, PANEL)))
    with pytest.raises(ConversionInvalid):
        check_units(MaterialSpec("M", "panel", conversions=(PANEL,)))


@pytest.mark.parametrize("quantity", ["-0.000001", "0.0000001", "9000000000000.1", "NaN"])
def test_lots_hold_exact_quantities_from_zero_up(quantity: str) -> None:
    with pytest.raises(QuantityOutOfRange):
        check_lot_quantity(Decimal(quantity))


def test_closed_is_the_end() -> None:
    check_disposition("L", Disposition.Closed, Disposition.Closed)
    check_disposition("L", Disposition.Restricted, Disposition.UnRestricted)
    with pytest.raises(MaterialLotClosed):
        check_disposition("L", Disposition.Closed, Disposition.UnRestricted)


PARTS = st.integers(1, 10_000)


@given(st.integers(-(10**12), 10**12), PARTS, PARTS, PARTS, PARTS)
def test_a_conversion_is_exact_or_refused_and_comes_back(value: int, n1: int, d1: int, n2: int, d2: int) -> None:
    units = (UnitConversion("a", n1, d1), UnitConversion("b", n2, d2))
    try:
        there = convert_e6(value, "a", "b", base_unit="base", conversions=units)
    except QuantityNotExact:
        assert (value * Fraction(n1, d1) / Fraction(n2, d2)).denominator != 1
        return
    assert there * Fraction(n2, d2) == value * Fraction(n1, d1)
    assert convert_e6(there, "b", "a", base_unit="base", conversions=units) == value


def code_of(facts: LotFacts, **how: bool) -> str | None:
    refusal = usable_lot(facts, **how)
    return None if refusal is None else refusal.code


GOOD = LotFacts("L-1", "MCU", Disposition.UnRestricted, (LifeClock(LifeKind.floor_life, 1, 10),))


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (GOOD, None),
        (replace(GOOD, disposition=Disposition.InProcess), None),
        (replace(GOOD, disposition=Disposition.Restricted), "lot-on-hold"),
        (replace(GOOD, disposition=Disposition.Closed), "material-lot-closed"),
        (replace(GOOD, disposition=Disposition.Planned), "lot-not-released"),
        (replace(GOOD, clocks=(LifeClock(LifeKind.expiry, 0),)), "lot-expired"),
        (replace(GOOD, clocks=(LifeClock(LifeKind.open_life, -1, 10),)), "lot-open-too-long"),
        (replace(GOOD, clocks=(LifeClock(LifeKind.floor_life, 0, 10, running=False),)), "floor-life-over"),
    ],
)
def test_each_reason_why_a_lot_may_not_be_used_has_its_code(facts: LotFacts, code: str | None) -> None:
    assert code_of(facts) == code


def test_what_left_what_is_used_up_and_what_is_of_another_material() -> None:
    closed = replace(GOOD, disposition=Disposition.Closed)
    assert code_of(closed, shipped=True) == "lot-not-usable"
    assert code_of(GOOD, lacking=True) == "lot-used-up"
    assert list(reasons_against(Disposition.Closed, unwanted=True)) == [Unusable.closed, Unusable.wrong_material]


def test_every_reason_is_a_refusal_and_what_is_closed_or_gone_stays_so() -> None:
    assert REFUSED_AS.keys() == set(Unusable)
    assert set(Unusable) - OVERRIDABLE == {Unusable.shipped, Unusable.closed, Unusable.not_released}


def test_every_disposition_is_usable_or_refused_by_name() -> None:
    for disposition in Disposition:
        refusal = usable_lot(replace(GOOD, disposition=disposition))
        assert (refusal is None) is (disposition in USABLE)
