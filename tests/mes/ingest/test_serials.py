"""Serials that scanners read become units, panels with boards, and passes: once, and never by guessing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from mes.edge.service import put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.genealogy.reading.rules import boards_of, fold_readings, numbered, serial_in
from mes.genealogy.reading.types import Before, JobThen, Reading, Role, Station, Unplaced
from mes.genealogy.service import mount_lot
from mes.kernel.db import Database, ReadSession
from standards.lineside.ingest_v1 import HistoryOf, Samples
from standards.opcua.status import BAD_NO_COMMUNICATION, Quality
from tests.conftest import SettableClock
from tests.mes.ingest.test_counting import running
from tests.support.plants import BRIDGE, CELL, LINE, PRESS, Box

__all__ = ["running"]
SECOND = 1_000_000
MARK, READ, TESTED = f"{LINE}.Mark", f"{CELL}.Serial", f"{PRESS}.Serial"


def rows(plant: Database, sql: str) -> list[tuple[Any, ...]]:
    def read(session: ReadSession) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in session.execute(text(sql)).all()]

    return plant.read_now(read)


def passes(plant: Database) -> list[tuple[Any, ...]]:
    """Unit, station, sequence, job; in order."""
    return rows(
        plant,
        "SELECT l.id, e.id, a.seq, j.id FROM genealogy_act a JOIN material_lot l ON l.pk = a.lot_pk "
        "JOIN equipment e ON e.pk = a.equipment_pk LEFT JOIN job_order j ON j.pk = a.job_pk WHERE a.kind = 1 "
        "ORDER BY a.pk",
    )


def quarantined(plant: Database) -> list[tuple[Any, ...]]:
    return rows(plant, "SELECT tag, reason FROM quarantine ORDER BY pk")


@pytest.fixture
def line(plant: Database, running: Box, clock: SettableClock) -> Box:
    """PO-1's line job runs; the line marks panels, its AOI and the press read serials."""
    bindings = [
        TagBindingSpec(MARK, "identity", LINE, what="new-panel"),
        TagBindingSpec(READ, "identity", CELL, what="unit"),
        TagBindingSpec(TESTED, "identity", PRESS, what="unit"),
    ]
    plant.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=bindings)
    return running


def say(box: Box, clock: SettableClock, tag: str, serial: object, **more: Any) -> int:
    clock.advance(seconds=1)
    return box.say(box.sample(tag, serial, **more)).quarantined


def test_a_marked_panel_is_made_with_its_boards_by_position(plant: Database, line: Box, clock: SettableClock) -> None:
    assert say(line, clock, MARK, "P1") == 0
    assert say(line, clock, READ, "P1") == 0
    assert say(line, clock, TESTED, "P1-3") == 0
    lots = rows(
        plant,
        "SELECT l.id, m.id, j.id FROM material_lot l JOIN material_definition m ON m.pk = l.material_pk "
        "JOIN job_order j ON j.pk = l.job_pk ORDER BY l.id",
    )
    assert lots[0] == ("P1", "BOARD", "PO-1-LINE")
    assert lots[1:] == [(f"P1-{n}", "BOARD", "PO-1-LINE") for n in range(1, 9)]
    assert len(rows(plant, "SELECT 1 FROM genealogy_link")) == 8
    assert passes(plant) == [("P1", LINE, 1, "PO-1-LINE"), ("P1", CELL, 1, "PO-1-LINE"), ("P1-3", PRESS, 1, None)]


def test_whatever_is_told_again_is_there_once(plant: Database, line: Box, clock: SettableClock) -> None:
    say(line, clock, MARK, "P1")
    say(line, clock, READ, "P1")
    once, last = passes(plant), line.said[-2:]
    line.hand_in(line.seq - 1, last)
    line.journal_id = "journal-2"
    line.hand_in(1, last)
    assert passes(plant) == once
    line.journal_id = "journal-1"
    say(line, clock, READ, "P1")
    assert passes(plant) == once, "a scanner that says its last serial again has read nothing new"


def test_what_nobody_knows_is_kept_and_stops_nothing(plant: Database, line: Box, clock: SettableClock) -> None:
    assert say(line, clock, READ, "STRANGE") == 1
    assert say(line, clock, READ, "NoRead") == 1
    assert say(line, clock, READ, "P1", quality=Quality.uncertain, status=0x40000000) == 1
    assert say(line, clock, READ, "x" * 97) == 1
    assert say(line, clock, READ, None, quality=Quality.bad, status=0x808B0000) == 1
    assert say(line, clock, READ, None, quality=Quality.bad, status=BAD_NO_COMMUNICATION) == 0
    assert say(line, clock, READ, "") == 0
    assert say(line, clock, MARK, "P1") == 0
    assert say(line, clock, READ, "P1") == 0
    reasons = ["unknown-serial", "no-read", "uncertain-serial", "serial-too-long", "bad-serial"]
    assert quarantined(plant) == [(READ, reason) for reason in reasons]
    assert [row[0] for row in passes(plant)] == ["P1", "P1"]


def test_a_panel_without_a_job_is_not_made(plant: Database, line: Box, clock: SettableClock) -> None:
    line.job(LINE, "PO-1-LINE", 5, substate=1)
    assert say(line, clock, MARK, "P1") == 1
    assert quarantined(plant) == [(MARK, "no-job-at-its-time")]
    assert passes(plant) == []


