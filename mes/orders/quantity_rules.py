"""Pure: quantities of jobs that are split, completed in part, corrected. Integers scaled by 10^6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


class Planned(NamedTuple):
    """A job of a step that is not over: what it is to make, and how little of that it may be left with."""

    quantity_e6: int
    least_e6: int
    fixed: bool = False
    """Its machine was told the whole quantity."""


def replanned(jobs: Sequence[Planned], change_e6: int) -> tuple[list[int], int] | None:
    """What each job is to make from now on, and what is left for a job of its own; None where it cannot be.

    More goes to the first job that can be told, less is taken from the last ones first. `change_e6` is whole cycles, as
    are all the rest, so that what stays is.
    """
    wanted = [job.quantity_e6 for job in jobs]
    if change_e6 >= 0:
        open_to = next((place for place, job in enumerate(jobs) if not job.fixed), None)
        if open_to is None:
            return wanted, change_e6
        wanted[open_to] += change_e6
        return wanted, 0
    left = -change_e6
    for place in reversed(range(len(jobs))):
        spare = 0 if jobs[place].fixed else max(jobs[place].quantity_e6 - jobs[place].least_e6, 0)
        wanted[place] -= min(spare, left)
        left -= min(spare, left)
    return None if left else (wanted, 0)
