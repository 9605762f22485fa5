"""From an ERP's request to the ERP's answer."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import text

from mes.access.privacy.queries import get_privacy_policy
from mes.access.privacy.rules import pseudonym
from mes.access.privacy.service import put_privacy_policy
from mes.access.privacy.types import PerformanceByPerson, PrivacyPolicy
from mes.access.service import create_principal
from mes.access.types import Role
from mes.edge.queries import list_waiting_commands
from mes.ingest.service import record_command_result
from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import Refusal
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.orders import errors
from mes.orders.queries import (
    get_job,
    get_operations_request,
    list_board,
    list_jobs_to_count,
    list_orders_to_count,
    list_station_jobs,
    list_unassigned_counts,
)
from mes.orders.service import (
    complete_job,
    dispatch_due_jobs,
    give_up_overdue_commands,
    pause_job,
    record_counts,
    release_jobs,
    report_good,
    report_scrap,
    resume_job,
    revoke_release,
    settle_count,
    start_job,
    submit_operations_request,
    undo_complete_job,
    undo_count,
)
from mes.orders.types import Cause, Count, CountKind, JobView, Note, RequestState, Unassigned
from mes.reporting.queries import list_operations_performance
from mes.reporting.service import publish_due_reports
from standards.isa95.job_control import DispatchStatus, EndedSubstate, JobState
from standards.lineside.commands_v1 import CommandResult, JobAction, Outcome
from tests.conftest import SettableClock
from tests.support.plants import BENCH, BRIDGE, CELL, LINE, PRESS, Box
from tests.support.ticks import tick


def submit(plant: Database, **changes: object) -> tuple[str, ...]:
    values = {"id": "PO-1", "quantity": Decimal(50), "material_id": "BOARD", **changes}
    return plant.write_now(submit_operations_request, actor=None, **values).job_order_ids


def job(plant: Database, job_id: str) -> JobView:
    return plant.read_now(get_job, job_id=job_id, now=plant.clock())


def release(plant: Database, *job_ids: str) -> None:
    versions = {job_id: job(plant, job_id).version for job_id in job_ids}
    plant.write_now(release_jobs, actor=None, versions=versions)


def commands(plant: Database) -> list[dict[str, object]]:
    def waiting(session: ReadSession) -> list[dict[str, object]]:
        bridge = session.execute(text("SELECT pk FROM bridge")).scalar_one()
        found = list_waiting_commands(session, bridge_pk=bridge, now_us=to_us(plant.clock()))
        return [{"id": c.id, **c.payload, "expires_at_us": c.expires_at_us} for c in found]

    return plant.read_now(waiting)


def refused(code: type[Refusal]) -> pytest.RaisesExc[Refusal]:
    return pytest.raises(code)


class TestSubmit:
    def test_fifty_boards_are_seven_panels_and_fifty_six_pieces(self, plant: Database) -> None:
        assert submit(plant) == ("PO-1-LINE", "PO-1-PRESS", "PO-1-BENCH")
        line = job(plant, "PO-1-LINE")
        assert (line.cycles, line.cycle_unit, line.quantity) == (7, "panel", 56)
        assert job(plant, "PO-1-PRESS").quantity == 50

    def test_the_same_again_changes_nothing(self, plant: Database) -> None:
        first = submit(plant)
        again = plant.write_now(
            submit_operations_request, actor=None, id="PO-1", quantity=Decimal("50.0"), material_id="BOARD"
        )
        assert (again.created, again.job_order_ids) == (False, first)

    def test_other_content_under_the_same_version_is_refused(self, plant: Database) -> None:
        submit(plant)
        with refused(errors.OperationsRequestDiffers):
            submit(plant, quantity=Decimal(51))

    def test_a_newer_version_replaces_what_was_not_released(self, plant: Database) -> None:
        submit(plant)
        assert submit(plant, version="2", quantity=Decimal(8)) == ("PO-1.2-LINE", "PO-1.2-PRESS", "PO-1.2-BENCH")
        assert job(plant, "PO-1-LINE").dispatch_status is DispatchStatus.Cancelled
        (card,) = plant.read_now(list_board, now=plant.clock())
        assert (card.version, card.quantity) == ("2", 8)
        with refused(errors.OperationsRequestOutdated):
            submit(plant, version="1.5")

    def test_a_released_order_is_not_replaced(self, plant: Database, box: Box) -> None:
        submit(plant)
        release(plant, "PO-1-LINE")
        with refused(errors.OperationsRequestStarted):
            submit(plant, version="2")

    @pytest.mark.parametrize("quantity", ["0", "-1", "0.0000001", "99999999999999"])
    def test_bad_quantities_are_refused(self, plant: Database, quantity: str) -> None:
        with refused(errors.QuantityInvalid):
            submit(plant, quantity=Decimal(quantity))

    def test_a_wrong_unit_is_refused(self, plant: Database) -> None:
        with refused(errors.QuantityInvalid):
            submit(plant, unit="kg")


class TestDispatch:
    def test_release_permits_and_the_command_goes_out_when_the_turn_comes(self, plant: Database, box: Box) -> None:
        submit(plant)
        box.ready()
        release(plant, "PO-1-LINE", "PO-1-PRESS")
        (command,) = commands(plant)
        assert (command["job_order_id"], command["action"], command["cycles"]) == ("PO-1-LINE", "store-and-start", 7)
        assert command["expires_at_us"] == to_us(plant.clock()) + 30_000_000
        assert job(plant, "PO-1-PRESS").note == Note.predecessor

    def test_the_second_tap_is_refused(self, plant: Database, box: Box) -> None:
        submit(plant)
        release(plant, "PO-1-LINE")
        with refused(errors.JobVersionConflict):
            plant.write_now(release_jobs, actor=None, versions={"PO-1-LINE": 1})

    @pytest.mark.parametrize(("remote", "note"), [(False, Note.machine_local), (None, Note.machine_unknown)])
    def test_a_machine_in_local_mode_or_unknown_gets_no_command(
        self, plant: Database, box: Box, remote: bool | None, note: Note
    ) -> None:
        submit(plant)
        if remote is not None:
            box.ready()
            box.say(box.sample(f"{LINE}.Remote", remote))
        release(plant, "PO-1-LINE")
        assert commands(plant) == []
        assert job(plant, "PO-1-LINE").note == note

    def test_one_job_at_a_time_by_priority(self, plant: Database, box: Box) -> None:
        submit(plant)
        submit(plant, id="PO-2", priority=90)
        box.ready()
        release(plant, "PO-1-LINE", "PO-2-LINE")
        assert [c["job_order_id"] for c in commands(plant)] == ["PO-2-LINE"]
        assert job(plant, "PO-1-LINE").note == Note.not_its_turn

    def test_a_refusal_is_said_and_tried_again(self, plant: Database, box: Box, clock: SettableClock) -> None:
        submit(plant)
        box.ready()
        release(plant, "PO-1-LINE")
        (command,) = commands(plant)
        result = CommandResult(Outcome.refused, "busy", "The line is being cleaned.")
        plant.write_now(
            record_command_result, actor=None, bridge_id=BRIDGE, command_id=str(command["id"]), result=result
        )
        waiting = job(plant, "PO-1-LINE")
        assert (waiting.note, waiting.note_text) == (Note.dispatch_refused, "The line is being cleaned.")
        tick(plant, dispatch_due_jobs)
        assert commands(plant) == []
        clock.advance(seconds=31)
        tick(plant, dispatch_due_jobs)
        assert len(commands(plant)) == 1

    def test_a_command_nobody_answered_is_given_up_after_its_expiry(
        self, plant: Database, box: Box, clock: SettableClock
    ) -> None:
        submit(plant)
        box.ready()
        release(plant, "PO-1-LINE")
        clock.advance(seconds=36)
        tick(plant, give_up_overdue_commands)
        tick(plant, dispatch_due_jobs)
        assert job(plant, "PO-1-LINE").note == Note.dispatch_expired
        assert commands(plant) == []

    def test_a_release_can_be_revoked_until_the_machine_has_it(self, plant: Database, box: Box) -> None:
        submit(plant)
        release(plant, "PO-1-LINE")
        plant.write_now(revoke_release, actor=None, versions={"PO-1-LINE": job(plant, "PO-1-LINE").version})
        assert job(plant, "PO-1-LINE").state is JobState.NotAllowedToStart
        box.ready()
        release(plant, "PO-1-LINE")
        with refused(errors.JobStateConflict):
            plant.write_now(revoke_release, actor=None, versions={"PO-1-LINE": job(plant, "PO-1-LINE").version})


@pytest.fixture
def on_line(plant: Database, box: Box, clock: SettableClock) -> Box:
    submit(plant)
    box.ready()
    box.say(box.sample(f"{CELL}.Good", 0))
    release(plant, "PO-1-LINE", "PO-1-PRESS", "PO-1-BENCH")
    box.job(LINE, "PO-1-LINE", 3)
    clock.advance(seconds=10)
    box.say(box.sample(f"{CELL}.Good", 20))
    return box


class TestOperator:
    def test_pause_asks_the_machine_and_moves_when_it_says_so(self, plant: Database, on_line: Box) -> None:
        plant.write_now(pause_job, actor=None, job_id="PO-1-LINE", version=job(plant, "PO-1-LINE").version)
        assert job(plant, "PO-1-LINE").state is JobState.Running
        assert commands(plant)[-1]["action"] == JobAction.pause
        on_line.job(LINE, "PO-1-LINE", 4, substate=2)
        assert job(plant, "PO-1-LINE").dispatch_status is DispatchStatus.Suspended
        plant.write_now(resume_job, actor=None, job_id="PO-1-LINE", version=job(plant, "PO-1-LINE").version)
        assert commands(plant)[-1]["action"] == JobAction.resume

    def test_scrap_at_a_machine_moves_pieces_and_is_done_once(self, plant: Database, on_line: Box) -> None:
        for _ in range(2):
            plant.write_now(
                report_scrap,
                actor=None,
                job_id="PO-1-LINE",
                quantity=Decimal(2),
                reason_id="scratch",
                request_id="r-1",
            )
        found = job(plant, "PO-1-LINE")
        assert (found.good_low, found.scrap_low) == (18, 2)

    def test_scrap_is_undone_by_opposite_facts(self, plant: Database, on_line: Box, clock: SettableClock) -> None:
        scrap = {"job_id": "PO-1-LINE", "quantity": Decimal(2), "reason_id": "scratch", "request_id": "r-1"}
        plant.write_now(report_scrap, actor=None, **scrap)
        plant.write_now(undo_count, actor=None, request_id="r-1")
        assert (job(plant, "PO-1-LINE").good_low, job(plant, "PO-1-LINE").scrap_low) == (20, 0)
        with refused(errors.NothingToUndo):
            plant.write_now(undo_count, actor=None, request_id="r-1")
        plant.write_now(report_scrap, actor=None, **{**scrap, "request_id": "r-2"})
        clock.advance(seconds=11)
        with refused(errors.NothingToUndo):
            plant.write_now(undo_count, actor=None, request_id="r-2")

    def test_scrap_needs_a_known_reason_and_pieces(self, plant: Database, on_line: Box) -> None:
        scrap = {"job_id": "PO-1-LINE", "request_id": "r-1"}
        with refused(errors.ScrapReasonUnknown):
            plant.write_now(report_scrap, actor=None, quantity=Decimal(1), reason_id="dropped", **scrap)
        with refused(errors.MoreScrapThanGood):
            plant.write_now(report_scrap, actor=None, quantity=Decimal(21), reason_id="scratch", **scrap)

    def test_nobody_starts_a_machine_by_hand(self, plant: Database, box: Box) -> None:
        submit(plant)
        release(plant, "PO-1-LINE")
        with refused(errors.JobIsMachineRun):
            plant.write_now(start_job, actor=None, job_id="PO-1-LINE", version=job(plant, "PO-1-LINE").version)

    def test_a_bench_waits_for_its_predecessor(self, plant: Database, on_line: Box) -> None:
        with refused(errors.JobNotDue):
            plant.write_now(start_job, actor=None, job_id="PO-1-BENCH", version=job(plant, "PO-1-BENCH").version)

    def test_a_manual_bench_from_start_to_undo_to_end(
        self, plant: Database, on_line: Box, clock: SettableClock
    ) -> None:
        on_line.job(LINE, "PO-1-LINE", 5)
        on_line.job(PRESS, "PO-1-PRESS", 3)
        on_line.job(PRESS, "PO-1-PRESS", 5)
        bench = {"job_id": "PO-1-BENCH"}
        plant.write_now(start_job, actor=None, version=job(plant, "PO-1-BENCH").version, **bench)
        plant.write_now(report_good, actor=None, quantity=Decimal(50), request_id="g-1", **bench)
        plant.write_now(report_good, actor=None, quantity=Decimal(50), request_id="g-1", **bench)
        plant.write_now(complete_job, actor=None, version=job(plant, "PO-1-BENCH").version, **bench)
        ended = job(plant, "PO-1-BENCH")
        assert (ended.state, ended.good_low, ended.confirmed_by) == (JobState.Ended, 50, "operator")
        plant.write_now(undo_complete_job, actor=None, version=ended.version, **bench)
        assert job(plant, "PO-1-BENCH").state is JobState.Running
        plant.write_now(complete_job, actor=None, version=job(plant, "PO-1-BENCH").version, **bench)
        clock.advance(seconds=11)
        with refused(errors.NothingToUndo):
            plant.write_now(undo_complete_job, actor=None, version=job(plant, "PO-1-BENCH").version, **bench)
        order = plant.read_now(get_operations_request, operations_request_id="PO-1", now=plant.clock())
        assert order.state is RequestState.Completed

    def test_a_job_its_machine_forgot_is_ended_by_a_person(self, plant: Database, on_line: Box) -> None:
        on_line.say(on_line.sample(f"{LINE}.Job.OrderId", ""), on_line.sample(f"{LINE}.Job.State", 0))
        held = job(plant, "PO-1-LINE")
        assert (held.state, held.note) == (JobState.Interrupted, Note.forgotten_by_machine)
        plant.write_now(complete_job, actor=None, job_id="PO-1-LINE", version=held.version)
        assert job(plant, "PO-1-LINE").state is JobState.Ended

    def test_the_station_sees_its_jobs_in_turn_order(self, plant: Database, on_line: Box) -> None:
        submit(plant, id="PO-2")
        submit(plant, id="PO-3", priority=90)
        found = plant.read_now(list_station_jobs, equipment_id=LINE, now=plant.clock())
        assert [j.job_id for j in found] == ["PO-1-LINE", "PO-3-LINE", "PO-2-LINE"]
        assert found[0].target_now == 0
        assert plant.read_now(list_station_jobs, equipment_id=BENCH, now=plant.clock())


class TestReports:
    def test_a_report_leaves_after_the_end_and_again_after_a_late_fact(
        self, plant: Database, on_line: Box, clock: SettableClock
    ) -> None:
        at = on_line.at_us()
        on_line.job(LINE, "PO-1-LINE", 5)
        assert self.pull(plant) == []
        clock.advance(seconds=3)
        (first,) = self.pull(plant)
        assert self.quantities(first) == ("20", "20", True, "0", 1)
        on_line.say(on_line.sample(f"{CELL}.Reject", 0, at - 1), on_line.sample(f"{CELL}.Reject", 1, at))
        clock.advance(seconds=3)
        _, second = self.pull(plant)
        assert self.quantities(second) == ("20", "20", True, "1", 2)
        clock.advance(seconds=60)
        assert len(self.pull(plant)) == 2

    def test_an_interval_is_told_as_its_proven_minimum(
        self, plant: Database, on_line: Box, clock: SettableClock
    ) -> None:
        since = on_line.at_us()
        clock.advance(seconds=5)
        on_line.say(
            on_line.gap(since, on_line.at_us()),
            on_line.sample(f"{CELL}.StartedAt", "boot-2"),
            on_line.sample(f"{CELL}.Good", 4),
        )
        on_line.job(LINE, "PO-1-LINE", 5)
        clock.advance(seconds=3)
        (report,) = self.pull(plant)
        assert self.quantities(report) == ("24", "71", False, "0", 1)

    def restarted_unseen(self, plant: Database, box: Box, clock: SettableClock) -> None:
        """The line's job ends with 24 to 71 good pieces; its first report has left."""
        since = box.at_us()
        clock.advance(seconds=5)
        box.say(
            box.gap(since, box.at_us()),
            box.sample(f"{CELL}.StartedAt", "boot-2"),
            box.sample(f"{CELL}.Good", 4),
        )
        box.job(LINE, "PO-1-LINE", 5)
        clock.advance(seconds=3)
        assert [self.is_final(report) for report in self.pull(plant)] == [False]

    def count(self, plant: Database, good: str, scrap: str | None = None, request_id: str = "count-0001") -> None:
        lost = None if scrap is None else Decimal(scrap)
        values = {"quantity_good": Decimal(good), "quantity_scrap": lost, "request_id": request_id}
        plant.write_now(settle_count, actor=None, job_id="PO-1-LINE", **values)

    def is_final(self, content: dict[str, object]) -> bool:
        response = content["job_response"]
        assert isinstance(response, dict)
        return bool(response["final"])

    def test_the_final_confirmation_waits_for_a_persons_count(
        self, plant: Database, on_line: Box, clock: SettableClock
    ) -> None:
        self.restarted_unseen(plant, on_line, clock)
        (waiting,) = plant.read_now(list_jobs_to_count, equipment_id=LINE, now=plant.clock())
        assert (waiting.job_id, waiting.substate) == ("PO-1-LINE", EndedSubstate.Completed)
        self.count(plant, "53")
        self.count(plant, "53")
        clock.advance(seconds=9)
        assert len(self.pull(plant)) == 1, "it can still be undone"
        clock.advance(seconds=2)
        told = self.pull(plant)[-1]
        assert (self.quantities(told), self.is_final(told)) == (("53", "53", True, "0", 2), True)
        assert job(plant, "PO-1-LINE").substate == EndedSubstate.Closed
        assert plant.read_now(list_jobs_to_count, equipment_id=LINE, now=plant.clock()) == ()

    def test_what_waits_for_a_count_is_found_by_its_index_and_is_no_open_order(
        self, plant: Database, on_line: Box, clock: SettableClock
    ) -> None:
        self.restarted_unseen(plant, on_line, clock)
        (card,) = plant.read_now(list_orders_to_count, now=plant.clock())
        assert [each.job_id for each in card.jobs if each.awaits_count] == ["PO-1-LINE"]
        if plant.dialect == "sqlite":
            found = "SELECT pk FROM job_order WHERE equipment_pk = 1 AND awaits_count = 1"

            def plan(uow: UnitOfWork) -> str:
                return str(uow.driver_query(f"EXPLAIN QUERY PLAN {found}"))

            assert "ix_job_order_awaits_count" in plant.write_now(plan, actor=None)

    def test_an_exact_confirmation_is_final_at_once(self, plant: Database, on_line: Box, clock: SettableClock) -> None:
        on_line.job(LINE, "PO-1-LINE", 5)
        clock.advance(seconds=3)
        (told,) = self.pull(plant)
        assert self.is_final(told)
        assert job(plant, "PO-1-LINE").substate == EndedSubstate.Closed
        with refused(errors.NothingToCount):
            self.count(plant, "20")

    @pytest.mark.parametrize("good", ["23", "72"])
    def test_a_count_the_machines_disprove_is_refused(
        self, plant: Database, on_line: Box, clock: SettableClock, good: str
    ) -> None:
        self.restarted_unseen(plant, on_line, clock)
        with refused(errors.CountContradicts):
            self.count(plant, good)
        with refused(errors.CountContradicts):
            self.count(plant, "53", scrap="1")
        assert job(plant, "PO-1-LINE").awaits_count

    @pytest.mark.parametrize("good", ["-1", "1e30", "NaN", "0.1234567"])
    def test_a_count_that_is_none_is_refused(
        self, plant: Database, on_line: Box, clock: SettableClock, good: str
    ) -> None:
        self.restarted_unseen(plant, on_line, clock)
        with refused(errors.QuantityInvalid):
            self.count(plant, good)

    def test_a_job_is_counted_when_it_is_over(self, plant: Database, on_line: Box, clock: SettableClock) -> None:
        with refused(errors.JobStateConflict):
            self.count(plant, "20")
        on_line.say(on_line.sample(f"{LINE}.Job.OrderId", ""), on_line.sample(f"{LINE}.Job.State", 0))
        version = job(plant, "PO-1-LINE").version
        plant.write_now(complete_job, actor=None, job_id="PO-1-LINE", version=version)
        with refused(errors.JobStateConflict):
            self.count(plant, "20")

    def test_a_count_is_undone_by_opposite_facts(self, plant: Database, on_line: Box, clock: SettableClock) -> None:
        self.restarted_unseen(plant, on_line, clock)
        self.count(plant, "53")
        clock.advance(seconds=5)
        plant.write_now(undo_count, actor=None, request_id="count-0001")
        again = job(plant, "PO-1-LINE")
        assert (again.good_low, again.good_high, again.scrap_low, again.scrap_high) == (24, 71, 0, 0)
        assert again.awaits_count
        clock.advance(seconds=20)
        assert len(self.pull(plant)) == 1, "what the ERP knows is what holds"
        self.count(plant, "60", request_id="count-0002")
        assert job(plant, "PO-1-LINE").good_high == 60

    def test_what_a_machine_tells_late_was_in_the_count(
        self, plant: Database, on_line: Box, clock: SettableClock
    ) -> None:
        at = on_line.at_us()
        self.restarted_unseen(plant, on_line, clock)
        self.count(plant, "53")
        on_line.say(on_line.sample(f"{CELL}.Reject", 0, at - 1), on_line.sample(f"{CELL}.Reject", 2, at))
        counted = job(plant, "PO-1-LINE")
        assert (counted.good_low, counted.good_high, counted.scrap_low, counted.scrap_high) == (53, 53, 0, 0)
        (late,) = plant.read_now(list_unassigned_counts).items
        assert (late.reason, late.quantity, late.equipment_id) == (Unassigned.counted_by_hand, 2, CELL)

    def test_scrap_found_after_the_count_moves_pieces(
        self, plant: Database, on_line: Box, clock: SettableClock
    ) -> None:
        self.restarted_unseen(plant, on_line, clock)
        self.count(plant, "53")
        values = {"quantity": Decimal(3), "reason_id": "scratch", "request_id": "late-scrap"}
        plant.write_now(report_scrap, actor=None, job_id="PO-1-LINE", **values)
        clock.advance(seconds=20)
        told = self.pull(plant)[-1]
        assert (self.quantities(told), self.is_final(told)) == (("50", "50", True, "3", 2), True)

    def test_scrap_without_an_upper_bound_is_counted_too(
        self, plant: Database, on_line: Box, clock: SettableClock
    ) -> None:
        unbounded = Count(
            job_pk=job(plant, "PO-1-LINE").pk,
            equipment_pk=1,
            kind=CountKind.scrap,
            reason_id="",
            low_e6=1_000_000,
            high_e6=None,
            from_at_us=on_line.at_us(),
            source_at_us=on_line.at_us(),
            cause=Cause.machine,
        )
        plant.write_now(record_counts, actor=None, counts=[unbounded])
        on_line.job(LINE, "PO-1-LINE", 5)
        self.count(plant, "20", "4")
        clock.advance(seconds=20)
        told = self.pull(plant)[-1]
        assert (self.quantities(told), self.is_final(told)) == (("20", "20", True, "4", 1), True)
        response = told["job_response"]
        assert isinstance(response, dict)
        assert response["material_actual"][0]["scrap"]["reasons"] == [
            {"reason_id": "", "quantity": "4", "quantity_upper": "4", "exact": True}
        ]

    def test_a_job_that_runs_again_is_counted_by_its_machine_again(
        self, plant: Database, on_line: Box, clock: SettableClock
    ) -> None:
        self.restarted_unseen(plant, on_line, clock)
        self.count(plant, "53")
        clock.advance(seconds=1)
        on_line.job(LINE, "PO-1-LINE", 3)
        clock.advance(seconds=1)
        on_line.say(on_line.sample(f"{CELL}.Good", 6))
        again = job(plant, "PO-1-LINE")
        assert (again.good_low, again.awaits_count) == (55, False)

    def test_a_completion_that_can_be_undone_is_not_told(
        self, plant: Database, on_line: Box, clock: SettableClock
    ) -> None:
        on_line.say(on_line.sample(f"{LINE}.Job.OrderId", ""), on_line.sample(f"{LINE}.Job.State", 0))
        version = job(plant, "PO-1-LINE").version
        plant.write_now(complete_job, actor=None, job_id="PO-1-LINE", version=version)
        clock.advance(seconds=9)
        assert self.pull(plant) == []
        clock.advance(seconds=2)
        assert len(self.pull(plant)) == 1

    @pytest.mark.parametrize("way", PerformanceByPerson)
    def test_who_worked_on_it_is_told_as_the_plant_says(
        self, plant: Database, on_line: Box, clock: SettableClock, way: PerformanceByPerson
    ) -> None:
        ada = plant.write_now(create_principal, actor=None, principal_id="ada", role=Role.operator, display_name="Ada")
        plant.write_now(put_privacy_policy, actor=None, policy=PrivacyPolicy(way), version=0)
        on_line.say(on_line.sample(f"{LINE}.Job.OrderId", ""), on_line.sample(f"{LINE}.Job.State", 0))
        version = job(plant, "PO-1-LINE").version
        plant.write_now(complete_job, actor=ada, job_id="PO-1-LINE", version=version)
        clock.advance(seconds=11)
        (report,) = self.pull(plant)
        response = report["job_response"]
        assert isinstance(response, dict)
        told = [one["person_id"] for one in response["personnel_actual"]]
        key = plant.read_now(get_privacy_policy).pseudonym_key
        assert told == {"off": [], "ids": ["ada"], "pseudonyms": [pseudonym(key, ada)]}[way]

    def pull(self, plant: Database) -> list[dict[str, object]]:
        tick(plant, publish_due_reports)
        found = plant.read_now(list_operations_performance, after=0, limit=100)
        assert [entry.cursor for entry in found] == sorted(entry.cursor for entry in found)
        return [entry.content for entry in found]

    def quantities(self, content: dict[str, object]) -> tuple[str, str, bool, str, int]:
        response = content["job_response"]
        assert isinstance(response, dict)
        made = response["material_actual"][0]
        return (made["quantity"], made["quantity_upper"], made["exact"], made["scrap"]["quantity"], response["version"])
