"""Lineside and a real Tryton: an order down, what came of it back, and whatever goes wrong in between.

Judge: Tryton 8.0's own client (proteus), which looks at what our connector did.
"""

from __future__ import annotations

from mes.definitions.queries import get_definition
from mes.exchange.erp.service import tell_again
from mes.materials.queries import get_material
from tests.mes.exchange.erp.floor import ERP, Floor
from tests.support.tryton import ErpUser, Tryton


async def test_an_order_comes_down_is_changed_made_and_booked_once(
    floor: Floor, tryton: Tryton, planner: ErpUser
) -> None:
    floor.connect(tryton.url)
    order = planner("produce", product="PUMP", quantity=2.0, unit="dz", day="2026-03-04")
    await floor.look()
    card = floor.acts.order("1")
    assert (card.quantity, card.unit, str(card.due_at)) == (24, "u", "2026-03-05 00:00:00+00:00")
    assert [(job.job_id, job.equipment_id) for job in card.jobs] == [("1-S1", "PRESS"), ("1-S2", "BENCH")]
    grease = floor.plant.read_now(get_material, material_id="GREASE")
    assert grease.unit == "kg"
    assert {("g", 1, 1000)} <= {(c.unit, c.numerator, c.denominator) for c in grease.conversions}
    route = floor.plant.read_now(get_definition, definition_id="PUMP-A")
    assert {(m.material_id, m.quantity_e6) for m in route.segments[0].materials} == {
        *(("HOUSING", 2_000_000), ("GREASE", 15_000), ("CONTROLLER", 1_000_000)),
    }
    planner("change", id=order, quantity=1.5)
    await floor.look()
    assert [job.quantity for job in floor.acts.order("1").jobs] == [18, 18]
    floor.press("1-S1", good=18, seconds=60)
    floor.consume("1-S2", "PUMPS-1", 17, [("C-1", 12), ("C-9", 6)])
    floor.bench("1-S2", good=17, scrap=1, seconds=120)
    await floor.look()
    booked = planner("look", id=order)
    assert booked == {
        "number": "1",
        "state": "done",
        "inputs": [
            ["CONTROLLER", 6.0, "u", "C-9", "production", "done"],
            ["CONTROLLER", 12.0, "u", "C-1", "production", "done"],
            ["GREASE", 270.0, "g", "", "production", "done"],
            ["HOUSING", 36.0, "u", "", "production", "done"],
        ],
        "outputs": [
            ["PUMP", 1.0, "u", "", "lost_found", "done"],
            ["PUMP", 17.0, "u", "PUMPS-1", "storage", "done"],
        ],
        "seconds": {"Press": 60.0, "Test": 120.0},
    }
    assert (planner("stock", product="PUMP"), planner("stock", product="CONTROLLER", lot="C-1")) == (17.0, 488.0)
    floor.acts.do(tell_again, connection_id=ERP, order_id="1")
    await floor.look()
    assert planner("look", id=order) == booked
    assert (floor.orders()[str(order)].said, floor.orders()[str(order)].due) == ("", False)
