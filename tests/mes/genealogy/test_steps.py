"""Step by step the explorer sees what the whole walk sees; pages and drawings say what they leave out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mes.genealogy import errors
from mes.genealogy.finding import find_lot, list_alike
from mes.genealogy.queries import trace_from, trace_used
from mes.genealogy.queries.steps import COLUMN_MAX, STEP_MAX, Step, Way, get_layers, get_step
from mes.genealogy.service import mount_lot, record_genealogy, record_pass, scan_lot
from mes.genealogy.types import Act, ActKind, Link, NewLot, Recording
from mes.kernel.db import Database, ReadSession
from mes.kernel.sqltypes import to_us
from mes.materials.service import put_lots, put_materials
from mes.materials.types import LotKind, LotSpec, MaterialSpec
from mes.quality.service import record_results
from mes.quality.types import ResultSpec, Verdict
from tests.support.plants import BENCH, PRESS

MILLION = 1_000_000
PARTS = STEP_MAX + 30


@pytest.fixture
def reel(plant: Database) -> Database:
    """A reel in 130 units, each in one of two cartons; before it another reel, spliced at U1."""
    plant.write_now(put_materials, actor=None, specs=[MaterialSpec("RES", "pcs", "Resistor")])
    plant.write_now(put_lots, actor=None, specs=[LotSpec(name, "RES", Decimal(9999), "pcs") for name in ("R1", "R2")])
    units = [NewLot(f"U{n:03}", "BOARD") for n in range(PARTS)]
    cartons = [NewLot(f"BOX-{n}", "BOARD", kind=LotKind.container) for n in range(2)]
    made = [Act(ActKind.consumed, unit.lot_id, 1_000_000 * n, BENCH) for n, unit in enumerate(units)]
    packed = [Act(ActKind.packed, box.lot_id, 10**9, BENCH) for box in cartons]
    links = [Link(n, "R1", unit.lot_id, 2 * MILLION) for n, unit in enumerate(units)]
    links += [Link(PARTS + n % 2, unit.lot_id, f"BOX-{n % 2}") for n, unit in enumerate(units)]
    whole = Recording([*units, *cartons], [*made, *packed], links)
    plant.write_now(record_genealogy, actor=None, recording=whole)
    return plant


def step(database: Database, lot_id: str, way: Way, start: int = 0) -> Step:
    return database.read_now(get_step, lot_id=lot_id, way=way, start=start)


def rows(database: Database, query: Any, lot_id: str) -> set[tuple[str, str]]:
    return {tuple(row[:2]) for row in database.read_now(query, lot_id=lot_id).tables["links"].rows}


class TestStep:
    def test_pages_put_together_are_all_there_is_in_the_order_of_making(self, reel: Database) -> None:
        first = step(reel, "R1", Way.used_in)
        second = step(reel, "R1", Way.used_in, STEP_MAX)
        assert (first.total, first.more, len(second.lines), second.more) == (PARTS, PARTS - STEP_MAX, 30, 0)
        assert [line.node.lot_id for line in (*first.lines, *second.lines)] == [f"U{n:03}" for n in range(PARTS)]
        assert step(reel, "R1", Way.used_in, 10**6).lines == ()

    def test_a_line_says_how_much_when_and_where(self, reel: Database) -> None:
        line = step(reel, "R1", Way.used_in).lines[7]
        assert (line.quantity_e6, line.unit, line.possible, line.link) == (2 * MILLION, "pcs", False, "consumed")
        assert (line.at, line.equipment_id, line.acts) == ("1970-01-01T00:00:07Z", BENCH, 1)
        assert (line.node.kind, line.node.goes_on) == ("unit", True)

    @pytest.mark.parametrize(("lot_id", "way"), [("R1", Way.used_in), ("BOX-0", Way.made_of)])
    def test_a_page_reads_no_more_than_a_page(
        self, reel: Database, lot_id: str, way: Way, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of 130 units, and of the 65 in a box."""
        asking, fetched = ReadSession.driver_query, []

        def counted(session: ReadSession, *args: Any) -> list[Any]:
            found = asking(session, *args)
            fetched.append(len(found))
            return found

        monkeypatch.setattr(ReadSession, "driver_query", counted)
        page = reel.read_now(get_step, lot_id=lot_id, way=way, start=3, limit=5)
        drawn = reel.read_now(get_layers, lot_id=lot_id, way=way, levels=2)
        assert (len(page.lines), page.more, drawn.hidden[1]) in ((5, 122, 118), (5, 57, 53))
        assert max(fetched) <= COLUMN_MAX + 1

    def test_every_step_together_is_the_whole_walk(self, reel: Database) -> None:
        seen: set[tuple[str, str]] = set()
        frontier = ["BOX-0"]
        while frontier:
            lot_id = frontier.pop()
            for line in step(reel, lot_id, Way.made_of).lines:
                seen.add((line.node.lot_id, lot_id))
                frontier.append(line.node.lot_id)
        assert seen == rows(reel, trace_from, "BOX-0")

    def test_several_scans_of_one_lot_into_another_are_one_line(self, reel: Database) -> None:
        for n in range(3):
            scan = {"parent_id": "R2", "child_id": "U001", "quantity_e6": MILLION, "request_id": f"again-{n}"}
            reel.write_now(scan_lot, actor=None, **scan)
        lines = {line.node.lot_id: line for line in step(reel, "U001", Way.made_of).lines}
        assert lines.keys() == {"R1", "R2"}
        assert (lines["R2"].quantity_e6, lines["R2"].acts) == (3 * MILLION, 3)
        assert lines["R2"].node.material == "Resistor"
        assert not lines["R2"].node.goes_on

    def test_a_splice_is_possible_and_the_end_is_the_end(self, reel: Database) -> None:
        mount = {"equipment_id": PRESS, "slot_id": "1"}
        reel.write_now(mount_lot, actor=None, request_id="m1", lot_id="R1", **mount)
        reel.write_now(record_pass, actor=None, request_id="p1", lot_id="S1", equipment_id=PRESS, material_id="BOARD")
        reel.write_now(mount_lot, actor=None, request_id="m2", lot_id="R2", splice=True, **mount)
        found = step(reel, "S1", Way.made_of)
        assert [(line.node.lot_id, line.possible) for line in found.lines] == [("R1", True), ("R2", True)]
        assert step(reel, "S1", Way.used_in).lines == ()

    def test_a_lot_nobody_recorded(self, reel: Database) -> None:
        with pytest.raises(errors.LotUnknown):
            step(reel, "NOBODY", Way.made_of)


