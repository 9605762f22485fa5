"""Files of rows: what they may be of, how their columns are read, what became of each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

FILE_MAX: Final = 8 * 1024 * 1024
"""Bytes of one file."""
ROWS_MAX: Final = 10_000
COLUMNS_MAX: Final = 200
CELL_MAX: Final = 1_000
"""Characters of one cell."""
BLOCK_ROWS: Final = 200
"""Rows of one unit of work; others write between two of them. An ERP's view is one."""
NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"
"""Of mappings."""
PREVIEW_ROWS: Final = 50
MAPPINGS_MAX: Final = 200
"""Mappings of one plant."""

Cell = str | Decimal


class Kind(StrEnum):
    """What the rows of a file are."""

    equipment = "equipment"
    material_definitions = "material-definitions"
    material_lots = "material-lots"
    persons = "persons"
    operations_requests = "operations-requests"
    bills = "bills"
    """What one piece needs, by routing and step. The rows of one routing are its bill, whole."""
    erp_orders = "erp-orders"
    """What an ERP has booked of its orders: one view, compared in reconciliation."""
    erp_lots = "erp-lots"
    """What an ERP has in stock by lot: one view."""


class DateOrder(StrEnum):
    """How a date with its parts in figures is meant."""

    day_first = "dmy"
    month_first = "mdy"
    year_first = "ymd"


class Result(StrEnum):
    created = "created"
    updated = "updated"
    unchanged = "unchanged"
    refused = "refused"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file and the line it begins on (of a sheet: its number there)."""

    line: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A file as it was understood. `form`: csv, which has `encoding` and `delimiter`, or xlsx, which has sheets."""

    form: str
    encoding: str
    delimiter: str
    sheet: str
    sheets: tuple[str, ...]
    header_line: int
    headers: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Style:
    """How figures are written: the decimal mark ("" where the file does not tell), and the order of a date's parts."""

    decimal: str = ""
    dates: DateOrder | None = None


@dataclass(frozen=True, slots=True)
class ImportMapping:
    """How a file is read as something. Empty settings are guessed.

    `columns`: field → header in the file; `fixed`: field → what every row says where its own cell is empty.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    style: Style = Style()
    delimiter: str = ""
    encoding: str = ""
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class SavedMapping:
    """A mapping this plant remembers. A watched folder takes files whose name fits `pattern` ("" none) by it."""

    name: str
    kind: Kind
    mapping: ImportMapping
    pattern: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row is refused."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as what it says, by field; what it does not say is absent. `fault`: why it cannot be used.

    `id`: what no other row of the file has; of a row of a bill its routing, step and material.
    """

    line: int
    id: str
    values: Mapping[str, object]
    fault: RowFault | None = None

    @property
    def of(self) -> str:
        """What it is a row of: its own id, or that of a bill. Empty where it does not say."""
        return str(self.values.get("id", self.id))


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one row."""

    line: int
    id: str
    result: Result
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file under a mapping: all settings as they were taken, and an entry a row."""

    kind: Kind
    table: Table
    mapping: ImportMapping
    entries: tuple[Entry, ...]

    @property
    def unused(self) -> tuple[str, ...]:
        """Columns of the file that are not taken."""
        used = set(self.mapping.columns.values())
        return tuple(header for header in self.table.headers if header and header not in used)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row to be given back: its cells, and why."""

    line: int
    code: str
    detail: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportCounts:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0

    @property
    def rows(self) -> int:
        return self.created + self.updated + self.unchanged + self.refused


@dataclass(frozen=True, slots=True)
class ImportView:
    """An import as it is remembered. `finished_at` None: the file waits to be looked at."""

    import_id: str
    kind: Kind
    name: str
    mapping_name: str
    created_at: datetime
    finished_at: datetime | None
    by: str
    counts: ImportCounts
    headers: tuple[str, ...] = ()
    refused: tuple[RefusedRow, ...] = ()
