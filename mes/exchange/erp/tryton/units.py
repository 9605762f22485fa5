"""Tryton's units: exact factors from its floats, and the unit a quantity can be booked in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from mes.materials.rules import FACTOR_PART_MAX
from mes.materials.types import UnitConversion

UNIT_FIELDS: Final = ("symbol", "category", "rate", "factor", "rounding", "digits", "active")
SYMBOL_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Uom:
    """`factor`: how much of its category's base unit one of it is; `rounding`: the least step it is booked in.

    One that is not `active` stands in old records; nothing new is said in it.
    """

    id: int
    symbol: str
    category: int
    factor: Fraction
    rounding: Fraction
    active: bool = True


def uom_of(record: Mapping[str, Any]) -> Uom:
    rate, factor = (Decimal(str(record[name] or 0)) for name in ("rate", "factor"))
    rounding = max(Fraction(Decimal(str(record["rounding"]))), Fraction(1, 10 ** max(int(record["digits"]), 0)))
    symbol, exact = str(record["symbol"])[:SYMBOL_MAX], _exact(factor, rate)
    return Uom(record["id"], symbol, record["category"], exact, rounding, bool(record["active"]))


def _exact(factor: Decimal, rate: Decimal) -> Fraction:
    """Tryton keeps both and rounds one of them to 12 decimals: the one with fewer is what was meant.

    As `accurate_field` of its product.uom.
    """
    if not rate or (factor and _decimals(factor) <= _decimals(rate)):
        return Fraction(factor)
    return 1 / Fraction(rate)


def _decimals(number: Decimal) -> int:
    return max(-int(number.normalize().as_tuple().exponent), 0)


def conversions_of(own: Uom, uoms: Iterable[Uom]) -> tuple[UnitConversion, ...]:
    """All other units of a product's category that can be kept exactly, in order of symbol."""
    found = {}
    for uom in filter(lambda uom: uom.active, uoms):
        ratio = uom.factor / own.factor if own.factor else Fraction()
        sane = ratio > 0 and max(ratio.numerator, ratio.denominator) <= FACTOR_PART_MAX
        if uom.category == own.category and uom.symbol not in ("", own.symbol) and sane:
            found[uom.symbol] = UnitConversion(uom.symbol, ratio.numerator, ratio.denominator)
    return tuple(found[symbol] for symbol in sorted(found))


def booked_in(quantity: Decimal, own: Uom, planned: Uom | None, uoms: Iterable[Uom]) -> tuple[Decimal, Uom]:
    """A quantity of a product's own unit in a unit that takes it without rounding: the one planned in, its own, the
    coarsest of the rest. Where none does, in its own, rounded half to even."""
    others = sorted((u for u in uoms if u.active and u.category == own.category), key=lambda u: (-u.factor, u.id))
    for uom in (*([planned] if planned is not None else []), own, *others):
        if uom.category == own.category and uom.factor:
            amount = Fraction(quantity) * own.factor / uom.factor
            if (amount / uom.rounding).denominator == 1 and (found := _decimal(amount)) is not None:
                return found, uom
    steps = round(Fraction(quantity) / own.rounding)
    return _decimal(steps * own.rounding) or Decimal(0), own


def _decimal(amount: Fraction) -> Decimal | None:
    """None where it has more than nine decimals."""
    scaled = amount * 10**9
    return None if scaled.denominator != 1 else (Decimal(scaled.numerator) / 10**9).normalize() + 0
