"""Hold, split, merge, partial completion, tolerance, cancel, priority, sequence, release against material."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from mes.definitions.errors import OperationsDefinitionInvalid
from mes.definitions.queries import get_definition
from mes.definitions.service import put_definitions
from mes.definitions.types import DefinitionSpec, MaterialSpecification, SegmentSpec, Substitute
from mes.edge.queries import list_waiting_commands
from mes.genealogy.service import (
    count_mounted,
    mount_lot,
    pack_lots,
    record_genealogy,
    record_pass,
    remove_part,
    scan_lot,
    ship_lots,
    unpack_lots,
)
from mes.genealogy.types import LinkKind as LotLink
from mes.genealogy.types import NewLot, Recording
from mes.kernel.db import Database, ReadSession
from mes.kernel.outbox import list_subject_events
from mes.kernel.sqltypes import to_us
from mes.materials.life.service import begin_life
from mes.materials.service import create_lot, put_lots, set_disposition
from mes.materials.types import LotKind, LotSpec, Storage
from mes.orders import errors
from mes.orders.planning.queries import list_dispatch, list_material_needs, list_short_orders
from mes.orders.planning.types import MaterialNeed, SubstituteStock
from mes.orders.queries import get_order, list_board, list_job_links
from mes.orders.service import (
    cancel_job,
    cancel_order,
    change_order,
    change_order_quantity,
    complete_job,
    hold_job,
    lift_hold,
    merge_jobs,
    pause_job,
    release_jobs,
    report_good,
    report_scrap,
    resume_job,
    sequence_jobs,
    split_job,
    split_order,
    split_rest,
    start_job,
    submit_operations_request,
)
from mes.orders.types import JobRole, LinkKind, Remainder, RequestState
from mes.reporting.queries import list_operations_performance
from mes.reporting.service import publish_due_reports
from standards.isa95.job_control import DispatchStatus, InterruptedSubstate, JobState
from standards.isa95.material import Disposition, MaterialUse
from standards.lineside.commands_v1 import JobAction
from tests.conftest import SettableClock
from tests.mes.orders.acts import Acts
from tests.support.plants import LINE, Box
from tests.support.ticks import tick

WHY = "customer called"


def events(plant: Database, job_id: str) -> list[tuple[str, dict[str, Any]]]:
    found = plant.read_now(list_subject_events, subjects=[f"job/{job_id}"])
    return [(event.type, event.payload) for event in found]


def actions(plant: Database) -> list[str]:
    def waiting(session: ReadSession) -> list[str]:
        found = list_waiting_commands(session, bridge_pk=1, now_us=to_us(plant.clock()))
        return [str(command.payload["action"]) for command in found]

    return plant.read_now(waiting)


def told(plant: Database, clock: SettableClock) -> dict[str, dict[str, Any]]:
    """The newest report of each job as the ERP has it."""
    clock.advance(seconds=15)
    tick(plant, publish_due_reports)
    found = plant.read_now(list_operations_performance, after=0, limit=1000)
    return {entry.content["job_response"]["id"]: entry.content["job_response"] for entry in found}


class TestToleranceOfTheRouting:
    def test_an_order_takes_it_over_unless_it_says_something_itself(self, acts: Acts) -> None:
        cut = SegmentSpec("CUT", "WM-CUT", "CUTTER")
        five, none = Decimal(5), Decimal(0)
        route = DefinitionSpec("LOOSE", "LAMP", (cut,), under_percent=five, over_percent=Decimal("2.5"))
        acts.do(put_definitions, specs=[route])
        acts.submit("LO-1", 40, operations_definition_id="LOOSE")
        acts.submit("LO-2", 40, operations_definition_id="LOOSE", under_percent=none)
        first, second = acts.order("LO-1"), acts.order("LO-2")
        assert (first.under_percent, first.over_percent) == (five, Decimal("2.5"))
        assert (second.under_percent, second.over_percent) == (none, Decimal("2.5"))
        acts.release("LO-1-CUT", "LO-2-CUT")
        acts.make("LO-1-CUT", 38)
        with pytest.raises(errors.OutsideTolerance):
            acts.make("LO-2-CUT", 38)

    def test_another_tolerance_is_another_version_of_the_routing(self, acts: Acts) -> None:
        for over in (None, Decimal(1)):
            route = DefinitionSpec("LOOSE", "LAMP", (SegmentSpec("CUT", "WM-CUT", "CUTTER"),), over_percent=over)
            for _ in range(2):
                acts.do(put_definitions, specs=[route])
        assert acts.plant.read_now(get_definition, definition_id="LOOSE").version_label == "2"
        with pytest.raises(OperationsDefinitionInvalid):
            acts.do(put_definitions, specs=[replace(route, over_percent=Decimal(1001))])


class TestHold:
    def test_a_held_job_does_not_start_and_goes_on_when_the_hold_is_lifted(self, acts: Acts) -> None:
        acts.submit()
        acts.release("LO-1-CUT")
        acts.to_job(hold_job, "LO-1-CUT", reason="blade is worn")
        held = acts.job("LO-1-CUT")
        assert (held.dispatch_status, held.state, held.hold_reason) == (
            DispatchStatus.Held,
            JobState.AllowedToStart,
            "blade is worn",
        )
        with pytest.raises(errors.JobHeld):
            acts.to_job(start_job, "LO-1-CUT")
        acts.to_job(lift_hold, "LO-1-CUT", reason="new blade")
        assert acts.job("LO-1-CUT").dispatch_status is DispatchStatus.Pending
        acts.start("LO-1-CUT")
        assert [what for what, _ in events(acts.plant, "LO-1-CUT")][1:3] == [
            "orders.job-hold-lifted.v1",
            "orders.job-hold-placed.v1",
        ]

    def test_a_hold_is_a_constraint_and_a_pause_is_not(self, acts: Acts) -> None:
        acts.submit()
        acts.release("LO-1-CUT")
        acts.start("LO-1-CUT")
        acts.to_job(pause_job, "LO-1-CUT")
        assert acts.job("LO-1-CUT").dispatch_status is DispatchStatus.Suspended
        acts.to_job(hold_job, "LO-1-CUT", reason="crack found")
        held = acts.job("LO-1-CUT")
        assert (held.dispatch_status, held.substate) == (DispatchStatus.Held, InterruptedSubstate.Held)
        for verb in (resume_job, complete_job):
            with pytest.raises(errors.JobHeld):
                acts.to_job(verb, "LO-1-CUT")
        acts.to_job(lift_hold, "LO-1-CUT")
        assert acts.job("LO-1-CUT").dispatch_status is DispatchStatus.Suspended
        acts.to_job(resume_job, "LO-1-CUT")
        assert acts.job("LO-1-CUT").state is JobState.Running

    def test_a_machine_is_asked_to_pause_and_its_word_makes_it_held(self, acts: Acts, box: Box) -> None:
        acts.submit("PO-1", 50, material_id="BOARD")
        box.ready()
        acts.release("PO-1-LINE")
        with pytest.raises(errors.JobWithMachine):
            acts.to_job(hold_job, "PO-1-LINE", reason=WHY)
        box.job(LINE, "PO-1-LINE", 3)
        acts.to_job(hold_job, "PO-1-LINE", reason=WHY)
        assert acts.job("PO-1-LINE").state is JobState.Running
        assert actions(acts.plant)[-1] == JobAction.pause
        box.job(LINE, "PO-1-LINE", 4, substate=InterruptedSubstate.Suspended)
        held = acts.job("PO-1-LINE")
        assert (held.dispatch_status, held.substate) == (DispatchStatus.Held, InterruptedSubstate.Suspended)
        acts.to_job(lift_hold, "PO-1-LINE")
        assert acts.job("PO-1-LINE").dispatch_status is DispatchStatus.Suspended

    def test_a_held_job_is_not_released_nor_held_twice_and_a_reason_is_needed(self, acts: Acts) -> None:
        acts.submit()
        with pytest.raises(errors.ReasonMissing):
            acts.to_job(hold_job, "LO-1-CUT", reason="  ")
        acts.to_job(hold_job, "LO-1-CUT", reason=WHY)
        with pytest.raises(errors.JobHeld):
            acts.release("LO-1-CUT")
        with pytest.raises(errors.JobHeld):
            acts.to_job(hold_job, "LO-1-CUT", reason=WHY)
        with pytest.raises(errors.JobVersionConflict):
            acts.do(lift_hold, job_id="LO-1-CUT", version=1)
        acts.to_job(lift_hold, "LO-1-CUT")
        with pytest.raises(errors.JobNotHeld):
            acts.to_job(lift_hold, "LO-1-CUT")
        assert acts.job("LO-1-CUT").dispatch_status is DispatchStatus.Waiting


class TestSplit:
    def test_a_part_is_a_job_of_the_same_step_and_both_have_to_end(self, acts: Acts) -> None:
        acts.submit()
        acts.release("LO-1-CUT", "LO-1-FIT")
        assert acts.to_job(split_job, "LO-1-CUT", quantity=Decimal(16), reason=WHY) == "LO-1-CUT.2"
        stays, part = acts.job("LO-1-CUT"), acts.job("LO-1-CUT.2")
        assert (stays.quantity, stays.cycles, part.quantity, part.cycles) == (24, 6, 16, 4)
        assert (part.role, part.state, part.segment_id) == (JobRole.part, JobState.AllowedToStart, "CUT")
        acts.make("LO-1-CUT", 24)
        with pytest.raises(errors.JobNotDue):
            acts.start("LO-1-FIT")
        acts.make("LO-1-CUT.2", 16)
        acts.start("LO-1-FIT")

    def test_what_was_made_stays_where_it_was_made(self, acts: Acts) -> None:
        acts.submit()
        acts.release("LO-1-CUT")
        acts.start("LO-1-CUT")
        acts.good("LO-1-CUT", 22)
        with pytest.raises(errors.SplitInvalid):
            acts.to_job(split_job, "LO-1-CUT", quantity=Decimal(20), reason=WHY)
        acts.to_job(split_job, "LO-1-CUT", quantity=Decimal(16), reason=WHY)
        assert (acts.job("LO-1-CUT").good_low, acts.job("LO-1-CUT.2").good_low) == (22, 0)
        assert acts.job("LO-1-CUT.2").state is JobState.NotAllowedToStart

    @pytest.mark.parametrize("quantity", [3, 40, 44])
    def test_only_whole_cycles_and_less_than_all(self, acts: Acts, quantity: int) -> None:
        acts.submit()
        with pytest.raises(errors.SplitInvalid):
            acts.to_job(split_job, "LO-1-CUT", quantity=Decimal(quantity), reason=WHY)

    def test_a_machine_keeps_the_quantity_it_was_told(self, acts: Acts, box: Box) -> None:
        acts.submit("PO-1", 50, material_id="BOARD")
        box.ready()
        acts.release("PO-1-LINE")
        for _ in range(2):
            with pytest.raises(errors.JobWithMachine):
                acts.to_job(split_job, "PO-1-LINE", quantity=Decimal(8), reason=WHY)
            box.job(LINE, "PO-1-LINE", 3)

    def test_an_order_is_split_through_all_its_steps(self, acts: Acts) -> None:
        acts.submit()
        parts = acts.to_order(split_order, "LO-1", quantity=Decimal(10), reason=WHY)
        assert parts == ("LO-1-CUT.2", "LO-1-FIT.2", "LO-1-TEST.2")
        assert [acts.job(part).quantity for part in parts] == [12, 10, 10]
        acts.release(*parts)
        acts.make("LO-1-CUT.2", 12)
        acts.make("LO-1-FIT.2", 10)
        acts.make("LO-1-TEST.2", 10)
        assert acts.order("LO-1").state is RequestState.Running

    def test_one_piece_is_an_order_too_and_cannot_be_split(self, acts: Acts, clock: SettableClock) -> None:
        jobs = acts.submit(quantity=1)
        acts.release(*jobs)
        for job_id in jobs:
            with pytest.raises(errors.SplitInvalid):
                acts.to_job(split_job, job_id, quantity=Decimal(1), reason=WHY)
            acts.make(job_id, 1)
        assert acts.order("LO-1").state is RequestState.Completed
        assert [r["material_actual"][0]["quantity"] for r in told(acts.plant, clock).values()] == ["1", "1", "1"]


class TestMerge:
    def merge(self, acts: Acts, into: str, *others: str) -> None:
        versions = {job_id: acts.job(job_id).version for job_id in (into, *others)}
        acts.do(merge_jobs, into=into, versions=versions, reason=WHY)

    def test_what_was_split_is_put_together_again(self, acts: Acts) -> None:
        acts.submit()
        acts.to_job(split_job, "LO-1-CUT", quantity=Decimal(8), reason=WHY)
        acts.to_job(split_job, "LO-1-CUT", quantity=Decimal(12), reason=WHY)
        self.merge(acts, "LO-1-CUT.3", "LO-1-CUT", "LO-1-CUT.2")
        merged, gone = acts.job("LO-1-CUT.3"), acts.job("LO-1-CUT")
        assert (merged.quantity, merged.cycles) == (40, 10)
        assert (gone.quantity, gone.dispatch_status) == (0, DispatchStatus.Cancelled)
        links = acts.plant.read_now(list_job_links, job_pk=gone.pk)
        assert [(link.kind, link.from_job_id, link.to_job_id, link.quantity) for link in links] == [
            (LinkKind.merge, "LO-1-CUT", "LO-1-CUT.3", 20),
            (LinkKind.split_off, "LO-1-CUT", "LO-1-CUT.3", 12),
            (LinkKind.split_off, "LO-1-CUT", "LO-1-CUT.2", 8),
        ]
        acts.release("LO-1-CUT.3", "LO-1-FIT")
        with pytest.raises(errors.JobNotDue):
            acts.start("LO-1-FIT")
        acts.make("LO-1-CUT.3", 40)
        acts.start("LO-1-FIT")

    def test_unlike_jobs_are_not_merged(self, acts: Acts) -> None:
        acts.submit()
        acts.submit("LO-2")
        acts.to_job(split_job, "LO-1-CUT", quantity=Decimal(8), reason=WHY)
        for others in (("LO-1-FIT",), ("LO-2-CUT",), ()):
            with pytest.raises(errors.MergeInvalid):
                self.merge(acts, "LO-1-CUT", *others)
        acts.release("LO-1-CUT.2")
        with pytest.raises(errors.MergeInvalid):
            self.merge(acts, "LO-1-CUT", "LO-1-CUT.2")
        acts.release("LO-1-CUT")
        acts.start("LO-1-CUT")
        with pytest.raises(errors.MergeInvalid):
            self.merge(acts, "LO-1-CUT", "LO-1-CUT.2")


class TestPartialCompletion:
    def running(self, acts: Acts, **more: Any) -> None:
        acts.submit(**more)
        acts.release("LO-1-CUT")
        acts.start("LO-1-CUT")
        acts.good("LO-1-CUT", 30)

    def test_the_rest_becomes_a_job_that_waits_for_its_release(self, acts: Acts, clock: SettableClock) -> None:
        self.running(acts)
        acts.complete("LO-1-CUT", remainder=Remainder.split_off)
        done, rest = acts.job("LO-1-CUT"), acts.job("LO-1-CUT.2")
        assert (done.state, done.quantity, rest.quantity, rest.cycles) == (JobState.Ended, 30, 10, 3)
        assert (rest.state, done.undo_until) == (JobState.NotAllowedToStart, None)
        assert told(acts.plant, clock)["LO-1-CUT"]["material_actual"][0]["quantity_ordered"] == "30"

    def test_the_rest_is_split_off_later_too(self, acts: Acts, clock: SettableClock) -> None:
        self.running(acts)
        acts.complete("LO-1-CUT")
        with pytest.raises(errors.JobStateConflict):
            acts.to_job(split_rest, "LO-1-CUT", reason=WHY)
        clock.advance(seconds=11)
        assert acts.to_job(split_rest, "LO-1-CUT", reason=WHY) == "LO-1-CUT.2"
        with pytest.raises(errors.SplitInvalid):
            acts.to_job(split_rest, "LO-1-CUT", reason=WHY)

    def test_less_than_tolerated_needs_a_supervisor(self, acts: Acts) -> None:
        self.running(acts, under_percent=Decimal(10))
        with pytest.raises(errors.OutsideTolerance):
            acts.complete("LO-1-CUT")
        acts.complete("LO-1-CUT", accepted_reason="customer takes 30")
        assert acts.job("LO-1-CUT").deviation == "under"
        what, payload = events(acts.plant, "LO-1-CUT")[0]
        assert (what, payload["deviation"], payload["reason"]) == ("orders.job-ended.v1", "under", "customer takes 30")

    @pytest.mark.parametrize(("made", "deviation"), [(36, ""), (42, ""), (43, "over")])
    def test_what_is_within_the_tolerance_is_nobodys_business(self, acts: Acts, made: int, deviation: str) -> None:
        self.running(acts, under_percent=Decimal(10), over_percent=Decimal(5))
        acts.good("LO-1-CUT", made - 30)
        if deviation:
            with pytest.raises(errors.OutsideTolerance):
                acts.complete("LO-1-CUT")
        acts.complete("LO-1-CUT", accepted_reason=WHY if deviation else "")
        assert acts.job("LO-1-CUT").deviation == deviation

    def test_a_rest_that_is_made_later_is_no_under_delivery(self, acts: Acts) -> None:
        self.running(acts, under_percent=Decimal(0))
        acts.complete("LO-1-CUT", remainder=Remainder.split_off)
        assert acts.job("LO-1-CUT").deviation == ""

    def test_a_machine_ends_by_itself_and_the_deviation_is_seen(
        self, acts: Acts, box: Box, clock: SettableClock
    ) -> None:
        acts.submit("PO-1", 50, material_id="BOARD", under_percent=Decimal(5))
        box.ready()
        box.say(box.sample("LINE-AOI.Good", 0))
        acts.release("PO-1-LINE")
        box.job(LINE, "PO-1-LINE", 3)
        clock.advance(seconds=10)
        box.say(box.sample("LINE-AOI.Good", 32))
        with pytest.raises(errors.JobIsMachineRun):
            acts.complete("PO-1-LINE", remainder=Remainder.split_off)
        box.job(LINE, "PO-1-LINE", 5)
        assert acts.job("PO-1-LINE").deviation == "under"
        acts.to_job(split_rest, "PO-1-LINE", reason=WHY)
        assert [acts.job(j).quantity for j in ("PO-1-LINE", "PO-1-LINE.2")] == [32, 24]
        assert acts.job("PO-1-LINE").deviation == ""


class TestCancel:
    def test_what_ran_stays_reported_and_the_rest_is_told_as_cancelled(self, acts: Acts, clock: SettableClock) -> None:
        acts.submit()
        acts.release("LO-1-CUT")
        acts.start("LO-1-CUT")
        acts.good("LO-1-CUT", 12)
        acts.to_order(cancel_order, "LO-1", reason=WHY)
        card = acts.order("LO-1")
        assert [job.dispatch_status for job in card.jobs] == [
            DispatchStatus.Aborted,
            DispatchStatus.Cancelled,
            DispatchStatus.Cancelled,
        ]
        assert card.state is RequestState.Aborted
        reports = told(acts.plant, clock)
        assert {job_id: (r["state"], r["material_actual"][0]["quantity"]) for job_id, r in reports.items()} == {
            "LO-1-CUT": ("Aborted", "12"),
            "LO-1-FIT": ("Cancelled", "0"),
            "LO-1-TEST": ("Cancelled", "0"),
        }
        with pytest.raises(errors.OrderOver):
            acts.to_order(cancel_order, "LO-1", reason=WHY)

    def test_an_order_of_which_nothing_ran_is_cancelled(self, acts: Acts) -> None:
        acts.submit()
        acts.to_order(cancel_order, "LO-1", reason=WHY)
        assert acts.order("LO-1").state is RequestState.Cancelled
        assert acts.plant.read_now(list_board, now=acts.plant.clock()) == ()
        with pytest.raises(errors.JobStateConflict):
            acts.release("LO-1-CUT")

    def test_one_job_is_cancelled_and_the_next_need_not_wait_for_it(self, acts: Acts) -> None:
        acts.submit()
        acts.release("LO-1-FIT")
        acts.to_job(cancel_job, "LO-1-CUT", reason="cut by a supplier")
        acts.start("LO-1-FIT")
        with pytest.raises(errors.JobStateConflict):
            acts.to_job(cancel_job, "LO-1-CUT", reason=WHY)

    def test_a_machine_is_asked_to_abort(self, acts: Acts, box: Box) -> None:
        acts.submit("PO-1", 50, material_id="BOARD")
        box.ready()
        acts.release("PO-1-LINE")
        with pytest.raises(errors.JobWithMachine):
            acts.to_order(cancel_order, "PO-1", reason=WHY)
        assert acts.job("PO-1-BENCH").dispatch_status is DispatchStatus.Waiting, "all or none"
        box.job(LINE, "PO-1-LINE", 3)
        acts.to_order(cancel_order, "PO-1", reason=WHY)
        assert actions(acts.plant)[-1] == JobAction.abort
        assert acts.job("PO-1-LINE").state is JobState.Running
        box.job(LINE, "PO-1-LINE", 6)
        assert acts.order("PO-1").state is RequestState.Aborted


class TestPriorityAndSequence:
    def waiting(self, acts: Acts) -> list[str]:
        (station,) = acts.plant.read_now(list_dispatch, work_center_id="CUTTER", now=acts.plant.clock())
        return [job.operations_request_id for job in station.waiting]

    def three(self, acts: Acts) -> None:
        for number in (1, 2, 3):
            acts.submit(f"LO-{number}")
            acts.release(f"LO-{number}-CUT")

    def sequence(self, acts: Acts, *orders: str) -> None:
        versions = {f"{order}-CUT": acts.job(f"{order}-CUT").version for order in orders}
        acts.do(sequence_jobs, equipment_id="CUTTER", versions=versions)

    def test_a_higher_priority_goes_first_from_now_on(self, acts: Acts) -> None:
        self.three(acts)
        acts.to_order(change_order, "LO-3", priority=80, reason=WHY)
        assert self.waiting(acts) == ["LO-3", "LO-1", "LO-2"]
        with pytest.raises(errors.OrderVersionConflict):
            acts.do(change_order, operations_request_id="LO-3", revision=1, priority=10, reason=WHY)
        detail = acts.plant.read_now(get_order, operations_request_id="LO-3", now=acts.plant.clock())
        changed = next(e for e in detail.events if e.what == "orders.operations-request-changed.v1")
        assert (changed.payload["priority"], changed.payload["reason"]) == ([50, 80], WHY)

    def test_an_earlier_due_date_goes_first_and_can_be_taken_away(self, acts: Acts, clock: SettableClock) -> None:
        self.three(acts)
        acts.to_order(change_order, "LO-2", due_at=clock() + timedelta(hours=1), reason=WHY)
        assert self.waiting(acts) == ["LO-2", "LO-1", "LO-3"]
        assert acts.job("LO-2-CUT").due_at == clock() + timedelta(hours=1)
        acts.to_order(change_order, "LO-2", due_at=None, reason=WHY)
        assert self.waiting(acts) == ["LO-1", "LO-2", "LO-3"]

    def test_a_sequence_holds_behind_priorities_and_before_what_comes_later(self, acts: Acts) -> None:
        self.three(acts)
        self.sequence(acts, "LO-3", "LO-1")
        acts.submit("LO-4")
        acts.submit("LO-5", priority=90)
        assert self.waiting(acts) == ["LO-5", "LO-3", "LO-1", "LO-2", "LO-4"]
        acts.to_order(change_order, "LO-3", priority=60, reason=WHY)
        assert acts.job("LO-3-CUT").rank is None
        assert self.waiting(acts) == ["LO-5", "LO-3", "LO-1", "LO-2", "LO-4"]

    def test_no_job_passes_one_of_a_higher_priority(self, acts: Acts) -> None:
        self.three(acts)
        acts.to_order(change_order, "LO-1", priority=60, reason=WHY)
        with pytest.raises(errors.SequenceInvalid):
            self.sequence(acts, "LO-2", "LO-1")
        with pytest.raises(errors.SequenceInvalid):
            acts.do(sequence_jobs, equipment_id="FITTER", versions={"LO-1-CUT": acts.job("LO-1-CUT").version})
        with pytest.raises(errors.JobVersionConflict):
            acts.do(sequence_jobs, equipment_id="CUTTER", versions={"LO-1-CUT": 1})

    def test_a_machine_gets_its_jobs_in_the_sequence(self, acts: Acts, box: Box) -> None:
        for number in (1, 2):
            acts.submit(f"PO-{number}", 8, material_id="BOARD")
        acts.do(
            sequence_jobs,
            equipment_id=LINE,
            versions={job_id: acts.job(job_id).version for job_id in ("PO-2-LINE", "PO-1-LINE")},
        )
        box.ready()
        acts.release("PO-1-LINE", "PO-2-LINE")
        assert acts.job("PO-2-LINE").dispatch_status is DispatchStatus.Dispatched
        assert acts.job("PO-1-LINE").dispatch_status is DispatchStatus.Pending

    def test_a_list_of_a_work_centre_has_its_stations_and_a_suggestion(self, acts: Acts) -> None:
        self.three(acts)
        acts.start("LO-1-CUT")
        lists = acts.plant.read_now(list_dispatch, work_center_id="BENCHES", now=acts.plant.clock())
        cutter = next(found for found in lists if found.equipment_id == "CUTTER")
        assert [job.job_id for job in cutter.active] == ["LO-1-CUT"]
        assert (cutter.mounted, cutter.setups, cutter.setups_suggested) == ("blade-3", 0, 0)
        assert {found.equipment_id for found in lists} == {"CUTTER", "FITTER", "TESTER"}
        assert acts.job("LO-1-FIT").setup_family == "WM-FIT"


class TestClearToBuild:
    def needs(self, acts: Acts) -> dict[str, tuple[Any, ...]]:
        pks = [job.pk for job in acts.order("LO-1").jobs]
        found = acts.plant.read_now(list_material_needs, job_pks=pks, now=acts.plant.clock())
        return {n.material_id: (n.needed, n.usable, n.blocked, n.missing) for n in found}

    def test_usable_lots_stand_against_the_need_in_the_materials_unit(self, acts: Acts) -> None:
        acts.submit()
        acts.do(create_lot, spec=LotSpec("S-1", "SCREW", Decimal(30), "pcs"))
        acts.do(create_lot, spec=LotSpec("S-2", "SCREW", Decimal(99), "pcs", Disposition.Restricted))
        acts.do(create_lot, spec=LotSpec("G-1", "GLUE", Decimal("0.25"), "kg"))
        assert self.needs(acts) == {"SCREW": (40, 30, 99, 10), "GLUE": (80, 250, 0, 0)}
        ids, now = ["LO-1", "LO-9"], acts.plant.clock()
        short = acts.plant.read_now(list_short_orders, operations_request_ids=ids, now=now)
        assert short == {"LO-1": ("SCREW",)}

    def route(self, acts: Acts, material: MaterialSpecification) -> None:
        fit = SegmentSpec("FIT", "WM-FIT", "FITTER", materials=(material,))
        acts.do(put_definitions, specs=[DefinitionSpec("FITTED", "LAMP", (fit,))])
        for number in (1, 2):
            acts.submit(f"LO-{number}", 40, operations_definition_id="FITTED")

    def need(self, acts: Acts, order_id: str = "LO-1") -> MaterialNeed:
        pks = [job.pk for job in acts.order(order_id).jobs]
        (found,) = acts.plant.read_now(list_material_needs, job_pks=pks, now=acts.plant.clock())
        return found

    def test_scrap_is_allowed_for(self, acts: Acts) -> None:
        self.route(acts, MaterialSpecification("SCREW", MaterialUse.Consumed, Decimal(2), Decimal(5)))
        acts.do(create_lot, spec=LotSpec("S-1", "SCREW", Decimal(82), "pcs"))
        need = self.need(acts)
        assert (need.needed, need.allowance, need.missing) == (84, 4, 2)

    def test_what_released_jobs_will_still_take_is_not_there_for_others(self, acts: Acts) -> None:
        self.route(acts, MaterialSpecification("SCREW", MaterialUse.Consumed, Decimal(1)))
        acts.do(create_lot, spec=LotSpec("S-1", "SCREW", Decimal(70), "pcs"))
        assert not self.need(acts, "LO-2").short
        acts.release("LO-1-FIT")
        need = self.need(acts, "LO-2")
        assert (need.usable, need.reserved, need.missing) == (70, 40, 10)
        assert [(one.job_id, one.quantity) for one in need.takers] == [("LO-1-FIT", 40)]
        assert self.need(acts).reserved == 0
        with pytest.raises(errors.MaterialShort):
            acts.release("LO-2-FIT")
        acts.start("LO-1-FIT")
        acts.good("LO-1-FIT", 15)
        assert (self.need(acts, "LO-2").reserved, self.need(acts, "LO-2").missing) == (25, 0)
        acts.release("LO-2-FIT")

    def test_jobs_released_together_count_once_each(self, acts: Acts) -> None:
        self.route(acts, MaterialSpecification("SCREW", MaterialUse.Consumed, Decimal(1)))
        acts.do(create_lot, spec=LotSpec("S-1", "SCREW", Decimal(79), "pcs"))
        with pytest.raises(errors.MaterialShort):
            acts.release("LO-1-FIT", "LO-2-FIT")
        acts.do(create_lot, spec=LotSpec("S-2", "SCREW", Decimal(1), "pcs"))
        acts.release("LO-1-FIT", "LO-2-FIT")

    def test_substitutes_stand_in_with_their_own_quantity(self, acts: Acts) -> None:
        glue = (Substitute("GLUE", Decimal("0.5")),)
        screws = MaterialSpecification("SCREW", MaterialUse.Consumed, Decimal(2), substitutes=glue)
        self.route(acts, screws)
        acts.do(create_lot, spec=LotSpec("S-1", "SCREW", Decimal(50), "pcs"))
        acts.do(create_lot, spec=LotSpec("G-1", "GLUE", Decimal("0.007"), "kg"))
        need = self.need(acts)
        assert (need.needed, need.usable, need.missing) == (80, 50, 2)
        assert need.substitutes == (SubstituteStock("GLUE", "g", Decimal(7), Decimal(7), Decimal(28)),)

    def test_what_was_taken_of_a_lot_is_gone(self, acts: Acts) -> None:
        self.route(acts, MaterialSpecification("SCREW", MaterialUse.Consumed, Decimal(1)))
        lots = [LotSpec("S-1", "SCREW", Decimal(50), "pcs"), LotSpec("LAMP-1", "LAMP", Decimal(1), "pcs")]
        acts.do(put_lots, specs=lots)
        taken = {"parent_id": "S-1", "child_id": "LAMP-1", "quantity_e6": 12_000_000}
        acts.do(scan_lot, request_id="scan-0001", kind=LotLink.consumed, **taken)
        assert (self.need(acts).usable, self.need(acts).missing) == (38, 2)

    def test_what_pieces_took_of_a_mounted_lot_is_gone(self, acts: Acts) -> None:
        self.route(acts, MaterialSpecification("SCREW", MaterialUse.Consumed, Decimal(1)))
        acts.do(put_lots, specs=[LotSpec("S-1", "SCREW", Decimal(50), "pcs")])
        mount = {"equipment_id": "FITTER", "slot_id": "1", "lot_id": "S-1", "quantity_per_e6": 4_000_000}
        acts.do(mount_lot, request_id="mount-1", **mount)
        for n in range(3):
            passed = {"lot_id": f"LAMP-{n}", "equipment_id": "FITTER", "material_id": "LAMP"}
            acts.do(record_pass, request_id=f"pass-{n}", **passed)
        tick(acts.plant, count_mounted)
        assert (self.need(acts).usable, self.need(acts).missing) == (38, 2)

    def test_a_serial_is_there_until_it_is_in_something_closed_or_gone_and_again_when_taken_out(
        self, acts: Acts
    ) -> None:
        self.route(acts, MaterialSpecification("SCREW", MaterialUse.Consumed, Decimal(1)))
        serials = [NewLot(f"SN-{n}", "SCREW", kind=LotKind.unit) for n in range(4)]
        acts.do(record_genealogy, recording=Recording([*serials, NewLot("LAMP-1", "LAMP", kind=LotKind.unit)]))
        assert self.need(acts).usable == 4
        acts.do(scan_lot, request_id="in", parent_id="SN-0", child_id="LAMP-1")
        acts.do(pack_lots, request_id="packed", container_id="BOX", lot_ids=["SN-1"])
        acts.do(set_disposition, lot_id="SN-2", disposition=Disposition.Closed, reason=WHY)
        assert (self.need(acts).usable, self.need(acts).blocked) == (1, 0)
        acts.do(remove_part, request_id="out", unit_id="LAMP-1", part_id="SN-0")
        assert self.need(acts).usable == 2
        acts.do(ship_lots, request_id="sent", shipment_id="DN-1", customer_id="ACME", lot_ids=["SN-0"])
        acts.do(unpack_lots, request_id="unpacked", container_id="BOX", lot_ids=["SN-1"])
        assert (self.need(acts).usable, self.need(acts).tracked) == (2, True)

    def test_lots_that_are_gone_are_not_looked_at(self, acts: Acts) -> None:
        """However many there ever were of a material."""
        self.route(acts, MaterialSpecification("SCREW", MaterialUse.Consumed, Decimal(1)))
        explained: list[str] = []

        def plans(session: ReadSession) -> None:
            @event.listens_for(session.connection(), "before_cursor_execute")
            def explain(_connection: Any, cursor: Any, statement: str, params: Any, _context: Any, _many: bool) -> None:
                if "consumed_e6" in statement:
                    if session.dialect == "postgresql":
                        cursor.execute("SET enable_seqscan = off")
                    how = "EXPLAIN QUERY PLAN " if session.dialect == "sqlite" else "EXPLAIN "
                    cursor.execute(how + statement, params)
                    explained.extend(str(row[-1]) for row in cursor.fetchall())

            list_material_needs(session, job_pks=[job.pk for job in order.jobs], now=acts.plant.clock())

        order = acts.order("LO-1")
        acts.plant.read_now(plans)
        assert [line for line in explained if "ix_material_lot_left" in line], explained
        assert not [line for line in explained if "SCAN material_lot" in line or "Seq Scan on material_lot" in line]

    def test_what_is_short_is_released_with_a_reason_only_and_the_reason_is_kept(self, acts: Acts) -> None:
        acts.submit()
        acts.do(create_lot, spec=LotSpec("S-1", "SCREW", Decimal(30), "pcs"))
        acts.release("LO-1-CUT")
        with pytest.raises(errors.MaterialShort):
            acts.release("LO-1-FIT")
        acts.release("LO-1-FIT", shortage_reason="delivery at noon")
        payload = dict(events(acts.plant, "LO-1-FIT"))["orders.job-released.v1"]
        assert (payload["short"], payload["reason"]) == (["SCREW"], "delivery at noon")

    def test_a_lot_past_its_shelf_life_is_there_but_not_usable(self, acts: Acts, clock: SettableClock) -> None:
        acts.submit()
        acts.do(create_lot, spec=LotSpec("S-1", "SCREW", Decimal(50), "pcs"))
        ends = to_us(clock() + timedelta(hours=1))
        acts.do(begin_life, lot_id="S-1", storage=Storage.sealed, expires_at_us=ends)
        assert self.needs(acts)["SCREW"] == (40, 50, 0, 0)
        clock.advance(hours=1)
        assert self.needs(acts)["SCREW"] == (40, 0, 50, 40)

    def test_what_is_not_booked_by_lots_is_never_short(self, acts: Acts) -> None:
        acts.submit()
        assert self.needs(acts) == {"SCREW": (40, 0, 0, 0), "GLUE": (80, 0, 0, 0)}
        acts.release("LO-1-FIT")


def test_scrap_counts_as_made_when_a_job_is_split(acts: Acts) -> None:
    acts.submit()
    acts.release("LO-1-CUT")
    acts.start("LO-1-CUT")
    scrap = {"quantity": Decimal(28), "reason_id": "scratch", "request_id": "scrap-1"}
    acts.do(report_scrap, job_id="LO-1-CUT", **scrap)
    with pytest.raises(errors.SplitInvalid):
        acts.to_job(split_job, "LO-1-CUT", quantity=Decimal(16), reason=WHY)


def test_release_refuses_a_cancelled_job(acts: Acts) -> None:
    acts.submit()
    acts.to_job(cancel_job, "LO-1-CUT", reason=WHY)
    with pytest.raises(errors.JobStateConflict):
        acts.do(release_jobs, versions={"LO-1-CUT": acts.job("LO-1-CUT").version})


class TestAnotherQuantity:
    def test_jobs_that_can_be_told_make_more_or_less(self, acts: Acts) -> None:
        acts.submit("LO-1", 40)
        acts.release("LO-1-CUT")
        acts.to_job(start_job, "LO-1-CUT")
        acts.to_order(change_order_quantity, "LO-1", quantity=Decimal(58), reason=WHY)
        assert [int(job.quantity) for job in acts.order("LO-1").jobs] == [60, 58, 58]
        acts.to_order(change_order_quantity, "LO-1", quantity=Decimal(6), reason=WHY)
        assert [int(job.quantity) for job in acts.order("LO-1").jobs] == [8, 6, 6]
        assert acts.order("LO-1").quantity == 6

    def test_no_less_than_was_made(self, acts: Acts) -> None:
        acts.submit("LO-1", 40)
        acts.release("LO-1-CUT")
        acts.to_job(start_job, "LO-1-CUT")
        acts.do(report_good, job_id="LO-1-CUT", quantity=Decimal(20), request_id="twenty-pieces")
        with pytest.raises(errors.OrderQuantityFixed):
            acts.to_order(change_order_quantity, "LO-1", quantity=Decimal(16), reason=WHY)
        acts.to_order(change_order_quantity, "LO-1", quantity=Decimal(20), reason=WHY)
        assert [int(job.quantity) for job in acts.order("LO-1").jobs] == [20, 20, 20]

    def test_what_a_step_is_over_with_becomes_a_job_of_its_own(self, acts: Acts) -> None:
        acts.submit("LO-1", 40)
        acts.release("LO-1-CUT")
        acts.make("LO-1-CUT", 40)
        acts.to_order(change_order_quantity, "LO-1", quantity=Decimal(48), reason=WHY)
        more = acts.job("LO-1-CUT.2")
        assert (int(more.quantity), more.state, more.role) == (8, JobState.NotAllowedToStart, JobRole.part)
        acts.to_order(change_order_quantity, "LO-1", quantity=Decimal(40), reason=WHY)
        assert acts.job("LO-1-CUT.2").dispatch_status is DispatchStatus.Cancelled
        assert acts.order("LO-1").state is RequestState.Running

    def test_a_machine_that_was_told_keeps_what_it_was_told(self, plant: Database, box: Box) -> None:
        acts = Acts(plant)
        acts.do(submit_operations_request, id="BO-1", quantity=Decimal(80), material_id="BOARD")
        box.ready()
        acts.release("BO-1-LINE")
        assert acts.job("BO-1-LINE").dispatch_status is DispatchStatus.Dispatched
        with pytest.raises(errors.OrderQuantityFixed):
            acts.to_order(change_order_quantity, "BO-1", quantity=Decimal(40), reason=WHY)
        assert [int(job.quantity) for job in acts.order("BO-1").jobs] == [80, 80, 80]
        acts.to_order(change_order_quantity, "BO-1", quantity=Decimal(96), reason=WHY)
        assert (int(acts.job("BO-1-LINE").quantity), int(acts.job("BO-1-LINE.2").quantity)) == (80, 16)
