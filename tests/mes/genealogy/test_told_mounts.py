"""What mounts tell of the making of their lots is so, whichever verb changes it: `slot_mount.made_of`."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import count

import pytest

from mes.genealogy import statements
from mes.genealogy.queries import list_shared
from mes.genealogy.service import (
    mount_lot,
    pack_lots,
    record_genealogy,
    record_pass,
    remove_part,
    replace_part,
    reverse_act,
    scan_lot,
    ship_lots,
    split_lot,
    unpack_lots,
)
from mes.genealogy.types import MADE_OF_MAX, Act, ActKind, Link, LinkKind, Mount, NewLot, Recording
from mes.kernel.db import Database, ReadSession
from mes.kernel.uow import UnitOfWork
from mes.materials.service import put_lots
from mes.materials.types import LotSpec
from tests.mes.genealogy.model import lots_told
from tests.support.plants import BENCH, PRESS

MILLION = 1_000_000


@pytest.fixture(params=[statements.FORGET_WALK_MAX, 0], ids=["walked", "searched"], autouse=True)
def _walk_max(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounts that tell what is no longer so are found by a walk, or, where that would be long, by what they tell."""
    monkeypatch.setattr(statements, "FORGET_WALK_MAX", request.param)


def told_by(reads: UnitOfWork | ReadSession) -> dict[str, set[str] | None]:
    """By lot that is mounted what its newest mount tells that it is made of; that of every mount is so."""
    names = dict(reads.driver_query("SELECT pk, id FROM material_lot"))
    parents: dict[int, set[int]] = defaultdict(set)
    for child, parent in reads.driver_query("SELECT child_pk, parent_pk FROM genealogy_link WHERE ended_by_pk IS NULL"):
        parents[child].add(parent)
    sql = "SELECT lot_pk FROM genealogy_act WHERE seq IS NOT NULL AND ended_by_pk IS NULL"
    passed = {row[0] for row in reads.driver_query(sql)}
    found: dict[str, set[str] | None] = {}
    for lot, made_of in reads.driver_query(
        "SELECT lot_pk, made_of FROM slot_mount WHERE ended_by_pk IS NULL ORDER BY pk"
    ):
        inside = None if made_of is None else lots_told(made_of)
        if inside is not None:
            assert inside == set(_above(parents, lot)), names[lot]
            assert passed.isdisjoint({lot, *inside})
        found[names[lot]] = None if inside is None else {names[one] for one in inside}
    return found


def _above(parents: dict[int, set[int]], lot: int) -> Iterator[int]:
    for parent in parents[lot]:
        yield parent
        yield from _above(parents, parent)


def stock(uow: UnitOfWork, *names: str, quantity: int = 10) -> None:
    put_lots(uow, specs=[LotSpec(name, "BOARD", Decimal(quantity), "pcs") for name in names])


class Doing:
    """Links and mounts with request ids of their own."""

    def __init__(self, uow: UnitOfWork) -> None:
        self.uow, self.numbers = uow, count(1)

    def link(self, parent: str, child: str) -> int:
        named = {"request_id": f"r{next(self.numbers)}", "parent_id": parent, "child_id": child}
        return scan_lot(self.uow, **named, kind=LinkKind.consumed)

    def mount(self, lot: str) -> None:
        n = next(self.numbers)
        mount_lot(self.uow, request_id=f"r{n}", equipment_id=PRESS, slot_id=f"{n}", lot_id=lot, seq=1)


def test_a_mount_tells_what_its_lot_is_made_of_until_that_changes(plant: Database) -> None:
    def run(uow: UnitOfWork) -> None:
        stock(uow, "S", "R", "Q", "OLD")
        do = Doing(uow)
        do.link("S", "R")
        do.link("R", "Q")
        do.mount("R")
        do.mount("Q")
        assert told_by(uow) == {"R": {"S"}, "Q": {"R", "S"}}
        late = do.link("OLD", "S")
        assert told_by(uow) == {"R": None, "Q": None}
        do.mount("Q")
        assert told_by(uow) == {"R": None, "Q": {"R", "S", "OLD"}}, "the newest mount"
        reverse_act(uow, request_id="reversal", act=late, reason="a test")
        assert told_by(uow)["Q"] is None
        do.mount("Q")
        assert told_by(uow)["Q"] == {"R", "S"}
        removal = remove_part(uow, request_id="removal", unit_id="Q", part_id="R")
        assert told_by(uow)["Q"] is None
        do.mount("Q")
        assert told_by(uow)["Q"] == set()
        reverse_act(uow, request_id="back", act=removal, reason="a test")
        assert told_by(uow)["Q"] is None
        do.mount("Q")
        replace_part(uow, request_id="replaced", unit_id="Q", part_id="R", new_part_id="OLD")
        assert told_by(uow)["Q"] is None
        do.mount("Q")
        assert told_by(uow)["Q"] == {"OLD"}
        record_pass(uow, request_id="pass", lot_id="OLD", equipment_id=BENCH)
        assert told_by(uow)["Q"] is None
        do.mount("Q")
        assert told_by(uow)["Q"] is None, "what was mounted where OLD passed may yet change"

    plant.write_now(run, actor=None)


