"""What feeders say is in their slots becomes mounts, each once; what cannot be placed is kept and told."""

from __future__ import annotations

from typing import Any

import pytest

from mes.edge.service import put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.genealogy.service import put_setup, record_genealogy
from mes.genealogy.types import OPEN_SEQ, NewLot, Recording
from mes.kernel.db import Database
from mes.materials.service import put_materials
from mes.materials.types import LotKind, MaterialSpec
from mes.quality.service import hold_lots
from standards.opcua.status import Quality
from tests.conftest import SettableClock
from tests.mes.ingest.test_counting import running
from tests.mes.ingest.test_serials import MARK, READ, quarantined, rows, say
from tests.support.plants import BRIDGE, CELL, LINE, Box

__all__ = ["running"]
REEL, TAPE = f"{CELL}.Reel1", f"{CELL}.Reel2"


def mounts(plant: Database) -> list[tuple[Any, ...]]:
    """Slot, lot, first piece, last piece (None: still there), in order."""
    found = rows(
        plant,
        "SELECT s.id, l.id, m.from_seq, m.to_seq FROM slot_mount m JOIN station_slot s ON s.pk = m.slot_pk "
        "JOIN material_lot l ON l.pk = m.lot_pk ORDER BY m.pk",
    )
    return [(*row[:3], None if row[3] == OPEN_SEQ else row[3]) for row in found]


@pytest.fixture
def line(plant: Database, running: Box) -> Box:
    """PO-1's line job runs; the cell reads panels and has two slots, the second for splices. R1 to R3 are in stock."""
    bindings = [
        TagBindingSpec(MARK, "identity", LINE, what="new-panel"),
        TagBindingSpec(READ, "identity", CELL, what="unit"),
        TagBindingSpec(REEL, "identity", CELL, what="mounted-lot", slot_id="1"),
        TagBindingSpec(TAPE, "identity", CELL, what="spliced-lot", slot_id="2"),
    ]
    plant.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=bindings)
    plant.write_now(put_materials, actor=None, specs=[MaterialSpec("R-10K", "pcs"), MaterialSpec("R-22K", "pcs")])
    receive(plant, "R1", "R2", "R3")
    return running


def receive(plant: Database, *lots: str) -> None:
    new = [NewLot(lot, "R-10K", 5_000_000_000, LotKind.lot) for lot in lots]
    plant.write_now(record_genealogy, actor=None, recording=Recording(new))


def make(box: Box, clock: SettableClock, *panels: str) -> None:
    for panel in panels:
        assert say(box, clock, MARK, panel) == 0
        assert say(box, clock, READ, panel) == 0


def test_a_reel_is_in_the_pieces_from_the_next_to_the_last_before_its_change(
    plant: Database, line: Box, clock: SettableClock
) -> None:
    assert say(line, clock, REEL, "R1") == 0
    make(line, clock, "P1", "P2")
    assert say(line, clock, REEL, "R2") == 0
    make(line, clock, "P3")
    assert say(line, clock, REEL, "") == 0
    make(line, clock, "P4")
    assert mounts(plant) == [("1", "R1", 1, 2), ("1", "R2", 3, 3)]
    times = rows(plant, "SELECT m.at_us, a.at_us FROM slot_mount m JOIN genealogy_act a ON a.pk = m.act_pk")
    assert all(mounted == act < line.at_us() for mounted, act in times)


def test_a_spliced_piece_may_have_parts_of_either(plant: Database, line: Box, clock: SettableClock) -> None:
    say(line, clock, TAPE, "R1")
    make(line, clock, "P1", "P2")
    say(line, clock, TAPE, "R2")
    say(line, clock, TAPE, "R3")
    make(line, clock, "P3")
    assert mounts(plant) == [("2", "R1", 0, 2), ("2", "R2", 2, 2), ("2", "R3", 2, None)]


def test_whatever_is_told_again_is_mounted_once(plant: Database, line: Box, clock: SettableClock) -> None:
    say(line, clock, REEL, "R1")
    say(line, clock, REEL, "NEW")
    once, kept = mounts(plant), quarantined(plant)
    assert once == [("1", "R1", 1, 0)]
    assert kept == [(REEL, "unknown-lot")]
    last = line.said[-2:]
    line.hand_in(line.seq - 1, last)
    line.journal_id = "journal-2"
    line.hand_in(1, last)
    line.journal_id = "journal-1"
    say(line, clock, REEL, "NEW")
    assert (mounts(plant), quarantined(plant)) == (once, kept)


def test_what_comes_in_one_batch_has_its_place_by_its_time(plant: Database, line: Box, clock: SettableClock) -> None:
    """The reel's word comes last and is older than the second panel's."""
    for panel in ("P1", "P2", "P3"):
        say(line, clock, MARK, panel)
    at = line.at_us()
    clock.advance(seconds=9)
    line.say(line.sample(READ, "P1", at + 1), line.sample(READ, "P2", at + 3), line.sample(REEL, "R1", at + 2))
    line.say(line.sample(READ, "P3", at + 6), line.sample(REEL, "R2", at + 5))
    assert mounts(plant) == [("1", "R1", 2, 2), ("1", "R2", 3, None)]
    assert line.say(line.sample(REEL, "R3", at + 4)).quarantined == 1
    assert quarantined(plant) == [(REEL, "told-late")]


def test_what_should_not_be_there_is_recorded_and_told(plant: Database, line: Box, clock: SettableClock) -> None:
    """The machine has it all the same: a recall must find the pieces."""
    plant.write_now(put_setup, actor=None, equipment_id=CELL, materials={"1": "R-22K"})
    plant.write_now(hold_lots, actor=None, lot_ids=["R1"], reason="bad")
    assert say(line, clock, REEL, "R1") == 1
    make(line, clock, "P1")
    assert mounts(plant) == [("1", "R1", 1, None)]
    assert quarantined(plant) == [(REEL, "lot-on-hold")]
    assert rows(plant, "SELECT note FROM genealogy_act WHERE note IS NOT NULL") == [
        ("the machine has it mounted: lot-on-hold, wrong-material",)
    ]


def test_what_cannot_be_told_from_the_value_changes_nothing(plant: Database, line: Box, clock: SettableClock) -> None:
    say(line, clock, REEL, "R1")
    assert say(line, clock, REEL, "NoRead") == 1
    assert say(line, clock, REEL, "R2", status=0x40000000, quality=Quality.uncertain) == 1
    assert mounts(plant) == [("1", "R1", 1, None)]
    assert quarantined(plant) == [(REEL, "no-read"), (REEL, "uncertain-lot")]


def test_a_piece_is_in_no_slot_that_it_passes(plant: Database, line: Box, clock: SettableClock) -> None:
    make(line, clock, "P1")
    at = line.at_us() - 1
    clock.advance(seconds=5)
    assert line.say(line.sample(REEL, "P1", at)).quarantined == 1
    assert quarantined(plant) == [(REEL, "goes-into-itself")]
    assert mounts(plant) == []
