"""A file of history, CSV, JSON lines or a JSON list, row by row; never more of it in memory than a row."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

import msgspec

from mes.exchange.history_files.rows import COLUMNS, fact_of_cells, fact_of_json
from mes.genealogy.types import Fact, Fault

LINE_MAX: Final = 65_536
"""Characters of one line, and of one row of a JSON list."""
INVALID: Final = "history-row-invalid"
_REASON_MAX: Final = 300
_json: Final = json.JSONDecoder()


class Unreadable(Exception):
    """From here on the file cannot be read; the text says why."""


class Row(NamedTuple):
    """A fact, or why it is none. `line`: of the file, in a JSON list the place in it (from 1); they only go up.
    `end`: bytes of the file read so far, in whole portions."""

    line: int
    fact: Fact | None
    fault: Fault | None
    end: int


def digest_of(path: Path) -> str:
    """What the file is known by."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_rows(path: Path) -> Iterator[Row]:
    """Every row. `Unreadable` where it stops being such a file; the rows before were given."""
    raw = path.open("rb", buffering=0)
    with open(raw.fileno(), encoding="utf-8-sig", newline="", closefd=False) as file, raw:
        try:
            for line, fact, fault in _rows(file, is_csv=path.suffix.lower() == ".csv"):
                yield Row(line, fact, fault, raw.tell())
        except UnicodeDecodeError as error:
            raise Unreadable("it is not UTF-8 text") from error


Found = tuple[int, Fact | None, Fault | None]


def _rows(file: TextIO, *, is_csv: bool) -> Iterator[Found]:
    if is_csv:
        return _csv(_lines(file))
    first = file.readline(LINE_MAX)
    if first.lstrip().startswith("["):
        return _list(first.lstrip()[1:], file)
    file.seek(0)
    return _json_lines(_lines(file))


def _lines(file: TextIO) -> Iterator[str]:
    number = 0
    while line := file.readline(LINE_MAX + 1):
        number += 1
        if len(line) > LINE_MAX:
            raise Unreadable(f"line {number} has more than {LINE_MAX} characters")
        yield line


def _read(line: int, read: Any, source: Any) -> Found:
    try:
        return line, read(source), None
    except (ValueError, OverflowError, msgspec.MsgspecError) as error:
        return line, None, Fault(INVALID, " ".join(f"Not a row of history: {error}.".split())[:_REASON_MAX])


def _csv(lines: Iterator[str]) -> Iterator[Found]:
    heading = next(lines, "")
    delimiter = max(",;\t", key=heading.count)
    names = [name.strip() for name in next(csv.reader([heading], delimiter=delimiter), [])]
    _check_columns(names)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for cells in reader:
            if cells:
                yield _read(reader.line_num + 1, _of_cells, (names, cells))
    except csv.Error as error:
        raise Unreadable(f"line {reader.line_num + 1}: {error}") from error


def _of_cells(source: tuple[list[str], list[str]]) -> Fact:
    names, cells = source
    if len(cells) > len(names):
        raise ValueError("more cells than columns")
    return fact_of_cells({name: text for name, cell in zip(names, cells, strict=False) if (text := cell.strip())})


def _check_columns(names: list[str]) -> None:
    if unknown := [name for name in names if name not in COLUMNS]:
        raise Unreadable(f"there is no column {unknown[0][:50]!r}; there are {', '.join(COLUMNS)}")
    if "row" not in names:
        raise Unreadable("the column 'row' is missing; it says what a row is: lot, pass, link, mount or shipment")
    if len(set(names)) < len(names):
        raise Unreadable("a column is there twice")


def _json_lines(lines: Iterator[str]) -> Iterator[Found]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _read(number, fact_of_json, line)


def _list(text: str, file: TextIO) -> Iterator[Found]:
    """Rows of a JSON list, however its lines are broken."""
    place = 1
    while not (text := text.lstrip(" \t\r\n,")).startswith("]"):
        end = _end_of_value(text)
        if end:
            yield _read(place, fact_of_json, text[:end])
            place, text = place + 1, text[end:]
        elif len(text) > LINE_MAX or not (more := file.read(LINE_MAX)):
            raise Unreadable(f"entry {place}: no JSON value ends here")
        else:
            text += more


def _end_of_value(text: str) -> int:
    """How long the JSON value is that the text begins with; 0 if it is none, or not yet whole."""
    try:
        return _json.raw_decode(text)[1]
    except (ValueError, RecursionError):
        return 0
