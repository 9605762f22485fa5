"""Sequences, splits, tolerances, ways back and forecasts: what holds for all of them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mes.orders.planning.rules import Task, forecast
from mes.orders.quantity_rules import Planned, deviation, replanned, split_parts, takes_back_too_much
from mes.orders.rework_rules import follows, steps_between
from mes.orders.sequence_rules import Waiting, grouped_by_family, passes_a_higher_priority, setups

HOUR = 3_600_000_000
_jobs = st.builds(
    Waiting,
    st.uuids().map(str),
    st.integers(0, 2),
    st.none() | st.integers(0, 12 * HOUR),
    st.sampled_from("ABC"),
    st.none() | st.integers(0, 2 * HOUR),
)


def in_turn(jobs: list[Waiting]) -> list[Waiting]:
    return sorted(jobs, key=lambda job: (-job.priority, job.due_at_us if job.due_at_us is not None else 2**62))


def late(jobs: tuple[Waiting, ...]) -> dict[str, int]:
    """How late each is, made one after the other; only where every duration is known."""
    at, found = 0, {}
    for job in jobs:
        at += job.takes_us or 0
        found[job.job_id] = 0 if job.due_at_us is None else max(0, at - job.due_at_us)
    return found


class TestGroupedByFamily:
    @given(st.lists(_jobs, max_size=9), st.sampled_from("ABC"))
    def test_it_keeps_every_job_and_priority_and_needs_no_more_setups(self, jobs: list[Waiting], mounted: str) -> None:
        before = in_turn(jobs)
        after = grouped_by_family(before, mounted=mounted, free_at_us=0)
        assert sorted(j.job_id for j in after) == sorted(j.job_id for j in before)
        assert not passes_a_higher_priority(after)
        assert setups(after, mounted) <= setups(before, mounted)

    @given(st.lists(_jobs.filter(lambda job: job.takes_us is not None), max_size=9))
    def test_no_job_becomes_late_or_later_by_it(self, jobs: list[Waiting]) -> None:
        before = in_turn(jobs)
        were, are = late(tuple(before)), late(grouped_by_family(before, mounted="A", free_at_us=0))
        assert all(are[job_id] <= were[job_id] for job_id in are)

    def test_a_job_is_drawn_to_its_family_where_there_is_time(self) -> None:
        a, b, c = (Waiting(name, 50, due, family, HOUR) for name, due, family in
                   (("1", 9 * HOUR, "A"), ("2", 9 * HOUR, "B"), ("3", 9 * HOUR, "A")))  # fmt: skip
        assert [j.job_id for j in grouped_by_family([a, b, c], mounted="A", free_at_us=0)] == ["1", "3", "2"]
        assert [j.job_id for j in grouped_by_family([a, b, c], mounted="A", free_at_us=7 * HOUR)] == ["1", "2", "3"]

    def test_nobody_with_a_due_date_is_passed_by_what_takes_nobody_knows_how_long(self) -> None:
        jobs = [Waiting("1", 50, 9 * HOUR, "B", HOUR), Waiting("2", 50, 9 * HOUR, "A", None)]
        assert grouped_by_family(jobs, mounted="A", free_at_us=0) == tuple(jobs)


class TestSplitParts:
    @given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 10**4), st.integers(0, 10**9), st.booleans())
    def test_together_they_are_what_was_planned(
        self, planned: int, wanted: int, per_cycle: int, made: int, rounded: bool
    ) -> None:
        parts = split_parts(planned, wanted, per_cycle_e6=per_cycle, made_e6=made, rounded=rounded)
        if parts is None:
            goes = -(-wanted // per_cycle) * per_cycle if rounded else wanted
            assert goes % per_cycle or planned - goes <= 0 or planned - goes < made
            return
        stays, goes = parts
        assert stays.quantity_e6 + goes.quantity_e6 == planned
        assert stays.quantity_e6 >= max(made, 1)
        assert goes.quantity_e6 >= wanted
        for part in parts:
            assert (part.cycles - 1) * per_cycle < part.quantity_e6 <= part.cycles * per_cycle


class TestDeviation:
    @given(st.integers(0, 10**12), st.none() | st.integers(0, 10**12), st.integers(1, 10**12), st.integers(0, 10_000))
    def test_only_what_is_certain_is_said(self, low: int, more: int | None, planned: int, bp: int) -> None:
        high = None if more is None else low + more
        bounds = {"planned_e6": planned, "under_bp": bp, "over_bp": bp}
        found = deviation(good_low_e6=low, good_high_e6=high, **bounds)
        ends = [low] if high is None else [low, high]
        if found:
            assert {deviation(good_low_e6=end, good_high_e6=end, **bounds) for end in ends} == {found}
        if low <= planned <= ends[-1]:
            assert found == ""

    def test_without_a_tolerance_nothing_is_outside(self) -> None:
        assert deviation(good_low_e6=0, good_high_e6=0, planned_e6=5, under_bp=None, over_bp=None) == ""


_planned = st.builds(
    lambda least, more, fixed: Planned(least + more, least, fixed), *[st.integers(0, 50)] * 2, st.booleans()
)


class TestAnotherQuantity:
    @given(st.lists(_planned, max_size=5), st.integers(-100, 100))
    def test_together_they_make_what_is_asked_for(self, jobs: list[Planned], change: int) -> None:
        found = replanned(jobs, change)
        spare = sum(job.quantity_e6 - job.least_e6 for job in jobs if not job.fixed)
        assert (found is None) == (-change > spare)
        if found is not None:
            wanted, new = found
            assert sum(wanted) + new == sum(job.quantity_e6 for job in jobs) + change
            assert new == 0 or all(job.fixed for job in jobs)
            for job, quantity in zip(jobs, wanted, strict=True):
                assert quantity == job.quantity_e6 if job.fixed else quantity >= job.least_e6


def test_what_is_taken_back_is_judged_by_kind_and_reason() -> None:
    counted = {("good", ""): 5, ("scrap", "dent"): 2}
    assert takes_back_too_much({("good", ""): -5, ("scrap", "dent"): -2}, counted) is None
    assert takes_back_too_much({("good", ""): -5, ("scrap", "bent"): -1}, counted) == ("scrap", "bent")


class TestSteps:
    EDGES = {("B", "A"), ("C", "B"), ("D", "A"), ("E", "C"), ("E", "D")}

    def test_all_ways_are_passed_and_nothing_beside_them(self) -> None:
        assert steps_between(self.EDGES, "A", "E") == {"A", "B", "C", "D", "E"}
        assert steps_between(self.EDGES, "B", "E") == {"B", "C", "E"}
        assert steps_between(self.EDGES, "C", "C") == {"C"}
        assert steps_between(self.EDGES, "E", "A") == frozenset()
        assert steps_between(self.EDGES, "B", "D") == frozenset()
        assert follows(self.EDGES, "E", "C")
        assert not follows(self.EDGES, "E", "B")


_tasks = st.lists(
    st.tuples(st.sampled_from("XYZ"), st.booleans(), st.none() | st.integers(0, HOUR), st.sets(st.integers(0, 7))),
    max_size=8,
).map(lambda rows: [Task(n, at, active, left, tuple(after)) for n, (at, active, left, after) in enumerate(rows)])


class TestForecast:
    @given(_tasks)
    def test_one_after_another_at_a_station_and_none_before_now(self, tasks: list[Task]) -> None:
        found = forecast(tasks, 1000)
        assert set(found) == {task.pk for task in tasks}
        assert all(start >= 1000 and (end is None or end >= start) for start, end in found.values())
        for station in "XYZ":
            waits = [found[t.pk] for t in tasks if t.equipment_id == station and not t.active]
            for (_, before), (start, _) in pairwise(sorted(waits, key=lambda slot: (slot[0], slot[1] or slot[0]))):
                assert before is None or start >= before

    def test_a_job_starts_when_its_station_is_free_and_the_step_before_is_over(self) -> None:
        tasks = [
            Task(1, "X", True, 10, ()),
            Task(2, "Y", False, 5, (1,)),
            Task(3, "X", False, 7, ()),
            Task(4, "Y", False, None, (3, 99)),
        ]
        assert forecast(tasks, 100) == {1: (100, 110), 2: (110, 115), 3: (110, 117), 4: (117, None)}
