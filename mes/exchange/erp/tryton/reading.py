"""Tryton's records as what is agreed with every ERP. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from mes.exchange.erp.rules import ID_PATTERN, nearest
from mes.exchange.erp.tryton.units import Uom, conversions_of
from mes.exchange.erp.types import ErpBill, ErpLine, ErpMaterial, ErpOrder, ErpStep, Masters, OrderWord

PRODUCT_FIELDS: Final = ("code", "rec_name", "name", "default_uom", "producible", "lot_required", "boms")
BOM_FIELDS: Final = ("code", "name", "phantom", "phantom_unit", "phantom_quantity")
LINE_FIELDS: Final = ("bom", "product", "phantom_bom", "unit", "quantity")
OUTPUT_FIELDS: Final = ("bom", "product", "unit", "quantity")
USED_BY_FIELDS: Final = ("product", "bom", "routing", "sequence")
STEP_FIELDS: Final = ("routing", "sequence", "operation.rec_name", "operation.work_center_category.name")
ORDER_FIELDS: Final = (
    *("number", "reference", "state", "type", "product", "bom", "routing", "quantity", "unit.symbol"),
    *("planned_date", "rec_name"),
)
FIRM: Final = ("waiting", "assigned", "running")
PHANTOMS_MAX: Final = 10
"""Levels of phantom bills in one another."""
BY_LOT: Final = frozenset({"storage", "production"})
_WORDS: Final = {
    **dict.fromkeys(FIRM, OrderWord.open),
    "request": OrderWord.changing,
    "draft": OrderWord.changing,
    "cancelled": OrderWord.cancelled,
    "done": OrderWord.done,
}
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of Tryton for its master data."""

    uoms: Mapping[int, Uom]
    products: Sequence[Record]
    boms: Mapping[int, Record]
    inputs: Sequence[Record]
    outputs: Sequence[Record]
    uses: Sequence[Record]
    """Which bill, by which routing, makes which product."""
    steps: Sequence[Record]


def masters_of(read: Read) -> Masters:
    """Goods as materials, and the bills of those that are made as routings."""
    remarks: list[str] = []
    materials = _materials(read, remarks)
    named = {material.key: material for material in materials}
    bills = tuple(_bills(read, named, remarks))
    return Masters(tuple(materials), bills, tuple(remarks))


def _materials(read: Read, remarks: list[str]) -> list[ErpMaterial]:
    taken: set[str] = set()
    found = []
    for record in read.products:
        material_id = record["code"] if ID_PATTERN.fullmatch(record["code"] or "") else f"P-{record['id']}"
        if material_id in taken:
            remarks.append(f"Two products have the code {material_id}: {record['rec_name']} is left out.")
            continue
        taken.add(material_id)
        own = read.uoms[record["default_uom"]]
        by_lot = bool(BY_LOT & set(record.get("lot_required") or ()))
        units = conversions_of(own, read.uoms.values())
        found.append(ErpMaterial(str(record["id"]), material_id, own.symbol, record["name"] or "", units, by_lot))
    return found


def bill_key(bom: int | None, routing: int | None) -> str:
    """A bill with the routing it is made by."""
    return f"{bom or 0}/{routing or 0}"


def _bills(read: Read, materials: Mapping[str, ErpMaterial], remarks: list[str]) -> Iterator[ErpBill]:
    taken: set[str] = set()
    for use in sorted(read.uses, key=lambda use: (use["product"], use["sequence"] or 0, use["id"])):
        bom, product = read.boms.get(use["bom"] or 0), str(use["product"])
        if bom is None or product not in materials:
            continue
        made = _made(read, bom["id"], use["product"])
        if made is None:
            remarks.append(f"The bill {bom['name']} does not make {materials[product].material_id}.")
            continue
        name = bom["code"] if ID_PATTERN.fullmatch((bom["code"] or "")[:60]) else f"BOM-{bom['id']}"
        definition_id = name if name not in taken else f"{name}.{use['id']}"
        taken.add(definition_id)
        try:
            lines = tuple(_lines(read, bom["id"], Fraction(1), PHANTOMS_MAX))
        except RecursionError:
            remarks.append(f"The bill {bom['name']} goes into itself.")
            continue
        if left := sorted(line.material_key for line in lines if line.material_key not in materials):
            remarks.append(f"The bill {bom['name']} uses products that are no goods: {len(left)} lines are left out.")
        yield ErpBill(
            bill_key(bom["id"], use["routing"]),
            definition_id,
            product,
            *made,
            tuple(line for line in lines if line.material_key in materials),
            tuple(_steps(read, use["routing"])),
            bom["name"] or "",
        )


