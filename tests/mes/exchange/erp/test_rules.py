"""What is decided about an ERP without one: units, bills, back-flush, times, and the next step of a booking."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.exchange.erp.errors import ErpOrderUnusable
from mes.exchange.erp.rules import (
    Position,
    back_flushed,
    consumption_of,
    counted_by_lot,
    fault_of,
    in_own_unit,
    routing_of,
)
from mes.exchange.erp.tryton.booking import Act, Line, Move, Production, Stop, Wanted, Work, changes, next_step
from mes.exchange.erp.tryton.client import Refused, Stale, _answer
from mes.exchange.erp.tryton.reading import Read, masters_of, order_of
from mes.exchange.erp.tryton.units import booked_in, conversions_of, uom_of
from mes.exchange.erp.types import Consumption, ErpBill, ErpLine, ErpStep, OrderWord
from mes.materials.types import MaterialSpec, UnitConversion
from standards.isa95.quantity import to_e6
from tests.mes.exchange.erp.floor import connection


def uom(
    id: int, symbol: str, factor: str, rate: str, *, category: int = 1, rounding: str = "0.01", active: bool = True
) -> Any:
    digits = max(-Decimal(rounding).as_tuple().exponent, 0)  # type: ignore[operator]
    numbers = {"factor": Decimal(factor), "rate": Decimal(rate), "rounding": Decimal(rounding), "digits": digits}
    return uom_of({"id": id, "symbol": symbol, "category": category, "active": active, **numbers})


PIECE = uom(1, "u", "1", "1", rounding="1")
DOZEN = uom(2, "dz", "12", "0.083333333333")
KILO = uom(3, "kg", "1", "1", category=2)
GRAM = uom(4, "g", "0.001", "1000", category=2)
POUND = uom(5, "lb", "0.45359237", "2.204622621849", category=2)
UOMS = {u.id: u for u in (PIECE, DOZEN, KILO, GRAM, POUND)}


class TestUnits:
    def test_of_two_roundings_the_one_that_was_meant_is_taken(self) -> None:
        assert (DOZEN.factor, GRAM.factor, POUND.factor) == (12, Fraction(1, 1000), Fraction("0.45359237"))

    def test_conversions_are_those_of_the_category(self) -> None:
        assert conversions_of(KILO, UOMS.values()) == (
            UnitConversion("g", 1, 1000),
            UnitConversion("lb", 45359237, 100000000),
        )

    def test_a_quantity_is_booked_in_a_unit_that_takes_it(self) -> None:
        assert booked_in(Decimal("0.27"), KILO, GRAM, UOMS.values()) == (270, GRAM)
        assert booked_in(Decimal("0.105"), KILO, None, UOMS.values()) == (105, GRAM)
        assert booked_in(Decimal(18), PIECE, DOZEN, UOMS.values()) == (Decimal("1.5"), DOZEN)
        assert booked_in(Decimal(17), PIECE, DOZEN, UOMS.values()) == (17, PIECE)

    @given(st.integers(1, 10**9), st.sampled_from([KILO, GRAM, POUND]), st.sampled_from([KILO, GRAM, POUND, None]))
    def test_nothing_is_lost_but_what_no_unit_takes(self, millionths: int, own: Any, planned: Any) -> None:
        quantity = Decimal(millionths) / 10**6
        booked, unit = booked_in(quantity, own, planned, UOMS.values())
        error = abs(Fraction(booked) * unit.factor - Fraction(quantity) * own.factor)
        assert error == 0 or (unit is own and error <= own.rounding * own.factor / 2)

    def test_in_the_materials_own_unit_to_the_millionth(self) -> None:
        grease = MaterialSpec("GREASE", "kg", conversions=(UnitConversion("g", 1, 1000), UnitConversion("x", 1, 3)))
        assert in_own_unit(Decimal(15), "g", grease) == Decimal("0.015")
        assert in_own_unit(Decimal(2), "x", grease) == Decimal("0.666667")


class TestBills:
    bill = ErpBill(
        "1/1", "PUMP-A", "4", Decimal(1), "dz",
        (ErpLine("2", Decimal(180), "g"), ErpLine("1", Decimal(24), "u"), ErpLine("1", Decimal(1), "dz")),
        (ErpStep("7", "Press", "Press 1"), ErpStep("8", "Test", "Bench 1")),
    )  # fmt: skip
    materials = {
        "1": MaterialSpec("HOUSING", "u", conversions=(UnitConversion("dz", 12, 1),)),
        "2": MaterialSpec("GREASE", "kg", conversions=(UnitConversion("g", 1, 1000),)),
        "4": MaterialSpec("PUMP", "u", conversions=(UnitConversion("dz", 12, 1),)),
    }

    def test_steps_follow_each_other_and_quantities_are_those_of_one_piece(self) -> None:
        routing = routing_of(self.bill, self.materials, place="CELL", places={"Press 1": "PRESS"})
        first, second = routing.definition.segments
        assert [(m.material_id, m.quantity) for m in first.materials] == [
            *(("GREASE", Decimal("0.015")), ("HOUSING", Decimal(3))),
        ]
        assert (first.segment_id, first.equipment_id, second.equipment_id) == ("S7", "PRESS", "CELL")
        assert (second.materials, [after.segment_id for after in second.after]) == ((), ["S7"])
        assert [recipe.work_master_id for recipe in routing.recipes] == ["PUMP-A-S7", "PUMP-A-S8"]

    def test_a_bill_without_steps_is_made_in_one(self) -> None:
        (only,) = routing_of(replace(self.bill, steps=()), self.materials, place="CELL", places={}).definition.segments
        assert (only.segment_id, only.equipment_id, len(only.materials)) == ("MAKE", "CELL", 2)

    @pytest.mark.parametrize(
        "bill",
        [
            replace(bill, material_key="9"),
            replace(bill, quantity=Decimal(0)),
            replace(bill, lines=(ErpLine("9", Decimal(1), "u"),)),
            bill,
        ],
    )
    def test_what_cannot_be_made_is_refused_with_a_reason(self, bill: ErpBill) -> None:
        with pytest.raises(ErpOrderUnusable, match="PUMP-A"):
            routing_of(bill, self.materials, place="", places={"Press 1": "PRESS"})


class TestWhatWasUsed:
    bills = {1: [Position(10, 2_000_000, substitutes=(12,)), Position(11, 15_000)], 2: [Position(10, 1_000_000)]}

    def test_by_the_bill_it_is_what_the_pieces_made_take(self) -> None:
        used = back_flushed({1: 18_000_000, 2: 17_000_000}, self.bills, {10, 11})
        assert used == {10: 53_000_000, 11: 270_000}

    @given(st.sets(st.sampled_from([10, 11, 12])), st.sets(st.sampled_from([10, 11, 12, 13])))
    def test_nothing_is_found_in_both_ways(self, by_bill: set[int], seen: set[int]) -> None:
        flushed = back_flushed({1: 1_000_000, 2: 1_000_000}, self.bills, by_bill).keys()
        counted = counted_by_lot(self.bills.values(), by_bill, seen)
        assert not flushed & counted
        assert not (10 in flushed and 12 in counted), "a substitute of what follows the bill is used by the bill"
        assert counted >= seen - by_bill - {12}

    def test_a_person_decides_else_what_the_erp_books_by_lot_is_counted(self) -> None:
        assert consumption_of("", by_lot=True) is Consumption.actual
        assert consumption_of("", by_lot=False) is Consumption.by_bill
        assert consumption_of("by-bill", by_lot=True) is Consumption.by_bill


class TestConnections:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"kind": "abacus"}, "no connector"),
            ({"plain_http": False}, "in the clear"),
            ({"private_addresses": False}, "for private addresses only"),
            ({"private_addresses": False, "url": "https://169.254.169.254"}, "a private one"),
            ({"private_addresses": False, "url": "https://[::ffff:127.0.0.1]"}, "a private one"),
            ({"url": "http://erp?x=1"}, "no query"),
            ({"url": "ftp://erp"}, "https://"),
            ({"url": "http://user@erp"}, "user name"),
            ({"url": "http://erp:99999"}, "cannot be read"),
            ({"database": "a b"}, "without blanks"),
            ({"poll_s": 0}, "seconds"),
            ({"order_prefix": "ä"}, "prefix"),
        ],
    )
    def test_what_is_wrong_is_said(self, change: dict[str, Any], said: str) -> None:
        assert fault_of(connection(), ("tryton",)) == ""
        assert said in fault_of(replace(connection(), **change), ("tryton",))


LINE, OTHER = Line(4, 1, Decimal(3), None, 3), Line(4, 1, Decimal(2), None, 3)
THERE = Production(
    1, "1", "waiting", "stamp", 4, 1, 1, 9, 3, 3, 4,
    inputs=[Move(5, LINE, done=False)], outputs=[Move(6, LINE, done=False)], works=[Work(1, 1, "stamp")],
)  # fmt: skip
WANTED = Wanted(False, (LINE,), (LINE,), {1: 60})


class TestBooking:
    @pytest.mark.parametrize(
        ("there", "wanted", "step"),
        [
            ({"state": "draft"}, {}, Stop.later),
            ({"state": "cancelled"}, {}, Stop.refused),
            ({}, {"inputs": (OTHER,)}, Act.write_inputs),
            ({}, {}, Act.assign_force),
            ({"state": "assigned"}, {}, Act.run),
            ({"state": "assigned"}, {"inputs": (OTHER,)}, Act.wait),
            ({"state": "running"}, {"inputs": (OTHER,)}, Act.wait),
            ({"state": "running"}, {"outputs": (OTHER,)}, Act.write_outputs),
            ({"state": "running"}, {}, Act.work),
            ({"state": "running", "works": [Work(1, 1, "", {7: (Decimal(60), "done")})]}, {}, Act.do),
            ({"state": "running", "works": None}, {}, Act.do),
            ({"state": "done", "works": None}, {}, Stop.done),
            ({"state": "done", "works": None}, {"outputs": (OTHER,)}, Stop.reopen),
            ({"state": "done"}, {}, Stop.reopen),
            ({"state": "waiting"}, {"cancelled": True}, Act.cancel),
            ({"state": "done"}, {"cancelled": True}, Stop.reopen),
            ({"state": "cancelled"}, {"cancelled": True}, Stop.done),
        ],
    )
    def test_the_next_step(self, there: dict[str, Any], wanted: dict[str, Any], step: Act | Stop) -> None:
        assert next_step(replace(THERE, **there), replace(WANTED, **wanted), reopening=False) is step

    def test_what_is_taken_back_is_booked_anew(self) -> None:
        wanted = replace(WANTED, outputs=(OTHER,))
        steps = [next_step(replace(THERE, state=s), wanted, reopening=True) for s in ("done", "cancelled", "draft")]
        assert steps == [Act.cancel, Act.draft, Act.wait]

    @given(st.lists(st.sampled_from([LINE, OTHER])), st.lists(st.sampled_from([LINE, OTHER])))
    def test_what_fits_is_kept(self, there: list[Line], wanted: list[Line]) -> None:
        moves = [Move(number, line, done=False) for number, line in enumerate(there)]
        gone, new = changes(moves, wanted)
        kept = [move.line for move in moves if move.id not in gone]
        assert sorted([*kept, *new]) == sorted(wanted)
        assert not {move.line for move in moves if move.id in gone} & set(new)


class TestReading:
    def read(self, **more: Any) -> Read:
        names = {"rec_name": "x", "name": "x", "default_uom": 1, "lot_required": [], "boms": []}
        products = [{"id": n, "code": code, **names} for n, code in ((1, "A"), (2, "B"), (3, "A"), (4, "ä"))]
        parts: dict[str, Any] = {"boms": {}, "inputs": [], "outputs": [], "uses": [], "steps": [], **more}
        return Read(uoms=UOMS, products=products, **parts)

    def test_codes_are_ids_where_they_can_be_and_one_of_two_is_left_out(self) -> None:
        masters = masters_of(self.read())
        assert [(m.key, m.material_id) for m in masters.materials] == [("1", "A"), ("2", "B"), ("4", "P-4")]
        assert "Two products have the code A" in masters.remarks[0]

    def test_a_phantom_bill_is_what_goes_into_it(self) -> None:
        phantom = {"id": 8, "code": "", "name": "Kit", "phantom_unit": 1, "phantom_quantity": Decimal(2)}
        boms = {7: {"id": 7, "code": None, "name": "Bill"}, 8: phantom}
        into = {"product": None, "unit": 1, "quantity": Decimal(6), "phantom_bom": 8, "bom": 7}
        kit = {"product": 2, "unit": 1, "quantity": Decimal(5), "phantom_bom": None, "bom": 8}
        made = {"bom": 7, "product": 1, "unit": 2, "quantity": Decimal(1)}
        use = {"id": 1, "product": 1, "bom": 7, "routing": None, "sequence": None}
        (bill,) = masters_of(self.read(boms=boms, inputs=[into, kit], outputs=[made], uses=[use])).bills
        assert (bill.definition_id, bill.quantity, bill.unit) == ("BOM-7", 1, "dz")
        assert bill.lines == (ErpLine("2", Decimal(15), "u"),)
        round_and_round = {**kit, "product": None, "phantom_bom": 8}
        masters = masters_of(self.read(boms=boms, inputs=[into, round_and_round], outputs=[made], uses=[use]))
        assert (masters.bills, masters.remarks[-1]) == ((), "The bill Bill goes into itself.")

    def test_a_production_is_an_order(self) -> None:
        record = {
            "id": 3,
            "number": "3",
            "state": "assigned",
            "type": "assembly",
            "product": 1,
            "bom": 7,
            "routing": None,
            "quantity": Decimal("1.5"),
            "unit.": {"symbol": "dz"},
            "reference": "for Ada",
            "planned_date": {"__class__": "date", "year": 2026, "month": 12, "day": 31},
        }
        order = order_of(record)
        assert (order.word, order.bill_key, order.quantity, order.unit) == (OrderWord.open, "7/0", Decimal("1.5"), "dz")
        assert (order.due_at, order.remark) == (datetime(2027, 1, 1, tzinfo=UTC), "")
        assert order_of({**record, "state": "draft"}).word is OrderWord.changing
        assert order_of({**record, "state": "of tomorrow"}).word is OrderWord.changing
        assert "apart" in order_of({**record, "type": "disassembly"}).remark
        assert "no quantity" in order_of({**record, "quantity": None}).remark


class TestAnswers:
    def test_numbers_keep_their_digits(self) -> None:
        body = b'{"id": 1, "result": [0.1, {"__class__": "Decimal", "decimal": "1.10"}]}'
        assert _answer(200, body) == [Decimal("0.1"), Decimal("1.10")]
        assert to_e6(_answer(200, body)[0]) == 100_000

    def test_a_refusal_is_a_sentence(self) -> None:
        with pytest.raises(Refused, match=r"^No lot\.$"):
            _answer(200, b'{"id": 1, "error": ["UserError", ["No lot.", "", null]]}')
        with pytest.raises(Refused, match=r"^Are you sure"):
            _answer(200, b'{"id": 1, "error": ["UserWarning", ["name", "Are you sure?", ""]]}')
        with pytest.raises(Stale):
            _answer(200, b'{"id": 1, "error": ["ConcurrencyException", "x"]}')
