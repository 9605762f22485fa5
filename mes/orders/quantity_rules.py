"""Pure: quantities of jobs that are split, completed in part, corrected. Integers scaled by 10^6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

FULL_BP = 10_000
"""Hundredths of a percent in one."""


class Part(NamedTuple):
    """Pieces to make, and the cycles that make them."""

    quantity_e6: int
    cycles: int


def cycles_of(quantity_e6: int, per_cycle_e6: int) -> int:
    """Whole cycles that make at least so much."""
    return -(-quantity_e6 // per_cycle_e6)


def split_parts(
    planned_e6: int, wanted_e6: int, *, per_cycle_e6: int, made_e6: int, rounded: bool = False
) -> tuple[Part, Part] | None:
    """What stays and what goes, together what was planned; None where it cannot be.

    What goes is whole cycles (`rounded`: up to them), and what stays is more than nothing and at least what was made.
    """
    goes = cycles_of(wanted_e6, per_cycle_e6) * per_cycle_e6 if rounded else wanted_e6
    stays = planned_e6 - goes
    if goes <= 0 or stays <= 0 or stays < made_e6 or goes % per_cycle_e6:
        return None
    return Part(stays, cycles_of(stays, per_cycle_e6)), Part(goes, cycles_of(goes, per_cycle_e6))


def deviation(
    *, good_low_e6: int, good_high_e6: int | None, planned_e6: int, under_bp: int | None, over_bp: int | None
) -> str:
    """`under` or `over` where what was delivered is for certain outside the tolerance; "" where it may be within."""
    most_e6 = planned_e6 if good_high_e6 is None else good_high_e6
    if under_bp is not None and most_e6 * FULL_BP < planned_e6 * (FULL_BP - under_bp):
        return "under"
    if over_bp is not None and good_low_e6 * FULL_BP > planned_e6 * (FULL_BP + over_bp):
        return "over"
    return ""


def takes_back_too_much(
    changes: Mapping[tuple[str, str], int], counted: Mapping[tuple[str, str], int]
) -> tuple[str, str] | None:
    """The first (kind, scrap reason) of which more is taken back than was counted; None: the correction can be."""
    for key, change in changes.items():
        if counted.get(key, 0) + change < 0:
            return key
    return None
