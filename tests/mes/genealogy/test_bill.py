"""A scan is held against the bill of its job: positions, substitutes, approved parts."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from mes.definitions.service import put_definitions
from mes.definitions.types import DefinitionSpec, MaterialSpecification, SegmentSpec, Substitute
from mes.genealogy.service import mount_lot, scan_lot
from mes.genealogy.types import LinkKind, Override
from mes.kernel.db import Database
from mes.kernel.outbox import list_events
from mes.materials.errors import PartNotApproved, WrongMaterial
from mes.materials.life.service import put_handlings
from mes.materials.receiving.service import receive_lot
from mes.materials.receiving.types import ReceiptSpec
from mes.materials.service import put_lots, put_materials
from mes.materials.types import ApprovedPart, HandlingSpec, LotSpec, MaterialSpec
from mes.orders.service import submit_operations_request
from standards.isa95.material import MaterialUse
from tests.support.plants import BENCH, PRESS

NUMBERS = iter(range(10**9))
BILL = (
    MaterialSpecification("RES", MaterialUse.Consumed, Decimal(2), substitutes=(Substitute("RES-B", Decimal(2)),)),
    MaterialSpecification("CAP", MaterialUse.Consumed, Decimal(1)),
    MaterialSpecification("BOARD", MaterialUse.Produced, Decimal(1)),
)


@pytest.fixture
def job(plant: Database) -> str:
    """A job at the bench that puts resistors and capacitors on boards."""
    names = ("RES", "RES-B", "CAP", "GLUE")
    plant.write_now(put_materials, actor=None, specs=[MaterialSpec(name, "pcs") for name in names])
    route = DefinitionSpec("BILLED", "BOARD", (SegmentSpec("FIT", "WM-BENCH", BENCH, materials=BILL),))
    plant.write_now(put_definitions, actor=None, specs=[route])
    lots = [LotSpec(f"L-{name}", name, Decimal(100), "pcs") for name in names]
    lots += [LotSpec(f"U{n}", "BOARD", Decimal(1), "pcs") for n in range(1, 5)]
    plant.write_now(put_lots, actor=None, specs=lots)
    order = {"id": "PO-7", "quantity": Decimal(4), "operations_definition_id": "BILLED"}
    (job_id,) = plant.write_now(submit_operations_request, actor=None, **order).job_order_ids
    return str(job_id)


def scan(plant: Database, lot_id: str, job_id: str = "PO-7-FIT", **more: Any) -> Any:
    asked = {"parent_id": lot_id, "child_id": "U1", "job_id": job_id, **more}
    return plant.write_now(scan_lot, actor=None, request_id=f"b-{next(NUMBERS)}", **asked)


def test_what_is_on_the_bill_goes_in_and_a_substitute_too(plant: Database, job: str) -> None:
    for lot_id in ("L-RES", "L-RES-B", "L-CAP"):
        assert scan(plant, lot_id)
    assert scan(plant, "L-RES-B", material_id="RES")


@pytest.mark.parametrize(
    ("lot_id", "position", "sentence"),
    [
        ("L-GLUE", "", "L-GLUE is GLUE; CAP or RES or RES-B is asked for."),
        ("L-CAP", "RES", "L-CAP is CAP; RES or RES-B is asked for."),
        ("L-RES", "RES-B", "The bill of job PO-7-FIT has no RES-B."),
        ("L-GLUE", "GLUE", "The bill of job PO-7-FIT has no GLUE."),
    ],
)
def test_anything_else_is_refused_with_what_is_asked_for(
    plant: Database, job: str, lot_id: str, position: str, sentence: str
) -> None:
    with pytest.raises(WrongMaterial) as refused:
        scan(plant, lot_id, material_id=position)
    assert refused.value.detail == sentence


async def test_scans_of_one_batch_are_each_held_against_their_bill(plant: Database, job: str) -> None:
    def asked(n: int, lot_id: str) -> Any:
        more = {"request_id": f"batch-{n}", "parent_id": lot_id, "child_id": f"U{n}", "job_id": job}
        return plant.write(scan_lot, actor=None, **more)

    done = await asyncio.gather(asked(1, "L-RES"), asked(2, "L-GLUE"), asked(3, "L-CAP"), return_exceptions=True)
    assert [isinstance(one, WrongMaterial) for one in done] == [False, True, False]


def test_a_supervisor_decides_otherwise_on_record(plant: Database, job: str) -> None:
    scan(plant, "L-GLUE", override=Override("asked the customer"))
    event = plant.read_now(list_events, after=0)[-1]
    assert (event.payload["overridden"], event.payload["override_reason"]) == (["L-GLUE"], "asked the customer")


def test_without_a_bill_the_caller_says_what_is_asked_for(plant: Database, job: str) -> None:
    assert scan(plant, "L-GLUE", job_id="")
    assert scan(plant, "L-GLUE", kind=LinkKind.packed)
    with pytest.raises(WrongMaterial) as refused:
        scan(plant, "L-GLUE", job_id="", material_id="CAP")
    assert refused.value.detail == "L-GLUE is GLUE; CAP is asked for."


def test_a_part_that_is_no_longer_approved_is_refused_where_it_is_used(plant: Database, job: str) -> None:
    def approve(*parts: str) -> None:
        listed = tuple(ApprovedPart("Nexa", part) for part in parts)
        plant.write_now(put_handlings, actor=None, specs=[HandlingSpec("RES", approved_parts=listed)])

    approve("R-1", "R-2")
    receipt = ReceiptSpec("RES", Decimal(50), "pcs", "receipt-1", manufacturer="NEXA", part="r-1")
    lot_id = plant.write_now(receive_lot, actor=None, spec=receipt)
    assert scan(plant, lot_id)
    approve("R-2")
    with pytest.raises(PartNotApproved):
        scan(plant, lot_id)
    mount = {"equipment_id": PRESS, "slot_id": "S1", "lot_id": lot_id}
    with pytest.raises(PartNotApproved):
        plant.write_now(mount_lot, actor=None, request_id="mount-1", **mount)
    assert scan(plant, lot_id, override=Override("last reel"))
    assert scan(plant, "L-RES"), "what was not received by a label is of no part"
    approve("R-1")
    assert plant.write_now(mount_lot, actor=None, request_id="mount-2", **mount)
