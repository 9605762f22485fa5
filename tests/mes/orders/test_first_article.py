"""The gate of a first article: held when its pieces are there, until somebody has said passed or failed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from mes.access.types import Role
from mes.definitions.service import put_definitions
from mes.definitions.types import DefinitionSpec, SegmentSpec
from mes.equipment.service import put_plant_policy
from mes.equipment.types import FirstArticleFor, PlantPolicy
from mes.genealogy.service import record_pass
from mes.kernel.sqltypes import to_us
from mes.orders import errors
from mes.orders.service import (
    ask_first_article,
    complete_job,
    hold_job,
    lift_hold,
    move_order_to_version,
    report_scrap,
    resume_job,
)
from mes.orders.types import FirstArticle
from mes.quality.first_article.errors import FirstArticleContradicted
from mes.quality.first_article.queries import list_first_article_acts
from mes.quality.first_article.service import decide_first_article
from mes.quality.service import record_results
from mes.quality.types import Measurement, ResultSpec, Verdict
from standards.isa95.job_control import DispatchStatus, InterruptedSubstate, JobState
from standards.lineside.commands_v1 import JobAction
from tests.mes.orders.acts import Acts
from tests.mes.orders.test_changing import WHY, actions, events
from tests.support.plants import CELL, LINE, Box
from tests.web.cast import as_, hire_cast

WIDTH = Measurement("width", "3.20", "mm", "3.0", "3.5")


def route(acts: Acts, material: str, segment: SegmentSpec) -> None:
    acts.do(put_definitions, specs=[DefinitionSpec(f"FIRST-{material}", material, (segment,))])


@pytest.fixture
def job(acts: Acts) -> str:
    """A job by hand whose first three pieces are looked at, running."""
    route(acts, "LAMP", SegmentSpec("CUT", "WM-CUT", "CUTTER", first_article=Decimal(3)))
    return started(acts, "FO-1")


def started(acts: Acts, order_id: str) -> str:
    (job_id,) = acts.submit(order_id, 40, operations_definition_id="FIRST-LAMP")
    acts.release(job_id)
    acts.start(job_id)
    return job_id


def state(acts: Acts, job_id: str) -> tuple[FirstArticle, DispatchStatus]:
    job = acts.job(job_id)
    return job.first_article, job.dispatch_status


def decide(acts: Acts, job_id: str, passed: bool, **more: Any) -> None:
    acts.to_job(decide_first_article, job_id, passed=passed, **more)


class TestByHand:
    def test_the_job_is_held_when_its_pieces_are_there_and_goes_on_when_they_passed(self, acts: Acts, job: str) -> None:
        acts.good(job, 2)
        assert state(acts, job) == (FirstArticle.wanted, DispatchStatus.Running)
        acts.good(job, 1)
        assert state(acts, job) == (FirstArticle.due, DispatchStatus.Held)
        for verb in (resume_job, complete_job, lift_hold):
            with pytest.raises(errors.FirstArticleOpen):
                acts.to_job(verb, job)
        acts.good(job, 4)
        decide(acts, job, True, note="as drawn", measurements=[WIDTH])
        assert state(acts, job) == (FirstArticle.passed, DispatchStatus.Suspended)
        acts.to_job(resume_job, job)
        acts.good(job, 5)
        assert (acts.job(job).good_low, acts.job(job).state) == (12, JobState.Running)
        passed, due, wanted = acts.plant.read_now(list_first_article_acts, job_id=job)
        assert [(a.act, a.pieces) for a in (wanted, due, passed)] == [("wanted", 3), ("due", 3), ("passed", 7)]
        assert (passed.note, passed.equipment_id) == ("as drawn", "CUTTER")
        assert passed.measurements == (WIDTH._replace(verdict="passed"),)

    def test_scrap_is_a_piece_too(self, acts: Acts, job: str) -> None:
        acts.good(job, 2)
        acts.do(report_scrap, job_id=job, quantity=Decimal(1), reason_id="scratch", request_id="scrap-00001")
        assert state(acts, job)[0] is FirstArticle.due

    def test_failed_it_stays_held_until_a_new_one_is_asked_for(self, acts: Acts, job: str) -> None:
        acts.good(job, 3)
        with pytest.raises(errors.ReasonMissing):
            decide(acts, job, False)
        decide(acts, job, False, note="too wide")
        assert state(acts, job) == (FirstArticle.failed, DispatchStatus.Held)
        with pytest.raises(errors.FirstArticleOpen):
            acts.to_job(resume_job, job)
        acts.to_job(ask_first_article, job, reason="new stop", pieces=Decimal(2))
        assert state(acts, job) == (FirstArticle.wanted, DispatchStatus.Suspended)
        acts.to_job(resume_job, job)
        acts.good(job, 2)
        assert state(acts, job)[0] is FirstArticle.due
        told = [what for what, _ in events(acts.plant, job) if "first-article" in what]
        assert told == [f"orders.first-article-{what}.v1" for what in ("due", "wanted", "failed", "due", "wanted")]

    def test_a_value_outside_its_limits_does_not_pass(self, acts: Acts, job: str) -> None:
        acts.good(job, 3)
        with pytest.raises(FirstArticleContradicted):
            decide(acts, job, True, measurements=[WIDTH._replace(value="3.6")])
        decide(acts, job, False, note="too wide", measurements=[WIDTH._replace(value="3.6")])

    def test_nothing_is_decided_before_and_not_twice(self, acts: Acts, job: str) -> None:
        with pytest.raises(errors.FirstArticleNotDue):
            decide(acts, job, True)
        acts.good(job, 3)
        seen = acts.job(job).version
        decide(acts, job, True)
        with pytest.raises(errors.FirstArticleNotDue):
            decide(acts, job, True)
        with pytest.raises(errors.JobVersionConflict):
            acts.do(decide_first_article, job_id=job, version=seen, passed=True)

    def test_a_supervisors_hold_is_another_one(self, acts: Acts, job: str) -> None:
        acts.good(job, 2)
        acts.to_job(hold_job, job, reason=WHY)
        acts.good(job, 1)
        assert state(acts, job) == (FirstArticle.due, DispatchStatus.Held)
        decide(acts, job, True)
        with pytest.raises(errors.JobHeld):
            acts.to_job(resume_job, job)
        acts.to_job(ask_first_article, job, reason=WHY, pieces=Decimal(1))
        acts.good(job, 1)
        acts.to_job(lift_hold, job)
        assert state(acts, job) == (FirstArticle.due, DispatchStatus.Held)
        decide(acts, job, True)
        assert state(acts, job)[1] is DispatchStatus.Suspended

    def test_one_may_be_asked_for_where_the_step_asks_for_none(self, acts: Acts) -> None:
        acts.submit()
        acts.release("LO-1-CUT")
        acts.to_job(ask_first_article, "LO-1-CUT", reason="new blade")
        acts.start("LO-1-CUT")
        acts.good("LO-1-CUT", 1)
        assert state(acts, "LO-1-CUT")[0] is FirstArticle.due
        with pytest.raises(errors.QuantityInvalid):
            acts.to_job(ask_first_article, "LO-1-CUT", reason=WHY, pieces=Decimal(1001))


class TestWhen:
    def test_each_job_wants_its_own_unless_the_plant_wants_one_a_version(self, acts: Acts, job: str) -> None:
        acts.good(job, 3)
        decide(acts, job, True)
        acts.to_job(resume_job, job)
        acts.complete(job, accepted_reason=WHY)
        second = started(acts, "FO-2")
        assert state(acts, second)[0] is FirstArticle.wanted
        acts.complete(second, accepted_reason=WHY)
        acts.do(put_plant_policy, policy=PlantPolicy(first_article_for=FirstArticleFor.version))
        third = started(acts, "FO-3")
        assert state(acts, third)[0] is FirstArticle.none
        acts.to_job(ask_first_article, third, reason="tool changed")
        acts.good(third, 3)
        decide(acts, third, False, note="burr")
        acts.to_job(ask_first_article, third, reason="sharpened")
        acts.to_job(resume_job, third)
        acts.complete(third, accepted_reason=WHY)
        assert state(acts, started(acts, "FO-4"))[0] is FirstArticle.wanted

    def test_a_new_version_wants_a_new_one(self, acts: Acts, job: str) -> None:
        acts.do(put_plant_policy, policy=PlantPolicy(first_article_for=FirstArticleFor.version))
        acts.good(job, 3)
        decide(acts, job, True)
        acts.to_job(resume_job, job)
        acts.complete(job, accepted_reason=WHY)
        (waiting,) = acts.submit("FO-2", 40, operations_definition_id="FIRST-LAMP")
        changed = SegmentSpec("CUT", "WM-CUT", "CUTTER", description="new blade", first_article=Decimal(2))
        route(acts, "LAMP", changed)
        acts.do(move_order_to_version, operations_request_id="FO-2", from_label="1", to_label="2", reason=WHY)
        acts.release(waiting)
        acts.start(waiting)
        acts.good(waiting, 2)
        assert state(acts, waiting)[0] is FirstArticle.due


class TestByUnits:
    def test_verdicts_of_units_make_it_due(self, acts: Acts, job: str) -> None:
        for n, unit in enumerate(("SN-1", "SN-2", "SN-2", "SN-3")):
            assert state(acts, job)[0] is FirstArticle.wanted
            at_us = to_us(acts.plant.clock())
            result = ResultSpec("tester", f"R{n}", unit, "CUTTER", Verdict.passed, at_us, job_id=job)
            acts.do(record_results, results=[result])
        assert state(acts, job)[0] is FirstArticle.due

    def test_passes_of_units_make_it_due(self, acts: Acts, job: str) -> None:
        for n, unit in enumerate(("SN-1", "SN-2", "SN-2", "SN-3")):
            assert state(acts, job)[0] is FirstArticle.wanted
            passed = {"lot_id": unit, "equipment_id": "CUTTER", "material_id": "LAMP", "job_id": job}
            acts.do(record_pass, request_id=f"request-{n}", **passed)
        assert state(acts, job)[0] is FirstArticle.due


class TestAtAMachine:
    @pytest.fixture
    def line_job(self, acts: Acts, box: Box) -> str:
        route(acts, "BOARD", SegmentSpec("LINE", "WM-LINE", LINE, Decimal(8), first_article=Decimal(16)))
        box.ready()
        (job_id,) = acts.submit("PO-1", 80, material_id="BOARD", operations_definition_id="FIRST-BOARD")
        box.say(box.sample(f"{CELL}.Good", 100))
        acts.release(job_id)
        box.job(LINE, job_id, 3)
        return job_id

    def count(self, acts: Acts, box: Box, *values: int) -> None:
        samples = []
        for value in values:
            acts.plant.clock.advance(seconds=20)  # type: ignore[attr-defined]
            samples.append(box.sample(f"{CELL}.Good", value))
        box.say(*samples)

    def test_counts_hold_it_in_their_own_batch_and_what_is_made_meanwhile_counts(
        self, acts: Acts, box: Box, line_job: str
    ) -> None:
        self.count(acts, box, 108)
        assert state(acts, line_job) == (FirstArticle.wanted, DispatchStatus.Running)
        self.count(acts, box, 116, 124)
        assert state(acts, line_job)[0] is FirstArticle.due
        assert actions(acts.plant)[-1] == JobAction.pause
        self.count(acts, box, 132)
        assert acts.job(line_job).good_low == 32
        assert actions(acts.plant).count(JobAction.pause) == 1
        box.job(LINE, line_job, 4, substate=InterruptedSubstate.Suspended)
        assert state(acts, line_job)[1] is DispatchStatus.Held
        decide(acts, line_job, True)
        assert state(acts, line_job)[1] is DispatchStatus.Suspended
        acts.to_job(resume_job, line_job)
        assert actions(acts.plant)[-1] == JobAction.resume

    def test_a_machine_that_ends_the_job_leaves_its_first_article_to_be_decided(
        self, acts: Acts, box: Box, line_job: str
    ) -> None:
        self.count(acts, box, 116)
        box.job(LINE, line_job, 5)
        assert state(acts, line_job) == (FirstArticle.due, DispatchStatus.Completed)
        decide(acts, line_job, True)
        assert state(acts, line_job) == (FirstArticle.passed, DispatchStatus.Completed)


async def test_over_http(http: httpx.AsyncClient, acts: Acts, job: str) -> None:
    cast = hire_cast(acts.plant)
    acts.good(job, 3)
    ada, eve = as_(cast[Role.operator]), as_(cast[Role.engineer])
    body = {"job_id": job, "version": acts.job(job).version, "outcome": "passed"}
    assert (await http.post("/api/v1/first-articles/decide", json=body, headers=ada)).status_code == 403
    outside = {**body, "measurements": [{"name": "width", "value": 4, "unit": "mm", "high": 3.5}]}
    refused = await http.post("/api/v1/first-articles/decide", json=outside, headers=eve)
    assert (refused.status_code, refused.json()["code"]) == (409, "first-article-contradicted")
    assert (await http.post("/api/v1/first-articles/decide", json=body, headers=eve)).status_code == 204
    newest = (await http.get(f"/api/v1/first-articles/{job}", headers=ada)).json()["items"][0]
    assert (newest["act"], newest["pieces"], newest["actor"] is not None) == ("passed", "3", True)
    ask = {"job_id": job, "version": acts.job(job).version, "reason": WHY}
    assert (await http.post("/api/v1/first-articles/ask", json=ask, headers=eve)).status_code == 204
    assert acts.job(job).first_article is FirstArticle.wanted


async def test_the_policy_is_said_with_a_version(http: httpx.AsyncClient, acts: Acts) -> None:
    eve, url = as_(hire_cast(acts.plant)[Role.engineer]), "/api/v1/plant-policy"
    first = (await http.get(url, headers=eve)).json()
    assert first == {"when_away": "go-on", "first_article_for": "job", "version": 0}
    body = {"when_away": "stop", "first_article_for": "version", "version": 0}
    assert (await http.put(url, json=body, headers=eve)).json() == {**body, "version": 1}
    again = await http.put(url, json={**body, "when_away": "go-on"}, headers=eve)
    assert (again.status_code, again.json()["code"]) == (409, "version-conflict")
