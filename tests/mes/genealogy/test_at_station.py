"""Scanning at a station: what a scan is, where material goes, units step by step, cartons, undo; on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.genealogy.at_station.queries import (
    find_place_of_act,
    get_carton_at,
    get_lot_at,
    get_place,
    get_unit_at,
    list_lately,
    places_of_lot,
    recognise_scan,
)
from mes.genealogy.at_station.rules import follow, in_order, slot_of
from mes.genealogy.at_station.service import begin_unit, finish_step, lose_unit, pack_unit, undo_act, use_lot
from mes.genealogy.at_station.types import (
    NOTHING_HELD,
    Following,
    Held,
    HeldKind,
    Line,
    LotAt,
    Place,
    ScanKind,
    Scanned,
)
from mes.genealogy.errors import ActNotReversible, LotUnknown
from mes.genealogy.may_i.errors import UnitRefused
from mes.genealogy.may_i.types import Why
from mes.genealogy.queries import trace_from
from mes.genealogy.service import mount_lot, put_setup, record_pass, scan_lot, unmount_lot
from mes.genealogy.types import Override
from mes.kernel.db import Database
from mes.kernel.outbox import list_events
from mes.materials.errors import LotOnHold, WrongMaterial
from mes.materials.receiving.errors import LabelUnreadable
from mes.materials.service import set_disposition
from mes.orders.errors import NothingToUndo
from mes.orders.queries import get_job
from mes.orders.service import complete_job
from mes.quality.service import send_unit_to_rework
from mes.quality.types import FoundDefect, Verdict
from standards.isa95.material import Disposition
from tests.support.plants import BENCH, LINE, PRESS
from tests.support.scanning import LABEL, receive, stock_bench
from tests.web import factory as f

NUMBERS = iter(range(10**9))


@pytest.fixture
def job(plant: Database) -> str:
    return stock_bench(plant)


def do(plant: Database, verb: Any, **kwargs: Any) -> Any:
    request_id = kwargs.pop("request_id", None) or f"request-{next(NUMBERS)}"
    return plant.write_now(verb, actor=None, request_id=request_id, **kwargs)


def scan(plant: Database, text: str, place: str = BENCH) -> Scanned:
    return plant.read_now(recognise_scan, text=text, equipment_id=place, now=plant.clock())


def place_of(plant: Database, equipment_id: str = BENCH) -> Place:
    return plant.read_now(get_place, equipment_id=equipment_id, now=plant.clock())


def in_use(plant: Database, equipment_id: str = BENCH) -> dict[str, str]:
    lines = place_of(plant, equipment_id).lines
    return {line.slot_id: line.mounted.lot_id if line.mounted else "" for line in lines}


def made_of(plant: Database, unit_id: str) -> set[str]:
    return {row[0] for row in plant.read_now(trace_from, lot_id=unit_id).tables["links"].rows}


def good(plant: Database, job_id: str) -> tuple[int, int]:
    view = plant.read_now(get_job, job_id=job_id, now=plant.clock())
    return int(view.good_low), int(view.scrap_low)


@pytest.mark.usefixtures("job")
def test_a_scan_is_what_it_says(plant: Database) -> None:
    assert scan(plant, "S-1") == Scanned(ScanKind.lot, "S-1")
    assert scan(plant, " LID-1\r") == Scanned(ScanKind.lot, "LID-1")
    assert scan(plant, "2", LINE) == Scanned(ScanKind.slot, "2")
    assert scan(plant, "SLOT:LINE/10", LINE) == Scanned(ScanKind.slot, "10")
    assert scan(plant, "2") == Scanned(ScanKind.nothing, "2"), "the bench has no slots"
    assert scan(plant, "SN-77") == Scanned(ScanKind.nothing, "SN-77")
    assert scan(plant, "]C100095212345000010109") == Scanned(
        ScanKind.nothing, "095212345000010109", is_carton_label=True
    )
    with pytest.raises(LabelUnreadable):
        scan(plant, "[)>06PMCU1PNX32")


@pytest.mark.usefixtures("job")
def test_a_suppliers_label_is_the_lot_that_came_in_under_it_or_all_of_them(plant: Database) -> None:
    assert scan(plant, LABEL).kind is ScanKind.nothing
    first = receive(plant, "receipt-1")
    assert scan(plant, LABEL) == Scanned(ScanKind.lot, first)
    second = receive(plant, "receipt-2")
    assert scan(plant, LABEL) == Scanned(ScanKind.alike, second, (second, first))


def test_a_bench_uses_the_lines_of_its_bill_and_a_line_its_slots_in_order(plant: Database, job: str) -> None:
    bench = place_of(plant)
    assert (bench.job_id, bench.manual) == (job, True)
    assert [(line.slot_id, line.by_hand) for line in bench.lines] == [("@GLUE", True), ("@SCREW", True)]
    assert [line.material_ids for line in place_of(plant, LINE).lines] == [("RES",), ("CAP",), ()]
    assert [line.slot_id for line in place_of(plant, LINE).lines] == ["1", "2", "10"]
    assert [line.slot_id for line in place_of(plant, LINE).lines_for("RES")] == ["1"]
    assert [line.slot_id for line in place_of(plant, LINE).lines_for("LID")] == ["10"]
    assert bench.lines_for("LID") == ()


def test_a_lot_is_used_by_hand_and_the_next_takes_its_place(plant: Database, job: str) -> None:
    use = {"equipment_id": BENCH, "job_id": job}
    act = do(plant, use_lot, **use, lot_id="S-1", request_id="the-same")
    assert do(plant, use_lot, **use, lot_id="S-1", request_id="the-same") == act
    do(plant, use_lot, **use, lot_id="G-1")
    assert in_use(plant) == {"@SCREW": "S-1", "@GLUE": "G-1"}
    do(plant, begin_unit, unit_id="U-1", equipment_id=BENCH, job_id=job)
    do(plant, finish_step, unit_id="U-1", equipment_id=BENCH, verdict=Verdict.passed)
    assert plant.read_now(get_lot_at, lot_id="S-1", now=plant.clock()).left == 96
    assert plant.read_now(get_lot_at, lot_id="G-1", now=plant.clock()).left == Decimal("0.499"), "a gram of its kilos"
    do(plant, use_lot, **use, lot_id="SB-1")
    assert in_use(plant)["@SCREW"] == "SB-1", "a substitute stands in the line of what it replaces"
    do(plant, begin_unit, unit_id="U-2", equipment_id=BENCH, job_id=job)
    do(plant, finish_step, unit_id="U-2", equipment_id=BENCH, verdict=Verdict.passed)
    made_of = {
        unit: {row[0] for row in plant.read_now(trace_from, lot_id=unit).tables["links"].rows}
        for unit in ("U-1", "U-2")
    }
    assert made_of == {"U-1": {"S-1", "G-1"}, "U-2": {"SB-1", "G-1"}}
    assert plant.read_now(get_lot_at, lot_id="SB-1", now=plant.clock()).left == 95


def test_what_is_not_on_the_bill_or_on_hold_is_refused_and_an_override_is_told(plant: Database, job: str) -> None:
    use = {"equipment_id": BENCH, "job_id": job}
    with pytest.raises(WrongMaterial, match="not on the bill"):
        do(plant, use_lot, **use, lot_id="LID-1")
    with pytest.raises(LotUnknown):
        do(plant, use_lot, **use, lot_id="NOBODY")
    plant.write_now(set_disposition, actor=None, lot_id="S-2", disposition=Disposition.Restricted, reason="look")
    with pytest.raises(LotOnHold):
        do(plant, use_lot, **use, lot_id="S-2")
    assert isinstance(plant.read_now(get_lot_at, lot_id="S-2", now=plant.clock()).refusal, LotOnHold)
    do(plant, use_lot, **use, lot_id="S-2", override=Override("looked at"))
    do(plant, use_lot, **use, lot_id="LID-1", override=Override("a sample"))
    assert plant.read_now(list_events, after=0)[-1].payload["override_reason"] == "a sample"
    lines = place_of(plant).lines
    assert [(line.slot_id, line.stray) for line in lines] == [("@GLUE", False), ("@SCREW", False), ("@LID", True)]
    assert plant.read_now(places_of_lot, lot_id="LID-1") == ((BENCH, "@LID"),)


@pytest.mark.usefixtures("job")
def test_what_was_mounted_is_undone_within_ten_seconds_and_not_later(plant: Database) -> None:
    slot = {"equipment_id": LINE, "slot_id": "1"}
    do(plant, mount_lot, **slot, lot_id="R-1")
    do(plant, mount_lot, **slot, lot_id="R-2", request_id="change-1")
    plant.clock.advance(seconds=9)  # type: ignore[attr-defined]
    do(plant, undo_act, undoes="change-1")
    assert in_use(plant, LINE)["1"] == "R-1"
    assert [one.undone for one in plant.read_now(list_lately, equipment_id=LINE)] == [True, False]
    do(plant, unmount_lot, **slot, request_id="out-1")
    assert in_use(plant, LINE)["1"] == ""
    plant.clock.advance(seconds=11)  # type: ignore[attr-defined]
    for undoes in ("out-1", "nobody-did-this"):
        with pytest.raises(NothingToUndo):
            do(plant, undo_act, undoes=undoes)


def test_a_unit_that_passes_counts_once_and_tells_its_story(plant: Database, job: str) -> None:
    assert plant.read_now(get_unit_at, unit_id="U-1", equipment_id=BENCH).permission.why is Why.unknown
    do(plant, begin_unit, unit_id="U-1", equipment_id=BENCH, job_id=job)
    ready = plant.read_now(get_unit_at, unit_id="U-1", equipment_id=BENCH)
    assert ready.permission.allowed
    assert ready.here is not None
    assert (ready.here.description, ready.material) == ("Screw the lid on", "Controller board")
    asked = {"unit_id": "U-1", "equipment_id": BENCH}
    defect = (FoundDefect("MISSING", "M4"),)
    do(plant, finish_step, **asked, verdict=Verdict.failed, defects=defect, request_id="fail-1")
    do(plant, finish_step, **asked, verdict=Verdict.failed, defects=defect, request_id="fail-1")
    failed = plant.read_now(get_unit_at, **asked)
    assert failed.is_failed
    assert [(one.code_id, one.position) for one in failed.defects] == [("MISSING", "M4")]
    assert [event.note for event in failed.history if event.kind == "verdict-failed"] == ["Part missing M4"]
    assert good(plant, job) == (0, 0)
    plant.clock.advance(seconds=1)  # type: ignore[attr-defined]
    do(plant, send_unit_to_rework, unit_id="U-1", return_segment_id="ASSEMBLE")
    plant.clock.advance(seconds=1)  # type: ignore[attr-defined]
    do(plant, finish_step, **asked, verdict=Verdict.passed, request_id="pass-1")
    do(plant, finish_step, **asked, verdict=Verdict.passed, request_id="pass-1")
    assert good(plant, job) == (1, 0)
    with pytest.raises(UnitRefused):
        do(plant, finish_step, **asked, verdict=Verdict.passed)
    assert plant.read_now(get_unit_at, **asked).permission.why is Why.already_done
    assert good(plant, job) == (1, 0)
    events = [event for event in plant.read_now(list_events, after=0) if event.type == "genealogy.station-passed.v1"]
    assert f"equipment/{BENCH}" in events[-1].topics


def test_a_verdict_is_taken_back_with_its_pass_and_its_piece_and_both_stay_on_record(plant: Database, job: str) -> None:
    asked = {"unit_id": "U-1", "equipment_id": BENCH}
    do(plant, use_lot, equipment_id=BENCH, job_id=job, lot_id="S-1")
    do(plant, begin_unit, **asked, job_id=job)
    do(plant, finish_step, **asked, verdict=Verdict.passed, request_id="pass-1")
    assert (good(plant, job), made_of(plant, "U-1")) == ((1, 0), {"S-1"})
    assert [plant.read_now(find_place_of_act, undoes=one) for one in ("pass-1", "no-act")] == [BENCH, ""]
    for elsewhere in (PRESS, ""):
        with pytest.raises(NothingToUndo, match="elsewhere"):
            do(plant, undo_act, undoes="pass-1", equipment_id=elsewhere)
    for _ in range(2):
        do(plant, undo_act, undoes="pass-1", request_id="undo-1", equipment_id=BENCH)
    assert (good(plant, job), made_of(plant, "U-1")) == ((0, 0), set())
    ready = plant.read_now(get_unit_at, **asked)
    assert ready.permission.allowed
    told = [(event.kind, event.undone) for event in ready.history if event.kind.startswith("verdict")]
    assert sorted(told) == [("verdict-passed", True), ("verdict-reversed", False)]
    assert ("verdict-passed", True) in [
        (one.kind, one.undone) for one in plant.read_now(list_lately, equipment_id=BENCH)
    ]
    with pytest.raises(ActNotReversible):
        do(plant, undo_act, undoes="pass-1")
    do(plant, finish_step, **asked, verdict=Verdict.passed)
    assert (good(plant, job), made_of(plant, "U-1")) == ((1, 0), {"S-1"})
    (told_back,) = (e for e in plant.read_now(list_events, after=0) if e.type == "quality.verdict-taken-back.v1")
    assert told_back.payload["verdict"] == "passed"


def test_decisions_are_taken_back_newest_first_and_not_after_ten_seconds(plant: Database, job: str) -> None:
    asked = {"unit_id": "U-1", "equipment_id": BENCH}
    do(plant, begin_unit, **asked, job_id=job)
    do(
        plant,
        finish_step,
        **asked,
        verdict=Verdict.failed,
        defects=(FoundDefect("MISSING", "M4"),),
        request_id="fail-1",
    )
    (defect,) = plant.read_now(get_unit_at, **asked).defects
    back = {"unit_id": "U-1", "return_segment_id": "ASSEMBLE", "repaired_defects": [defect.pk]}
    do(plant, send_unit_to_rework, **back, request_id="rework-1")
    with pytest.raises(NothingToUndo, match="since"):
        do(plant, undo_act, undoes="fail-1")
    do(plant, undo_act, undoes="rework-1")
    assert plant.read_now(get_unit_at, **asked).defects == (defect,), "what was repaired is open again"
    do(plant, lose_unit, **asked, reason_id="scratch", note="", request_id="lost-1")
    assert good(plant, job) == (0, 1)
    assert plant.read_now(find_place_of_act, undoes="lost-1") == BENCH
    do(plant, undo_act, undoes="lost-1")
    assert good(plant, job) == (0, 0)
    unit = plant.read_now(get_unit_at, **asked)
    assert (unit.is_failed, unit.permission.allowed) == (True, True)
    do(plant, undo_act, undoes="fail-1")
    clean = plant.read_now(get_unit_at, **asked)
    assert (clean.is_failed, clean.defects) == (False, ())
    do(plant, finish_step, **asked, verdict=Verdict.failed, request_id="fail-2")
    plant.clock.advance(seconds=11)  # type: ignore[attr-defined]
    with pytest.raises(NothingToUndo):
        do(plant, undo_act, undoes="fail-2")
    assert plant.read_now(get_unit_at, **asked).is_failed


def test_a_lost_unit_is_a_scrapped_piece_unless_it_was_good(plant: Database, job: str) -> None:
    for unit in ("U-1", "U-2"):
        do(plant, begin_unit, unit_id=unit, equipment_id=BENCH, job_id=job)
    lost = {"equipment_id": BENCH, "reason_id": "scratch", "note": "Scratched"}
    do(plant, finish_step, unit_id="U-1", equipment_id=BENCH, verdict=Verdict.failed)
    for _ in range(2):
        do(plant, lose_unit, unit_id="U-1", **lost, request_id="lost-1")
    assert good(plant, job) == (0, 1)
    do(plant, finish_step, unit_id="U-2", equipment_id=BENCH, verdict=Verdict.passed)
    do(plant, lose_unit, unit_id="U-2", **lost)
    assert good(plant, job) == (1, 1)


def test_units_go_into_a_carton_when_they_may_and_that_is_their_step(plant: Database, job: str) -> None:
    for unit in ("U-1", "U-2"):
        do(plant, begin_unit, unit_id=unit, equipment_id=BENCH, job_id=job)
    pack = {"container_id": "BOX-1", "equipment_id": BENCH}
    act = do(plant, pack_unit, **pack, unit_id="U-1", request_id="pack-1")
    assert do(plant, pack_unit, **pack, unit_id="U-1", request_id="pack-1") == act
    assert good(plant, job) == (1, 0)
    do(plant, finish_step, unit_id="U-2", equipment_id=BENCH, verdict=Verdict.failed)
    plant.clock.advance(seconds=1)  # type: ignore[attr-defined]
    do(plant, send_unit_to_rework, unit_id="U-2", return_segment_id="ASSEMBLE")
    assert scan(plant, "BOX-1") == Scanned(ScanKind.container, "BOX-1")
    assert [part.part_id for part in plant.read_now(get_carton_at, container_id="BOX-1").contents] == ["U-1"]
    assert plant.read_now(get_unit_at, unit_id="U-1", equipment_id=BENCH).carton_id == "BOX-1"
    with pytest.raises(UnitRefused):
        do(plant, pack_unit, **pack, unit_id="NOBODY")
    do(plant, pack_unit, **pack, unit_id="U-2", request_id="pack-2")
    assert good(plant, job) == (2, 0)
    do(plant, undo_act, undoes="pack-2")
    assert [part.part_id for part in plant.read_now(get_carton_at, container_id="BOX-1").contents] == ["U-1"]
    assert good(plant, job) == (1, 0), "the step that came with it is taken back with it"
    assert plant.read_now(get_unit_at, unit_id="U-2", equipment_id=BENCH).permission.allowed


def test_a_failed_unit_is_not_packed_where_packing_is_no_step(plant: Database, job: str) -> None:
    do(plant, begin_unit, unit_id="U-1", equipment_id=BENCH, job_id=job)
    pack = {"container_id": "BOX-1", "unit_id": "U-1", "equipment_id": LINE}
    do(plant, finish_step, unit_id="U-1", equipment_id=BENCH, verdict=Verdict.failed)
    with pytest.raises(UnitRefused, match="no-step-here"):
        do(plant, pack_unit, **pack)
    do(plant, send_unit_to_rework, unit_id="U-1", return_segment_id="ASSEMBLE")
    plant.clock.advance(seconds=1)  # type: ignore[attr-defined]
    do(plant, finish_step, unit_id="U-1", equipment_id=BENCH, verdict=Verdict.passed)
    do(plant, pack_unit, **pack)
    assert plant.read_now(get_unit_at, unit_id="U-1", equipment_id=LINE).carton_id == "BOX-1"


def test_parts_of_a_unit_are_listed(plant: Database, job: str) -> None:
    do(plant, begin_unit, unit_id="U-1", equipment_id=BENCH, job_id=job)
    do(plant, scan_lot, parent_id="LID-1", child_id="U-1", equipment_id=BENCH)
    assert [part.part_id for part in plant.read_now(get_unit_at, unit_id="U-1", equipment_id=BENCH).parts] == ["LID-1"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("1", "1"), ("SLOT:1", "1"), ("L/1", "1"), ("SLOT:L/1", "1"), ("OTHER/1", ""), ("11", ""), ("SLOT:", "")],
)
def test_a_slot_is_named_alone_or_with_its_station(text: str, found: str) -> None:
    assert slot_of(text, "L", ("1", "2")) == found


@given(st.lists(st.integers(0, 999), unique=True, max_size=8))
def test_slots_stand_as_people_count_them(numbers: list[int]) -> None:
    assert sorted((f"F-{n}" for n in numbers), key=in_order) == [f"F-{n}" for n in sorted(numbers)]


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize("passed", [False, True])
def test_a_reel_goes_where_a_spliced_one_was_taken_out(plant: Database, passed: bool) -> None:
    """The spliced one is in the piece it came with, though that has not passed: the next one is in those after it."""
    slot = {"equipment_id": LINE, "slot_id": "1"}
    if passed:
        do(plant, record_pass, lot_id="U-1", equipment_id=LINE, material_id="BOARD")
    do(plant, mount_lot, **slot, lot_id="R-1")
    do(plant, mount_lot, **slot, lot_id="R-2", splice=True)
    do(plant, unmount_lot, **slot)
    do(plant, mount_lot, **slot, lot_id="R-1")
    assert in_use(plant, LINE)["1"] == "R-1"


@pytest.mark.usefixtures("job")
def test_reels_are_spliced_and_changed_before_anything_has_passed(plant: Database) -> None:
    """Nobody says a piece: it is the one the reel came with, and after a splice the one behind it."""
    slot = {"equipment_id": LINE, "slot_id": "1"}
    do(plant, mount_lot, **slot, lot_id="R-1")
    do(plant, mount_lot, **slot, lot_id="R-2", splice=True)
    do(plant, mount_lot, **slot, lot_id="R-1")
    for n in (1, 2):
        do(plant, record_pass, lot_id=f"U-{n}", equipment_id=LINE, material_id="BOARD")
    certainty = {
        unit: {(row[0], row[4]) for row in plant.read_now(trace_from, lot_id=unit).tables["links"].rows}
        for unit in ("U-1", "U-2")
    }
    assert certainty == {"U-1": {("R-1", "possible"), ("R-2", "possible")}, "U-2": {("R-1", "certain")}}
    do(plant, unmount_lot, **slot)
    assert in_use(plant, LINE)["1"] == ""


# -- what follows from a scan

SLOTS = (Line("1", ("RES",), ""), Line("2", ("CAP",), "", mounted=cast(LotAt, object())), Line("10", (), ""))
HAND = (Line("@SCREW", ("SCREW", "SCREW-B"), "", by_hand=True),)
LOT, UNIT = Scanned(ScanKind.lot, "L"), Scanned(ScanKind.unit, "U")
SSCC = Scanned(ScanKind.nothing, "N", is_carton_label=True)
SLOT, CARTON = Scanned(ScanKind.slot, "2"), Scanned(ScanKind.container, "B")


def at(*lines: Line, running: bool = True) -> Place:
    job = f.job("X") if running else None
    return Place("X", "X", True, job, lines)


def held(kind: HeldKind, part_id: str = "") -> Held:
    return Held(kind, {HeldKind.slot: "1", HeldKind.carton: "B"}.get(kind, "H"), part_id)


@pytest.mark.parametrize(
    ("scanned", "before", "place", "material", "what", "then"),
    [
        (LOT, HeldKind.nothing, at(*SLOTS), "RES", Following.show, HeldKind.lot),
        (LOT, HeldKind.nothing, at(*SLOTS), "OTHER", Following.show, HeldKind.lot),
        (LOT, HeldKind.nothing, at(*SLOTS[:2]), "OTHER", Following.not_here, HeldKind.nothing),
        (LOT, HeldKind.nothing, at(), "RES", Following.no_job, HeldKind.nothing),
        (LOT, HeldKind.nothing, at(*HAND), "SCREW-B", Following.use, HeldKind.nothing),
        (LOT, HeldKind.unit, at(*HAND), "SCREW", Following.use, HeldKind.unit),
        (LOT, HeldKind.nothing, at(*HAND), "OTHER", Following.use, HeldKind.nothing),
        (LOT, HeldKind.nothing, at(*HAND, running=False), "SCREW", Following.no_job, HeldKind.nothing),
        (LOT, HeldKind.slot, at(*SLOTS), "CAP", Following.mount, HeldKind.nothing),
        (LOT, HeldKind.into, at(*HAND), "SCREW", Following.install, HeldKind.unit),
        (LOT, HeldKind.swap, at(*HAND), "SCREW", Following.exchange, HeldKind.unit),
        (LOT, HeldKind.carton, at(*HAND), "SCREW", Following.pack, HeldKind.carton),
        (SLOT, HeldKind.nothing, at(*SLOTS), "", Following.show, HeldKind.slot),
        (SLOT, HeldKind.lot, at(*SLOTS), "", Following.occupied, HeldKind.nothing),
        (SLOT, HeldKind.lot, at(), "", Following.nothing, HeldKind.lot),
        (UNIT, HeldKind.nothing, at(*HAND), "BOARD", Following.show, HeldKind.unit),
        (UNIT, HeldKind.unit, at(*HAND), "BOARD", Following.show, HeldKind.unit),
        (UNIT, HeldKind.unit, at(*HAND), "SCREW", Following.install, HeldKind.unit),
        (UNIT, HeldKind.into, at(), "BOARD", Following.install, HeldKind.unit),
        (UNIT, HeldKind.carton, at(), "BOARD", Following.pack, HeldKind.carton),
        (CARTON, HeldKind.nothing, at(), "", Following.show, HeldKind.carton),
        (CARTON, HeldKind.unit, at(), "", Following.pack, HeldKind.carton),
        (CARTON, HeldKind.carton, at(), "", Following.show, HeldKind.carton),
        (CARTON, HeldKind.stack, at(), "", Following.pack, HeldKind.stack),
        (UNIT, HeldKind.stack, at(), "BOARD", Following.pack, HeldKind.stack),
        (
            Scanned(ScanKind.nothing, "N", is_carton_label=True),
            HeldKind.nothing,
            at(),
            "",
            Following.show,
            HeldKind.carton,
        ),
        (Scanned(ScanKind.nothing, "N"), HeldKind.unit, at(), "", Following.nothing, HeldKind.unit),
        (Scanned(ScanKind.person, "P"), HeldKind.lot, at(), "", Following.person, HeldKind.lot),
        (Scanned(ScanKind.alike, "L"), HeldKind.slot, at(), "", Following.alike, HeldKind.slot),
    ],
)
def test_what_a_scan_means_depends_on_what_is_held_and_where(
    scanned: Scanned, before: HeldKind, place: Place, material: str, what: Following, then: HeldKind
) -> None:
    found = follow(scanned, held(before) if before else NOTHING_HELD, place, material)
    assert (found.what, found.held.kind) == (what, then)


@given(
    st.sampled_from(list(ScanKind)),
    st.sampled_from(list(HeldKind)),
    st.sampled_from([at(), at(*SLOTS), at(*HAND), at(*SLOTS, *HAND, running=False)]),
    st.sampled_from(["", "RES", "SCREW", "OTHER"]),
)
def test_whatever_is_scanned_something_follows_and_nothing_goes_into_itself(
    kind: ScanKind, before: HeldKind, place: Place, material: str
) -> None:
    found = follow(Scanned(kind, "H"), held(before), place, material)
    if found.what in (Following.install, Following.pack):
        assert found.unit_id
        assert found.unit_id not in (found.lot_id, found.container_id)


def test_a_substitute_of_the_bill_goes_into_the_slot_that_shows_it(plant: Database, job: str) -> None:
    """While the job is in work here; the slot of another material, and the slot after the job, take it not."""
    plant.write_now(put_setup, actor=None, equipment_id=BENCH, materials={"F1": "SCREW", "F2": "CAP"})
    line = plant.read_now(get_place, equipment_id=BENCH, now=plant.clock()).line("F1")
    assert line is not None
    assert line.takes("SCREW-B")
    into = {"equipment_id": BENCH, "lot_id": "SB-1"}
    do(plant, mount_lot, **into, slot_id="F1")
    line = plant.read_now(get_place, equipment_id=BENCH, now=plant.clock()).line("F1")
    assert line is not None
    assert line.mounted is not None
    assert line.mounted.lot_id == "SB-1"
    with pytest.raises(WrongMaterial):
        do(plant, mount_lot, **into, slot_id="F2")
    do(plant, unmount_lot, equipment_id=BENCH, slot_id="F1")
    version = plant.read_now(get_job, job_id=job, now=plant.clock()).version
    plant.write_now(complete_job, actor=None, job_id=job, version=version)
    with pytest.raises(WrongMaterial):
        do(plant, mount_lot, **into, slot_id="F1")
