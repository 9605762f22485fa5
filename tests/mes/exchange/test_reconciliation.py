"""What an ERP thinks against what the plant knows: each difference once, with the reason the records give."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.access.types import Role
from mes.definitions.service import put_definitions
from mes.definitions.types import DefinitionSpec, SegmentDependency, SegmentSpec
from mes.exchange.reconciliation import rules
from mes.exchange.reconciliation.queries import reconcile
from mes.exchange.reconciliation.service import put_view
from mes.exchange.reconciliation.types import (
    ROWS_MAX,
    VIEWS_KEPT,
    ErpLot,
    ErpOrder,
    ErpView,
    PlantLot,
    PlantOrder,
    Reason,
    Subject,
    Told,
    What,
)
from mes.exchange.table_files.importing import RowImport, import_file
from mes.exchange.table_files.types import Kind
from mes.genealogy.service import split_lot
from mes.kernel.db import Database
from mes.kernel.errors import Refusal
from mes.materials.service import put_lots, put_materials, set_disposition
from mes.materials.types import LotSpec, MaterialSpec
from mes.orders.queries import get_job
from mes.orders.service import (
    Correction,
    complete_job,
    correct_counts,
    release_jobs,
    report_good,
    report_scrap,
    start_job,
    submit_operations_request,
)
from mes.orders.types import CountKind
from mes.reporting.queries import list_operations_performance
from mes.reporting.service import publish_due_reports
from standards.isa95.material import Disposition
from tests.conftest import SettableClock
from tests.support.ticks import tick
from tests.web.cast import as_, hire, hire_cast

E6 = 1_000_000
COUNTS = st.integers(0, 5)
PLANT = st.builds(
    PlantOrder,
    st.just("PO"),
    st.just("pcs"),
    COUNTS,
    COUNTS,
    COUNTS,
    st.builds(Told, COUNTS, COUNTS, st.integers(1, 3)),
    st.booleans(),
    st.booleans(),
)


class TestRules:
    @given(PLANT)
    def test_who_says_what_is_known_here_differs_in_nothing(self, plant: PlantOrder) -> None:
        erp = ErpOrder("PO", plant.good_e6, plant.scrap_e6, plant.ordered_e6)
        assert list(rules.order_differences(erp, plant)) == []

    @given(PLANT, COUNTS)
    def test_every_difference_is_told_once_and_news_explain_only_what_was_taken(
        self, plant: PlantOrder, good: int
    ) -> None:
        found = list(rules.order_differences(ErpOrder("PO", good), plant))
        assert [d.what for d in found] == ([] if good == plant.good_e6 else [What.good])
        for difference in found:
            explained = difference.reason in (Reason.not_yet_told, Reason.corrected_since)
            assert explained == (good == plant.told.good_e6 and (plant.news or plant.corrected))

    @given(st.builds(PlantLot, st.just("L"), st.just("kg"), COUNTS, st.booleans(), st.booleans()))
    def test_a_lot_that_is_as_it_is_here_differs_in_nothing(self, plant: PlantLot) -> None:
        erp = ErpLot("L", plant.left_e6, "kg", plant.blocked)
        assert list(rules.lot_differences(erp, plant)) == []

    def test_quantities_in_other_units_are_not_compared(self) -> None:
        (found,) = rules.lot_differences(ErpLot("L", 5, "g"), PlantLot("L", "kg", 7, False))
        assert (found.what, found.erp, found.plant) == (What.unit, "g", "kg")


@pytest.fixture
def do(plant: Database) -> Callable[..., Any]:
    return lambda verb, **kwargs: plant.write_now(verb, actor=None, **kwargs)


@pytest.fixture
def jobs(plant: Database, do: Callable[..., Any]) -> tuple[str, str]:
    """The two jobs of order PO-1, of which the second one counts for the order."""
    last = SegmentSpec("TEST", "WM-BENCH", "BENCH", after=(SegmentDependency("PACK"),))
    do(put_materials, specs=[MaterialSpec("TOY", "pcs")])
    do(put_definitions, specs=[DefinitionSpec("TOY-ROUTE", "TOY", (SegmentSpec("PACK", "WM-BENCH", "BENCH"), last))])
    for order in ("PO-1", "PO-2"):
        do(submit_operations_request, id=order, quantity=Decimal(10), material_id="TOY")
    return "PO-1-PACK", "PO-1-TEST"


def work(plant: Database, do: Callable[..., Any], clock: SettableClock, job: str, *, good: int, scrap: int) -> None:
    def version() -> int:
        return plant.read_now(get_job, job_id=job, now=plant.clock()).version

    do(release_jobs, versions={job: version()})
    do(start_job, job_id=job, version=version())
    do(report_good, job_id=job, quantity=Decimal(good), request_id=f"good-{job}")
    do(report_scrap, job_id=job, quantity=Decimal(scrap), reason_id="scratch", request_id=f"scrap-{job}")
    do(complete_job, job_id=job, version=version())
    clock.advance(minutes=5)


def says(plant: Database, *orders: ErpOrder, complete: bool = False, cursor: int | None = None) -> list[Any]:
    """What differs when the ERP says this now: id, what, ERP, plant, reason, version."""
    view = ErpView(Subject.orders, plant.clock(), orders, complete=complete, cursor=cursor)
    plant.write_now(put_view, actor=None, view=view)
    found = plant.read_now(reconcile, subject=Subject.orders).differences
    return [(d.id, d.what.value, d.erp, d.plant, d.reason.value, d.version) for d in found]


def cursor_of(plant: Database) -> int:
    return plant.read_now(list_operations_performance, after=0, limit=100)[-1].cursor


def test_the_reasons_of_an_order(
    plant: Database, do: Callable[..., Any], clock: SettableClock, jobs: tuple[str, str]
) -> None:
    first, last = jobs
    assert says(plant, ErpOrder("PO-1", 0, 0, 10 * E6)) == []
    work(plant, do, clock, first, good=9, scrap=1)
    assert says(plant, ErpOrder("PO-1", 0)) == [], "what has passed the first step is not made yet"
    assert says(plant, ErpOrder("PO-1", 0, 0)) == [("PO-1", "scrap", "0", "1", "not-yet-told", 0)]
    tick(plant, publish_due_reports)
    work(plant, do, clock, last, good=8, scrap=1)
    tick(plant, publish_due_reports)
    told = cursor_of(plant)
    assert says(plant, ErpOrder("PO-1", 0), cursor=0) == [("PO-1", "good", "0", "8", "not-yet-told", 0)]
    assert says(plant, ErpOrder("PO-1", 8 * E6, 2 * E6), cursor=told) == []
    assert says(plant, ErpOrder("PO-1", 7 * E6), cursor=told) == [("PO-1", "good", "7", "8", "acknowledged", 1)]
    less = [Correction(CountKind.good, Decimal(-3))]
    do(correct_counts, job_id=last, corrections=less, reason="miscounted", request_id="correct-1")
    corrected = [("PO-1", "good", "8", "5", "corrected-since", 1)]
    assert says(plant, ErpOrder("PO-1", 8 * E6), cursor=told) == corrected
    clock.advance(minutes=5)
    tick(plant, publish_due_reports)
    assert says(plant, ErpOrder("PO-1", 8 * E6), cursor=told) == corrected
    assert says(plant, ErpOrder("PO-1", 8 * E6)) == [("PO-1", "good", "8", "5", "acknowledged", 2)]
    assert says(plant, ErpOrder("PO-2", 4 * E6, None, 12 * E6), ErpOrder("PO-9", 0)) == [
        ("PO-2", "ordered", "12", "10", "ordered-differs", 0),
        ("PO-2", "good", "4", "0", "booked-elsewhere", 0),
        ("PO-9", "itself", "0", "", "unknown-here", 0),
    ]
    assert says(plant, ErpOrder("PO-1", 5 * E6), complete=True) == [
        ("PO-2", "itself", "", "10", "unknown-there", 0),
    ]


def test_the_reasons_of_a_lot(plant: Database, do: Callable[..., Any], clock: SettableClock) -> None:
    lots = [LotSpec(f"L-{n}", "BOARD", Decimal(10), "pcs") for n in range(5)]
    do(put_lots, specs=[*lots, LotSpec("L-5", "BOARD", Decimal(0), "pcs")])
    clock.advance(hours=1)
    taken_at = plant.clock()
    clock.advance(hours=1)
    do(split_lot, request_id="split-1", lot_id="L-1", into={"L-1A": 4 * E6})
    do(set_disposition, lot_id="L-2", disposition=Disposition.Restricted, reason="wet")
    do(set_disposition, lot_id="L-4", disposition=Disposition.Closed, reason="gone")
    erp = (
        *(ErpLot("L-0", 10 * E6, "pcs", False), ErpLot("L-1", 10 * E6), ErpLot("L-2", 10 * E6, "", False)),
        *(ErpLot("L-3", 11 * E6), ErpLot("L-4", 10 * E6), ErpLot("L-9", 1 * E6)),
    )
    do(put_view, view=ErpView(Subject.lots, taken_at, lots=erp, complete=True))
    found = plant.read_now(reconcile, subject=Subject.lots)
    assert [(d.id, d.what.value, d.erp, d.plant, d.reason.value) for d in found.differences] == [
        ("L-1", "quantity", "10", "6", "changed-since"),
        ("L-2", "blocked", "no", "yes", "changed-since"),
        ("L-3", "quantity", "11", "10", "unexplained"),
        ("L-4", "quantity", "10", "0", "changed-since"),
        ("L-9", "itself", "1", "", "unknown-here"),
        ("L-1A", "itself", "", "4", "unknown-there"),
    ]
    assert (found.equal, found.truncated) == (1, False)


def test_a_view_that_cannot_be_is_refused_and_old_ones_go(plant: Database, do: Callable[..., Any]) -> None:
    now = plant.clock()
    with pytest.raises(Refusal) as none:
        plant.read_now(reconcile, subject=Subject.lots)
    assert none.value.code == "erp-view-not-found"
    for view in (
        ErpView(Subject.lots, now, lots=(ErpLot("L", 1), ErpLot("L", 2))),
        ErpView(Subject.lots, now, lots=tuple(ErpLot(f"L-{n}", 1) for n in range(ROWS_MAX + 1))),
        ErpView(Subject.lots, now + timedelta(seconds=1)),
    ):
        with pytest.raises(Refusal) as refused:
            do(put_view, view=view)
        assert refused.value.code == "erp-view-invalid"
    for n in range(VIEWS_KEPT + 2):
        assert do(put_view, view=ErpView(Subject.lots, now, lots=(ErpLot("L", n),)))
        assert not do(put_view, view=ErpView(Subject.lots, now, lots=(ErpLot("L", n),)))
    view = plant.read_now(reconcile, subject=Subject.lots).stored.view
    assert view.lots == (ErpLot("L", VIEWS_KEPT + 1),)


def test_who_hands_a_view_in_has_one_of_their_own(plant: Database, do: Callable[..., Any]) -> None:
    """A program by its principal; people, and files that nobody brought, share one."""
    cast = hire_cast(plant)
    mes_a, mes_b = cast[Role.integration], hire(plant, "other-erp", Role.integration)
    senders = (mes_a.principal_pk, mes_b.principal_pk, cast[Role.supervisor].principal_pk, None)
    for n, sender in enumerate(senders, start=1):
        plant.clock.advance(minutes=1)  # type: ignore[attr-defined]
        view = ErpView(Subject.lots, plant.clock(), lots=(ErpLot("L-1", n * E6),))
        plant.write_now(put_view, actor=sender, view=view)

    def said(source: str | None) -> tuple[str, int]:
        found = plant.read_now(reconcile, subject=Subject.lots, source=source)
        assert found.sources == ("@", "@iris", "@other-erp")
        (lot,) = found.stored.view.lots
        return found.stored.view.source, lot.quantity_e6 // E6

    assert said("@iris") == ("@iris", 1)
    assert said("@other-erp") == ("@other-erp", 2)
    assert said("@") == said(None) == said("") == ("@", 4)
    tryton = ErpView(Subject.lots, plant.clock(), lots=(ErpLot("L-1", 9 * E6),), source="tryton")
    plant.clock.advance(minutes=1)  # type: ignore[attr-defined]
    plant.write_now(put_view, actor=None, view=tryton)
    found = plant.read_now(reconcile, subject=Subject.lots, source="").stored.view
    assert found.source == "@", "of those that were handed in"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_over_http_and_from_a_file(http: httpx.AsyncClient, plant: Database, do: Callable[..., Any]) -> None:
    cast = hire_cast(plant)
    iris, sven = as_(cast[Role.integration]), as_(cast[Role.supervisor])
    do(put_lots, specs=[LotSpec("L-1", "BOARD", Decimal(10), "pcs"), LotSpec("L-2", "BOARD", Decimal(3), "pcs")])
    body = {"taken_at": plant.clock().isoformat(), "lots": [{"id": "L-1", "quantity": "9.5"}], "complete": True}
    answer = (await http.put("/api/v1/reconciliation/lots", json=body, headers=iris)).json()
    assert [(d["id"], d["erp"], d["plant"], d["reason"]) for d in answer["differences"]] == [
        ("L-1", "9.5", "10", "unexplained"),
        ("L-2", "", "3", "unknown-there"),
    ]
    assert (answer["source"], answer["sources"]) == (own := "@iris", [own])
    assert (await http.get("/api/v1/reconciliation/lots", headers=sven)).json() == answer
    view = ErpView(Subject.lots, plant.clock(), lots=(ErpLot("L-1", 7 * E6),), source="tryton")
    plant.write_now(put_view, actor=None, view=view)
    read = (await http.get("/api/v1/reconciliation/lots?source=tryton", headers=sven)).json()
    assert (read["source"], read["sources"], [d["erp"] for d in read["differences"]]) == (
        "tryton",
        [own, "tryton"],
        ["7"],
    )
    rows = await http.get("/api/v1/reconciliation/lots/differences?source=tryton", headers=sven)
    assert rows.text.splitlines()[1:] == ["L-1;quantity;7;10;pcs;unexplained;0"]
    assert (await http.put("/api/v1/reconciliation/lots", json=body, headers=iris)).json()["source"] == own
    csv = await http.get("/api/v1/reconciliation/lots/differences?source=", headers=sven)
    assert csv.content.decode("utf-8-sig").splitlines()[1] == "L-1;quantity;9.5;10;pcs;unexplained;0"
    orders = {"taken_at": plant.clock().isoformat(), "orders": [{"id": "PO-7", "good": "1"}], "cursor": 0}
    answer = (await http.put("/api/v1/reconciliation/orders", json=orders, headers=iris)).json()
    assert [d["reason"] for d in answer["differences"]] == ["unknown-here"]
    text = "Charge;Bestand;Status\nL-1;10;gesperrt\nL-2;x;\nL-3;1;frei\n"
    done = import_file(RowImport(plant), text.encode(), name="stock.csv", kind=Kind.erp_lots)
    assert [(o.id, o.result.value) for o in done.outcomes] == [
        ("L-1", "created"),
        ("L-2", "refused"),
        ("L-3", "created"),
    ]
    found = plant.read_now(reconcile, subject=Subject.lots).differences
    assert [(d.id, d.what.value, d.reason.value) for d in found] == [
        ("L-1", "blocked", "unexplained"),
        ("L-3", "itself", "unknown-here"),
        ("L-2", "itself", "unknown-there"),
    ]
    booked = "Auftrag;Gutmenge;Ausschuss\nPO-7;2;0\nPO 8;1;\n"
    orders_done = import_file(RowImport(plant), booked.encode(), name="o.csv", kind=Kind.erp_orders, dry_run=True)
    assert [o.result.value for o in orders_done.outcomes] == ["created", "created"]
    again = import_file(RowImport(plant), text.encode(), name="stock.csv", kind=Kind.erp_lots)
    assert again.counts.unchanged == 2
