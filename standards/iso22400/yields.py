"""Ratios of good, scrapped and reworked quantities (ISO 22400-2:2014, clause 9: quality ratio, first pass yield,
rework ratio, scrap ratio). None where nothing was made."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Passed:
    """Pieces of a step: `good` at the first pass, `scrap`, `rework` sent away from it, and of those `recovered`, good
    in the end, and `lost`."""

    good: Decimal
    scrap: Decimal
    rework: Decimal = Decimal(0)
    recovered: Decimal = Decimal(0)
    lost: Decimal = Decimal(0)


def first_pass_yield(passed: Passed) -> Decimal | None:
    """Good at the first pass, of all that passed: what was reworked is not good at the first pass."""
    return _ratio(passed.good, passed.good + passed.scrap + passed.rework)


def final_yield(passed: Passed) -> Decimal | None:
    """Good in the end, of all whose end is known: what is still in rework is neither."""
    good = passed.good + passed.recovered
    return _ratio(good, good + passed.scrap + passed.lost)


def rework_ratio(passed: Passed) -> Decimal | None:
    """Sent to rework, of all that passed."""
    return _ratio(passed.rework, passed.good + passed.scrap + passed.rework)


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return part / whole if whole > 0 else None
