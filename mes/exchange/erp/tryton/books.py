"""What Tryton has booked of productions and has in stock of lots, for reconciliation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from mes.exchange.erp.rules import nearest
from mes.exchange.erp.tryton.units import Uom
from mes.exchange.erp.types import BookedOrder, StockedLot

PRODUCTION_FIELDS: Final = ("product", "quantity", "unit", "outputs", "warehouse.waste_locations")
PLACES: Final = ("storage_location", "input_location", "output_location")
"""Of a warehouse, where its stock is."""
LOTS_MAX: Final = 10_000
Record = Mapping[str, Any]


def booked_orders(
    records: Iterable[Record], moves: Iterable[Record], uoms: Mapping[int, Uom], own: Mapping[int, int]
) -> Iterator[BookedOrder]:
    """Productions in the own unit of what they make; `own`: of products. Moves that are not done count for nothing."""
    done = {move["id"]: move for move in moves if move["state"] == "done"}
    for record in records:
        product = record["product"]
        if product not in own:
            continue
        unit = uoms[own[product]]
        came = [done[pk] for pk in record["outputs"] if pk in done and done[pk]["product"] == product]
        waste = set((record.get("warehouse.") or {}).get("waste_locations") or ())
        yield BookedOrder(
            str(record["id"]),
            _own(record["quantity"], uoms.get(record["unit"], unit), unit),
            _sum((move for move in came if move["to_location"] not in waste), uoms, unit),
            _sum((move for move in came if move["to_location"] in waste), uoms, unit),
        )


def _sum(moves: Iterable[Record], uoms: Mapping[int, Uom], unit: Uom) -> Decimal:
    return sum((_own(move["quantity"], uoms[move["unit"]], unit) for move in moves), Decimal(0))


def _own(quantity: Any, of: Uom, unit: Uom) -> Decimal:
    return nearest(Fraction(str(quantity or 0)) * of.factor / unit.factor)


def stocked_lots(records: Sequence[Record]) -> tuple[StockedLot, ...]:
    """Lots of which something is there, or was used and never came; Tryton counts in the own unit of the product."""
    found = ((str(record["number"]), nearest(Fraction(str(record["quantity"] or 0)))) for record in records)
    return tuple(StockedLot(number, quantity) for number, quantity in found if quantity)
