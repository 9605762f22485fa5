"""Material is never there twice, never younger than what it came from; an act is done once; on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from mes.genealogy import errors
from mes.genealogy.service import (
    merge_lots,
    mount_lot,
    pack_lots,
    record_pass,
    replace_part,
    reverse_act,
    scan_lot,
    ship_lots,
    split_lot,
)
from mes.genealogy.statements import load_lots
from mes.genealogy.types import Override
from mes.kernel.db import Database
from mes.kernel.errors import IdempotencyKeyReused
from mes.materials.errors import FloorLifeOver, LotExpired, MaterialLotClosed
from mes.materials.life.queries import exposure_of
from mes.materials.life.service import put_handlings, set_lot_expiry
from mes.materials.queries import get_material_lot
from mes.materials.types import HandlingSpec
from standards.isa95.material import Disposition
from tests.mes.genealogy.test_verbs import MILLION, do, stocked, used
from tests.support.plants import BENCH, PRESS

__all__ = ["stocked"]
YESTERDAY = datetime(2026, 3, 1, tzinfo=UTC).date()


def again(database: Database, verb: Callable[..., Any], **kwargs: Any) -> Any:
    return database.write_now(verb, actor=None, request_id="the-id-1", **kwargs)


def disposition(database: Database, lot_id: str) -> Disposition:
    return database.read_now(get_material_lot, lot_id=lot_id).disposition


class TestTakingBack:
    def test_a_split_taken_back_closes_what_it_made(self, stocked: Database) -> None:
        act = do(stocked, split_lot, lot_id="R2", into={"R2a": 4 * MILLION})
        do(stocked, reverse_act, act=act, reason="wrong reel")
        assert (used(stocked, "R2"), disposition(stocked, "R2a")) == (0, Disposition.Closed)
        with pytest.raises(MaterialLotClosed):
            do(stocked, scan_lot, parent_id="R2a", child_id="U1")

    def test_a_merge_taken_back_closes_what_it_made(self, stocked: Database) -> None:
        act = do(stocked, merge_lots, lot_ids=["R1", "R2"], into_id="MG")
        do(stocked, reverse_act, act=act, reason="not the same")
        assert disposition(stocked, "MG") is Disposition.Closed
        do(stocked, scan_lot, parent_id="R1", child_id="U1", quantity_e6=10 * MILLION)

    @pytest.mark.parametrize("how", ["scan", "mount", "pack"])
    def test_what_was_used_since_is_not_there_twice(self, stocked: Database, how: str) -> None:
        act = do(stocked, split_lot, lot_id="R2", into={"R2a": 4 * MILLION})
        if how == "scan":
            do(stocked, scan_lot, parent_id="R2a", child_id="U1", quantity_e6=4 * MILLION)
        elif how == "mount":
            do(stocked, mount_lot, equipment_id=PRESS, slot_id="F1", lot_id="R2a")
        else:
            do(stocked, pack_lots, container_id="BX", lot_ids=["R2a"])
        with pytest.raises(errors.ActNotReversible):
            do(stocked, reverse_act, act=act, reason="wrong reel")
        assert used(stocked, "R2") == 4 * MILLION

    def test_what_left_is_packed_until_the_shipment_is_taken_back(self, stocked: Database) -> None:
        packed = do(stocked, pack_lots, container_id="B1", lot_ids=["U1"])
        shipped = do(stocked, ship_lots, shipment_id="S1", customer_id="ACME", lot_ids=["B1"])
        with pytest.raises(errors.ActNotReversible):
            do(stocked, reverse_act, act=packed, reason="wrong box")
        do(stocked, reverse_act, act=shipped, reason="not yet")
        do(stocked, reverse_act, act=packed, reason="wrong box")

        def shipment(session: Any) -> int | None:
            return load_lots(session, ["U1"])["U1"].shipment_pk

        assert stocked.read_now(shipment) is None
        do(stocked, ship_lots, shipment_id="S1", customer_id="OTHER", lot_ids=["U1"])

    def test_a_shipment_that_left_takes_no_more_and_nothing_else_is_one(self, stocked: Database) -> None:
        do(stocked, ship_lots, shipment_id="S1", customer_id="ACME", lot_ids=["U1"])
        for into in ("S1", "U2", "R1"):
            with pytest.raises(errors.GenealogyInvalid):
                do(stocked, ship_lots, shipment_id=into, customer_id="ACME", lot_ids=["U3"])
        with pytest.raises(errors.GenealogyInvalid):
            do(stocked, pack_lots, container_id="R1", lot_ids=["U3"])


class TestAge:
    def test_what_is_split_off_is_as_old_as_the_lot(self, stocked: Database) -> None:
        stocked.write_now(set_lot_expiry, actor=None, lot_id="R1", expires_on=YESTERDAY, reason="label")
        do(stocked, split_lot, lot_id="R1", into={"R1a": MILLION})
        with pytest.raises(LotExpired):
            do(stocked, scan_lot, parent_id="R1a", child_id="U1")

    def test_what_is_merged_is_as_old_as_the_oldest(self, stocked: Database, clock: Any) -> None:
        stocked.write_now(put_handlings, actor=None, specs=[HandlingSpec("RES", msl="3")])
        do(stocked, mount_lot, equipment_id=PRESS, slot_id="F1", lot_id="R1")
        clock.advance(hours=100)
        do(stocked, mount_lot, equipment_id=PRESS, slot_id="F2", lot_id="R2")
        clock.advance(hours=100)
        old, young = (stocked.read_now(exposure_of, lot_id=name, now=clock()).life.exposure for name in ("R1", "R2"))
        assert old.since_us < young.since_us
        do(stocked, merge_lots, lot_ids=["R2", "R1"], into_id="MG")
        assert stocked.read_now(exposure_of, lot_id="MG", now=clock()).life.exposure == old
        with pytest.raises(FloorLifeOver):
            do(stocked, scan_lot, parent_id="MG", child_id="U1")

    def test_a_part_is_replaced_by_one_that_may_be_used(self, stocked: Database) -> None:
        do(stocked, scan_lot, parent_id="R1", child_id="U1")
        swap = {"unit_id": "U1", "part_id": "R1", "new_part_id": "R2"}
        stocked.write_now(set_lot_expiry, actor=None, lot_id="R2", expires_on=YESTERDAY, reason="label")
        with pytest.raises(LotExpired):
            do(stocked, replace_part, **swap)
        do(stocked, replace_part, **swap, override=Override("tested today"))
        assert (used(stocked, "R1"), used(stocked, "R2")) == (0, MILLION)


class TestOnce:
    ACTS = (
        (scan_lot, {"parent_id": "R1", "child_id": "U1"}),
        (scan_lot, {"parent_id": "R2", "child_id": "U1", "quantity_e6": 5 * MILLION}),
        (split_lot, {"lot_id": "R2", "into": {"R2a": MILLION, "R2b": MILLION}}),
        (pack_lots, {"container_id": "BX", "lot_ids": ["U2"]}),
        (record_pass, {"lot_id": "U3", "equipment_id": BENCH}),
        (mount_lot, {"equipment_id": PRESS, "slot_id": "F1", "lot_id": "C1"}),
    )

    @pytest.mark.parametrize("n", range(len(ACTS)))
    def test_a_repeat_is_answered_as_the_first_and_anything_else_refused(self, stocked: Database, n: int) -> None:
        verb, told = self.ACTS[n]
        first = again(stocked, verb, **told)
        assert again(stocked, verb, **told) == first
        before = [used(stocked, name) for name in ("R1", "R2")]
        for other, asked in self.ACTS[:n] + self.ACTS[n + 1 :]:
            with pytest.raises(IdempotencyKeyReused):
                again(stocked, other, **asked)
        assert [used(stocked, name) for name in ("R1", "R2")] == before

    def test_a_default_said_and_not_said_is_the_same(self, stocked: Database) -> None:
        first = again(stocked, scan_lot, parent_id="R1", child_id="U1")
        assert again(stocked, scan_lot, parent_id="R1", child_id="U1", quantity_e6=MILLION, job_id="") == first
