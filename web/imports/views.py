"""View models of imports. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from mes.exchange.table_files.columns import FIELDS
from mes.exchange.table_files.queries import WaitingFile
from mes.exchange.table_files.types import (
    Cell,
    ImportCounts,
    ImportMapping,
    ImportView,
    Kind,
    Reading,
    Result,
    RowOutcome,
    SavedMapping,
    Table,
)
from web.wording import RefusalWords

SAMPLE_ROWS: Final = 3
REFUSED_SHOWN: Final = 100
Titled = Callable[[str], str]
"""What a code means, in short."""
TONES: Final[Mapping[Result, tuple[str, str]]] = {
    Result.created: ("run", "check"),
    Result.updated: ("run", "refresh-cw"),
    Result.unchanged: ("idle", "check"),
    Result.refused: ("down", "ban"),
}
"""Tone and icon of what became of a row."""


@dataclass(frozen=True, slots=True)
class Done:
    """An import among the last."""

    href: str
    name: str
    kind: str
    at: datetime
    by: str
    waits: bool
    counts: ImportCounts


@dataclass(frozen=True, slots=True)
class Remembered:
    """A mapping the plant remembers."""

    name: str
    kind: str
    pattern: str
    remove: str


@dataclass(frozen=True, slots=True)
class ImportsPage:
    kinds: tuple[str, ...]
    mappings: tuple[Remembered, ...]
    imports: tuple[Done, ...]
    more: bool
    said: RefusalWords | None = None


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field and the column it comes from, "" none; `sample`: what stands in it."""

    name: str
    label: str
    needed: bool
    column: str
    sample: str
    fixed: str


@dataclass(frozen=True, slots=True)
class RowView:
    """A row and what becomes of it; `why` it is refused is English, `title` says it in short in another language."""

    line: int
    result: str
    tone: str
    icon: str
    title: str
    why: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows as they would come out; `total`: rows of the file, `faults`: those that cannot be read at all."""

    headers: tuple[str, ...]
    rows: tuple[RowView, ...]
    total: int
    faults: int
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Understood:
    """How the file was read."""

    form: str
    encoding: str
    delimiter: str
    sheet: str
    header_line: int
    decimal: str
    dates: str


@dataclass(frozen=True, slots=True)
class MappingPage:
    """A file that waits. `preview` None: it cannot be read like this, and `said` says why."""

    base: str
    name: str
    kind: str
    mapping_name: str
    pattern: str
    fields: tuple[FieldRow, ...]
    headers: tuple[str, ...]
    sheets: tuple[str, ...]
    settings: ImportMapping
    understood: Understood | None
    preview: Preview | None
    said: RefusalWords | None

    @property
    def dates(self) -> str:
        return self.settings.style.dates or ""


@dataclass(frozen=True, slots=True)
class DonePage:
    name: str
    kind: str
    at: datetime
    by: str
    counts: ImportCounts
    headers: tuple[str, ...]
    refused: tuple[RowView, ...]
    hidden: int
    download: str


def base_of(import_id: str) -> str:
    return f"/imports/{quote(import_id, safe='')}"


def imports_page(
    imports: Sequence[ImportView],
    mappings: Sequence[SavedMapping],
    zone: ZoneInfo,
    *,
    more: bool,
    said: RefusalWords | None,
) -> ImportsPage:
    remembered = (Remembered(m.name, m.kind, m.pattern, f"/imports/mappings/{quote(m.name)}/remove") for m in mappings)
    return ImportsPage(tuple(Kind), tuple(remembered), tuple(_done(view, zone) for view in imports), more, said)


def _done(view: ImportView, zone: ZoneInfo) -> Done:
    at = (view.finished_at or view.created_at).astimezone(zone)
    return Done(base_of(view.import_id), view.name, view.kind, at, view.by, view.finished_at is None, view.counts)


def field_label(kind: Kind, name: str) -> str:
    """The key of its word: an id is that of something."""
    return f"id-{kind}" if name == "id" else name.replace("_", "-")


def mapping_page(
    file: WaitingFile, table: Table | None, taken: ImportMapping, preview: Preview | None, said: RefusalWords | None
) -> MappingPage:
    """`taken`: the mapping with what was guessed."""
    headers = tuple(dict.fromkeys(header for header in table.headers if header)) if table else ()
    return MappingPage(
        base_of(file.import_id),
        file.name,
        file.kind,
        file.mapping_name,
        "",
        tuple(_field_rows(file.kind, table, taken)),
        tuple(dict.fromkeys((*headers, *taken.columns.values()))),
        table.sheets if table else (),
        file.mapping,
        None if table is None else _understood(table, taken),
        preview,
        said,
    )


def with_pattern(page: MappingPage, saved: SavedMapping | None) -> MappingPage:
    """With the names of files the mapping is for already."""
    return page if saved is None else replace(page, pattern=saved.pattern)


def _field_rows(kind: Kind, table: Table | None, taken: ImportMapping) -> list[FieldRow]:
    return [
        FieldRow(
            field.name,
            field_label(kind, field.name),
            field.needed,
            column := taken.columns.get(field.name, ""),
            _sample(table, column),
            taken.fixed.get(field.name, ""),
        )
        for field in FIELDS[kind]
    ]


def _sample(table: Table | None, header: str) -> str:
    if table is None or header not in table.headers:
        return ""
    place = table.headers.index(header)
    found = (text(row.cells[place]) for row in table.rows if place < len(row.cells) and row.cells[place] != "")
    return ", ".join(sample[:40] for sample, _ in zip(found, range(SAMPLE_ROWS), strict=False))


def _understood(table: Table, taken: ImportMapping) -> Understood:
    style = taken.style
    return Understood(
        table.form,
        table.encoding,
        "tab" if table.delimiter == "\t" else table.delimiter,
        table.sheet,
        table.header_line,
        style.decimal,
        style.dates or "",
    )


def preview_of(reading: Reading, outcomes: Sequence[RowOutcome], titled: Titled) -> Preview:
    headers = tuple(reading.mapping.columns.values())
    places = [reading.table.headers.index(header) for header in headers]
    cells = {row.line: [text(row.cells[n]) if n < len(row.cells) else "" for n in places] for row in reading.table.rows}
    rows = tuple(_row(o.line, o.result, o.code, o.detail, cells[o.line], titled) for o in outcomes)
    faults = sum(1 for entry in reading.entries if entry.fault is not None)
    return Preview(headers, rows, len(reading.entries), faults, reading.unused)


def done_page(view: ImportView, zone: ZoneInfo, titled: Titled) -> DonePage:
    shown = view.refused[:REFUSED_SHOWN]
    return DonePage(
        view.name,
        view.kind,
        (view.finished_at or view.created_at).astimezone(zone),
        view.by,
        view.counts,
        view.headers,
        tuple(_row(row.line, Result.refused, row.code, row.detail, row.cells, titled) for row in shown),
        len(view.refused) - len(shown),
        f"{base_of(view.import_id)}/refused.csv",
    )


def _row(line: int, result: Result, code: str, detail: str, cells: Sequence[str], titled: Titled) -> RowView:
    tone, icon = TONES[result]
    return RowView(line, result, tone, icon, titled(code) if code else "", detail, tuple(cell[:100] for cell in cells))


def text(cell: Cell) -> str:
    """As a person reads it."""
    return f"{cell:f}" if isinstance(cell, Decimal) else cell
