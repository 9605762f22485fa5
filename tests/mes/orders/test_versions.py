"""What a running order follows, and how it is moved to another version, another place, another pair of hands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mes.access.errors import SignatureNeeded
from mes.access.service import put_access_policy
from mes.access.types import AccessPolicy, Role, SignedAct
from mes.definitions import errors as definition_errors
from mes.definitions.queries import get_definition
from mes.definitions.service import (
    begin_draft,
    put_definitions,
    put_document,
    put_draft_segment,
    put_work_masters,
    set_definition_effectivity,
    set_definition_state,
)
from mes.definitions.types import (
    DataType,
    DefinitionSpec,
    DefinitionState,
    Effectivity,
    InstructionSpec,
    MaterialSpecification,
    ParameterLimit,
    SegmentDependency,
    SegmentSpec,
    Substitute,
    WorkMasterSpec,
)
from mes.equipment.service import put_equipment
from mes.equipment.types import Confirmation, EquipmentSpec
from mes.genealogy.may_i.statements import load_parameters
from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import head_seq, list_subject_events
from mes.materials.service import put_materials
from mes.materials.types import MaterialSpec
from mes.orders import errors
from mes.orders.following.queries import (
    get_briefing,
    get_followed,
    get_followed_version,
    get_following_order,
)
from mes.orders.queries import get_job
from mes.orders.service import (
    acknowledge_instruction,
    change_job_parameters,
    complete_job,
    hold_job,
    merge_jobs,
    move_job_to_equipment,
    move_order_to_version,
    split_job,
    start_job,
    start_job_by_override,
)
from mes.personnel.service import create_person, put_personnel_class, update_person
from mes.personnel.types import Qualification
from mes.reporting.queries import list_operations_performance
from mes.reporting.service import publish_due_reports
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.job_control import DispatchStatus, JobState
from standards.isa95.material import MaterialUse
from tests.conftest import SettableClock
from tests.mes.orders.test_orders import commands, job, release, submit
from tests.support.plants import BENCH, LINE, PRESS, Box
from tests.support.ticks import tick
from tests.web.cast import Member, as_, hire_cast

ROUTE = "BOARD-ROUTE"
LINE_STEP = SegmentSpec("LINE", "WM-LINE", LINE, Decimal(8), "panel", nominal_cycle_s=Decimal(20))
PRESS_STEP = SegmentSpec("PRESS", "WM-PRESS", PRESS, after=(SegmentDependency("LINE"),))
BENCH_STEP = SegmentSpec("BENCH", "WM-BENCH", BENCH, after=(SegmentDependency("PRESS"),))
BENCH_STEP_ALONE = replace(BENCH_STEP, after=())
PNG = b"\x89PNG\r\n\x1a\n"


def put(plant: Database, *steps: SegmentSpec, **changes: Any) -> None:
    plant.write_now(put_definitions, actor=None, specs=[DefinitionSpec(ROUTE, "BOARD", steps, **changes)])


def second_bench(plant: Database) -> None:
    spec = EquipmentSpec("BENCH-2", EquipmentLevel.WorkUnit, "BENCHES", confirmation=Confirmation.Manual)
    plant.write_now(put_equipment, actor=None, specs=[spec])


def move(plant: Database, to: str, **changes: Any) -> Any:
    asked = {"operations_request_id": "PO-1", "from_label": "1", "to_label": to, "reason": "new fixture", **changes}
    return plant.write_now(move_order_to_version, actor=None, **asked)


def last_event(plant: Database, subject: str) -> Any:
    return plant.read_now(list_subject_events, subjects=[subject], without=[], limit=1)[0]


def follows(plant: Database, job_id: str) -> str:
    return str(plant.read_now(get_followed, job_id=job_id).definition_version)


class TestSubmit:
    def test_a_new_order_takes_the_version_that_is_effective_and_keeps_it(
        self, plant: Database, clock: SettableClock
    ) -> None:
        tomorrow = clock() + timedelta(days=1)
        put(plant, LINE_STEP, effectivity=Effectivity(from_at=tomorrow))
        submit(plant)
        clock.advance(days=1)
        assert submit(plant, id="PO-2") == ("PO-2-LINE",)
        versions = [plant.read_now(get_followed_version, operations_request_id=name) for name in ("PO-1", "PO-2")]
        assert versions == [(ROUTE, "1"), (ROUTE, "2")]
        assert follows(plant, "PO-1-LINE") == "1"

    def test_without_an_effective_version_the_order_is_refused(self, plant: Database, clock: SettableClock) -> None:
        seen = plant.read_now(get_definition, definition_id=ROUTE)
        ended = {"definition_id": ROUTE, "version_label": "1", "effectivity": Effectivity(until_at=clock())}
        plant.write_now(set_definition_effectivity, actor=None, **ended, version=seen.version)
        with pytest.raises(definition_errors.OperationsDefinitionNotEffective):
            submit(plant)


def test_nothing_that_happens_to_a_definition_changes_what_a_job_follows(plant: Database, box: Box) -> None:
    """A new version, a draft that is edited, a withdrawal, a new recipe: the job stays with what it was made from."""
    submit(plant)

    def columns(session: ReadSession) -> list[Any]:
        return list(session.execute(text("SELECT * FROM job_order ORDER BY pk")).all())

    before = plant.read_now(columns)
    followed = [plant.read_now(get_followed, job_id=row.id) for row in before]
    plant.write_now(put_work_masters, actor=None, specs=[WorkMasterSpec("WM-LINE", parameters={"speed": "9"})])
    put(plant, replace(LINE_STEP, quantity_per_cycle=Decimal(4)), PRESS_STEP)
    plant.write_now(begin_draft, actor=None, definition_id=ROUTE, from_label="1")
    changed = replace(LINE_STEP, instructions=(InstructionSpec("Other"),))
    draft = {"definition_id": ROUTE, "version_label": "3", "version": 1}
    plant.write_now(put_draft_segment, actor=None, **draft, segment=changed)
    seen = plant.read_now(get_definition, definition_id=ROUTE, version_label="1")
    withdrawn = {"definition_id": ROUTE, "version_label": "1", "version": seen.version}
    plant.write_now(set_definition_state, actor=None, **withdrawn, state=DefinitionState.Draft)
    assert plant.read_now(columns) == before
    assert [plant.read_now(get_followed, job_id=row.id) for row in before] == followed


class TestMovingAnOrder:
    def test_what_has_not_begun_follows_the_new_version(self, plant: Database) -> None:
        submit(plant)
        before = job(plant, "PO-1-LINE").version
        put(plant, replace(LINE_STEP, quantity_per_cycle=Decimal(4), description="Smaller panel"), PRESS_STEP)
        done = move(plant, "2")
        assert (done.kept, done.changed, done.cancelled) == ((), ("PO-1-LINE", "PO-1-PRESS"), ("PO-1-BENCH",))
        line = job(plant, "PO-1-LINE")
        assert (line.cycles, line.quantity, line.description) == (13, 52, "Smaller panel")
        assert line.version == before + 1
        assert job(plant, "PO-1-BENCH").dispatch_status is DispatchStatus.Cancelled
        assert follows(plant, "PO-1-LINE") == "2"
        assert plant.read_now(get_followed_version, operations_request_id="PO-1") == (ROUTE, "2")

    def test_the_erp_is_told_of_jobs_that_went(self, plant: Database, clock: SettableClock) -> None:
        submit(plant)
        put(plant, LINE_STEP, PRESS_STEP)
        move(plant, "2")
        assert job(plant, "PO-1-BENCH").state is JobState.NotAllowedToStart
        clock.advance(seconds=15)
        tick(plant, publish_due_reports)
        entries = plant.read_now(list_operations_performance, after=0, limit=10)
        told = {entry.content["job_response"]["id"]: entry.content["job_response"]["state"] for entry in entries}
        assert list(told.values()) == ["Cancelled"]

    def test_a_job_on_hold_that_nobody_began_follows_too_and_stays_on_hold(self, plant: Database) -> None:
        submit(plant)
        held = {"job_id": "PO-1-PRESS", "version": job(plant, "PO-1-PRESS").version, "reason": "wait"}
        plant.write_now(hold_job, actor=None, **held)
        put(plant, LINE_STEP, replace(PRESS_STEP, description="Harder"))
        assert move(plant, "2").changed == ("PO-1-LINE", "PO-1-PRESS")
        press = job(plant, "PO-1-PRESS")
        assert (press.description, press.hold_reason) == ("Harder", "wait")

    def test_it_is_recorded_with_from_to_and_why(self, plant: Database) -> None:
        submit(plant)
        put(plant, LINE_STEP)
        move(plant, "2")
        event = last_event(plant, "order/PO-1")
        assert event.type == "orders.order-moved-to-version.v1"
        told = {name: event.payload[name] for name in ("from", "to", "reason", "changed", "cancelled")}
        assert told == {
            "from": "1",
            "to": "2",
            "reason": "new fixture",
            "changed": ["PO-1-LINE"],
            "cancelled": ["PO-1-PRESS", "PO-1-BENCH"],
        }

    def test_what_has_run_stays_as_it_is(self, plant: Database, box: Box) -> None:
        submit(plant)
        box.ready()
        release(plant, "PO-1-LINE", "PO-1-PRESS")
        box.job(LINE, "PO-1-LINE", 3)
        running = job(plant, "PO-1-LINE")
        put(plant, replace(LINE_STEP, quantity_per_cycle=Decimal(4)), replace(PRESS_STEP, description="Harder"))
        done = move(plant, "2")
        assert (done.kept, done.changed) == (("PO-1-LINE",), ("PO-1-PRESS",))
        assert job(plant, "PO-1-LINE") == running
        assert (follows(plant, "PO-1-LINE"), follows(plant, "PO-1-PRESS")) == ("1", "2")
        press = job(plant, "PO-1-PRESS")
        assert (press.state, press.note) == (JobState.AllowedToStart, "predecessor")
        box.job(LINE, "PO-1-LINE", 5)
        assert [c["job_order_id"] for c in commands(plant)][-1:] == ["PO-1-PRESS"]

    def test_a_job_its_machine_was_asked_to_take_stays(self, plant: Database, box: Box) -> None:
        submit(plant)
        box.ready()
        release(plant, "PO-1-LINE")
        assert job(plant, "PO-1-LINE").dispatch_status is DispatchStatus.Dispatched
        put(plant, replace(LINE_STEP, quantity_per_cycle=Decimal(4)))
        assert move(plant, "2").kept == ("PO-1-LINE",)

    def test_a_new_step_gets_a_job_in_its_place(self, plant: Database) -> None:
        submit(plant)
        check = SegmentSpec("CHECK", "WM-BENCH", BENCH, after=(SegmentDependency("LINE"),))
        put(plant, LINE_STEP, check, replace(PRESS_STEP, after=(SegmentDependency("CHECK"),)))
        assert "PO-1-CHECK" in move(plant, "2").changed
        added = job(plant, "PO-1-CHECK")
        assert (added.state, added.quantity, added.sequence) == (JobState.NotAllowedToStart, 50, 2)
        release(plant, "PO-1-PRESS", "PO-1-CHECK")
        assert [job(plant, f"PO-1-{step}").note for step in ("PRESS", "CHECK")] == ["predecessor", "predecessor"]

    def test_a_step_that_went_with_one_move_comes_back_with_the_next(self, plant: Database) -> None:
        submit(plant)
        put(plant, LINE_STEP)
        move(plant, "2")
        put(plant, LINE_STEP, PRESS_STEP, BENCH_STEP, description="all again")
        done = move(plant, "3", from_label="2")
        assert set(done.changed) == {"PO-1-LINE", "PO-1-PRESS", "PO-1-BENCH"}
        back = job(plant, "PO-1-BENCH")
        assert (back.state, back.dispatch_status) == (JobState.NotAllowedToStart, DispatchStatus.Waiting)

    def test_a_place_that_is_still_allowed_is_kept(self, plant: Database) -> None:
        second_bench(plant)
        put(plant, replace(BENCH_STEP, after=(), alternatives=("BENCH-2",)))
        submit(plant)
        at = {"job_id": "PO-1-BENCH", "version": 1, "equipment_id": "BENCH-2"}
        plant.write_now(move_job_to_equipment, actor=None, **at)
        put(plant, replace(BENCH_STEP, after=(), alternatives=("BENCH-2",), description="x"))
        move(plant, "3", from_label="2")
        assert job(plant, "PO-1-BENCH").equipment_id == "BENCH-2"
        put(plant, replace(BENCH_STEP, after=()))
        move(plant, "4", from_label="3")
        assert job(plant, "PO-1-BENCH").equipment_id == BENCH

    def test_again_changes_nothing_and_a_stale_look_is_refused(self, plant: Database) -> None:
        submit(plant)
        put(plant, LINE_STEP)
        with pytest.raises(VersionConflict):
            move(plant, "2", from_label="7")
        move(plant, "2")
        before = plant.read_now(head_seq)
        assert move(plant, "2").changed == ()
        assert plant.read_now(head_seq) == before

    def test_only_released_versions_and_orders_that_are_not_over(self, plant: Database, box: Box) -> None:
        put(plant, replace(BENCH_STEP, after=()))
        submit(plant)
        put(plant, LINE_STEP, state=DefinitionState.Draft)
        with pytest.raises(definition_errors.OperationsDefinitionNotReleased):
            move(plant, "3", from_label="2")
        with pytest.raises(definition_errors.OperationsDefinitionNotFound):
            move(plant, "9", from_label="2")
        with pytest.raises(errors.OperationsRequestNotFound):
            move(plant, "3", operations_request_id="X")
        release(plant, "PO-1-BENCH")
        plant.write_now(start_job, actor=None, job_id="PO-1-BENCH", version=job(plant, "PO-1-BENCH").version)
        plant.write_now(complete_job, actor=None, job_id="PO-1-BENCH", version=job(plant, "PO-1-BENCH").version)
        with pytest.raises(errors.OperationsRequestOver):
            move(plant, "3", from_label="2")


def test_an_order_says_what_it_and_its_jobs_follow_and_what_else_it_might(plant: Database, box: Box) -> None:
    second_bench(plant)
    put(plant, LINE_STEP, replace(BENCH_STEP, after=(SegmentDependency("LINE"),), alternatives=("BENCH-2",)))
    submit(plant)
    box.ready()
    release(plant, "PO-1-LINE")
    later = Effectivity(from_at=plant.clock() + timedelta(days=1))
    put(plant, BENCH_STEP_ALONE, effectivity=later)
    found = plant.read_now(get_following_order, operations_request_id="PO-1")
    assert (found.definition_version, found.other_versions) == ("2", ("3",))
    assert [(j.job_id, j.begun, j.equipment_ids, j.definition_version) for j in found.jobs] == [
        ("PO-1-LINE", True, (LINE,), "2"),
        ("PO-1-BENCH", False, (BENCH, "BENCH-2"), "2"),
    ]
    move(plant, "3", from_label="2")
    found = plant.read_now(get_following_order, operations_request_id="PO-1")
    assert [(j.job_id, j.definition_version) for j in found.jobs] == [("PO-1-LINE", "2"), ("PO-1-BENCH", "3")]
    with pytest.raises(errors.OperationsRequestNotFound):
        plant.read_now(get_following_order, operations_request_id="X")


class TestPlaces:
    @pytest.fixture
    def ready(self, plant: Database) -> Database:
        second_bench(plant)
        put(plant, replace(BENCH_STEP, after=(), alternatives=("BENCH-2", PRESS)))
        submit(plant)
        return plant

    def moved(self, plant: Database, equipment_id: str) -> None:
        seen = job(plant, "PO-1-BENCH").version
        asked = {"job_id": "PO-1-BENCH", "version": seen, "equipment_id": equipment_id, "reason": "bench is full"}
        plant.write_now(move_job_to_equipment, actor=None, **asked)

    def test_a_job_begins_at_the_first_and_moves_to_another(self, ready: Database) -> None:
        assert job(ready, "PO-1-BENCH").equipment_id == BENCH
        self.moved(ready, "BENCH-2")
        here = job(ready, "PO-1-BENCH")
        assert (here.equipment_id, here.manual) == ("BENCH-2", True)
        event = last_event(ready, "job/PO-1-BENCH")
        assert (event.payload["from"], event.payload["equipment_id"]) == (BENCH, "BENCH-2")
        assert (event.type, event.payload["reason"]) == ("orders.job-moved.v1", "bench is full")

    def test_at_a_machine_it_is_the_machines_job(self, ready: Database, box: Box) -> None:
        box.ready()
        release(ready, "PO-1-BENCH")
        self.moved(ready, PRESS)
        assert job(ready, "PO-1-BENCH").manual is False
        assert [c["target"] for c in commands(ready)] == [PRESS]

    def test_not_anywhere_and_not_once_it_has_begun(self, ready: Database, box: Box) -> None:
        with pytest.raises(errors.EquipmentNotAllowed, match="BENCH, BENCH-2, PRESS"):
            self.moved(ready, LINE)
        asked = {"job_id": "PO-1-BENCH", "version": 9, "equipment_id": "BENCH-2"}
        with pytest.raises(errors.JobVersionConflict):
            ready.write_now(move_job_to_equipment, actor=None, **asked)
        release(ready, "PO-1-BENCH")
        ready.write_now(start_job, actor=None, job_id="PO-1-BENCH", version=job(ready, "PO-1-BENCH").version)
        with pytest.raises(errors.JobStateConflict):
            self.moved(ready, "BENCH-2")


def test_a_machine_is_given_the_recipes_values_with_its_job(plant: Database, box: Box) -> None:
    limits = {"peak": ParameterLimit(DataType.decimal, "Cel", Decimal(1), Decimal(300))}
    spec = WorkMasterSpec("WM-LINE", parameters={"peak": "245", "program": "A"}, limits=limits)
    plant.write_now(put_work_masters, actor=None, specs=[spec])
    put(plant, replace(LINE_STEP, parameters={"peak": "250"}))
    submit(plant)
    box.ready()
    release(plant, "PO-1-LINE")
    (command,) = commands(plant)
    assert command["parameters"] == [
        {"id": "peak", "value": "250", "unit": "Cel", "data_type": "decimal"},
        {"id": "program", "value": "A"},
    ]


class TestParametersOfOneJob:
    @pytest.fixture
    def tuned(self, plant: Database) -> Database:
        limits = {"peak": ParameterLimit(DataType.decimal, "Cel", Decimal(200), Decimal(260))}
        spec = WorkMasterSpec("WM-LINE", parameters={"peak": "245", "program": "A"}, limits=limits)
        plant.write_now(put_work_masters, actor=None, specs=[spec])
        put(plant, replace(LINE_STEP, parameters={"peak": "250"}))
        submit(plant)
        return plant

    def change(self, plant: Database, values: dict[str, str | None], **more: Any) -> None:
        asked = {"job_id": "PO-1-LINE", "version": job(plant, "PO-1-LINE").version, "reason": "thick boards", **more}
        plant.write_now(change_job_parameters, actor=None, values=values, **asked)

    def of(self, plant: Database, job_id: str = "PO-1-LINE") -> dict[str, tuple[str, str]]:
        found = plant.read_now(get_followed, job_id=job_id).parameters
        return {one.id: (one.value, one.change.given if one.change else "") for one in found}

    def test_it_is_given_to_the_machine_and_who_and_why_is_kept(self, tuned: Database, box: Box) -> None:
        box.ready()
        self.change(tuned, {"peak": "235"})
        assert self.of(tuned) == {"peak": ("235", "250"), "program": ("A", "")}
        event = last_event(tuned, "job/PO-1-LINE")
        assert event.payload["changes"] == {"peak": ["250", "235"]}
        assert event.payload["reason"] == "thick boards"
        release(tuned, "PO-1-LINE")
        (command,) = commands(tuned)
        assert {one["id"]: one["value"] for one in command["parameters"]} == {"peak": "235", "program": "A"}
        assert tuned.read_now(lambda session: load_parameters(session, "PO-1-LINE")) == {"peak": "235", "program": "A"}
        with pytest.raises(errors.JobStateConflict):
            self.change(tuned, {"peak": "240"})

    def test_it_goes_back_to_what_the_step_says(self, tuned: Database) -> None:
        self.change(tuned, {"peak": "235"})
        self.change(tuned, {"peak": None})
        assert self.of(tuned)["peak"] == ("250", "")
        before = job(tuned, "PO-1-LINE").version
        self.change(tuned, {"peak": "250"})
        assert job(tuned, "PO-1-LINE").version == before, "nothing changed"

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({"peak": "261"}, "parameter-out-of-limits"),
            ({"peak": "hot"}, "parameter-type"),
            ({"program": "B"}, "parameter-fixed"),
            ({"speed": "9"}, ""),
        ],
    )
    def test_outside_the_limits_of_the_recipe_it_is_refused(
        self, tuned: Database, values: dict[str, str | None], code: str
    ) -> None:
        with pytest.raises(definition_errors.ParameterOutOfLimits) as refused:
            self.change(tuned, values)
        assert [error.code for error in refused.value.errors] == ([code] if code else [])
        assert self.of(tuned)["peak"] == ("250", "")

    def test_a_reason_and_the_version_that_was_seen_are_asked_for(self, tuned: Database) -> None:
        with pytest.raises(errors.ReasonMissing):
            self.change(tuned, {"peak": "235"}, reason=" ")
        with pytest.raises(errors.JobVersionConflict):
            self.change(tuned, {"peak": "235"}, version=99)

    def test_a_part_takes_it_along_and_what_differs_is_not_merged(self, tuned: Database) -> None:
        self.change(tuned, {"peak": "235"})
        asked = {"job_id": "PO-1-LINE", "version": job(tuned, "PO-1-LINE").version, "quantity": Decimal(8)}
        part = tuned.write_now(split_job, actor=None, **asked, reason="two shifts")
        assert self.of(tuned, part)["peak"] == ("235", "250")
        self.change(tuned, {"peak": None})
        versions = {name: job(tuned, name).version for name in ("PO-1-LINE", part)}
        with pytest.raises(errors.MergeInvalid, match="parameters"):
            tuned.write_now(merge_jobs, actor=None, into=part, versions=versions, reason="one shift")

    def test_another_version_keeps_what_keeps_its_limits(self, tuned: Database) -> None:
        self.change(tuned, {"peak": "235"})
        put(tuned, replace(LINE_STEP, parameters={"peak": "240"}))
        move(tuned, "3", from_label="2")
        assert self.of(tuned)["peak"] == ("235", "240")
        narrow = {"peak": ParameterLimit(DataType.decimal, "Cel", Decimal(240), Decimal(260))}
        spec = WorkMasterSpec("WM-LINE", parameters={"peak": "245"}, limits=narrow)
        tuned.write_now(put_work_masters, actor=None, specs=[spec])
        put(tuned, replace(LINE_STEP, parameters={"peak": "255"}))
        move(tuned, "4", from_label="3")
        assert self.of(tuned) == {"peak": ("255", "")}


class TestQualification:
    @pytest.fixture
    def crew(self, plant: Database) -> dict[Role, Member]:
        plant.write_now(put_personnel_class, actor=None, personnel_class_id="PACKER")
        put(plant, replace(BENCH_STEP, after=(), personnel_class_ids=("PACKER",)))
        submit(plant)
        release(plant, "PO-1-BENCH")
        return hire_cast(plant)

    def start(self, plant: Database, who: Member, verb: Any = start_job, **more: Any) -> None:
        seen = job(plant, "PO-1-BENCH").version
        plant.write_now(verb, actor=who.principal_pk, job_id="PO-1-BENCH", version=seen, **more)

    def test_who_has_it_may_start_and_only_while_it_holds(
        self, plant: Database, crew: dict[Role, Member], clock: SettableClock
    ) -> None:
        ada = crew[Role.operator]
        held = Qualification("PACKER", None, clock())
        plant.write_now(create_person, actor=None, person_id="ada", name="Ada", role=Role.operator)
        document = {"person_id": "ada", "version": 1, "name": "Ada", "language": "en"}
        plant.write_now(update_person, actor=None, **document, qualifications=[held])
        with pytest.raises(errors.QualificationMissing, match="PACKER"):
            self.start(plant, ada)
        plant.write_now(
            update_person, actor=None, **{**document, "version": 2}, qualifications=[Qualification("PACKER")]
        )
        self.start(plant, ada)
        assert job(plant, "PO-1-BENCH").state is JobState.Running

    def test_nobody_else_may(self, plant: Database, crew: dict[Role, Member]) -> None:
        with pytest.raises(errors.QualificationMissing) as refusal:
            self.start(plant, crew[Role.operator])
        assert refusal.value.extra == {"personnel_class_ids": ["PACKER"]}
        assert job(plant, "PO-1-BENCH").state is JobState.AllowedToStart

    def test_a_supervisor_may_allow_it_and_that_is_recorded(self, plant: Database, crew: dict[Role, Member]) -> None:
        sven = crew[Role.supervisor]
        self.start(plant, sven, start_job_by_override, reason="Trains Ben")
        assert job(plant, "PO-1-BENCH").state is JobState.Running
        event = last_event(plant, "job/PO-1-BENCH")
        assert (event.type, event.actor) == ("orders.qualification-overridden.v1", sven.principal_pk)
        assert (event.payload["reason"], event.payload["personnel_class_ids"]) == ("Trains Ben", ["PACKER"])

    def test_where_the_plant_wants_it_that_is_signed(self, plant: Database, crew: dict[Role, Member]) -> None:
        policy = AccessPolicy(signed_acts=frozenset({SignedAct.override_qualification}))
        plant.write_now(put_access_policy, actor=None, policy=policy, version=0)
        with pytest.raises(SignatureNeeded, match="job/PO-1-BENCH") as needed:
            self.start(plant, crew[Role.supervisor], start_job_by_override, reason="Trains Ben")
        assert needed.value.extra["what"]["personnel_class_ids"] == ["PACKER"]
        assert job(plant, "PO-1-BENCH").state is JobState.AllowedToStart


class TestInstructions:
    @pytest.fixture
    def crew(self, plant: Database) -> dict[Role, Member]:
        sha256 = plant.write_now(put_document, actor=None, content=PNG).sha256
        steps = (InstructionSpec("Load", "Panel first"), InstructionSpec("Look", document_sha256=sha256))
        put(plant, replace(BENCH_STEP, after=(), instructions=steps))
        submit(plant)
        return hire_cast(plant)

    def read(self, plant: Database, who: Member, step: int) -> None:
        asked = {"job_id": "PO-1-BENCH", "sequence": step}
        plant.write_now(acknowledge_instruction, actor=who.principal_pk, **asked)

    def test_each_person_reads_each_step_once_per_job(
        self, plant: Database, crew: dict[Role, Member], clock: SettableClock
    ) -> None:
        ada, sven = crew[Role.operator], crew[Role.supervisor]
        self.read(plant, ada, 1)
        first_at = clock()
        clock.advance(minutes=1)
        before = plant.read_now(head_seq)
        self.read(plant, ada, 1)
        assert plant.read_now(head_seq) == before
        self.read(plant, sven, 1)
        steps = plant.read_now(get_followed, job_id="PO-1-BENCH").instructions
        assert [[(r.principal_id, r.at) for r in step.read_by] for step in steps] == [
            [("ada", first_at), ("sven", clock())],
            [],
        ]
        briefing = plant.read_now(get_briefing, job_pk=job(plant, "PO-1-BENCH").pk)
        assert (briefing.instructions.steps, briefing.instructions.read) == (2, 1)
        event = last_event(plant, "job/PO-1-BENCH")
        assert (event.type, event.payload["step"]) == ("orders.instruction-acknowledged.v1", 1)

    def test_a_step_there_is_not(self, plant: Database, crew: dict[Role, Member]) -> None:
        with pytest.raises(errors.InstructionNotFound):
            self.read(plant, crew[Role.operator], 3)
        asked = {"actor": crew[Role.operator].principal_pk, "job_id": "X", "sequence": 1}
        with pytest.raises(errors.JobNotFound):
            plant.write_now(acknowledge_instruction, **asked)


def test_what_a_job_needs_of_each_material(plant: Database) -> None:
    plant.write_now(put_materials, actor=None, specs=[MaterialSpec("PASTE", "g"), MaterialSpec("PASTE-2", "g")])
    paste = MaterialSpecification(
        "PASTE", MaterialUse.Consumed, Decimal("0.6"), Decimal(2), (Substitute("PASTE-2", Decimal("0.7")),)
    )
    put(plant, replace(LINE_STEP, materials=(paste,)))
    submit(plant)
    (needed,) = plant.read_now(get_followed, job_id="PO-1-LINE").materials
    assert needed.needed_e6 == 34_272_000  # 56 boards
    assert [s.material_id for s in needed.material.substitutes] == ["PASTE-2"]


class TestRest:
    async def test_an_order_is_read_moved_and_read_again(self, plant: Database, http: httpx.AsyncClient) -> None:
        crew = hire_cast(plant)
        submit(plant, id="PO/1")
        put(plant, replace(LINE_STEP, instructions=(InstructionSpec("Load"),)))
        sven, ada = as_(crew[Role.supervisor]), as_(crew[Role.operator])
        body = {"from_version": "1", "to_version": "2", "reason": "Better"}
        moved = await http.post("/api/v1/operations-requests/PO/1/move", json=body, headers=sven)
        assert (moved.status_code, moved.json()["changed"]) == (200, ["PO/1-LINE"])
        read = "/api/v1/job-orders/PO/1-LINE/instructions/1/acknowledge"
        assert (await http.post(read, headers=ada)).status_code == 204
        assert (await http.post(read.replace("/1/ack", f"/{10**30}/ack"), headers=ada)).status_code == 422
        found = (await http.get("/api/v1/job-orders/PO/1-LINE/definition", headers=ada)).json()
        assert (found["operations_definition_id"], found["operations_definition_version"]) == (ROUTE, "2")
        assert [r["principal_id"] for r in found["instructions"][0]["acknowledged"]] == ["ada"]
        refused = await http.post("/api/v1/operations-requests/PO/1/move", json={**body, "reason": ""}, headers=sven)
        assert refused.status_code == 422
        listed = (await http.get("/api/v1/job-orders", headers=sven)).json()["items"]
        assert [item["id"] for item in listed][:1] == ["PO/1-LINE"]
        assert plant.read_now(get_job, job_id="PO/1-LINE", now=plant.clock()).cycles == 7
