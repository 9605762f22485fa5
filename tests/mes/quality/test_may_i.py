"""May I? Each reason to refuse, on both databases; rework and double passes; what was done while nobody could ask."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from mes.access.types import Role
from mes.equipment.errors import EquipmentNotFound
from mes.equipment.service import put_plant_policy
from mes.equipment.types import PlantPolicy, WhenAway
from mes.genealogy.may_i.errors import UnitRefused
from mes.genealogy.may_i.queries import get_permission
from mes.genealogy.may_i.rules import permission_of
from mes.genealogy.may_i.service import report_step
from mes.genealogy.may_i.statements import FACTS as STATEMENT
from mes.genealogy.may_i.types import Permission, Step, UnitFacts, Why
from mes.genealogy.service import record_pass
from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import IdempotencyKeyReused
from mes.kernel.sqltypes import to_us
from mes.materials.service import create_lot, set_disposition
from mes.materials.types import LotSpec
from mes.quality.queries import get_unit_results
from mes.quality.rules import steps_after
from mes.quality.service import put_requirements, scrap_unit, send_unit_to_rework
from mes.quality.service.results import _with_job
from mes.quality.types import FoundDefect, RequirementSpec, StepCheck, Verdict, VerdictFact
from standards.isa95.material import Disposition
from tests.conftest import SettableClock
from tests.mes.quality.test_service import result, take
from tests.support.plants import BENCH, CELL, LINE, PRESS
from tests.web.cast import as_, hire_cast

pytestmark = pytest.mark.usefixtures("codes", "order", "recorded")


@pytest.fixture
def recorded(plant: Database) -> None:
    """Whoever was at a step was recorded there."""
    specs = [RequirementSpec(f"WM-{step}", StepCheck.worked) for step in (LINE, PRESS, BENCH)]
    plant.write_now(put_requirements, actor=None, specs=specs)


def ask(plant: Database, place: str, unit_id: str = "SN-1") -> tuple[str, str]:
    found = plant.read_now(get_permission, unit_id=unit_id, equipment_id=place)
    return found.why or "", found.other


def tell(plant: Database, step: str, verdict: Verdict = Verdict.passed) -> None:
    """A verdict at a step of PO-1; each has a time and a number of its own."""
    plant.clock.advance(seconds=1)  # type: ignore[attr-defined]
    n = to_us(plant.clock()) % 10**9
    take(plant, result(plant, n, verdict, equipment_id=step, job_id=f"PO-1-{step}"))


def report(plant: Database, place: str, request_id: str, **more: object) -> Permission:
    values = {"unit_id": "SN-1", "equipment_id": place, "verdict": Verdict.passed, **more}
    found: Permission = plant.write_now(report_step, actor=None, request_id=request_id, **values)
    return found


def test_a_unit_goes_step_by_step(plant: Database) -> None:
    tell(plant, LINE)
    assert ask(plant, LINE) == (Why.already_done, "LINE")
    assert ask(plant, BENCH) == (Why.step_missing, "PRESS")
    assert ask(plant, PRESS) == ("", "")
    tell(plant, PRESS)
    assert ask(plant, BENCH) == ("", "")


def test_a_unit_nobody_recorded_and_a_station_nobody_has(plant: Database) -> None:
    assert ask(plant, BENCH) == (Why.unknown, "")
    with pytest.raises(EquipmentNotFound):
        ask(plant, "NOWHERE")


def test_a_failure_that_no_job_can_be_given_to_stops_the_unit_until_somebody_decides(plant: Database) -> None:
    tell(plant, LINE)
    take(plant, result(plant, 7, Verdict.failed, equipment_id=PRESS))
    for place in (LINE, PRESS, BENCH):
        assert ask(plant, place) == (Why.step_failed, "")
    back = {"unit_id": "SN-1", "return_segment_id": "PRESS", "request_id": "request-1"}
    plant.write_now(send_unit_to_rework, actor=None, **back)
    assert ask(plant, PRESS) == ("", "")


def test_a_result_of_the_moment_a_job_ended_is_the_next_ones(plant: Database) -> None:
    rows = [(0, 10, 1, "A"), (10, None, 2, "B")]
    given = replace(result(plant), at_us=10)
    placed = _with_job((given, 0, None, 5), rows)
    assert (placed[0].segment_id, placed[2]) == ("B", 2)


def test_a_report_told_again_is_answered_as_the_first_time(plant: Database) -> None:
    tell(plant, LINE)
    first = report(plant, PRESS, "the-id-1")
    assert report(plant, PRESS, "the-id-1") == first
    for other in ({"verdict": Verdict.failed}, {"unit_id": "SN-2"}, {"note": "look"}):
        with pytest.raises(IdempotencyKeyReused):
            report(plant, PRESS, "the-id-1", **other)


def test_a_decision_under_a_used_id_is_refused_unless_it_is_the_same(plant: Database) -> None:
    tell(plant, LINE, Verdict.failed)
    back = {"unit_id": "SN-1", "return_segment_id": "LINE", "request_id": "the-id-1"}
    for _ in range(2):
        plant.write_now(send_unit_to_rework, actor=None, **back)
    for other in ({**back, "return_segment_id": "PRESS"}, {**back, "note": "look"}):
        with pytest.raises(IdempotencyKeyReused):
            plant.write_now(send_unit_to_rework, actor=None, **other)
    with pytest.raises(IdempotencyKeyReused):
        plant.write_now(scrap_unit, actor=None, unit_id="SN-1", request_id="the-id-1")
    assert ask(plant, LINE) == ("", "")


@pytest.mark.parametrize("source", ["person", "station"])
def test_no_tester_speaks_for_people(plant: Database, source: str) -> None:
    told = take(plant, replace(result(plant), source=source))
    assert [one.code for one in told.refused] == ["result-invalid"]


def test_a_failed_step_and_rework_to_a_named_one(plant: Database) -> None:
    tell(plant, LINE)
    tell(plant, PRESS, Verdict.failed)
    assert ask(plant, BENCH) == (Why.step_failed, "PRESS")
    assert ask(plant, LINE) == (Why.in_rework, "PRESS")
    assert ask(plant, PRESS) == ("", "")
    back = {"unit_id": "SN-1", "return_segment_id": "LINE", "request_id": "request-1"}
    plant.write_now(send_unit_to_rework, actor=None, **back)
    assert ask(plant, PRESS) == (Why.in_rework, "LINE")
    assert ask(plant, LINE) == ("", "")
    tell(plant, LINE)
    assert ask(plant, BENCH) == (Why.step_missing, "PRESS")
    assert ask(plant, PRESS) == ("", "")


def test_held_and_scrapped_units_stay_where_they_are(plant: Database) -> None:
    plant.write_now(create_lot, actor=None, spec=LotSpec("SN-1", "BOARD", Decimal(1), "pcs"))
    tell(plant, LINE)
    hold = {"lot_id": "SN-1", "reason": "voids"}
    plant.write_now(set_disposition, actor=None, disposition=Disposition.Restricted, **hold)
    assert ask(plant, PRESS) == (Why.held, "SN-1")
    plant.write_now(set_disposition, actor=None, disposition=Disposition.UnRestricted, **hold)
    assert ask(plant, PRESS) == ("", "")
    plant.write_now(scrap_unit, actor=None, unit_id="SN-1", request_id="request-1")
    assert ask(plant, PRESS) == (Why.scrapped, "")


def test_a_pass_is_enough_unless_a_verdict_is_asked_for(plant: Database) -> None:
    passed = {"lot_id": "SN-1", "equipment_id": LINE, "material_id": "BOARD", "job_id": "PO-1-LINE"}
    plant.write_now(record_pass, actor=None, request_id="request-1", **passed)
    assert ask(plant, PRESS) == ("", "")
    assert ask(plant, LINE) == (Why.already_done, "LINE")
    plant.write_now(put_requirements, actor=None, specs=[RequirementSpec("WM-LINE", StepCheck.passed)])
    assert ask(plant, PRESS) == (Why.step_missing, "LINE")
    plant.write_now(put_requirements, actor=None, specs=[RequirementSpec("WM-LINE", StepCheck.nothing)])
    assert ask(plant, PRESS) == ("", "")


def test_a_pass_after_rework_counts_and_one_before_does_not(plant: Database, clock: SettableClock) -> None:
    passed = {"lot_id": "SN-1", "equipment_id": LINE, "material_id": "BOARD", "job_id": "PO-1-LINE"}
    plant.write_now(record_pass, actor=None, request_id="request-1", **passed)
    tell(plant, PRESS, Verdict.failed)
    back = {"unit_id": "SN-1", "return_segment_id": "PRESS", "request_id": "request-2"}
    plant.write_now(send_unit_to_rework, actor=None, **back)
    assert ask(plant, PRESS) == ("", "")
    tell(plant, PRESS, Verdict.failed)
    clock.advance(seconds=1)
    plant.write_now(send_unit_to_rework, actor=None, **{**back, "return_segment_id": "LINE", "request_id": "request-3"})
    assert ask(plant, LINE) == ("", "")
    tell(plant, LINE)
    assert ask(plant, PRESS) == ("", "")


def test_a_station_reports_a_step_once_and_is_refused_the_second(plant: Database) -> None:
    tell(plant, LINE)
    first = report(plant, PRESS, "request-1", verdict=Verdict.failed, defects=(FoundDefect("MISSING", "C4"),))
    assert (first.allowed, first.segment_id, first.job_id) == (True, "PRESS", "PO-1-PRESS")
    report(plant, PRESS, "request-1", verdict=Verdict.failed, defects=(FoundDefect("MISSING", "C4"),))
    newest, before = plant.read_now(get_unit_results, unit_id="SN-1")
    assert (newest.verdict, newest.defects[0].position, before.segment_id) == (Verdict.failed, "C4", "LINE")
    report(plant, PRESS, "request-2")
    with pytest.raises(UnitRefused) as refused:
        report(plant, PRESS, "request-3")
    assert refused.value.extra["why"] == Why.already_done


def test_what_was_done_while_nobody_could_ask_is_flagged(plant: Database) -> None:
    tell(plant, LINE)
    at_us = to_us(plant.clock()) + 1
    assert report(plant, BENCH, "request-1", was_away=True, at_us=at_us).why is Why.step_missing
    newest = plant.read_now(get_unit_results, unit_id="SN-1")[0]
    assert (newest.flag, newest.verdict, to_us(newest.at)) == ("step-missing", Verdict.passed, at_us)
    assert report(plant, PRESS, "request-2", was_away=True, at_us=at_us + 1).allowed
    assert plant.read_now(get_unit_results, unit_id="SN-1")[0].flag == ""


def test_a_step_that_nobody_records_stops_nobody_until_its_station_records_a_unit(plant: Database) -> None:
    specs = [RequirementSpec(f"WM-{step}") for step in (LINE, PRESS, BENCH)]
    plant.write_now(put_requirements, actor=None, specs=specs)
    tell(plant, LINE)
    assert ask(plant, BENCH) == ("", "")
    passed = {"lot_id": "SN-2", "equipment_id": PRESS, "material_id": "BOARD", "job_id": "PO-1-PRESS"}
    plant.write_now(record_pass, actor=None, request_id="request-1", **passed)
    assert ask(plant, BENCH) == (Why.step_missing, "PRESS")


def test_a_verdict_of_a_cell_counts_for_the_line_it_stands_in(plant: Database) -> None:
    plant.write_now(put_requirements, actor=None, specs=[RequirementSpec(f"WM-{LINE}")])
    tell(plant, PRESS)
    assert ask(plant, BENCH) == ("", "")
    take(plant, result(plant, 7, unit_id="SN-2", equipment_id=CELL))
    assert ask(plant, BENCH) == (Why.step_missing, "LINE")


def test_where_the_plant_wants_stations_to_wait_whatever_was_done_meanwhile_is_flagged(plant: Database) -> None:
    tell(plant, LINE)
    at_us = to_us(plant.clock()) + 1
    assert report(plant, PRESS, "request-1", was_away=True, at_us=at_us).when_away is WhenAway.go_on
    plant.write_now(put_plant_policy, actor=None, policy=PlantPolicy(when_away=WhenAway.stop))
    told = report(plant, BENCH, "request-2", was_away=True, at_us=at_us + 1)
    assert (told.when_away, told.why) == (WhenAway.stop, Why.away)
    assert report(plant, BENCH, "request-3", was_away=True, at_us=at_us + 2).why is Why.already_done
    flags = [found.flag for found in plant.read_now(get_unit_results, unit_id="SN-1")]
    assert flags[:3] == ["step-already-done", "done-while-away", ""]


async def test_over_http_a_refusal_is_an_answer(http: httpx.AsyncClient, plant: Database) -> None:
    box = as_(hire_cast(plant)[Role.bridge])
    tell(plant, LINE)
    asked = await http.get("/api/v1/units/SN-1/permission?equipment_id=BENCH", headers=box)
    assert (asked.status_code, asked.json()["allowed"], asked.json()["code"], asked.json()["other"]) == (
        200,
        False,
        "step-missing",
        "PRESS",
    )
    assert asked.json()["when_away"] == "go-on"
    body = {"equipment_id": "BENCH", "outcome": "passed", "request_id": "request-1"}
    done = await http.post("/api/v1/units/SN-1/steps", json=body, headers=box)
    assert (done.status_code, done.json()["code"]) == (409, "unit-refused")
    away = {**body, "done_at": "2026-03-02T08:00:00Z"}
    assert (await http.post("/api/v1/units/SN-1/steps", json=away, headers=box)).json()["code"] == "step-missing"


STEPS = tuple(Step(name, name, StepCheck.worked, name == "B") for name in ("A", "B", "C"))
FACTS = UnitFacts("SN", True, False, "", STEPS, (), {}, steps_after([("B", "A"), ("C", "B")]))


def test_rules_where_one_station_does_several_steps() -> None:
    both = replace(FACTS, steps=tuple(step._replace(is_here=True) for step in STEPS))
    assert permission_of(both).segment_id == "A"
    a_done = replace(both, verdicts=(VerdictFact("SN", Verdict.passed, "A"),))
    assert permission_of(a_done).segment_id == "B"
    back = replace(a_done, verdicts=(*a_done.verdicts, VerdictFact("SN", Verdict.rework, "A")))
    assert (permission_of(back).segment_id, permission_of(back).allowed) == ("A", True)
    nowhere = replace(FACTS, steps=tuple(step._replace(is_here=False) for step in STEPS))
    assert permission_of(nowhere).why is Why.no_step


def test_the_question_goes_by_index_whatever_the_plant_has_seen(plant: Database) -> None:
    """No whole table is read. On PostgreSQL with sequential scans as dear as in a large plant."""
    tell(plant, LINE)
    asked = ("BENCH", "SN-1", "SN-1")

    def plan(session: ReadSession) -> list[str]:
        if plant.dialect == "sqlite":
            return [row[-1] for row in session.driver_query(f"EXPLAIN QUERY PLAN {STATEMENT}", asked)]
        session.driver_query("SELECT set_config('enable_seqscan', 'off', true)")
        return [row[0].strip() for row in session.driver_query(f"EXPLAIN {STATEMENT}", asked)]

    found = plant.read_now(plan)
    large = ("unit_verdict", "genealogy_act", "genealogy_link", "material_lot", "job_order", "job_dependency")
    if plant.dialect == "sqlite":
        aliases = "v g a l e j d equipment c".split()
        scanned = [line for line in found if line.startswith("SCAN ") and line.split()[1] in {*large, *aliases}]
    else:
        scanned = [line for line in found if "Seq Scan on " in line and any(name in line for name in large)]
    assert not scanned, "\n".join(found)


def test_the_question_is_one_statement_whatever_was_recorded(plant: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in (LINE, PRESS):
        tell(plant, step)
    asking, count = ReadSession.driver_query, 0

    def counted(session: ReadSession, *args: Any) -> list[Any]:
        nonlocal count
        count += 1
        return asking(session, *args)

    monkeypatch.setattr(ReadSession, "driver_query", counted)
    assert ask(plant, BENCH) == ("", "")
    assert count == 1
