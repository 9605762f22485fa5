"""Where a unit stands, what a step yields, what a measured value says."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.quality.errors import ResultInvalid
from mes.quality.rules import final_of, first_pass_of, judged, number, standing_of, steps_after, yield_of
from mes.quality.types import Measurement, StepYield, Verdict, VerdictFact

STEPS = ("PRINT", "PLACE", "TEST")
AFTER = steps_after([("PLACE", "PRINT"), ("TEST", "PLACE")])
PASSED, FAILED, ABORTED, REWORK, SCRAPPED, _ = Verdict
verdicts = st.lists(
    st.builds(VerdictFact, st.sampled_from(["A", "B", "C"]), st.sampled_from(list(Verdict)), st.sampled_from(STEPS)),
    max_size=30,
)


def of(*told: tuple[Verdict, str]) -> list[VerdictFact]:
    return [VerdictFact("A", verdict, step) for verdict, step in told]


class TestStanding:
    def test_steps_after_are_near_and_far(self) -> None:
        assert {"PRINT": {"PLACE", "TEST"}, "PLACE": {"TEST"}} == AFTER

    def test_a_circle_of_steps_ends(self) -> None:
        assert steps_after([("A", "B"), ("B", "A")]) == {"A": {"B"}, "B": {"A"}}

    def test_a_failed_unit_is_in_rework_for_the_step_it_failed_at(self) -> None:
        found = standing_of(of((PASSED, "PRINT"), (FAILED, "TEST")), AFTER)
        assert (found.passed, found.failed, found.returns_to) == ({"PRINT"}, {"TEST"}, "TEST")

    def test_sent_back_it_does_everything_from_there_again(self) -> None:
        told = of((PASSED, "PRINT"), (PASSED, "PLACE"), (FAILED, "TEST"), (REWORK, "PLACE"))
        found = standing_of(told, AFTER)
        assert (found.passed, found.failed, found.returns_to) == ({"PRINT"}, set(), "PLACE")
        assert found.reset == {"PLACE", "TEST"}

    def test_it_is_in_rework_until_it_passes_the_step_it_returned_to(self) -> None:
        told = of((FAILED, "TEST"), (REWORK, "PLACE"), (FAILED, "PLACE"))
        assert standing_of(told, AFTER).returns_to == "PLACE"
        assert standing_of([*told, *of((PASSED, "PRINT"))], AFTER).returns_to == "PLACE"
        back = standing_of([*told, *of((PASSED, "PLACE"))], AFTER)
        assert (back.returns_to, back.passed, back.reset) == ("", {"PLACE"}, {"TEST"})

    def test_an_aborted_test_decides_nothing(self) -> None:
        assert standing_of(of((PASSED, "TEST"), (ABORTED, "TEST")), AFTER) == standing_of(of((PASSED, "TEST")), AFTER)

    @given(verdicts)
    def test_no_step_is_both_and_scrap_is_for_ever(self, told: list[VerdictFact]) -> None:
        found = standing_of(told, AFTER)
        assert not found.passed & found.failed
        assert not found.passed & found.reset
        assert not found.failed or found.returns_to or found.scrapped
        assert found.scrapped == any(fact.verdict is SCRAPPED for fact in told)


class TestYield:
    def test_good_counts_once(self) -> None:
        found = yield_of(of((FAILED, "TEST"), (PASSED, "TEST"), (PASSED, "TEST")), "TEST")
        assert (found.units, found.first_passed, found.good, found.open) == (1, 0, 1, 0)

    def test_what_is_scrapped_is_lost_unless_it_was_good_here(self) -> None:
        told = of((PASSED, "PRINT"), (FAILED, "TEST"), (SCRAPPED, "TEST"))
        assert yield_of(told, "TEST").lost == 1
        assert (yield_of(told, "PRINT").lost, yield_of(told, "PRINT").good) == (0, 1)
        assert yield_of(of((FAILED, "TEST")), "TEST", {"A"}).lost == 1

    @given(verdicts)
    def test_every_unit_is_good_or_lost_or_open_and_bounds_hold(self, told: list[VerdictFact]) -> None:
        for step in STEPS:
            found = yield_of(told, step)
            assert found.units == found.good + found.lost + found.open
            assert min(found.good, found.lost, found.open, found.first_passed) >= 0
            assert found.first_passed <= found.units <= 3

    @given(verdicts, st.sampled_from(STEPS))
    def test_aborted_tests_and_repeats_change_nothing(self, told: list[VerdictFact], step: str) -> None:
        without = [fact for fact in told if fact.verdict is not ABORTED]
        twice = [fact for fact in told for _ in range(2)]
        assert yield_of(told, step) == yield_of(without, step) == yield_of(twice, step)

    def test_ratios_are_exact_and_none_of_nothing(self) -> None:
        three, none = StepYield(3, 2, 2, 0), StepYield(0, 0, 0, 0)
        assert (first_pass_of(three), first_pass_of(none)) == (Decimal("0.6667"), None)
        assert (final_of(three, 0), final_of(three, 1)) == (Decimal("0.6667"), Decimal("1.0000"))


class TestMeasurements:
    @pytest.mark.parametrize(
        ("value", "low", "high", "verdict"),
        [
            ("42.000", "41.9", "42.1", "passed"),
            ("42.1", "41.9", "42.1", "passed"),
            ("42.1000001", "41.9", "42.1", "failed"),
            ("4.7e-12", "4.6e-12", "", "passed"),
            ("-1", "", "-2", "failed"),
            ("1", "", "", ""),
        ],
    )
    def test_limits_judge(self, value: str, low: str, high: str, verdict: str) -> None:
        assert judged(Measurement("R17", value, "Ohm", low, high)).verdict == verdict

    def test_a_verdict_without_limits_stands(self) -> None:
        assert judged(Measurement("colour", "1", verdict="failed")).verdict == "failed"

    def test_a_verdict_against_the_limits_is_refused(self) -> None:
        with pytest.raises(ResultInvalid, match="that is failed"):
            judged(Measurement("R17", "5", "Ohm", "1", "4", "passed"))

    @pytest.mark.parametrize("text", ["NaN", "inf", "1,5", "1e999", "0x10", " 1", "1" * 41, "١"])
    def test_what_is_no_number_is_refused(self, text: str) -> None:
        with pytest.raises(ResultInvalid):
            number(text)