def _made(read: Read, bom: int, product: int) -> tuple[Decimal, str] | None:
    """How much of a product a bill makes, in the first unit it says so in."""
    lines = [line for line in read.outputs if line["bom"] == bom and line["product"] == product and line["quantity"]]
    if not lines:
        return None
    uom = read.uoms[lines[0]["unit"]]
    total = sum((Fraction(line["quantity"]) * read.uoms[line["unit"]].factor for line in lines), Fraction())
    return nearest(total / uom.factor), uom.symbol


def _lines(read: Read, bom: int, times: Fraction, deeper: int) -> Iterator[ErpLine]:
    """What goes in; of phantom bills what goes into them."""
    if not deeper:
        raise RecursionError
    for line in read.inputs:
        if line["bom"] != bom or not line["quantity"]:
            continue
        amount, uom = Fraction(line["quantity"]) * times, read.uoms[line["unit"]]
        if line["product"]:
            yield ErpLine(str(line["product"]), nearest(amount), uom.symbol)
        elif phantom := read.boms.get(line["phantom_bom"] or 0):
            unit = read.uoms[phantom["phantom_unit"]]
            one = Fraction(phantom["phantom_quantity"] or 1)
            yield from _lines(read, phantom["id"], amount * uom.factor / unit.factor / one, deeper - 1)


def _steps(read: Read, routing: int | None) -> Iterator[ErpStep]:
    mine = [step for step in read.steps if routing and step["routing"] == routing]
    for step in sorted(mine, key=lambda step: (step["sequence"] is not None, step["sequence"] or 0, step["id"])):
        operation = step["operation."]
        category = operation.get("work_center_category.") or {}
        yield ErpStep(str(step["id"]), operation["rec_name"], category.get("name") or operation["rec_name"])


def order_of(record: Record, *, gone: bool = False) -> ErpOrder:
    """A production. One that is gone is cancelled."""
    number = record.get("number") or f"({record['id']})"
    order = ErpOrder(
        str(record["id"]),
        number,
        OrderWord.cancelled if gone else _WORDS.get(record["state"], OrderWord.changing),
        str(record.get("product") or ""),
        bill_key(record.get("bom"), record.get("routing")),
        nearest(Fraction(record.get("quantity") or 0)),
        (record.get("unit.") or {}).get("symbol", ""),
        _end_of(record.get("planned_date")),
        record.get("reference") or "",
    )
    if order.word is not OrderWord.open:
        return order
    return replace(order, remark=_why_not(record, order))


def _why_not(record: Record, order: ErpOrder) -> str:
    if record.get("type") == "disassembly":
        return f"{order.number} takes something apart; Lineside makes things."
    if not order.material_key or order.quantity <= 0:
        return f"{order.number} names no product, or no quantity of it."
    return ""


def _end_of(day: Any) -> datetime | None:
    """The end of a day, as a due date."""
    if not isinstance(day, Mapping):
        return None
    begin = date(int(day["year"]), int(day["month"]), int(day["day"]))
    return datetime.combine(begin + timedelta(days=1), datetime.min.time(), UTC)


def gone(keys: Iterable[str], found: Iterable[Record]) -> list[ErpOrder]:
    """Productions that were asked for and are no longer there."""
    there = {str(record["id"]) for record in found}
    return [order_of({"id": int(key)}, gone=True) for key in keys if key not in there]
