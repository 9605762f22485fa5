"""What pieces took of mounted lots becomes a sum kept with the lot, whatever is told late or taken back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mes.genealogy import statements
from mes.genealogy.service import (
    count_mounted,
    mount_lot,
    record_genealogy,
    record_pass,
    reverse_act,
    unmount_lot,
)
from mes.genealogy.statements import find_request, load_lots
from mes.genealogy.types import Act, ActKind, Recording
from mes.kernel.db import Database, ReadSession
from mes.materials.service import put_lots, put_materials
from mes.materials.types import LotSpec, MaterialSpec
from tests.conftest import SettableClock
from tests.support.plants import PRESS
from tests.support.ticks import tick

E6 = 1_000_000
NUMBERS = iter(range(10**9))


@pytest.fixture
def fed(plant: Database) -> Database:
    """A reel of 100 in slot 1 of the press, of which each piece takes 3."""
    plant.write_now(put_materials, actor=None, specs=[MaterialSpec("RES", "pcs")])
    plant.write_now(put_lots, actor=None, specs=[LotSpec(name, "RES", Decimal(100), "pcs") for name in ("R1", "R2")])
    do(plant, mount_lot, equipment_id=PRESS, slot_id="1", lot_id="R1", quantity_per_e6=3 * E6)
    return plant


def do(database: Database, verb: Callable[..., Any], **kwargs: Any) -> str:
    """Answers the id of the request."""
    request = f"r-{next(NUMBERS)}"
    database.write_now(verb, actor=None, request_id=request, **kwargs)
    return request


def passes(database: Database, count: int, seq: int | None = None) -> list[str]:
    asked = {"equipment_id": PRESS, "material_id": "BOARD"}
    return [
        do(database, record_pass, lot_id=f"U{next(NUMBERS)}", seq=None if seq is None else seq + n, **asked)
        for n in range(count)
    ]


def act_of(database: Database, request: str) -> int:
    def of(session: ReadSession) -> int:
        found = find_request(session, request)
        assert found is not None
        return found.pk

    return database.read_now(of)


def sums(database: Database, lot_id: str = "R1") -> tuple[int, int]:
    """What is kept of a lot, and what verbs see, which always is the truth."""

    def of(session: ReadSession) -> tuple[int, int]:
        ((kept,),) = session.driver_query("SELECT consumed_e6 FROM material_lot WHERE id = ?", (lot_id,))
        return kept // E6, load_lots(session, [lot_id])[lot_id].used_e6 // E6

    return database.read_now(of)


def count(database: Database) -> None:
    tick(database, count_mounted)


def test_it_is_counted_now_and_then_while_it_lasts_and_at_once_when_it_is_over(
    fed: Database, clock: SettableClock
) -> None:
    passes(fed, 4)
    assert sums(fed) == (0, 12)
    count(fed)
    assert sums(fed) == (12, 12)
    passes(fed, 2)
    count(fed)
    assert sums(fed) == (12, 18), "not each second"
    clock.advance(seconds=30)
    count(fed)
    assert sums(fed) == (18, 18)
    passes(fed, 1)
    do(fed, unmount_lot, equipment_id=PRESS, slot_id="1")
    count(fed)
    assert sums(fed) == (21, 21)
    passes(fed, 1)
    clock.advance(seconds=600)
    count(fed)
    assert sums(fed) == (21, 21)


def test_what_is_told_late_or_taken_back_is_counted_again(fed: Database) -> None:
    passes(fed, 2, seq=1)
    first = passes(fed, 1, seq=8)
    out = do(fed, unmount_lot, equipment_id=PRESS, slot_id="1", seq=9)
    count(fed)
    assert sums(fed) == (9, 9)
    passes(fed, 1, seq=5)
    count(fed)
    assert sums(fed) == (12, 12), "a piece of the middle came late"
    do(fed, reverse_act, act=act_of(fed, first[0]), reason="never passed")
    count(fed)
    assert sums(fed) == (9, 9)
    do(fed, reverse_act, act=act_of(fed, out), reason="still there")
    passes(fed, 1, seq=9)
    count(fed)
    assert sums(fed) == (12, 12), "mounted again"


def test_a_mount_that_never_was_gives_back_what_was_counted(fed: Database) -> None:
    mounted = do(fed, mount_lot, equipment_id=PRESS, slot_id="2", lot_id="R2", quantity_per_e6=E6)
    passes(fed, 5)
    count(fed)
    assert (sums(fed), sums(fed, "R2")) == ((15, 15), (5, 5))
    do(fed, reverse_act, act=act_of(fed, mounted), reason="another slot")
    assert (sums(fed), sums(fed, "R2")) == ((15, 15), (0, 0))
    count(fed)
    assert sums(fed, "R2") == (0, 0)


def test_history_told_at_once_is_counted_when_it_is_whole(fed: Database, clock: SettableClock) -> None:
    """The mount before its pieces, in two recordings."""
    do(fed, unmount_lot, equipment_id=PRESS, slot_id="1", seq=11)
    count(fed)
    assert sums(fed) == (0, 0)
    acts = [Act(ActKind.passed, "R2", n, PRESS, n) for n in range(1, 11)]
    fed.write_now(record_genealogy, actor=None, recording=Recording(acts=acts))
    clock.advance(seconds=30)
    count(fed)
    assert sums(fed) == (30, 30)


def test_what_is_due_is_found_and_counted_by_index(fed: Database) -> None:
    def plan(session: ReadSession) -> str:
        is_sqlite = session.dialect == "sqlite"
        if not is_sqlite:
            session.driver_query("SELECT set_config('enable_seqscan', 'off', true)")
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        rows = session.driver_query(f"{explain} {statements.DUE_MOUNTS}", (1, 50))
        return "\n".join(str(row[-1]) for row in rows)

    found = fed.read_now(plan)
    assert "ix_slot_mount_recount" in found
    assert found.count("ix_genealogy_act_pass") == 2
    assert not [scan for scan in ("SCAN a", "Seq Scan") if scan in found], found
