"""Made-up imports for screens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

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
from web.imports.views import (
    DonePage,
    ImportsPage,
    MappingPage,
    Said,
    done_page,
    imports_page,
    mapping_page,
    preview_of,
)

NOW: Final = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
ZONE: Final = ZoneInfo("Europe/Berlin")
LOTS: Final = (
    "Charge;Material;Menge;Status;Lieferant\nL-1;BOARD;1,5;frei;ACME\nL-2;NONE;many;;\nL-3;BOARD;20;gesperrt;X\n"
)
UNREADABLE: Final = Said(
    "The file cannot be read as rows", "The workbook cannot be read: it has a password.", "Send a CSV file."
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
