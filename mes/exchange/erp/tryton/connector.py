"""Tryton 8 with its modules production, stock_lot and, for times, production_work; sale_supply_production fits.

The user it signs in as is in the groups Production, Stock, Stock Force Assignment (what was used was used, whatever the
stock says) and Stock Cancellation (corrections).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from mes.exchange.erp.tryton import booking, books, reading
from mes.exchange.erp.tryton.booking import Act, Known, Line, Production, Stop, Wanted
from mes.exchange.erp.tryton.client import PAGE, Client, Refused, Stale
from mes.exchange.erp.tryton.reading import Read
from mes.exchange.erp.tryton.units import UNIT_FIELDS, Uom, uom_of
from mes.exchange.erp.types import (
    Address,
    BookedOrder,
    Books,
    Checked,
    Confirmation,
    ErpOrder,
    Masters,
    StockedLot,
    TellOutcome,
    Told,
)
from mes.kernel.crash import crash_point

SERIES: Final = "8."
STEPS_MAX: Final = 40
"""Steps of one booking; far more than it takes, also when somebody else works on the production."""
MODULES: Final = ("production", "stock_lot")
WORK: Final = "production_work"
GROUPS: Final = {
    "Stock Force Assignment": "what was used cannot be booked where the stock does not have it",
    "Stock Cancellation": "corrections of what is booked are refused",
}


class TrytonConnector:
    """Made with an address; signs in when it is first asked for something."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client = Client(address)
        self._modules: frozenset[str] | None = None

    async def close(self) -> None:
        await self._client.close()

    async def check(self) -> Checked:
        version = await self._client.version()
        preferences = await self._client.preferences()
        modules = await self._ready()
        remarks = [f"The module {name} is not activated." for name in MODULES if name not in modules]
        remarks += [] if version.startswith(SERIES) else [f"It is Tryton {version}; this was made for {SERIES}x."]
        remarks += [] if WORK in modules else [f"Without the module {WORK} no times are booked."]
        remarks += [] if preferences.get("company") else [f"{self._address.user} has no company."]
        remarks += await self._missing_rights() + await self._missing_waste()
        return Checked(f"Tryton {version}", str(preferences.get("company.rec_name") or ""), tuple(remarks))

    async def _missing_rights(self) -> list[str]:
        mine = (await self._client.preferences()).get("groups") or []
        groups = await self._try_read("res.group", [["id", "in", mine]], ["name"])
        if groups is None:
            return []
        names = {group["name"] for group in groups}
        return [f"Without the group {name} {what}." for name, what in GROUPS.items() if name not in names]

    async def _missing_waste(self) -> list[str]:
        houses = await self._client.search_read("stock.location", [["type", "=", "warehouse"]], ["waste_locations"])
        without = [house for house in houses if not house["waste_locations"]]
        return ["A warehouse has no waste location: scrap made there is not booked."] if without else []

    # -- down

    async def read_masters(self) -> Masters:
        modules = await self._ready()
        read = self._client.search_read
        fields = [f for f in reading.PRODUCT_FIELDS if f != "lot_required" or "stock_lot" in modules]
        routed = "production_routing" in modules
        uses = [f for f in reading.USED_BY_FIELDS if f != "routing" or routed]
        return reading.masters_of(
            Read(
                uoms=await self._uoms(),
                products=await read("product.product", [["template.type", "=", "goods"]], fields),
                boms={bom["id"]: bom for bom in await read("production.bom", [], reading.BOM_FIELDS)},
                inputs=await read("production.bom.input", [], reading.LINE_FIELDS),
                outputs=await read("production.bom.output", [], reading.OUTPUT_FIELDS),
                uses=[{"routing": None, **use} for use in await read("product.product-production.bom", [], uses)],
                steps=await read("production.routing.step", [], self._step_fields(modules)) if routed else [],
            )
        )

    @staticmethod
    def _step_fields(modules: Collection[str]) -> Sequence[str]:
        return [field for field in reading.STEP_FIELDS if "work_center" not in field or WORK in modules]

    async def read_orders(self, keys: Collection[str]) -> Sequence[ErpOrder]:
        fields = await self._order_fields()
        firm = await self._client.search_read("production", [["state", "in", list(reading.FIRM)]], fields)
        there = {str(record["id"]) for record in firm}
        asked = [int(key) for key in keys if key not in there]
        rest: list[dict[str, Any]] = []
        if asked:
            rest = await self._client.search_read("production", [["id", "in", asked]], fields)
        found = [*firm, *rest]
        return [*map(reading.order_of, found), *reading.gone(keys, found)]

    async def _order_fields(self) -> Sequence[str]:
        routed = "production_routing" in await self._ready()
        return [field for field in reading.ORDER_FIELDS if field != "routing" or routed]

    # -- compared

    async def read_books(self, orders: Collection[str], materials: Collection[str]) -> Books | None:
        try:
            modules = await self._ready()
            booked = await self._booked([int(key) for key in orders])
            lots = await self._stock([int(key) for key in materials]) if "stock_lot" in modules and materials else None
        except Refused:
            return None
        return Books(booked, lots)

    async def _booked(self, ids: Sequence[int]) -> tuple[BookedOrder, ...]:
        """Productions that are there, with what came out of them."""
        records: list[dict[str, Any]] = []
        for start in range(0, len(ids), PAGE):
            domain = [["id", "in", list(ids[start : start + PAGE])]]
            records += await self._client.search_read("production", domain, books.PRODUCTION_FIELDS)
        moves = await self._client.read("stock.move", [pk for r in records for pk in r["outputs"]], booking.MOVE_FIELDS)
        products = sorted({record["product"] for record in records if record["product"]})
        own = await self._client.read("product.product", products, ["default_uom"])
        units = {record["id"]: record["default_uom"] for record in own}
        return tuple(books.booked_orders(records, moves, await self._uoms(), units))

    async def _stock(self, products: Sequence[int]) -> tuple[StockedLot, ...] | None:
        """Lots in the warehouses; None where there are more than are compared."""
        houses = await self._client.search_read("stock.location", [["type", "=", "warehouse"]], books.PLACES)
        places = sorted({house[name] for house in houses for name in books.PLACES if house[name]})
        domain = [["product", "in", list(products)], ["quantity", "!=", 0]]
        asked = (domain, 0, books.LOTS_MAX + 1, [["id", "ASC"]], ["number", "product", "quantity"])
        within = {"locations": places, "with_childs": True}
        found = await self._client.call("stock.lot", "search_read", *asked, within=within)
        return books.stocked_lots(found) if len(found) <= books.LOTS_MAX else None

    # -- up

    async def tell(self, confirmation: Confirmation, *, reopening: bool) -> Told:
        await self._ready()
        try:
            return await self._tell(confirmation, reopening=reopening)
        except Refused as refused:
            return Told(TellOutcome.refused, f"Tryton: {refused}")

    async def _tell(self, confirmation: Confirmation, *, reopening: bool) -> Told:
        known = await self._known(confirmation)
        operations = await self._operations(confirmation)
        for _ in range(STEPS_MAX):
            there = await self._production(int(confirmation.order_key))
            if there is None:
                return Told(TellOutcome.refused, f"{confirmation.order_id} is no longer there in Tryton.")
            wanted = booking.wanted_of(confirmation, there, known, operations)
            step = booking.next_step(there, wanted, reopening=reopening)
            if isinstance(step, Stop):
                return _told(step, there, wanted, confirmation)
            try:
                await self._do(step, there, wanted)
            except Stale:
                continue  # somebody else was faster: look again
            crash_point("erp-step-done")
        return Told(TellOutcome.later, "Somebody else works on it in Tryton.")

    async def _do(self, step: Act, there: Production, wanted: Wanted) -> None:
        match step:
            case Act.write_inputs:
                gone, new = booking.changes(there.inputs, wanted.inputs)
                await self._write(there, "inputs", gone, [self._input(there, line) for line in new])
            case Act.write_outputs:
                own = [move for move in there.outputs if move.line.product == there.product]
                gone, new = booking.changes(own, wanted.outputs)
                await self._write(there, "outputs", gone, [self._output(there, line) for line in new])
            case Act.work:
                await self._work(there, wanted)
            case _:
                await self._client.call("production", step.value, [there.id])

    async def _write(self, there: Production, name: str, gone: list[int], new: list[dict[str, Any]]) -> None:
        """Moves of a production, all at once, and only if it is still as it was read."""
        todo = [*([["delete", gone]] if gone else []), *([["create", new]] if new else [])]
        stamps = {f"production,{there.id}": there.stamp}
        await self._client.call("production", "write", [there.id], {name: todo}, stamps=stamps)

    @staticmethod
    def _input(there: Production, line: Line) -> dict[str, Any]:
        return {**_move(there, line), "from_location": line.place, "to_location": there.location}

    @staticmethod
    def _output(there: Production, line: Line) -> dict[str, Any]:
        values = {**_move(there, line), "from_location": there.location, "to_location": line.place}
        if line.place == there.waste:
            return values
        return {**values, "currency": there.currency, "unit_price": {"__class__": "Decimal", "decimal": "0"}}

    async def _work(self, there: Production, wanted: Wanted) -> None:
        """One work nearer to its time: what is begun is ended, what is missing is added."""
        for work in there.works or ():
            open_cycles = [(pk, state) for pk, (_, state) in work.cycles.items() if state != "done"]
            missing = Decimal(wanted.seconds.get(work.id, 0)) - work.seconds
            if open_cycles:
                pk, state = open_cycles[0]
                await self._client.call("production.work.cycle", "run" if state == "draft" else "do", [pk])
            elif missing > 0 or not work.cycles:
                duration = booking.timedelta_of(max(missing, Decimal(0)))
                cycles = {"cycles": [["create", [{"duration": duration}]]]}
                stamps = {f"production.work,{work.id}": work.stamp}
                await self._client.call("production.work", "write", [work.id], cycles, stamps=stamps)
            else:
                continue
            return

    # -- looking

    async def _ready(self) -> frozenset[str]:
        """Signed in, with the company known; answers the modules that are activated."""
        if self._modules is None:
            await self._client.preferences()
            found = await self._try_read("ir.module", [["state", "=", "activated"]], ["name"])
            names = {module["name"] for module in found or ()}
            self._modules = frozenset(names) if found is not None else frozenset({*MODULES, WORK, "production_routing"})
        return self._modules

    async def _try_read(self, model: str, domain: Sequence[Any], fields: Sequence[str]) -> list[dict[str, Any]] | None:
        """None where the user may not see it."""
        try:
            return await self._client.search_read(model, domain, fields)
        except Refused:
            return None

    async def _uoms(self) -> Mapping[int, Uom]:
        """Those put out of use too: old records and products go on naming them."""
        every = [["active", "in", [True, False]]]
        found = await self._client.search_read("product.uom", every, UNIT_FIELDS)
        return {record["id"]: uom_of(record) for record in found}

    async def _known(self, confirmation: Confirmation) -> Known:
        uoms = await self._uoms()
        products = {int(confirmation.material_key), *(int(used.material_key) for used in confirmation.used)}
        records = await self._client.read("product.product", sorted(products), ["default_uom"])
        own = {record["id"]: uoms[record["default_uom"]] for record in records}
        return Known(uoms, own, await self._lots(booking.lots_of(confirmation)))

    async def _lots(self, wanted: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """Lots by product and number; those that are not there are made."""
        found: dict[tuple[int, str], int] = {}
        if not wanted:
            return found
        domain = [["number", "in", sorted({number for _, number in wanted})]]
        for lot in await self._client.search_read("stock.lot", domain, ["number", "product"]):
            found.setdefault((lot["product"], lot["number"]), lot["id"])
        missing = sorted(wanted - found.keys())
        if missing:
            values = [{"product": product, "number": number} for product, number in missing]
            found |= dict(zip(missing, await self._client.call("stock.lot", "create", values), strict=True))
        return found

    async def _operations(self, confirmation: Confirmation) -> dict[str, int]:
        keys = [int(worked.step_key) for worked in confirmation.worked if worked.step_key]
        if not keys:
            return {}
        found = await self._client.search_read("production.routing.step", [["id", "in", keys]], ["operation"])
        return {str(record["id"]): record["operation"] for record in found}

    async def _production(self, pk: int) -> Production | None:
        timed = WORK in await self._ready()
        fields = [*booking.PRODUCTION_FIELDS, *(["works"] if timed else [])]
        found = await self._client.search_read("production", [["id", "=", pk]], fields)
        if not found:
            return None
        record = found[0]
        moves = await self._client.read("stock.move", [*record["inputs"], *record["outputs"]], booking.MOVE_FIELDS)
        works = None
        if timed:
            of_works = await self._client.read("production.work", record["works"], booking.WORK_FIELDS)
            cycles = [pk for work in of_works for pk in work["cycles"]]
            works = booking.works_of(
                of_works, await self._client.read("production.work.cycle", cycles, booking.CYCLE_FIELDS)
            )
        return booking.production_of(record, moves, works)


def _move(there: Production, line: Line) -> dict[str, Any]:
    values: dict[str, Any] = {"product": line.product, "unit": line.unit, "quantity": line.quantity}
    return {**values, "company": there.company, **({"lot": line.lot} if line.lot is not None else {})}


def _told(step: Stop, there: Production, wanted: Wanted, confirmation: Confirmation) -> Told:
    if step is Stop.done:
        left = []
        if confirmation.scrap and there.waste is None and not wanted.cancelled:
            left.append(f"Scrap of {confirmation.scrap} is not booked: the warehouse has no waste location.")
        if wanted.lost_s:
            left.append(f"{wanted.lost_s} s of work are not booked: the production has no works.")
        return Told(TellOutcome.booked, " ".join(left))
    if step is Stop.later:
        return Told(TellOutcome.later, f"Production {there.number} is a draft in Tryton: somebody changes it.")
    if step is Stop.reopen:
        return Told(TellOutcome.reopen)
    made = f"{confirmation.good} good and {confirmation.scrap} scrap pieces were made"
    return Told(TellOutcome.refused, f"Production {there.number} is cancelled in Tryton, but {made}.")