class TestLayers:
    def test_what_is_not_drawn_is_counted(self, reel: Database) -> None:
        drawn = reel.read_now(get_layers, lot_id="R1", way=Way.used_in)
        assert [len(column) for column in drawn.columns] == [1, COLUMN_MAX, 2]
        assert drawn.hidden == (0, PARTS - COLUMN_MAX, 0)
        assert not drawn.goes_on
        named = {(drawn.columns[level][a].lot_id, drawn.columns[level + 1][b].lot_id) for level, a, b, _ in drawn.links}
        assert named <= rows(reel, trace_used, "R1")
        assert len(named) == 2 * COLUMN_MAX

    def test_what_lies_behind_the_last_level_is_said(self, reel: Database) -> None:
        assert reel.read_now(get_layers, lot_id="R1", way=Way.used_in, levels=2).goes_on


class TestFinding:
    def test_by_id_by_label_and_not_at_all(self, reel: Database) -> None:
        label = "[)>\x1e06\x1dPRES\x1dSU001\x1e\x04"
        for text, found in ((" U001 ", "U001"), (label, "U001"), ("NOBODY", ""), ("[)>\x1e06", "")):
            assert reel.read_now(find_lot, text=text, year=2026) == found, text

    def test_units_alike_are_good_ones_of_the_same_material(self, reel: Database) -> None:
        bad = ResultSpec("tester", "1", "U005", BENCH, Verdict.failed, to_us(reel.clock()))
        assert reel.write_now(record_results, actor=None, results=[bad]).recorded == 1
        alike = reel.read_now(list_alike, failed_ids=["U003", "U004"])
        assert len(alike) == PARTS - 3
        assert not {"U003", "U004", "U005", "R1", "BOX-0"} & set(alike)
        assert set(reel.read_now(list_alike, failed_ids=["U003"], limit=3)) <= {"U001", "U002", "U004", "U006"}
