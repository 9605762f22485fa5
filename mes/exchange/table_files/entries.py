"""A file under a mapping: every row as what it says, or why it cannot be used. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from mes.exchange.table_files.columns import FIELDS, Field, Shape, count_recognised, recognised
from mes.exchange.table_files.errors import ImportColumnMissing, ImportRowInvalid, ImportRowTwice
from mes.exchange.table_files.source import read_table
from mes.exchange.table_files.types import (
    CELL_MAX,
    Cell,
    Entry,
    ImportMapping,
    Kind,
    Reading,
    Row,
    RowFault,
    Style,
    Table,
)
from mes.exchange.table_files.values import (
    date_order,
    day_value,
    decimal_mark,
    number_value,
    text_value,
    whole_value,
    words_value,
)
from mes.kernel.errors import Refusal
from mes.kernel.limits import ID_MAX

_NUMBERS: Final = (Shape.number, Shape.whole)
_KEYS: Final[Mapping[Kind, tuple[str, ...]]] = {Kind.bills: ("id", "segment_id", "material_id")}
"""The fields that no two rows share; else the id."""


def open_table(data: bytes, kind: Kind, mapping: ImportMapping | None) -> Table:
    """The file as rows. `import-file-unreadable`, `import-file-too-large`."""
    said = mapping or ImportMapping()
    known = frozenset(said.columns.values())

    def heading(cells: Sequence[str]) -> int:
        return len(known & set(cells)) if known else count_recognised(kind, cells)

    return read_table(data, heading=heading, delimiter=said.delimiter, encoding=said.encoding, sheet=said.sheet)


def settled(table: Table, kind: Kind, mapping: ImportMapping | None) -> ImportMapping:
    """The mapping with all that was left open guessed; columns only where none is named."""
    said = mapping or ImportMapping()
    columns = dict(said.columns) or recognised(kind, table.headers)
    fields = {field.name: field for field in FIELDS[kind]}
    places = {name: _place(table, header) for name, header in columns.items() if name in fields}
    numbers = [places[n] for n in places if fields[n].shape in _NUMBERS]
    days = [places[n] for n in places if fields[n].shape is Shape.day]
    style = Style(
        said.style.decimal or decimal_mark(_cells(table, numbers)), said.style.dates or date_order(_cells(table, days))
    )
    return ImportMapping(columns, said.fixed, style, table.delimiter, table.encoding, table.sheet)


def _cells(table: Table, places: Sequence[int]) -> Iterable[Cell]:
    return (row.cells[n] for row in table.rows for n in places if 0 <= n < len(row.cells))


def _place(table: Table, header: str) -> int:
    """The column of a heading; -1 where there is none."""
    return table.headers.index(header) if header in table.headers else -1


def read_file(data: bytes, kind: Kind, mapping: ImportMapping | None, zone: ZoneInfo) -> Reading:
    """Every row. `import-file-unreadable`, `import-file-too-large`, `import-column-missing`."""
    table = open_table(data, kind, mapping)
    taken = settled(table, kind, mapping)
    refuse_missing(table, kind, taken)
    return reading_of(table, kind, taken, zone)


def refuse_missing(table: Table, kind: Kind, mapping: ImportMapping) -> None:
    """`import-column-missing`, also for a heading that stands twice and is meant."""
    for name, header in mapping.columns.items():
        if table.headers.count(header) != 1:
            how = "stands twice" if header in table.headers else "is not there"
            raise ImportColumnMissing(f"The column {header[:100]!r}, for {name}, {how}.")
    said = mapping.columns.keys() | mapping.fixed.keys()
    for field in FIELDS[kind]:
        if field.needed and field.name not in said:
            there = ", ".join(h for h in table.headers if h)[:300]
            raise ImportColumnMissing(f"No column is known to be {field.name}; the file has: {there}.")


def reading_of(table: Table, kind: Kind, mapping: ImportMapping, zone: ZoneInfo) -> Reading:
    """Every row under a mapping whose columns are there."""
    places = {field: _place(table, mapping.columns.get(field.name, "")) for field in FIELDS[kind]}
    read = partial(_entry, key=_KEYS.get(kind, ("id",)), places=places, mapping=mapping, zone=zone)
    return Reading(kind, table, mapping, tuple(_first_only([read(row) for row in table.rows])))


def _first_only(entries: Iterable[Entry]) -> Iterable[Entry]:
    """Of rows with one id the first: two of them would leave it to chance which one counts."""
    lines: dict[str, int] = {}
    for entry in entries:
        if entry.fault is None and entry.id in lines:
            detail = f"{entry.id!r} stands on line {lines[entry.id]} already."
            entry = replace(entry, fault=RowFault(ImportRowTwice.code, detail))
        lines.setdefault(entry.id, entry.line)
        yield entry


def _entry(
    row: Row, *, key: Sequence[str], places: Mapping[Field, int], mapping: ImportMapping, zone: ZoneInfo
) -> Entry:
    values: dict[str, object] = {}
    named = ""
    for field, place in places.items():
        cell: Cell = row.cells[place] if 0 <= place < len(row.cells) else ""
        cell = mapping.fixed.get(field.name, "") if cell == "" else cell
        if cell == "":
            continue
        try:
            values[field.name] = _value(field, cell, mapping.style, zone)
        except Refusal as refusal:
            return Entry(row.line, named, {}, RowFault(refusal.code, f"{field.name}: {refusal.detail}"))
        named = str(values["id"])[:ID_MAX] if field.name == "id" else named
    if "id" not in values:
        return Entry(row.line, "", {}, RowFault(ImportRowInvalid.code, "id: the cell is empty."))
    return Entry(row.line, " / ".join(str(values[name])[:ID_MAX] for name in key if name in values), values)


_READERS: Final[Mapping[Shape, Callable[[Cell, Style, ZoneInfo], object]]] = {
    Shape.text: lambda cell, style, zone: text_value(cell),
    Shape.number: lambda cell, style, zone: number_value(cell, style),
    Shape.whole: lambda cell, style, zone: whole_value(cell, style),
    Shape.day: day_value,
    Shape.words: lambda cell, style, zone: words_value(cell),
}


def _value(field: Field, cell: Cell, style: Style, zone: ZoneInfo) -> object:
    if isinstance(cell, str) and len(cell) > CELL_MAX:
        raise ImportRowInvalid(f"A cell has at most {CELL_MAX} characters.")
    return _READERS[field.shape](cell, style, zone)