def test_what_is_packed_split_and_sent_is_told_as_it_is(plant: Database) -> None:
    def run(uow: UnitOfWork) -> None:
        stock(uow, "A", "B", "WHOLE")
        do = Doing(uow)
        pack_lots(uow, request_id="p1", container_id="BOX", lot_ids=["A"])
        do.mount("BOX")
        assert told_by(uow) == {"BOX": {"A"}}
        pack_lots(uow, request_id="p2", container_id="BOX", lot_ids=["B"])
        assert told_by(uow) == {"BOX": None}
        do.mount("BOX")
        assert told_by(uow) == {"BOX": {"A", "B"}}
        unpack_lots(uow, request_id="p3", container_id="BOX", lot_ids=["A"])
        assert told_by(uow) == {"BOX": None}
        do.mount("BOX")
        ship_lots(uow, request_id="s1", shipment_id="DN", customer_id="C", lot_ids=["B"])
        assert told_by(uow) == {"BOX": None}, "B left out of the box"
        split_lot(uow, request_id="split", lot_id="WHOLE", into={"PART": 4 * MILLION})
        do.mount("PART")
        assert told_by(uow)["PART"] == {"WHOLE"}

    plant.write_now(run, actor=None)


def test_a_recording_that_says_everything_at_once_is_told_as_it_is_in_the_end(plant: Database) -> None:
    """A part of a lot that is mounted already, the lot mounted once more, and a pass of what another is made of."""

    def run(uow: UnitOfWork) -> None:
        stock(uow, "S", "R", "Q", "OLD")
        do = Doing(uow)
        do.link("S", "R")
        do.mount("R")
        do.mount("Q")
        do.link("Q", "OLD")
        assert told_by(uow) == {"R": {"S"}, "Q": set()}
        acts = (
            Act(ActKind.consumed, "S", 1),
            Act(ActKind.mounted, "R", 2, BENCH),
            Act(ActKind.passed, "Q", 3, BENCH, 1),
        )
        links = (Link(0, "OLD", "S"),)
        record_genealogy(uow, recording=Recording((), acts, links, (Mount(1, "new", "R", 5, 9),)))
        assert told_by(uow) == {"R": None, "Q": None}, "Q, of which R is made now, passed"
        acts = (Act(ActKind.consumed, "S2", 4), Act(ActKind.mounted, "S2", 5, BENCH))
        links = (Link(0, "S3", "S2"),)
        lots = [NewLot(name, "BOARD", 10 * MILLION) for name in ("S2", "S3")]
        record_genealogy(uow, recording=Recording(lots, acts, links, (Mount(1, "next", "S2", 1, 9),)))
        assert told_by(uow)["S2"] == {"S3"}

    plant.write_now(run, actor=None)


async def test_scans_of_one_batch_into_mounted_lots(plant: Database) -> None:
    lots = [f"R{n}" for n in range(8)]

    def prepare(uow: UnitOfWork) -> None:
        stock(uow, *lots, *(f"P{n}" for n in range(8)))
        for lot in lots:
            mount_lot(uow, request_id=lot, equipment_id=PRESS, slot_id=lot, lot_id=lot, seq=1)

    await plant.write(prepare, actor=None)
    assert plant.read_now(told_by) == {lot: set() for lot in lots}
    async with asyncio.TaskGroup() as group:
        for n, lot in enumerate(lots):
            scanned = {"request_id": f"s{n}", "parent_id": f"P{n}", "child_id": lot}
            group.create_task(plant.write(scan_lot, actor=None, **scanned))
            if n == 3:
                again = {"request_id": "again", "equipment_id": PRESS, "slot_id": "again", "lot_id": "R6", "seq": 1}
                group.create_task(plant.write(mount_lot, actor=None, **again))
    told = plant.read_now(told_by)
    assert told.pop("R6") in (None, {"P6"}), "whichever came first"
    assert set(told.values()) == {None}


