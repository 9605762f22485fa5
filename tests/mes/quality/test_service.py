"""Results are taken once, units go back to a named step, holds are dispositions; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from mes.equipment.types import PutOutcome
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import head_seq, list_events
from mes.kernel.sqltypes import to_us
from mes.materials.errors import LotNotHeld
from mes.materials.queries import get_material_lot
from mes.materials.service import create_lot
from mes.materials.types import LotSpec
from mes.quality import errors, queries
from mes.quality.service import (
    hold_lots,
    put_defect_codes,
    put_requirements,
    record_results,
    release_lots,
    scrap_unit,
    send_unit_to_rework,
    update_defect_code,
)
from mes.quality.types import (
    DefectCodeSpec,
    FoundDefect,
    Measurement,
    Recorded,
    RequirementSpec,
    ResultSpec,
    StepCheck,
    Verdict,
)
from standards.isa95.material import Disposition
from tests.conftest import SettableClock
from tests.support.plants import BENCH, CELL, PRESS

pytestmark = pytest.mark.usefixtures("codes")


def result(plant: Database, n: int = 1, verdict: Verdict = Verdict.passed, **changes: object) -> ResultSpec:
    values = {"unit_id": "SN-1", "equipment_id": BENCH, **changes}
    return ResultSpec("ICT", f"R{n}", verdict=verdict, at_us=to_us(plant.clock()), **values)  # type: ignore[arg-type]


def take(plant: Database, *results: ResultSpec) -> Recorded:
    return plant.write_now(record_results, actor=None, results=results)


def events(plant: Database) -> list[str]:
    return [event.type for event in plant.read_now(list_events, after=0) if event.type.startswith("quality.")]


class TestResults:
    def test_a_result_is_kept_with_everything_that_came_with_it(self, plant: Database, bench_runs: str) -> None:
        measured = (Measurement("R17", "4.7e-12", "F", "4.6e-12", ""), Measurement("U1", "3.30", "V", "3.4", "3.5"))
        found = (FoundDefect("BRIDGED", "U1 pin 3", "looked at"),)
        told = result(plant, verdict=Verdict.failed, measurements=measured, defects=found, program="T", note="hot")
        assert take(plant, told) == Recorded(1, 0)
        (view,) = plant.read_now(queries.get_unit_results, unit_id="SN-1")
        assert (view.verdict, view.segment_id, view.job_id, view.equipment_id) == (
            Verdict.failed,
            "TEST",
            bench_runs,
            BENCH,
        )
        assert [(m.value, m.verdict) for m in view.measurements] == [("4.7e-12", "passed"), ("3.30", "failed")]
        assert [(d.code_id, d.position, d.note) for d in view.defects] == [("BRIDGED", "U1 pin 3", "looked at")]
        assert (view.program, view.note, view.at) == ("T", "hot", plant.clock())

    def test_the_same_again_changes_nothing(self, plant: Database) -> None:
        take(plant, result(plant))
        before = plant.read_now(head_seq)
        assert take(plant, result(plant), result(plant)) == Recorded(0, 2)
        assert plant.read_now(head_seq) == before

    def test_twice_in_one_call_is_once(self, plant: Database) -> None:
        assert take(plant, result(plant), result(plant)) == Recorded(1, 1)
        assert len(plant.read_now(queries.get_unit_results, unit_id="SN-1")) == 1

    def test_other_content_under_the_same_id_is_refused(self, plant: Database) -> None:
        take(plant, result(plant))
        done = take(plant, result(plant, verdict=Verdict.failed), result(plant, 2))
        assert (done.recorded, [(r.row, r.code) for r in done.refused]) == (1, [(0, "result-differs")])

    def test_two_sources_may_use_the_same_number(self, plant: Database) -> None:
        assert take(plant, result(plant), replace(result(plant), source="AOI")) == Recorded(2, 0)

    def test_what_is_wrong_with_one_keeps_out_no_other(self, plant: Database) -> None:
        done = take(
            plant,
            result(plant, 1, equipment_id="NOWHERE"),
            result(plant, 2, job_id="NO-JOB"),
            result(plant, 3, Verdict.failed, defects=(FoundDefect("NO-CODE"),)),
            result(plant, 4, unit_id="SN 1"),
            result(plant, 5, measurements=(Measurement("U", "high"),)),
            replace(result(plant, 6), at_us=1),
            result(plant, 7, defects=(FoundDefect("BRIDGED"),)),
            result(plant, 8),
        )
        assert done.recorded == 1
        assert [r.code for r in done.refused] == [
            "equipment-not-found",
            "job-order-not-found",
            "defect-code-not-found",
            *["result-invalid"] * 4,
        ]

    def test_too_many_are_refused_whole(self, plant: Database) -> None:
        with pytest.raises(errors.ResultsTooMany):
            take(plant, *(result(plant, n) for n in range(501)))

    def test_without_a_job_at_that_time_none_is_guessed(
        self, plant: Database, bench_runs: str, clock: SettableClock
    ) -> None:
        early = replace(result(plant), at_us=to_us(clock.at - timedelta(hours=1)))
        take(plant, early, result(plant, 2, unit_id="SN-2", equipment_id=PRESS))
        assert [(v.job_id, v.segment_id) for v in plant.read_now(queries.list_results, equipment_id=BENCH).items] == [
            ("", "")
        ]
        assert plant.read_now(queries.get_unit_results, unit_id="SN-2")[0].job_id == ""

    def test_a_named_job_names_the_step(self, plant: Database, order: str) -> None:
        take(plant, result(plant, equipment_id=CELL, job_id="PO-1-LINE"))
        (view,) = plant.read_now(queries.get_unit_results, unit_id="SN-1")
        assert (view.job_id, view.segment_id, view.equipment_id) == ("PO-1-LINE", "LINE", CELL)

    def test_an_event_tells_once_a_place(self, plant: Database) -> None:
        take(plant, *(result(plant, n, unit_id=f"SN-{n}") for n in range(5)), result(plant, 9, equipment_id=PRESS))
        assert events(plant).count("quality.results-recorded.v1") == 2

    def test_results_page_in_the_order_they_came(self, plant: Database) -> None:
        take(plant, *(result(plant, n, unit_id=f"SN-{n}") for n in range(5)))
        seen, cursor = [], None
        while True:
            page = plant.read_now(queries.list_results, cursor=cursor, limit=2)
            seen += [view.unit_id for view in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == [f"SN-{n}" for n in range(5)]


class TestRework:
    def fail(self, plant: Database, unit_id: str = "SN-1") -> int:
        told = result(
            plant,
            verdict=Verdict.failed,
            unit_id=unit_id,
            job_id="PO-1-BENCH",
            defects=(FoundDefect("MISSING", "C4"),),
        )
        take(plant, told)
        return plant.read_now(queries.list_open_defects, unit_id=unit_id)[0].pk

    def send(self, plant: Database, request_id: str = "request-1", **changes: object) -> None:
        values = {"unit_id": "SN-1", "return_segment_id": "PRESS", **changes}
        plant.write_now(send_unit_to_rework, actor=None, request_id=request_id, **values)

    def test_a_repaired_unit_returns_to_a_named_step(self, plant: Database, order: str) -> None:
        defect = self.fail(plant)
        self.send(plant, repaired_defects=[defect], note="placed  by hand")
        assert plant.read_now(queries.list_open_defects, unit_id="SN-1") == ()
        newest, failed = plant.read_now(queries.get_unit_results, unit_id="SN-1")
        assert (newest.verdict, newest.segment_id, newest.note) == (Verdict.rework, "PRESS", "placed by hand")
        assert failed.defects[0].repaired_at == plant.clock()

    def test_repeating_it_does_nothing(self, plant: Database, order: str) -> None:
        self.fail(plant)
        self.send(plant)
        self.send(plant)
        assert events(plant).count("quality.unit-sent-to-rework.v1") == 1

    def test_only_what_failed_goes_to_rework(self, plant: Database, order: str) -> None:
        with pytest.raises(errors.UnitNotSeen):
            self.send(plant)
        take(plant, result(plant, job_id="PO-1-BENCH"))
        with pytest.raises(errors.UnitNotFailed):
            self.send(plant)

    def test_a_step_of_another_order_is_no_way_back(self, plant: Database, order: str) -> None:
        self.fail(plant)
        with pytest.raises(errors.ResultInvalid, match="no step 'PAINT'"):
            self.send(plant, return_segment_id="PAINT")

    def test_defects_of_others_are_not_repaired(self, plant: Database, order: str) -> None:
        self.fail(plant)
        take(plant, result(plant, 2, Verdict.failed, unit_id="SN-2", defects=(FoundDefect("MISSING", "C5"),)))
        other = plant.read_now(queries.list_open_defects, unit_id="SN-2")[0].pk
        with pytest.raises(errors.DefectNotFound):
            self.send(plant, repaired_defects=[other])

    def test_a_scrapped_unit_stays_scrapped(self, plant: Database, order: str) -> None:
        self.fail(plant)
        plant.write_now(scrap_unit, actor=None, unit_id="SN-1", request_id="request-2", note="burnt")
        plant.write_now(scrap_unit, actor=None, unit_id="SN-1", request_id="request-2", note="burnt")
        with pytest.raises(errors.UnitScrapped):
            self.send(plant)


class TestYields:
    def test_first_pass_and_final_stand_apart(self, plant: Database, bench_runs: str, clock: SettableClock) -> None:
        take(plant, *(result(plant, n, unit_id=f"SN-{n}") for n in range(6)))
        take(plant, *(result(plant, n, Verdict.failed, unit_id=f"SN-{n}") for n in range(6, 10)))
        clock.advance(minutes=1)
        take(plant, result(plant, 20, unit_id="SN-6"), result(plant, 21, Verdict.aborted, unit_id="SN-7"))
        plant.write_now(scrap_unit, actor=None, unit_id="SN-8", request_id="request-1")
        (step,) = plant.read_now(queries.get_job_yields, job_id=bench_runs).steps
        assert (step.segment_id, step.counted.units, step.counted.open) == ("TEST", 10, 2)
        assert (step.first_pass, step.final_low, step.final_high) == (
            Decimal("0.6000"),
            Decimal("0.7000"),
            Decimal("0.9000"),
        )

    def test_by_equipment_in_a_half_open_time(self, plant: Database, bench_runs: str, clock: SettableClock) -> None:
        take(plant, result(plant))
        window = {"from_at": clock.at, "to_at": clock.at + timedelta(seconds=1)}
        assert plant.read_now(queries.get_equipment_yields, equipment_id=BENCH, **window).steps[0].counted.units == 1
        before = {"from_at": clock.at - timedelta(hours=1), "to_at": clock.at}
        assert plant.read_now(queries.get_equipment_yields, equipment_id=BENCH, **before).steps == ()


class TestMasterData:
    def test_defect_codes_say_what_was_put(self, plant: Database) -> None:
        spec = DefectCodeSpec("BRIDGED", "Bridge", active=False)
        assert plant.write_now(put_defect_codes, actor=None, specs=[spec]) == {"BRIDGED": PutOutcome.Updated}
        assert plant.write_now(put_defect_codes, actor=None, specs=[spec]) == {"BRIDGED": PutOutcome.Unchanged}
        assert [c.code_id for c in plant.read_now(queries.list_defect_codes)] == ["MISSING"]
        with pytest.raises(VersionConflict):
            plant.write_now(update_defect_code, actor=None, spec=spec, version=1)

    def test_a_code_that_is_no_longer_active_is_still_understood(self, plant: Database) -> None:
        plant.write_now(put_defect_codes, actor=None, specs=[DefectCodeSpec("BRIDGED", "Bridge", active=False)])
        assert take(plant, result(plant, verdict=Verdict.failed, defects=(FoundDefect("BRIDGED"),))).recorded == 1

    def test_requirements(self, plant: Database) -> None:
        spec = RequirementSpec("WM-BENCH", StepCheck.passed)
        put = {"actor": None, "specs": [spec]}
        assert plant.write_now(put_requirements, version=0, **put) == {"WM-BENCH": PutOutcome.Created}
        assert plant.write_now(put_requirements, **put) == {"WM-BENCH": PutOutcome.Unchanged}
        with pytest.raises(VersionConflict):
            plant.write_now(put_requirements, version=0, **put)
        assert plant.read_now(queries.get_requirement, work_master_id="WM-BENCH").unit_check is StepCheck.passed


class TestHolds:
    def test_a_hold_is_a_disposition_all_or_none(self, plant: Database) -> None:
        for lot_id in ("L1", "L2"):
            plant.write_now(create_lot, actor=None, spec=LotSpec(lot_id, "BOARD", Decimal(5), "pcs"))
        with pytest.raises(Exception, match="no lot 'L3'"):
            plant.write_now(hold_lots, actor=None, lot_ids=["L1", "L3"], reason="voids")
        assert self.disposition(plant, "L1") is Disposition.UnRestricted
        plant.write_now(hold_lots, actor=None, lot_ids=["L1", "L2"], reason="voids")
        assert self.disposition(plant, "L2") is Disposition.Restricted
        plant.write_now(release_lots, actor=None, lot_ids=["L1", "L2"], reason="X-ray is clean")
        assert self.disposition(plant, "L1") is Disposition.UnRestricted

    def test_a_lot_that_is_only_planned_is_not_released_as_if_it_had_been_held(self, plant: Database) -> None:
        spec = LotSpec("L1", "BOARD", Decimal(5), "pcs", Disposition.Planned)
        plant.write_now(create_lot, actor=None, spec=spec)
        with pytest.raises(LotNotHeld):
            plant.write_now(release_lots, actor=None, lot_ids=["L1"], reason="fine")
        assert self.disposition(plant, "L1") is Disposition.Planned

    def disposition(self, plant: Database, lot_id: str) -> Disposition:
        return plant.read_now(get_material_lot, lot_id=lot_id).disposition
