"""What is refused at a scan and why, what a supervisor may decide, what corrections restore; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from mes.genealogy import errors
from mes.genealogy.may_i.queries import get_permission
from mes.genealogy.may_i.types import Why
from mes.genealogy.queries import (
    get_as_built,
    get_difference,
    get_recall,
    list_recall_holds,
    list_shared,
    list_shipped,
    tables,
    trace_from,
)
from mes.genealogy.queries.walk import walk_down, walk_up
from mes.genealogy.service import (
    hold_suspects,
    merge_lots,
    mount_lot,
    move_lots,
    pack_lots,
    put_setup,
    record_genealogy,
    record_pass,
    release_suspects,
    remove_part,
    replace_part,
    reverse_act,
    scan_lot,
    ship_lots,
    split_lot,
    unpack_lots,
)
from mes.genealogy.statements import load_lots, load_slots, load_touching_mounts
from mes.genealogy.types import (
    OPEN_SEQ,
    Act,
    ActKind,
    Answer,
    Context,
    Interval,
    Link,
    LinkKind,
    Mount,
    NewLot,
    Override,
    Recording,
    Released,
    Suspects,
)
from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import Refusal
from mes.kernel.outbox import head_seq, list_events
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.materials.errors import (
    FloorLifeOver,
    LotExpired,
    LotNotReleased,
    LotNotUsable,
    LotOnHold,
    LotUsedUp,
    MaterialLotClosed,
    WrongMaterial,
)
from mes.materials.life.queries import exposure_of
from mes.materials.life.service import put_handlings, set_lot_expiry
from mes.materials.queries import get_material_lot
from mes.materials.service import put_lots, put_materials, set_disposition
from mes.materials.types import HandlingSpec, LotKind, LotSpec, MaterialSpec, Storage
from mes.orders.service import submit_operations_request
from mes.quality.service import put_defect_codes, record_results
from mes.quality.types import DefectCodeSpec, FoundDefect, Measurement, ResultSpec, Verdict
from standards.isa95.material import Disposition
from tests.support.plants import BENCH, PRESS

MILLION = 1_000_000
NUMBERS = iter(range(10**9))


@pytest.fixture
def stocked(plant: Database) -> Database:
    plant.write_now(put_materials, actor=None, specs=[MaterialSpec("RES", "pcs"), MaterialSpec("CAP", "pcs")])
    lots = [LotSpec("R1", "RES", Decimal(10), "pcs"), LotSpec("R2", "RES", Decimal(10), "pcs")]
    lots += [LotSpec("C1", "CAP", Decimal(10), "pcs")]
    lots += [LotSpec(f"U{n}", "BOARD", Decimal(1), "pcs") for n in range(1, 7)]
    plant.write_now(put_lots, actor=None, specs=lots)
    return plant


def do(database: Database, verb: Callable[..., Any], **kwargs: Any) -> Any:
    return database.write_now(verb, actor=None, request_id=f"r-{next(NUMBERS)}", **kwargs)


def used(database: Database, lot_id: str) -> int:
    def of(session: Any) -> int:
        return load_lots(session, [lot_id])[lot_id].used_e6

    return database.read_now(of)


def rows(answer: Answer, table: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in answer.tables[table].rows]


def links(database: Database, lot_id: str) -> set[tuple[str, str, str]]:
    answer = database.read_now(trace_from, lot_id=lot_id)
    return {(row[0], row[1], row[4]) for row in rows(answer, "links")}


def hold(database: Database, lot_id: str, disposition: Disposition = Disposition.Restricted) -> None:
    database.write_now(set_disposition, actor=None, lot_id=lot_id, disposition=disposition, reason="test")


@pytest.mark.parametrize(
    ("refusal", "prepare", "asked"),
    [
        (errors.LotUnknown, None, {"parent_id": "NOBODY"}),
        (LotOnHold, Disposition.Restricted, {}),
        (MaterialLotClosed, Disposition.Closed, {}),
        (LotNotReleased, Disposition.Planned, {}),
        (LotUsedUp, None, {"quantity_e6": 11 * MILLION}),
        (WrongMaterial, None, {"material_id": "CAP"}),
        (errors.GenealogyInvalid, None, {"equipment_id": "NOWHERE"}),
        (errors.GenealogyInvalid, None, {"job_id": "NO-JOB"}),
        (errors.GenealogyInvalid, None, {"child_id": "R1"}),
    ],
)
def test_a_scan_is_refused_with_the_reason_and_writes_nothing(
    stocked: Database, refusal: type[Refusal], prepare: Disposition | None, asked: dict[str, Any]
) -> None:
    if prepare is not None:
        hold(stocked, "R1", prepare)
    before = used(stocked, "R1")
    with pytest.raises(refusal):
        do(stocked, scan_lot, **{"parent_id": "R1", "child_id": "U1", **asked})
    assert used(stocked, "R1") == before
    assert links(stocked, "U1") == set()


@pytest.mark.parametrize("asked", [{"hold": True}, {"quantity_e6": 11 * MILLION}, {"material_id": "CAP"}])
def test_a_supervisors_override_is_recorded(stocked: Database, asked: dict[str, Any]) -> None:
    if "hold" in asked:
        hold(stocked, "R1")
    more = {name: value for name, value in asked.items() if name != "hold"}
    act = do(stocked, scan_lot, parent_id="R1", child_id="U1", override=Override("customer agreed"), **more)
    assert links(stocked, "U1") == {("R1", "U1", "certain")}
    event = stocked.read_now(list_events, after=0)[-1]
    assert (event.payload["overridden"], event.payload["override_reason"]) == (["R1"], "customer agreed")
    notes = {row[0]: row[-1] for row in rows(stocked.read_now(get_as_built, lot_id="U1"), "acts")}
    assert notes[act] == "customer agreed"


def expire(database: Database, lot_id: str) -> None:
    database.write_now(
        set_lot_expiry, actor=None, lot_id=lot_id, expires_on=date(2020, 1, 31), reason="as on its label"
    )


def test_a_lot_past_its_shelf_life_is_refused_at_scan_and_mount(stocked: Database) -> None:
    expire(stocked, "R1")
    with pytest.raises(LotExpired):
        do(stocked, scan_lot, parent_id="R1", child_id="U1")
    with pytest.raises(LotExpired):
        do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R1")
    do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R1", override=Override("tested good"))
    event = stocked.read_now(list_events, after=0)[-1]
    assert (event.payload["overridden"], event.payload["override_reason"]) == (["R1"], "tested good")


async def test_scans_of_one_moment_are_refused_alike(stocked: Database) -> None:
    """Loaded together or one by one."""
    expire(stocked, "R1")

    async def scan(parent: str, child: str) -> bool:
        try:
            await stocked.write(scan_lot, actor=None, request_id=f"r-{next(NUMBERS)}", parent_id=parent, child_id=child)
        except LotExpired:
            return False
        return True

    assert await asyncio.gather(scan("R1", "U1"), scan("R2", "U2"), scan("C1", "U3")) == [False, True, True]


def test_what_was_recorded_of_the_past_is_not_judged_by_todays_lives(stocked: Database) -> None:
    expire(stocked, "R1")
    act = Act(ActKind.installed, "U1", 1)
    stocked.write_now(
        record_genealogy, actor=None, recording=Recording(acts=(act,), links=(Link(0, "R1", "U1", MILLION),))
    )
    assert links(stocked, "U1") == {("R1", "U1", "certain")}


def test_floor_life_passes_while_a_lot_is_mounted(stocked: Database) -> None:
    stocked.write_now(put_handlings, actor=None, specs=[HandlingSpec("RES", msl="3")])
    do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R1")
    life = stocked.read_now(exposure_of, lot_id="R1", now=datetime.now(UTC)).life
    assert life.exposure.storage is Storage.open
    month_us = 30 * 86_400 * MILLION
    stocked.write_now(_pass_time, actor=None, exposed_us=month_us)
    with pytest.raises(FloorLifeOver):
        do(stocked, scan_lot, parent_id="R1", child_id="U1")


def _pass_time(uow: UnitOfWork, *, exposed_us: int) -> None:
    uow.driver_execute("UPDATE material_lot_life SET exposed_us = ?", (exposed_us,))


def test_what_is_closed_cannot_be_overridden(stocked: Database) -> None:
    hold(stocked, "R1", Disposition.Closed)
    with pytest.raises(MaterialLotClosed):
        do(stocked, scan_lot, parent_id="R1", child_id="U1", override=Override("please"))


def test_the_same_scan_twice_is_once(stocked: Database) -> None:
    asked = {"request_id": "same", "parent_id": "R1", "child_id": "U1"}
    first = stocked.write_now(scan_lot, actor=None, **asked)
    assert stocked.write_now(scan_lot, actor=None, **asked) == first
    assert used(stocked, "R1") == MILLION


async def test_scans_at_the_same_time_never_take_more_than_there_is(stocked: Database) -> None:
    """They share a transaction, and some loads."""

    async def one(n: int) -> bool:
        asked = {"request_id": f"at-once-{n}", "parent_id": "R1", "child_id": f"U{n % 6 + 1}"}
        try:
            await stocked.write(scan_lot, actor=None, **asked)
        except LotUsedUp:
            return False
        return True

    done = await asyncio.gather(*(one(n) for n in range(25)))
    assert sum(done) == 10
    assert used(stocked, "R1") == 10 * MILLION


async def test_different_scans_at_the_same_time_are_all_kept(stocked: Database) -> None:
    async def one(n: int) -> None:
        asked = {"request_id": f"apart-{n}", "parent_id": f"U{n}", "child_id": "R2" if n == 6 else "C1"}
        await stocked.write(scan_lot, actor=None, **asked)

    await asyncio.gather(*(one(n) for n in range(1, 7)))
    assert links(stocked, "C1") == {(f"U{n}", "C1", "certain") for n in range(1, 6)}
    assert links(stocked, "R2") == {("U6", "R2", "certain")}


def test_a_cycle_is_refused_at_any_length(stocked: Database) -> None:
    do(stocked, scan_lot, parent_id="U1", child_id="U2")
    do(stocked, scan_lot, parent_id="U2", child_id="U3")
    with pytest.raises(errors.GenealogyCycle):
        do(stocked, scan_lot, parent_id="U3", child_id="U1")
    ring = Recording(
        lots=[NewLot("A", "BOARD"), NewLot("B", "BOARD")],
        acts=[Act(ActKind.consumed, "A", 1), Act(ActKind.consumed, "B", 1)],
        links=[Link(0, "B", "A"), Link(1, "A", "B")],
    )
    with pytest.raises(errors.GenealogyCycle):
        stocked.write_now(record_genealogy, actor=None, recording=ring)


class TestMounts:
    def test_a_clean_change_is_certain_and_a_splice_is_possible(self, stocked: Database) -> None:
        do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R1")
        do(stocked, record_pass, lot_id="U1", equipment_id=PRESS)
        do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="C1")
        do(stocked, record_pass, lot_id="U2", equipment_id=PRESS)
        do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R2", splice=True)
        do(stocked, record_pass, lot_id="U3", equipment_id=PRESS)
        assert links(stocked, "U1") == {("R1", "U1", "certain")}
        assert links(stocked, "U2") == {("C1", "U2", "possible"), ("R2", "U2", "possible")}
        assert links(stocked, "U3") == {("R2", "U3", "certain")}
        apart = stocked.read_now(get_difference, first_id="U1", second_id="U2")
        assert {row[2:] for row in rows(apart, "difference") if row[0] == "lot"} == {
            ("first", "R1", "certain"),
            ("second", "C1", "possible"),
            ("second", "R2", "possible"),
        }

    def test_two_splices_without_a_piece_between_leave_three_possible_lots(self, stocked: Database) -> None:
        do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R1")
        do(stocked, record_pass, lot_id="U1", equipment_id=PRESS)
        for lot in ("C1", "R2"):
            do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id=lot, splice=True)
        assert links(stocked, "U1") == {(lot, "U1", "possible") for lot in ("R1", "C1", "R2")}
        do(stocked, record_pass, lot_id="U2", equipment_id=PRESS)
        assert links(stocked, "U2") == {("R2", "U2", "certain")}

    def test_two_clean_changes_without_a_piece_between_leave_the_middle_lot_in_nothing(self, stocked: Database) -> None:
        for lot in ("R1", "C1", "R2"):
            do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id=lot)
        do(stocked, record_pass, lot_id="U1", equipment_id=PRESS)
        assert links(stocked, "U1") == {("R2", "U1", "certain")}

    def test_the_set_up_list_refuses_the_wrong_material(self, stocked: Database) -> None:
        stocked.write_now(put_setup, actor=None, equipment_id=PRESS, materials={"1": "CAP", "2": ""})
        with pytest.raises(WrongMaterial):
            do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R1")
        do(stocked, mount_lot, equipment_id=PRESS, slot_id="2", lot_id="R1")
        do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="C1")

    def test_what_pieces_used_up_counts(self, stocked: Database) -> None:
        do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R1", quantity_per_e6=5 * MILLION)
        for unit in ("U1", "U2"):
            do(stocked, record_pass, lot_id=unit, equipment_id=PRESS)
        assert used(stocked, "R1") == 10 * MILLION
        with pytest.raises(LotUsedUp):
            do(stocked, mount_lot, equipment_id=BENCH, slot_id="1", lot_id="R1")

    def test_a_change_of_reel_looks_at_its_neighbours_only(self, stocked: Database) -> None:
        spans = [(10 * n, 10 * n + 9) for n in range(40)]
        mounts = [Mount(0, slot, "R1", *span) for span in [*spans, (20, 19)] for slot in "12"]
        act = Act(ActKind.mounted, "R1", 1, PRESS)
        stocked.write_now(record_genealogy, actor=None, recording=Recording(acts=[act], mounts=mounts))

        def touching(session: ReadSession) -> list[list[Interval]]:
            slots = [pk for (_, slot), (pk, _) in sorted(load_slots(session, range(100)).items()) if slot in "12"]
            ranges = dict(zip(slots, [Interval(400, OPEN_SEQ), Interval(20, 25)], strict=True))
            return [sorted(found) for found in load_touching_mounts(session, ranges).values()]

        assert stocked.read_now(touching) == [[(390, 399)], [(10, 19), (20, 19), (20, 29)]]

    def test_mounts_of_the_past_must_not_overlap(self, stocked: Database) -> None:
        def past(*spans: tuple[int, int]) -> Recording:
            mounts = [Mount(0, "9", "R1", first, last) for first, last in spans]
            return Recording(acts=[Act(ActKind.mounted, "R1", 1, PRESS)], mounts=mounts)

        with pytest.raises(errors.MountOutOfOrder):
            stocked.write_now(record_genealogy, actor=None, recording=past((1, 5), (4, 9)))
        stocked.write_now(record_genealogy, actor=None, recording=past((1, 5), (5, 9)))
        with pytest.raises(errors.MountOutOfOrder):
            stocked.write_now(record_genealogy, actor=None, recording=past((8, 12)))


class TestPacking:
    def test_out_to_the_customer_and_who_has_what(self, stocked: Database) -> None:
        do(stocked, scan_lot, parent_id="R1", child_id="U1")
        do(stocked, pack_lots, container_id="BOX1", lot_ids=["U1", "U2"])
        do(stocked, pack_lots, container_id="BOX2", lot_ids=["U2", "U3"])
        do(stocked, ship_lots, shipment_id="S1", customer_id="ACME", delivery_note="DN-7", lot_ids=["BOX1"])
        shipped = rows(stocked.read_now(list_shipped, lot_ids=["R1"]), "shipped")
        assert shipped == []  # made as lots of one, not with the kind of a unit
        recall = stocked.read_now(get_recall, suspects=Suspects(lot_ids=("R1",)))
        assert [row[:3] + row[4:] for row in rows(recall, "shipments")] == [("S1", "ACME", "DN-7", 2)]
        assert links(stocked, "BOX2") == {("U2", "BOX2", "certain"), ("U3", "BOX2", "certain")}
        with pytest.raises(LotNotUsable):
            do(stocked, scan_lot, parent_id="R1", child_id="U1")
        with pytest.raises(LotNotUsable):
            do(stocked, pack_lots, container_id="BOX2", lot_ids=["U1"])

    def test_units_by_serial_are_listed_by_shipment(self, stocked: Database) -> None:
        do(stocked, record_pass, lot_id="SN1", equipment_id=PRESS, material_id="BOARD")
        do(stocked, scan_lot, parent_id="R1", child_id="SN1")
        do(stocked, ship_lots, shipment_id="S1", customer_id="ACME", lot_ids=["SN1"])
        answer = stocked.read_now(list_shipped, lot_ids=["R1"])
        assert answer.facts["units"] == 1

    def test_a_held_unit_stops_the_whole_delivery(self, stocked: Database) -> None:
        do(stocked, pack_lots, container_id="BOX1", lot_ids=["U1", "U2"])
        hold(stocked, "U2")
        with pytest.raises(LotOnHold) as refused:
            do(stocked, ship_lots, shipment_id="S1", customer_id="ACME", lot_ids=["BOX1"])
        assert [error.where for error in refused.value.errors] == ["U2"]

    @pytest.mark.parametrize("around", ["BOX1", "PALLET"])
    @pytest.mark.parametrize(("verb", "to"), [(unpack_lots, "BOX1"), (pack_lots, "BOX2")])
    def test_what_is_in_a_held_container_stays_in_it(
        self, stocked: Database, around: str, verb: Callable[..., Any], to: str
    ) -> None:
        do(stocked, pack_lots, container_id="BOX1", lot_ids=["U1", "U2"])
        do(stocked, pack_lots, container_id="PALLET", lot_ids=["BOX1"])
        hold(stocked, around)
        with pytest.raises(LotOnHold) as refused:
            do(stocked, verb, container_id=to, lot_ids=["U1"])
        assert [error.where for error in refused.value.errors] == [around]
        assert ("U1", "BOX1", "certain") in links(stocked, "BOX1")
        act = do(stocked, verb, container_id=to, lot_ids=["U1"], override=Override("sorted by hand"))
        assert ("U1", "BOX1", "certain") not in links(stocked, "BOX1")
        event = stocked.read_now(list_events, after=0)[-1]
        assert (event.payload["overridden"], event.payload["override_reason"]) == ([around], "sorted by hand")
        notes = {row[0]: row[-1] for row in rows(stocked.read_now(get_as_built, lot_id=to), "acts")}
        assert notes[act] == "sorted by hand"

    def test_cartons_on_a_pallet_are_one(self, stocked: Database) -> None:
        do(stocked, record_pass, lot_id="SN1", equipment_id=PRESS, material_id="BOARD")
        do(stocked, scan_lot, parent_id="R1", child_id="SN1")
        do(stocked, pack_lots, container_id="BOX1", lot_ids=["SN1"])
        do(stocked, pack_lots, container_id="BOX2", lot_ids=["U1"])
        do(stocked, pack_lots, container_id="PALLET", lot_ids=["BOX1", "BOX2"])
        for inner, outer in (("PALLET", "BOX1"), ("BOX1", "BOX1")):
            with pytest.raises((errors.GenealogyCycle, errors.GenealogyInvalid)):
                do(stocked, pack_lots, container_id=outer, lot_ids=[inner])
        do(stocked, move_lots, lot_ids=["PALLET"], equipment_id=BENCH)
        lots = rows(stocked.read_now(get_recall, suspects=Suspects(lot_ids=("PALLET",))), "affected")
        assert sorted(name for row in lots for name in _list(row[-1])) == ["BOX1", "BOX2", "PALLET", "SN1", "U1"]
        assert {row[5] for row in lots} == {BENCH}, "moved as one"
        hold(stocked, "PALLET")
        assert stocked.read_now(get_as_built, lot_id="SN1").facts["held_in"] == "PALLET"
        asked = stocked.read_now(get_permission, unit_id="SN1", equipment_id=PRESS)
        assert (asked.why, asked.other) == (Why.held, "PALLET")
        for what in ("PALLET", "BOX1", "SN1"):
            with pytest.raises(LotOnHold):
                do(stocked, ship_lots, shipment_id="S1", customer_id="ACME", lot_ids=[what])
        hold(stocked, "PALLET", Disposition.UnRestricted)
        do(stocked, ship_lots, shipment_id="S2", customer_id="ACME", lot_ids=["BOX2"])
        assert links(stocked, "PALLET") >= {("BOX1", "PALLET", "certain")}
        assert ("BOX2", "PALLET", "certain") not in links(stocked, "PALLET"), "what leaves by itself is taken out"
        act = do(stocked, ship_lots, shipment_id="S1", customer_id="ACME", lot_ids=["PALLET"])
        shipped = rows(stocked.read_now(list_shipped, lot_ids=["R1"]), "shipped")
        assert [row[0] for row in shipped] == ["S1"], "shipped as one, found through both"
        do(stocked, reverse_act, act=act, reason="wrong truck")
        assert rows(stocked.read_now(list_shipped, lot_ids=["R1"]), "shipped") == []

    def test_a_shipment_taken_back_is_here_again(self, stocked: Database) -> None:
        do(stocked, pack_lots, container_id="BOX1", lot_ids=["U1"])
        act = do(stocked, ship_lots, shipment_id="S1", customer_id="ACME", lot_ids=["BOX1"])
        do(stocked, reverse_act, act=act, reason="wrong truck")
        do(stocked, unpack_lots, container_id="BOX1", lot_ids=["U1"])
        assert links(stocked, "BOX1") == set()
        with pytest.raises(errors.NotLinked):
            do(stocked, unpack_lots, container_id="BOX1", lot_ids=["U1"])

    def test_a_place_is_that_of_everything_inside(self, stocked: Database) -> None:
        do(stocked, pack_lots, container_id="BOX1", lot_ids=["U1"])
        do(stocked, move_lots, lot_ids=["BOX1"], equipment_id=BENCH)
        places = {row[0]: row[6] for row in rows(stocked.read_now(trace_from, lot_id="BOX1"), "lots")}
        assert places == {"BOX1": BENCH, "U1": BENCH}


def test_split_and_merge_keep_the_balance(stocked: Database) -> None:
    do(stocked, split_lot, lot_id="R1", into={"R1-A": 4 * MILLION, "R1-B": 5 * MILLION})
    with pytest.raises(LotUsedUp):
        do(stocked, split_lot, lot_id="R1", into={"R1-C": 2 * MILLION})
    do(stocked, merge_lots, lot_ids=["R1-A", "R1-B"], into_id="R1-AB")
    merged = stocked.read_now(get_material_lot, lot_id="R1-AB")
    assert (merged.quantity, merged.material_id) == (Decimal(9), "RES")
    with pytest.raises(errors.GenealogyInvalid):
        do(stocked, merge_lots, lot_ids=["R2", "C1"], into_id="MIX")


def test_a_replaced_part_is_free_again_and_the_record_says_where_it_was(stocked: Database) -> None:
    do(stocked, scan_lot, parent_id="U1", child_id="U2")
    with pytest.raises(errors.NotLinked):
        do(stocked, remove_part, unit_id="U2", part_id="U3")
    act = do(stocked, replace_part, unit_id="U2", part_id="U1", new_part_id="U3")
    assert links(stocked, "U2") == {("U3", "U2", "certain")}
    ended = rows(stocked.read_now(get_as_built, lot_id="U2"), "ended")
    assert [(row[0], row[1], row[4]) for row in ended] == [("U1", "U2", act)]
    do(stocked, scan_lot, parent_id="U1", child_id="U4")
    with pytest.raises(errors.ActNotReversible):
        do(stocked, reverse_act, act=act, reason="U1 is in U4 by now")


def test_acts_that_cannot_be_taken_back(stocked: Database) -> None:
    with pytest.raises(errors.ActNotFound):
        do(stocked, reverse_act, act=10**6, reason="x")
    act = do(stocked, scan_lot, parent_id="U1", child_id="U2")
    reversal = do(stocked, reverse_act, act=act, reason="wrong unit")
    for again in (act, reversal):
        with pytest.raises(errors.ActNotReversible):
            do(stocked, reverse_act, act=again, reason="x")


class TestRecall:
    @pytest.fixture
    def made(self, stocked: Database) -> Database:
        do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R1")
        for n in range(1, 4):
            context = Context(program=f"P{n % 2}", tool="T1")
            asked = {"lot_id": f"SN-{n}", "equipment_id": PRESS, "material_id": "BOARD", "context": context}
            do(stocked, record_pass, **asked)
        do(stocked, pack_lots, container_id="BOX", lot_ids=["SN-2"])
        return stocked

    @pytest.mark.parametrize(
        ("suspects", "affected"),
        [
            (Suspects(lot_ids=("R1",)), {"R1", "SN-1", "SN-2", "SN-3", "BOX"}),
            (Suspects(from_lot_id="SN-1", to_lot_id="SN-2"), {"SN-1", "SN-2", "BOX"}),
            (Suspects(equipment_id=PRESS, program="P1"), {"SN-1", "SN-3"}),
            (Suspects(tool="T1"), {"SN-1", "SN-2", "SN-3", "BOX"}),
            (Suspects(tool="T2"), set()),
            (Suspects(from_at_us=2**60), set()),
            (Suspects(lot_ids=("SN-3",), program="P0"), {"SN-3", "SN-2", "BOX"}),
        ],
    )
    def test_suspects(self, made: Database, suspects: Suspects, affected: set[str]) -> None:
        answer = made.read_now(get_recall, suspects=suspects)
        found = [lot for row in rows(answer, "affected") for lot in _list(row[-1])]
        assert sorted(found) == sorted(affected)
        mounted = [row[2] for row in rows(answer, "mounted")]
        assert mounted == (["R1"] if "R1" in affected else [])

    def test_groups_name_the_job_and_its_order(self, made: Database) -> None:
        made.write_now(submit_operations_request, actor=None, id="PO-1", quantity=Decimal(2), material_id="BOARD")
        asked = {"equipment_id": PRESS, "material_id": "BOARD", "job_id": "PO-1-PRESS"}
        do(made, record_pass, lot_id="SN-4", **asked)
        answer = made.read_now(get_recall, suspects=Suspects(lot_ids=("R1",)))
        columns = answer.tables["affected"].columns
        told = {
            (row[columns.index("operations_request_id")], row[columns.index("job_order_id")], _list(row[-1])[0])
            for row in rows(answer, "affected")
            if row[0] == "unit" and row[5] == ""
        }
        assert told >= {("PO-1", "PO-1-PRESS", "SN-4")}

    def test_what_is_done_to_a_unit_on_hold_is_recorded_and_flagged(self, made: Database) -> None:
        hold(made, "SN-1")
        for n in (1, 3):
            do(made, record_pass, lot_id=f"SN-{n}", equipment_id=PRESS)
        do(made, scan_lot, parent_id="C1", child_id="SN-1")
        built = made.read_now(get_as_built, lot_id="SN-1").tables["acts"]
        flags = [(row[1], row[built.columns.index("flag")]) for row in built.rows if row[3] == "SN-1"]
        assert sorted(flags) == [("installed", "unit-held"), ("passed", ""), ("passed", "unit-held")]
        told = rows(made.read_now(get_recall, suspects=Suspects(lot_ids=("R1",))), "while_held")
        assert [(row[1], row[3]) for row in told] == [("passed", "SN-1"), ("installed", "SN-1")]
        assert rows(made.read_now(get_recall, suspects=Suspects(lot_ids=("SN-3",))), "while_held") == []
        do(made, reverse_act, act=told[0][0], reason="not this one")
        told = rows(made.read_now(get_recall, suspects=Suspects(lot_ids=("R1",))), "while_held")
        assert [row[1] for row in told] == ["installed"]

    def test_nothing_suspected_is_refused(self, made: Database) -> None:
        with pytest.raises(errors.SuspectsMissing):
            made.read_now(get_recall, suspects=Suspects())
        with pytest.raises(errors.GenealogyInvalid):
            made.read_now(get_recall, suspects=Suspects(from_lot_id="B", to_lot_id="A"))

    def test_a_limit_is_told(self, made: Database) -> None:
        answer = made.read_now(get_recall, suspects=Suspects(lot_ids=("R1",)), limit=2)
        assert answer.facts["truncated"] == "lots"
        assert answer.facts["certain"] == 2

    def test_holds_in_one_step(self, made: Database) -> None:
        suspects = Suspects(lot_ids=("R1",))
        before = made.read_now(head_seq)
        held = made.write_now(hold_suspects, actor=None, suspects=suspects, reason="bad paste")
        assert held == 5
        subjects = {event.subject for event in made.read_now(list_events, after=before)}
        assert subjects == {"genealogy", *(f"material-lot/{lot}" for lot in ("R1", "SN-1", "SN-2", "SN-3", "BOX"))}
        assert made.write_now(hold_suspects, actor=None, suspects=suspects, reason="again") == 0
        assert made.read_now(get_material_lot, lot_id="SN-2").disposition is Disposition.Restricted
        with pytest.raises(LotOnHold):
            do(made, ship_lots, shipment_id="S1", customer_id="ACME", lot_ids=["BOX"])
        event = made.read_now(list_events, after=0)[-1]
        assert event.type == "genealogy.lots-held.v1"
        assert len(event.payload["lot_ids"]) == 5

    def test_what_a_recall_holds_is_released_in_one_step_and_nothing_else(self, made: Database) -> None:
        suspects = Suspects(lot_ids=("R1",))
        hold(made, "SN-3")
        hold(made, "SN-1", Disposition.Closed)
        made.write_now(hold_suspects, actor=None, suspects=suspects, reason="bad paste")
        hold(made, "BOX", Disposition.UnRestricted)
        standing = made.read_now(list_recall_holds, suspects=suspects)
        assert [(group.reason, group.lot_ids, dict(group.kinds)) for group in standing.held] == [
            ("bad paste", ("R1", "SN-2"), {"lot": 1, "unit": 1}),
            ("test", ("SN-3",), {"unit": 1}),
        ]
        release = {"suspects": suspects, "hold_reason": "bad paste", "reason": "measured"}
        released = made.write_now(release_suspects, actor=None, **release)
        assert released == Released(2, {"test": 1}, not_held=1, closed=1)
        event = made.read_now(list_events, after=0)[-1]
        assert (event.type, sorted(event.payload["lot_ids"])) == ("genealogy.lots-released.v1", ["R1", "SN-2"])
        states = {lot: made.read_now(get_material_lot, lot_id=lot).disposition for lot in ("SN-1", "SN-2", "SN-3")}
        kept = {"SN-1": Disposition.Closed, "SN-2": Disposition.UnRestricted, "SN-3": Disposition.Restricted}
        assert states == kept
        again = made.write_now(release_suspects, actor=None, **release)
        assert again == Released(0, {"test": 1}, not_held=3, closed=1)
        made.write_now(hold_suspects, actor=None, suspects=suspects, reason="found again")
        assert made.write_now(release_suspects, actor=None, **release).released == 0, "that hold has ended"

    def test_difference(self, made: Database) -> None:
        do(made, scan_lot, parent_id="C1", child_id="SN-1")
        answer = made.read_now(get_difference, first_id="SN-1", second_id="SN-2")
        assert rows(answer, "difference") == [
            ("lot", "CAP", "first", "C1", "certain"),
            ("pass", PRESS, "first", "P1 · T1", "certain"),
            ("pass", PRESS, "second", "P0 · T1", "certain"),
        ]


def _list(value: Any) -> list[str]:
    found: list[str] = orjson.loads(orjson.dumps(value))
    return found


def test_what_failures_share_is_ranked_and_ties_are_one_group(stocked: Database) -> None:
    do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R1")
    do(stocked, mount_lot, equipment_id=PRESS, slot_id="2", lot_id="C1")
    do(stocked, scan_lot, parent_id="U6", child_id="R1", quantity_e6=MILLION)
    for unit in ("U1", "U2"):
        do(stocked, record_pass, lot_id=unit, equipment_id=PRESS)
    do(stocked, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R2")
    for unit in ("U3", "U4"):
        do(stocked, record_pass, lot_id=unit, equipment_id=PRESS)
    answer = stocked.read_now(list_shared, failed_ids=["U1", "U2"], good_ids=["U3", "U4"])
    first, second = rows(answer, "shared")[:2]
    assert first[1] == pytest.approx(1 / 6)  # one way of six to draw both of the two from four
    assert first[2:] == (2, 2, 0, 2, ["lot R1", "lot U6"])
    assert second[1] == 1.0
    assert "lot C1" in second[-1]
    assert f"machine {PRESS}" in second[-1]
    with pytest.raises(errors.GenealogyInvalid):
        stocked.read_now(list_shared, failed_ids=["U1"], good_ids=["U1"])


def test_what_failures_share_is_counted_for_more_units_than_a_word_has_bits(stocked: Database) -> None:
    """70 failed and 70 good ones; two lots are in those around every border."""
    units = [f"N{n}" for n in range(140)]
    inside = {"LOW": (63, 64, 65), "HIGH": (0, 69, 70, 127, 128, 139)}
    recording = Recording(
        lots=[NewLot(name, "BOARD", 10 * MILLION) for name in (*units, *inside)],
        acts=[Act(ActKind.consumed, name, 1) for name in units],
        links=[Link(n, lot, units[n]) for lot, places in inside.items() for n in places],
    )
    stocked.write_now(record_genealogy, actor=None, recording=recording)
    answer = stocked.read_now(list_shared, failed_ids=units[:70], good_ids=units[70:])
    assert {row[-1][0]: row[2:6] for row in rows(answer, "shared")} == {
        "lot LOW": (3, 70, 0, 70),
        "lot HIGH": (2, 70, 4, 70),
    }


def test_a_recording_of_thousands_is_one_and_names_every_fault(stocked: Database) -> None:
    """More rows than travel with the next statement."""
    names: Sequence[str] = [f"N{n}" for n in range(500)]
    recording = Recording(
        lots=[NewLot(name, "BOARD", MILLION, LotKind.unit) for name in names],
        acts=[Act(ActKind.passed, name, n, PRESS, n + 1) for n, name in enumerate(names)],
        links=[Link(n, names[n - 1], names[n]) for n in range(1, 500)],
    )
    made = stocked.write_now(record_genealogy, actor=None, recording=recording)
    assert (made.lots, made.acts, made.links) == (500, 500, 499)

    def both(session: Any) -> tuple[int, int]:
        lots = load_lots(session, ["N0", "N499"])
        return len(walk_down(session, [lots["N0"].pk]).certain), len(walk_up(session, [lots["N499"].pk]).certain)

    # 499 links in a row are more levels than one answer has
    assert stocked.read_now(both) == (100, 100)
    faults = Recording(acts=[Act(ActKind.consumed, "U1", 1)], links=[Link(0, "GONE", "U1"), Link(0, "LOST", "U1")])
    with pytest.raises(errors.LotUnknown) as refused:
        stocked.write_now(record_genealogy, actor=None, recording=faults)
    assert [error.where for error in refused.value.errors] == ["GONE", "LOST"]
    with pytest.raises(errors.GenealogyInvalid):
        stocked.write_now(record_genealogy, actor=None, recording=Recording(lots=[NewLot("N0", "BOARD")]))


def test_texts_come_through_a_copy_as_they_are(stocked: Database) -> None:
    """Many rows go to PostgreSQL as text, where tabs, line ends and backslashes mean something."""
    odd = "a\tb\\N\nc\rd"
    acts = [Act(ActKind.moved, "U1", n, PRESS, note=odd if n == 7 else None) for n in range(300)]
    first = stocked.write_now(record_genealogy, actor=None, recording=Recording(acts=acts)).first_act
    notes = {row[0]: row[-1] for row in rows(stocked.read_now(get_as_built, lot_id="U1"), "acts")}
    assert (notes[first + 7], notes[first + 8], len(notes)) == (odd, "", 300)


def test_the_as_built_record_has_the_tests_of_parts_and_says_where_it_ends(
    stocked: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = to_us(stocked.clock())
    parts = [NewLot(f"PART-{n}", "BOARD") for n in range(3)]
    links = [Link(0, part.lot_id, "U1", kind=LinkKind.installed) for part in parts]
    recording = Recording(parts, [Act(ActKind.installed, "U1", now, BENCH)], links)
    stocked.write_now(record_genealogy, actor=None, recording=recording)
    for n, part in enumerate(parts):
        measured = tuple(Measurement(f"m{k}", f"{n}.{k}", "V") for k in range(2))
        tested = ResultSpec("ICT", f"r{n}", part.lot_id, BENCH, Verdict.passed, now - 9, measurements=measured)
        stocked.write_now(record_results, actor=None, results=[tested])
    built = stocked.read_now(get_as_built, lot_id="U1")
    assert ([row[1] for row in rows(built, "results")], built.facts["truncated"]) == (
        ["PART-0", "PART-1", "PART-2"],
        "",
    )
    assert len(rows(built, "measurements")) == 6
    monkeypatch.setattr(tables, "MEASURED_MAX", 3)
    built = stocked.read_now(get_as_built, lot_id="U1")
    assert (len(rows(built, "results")), built.facts["truncated"]) == (3, "measurements")
    assert [row[2] for row in rows(built, "measurements")] == ["1.0", "2.0", "2.1"]


def test_the_as_built_record_has_results_measurements_and_defects(stocked: Database) -> None:
    stocked.write_now(put_defect_codes, actor=None, specs=[DefectCodeSpec("SHORT", "Solder short")])
    values = (Measurement("Vcc", "5.41", "V", "4.9", "5.1", "failed"), Measurement("I", "0.1", "A"))
    found = (FoundDefect("SHORT", "R17"),)
    now = to_us(stocked.clock())
    failed = ResultSpec("ICT", "r1", "U1", BENCH, Verdict.failed, now - 2, measurements=values, defects=found)
    again = ResultSpec("ICT", "r2", "U1", BENCH, Verdict.passed, now - 1)
    assert stocked.write_now(record_results, actor=None, results=[again, failed]).recorded == 2
    built = stocked.read_now(get_as_built, lot_id="U1")
    first, second = rows(built, "results")
    assert (first[1:3], first[5], second[2]) == (("U1", "failed"), BENCH, "passed")
    measured = ("Vcc", "5.41", "V", "4.9", "5.1", "failed")
    assert rows(built, "measurements")[0] == (first[0], *measured)
    assert rows(built, "defects")[0][:4] == (first[0], "U1", "SHORT", "R17")
    assert not rows(stocked.read_now(get_as_built, lot_id="U2"), "results")
