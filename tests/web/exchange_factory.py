"""Made-up imports, webhooks and differences for screens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from mes.exchange.erp.types import Checked, ConnectionSpec, ConnectionView, ErpOrderView
from mes.exchange.reconciliation.types import (
    Difference,
    ErpView,
    Reason,
    Reconciliation,
    StoredView,
    Subject,
    What,
)
from mes.exchange.table_files.entries import open_table, reading_of, settled
from mes.exchange.table_files.queries import WaitingFile
from mes.exchange.table_files.types import (
    ImportCounts,
    ImportMapping,
    ImportView,
    Kind,
    RefusedRow,
    Result,
    RowOutcome,
    SavedMapping,
)
from mes.exchange.webhooks.types import DeliveryState, DeliveryView, WebhookView
from mes.kernel.paging import Page
from web.erp import views as erp_views
from web.imports.views import (
    DonePage,
    ImportsPage,
    MappingPage,
    done_page,
    imports_page,
    mapping_page,
    preview_of,
)
from web.reconciliation.views import ReconciliationPage, reconciliation_page
from web.webhooks import views as hooks
from web.wording import RefusalWords

NOW: Final = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
ZONE: Final = ZoneInfo("Europe/Berlin")
LOTS: Final = (
    "Charge;Material;Menge;Status;Lieferant\nL-1;BOARD;1,5;frei;ACME\nL-2;NONE;many;;\nL-3;BOARD;20;gesperrt;X\n"
)
UNREADABLE: Final = RefusalWords(
    "The file cannot be read as rows",
    "The workbook cannot be read: it has a password.",
    "Send a CSV file.",
    detail_fits=True,
)
LONG: Final = "Bestand_Elektronikfertigung_Werk_Nord_2026-11-28_vollstaendig_mit_Sperrbestand.csv"


def titled(code: str) -> str:
    return {"import-row-invalid": "Ein Wert dieser Zeile ist nicht zu gebrauchen"}.get(code, "")


def imported(name: str, kind: Kind, *, waits: bool = False, refused: int = 0, by: str = "Mia") -> ImportView:
    counts = ImportCounts(1200, 31, 4711, refused)
    return ImportView("I-1", kind, name, "", NOW, None if waits else NOW, by, counts)


def imports(*, empty: bool = False, said: bool = False) -> ImportsPage:
    found = (
        imported("lots.csv", Kind.material_lots, waits=True),
        imported("PO_2026-11-28.xlsx", Kind.operations_requests, refused=12),
        imported(LONG, Kind.material_definitions, by=""),
    )
    mapping = ImportMapping({"id": "Charge"})
    saved = (
        SavedMapping("sap-lots", Kind.material_lots, mapping, "sap_*.csv"),
        SavedMapping("erp.production-orders", Kind.operations_requests, mapping),
    )
    why = UNREADABLE if said else None
    return imports_page(() if empty else found, () if empty else saved, ZONE, more=not empty, said=why)


def waiting(text: str = LOTS, *, name: str = "lots.csv", broken: bool = False) -> MappingPage:
    """A file that waits, its second row refused; `broken`: it cannot be read like this."""
    kind, mapping = Kind.material_lots, ImportMapping()
    table = open_table(text.encode(), kind, mapping)
    taken = settled(table, kind, mapping)
    file = WaitingFile("I-1", kind, name, text.encode(), taken, "")
    if broken:
        return mapping_page(file, None, mapping, None, UNREADABLE)
    reading = reading_of(table, kind, taken, ZONE)
    outcomes = [
        RowOutcome(e.line, e.id, Result.created)
        if e.fault is None
        else refused_of(e.line, e.fault.code, e.fault.detail)
        for e in reading.entries
    ]
    return mapping_page(file, table, taken, preview_of(reading, outcomes, titled), None)


def refused_of(line: int, code: str, detail: str) -> RowOutcome:
    return RowOutcome(line, "L", Result.refused, code, detail)


def done(*, refused: int = 3) -> DonePage:
    counts = ImportCounts(1200, 31, 4711, refused)
    rows = tuple(
        RefusedRow(n, "import-row-invalid", "quantity: 'many' is no number.", (f"L-{n}", "BOARD", "many", "frei"))
        for n in range(2, 2 + refused)
    )
    headers = ("Charge", "Material", "Menge", "Status")
    view = ImportView("I-1", Kind.material_lots, "lots.csv", "", NOW, NOW, "Mia", counts, headers, rows)
    return done_page(view, ZONE, titled)


HOOK_URL: Final = "https://integration.gateway.example.com/tenants/plant-north/lineside/events/v1/inbound?route=orders"


def hook(webhook_id: str, *, dead: int = 0, failing: bool = False, active: bool = True, note: str = "") -> WebhookView:
    since = NOW - timedelta(hours=5) if failing else None
    return WebhookView(
        webhook_id,
        HOOK_URL,
        ("orders.*", "reporting.job-response-published.v1"),
        "ERP, confirmations" if dead else "",
        active,
        False,
        3,
        NOW - timedelta(days=40),
        note,
        since,
        NOW + timedelta(minutes=30) if failing else None,
        waiting=12,
        dead=dead,
        behind=1_204,
    )


def delivery(number: int, state: DeliveryState, *, status: int = 0, said: str = "", attempts: int = 9) -> DeliveryView:
    at = NOW - timedelta(days=6, minutes=number)
    subject = f"job/PO-2026-{number:06}-SMT-REFLOW"
    arrived = NOW if state is DeliveryState.delivered else None
    kind = "orders.job-order-ended.v1"
    return DeliveryView(number, number, "E", kind, subject, state, attempts, status, said, at, NOW, arrived)


def webhooks(*, empty: bool = False) -> hooks.HooksPage:
    found = (
        hook("erp", dead=3),
        hook("mail", failing=True),
        hook("old-gateway", active=False, note="The receiver answered 410: it wants no more."),
        hook("warehouse"),
    )
    answers = {
        "erp": delivery(1, DeliveryState.delivered, status=204),
        "mail": delivery(2, DeliveryState.waiting, said="The name hooks.example cannot be resolved."),
    }
    typed = hooks.Typed("erp", "ftp://x", "orders.*") if empty else hooks.Typed()
    why = RefusalWords(
        "The webhook cannot be used like this",
        "The address has to begin with https://.",
        "Correct it.",
        detail_fits=True,
    )
    return hooks.hooks_page(() if empty else found, answers, ZONE, typed, why if empty else None)


def webhook(*, quiet: bool = False) -> hooks.HookPage:
    if quiet:
        page = hooks.hook_page(hook("warehouse"), (), (), ZONE, secret="whsec_" + "Zm9vYmFyYmF6" * 4)
        return replace(page, waiting_count=0)
    dead = [delivery(n, DeliveryState.dead, status=500, said="Unknown material " * 10) for n in range(3)]
    waiting = [delivery(7, DeliveryState.waiting, attempts=2), delivery(8, DeliveryState.waiting, attempts=0)]
    trial = hooks.Answer(False, 401, "signature does not verify")
    return hooks.hook_page(hook("erp", dead=3, failing=True), dead, waiting, ZONE, trial=trial)


def connection(name: str, **more: Any) -> ConnectionView:
    places = {"Press 1": "PRESS", "Bestückungslinie Nord 2": "SMT-2"}
    spec = ConnectionSpec(name, "tryton", f"https://{name}.example", "factory", "lineside", places=places)
    active = bool(more.pop("active", True))
    quiet: dict[str, Any] = {"version": 3, "last_ok_at": NOW, "failing_since": None, "said": "", "next_at": NOW}
    counted = {"remarks": (), "orders": 1_204, "waiting": 0, "troubled": 0}
    return ConnectionView(spec=replace(spec, active=active), **{**quiet, **counted, **more})


AWAY: Final = "No answer: [Errno -2] Name or service not known."


def erps(*, empty: bool = False) -> erp_views.ErpsPage:
    found = (
        connection("erp", waiting=3, troubled=2),
        connection("away", failing_since=NOW - timedelta(hours=3), said=AWAY),
        connection("new", last_ok_at=None, orders=0),
        connection("old", active=False),
        connection("well"),
    )
    form = erp_views.Typed("erp", "tryton", "http://erp.example", "factory", "lineside", places="Press 1 PRESS")
    why = RefusalWords(
        "The ERP connection cannot be used like this",
        "Over http:// the password travels in the clear: allow it, or use https://.",
        "Correct what the sentence names.",
        detail_fits=True,
    )
    rows, typed = ((), form) if empty else (found, erp_views.Typed())
    return erp_views.erps_page(rows, ("tryton",), ZONE, typed, why if empty else None)


def erp(*, quiet: bool = False) -> erp_views.ErpPage:
    if quiet:
        found = Checked("Tryton 8.0", "Muster Elektronik GmbH")
        return erp_views.erp_page(connection("well"), Page(()), ZONE, trial=found)
    said = ("Tryton: The period 2026-10 is closed.", "PO-17: nothing here says how HOUSING is made.")
    orders = [
        ErpOrderView(f"PO-2026-{n:06}" if n % 2 else "", f"{4711 + n}", "Completed", NOW, True, said[n % 2])
        for n in range(3)
    ]
    remarks = ("Two products have the code BOLT: Bolt M6 is left out.", "PUMP-B: say where Turning 2 is here.")
    view = connection("erp", waiting=3, troubled=9, remarks=remarks, failing_since=NOW, said=AWAY)
    missing = Checked(
        "Tryton 8.0", "Muster Elektronik GmbH", ("Without the module production_work no times are booked.",)
    )
    return erp_views.erp_page(view, Page(tuple(orders), "WzE3XQ"), ZONE, trial=missing)


def reconciled(*, empty: bool = False) -> ReconciliationPage:
    if empty:
        return reconciliation_page(Subject.orders, None, ZONE, None)
    why = (Reason.not_yet_told, Reason.corrected_since, Reason.acknowledged, Reason.booked_elsewhere)
    found = [
        Difference(f"PO-2026-{n:06}", What.good if n % 2 else What.scrap, "1200", "1187.5", "pcs", reason, n % 3)
        for n, reason in enumerate(why * 3)
    ]
    found += [
        Difference("PO-2026-000099", What.ordered, "500", "450", "pcs", Reason.ordered_differs),
        Difference("SO-77-4711-ELEKTRONIKFERTIGUNG-NORD-VARIANTE-B", What.itself, "12", "", "", Reason.unknown_here),
        Difference("PO-2026-000100", What.itself, "", "40", "pcs", Reason.unknown_there),
    ]
    stored = StoredView(ErpView(Subject.orders, NOW, complete=True, source="@sap-werk-2"), NOW, "ERP")
    return reconciliation_page(
        Subject.orders,
        Reconciliation(stored, tuple(found), 1_204, True, ("@", "@sap-werk-2", "tryton-nord")),
        ZONE,
        None,
    )


def reconciled_lots() -> ReconciliationPage:
    found = (
        Difference("R-00000042", What.quantity, "2000", "1640", "pcs", Reason.changed_since),
        Difference("R-00000043", What.blocked, "no", "yes", "", Reason.changed_since),
        Difference("R-00000044", What.quantity, "11", "10.25", "kg", Reason.unexplained),
    )
    stored = StoredView(ErpView(Subject.lots, NOW, source="tryton-nord"), NOW, "")
    return reconciliation_page(
        Subject.lots, Reconciliation(stored, found, 0, False, ("tryton-nord",)), ZONE, Reason.changed_since
    )
