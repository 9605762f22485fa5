"""Yields of ISO 22400-2: what was reworked is not good at the first pass, and may be good in the end."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from standards.iso22400.yields import Passed, final_yield, first_pass_yield, rework_ratio

D = Decimal
_n = st.integers(0, 10**9).map(Decimal)


def test_first_pass_and_final_yield_stand_apart() -> None:
    passed = Passed(good=D(90), scrap=D(4), rework=D(6), recovered=D(5), lost=D(1))
    assert first_pass_yield(passed) == D("0.9")
    assert final_yield(passed) == D("0.95")
    assert rework_ratio(passed) == D("0.06")


def test_what_is_still_in_rework_is_neither_good_nor_lost() -> None:
    assert final_yield(Passed(good=D(9), scrap=D(1), rework=D(5))) == D("0.9")


def test_nothing_made_has_no_yield() -> None:
    nothing = Passed(D(0), D(0))
    assert (first_pass_yield(nothing), final_yield(nothing), rework_ratio(nothing)) == (None, None, None)


@given(_n, _n, _n, _n)
def test_rework_that_recovers_everything_leaves_only_scrap(good: D, scrap: D, rework: D, lost: D) -> None:
    first = first_pass_yield(Passed(good, scrap, rework))
    last = final_yield(Passed(good, scrap, rework, recovered=rework))
    if first is not None and last is not None:
        assert first <= last <= 1
    worse = final_yield(Passed(good, scrap, rework, rework, lost))
    assert worse is None or last is None or worse <= last
