"""Rules by themselves."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.genealogy.errors import MountOutOfOrder
from mes.genealogy.formats import as_csv, as_text
from mes.genealogy.rules import chance_of, check_order, end_before, on_a_cycle, walk
from mes.genealogy.types import Answer, Interval, Table

SMALL = st.integers(0, 12)


@given(failed=st.integers(1, 12), good=st.integers(1, 12), data=st.data())
def test_chance_is_fishers_exact_test(failed: int, good: int, data: st.DataObject) -> None:
    failed_with = data.draw(st.integers(1, failed))
    good_with = data.draw(st.integers(0, good))
    having, everybody = failed_with + good_with, failed + good
    ways = [comb(failed, k) * comb(good, having - k) for k in range(having + 1)]
    expected = sum(ways[failed_with:]) / comb(everybody, having)
    assert chance_of(failed_with, good_with, failed, good) == pytest.approx(expected)


def test_twenty_of_twenty_against_none_of_two_hundred_is_hardly_chance() -> None:
    assert chance_of(20, 0, 20, 200) < 1e-25
    assert chance_of(20, 200, 20, 200) == 1.0


@given(st.lists(st.tuples(SMALL, SMALL), max_size=30))
def test_cycles_are_what_removing_free_ends_leaves(links: list[tuple[int, int]]) -> None:
    found = on_a_cycle(links)
    reaches = {
        root: walk([(a, b, False) for a, b in links], [b for a, b in links if a == root])[0] for root, _ in links
    }
    circular = {root for root, reached in reaches.items() if root in reached}
    assert circular <= found
    assert bool(found) == bool(circular)


@given(st.lists(st.tuples(SMALL, SMALL, st.booleans()), max_size=40), SMALL)
def test_forward_and_backward_agree(links: list[tuple[int, int, bool]], root: int) -> None:
    certain, possible = walk(links, [root])
    back = [(b, a, doubt) for a, b, doubt in links]
    assert not certain & possible
    for key in certain:
        assert root in walk(back, [key])[0]
    for key in possible:
        assert root in walk(back, [key])[1]


def test_order_of_mounts() -> None:
    check_order([Interval(1, 5), Interval(5, 5), Interval(5, 9), Interval(10, 9), Interval(10, 12)])
    with pytest.raises(MountOutOfOrder):
        check_order([Interval(1, 5), Interval(4, 9)])
    assert end_before(Interval(3, 99), spliced=False, seq=3, splice=False) == 2
    assert end_before(Interval(3, 99), spliced=True, seq=3, splice=True) == 3
    with pytest.raises(MountOutOfOrder):
        end_before(Interval(3, 99), spliced=True, seq=3, splice=False)


def test_csv_opens_no_formula_and_text_lines_up() -> None:
    table = Table(("a", "b"), [("=1+1", ["x", "y"]), ("-2.5", ["-z"]), ("none", [])])
    assert as_csv(table).splitlines() == ["a,b", "'=1+1,x", "'=1+1,y", "-2.5,'-z", "none,"]
    assert as_text(Answer({"lots": 2, "truncated": ""}, {"t": table}), table).splitlines()[:2] == ["lots: 2", "a     b"]
