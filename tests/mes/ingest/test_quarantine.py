"""What could not be placed is tried again once what stood in the way is put right, or set aside with a reason."""

from __future__ import annotations

import pytest

from mes.genealogy.service import record_genealogy
from mes.genealogy.types import NewLot, Recording
from mes.ingest.quarantine.errors import ReadingDecided, ReadingNotFound, ReadingNotRetriable, ReadingStillRefused
from mes.ingest.quarantine.queries import list_quarantine
from mes.ingest.quarantine.service import retry_reading, set_reading_aside
from mes.ingest.quarantine.types import QuarantineView
from mes.kernel.db import Database
from tests.conftest import SettableClock
from tests.mes.ingest.test_counting import running
from tests.mes.ingest.test_lots_in_slots import REEL, line, make, mounts, receive
from tests.mes.ingest.test_serials import READ, passes, rows, say
from tests.support.plants import CELL, Box

__all__ = ["line", "running"]


def waiting(plant: Database) -> list[QuarantineView]:
    return list(plant.read_now(list_quarantine).page.items)


def test_a_lot_received_late_is_in_the_pieces_of_its_time(plant: Database, line: Box, clock: SettableClock) -> None:
    say(line, clock, REEL, "R1")
    make(line, clock, "P1")
    say(line, clock, REEL, "NEW")
    make(line, clock, "P2", "P3")
    (first,) = waiting(plant)
    with pytest.raises(ReadingStillRefused) as refusal:
        plant.write_now(retry_reading, actor=None, pk=first.pk)
    assert refusal.value.extra["reason"] == "unknown-lot"
    say(line, clock, REEL, "R2")
    make(line, clock, "P4")
    receive(plant, "NEW")
    say(line, clock, REEL, "NEW")
    plant.write_now(retry_reading, actor=None, pk=first.pk)
    pieces = [("R1", 1, 1), ("NEW", 2, 3), ("R2", 4, 4), ("NEW", 5, None)]
    assert sorted((row[1:] for row in mounts(plant)), key=lambda row: row[1]) == pieces
    assert waiting(plant) == []
    with pytest.raises(ReadingDecided):
        plant.write_now(retry_reading, actor=None, pk=first.pk)


def test_a_lot_that_is_still_there_is_mounted_from_its_time(plant: Database, line: Box, clock: SettableClock) -> None:
    make(line, clock, "P1")
    say(line, clock, REEL, "NEW")
    make(line, clock, "P2")
    receive(plant, "NEW")
    (first,) = waiting(plant)
    assert (first.tag, first.equipment_id, first.value, first.may_retry) == (REEL, CELL, "NEW", True)
    plant.write_now(retry_reading, actor=None, pk=first.pk)
    say(line, clock, REEL, "NEW")
    assert mounts(plant) == [("1", "NEW", 2, None)]
    assert waiting(plant) == []


def test_a_unit_recorded_later_was_where_it_was_read(plant: Database, line: Box, clock: SettableClock) -> None:
    say(line, clock, READ, "X1")
    (first,) = waiting(plant)
    plant.write_now(record_genealogy, actor=None, recording=Recording([NewLot("X1", "BOARD")]))
    plant.write_now(retry_reading, actor=None, pk=first.pk)
    assert [row[:2] for row in passes(plant)] == [("X1", CELL)]


def test_what_is_set_aside_says_why_and_takes_others_along(plant: Database, line: Box, clock: SettableClock) -> None:
    for serial in ("X1", "X2", "NoRead"):
        say(line, clock, READ, serial)
    last, _, first = waiting(plant)
    assert plant.write_now(set_reading_aside, actor=None, pk=first.pk, reason="test parts", alike=True) == 2
    assert [one.pk for one in waiting(plant)] == [last.pk]
    assert rows(plant, "SELECT DISTINCT decision, note FROM quarantine WHERE decision <> ''") == [
        ("set-aside", "test parts")
    ]
    with pytest.raises(ReadingNotRetriable):
        plant.write_now(retry_reading, actor=None, pk=last.pk)
    with pytest.raises(ReadingNotFound):
        plant.write_now(set_reading_aside, actor=None, pk=999_999, reason="x")


def test_it_is_read_page_by_page_and_what_comes_in_between_shifts_nothing(
    plant: Database, line: Box, clock: SettableClock
) -> None:
    for serial in ("X1", "X2", "X3"):
        say(line, clock, READ, serial)
    first = plant.read_now(list_quarantine, limit=2)
    assert ([one.value for one in first.page.items], first.total) == (["X3", "X2"], 3)
    say(line, clock, READ, "X4")
    rest = plant.read_now(list_quarantine, cursor=first.page.next_cursor, limit=2)
    assert ([one.value for one in rest.page.items], rest.page.next_cursor) == (["X1"], None)
