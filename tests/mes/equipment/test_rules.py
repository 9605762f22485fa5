"""Nesting of the hierarchy, and the fold of state facts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mes.equipment.rules import confirmed_by, fold_states, hierarchy_faults, place_of
from mes.equipment.types import Confirmation, HierarchyNode, Place, StateChange, StateSpan
from standards.isa95.equipment_hierarchy import EquipmentLevel as L
from standards.packml.states import EquipmentState as S


def nodes(*entries: tuple[str, L, str | None]) -> dict[str, HierarchyNode]:
    return {name: HierarchyNode(name, level, parent) for name, level, parent in entries}


PLANT = nodes(
    ("E", L.Enterprise, None),
    ("S", L.Site, "E"),
    ("A", L.Area, "S"),
    ("LINE", L.ProductionLine, "A"),
    ("CELL", L.WorkCell, "LINE"),
    ("MODULE", L.EquipmentModule, "CELL"),
)


def test_a_proper_plant_has_no_faults() -> None:
    assert hierarchy_faults(PLANT, of=PLANT) == ()


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (("X", L.Site, None), "equipment-nesting"),
        (("X", L.WorkUnit, "A"), "equipment-nesting"),
        (("X", L.Unit, "LINE"), "equipment-nesting"),
        (("X", L.Enterprise, "E"), "equipment-nesting"),
        (("X", L.Area, "nowhere"), "parent-not-found"),
        (("X", L.EquipmentModule, "X"), "equipment-cycle"),
    ],
)
def test_wrong_places_are_named(entry: tuple[str, L, str | None], code: str) -> None:
    (fault,) = hierarchy_faults(PLANT | nodes(entry), of=["X"])
    assert (fault.equipment_id, fault.code) == ("X", code)


def test_every_equipment_on_a_cycle_is_named_and_nothing_loops() -> None:
    ring = nodes(
        ("M1", L.EquipmentModule, "M3"), ("M2", L.EquipmentModule, "M1"), ("M3", L.EquipmentModule, "M2"),
        ("M4", L.EquipmentModule, "M3"),
    )  # fmt: skip
    faults = hierarchy_faults(ring, of=ring)
    assert [(f.equipment_id, f.code) for f in faults] == [(m, "equipment-cycle") for m in ("M1", "M2", "M3")]


def test_place_is_the_own_or_the_surrounding_work_center_and_area() -> None:
    assert place_of(PLANT, "MODULE") == Place("LINE", "A")
    assert place_of(PLANT, "LINE") == Place("LINE", "A")
    assert place_of(PLANT, "A") == Place(None, "A")
    assert place_of(PLANT, "S") == Place(None, None)


def test_own_word_on_confirmation_wins_over_the_work_centers() -> None:
    assert confirmed_by(None, None) is Confirmation.Machine
    assert confirmed_by(None, Confirmation.Manual) is Confirmation.Manual
    assert confirmed_by(Confirmation.Machine, Confirmation.Manual) is Confirmation.Machine


def facts(*pairs: tuple[int, S]) -> list[StateChange]:
    return [StateChange(1, state, at) for at, state in pairs]


def spans(*pairs: tuple[int, S]) -> tuple[StateSpan, ...]:
    return tuple(StateSpan(at, state) for at, state in pairs)


def borders(timeline: tuple[StateSpan, ...]) -> list[tuple[int, S]]:
    return [(span.from_us, span.state) for span in timeline]


def test_late_fact_splits_the_span_it_falls_into() -> None:
    before = spans((10, S.Running), (30, S.Idle))
    assert fold_states(before, facts((20, S.Down))) == spans((10, S.Running), (20, S.Down), (30, S.Idle))


def test_late_fact_that_says_what_follows_moves_the_border() -> None:
    before = spans((10, S.Running), (30, S.Idle))
    assert borders(fold_states(before, facts((20, S.Idle)))) == borders(spans((10, S.Running), (20, S.Idle)))


def test_fact_before_all_history_starts_it_earlier() -> None:
    assert borders(fold_states(spans((10, S.Running)), facts((5, S.Running)))) == [(5, S.Running)]
    assert fold_states(spans((10, S.Running)), facts((5, S.Off))) == spans((5, S.Off), (10, S.Running))


def test_late_fact_reaches_no_further_than_the_newest_word() -> None:
    timeline = fold_states((), facts((10, S.Running), (50, S.Running)))
    after = fold_states(timeline, facts((20, S.Down)))
    assert borders(after) == [(10, S.Running), (20, S.Down), (50, S.Running)]


def test_fact_told_twice_changes_nothing() -> None:
    before = spans((10, S.Running), (30, S.Idle))
    assert fold_states(before, facts((10, S.Running), (30, S.Idle))) == before


def test_later_told_fact_of_the_same_instant_is_right() -> None:
    before = spans((10, S.Running), (30, S.Idle))
    assert fold_states(before, facts((30, S.Down))) == spans((10, S.Running), (30, S.Down))
    assert borders(fold_states(before, facts((30, S.Running)))) == [(10, S.Running)]


def test_cause_that_comes_after_the_stop_is_kept_with_it() -> None:
    told = StateChange(1, S.Down, 12, "jam", "Feeder 3")
    assert fold_states(spans((10, S.Down)), [told]) == (StateSpan(10, S.Down, "jam", "Feeder 3", told_us=12),)


FACTS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([S.Running, S.Idle, S.Down, S.Unknown])), max_size=12)


@given(FACTS, FACTS)
def test_timelines_are_ordered_alternate_and_end_with_the_last_fact(first: list, second: list) -> None:  # type: ignore[type-arg]
    timeline = fold_states(fold_states((), facts(*first)), facts(*second))
    for one, following in pairwise(timeline):
        assert one.from_us < following.from_us
        assert one.state is not following.state
    if first or second:
        assert timeline[0].from_us <= min(at for at, _ in [*first, *second])
        newest = max(at for at, _ in [*first, *second])
        told_last = [state for at, state in [*first, *second] if at == newest][-1]
        assert timeline[-1].state is told_last


@example([(0, S.Idle), (1, S.Running), (1, S.Idle), (2, S.Idle), (2, S.Running)])
@given(FACTS)
def test_facts_told_in_order_one_by_one_or_at_once_are_the_same(told: list) -> None:  # type: ignore[type-arg]
    ordered = sorted(told, key=lambda pair: pair[0])
    one_by_one: tuple[StateSpan, ...] = ()
    for fact in ordered:
        one_by_one = fold_states(one_by_one, facts(fact))
    assert one_by_one == fold_states((), facts(*told))


@given(FACTS)
def test_telling_everything_again_changes_nothing(told: list) -> None:  # type: ignore[type-arg]
    distinct = facts(*dict(told).items())
    timeline = fold_states((), distinct)
    assert fold_states(timeline, distinct) == timeline