def test_hundreds_of_mounts_at_once(plant: Database) -> None:
    """More than travel with the next statement, of lots made of none, of several and of what passed."""
    names = [f"L{n}" for n in range(300)]
    lots = [NewLot(name, "BOARD", 10**9) for name in ("S", "T", *names)]
    acts = [Act(ActKind.mounted, name, n, PRESS) for n, name in enumerate(names)]
    acts += [Act(ActKind.consumed, name, n) for n, name in enumerate(names) if n % 3]
    acts += [Act(ActKind.passed, "T", 1, BENCH, 1)]
    of_act = {act.lot_id: place for place, act in enumerate(acts) if act.kind is ActKind.consumed}
    links = [Link(of_act[name], "S" if n % 3 == 1 else "T", name) for n, name in enumerate(names) if n % 3]
    links += [Link(of_act[name], names[n - 1], name) for n, name in enumerate(names) if n % 3 == 2]
    mounts = [Mount(n, name, name, 1, 9) for n, name in enumerate(names)]
    plant.write_now(record_genealogy, actor=None, recording=Recording(lots, acts, links, mounts))
    expected = {name: (set(), {"S"}, None)[n % 3] for n, name in enumerate(names)}
    assert plant.read_now(told_by) == expected


def test_a_lot_made_of_very_many_is_looked_up(plant: Database) -> None:
    def run(uow: UnitOfWork) -> None:
        parts = [f"P{n}" for n in range(MADE_OF_MAX + 1)]
        stock(uow, "MANY", *parts)
        do = Doing(uow)
        for place, part in enumerate(parts):
            if place == MADE_OF_MAX:
                do.mount("MANY")
                assert told_by(uow) == {"MANY": set(parts[:-1])}
            do.link(part, "MANY")
        assert told_by(uow) == {"MANY": None}
        do.mount("MANY")
        assert told_by(uow) == {"MANY": None}

    plant.write_now(run, actor=None)


def test_units_of_many_words_share_what_mounts_tell(plant: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """70 failed units had a reel, of a lot of a lot, in either of two slots; however few are counted at once."""
    monkeypatch.setattr("mes.genealogy.queries.shared._WORDS_AT_ONCE", 6)
    units = [f"U{n}" for n in range(140)]
    lots = [NewLot(name, "BOARD", 10**9) for name in (*units, "S", "M", "REEL", "GOOD")]
    acts = [Act(ActKind.passed, name, n, PRESS, n + 1) for n, name in enumerate(units)]
    acts += [Act(ActKind.consumed, "M", 1), Act(ActKind.consumed, "REEL", 1)]
    acts += [Act(ActKind.mounted, name, 1, PRESS) for name in ("REEL", "REEL", "GOOD")]
    links = [Link(140, "S", "M"), Link(141, "M", "REEL")]
    mounts = [Mount(142, "1", "REEL", 1, 40), Mount(143, "2", "REEL", 30, 70), Mount(144, "1", "GOOD", 41, 140)]
    plant.write_now(record_genealogy, actor=None, recording=Recording(lots, acts, links, mounts))
    assert plant.read_now(told_by) == {"REEL": {"M", "S"}, "GOOD": set()}
    answer = plant.read_now(list_shared, failed_ids=units[:70], good_ids=units[70:])
    shared = {what: row[2:6] for row in answer.tables["shared"].rows for what in row[-1]}
    assert {shared[f"lot {name}"] for name in ("S", "M", "REEL")} == {(70, 70, 0, 70)}
    assert shared["lot GOOD"] == (30, 70, 70, 70)


def test_what_good_units_have_by_a_mount_and_failed_ones_in_another_way(plant: Database) -> None:
    """Of what mounts tell only what a failed unit has is kept, however it has it."""
    lots = [NewLot(name, "BOARD", 10**9) for name in ("F", "G", "S", "REEL", "BOTH")]
    acts = [Act(ActKind.passed, "F", 1, PRESS, 1), Act(ActKind.passed, "G", 1, BENCH, 1)]
    acts += [Act(ActKind.consumed, name, 1) for name in ("REEL", "F")]
    acts += [Act(ActKind.mounted, name, 1, at) for name, at in (("BOTH", PRESS), ("BOTH", BENCH), ("REEL", BENCH))]
    links = [Link(2, "S", "REEL"), Link(3, "S", "F")]
    mounts = [Mount(4, "1", "BOTH", 1, 1), Mount(5, "1", "BOTH", 1, 1), Mount(6, "2", "REEL", 1, 1)]
    plant.write_now(record_genealogy, actor=None, recording=Recording(lots, acts, links, mounts))
    assert plant.read_now(told_by) == {"BOTH": set(), "REEL": {"S"}}
    answer = plant.read_now(list_shared, failed_ids=["F"], good_ids=["G"])
    shared = {what: row[2:6] for row in answer.tables["shared"].rows for what in row[-1] if what.startswith("lot ")}
    assert shared == {"lot S": (1, 1, 1, 1), "lot BOTH": (1, 1, 1, 1)}
