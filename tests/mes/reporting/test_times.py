"""How long machines and people worked: told alike by REST, B2MML, events and to the ERP, and no news by itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from mes.exchange.b2mml.outgoing import operations_performance, work_performance
from mes.kernel.db import Database
from mes.kernel.outbox import list_subject_events
from mes.kernel.uow import UnitOfWork
from mes.orders.service import pause_job, report_scrap, resume_job
from mes.reporting.queries import list_operations_performance
from mes.reporting.rules import (
    Interval,
    JobOutcome,
    RunTime,
    digest,
    in_short,
    job_response,
    run_time,
    running_us,
    says_the_same,
)
from mes.reporting.schemas import PerformanceOut
from mes.reporting.service import publish_due_reports
from standards.isa95.b2mml import Element
from standards.isa95.job_control import JobState
from tests.conftest import SettableClock
from tests.mes.orders.acts import Acts, build_benches
from tests.support.ticks import tick

MINUTE_US = 60_000_000
MOVES = [(10, "Running"), (40, "Interrupted"), (70, "Running"), (100, "Ended")]
JOB = JobOutcome(
    operations_request_id="PO-1",
    operations_request_version="1",
    operations_request_state="Completed",
    work_request_id="PO-1",
    job_id="PO-1-FIT",
    segment_id="FIT",
    work_master_id="FIT",
    work_master_version="1",
    equipment_id="FITTER",
    physical_asset_ids=(),
    person_ids=("ada",),
    material_id="LAMP",
    unit="pcs",
    state=JobState.Ended,
    started_at_us=0,
    ended_at_us=MINUTE_US,
    ordered_e6=5_000_000,
    good=Interval(4_000_000, 4_000_000),
    scrap=Interval(1_000_000, 1_000_000),
    scrap_by_reason={"scratch": Interval(1_000_000, 1_000_000)},
    used_at=("MENDER",),
)


class TestRules:
    def test_pauses_are_no_time_worked(self) -> None:
        assert running_us(MOVES, 100) == 60
        assert running_us(MOVES[:1], 25) == 15
        assert running_us([], 25) == 0

    @pytest.mark.parametrize(
        ("manual", "began", "ran"),
        [(False, 0, RunTime(machine_s=60)), (True, 0, RunTime(labour_s=60)), (True, None, RunTime())],
    )
    def test_who_runs_it_works(self, manual: bool, began: int | None, ran: RunTime) -> None:
        moves = [(0, "Running"), (MINUTE_US, "Ended")]
        assert run_time(moves, from_us=began, until_us=MINUTE_US, manual=manual) == ran

    def test_machine_time_is_the_places_and_labour_nobodys(self) -> None:
        machine = job_response(replace(JOB, ran=RunTime(machine_s=60)))["job_response"]
        labour = job_response(replace(JOB, ran=RunTime(labour_s=60)))["job_response"]
        minute = {"quantity": "60", "unit": "s"}
        assert machine["equipment_actual"] == [{"equipment_id": "FITTER", **minute}, {"equipment_id": "MENDER"}]
        assert machine["personnel_actual"] == [{"person_id": "ada"}]
        assert labour["equipment_actual"] == [{"equipment_id": "FITTER"}, {"equipment_id": "MENDER"}]
        assert labour["personnel_actual"] == [{"person_id": "ada"}, minute]

    def test_what_was_told_without_times_is_not_told_again_for_them(self) -> None:
        """Reports of a release that told none stand until something happens."""
        ran, longer = replace(JOB, ran=RunTime(labour_s=60)), replace(JOB, ran=RunTime(labour_s=61))
        assert says_the_same(ran, digest(job_response(JOB)))
        assert says_the_same(ran, digest(job_response(ran)))
        assert not says_the_same(ran, digest(job_response(longer)))
        assert not says_the_same(replace(ran, good=Interval(0, 0)), digest(job_response(JOB)))


def durations(element: Element, name: str) -> list[tuple[str, str]]:
    found = element.all(name)
    return [(one.value("Quantity", "QuantityString"), one.value("Quantity", "UnitOfMeasure")) for one in found]


def test_a_job_at_a_bench_by_every_door(plant: Database, clock: SettableClock) -> None:
    plant.write_now(build_benches, actor=None)
    acts = Acts(plant)
    acts.release(*acts.submit("LO-1", 5))
    acts.start("LO-1-CUT")
    clock.advance(seconds=100)
    acts.to_job(pause_job, "LO-1-CUT")
    clock.advance(seconds=500)
    acts.to_job(resume_job, "LO-1-CUT")
    clock.advance(seconds=20)
    acts.good("LO-1-CUT", 4)
    acts.do(report_scrap, job_id="LO-1-CUT", quantity=Decimal(1), reason_id="scratch", request_id="one-scrapped")
    acts.complete("LO-1-CUT")
    clock.advance(seconds=15)
    tick(acts.plant, publish_due_reports)
    (entry,) = plant.read_now(list_operations_performance, after=0, limit=10)

    told = PerformanceOut.model_validate({"cursor": entry.cursor, **entry.content})
    assert [(one.quantity, one.person_id) for one in told.job_response.personnel_actual] == [("120", "")]
    again = told.model_dump(exclude_unset=True)
    assert again == {"cursor": entry.cursor, **entry.content}, "REST says no less and no more than the report"

    operations = operations_performance("LO-1", [entry.content]).all("OperationsResponse")[0].all("SegmentResponse")[0]
    work = work_performance("LO-1", [entry.content]).all("WorkResponse")[0].all("JobResponse")[0]
    for actual in (operations, work):
        assert durations(actual, "PersonnelActual") == [("120", "s")]
        assert durations(actual, "EquipmentActual") == [("", "")]

    (event,) = plant.read_now(
        list_subject_events, subjects=["job/LO-1-CUT"], of_type="reporting.job-response-published.v1"
    )
    figures = {"final": True, "unit": "pcs", "good": "4", "scrap": "1", "machine_time_s": 0, "labour_time_s": 120}
    order = {"operations_request_id": "LO-1", "state": "Completed"}
    assert event.payload == {"job_order_id": "LO-1-CUT", "version": 1, **order, **figures}

    def look_again(uow: UnitOfWork) -> None:
        uow.driver_execute("UPDATE job_order SET report_due_at_us = ? WHERE id = ?", (uow.now_us, "LO-1-CUT"))

    acts.do(look_again)
    tick(acts.plant, publish_due_reports)
    assert len(plant.read_now(list_operations_performance, after=0, limit=10)) == 1


def test_the_event_has_the_figures_of_the_report() -> None:
    short = in_short(replace(JOB, ran=RunTime(machine_s=60)))
    assert (short["good"], short["scrap"], short["machine_time_s"], short["labour_time_s"]) == ("4", "1", 60, 0)