def test_the_job_is_that_of_the_source_time(plant: Database, line: Box, clock: SettableClock) -> None:
    """The end of the job and the last panel come in one batch, the end first."""
    at = line.at_us() + SECOND
    line.say(line.sample(f"{LINE}.Job.State", 5, at), line.sample(MARK, "P1", at), line.sample(MARK, "P2", at + 1))
    assert passes(plant) == [("P1", LINE, 1, "PO-1-LINE")]
    assert quarantined(plant) == [(MARK, "no-job-at-its-time")]


def test_what_a_machines_history_tells_has_no_place_in_the_sequence(
    plant: Database, line: Box, clock: SettableClock
) -> None:
    for n in (1, 2, 3):
        say(line, clock, MARK, f"P{n}")
    say(line, clock, READ, "P1")
    missed = line.at_us() + SECOND
    clock.advance(seconds=5)
    gap = HistoryOf("plc", missed - 1, missed + 1)
    say(line, clock, READ, "P3")
    block = Samples([READ], [0], ["P2"], line.at_us(), age_us=[line.at_us() - missed], history_of=gap)
    line.say(block)  # type: ignore[arg-type]
    late = rows(plant, "SELECT seq, at_us, note FROM genealogy_act WHERE note IS NOT NULL")
    assert [row[:2] for row in late] == [(None, missed)]
    assert [row[:3] for row in passes(plant)][-3:] == [("P1", CELL, 1), ("P3", CELL, 2), ("P2", CELL, None)]


def test_a_unit_does_not_go_into_itself(plant: Database, line: Box, clock: SettableClock) -> None:
    say(line, clock, MARK, "P1")
    plant.write_now(mount_lot, actor=None, request_id="m1", equipment_id=CELL, slot_id="1", lot_id="P1-1")
    assert say(line, clock, READ, "P1") == 1
    assert quarantined(plant) == [(READ, "goes-into-itself")]


def test_what_is_mounted_when_a_panel_is_read_is_in_it(plant: Database, line: Box, clock: SettableClock) -> None:
    for n in (1, 2):
        say(line, clock, MARK, f"P{n}")
    plant.write_now(mount_lot, actor=None, request_id="m1", equipment_id=CELL, slot_id="1", lot_id="P2-1")
    say(line, clock, READ, "P1")
    (mount,) = rows(plant, "SELECT from_seq FROM slot_mount")
    assert passes(plant)[-1][2] == mount[0] == 1


serials = st.sampled_from(["A", "B", "C", "D"])
told = st.lists(st.tuples(serials, st.integers(1, 30), st.sampled_from(list(Role))), max_size=20)


def before() -> Before:
    job = JobThen(0, None, "J", "M", 2_000_000)
    return Before(frozenset(), {}, {1: Station("E", jobs=(job,))})


@given(told)
def test_every_reading_is_a_pass_a_repetition_or_named(readings: list[tuple[str, int, Role]]) -> None:
    given_ = [Reading(f"{n}", serial, role, 1, at) for n, (serial, at, role) in enumerate(readings)]
    found = fold_readings([*given_, *given_], before())
    done = [act.request_id for act in found.acts if act.request_id]
    assert len(done) == len(set(done))
    assert not set(done) & found.unplaced.keys()
    made = [lot.lot_id for lot in found.lots]
    assert len(made) == len(set(made))
    assert {act.lot_id for act in found.acts} <= set(made)
    sequence = [act.seq for act in found.acts if act.seq is not None]
    assert sequence == list(range(1, len(sequence) + 1))


@pytest.mark.parametrize(("value", "serial"), [("P1", "P1"), (" P1 ", "P1"), (17, "17"), ("", None), (None, None)])
def test_a_serial_is_text_or_a_whole_number(value: object, serial: object) -> None:
    assert serial_in(value) == serial


@pytest.mark.parametrize("value", [True, 1.5, ["P1"], "NOREAD", "a\x00b", "   "])
def test_anything_else_is_no_reading(value: object) -> None:
    assert serial_in(value) is Unplaced.no_read


def test_pieces_of_a_panel_are_whole() -> None:
    assert boards_of("P", 2_000_000) == ["P-1", "P-2"]
    assert boards_of("P", 1_000_000) == []
    assert {boards_of("P", pieces) for pieces in (1_500_000, 0, 201_000_000)} == {Unplaced.no_panel}  # type: ignore[arg-type]


def test_boards_count_on_from_the_first(plant: Database, line: Box, clock: SettableClock) -> None:
    assert say(line, clock, MARK, ["P1", "B0098"]) == 0
    assert say(line, clock, TESTED, "B0105") == 0
    boards = [row[0] for row in rows(plant, "SELECT id FROM material_lot ORDER BY pk")]
    assert boards == ["P1", *(f"B{n:04}" for n in range(98, 106))]
    assert say(line, clock, MARK, ["P2", "B0100"]) == 1
    assert say(line, clock, MARK, ["P3", "B9998"]) == 1
    assert say(line, clock, MARK, ["P4"]) == 1
    assert [why for _, why in quarantined(plant)] == ["serial-taken", "no-board-numbers", "no-read"]
    assert len(rows(plant, "SELECT 1 FROM genealogy_link")) == 8


@given(st.from_regex(r"[A-Z-]{0,4}[0-9]{1,9}", fullmatch=True), st.integers(1, 200))
def test_numbered_boards_are_as_many_different_ones_of_one_length(first: str, count: int) -> None:
    boards = numbered(first, count)
    digits = first.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ-")
    if isinstance(boards, Unplaced):
        assert int(digits) + count > 10 ** len(digits)
        return
    assert boards[0] == first
    assert len(set(boards)) == count
    assert {len(board) for board in boards} == {len(first)}
    assert boards == sorted(boards)
