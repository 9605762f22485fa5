"""Master data never overwrite the quantity of a lot in use; a count does, on record. On both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from mes.equipment.types import PutOutcome
from mes.genealogy import errors
from mes.genealogy.queries import get_as_built
from mes.genealogy.service import (
    adjust_lot,
    mount_lot,
    move_lots,
    pack_lots,
    put_lots,
    record_pass,
    reverse_act,
    scan_lot,
    split_lot,
    update_lot,
)
from mes.kernel.db import Database
from mes.kernel.errors import Refusal
from mes.materials.errors import LotUsedUp, MaterialLotClosed, MaterialLotInUse, QuantityOutOfRange
from mes.materials.queries import MaterialLotView, get_material_lot
from mes.materials.service import put_lots as put_fresh_lots
from mes.materials.service import put_materials, set_disposition
from mes.materials.types import LotSpec, MaterialSpec
from standards.isa95.material import Disposition
from tests.support.plants import BENCH, PRESS

MILLION = 1_000_000
NUMBERS = iter(range(10**9))


def reel(quantity: int = 10, disposition: Disposition = Disposition.UnRestricted, name: str = "R1") -> LotSpec:
    return LotSpec(name, "RES", Decimal(quantity), "pcs", disposition)


@pytest.fixture
def stocked(plant: Database) -> Database:
    plant.write_now(put_materials, actor=None, specs=[MaterialSpec("RES", "pcs")])
    plant.write_now(put_fresh_lots, actor=None, specs=[reel(), LotSpec("U1", "BOARD", Decimal(1), "pcs")])
    return plant


def do(database: Database, verb: Callable[..., Any], **kwargs: Any) -> Any:
    return database.write_now(verb, actor=None, request_id=f"r-{next(NUMBERS)}", **kwargs)


def put(database: Database, spec: LotSpec) -> PutOutcome:
    outcomes: dict[str, PutOutcome] = database.write_now(put_lots, actor=None, specs=[spec])
    return outcomes[spec.lot_id]


def lot(database: Database, lot_id: str = "R1") -> MaterialLotView:
    return database.read_now(get_material_lot, lot_id=lot_id)


ACTS: dict[str, Callable[[Database], Any]] = {
    "used": lambda plant: do(plant, scan_lot, parent_id="R1", child_id="U1"),
    "mounted": lambda plant: do(plant, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R1"),
    "moved": lambda plant: do(plant, move_lots, lot_ids=["R1"], equipment_id=BENCH),
    "packed": lambda plant: do(plant, pack_lots, container_id="BOX", lot_ids=["R1"]),
    "passed": lambda plant: do(plant, record_pass, lot_id="R1", equipment_id=PRESS),
    "made": lambda plant: do(plant, split_lot, lot_id="R1", into={"R2": 2 * MILLION}),
}


@pytest.mark.parametrize("what", ACTS)
def test_the_quantity_of_a_lot_in_use_stays_whatever_was_done_with_it(stocked: Database, what: str) -> None:
    assert put(stocked, reel(20)) is PutOutcome.Updated
    ACTS[what](stocked)
    name = "R2" if what == "made" else "R1"
    before = lot(stocked, name)
    with pytest.raises(MaterialLotInUse):
        put(stocked, reel(30, name=name))
    with pytest.raises(MaterialLotInUse):
        stocked.write_now(update_lot, actor=None, spec=reel(30, name=name), version=before.version)
    assert lot(stocked, name) == before
    assert put(stocked, reel(int(before.quantity), Disposition.Restricted, name)) is PutOutcome.Updated


def test_what_never_was_is_no_use(stocked: Database) -> None:
    act = do(stocked, scan_lot, parent_id="R1", child_id="U1")
    do(stocked, reverse_act, act=act, reason="wrong reel")
    assert put(stocked, reel(20)) is PutOutcome.Updated


def test_a_set_names_each_lot_that_is_in_use_and_writes_nothing(stocked: Database) -> None:
    ACTS["used"](stocked)
    with pytest.raises(MaterialLotInUse) as refused:
        stocked.write_now(put_lots, actor=None, specs=[reel(20), reel(5, name="NEW")])
    assert [(error.where, error.code) for error in refused.value.errors] == [("R1", "material-lot-in-use")]
    with pytest.raises(Refusal, match="NEW"):
        lot(stocked, "NEW")


def test_a_count_of_what_is_left_is_an_act_of_its_own(stocked: Database) -> None:
    do(stocked, scan_lot, parent_id="R1", child_id="U1", quantity_e6=4 * MILLION)
    asked: dict[str, Any] = {"lot_id": "R1", "left_e6": 5 * MILLION, "reason": "counted by hand"}
    first = stocked.write_now(adjust_lot, actor=None, request_id="count-1", **asked)
    assert stocked.write_now(adjust_lot, actor=None, request_id="count-1", **asked) == first
    assert lot(stocked).quantity == 9
    done = [row for row in stocked.read_now(get_as_built, lot_id="R1").tables["acts"].rows if row[1] == "adjusted"]
    assert "counted by hand" in done[0]
    assert '{"quantity_before":"10","quantity_after":"9","unit":"pcs"}' in str(done[0])
    with pytest.raises(LotUsedUp):
        do(stocked, scan_lot, parent_id="R1", child_id="U1", quantity_e6=6 * MILLION)
    with pytest.raises(errors.ActNotReversible):
        do(stocked, reverse_act, act=first, reason="count again instead")


def test_a_count_alone_is_no_use(stocked: Database) -> None:
    do(stocked, adjust_lot, lot_id="R1", left_e6=0, reason="empty")
    assert lot(stocked).quantity == 0
    assert put(stocked, reel(20)) is PutOutcome.Updated


@pytest.mark.parametrize(
    ("lot_id", "left_e6", "refusal"),
    [
        ("NOBODY", 1, errors.LotUnknown),
        ("BOX", 1, errors.GenealogyInvalid),
        ("R1", 10**19, QuantityOutOfRange),
        ("R1", -1, errors.GenealogyInvalid),
        ("SHUT", 1, MaterialLotClosed),
    ],
)
def test_what_cannot_be_counted(stocked: Database, lot_id: str, left_e6: int, refusal: type[Refusal]) -> None:
    ACTS["packed"](stocked)
    stocked.write_now(put_fresh_lots, actor=None, specs=[reel(name="SHUT")])
    stocked.write_now(set_disposition, actor=None, lot_id="SHUT", disposition=Disposition.Closed, reason="empty")
    with pytest.raises(refusal):
        do(stocked, adjust_lot, lot_id=lot_id, left_e6=left_e6, reason="counted")


@pytest.fixture
def other(database_url: str, stocked: Database) -> Iterator[Database]:
    """The same plant as another process has it."""
    database = Database(database_url, clock=stocked.clock)
    yield database
    database.close()


def test_of_a_put_and_a_scan_at_one_moment_exactly_one_is_done(stocked: Database, other: Database) -> None:
    """8 of 10 are scanned while a PUT makes them 5: both would leave a lot of which more was taken than there was."""
    names = [f"L{n}" for n in range(20)]
    stocked.write_now(put_fresh_lots, actor=None, specs=[reel(name=name) for name in names])
    done: dict[str, set[str]] = {"put": set(), "scan": set()}
    together = threading.Barrier(2, timeout=30)

    def each(what: str, act: Callable[[str], Any], refusal: type[Refusal]) -> None:
        for name in names:
            together.wait()
            try:
                act(name)
                done[what].add(name)
            except refusal:
                pass

    scan = threading.Thread(
        target=each,
        args=(
            "scan",
            lambda name: do(other, scan_lot, parent_id=name, child_id="U1", quantity_e6=8 * MILLION),
            LotUsedUp,
        ),
    )
    scan.start()
    each("put", lambda name: put(stocked, reel(5, name=name)), MaterialLotInUse)
    scan.join()
    assert done["put"] | done["scan"] == set(names)
    assert not done["put"] & done["scan"]
