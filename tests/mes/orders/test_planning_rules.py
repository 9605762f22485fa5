"""Stock against what is needed: nothing is given twice, and nothing that is there is called short."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mes.orders.planning.rules import Line, cover

AMOUNT = st.integers(0, 50)
EACH = st.integers(1, 5)


@st.composite
def needs(draw: st.DrawFn) -> tuple[list[Line], dict[int, int]]:
    def line() -> Line:
        pk = draw(st.integers(1, 4))
        others = draw(st.lists(st.integers(1, 4).filter(lambda other: other != pk), max_size=2, unique=True))
        return Line(pk, draw(AMOUNT), draw(EACH), tuple((other, draw(EACH)) for other in others))

    lines = [line() for _ in range(draw(st.integers(1, 4)))]
    return lines, draw(st.dictionaries(st.integers(1, 4), st.integers(-10, 60)))


@given(needs())
def test_no_stock_is_given_twice_and_no_line_gets_more_than_it_needs(made: tuple[list[Line], dict[int, int]]) -> None:
    lines, stock = made
    covered = cover(lines, stock)
    for pk in range(1, 5):
        own = sum(found.own_e6 for line, found in zip(lines, covered, strict=True) if line.material_pk == pk)
        instead = sum(taken for found in covered for other, taken, _ in found.substituted if other == pk)
        assert own + instead <= max(stock.get(pk, 0), 0)
    for line, found in zip(lines, covered, strict=True):
        assert found.total_e6 <= line.needed_e6
        assert all(
            covers * dict(line.substitutes)[pk] <= taken * line.each_e6 for pk, taken, covers in found.substituted
        )


@given(needs())
def test_a_line_is_short_only_where_its_material_and_its_substitutes_are_used_up(
    made: tuple[list[Line], dict[int, int]],
) -> None:
    lines, stock = made
    covered = cover(lines, stock)
    left = dict(stock)
    for line, found in zip(lines, covered, strict=True):
        left[line.material_pk] = left.get(line.material_pk, 0) - found.own_e6
        for pk, taken, _ in found.substituted:
            left[pk] -= taken
    for line, found in zip(lines, covered, strict=True):
        if found.total_e6 < line.needed_e6:
            assert left.get(line.material_pk, 0) <= 0
            assert all(left.get(pk, 0) * line.each_e6 < each for pk, each in line.substitutes)
