"""Rework returns to a named step, good counts once, and a supervisor puts wrong counts right."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mes.access.errors import SignatureNeeded
from mes.access.service import put_access_policy
from mes.access.types import AccessPolicy, SignedAct
from mes.kernel.db import Database
from mes.orders import errors
from mes.orders.queries import list_counts
from mes.orders.service import Correction, correct_counts, report_scrap, send_to_rework, split_job, undo_count
from mes.orders.types import Cause, CountKind, JobRole
from mes.orders.yields import step_yields
from mes.reporting.queries import list_operations_performance
from mes.reporting.service import publish_due_reports
from tests.conftest import SettableClock
from tests.mes.orders.acts import REWORK, Acts
from tests.support.plants import BENCH, LINE, Box
from tests.support.ticks import tick

WHY = "counted again"


def rework(acts: Acts, job_id: str, quantity: int, return_to: str, **more: Any) -> None:
    values = {"equipment_id": REWORK, "reason_id": "scratch", "request_id": f"rework-{job_id}", **more}
    acts.do(send_to_rework, job_id=job_id, quantity=Decimal(quantity), return_segment_id=return_to, **values)


def correct(acts: Acts, job_id: str, *lines: Correction, request_id: str = "correct-1") -> None:
    acts.do(correct_counts, job_id=job_id, corrections=lines, reason=WHY, request_id=request_id)


def numbers(acts: Acts, job_id: str) -> tuple[Decimal, Decimal, Decimal]:
    job = acts.job(job_id)
    assert (job.good_low, job.scrap_low) == (job.good_high, job.scrap_high)
    return job.good_low, job.scrap_low, job.rework


def told(plant: Database, clock: SettableClock) -> dict[str, dict[str, Any]]:
    clock.advance(seconds=15)
    tick(plant, publish_due_reports)
    found = plant.read_now(list_operations_performance, after=0, limit=1000)
    return {entry.content["job_response"]["id"]: entry.content["job_response"] for entry in found}


@pytest.fixture
def at_test(acts: Acts) -> Acts:
    """Forty lamps are cut and fitted; thirty-five of them passed the test, five wait for a decision."""
    acts.release(*acts.submit())
    acts.make("LO-1-CUT", 40)
    acts.make("LO-1-FIT", 40)
    acts.start("LO-1-TEST")
    acts.good("LO-1-TEST", 35)
    return acts


class TestRework:
    def test_pieces_that_return_to_the_step_they_left_are_counted_there_once(
        self, at_test: Acts, clock: SettableClock
    ) -> None:
        rework(at_test, "LO-1-TEST", 5, "TEST")
        assert numbers(at_test, "LO-1-TEST") == (35, 0, 5)
        mending, again = at_test.job("LO-1-TEST.R1"), at_test.job("LO-1-TEST.R1-1")
        assert (mending.role, mending.equipment_id, mending.quantity) == (JobRole.rework, REWORK, 5)
        assert (again.role, again.equipment_id, again.quantity) == (JobRole.repeat, "TESTER", 5)
        at_test.complete("LO-1-TEST")
        with pytest.raises(errors.JobNotDue):
            at_test.start("LO-1-TEST.R1-1")
        at_test.start("LO-1-TEST.R1")
        scrap = {"quantity": Decimal(1), "reason_id": "scratch", "request_id": "lost-1"}
        at_test.do(report_scrap, job_id="LO-1-TEST.R1", **scrap)
        at_test.good("LO-1-TEST.R1", 4)
        at_test.complete("LO-1-TEST.R1")
        at_test.make("LO-1-TEST.R1-1", 4)
        reports = told(at_test.plant, clock)
        made = [reports[job]["material_actual"][0] for job in ("LO-1-TEST", "LO-1-TEST.R1", "LO-1-TEST.R1-1")]
        assert [m["quantity"] for m in made] == ["35", "0", "4"]
        assert sum(Decimal(m["scrap"]["quantity"]) for m in made) == 1
        assert made[0]["rework"] == {"sent": "5"}
        assert made[1]["rework"]["returned"]["quantity"] == "4"
        found = step_yields(at_test.order("LO-1").jobs)["TEST"]
        assert (found.first_pass, found.final) == (Decimal("0.875"), Decimal("0.975"))

    def test_pieces_that_return_to_an_earlier_step_pass_all_steps_again(self, at_test: Acts) -> None:
        rework(at_test, "LO-1-TEST", 4, "CUT")
        assert numbers(at_test, "LO-1-CUT") == (36, 0, 4)
        assert numbers(at_test, "LO-1-FIT") == (36, 0, 4)
        assert numbers(at_test, "LO-1-TEST") == (35, 0, 4)
        again = ("LO-1-CUT.R1-1", "LO-1-FIT.R1-1", "LO-1-TEST.R1-1")
        for early in again:
            with pytest.raises(errors.JobNotDue):
                at_test.start(early)
        at_test.make("LO-1-TEST.R1", 4)
        for job_id in again[:2]:
            at_test.make(job_id, 4)
        at_test.good("LO-1-TEST", 1)
        at_test.complete("LO-1-TEST")
        at_test.make(again[2], 4)
        sums = {
            step: sum(j.good_low for j in at_test.order("LO-1").jobs if j.segment_id == step and j.role != "rework")
            for step in ("CUT", "FIT", "TEST")
        }
        assert sums == {"CUT": 40, "FIT": 40, "TEST": 40}

    def test_what_fails_again_when_it_is_repeated_goes_the_whole_way_once_more(self, at_test: Acts) -> None:
        rework(at_test, "LO-1-TEST", 4, "TEST")
        at_test.make("LO-1-TEST.R1", 4)
        at_test.complete("LO-1-TEST")
        at_test.start("LO-1-TEST.R1-1")
        at_test.good("LO-1-TEST.R1-1", 3)
        rework(at_test, "LO-1-TEST.R1-1", 1, "FIT")
        assert numbers(at_test, "LO-1-FIT") == (39, 0, 1)
        at_test.complete("LO-1-TEST.R1-1")
        again = "LO-1-TEST.R1-1.R1-1"
        at_test.make("LO-1-TEST.R1-1.R1", 1)
        with pytest.raises(errors.JobNotDue):
            at_test.start(again)
        at_test.make("LO-1-FIT.R1-1", 1)
        at_test.make(again, 1)
        sums = [
            sum(j.good_low for j in at_test.order("LO-1").jobs if j.segment_id == step and j.role != "rework")
            for step in ("CUT", "FIT", "TEST")
        ]
        assert sums == [40, 40, 39]

    def test_an_earlier_step_gives_back_from_the_part_that_has_them(self, acts: Acts) -> None:
        acts.release(*acts.submit())
        acts.to_job(split_job, "LO-1-CUT", quantity=Decimal(36), reason=WHY)
        acts.make("LO-1-CUT", 4)
        acts.make("LO-1-CUT.2", 36)
        acts.start("LO-1-FIT")
        rework(acts, "LO-1-FIT", 8, "CUT")
        assert (numbers(acts, "LO-1-CUT"), numbers(acts, "LO-1-CUT.2")) == ((4, 0, 0), (28, 0, 8))

    def test_pieces_that_go_on_are_good_of_the_step_they_left(self, acts: Acts, box: Box, clock: SettableClock) -> None:
        acts.submit("PO-1", 50, material_id="BOARD")
        box.ready()
        box.say(box.sample("LINE-AOI.Good", 0))
        acts.release("PO-1-LINE", "PO-1-PRESS")
        box.job(LINE, "PO-1-LINE", 3)
        clock.advance(seconds=10)
        box.say(box.sample("LINE-AOI.Good", 20))
        rework(acts, "PO-1-LINE", 2, "PRESS")
        assert numbers(acts, "PO-1-LINE") == (18, 0, 2), "a machine counted them good: they leave its good ones"
        assert acts.job("PO-1-LINE.R1").role is JobRole.repair
        box.job(LINE, "PO-1-LINE", 5)
        assert acts.job("PO-1-PRESS").note == "predecessor"
        acts.make("PO-1-LINE.R1", 2)
        reports = told(acts.plant, clock)
        assert [reports[j]["material_actual"][0]["quantity"] for j in ("PO-1-LINE", "PO-1-LINE.R1")] == ["18", "2"]
        assert acts.job("PO-1-PRESS").note != "predecessor"

    def test_the_same_tap_again_sends_nothing_and_is_not_undone_like_a_count(self, at_test: Acts) -> None:
        for _ in range(2):
            rework(at_test, "LO-1-TEST", 2, "TEST")
        assert at_test.job("LO-1-TEST").rework == 2
        with pytest.raises(errors.NothingToUndo):
            at_test.do(undo_count, request_id="rework-LO-1-TEST")

    def test_of_a_job_that_is_over_the_pieces_leave_its_good_ones(self, at_test: Acts, clock: SettableClock) -> None:
        at_test.good("LO-1-TEST", 5)
        at_test.complete("LO-1-TEST")
        rework(at_test, "LO-1-TEST", 3, "TEST")
        assert numbers(at_test, "LO-1-TEST") == (37, 0, 3)
        assert at_test.order("LO-1").state.value == "Running"
        told(at_test.plant, clock)
        at_test.make("LO-1-TEST.R1", 3)
        at_test.make("LO-1-TEST.R1-1", 3)
        assert at_test.order("LO-1").state.value == "Completed"

    def test_what_is_sent_beyond_what_is_to_be_counted_was_counted_good(self, at_test: Acts) -> None:
        """Of 40 all were tapped as good, then the last three turn out to be bad, before anybody ended the job."""
        at_test.good("LO-1-TEST", 4)
        rework(at_test, "LO-1-TEST", 3, "TEST")
        assert numbers(at_test, "LO-1-TEST") == (37, 0, 3)
        with pytest.raises(errors.ReworkInvalid, match="37 good pieces and 0"):
            rework(at_test, "LO-1-TEST", 38, "TEST", request_id="rework-all")
        at_test.complete("LO-1-TEST")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"return_to": "PAINT"},
            {"equipment_id": LINE},
            {"quantity": 41, "return_to": "FIT"},
            {"job_id": "LO-1-TEST.R1"},
        ],
    )
    def test_what_cannot_be_reworked_is_refused(self, at_test: Acts, wrong: dict[str, Any]) -> None:
        rework(at_test, "LO-1-TEST", 1, "TEST")
        at_test.start("LO-1-TEST.R1")
        values = {"job_id": "LO-1-TEST", "quantity": 1, "return_to": "TEST", "request_id": "rework-x", **wrong}
        with pytest.raises(errors.ReworkInvalid):
            rework(at_test, **values)

    def test_a_step_may_return_to_itself_or_before_or_go_on_by_one(self, acts: Acts) -> None:
        acts.release(*acts.submit())
        acts.start("LO-1-CUT")
        with pytest.raises(errors.ReworkInvalid):
            rework(acts, "LO-1-CUT", 1, "TEST")
        with pytest.raises(errors.JobStateConflict):
            rework(acts, "LO-1-FIT", 1, "FIT")
        with pytest.raises(errors.ScrapReasonUnknown):
            rework(acts, "LO-1-CUT", 1, "CUT", reason_id="moon")


class TestCorrection:
    def test_yesterdays_job_is_put_right_and_told_again(self, acts: Acts, clock: SettableClock) -> None:
        acts.release(*acts.submit())
        acts.start("LO-1-CUT")
        acts.do(report_scrap, job_id="LO-1-CUT", quantity=Decimal(2), reason_id="scratch", request_id="lost-1")
        acts.good("LO-1-CUT", 38)
        acts.complete("LO-1-CUT")
        assert told(acts.plant, clock)["LO-1-CUT"]["version"] == 1
        clock.advance(hours=20)
        lines = (
            Correction(CountKind.good, Decimal(-3)),
            Correction(CountKind.scrap, Decimal(-1), "scratch"),
            Correction(CountKind.scrap, Decimal(4), "aoi"),
        )
        for _ in range(2):
            correct(acts, "LO-1-CUT", *lines)
        assert numbers(acts, "LO-1-CUT") == (35, 5, 0)
        report = told(acts.plant, clock)["LO-1-CUT"]
        assert (report["version"], report["material_actual"][0]["quantity"]) == (2, "35")
        reasons = report["material_actual"][0]["scrap"]["reasons"]
        assert [(r["reason_id"], r["quantity"]) for r in reasons] == [("aoi", "4"), ("scratch", "1")]
        facts = acts.plant.read_now(list_counts, job_pks=[acts.job("LO-1-CUT").pk])
        assert [fact.low for fact in facts if fact.cause is Cause.corrected] == [4, -1, -3]
        assert {fact.low for fact in facts if fact.cause is Cause.operator} == {2, 38}, "nothing was edited away"

    @pytest.mark.parametrize(
        "line",
        [
            Correction(CountKind.good, Decimal(-31)),
            Correction(CountKind.scrap, Decimal(-1), "scratch"),
            Correction(CountKind.good, Decimal(0)),
            Correction(CountKind.rework, Decimal(1)),
        ],
    )
    def test_no_more_is_taken_back_than_was_counted(self, acts: Acts, line: Correction) -> None:
        acts.release(*acts.submit())
        acts.start("LO-1-CUT")
        acts.good("LO-1-CUT", 30)
        with pytest.raises(errors.CorrectionInvalid):
            correct(acts, "LO-1-CUT", line)
        assert numbers(acts, "LO-1-CUT") == (30, 0, 0)

    def test_a_correction_needs_a_run_a_reason_and_a_known_scrap_reason(self, acts: Acts) -> None:
        acts.release(*acts.submit())
        one = Correction(CountKind.good, Decimal(1))
        with pytest.raises(errors.JobStateConflict):
            correct(acts, "LO-1-CUT", one)
        acts.start("LO-1-CUT")
        with pytest.raises(errors.ScrapReasonUnknown):
            correct(acts, "LO-1-CUT", Correction(CountKind.scrap, Decimal(1), "moon"))
        with pytest.raises(errors.QuantityInvalid):
            correct(acts, "LO-1-CUT", Correction(CountKind.good, Decimal("0.0000001")))
        with pytest.raises(errors.CorrectionInvalid):
            correct(acts, "LO-1-CUT")
        with pytest.raises(errors.ReasonMissing):
            acts.do(correct_counts, job_id="LO-1-CUT", corrections=[one], reason="", request_id="correct-1")

    def test_a_correction_is_signed_where_the_plant_wants_it(self, acts: Acts) -> None:
        acts.release(*acts.submit())
        acts.make("LO-1-CUT", 8)
        policy = AccessPolicy(signed_acts=frozenset({SignedAct.correct_counts}))
        acts.do(put_access_policy, policy=policy, version=0)
        one = {"job_id": "LO-1-CUT", "corrections": [Correction(CountKind.good, Decimal(-1))], "reason": WHY}
        with pytest.raises(SignatureNeeded, match="job/LO-1-CUT") as needed:
            acts.plant.write_now(correct_counts, actor=1, **one, request_id="c-1")
        assert needed.value.extra["what"]["changes_e6"] == [["good", "", -1_000_000]]
        acts.do(correct_counts, **one, request_id="c-1")

    def test_a_correction_keeps_what_the_machines_leave_open(self, acts: Acts, box: Box, clock: SettableClock) -> None:
        acts.submit("PO-1", 50, material_id="BOARD")
        box.ready()
        box.say(box.sample("LINE-AOI.Good", 0))
        acts.release("PO-1-LINE")
        box.job(LINE, "PO-1-LINE", 3)
        since = box.at_us()
        clock.advance(seconds=5)
        box.say(box.gap(since, box.at_us()), box.sample("LINE-AOI.StartedAt", "boot-2"), box.sample("LINE-AOI.Good", 4))
        before = acts.job("PO-1-LINE")
        assert step_yields([before])["LINE"].first_pass is None, "nobody knows it exactly"
        assert before.good_high is not None
        assert before.good_high > before.good_low
        correct(acts, "PO-1-LINE", Correction(CountKind.good, Decimal(2)))
        after = acts.job("PO-1-LINE")
        assert (after.good_low, after.good_high) == (before.good_low + 2, before.good_high + 2)


def test_a_correction_is_put_right_by_another_one_only(acts: Acts) -> None:
    acts.release(*acts.submit())
    acts.start("LO-1-CUT")
    correct(acts, "LO-1-CUT", Correction(CountKind.good, Decimal(7)))
    with pytest.raises(errors.NothingToUndo):
        acts.do(undo_count, request_id="correct-1")
    assert numbers(acts, "LO-1-CUT") == (7, 0, 0)
    correct(acts, "LO-1-CUT", Correction(CountKind.good, Decimal(-7)), request_id="correct-2")
    assert numbers(acts, "LO-1-CUT") == (0, 0, 0)


def test_rework_is_seen_at_its_station(acts: Acts) -> None:
    acts.release(*acts.submit())
    acts.start("LO-1-CUT")
    rework(acts, "LO-1-CUT", 4, "CUT", equipment_id=BENCH)
    assert acts.job("LO-1-CUT.R1").equipment_id == BENCH
