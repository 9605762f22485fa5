"""Exact quantities: a decimal and a unit, stored as an integer scaled by 10^6. Never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

SCALE: Final = 1_000_000
MAX_E6: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` in `unit` (a UN/ECE or plant unit code such as "pcs"). At most six decimals, |value| < 9.2e12."""

    value: Decimal
    unit: str

    @property
    def e6(self) -> int:
        """The value scaled by 10^6. ValueError if it has more than six decimals or does not fit 64 bits."""
        return to_e6(self.value)


def to_e6(value: Decimal | int | str) -> int:
    """Scale exactly. ValueError on more than six decimals, not-a-number, infinity or overflow of 64 bits."""
    if isinstance(value, float):
        raise TypeError("a quantity is never a float")
    try:
        scaled = Decimal(value) * SCALE
        whole = int(scaled)
    except (ArithmeticError, ValueError) as error:
        raise ValueError("not a decimal number") from error
    if whole != scaled:
        raise ValueError("a quantity has at most six decimals")
    if abs(whole) > MAX_E6:
        raise ValueError("a quantity must fit 64 bits after scaling by 10^6")
    return whole


def from_e6(value_e6: int) -> Decimal:
    """The exact decimal, without trailing zeros and without exponent: 1_500_000 -> Decimal('1.5')."""
    value = Decimal(value_e6) / SCALE
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()
