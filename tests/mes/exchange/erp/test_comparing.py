"""What an ERP has against what is here: what it was not told explains itself, the rest is its own affair."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from mes.exchange.erp import comparing, service
from mes.exchange.erp.tryton.books import booked_orders, stocked_lots
from mes.exchange.erp.tryton.units import uom_of
from mes.exchange.erp.types import BookedOrder, Books, StockedLot
from mes.exchange.reconciliation.errors import ErpViewNotFound
from mes.exchange.reconciliation.queries import reconcile
from mes.exchange.reconciliation.service import put_view
from mes.exchange.reconciliation.types import ErpOrder, ErpView, Subject
from mes.genealogy.service import mount_lot, record_genealogy
from mes.genealogy.types import Act, ActKind, Link, NewLot, Recording
from mes.kernel.sqltypes import to_us
from mes.materials.service import put_lots, put_materials
from mes.materials.types import LotKind, LotSpec, MaterialSpec, UnitConversion
from tests.mes.exchange.erp.floor import ERP
from tests.mes.exchange.erp.test_service import Erp, acts, erp
from tests.mes.orders.acts import Acts

__all__ = ["acts", "erp"]
D = Decimal


def says(erp: Erp, good: int, scrap: int = 0, **lots: int) -> dict[str, list[tuple[str, str, str, str]]]:
    """What differs when the ERP has this: by subject, each as (id, ERP, here, why)."""
    known = erp.plant.read_now(comparing.get_known, connection_pk=erp.pk)
    assert (dict(known.orders), known.materials) == ({"100": "PO-7"}, ("1", "2", "3", "4"))
    stocked = tuple(StockedLot(name.replace("_", "-"), D(left)) for name, left in lots.items())
    books = Books((BookedOrder("100", D(12), D(good), D(scrap)),), stocked)
    erp.do(comparing.take_books, connection_pk=erp.pk, known=known, books=books, taken_at=erp.clock())
    found: dict[str, Any] = {s.value: erp.plant.read_now(reconcile, subject=s).differences for s in Subject}
    return {name: [(d.id, d.erp, d.plant, d.reason.value) for d in some] for name, some in found.items()}


def test_what_was_not_told_yet_explains_itself_and_the_rest_does_not(erp: Erp, acts: Acts) -> None:
    erp.says()
    acts.release("PO-7-S7", "PO-7-S8")
    erp.do(put_lots, specs=[LotSpec(name, "LOCK", D(50), "u") for name in ("K-1", "K-2", "K-3")])
    erp.do(mount_lot, request_id="mount-k2", lot_id="K-2", equipment_id="FITTER", slot_id="1", quantity_per_e6=0)
    acts.make("PO-7-S7", 12)
    acts.start("PO-7-S8")
    act = Act(ActKind.consumed, "DESKS-1", to_us(erp.clock()), "FITTER", None, "PO-7-S8")
    made = NewLot("DESKS-1", "DESK", 12_000_000, LotKind.lot, "PO-7-S8")
    erp.do(record_genealogy, recording=Recording([made], [act], [Link(0, "K-1", "DESKS-1", 12_000_000)]))
    acts.good("PO-7-S8", 12)
    acts.complete("PO-7-S8")
    assert says(erp, 0, K_1=50, K_2=49) == {
        "orders": [("PO-7", "0", "12", "not-yet-told")],
        "lots": [
            ("K-1", "50", "38", "not-yet-told"),
            ("K-2", "49", "50", "not-yet-told"),
            ("K-3", "0", "50", "unexplained"),
        ],
    }
    assert says(erp, 12, K_1=38, K_2=50, K_3=50)["orders"] == [], "it knows it, whoever said so"
    assert says(erp, 3)["orders"] == [("PO-7", "3", "12", "booked-elsewhere")]
    erp.told()
    assert says(erp, 12, K_1=38, K_2=50, K_3=50) == {"orders": [], "lots": []}
    assert says(erp, 11, 1, K_1=50, K_2=50, K_3=50) == {
        "orders": [("PO-7", "11", "12", "acknowledged"), ("PO-7", "1", "0", "acknowledged")],
        "lots": [("K-1", "50", "38", "unexplained")],
    }


def test_views_stand_side_by_side_and_go_with_their_connection(erp: Erp, acts: Acts) -> None:
    def compared(source: str | None) -> tuple[str, str, tuple[str, ...]]:
        found = erp.plant.read_now(reconcile, subject=Subject.orders, source=source)
        (good,) = found.differences
        return found.stored.view.source, good.erp, found.sources

    erp.says()
    handed_in = ErpView(Subject.orders, erp.clock(), (ErpOrder("PO-7", 5_000_000),))
    erp.do(put_view, view=handed_in)
    assert compared(None) == ("@", "5", ("@",))
    erp.clock.advance(minutes=1)
    says(erp, 3)
    both = ("@", ERP)
    assert compared("") == ("@", "5", both)
    assert compared(None) == compared(ERP) == (ERP, "3", both), "whoever spoke last"
    erp.clock.advance(minutes=1)
    assert not erp.do(put_view, view=handed_in), "it says the same again"
    assert compared(None) == ("@", "5", both)
    known = erp.plant.read_now(comparing.get_known, connection_pk=erp.pk)
    erp.do(service.remove_connection, connection_id=ERP)
    books = Books((BookedOrder("100", D(12), D(3), D(0)),))
    late = {"connection_pk": erp.pk, "known": known, "books": books, "taken_at": erp.clock()}
    erp.do(comparing.take_books, **late)
    assert compared(None) == ("@", "5", ("@",)), "not even what was read while it was removed"
    with pytest.raises(ErpViewNotFound, match=ERP):
        compared(ERP)


def test_a_number_of_two_products_is_compared_with_none(erp: Erp, acts: Acts) -> None:
    erp.says()
    erp.do(put_lots, specs=[LotSpec("K-1", "LOCK", D(50), "u")])
    known = erp.plant.read_now(comparing.get_known, connection_pk=erp.pk)
    books = Books((), (StockedLot("K-1", D(1)), StockedLot("K-1", D(2))))
    erp.do(comparing.take_books, connection_pk=erp.pk, known=known, books=books, taken_at=erp.clock())
    assert erp.plant.read_now(reconcile, subject=Subject.lots).stored.view.lots == ()


def test_a_lot_is_compared_in_the_unit_the_erp_counts_its_material_in(erp: Erp, acts: Acts) -> None:
    erp.says()
    erp.do(put_materials, specs=[MaterialSpec("LOCK", "u", conversions=(UnitConversion("box", 3, 1),))])
    erp.do(put_lots, specs=[LotSpec("K-1", "LOCK", D("0.333333"), "box"), LotSpec("K-2", "LOCK", D(2), "box")])
    assert says(erp, 0, K_1=1, K_2=6)["lots"] == []
    assert says(erp, 0, K_1=2, K_2=0)["lots"] == [
        ("K-1", "2", "0.999999", "unexplained"),
        ("K-2", "0", "6", "unexplained"),
    ]


def test_quantities_that_cannot_be_are_left_out_and_a_clock_set_back_makes_it_of_now(erp: Erp, acts: Acts) -> None:
    erp.says()
    known = erp.plant.read_now(comparing.get_known, connection_pk=erp.pk)
    huge = D(10) ** 14
    books = Books((BookedOrder("100", D(12), huge, D(0)),), (StockedLot("K-1", -huge), StockedLot("K-2", D(1))))
    erp.do(
        comparing.take_books,
        connection_pk=erp.pk,
        known=known,
        books=books,
        taken_at=erp.clock() + timedelta(minutes=1),
    )
    orders, lots = (erp.plant.read_now(reconcile, subject=subject).stored.view for subject in Subject)
    assert (orders.orders, [lot.id for lot in lots.lots], lots.taken_at) == ((), ["K-2"], erp.clock())


def test_tryton_is_read_in_the_products_own_unit_and_only_what_is_done() -> None:
    unit = {"symbol": "u", "category": 1, "rate": 1.0, "factor": 1.0, "rounding": 1.0, "digits": 0, "active": True}
    uoms = {
        1: uom_of({**unit, "id": 1}),
        2: uom_of({**unit, "id": 2, "symbol": "dz", "factor": 12.0, "rate": 1 / 12, "active": False}),
    }
    move = {"product": 7, "unit": 1, "quantity": 17.0, "lot": None, "state": "done", "to_location": 3}
    moves = [
        {**move, "id": 10},
        {**move, "id": 11, "unit": 2, "quantity": 0.5},
        {**move, "id": 12, "quantity": 1.0, "to_location": 9},
        {**move, "id": 13, "state": "draft"},
        {**move, "id": 14, "product": 8},
    ]
    record = {"id": 5, "product": 7, "quantity": 2.0, "unit": 2, "outputs": [10, 11, 12, 13, 14]}
    record |= {"warehouse.": {"waste_locations": [9]}}
    (booked,) = booked_orders([record, {**record, "id": 6, "product": None}], moves, uoms, {7: 1})
    assert booked == BookedOrder("5", D(24), D(23), D(1))
    lots = [{"number": "L-1", "product": 7, "quantity": 0.1}, {"number": "L-2", "product": 7, "quantity": -1.0}]
    assert stocked_lots(lots) == (StockedLot("L-1", D("0.1")), StockedLot("L-2", D(-1)))
