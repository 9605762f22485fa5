"""Bytes as rows of cells: CSV in the encodings and with the delimiters spreadsheets write, or a workbook. Pure."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from mes.exchange.table_files.errors import ImportFileTooLarge, ImportFileUnreadable
from mes.exchange.table_files.types import CELL_MAX, COLUMNS_MAX, FILE_MAX, ROWS_MAX, Cell, Row, Table
from standards.ooxml import SheetTooLarge, SheetUnreadable, read_sheet

ENCODINGS: Final = ("utf-8", "cp1252", "utf-16")
DELIMITERS: Final = (";", ",", "\t", "|")
HEADING_ROWS: Final = 10
"""Rows among which the headings are looked for: some files begin with a title."""
_SAMPLE_ROWS: Final = 20
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"
Heading = Callable[[Sequence[str]], int]
"""How many cells of a row are known as headings."""


def read_table(data: bytes, *, heading: Heading, delimiter: str = "", encoding: str = "", sheet: str = "") -> Table:
    """The file as rows; what is not said is guessed. `import-file-unreadable`, `import-file-too-large`."""
    if len(data) > FILE_MAX:
        raise ImportFileTooLarge(f"At most {FILE_MAX} bytes are taken.")
    if data.startswith((_ZIP, _OLE)):
        return _workbook(data, heading, sheet)
    encoding, text = _decoded(data, encoding)
    if "\x00" in text:
        raise ImportFileUnreadable("It has NUL characters, so it is no text.")
    lines = list(io.StringIO(text, newline=""))
    delimiter = delimiter or _delimiter(lines)
    if _says_delimiter(lines[:1]):
        lines[0] = "\n"
    head, headers, rows = _headed(_csv_rows(lines, delimiter), heading)
    return Table("csv", encoding, delimiter, "", (), head, headers, rows)


def _workbook(data: bytes, heading: Heading, name: str) -> Table:
    try:
        found = read_sheet(data, name=name, rows_max=ROWS_MAX + HEADING_ROWS)
    except SheetUnreadable as error:
        raise ImportFileUnreadable(f"The workbook cannot be read: {error}.") from error
    except SheetTooLarge as error:
        raise ImportFileTooLarge(f"The workbook is too large: {error}.") from error
    head, headers, rows = _headed((Row(row.number, row.cells) for row in found.rows), heading)
    return Table("xlsx", "", "", found.name, found.names, head, headers, rows)


def _decoded(data: bytes, wanted: str) -> tuple[str, str]:
    """The encoding and the text without its mark."""
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    candidates = [wanted] if wanted else [marked] if marked else ["utf-8", "cp1252"]
    for encoding in candidates:
        try:
            return encoding, data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
        except UnicodeError:
            continue
    raise ImportFileUnreadable(f"It is no text in {' or '.join(candidates)}.")


def _says_delimiter(lines: Sequence[str]) -> str:
    """Spreadsheets may say it themselves, in a first line `sep=;`."""
    first = lines[0].strip("\r\n") if lines else ""
    return first[4:] if first[:4].lower() == "sep=" and len(first) == 5 else ""


def _delimiter(lines: Sequence[str]) -> str:
    """The one that makes the most rows of the same many cells."""
    if said := _says_delimiter(lines[:1]):
        return said
    return max(DELIMITERS, key=lambda mark: _evenness(lines, mark))


def _evenness(lines: Sequence[str], delimiter: str) -> tuple[int, int]:
    """Rows with as many cells as most have, and how many those are; (0, 0) where it separates nothing."""
    try:
        rows = [len(row) for row in islice(_records(lines[: 4 * _SAMPLE_ROWS], delimiter), _SAMPLE_ROWS)]
    except csv.Error:
        return 0, 0
    widths = [width for width in rows if width > 1]
    if not widths:
        return 0, 0
    most = max(set(widths), key=lambda width: (widths.count(width), width))
    return widths.count(most), most


def _records(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    for cells in csv.reader(lines, delimiter=delimiter):
        if any(cell.strip() for cell in cells):
            yield cells


def _csv_rows(lines: Sequence[str], delimiter: str) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter)
    began = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield Row(began, tuple(cell.strip() for cell in cells))
            began = reader.line_num + 1
    except csv.Error as error:
        raise ImportFileUnreadable(f"Line {reader.line_num}: {error}.") from error


def _headed(found: Iterator[Row], heading: Heading) -> tuple[int, tuple[str, ...], tuple[Row, ...]]:
    """The line of the headings, the headings, and the rows below: the first with the most headings that are known."""
    rows = list(islice(found, ROWS_MAX + HEADING_ROWS + 1))
    if not rows:
        raise ImportFileUnreadable("It has no rows.")
    top = [_texts(row.cells) for row in rows[:HEADING_ROWS]]
    place = max(range(len(top)), key=lambda n: (heading(top[n]), -n))
    below = rows[place + 1 :]
    if len(below) > ROWS_MAX:
        raise ImportFileTooLarge(f"At most {ROWS_MAX} rows are taken at a time.")
    if len(top[place]) > COLUMNS_MAX:
        raise ImportFileTooLarge(f"At most {COLUMNS_MAX} columns are taken.")
    return rows[place].line, tuple(text[:CELL_MAX] for text in top[place]), tuple(below)


def _texts(cells: Sequence[Cell]) -> tuple[str, ...]:
    return tuple(" ".join(str(cell).split()) for cell in cells)
