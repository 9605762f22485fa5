"""Answers as bytes: JSON with every table, CSV and text with one. Made on the reader's thread."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import orjson

from mes.genealogy.errors import GenealogyInvalid
from mes.genealogy.types import Answer, Table
from mes.kernel.db import ReadSession
from mes.kernel.texts import csv_cell


class Format(StrEnum):
    json = "json"
    csv = "csv"
    text = "text"


MEDIA_TYPES = {
    Format.json: "application/json",
    Format.csv: "text/csv; charset=utf-8",
    Format.text: "text/plain; charset=utf-8",
}


def format_of(asked: Format | None, accept: str) -> Format:
    """What was asked for by `?format=`, else by the Accept header, else JSON."""
    if asked is not None:
        return asked
    return Format.csv if "text/csv" in accept else Format.json


def answer_bytes(
    session: ReadSession, /, *, query: Callable[..., Answer], format: Format, table: str = "", **asked: Any
) -> bytes:
    """Ask, and write the answer. `genealogy-invalid` if it has no table of that name."""
    answer = query(session, **asked)
    if format is Format.json:
        return as_json(answer)
    chosen = _table(answer, table)
    return (as_csv(chosen) if format is Format.csv else as_text(answer, chosen)).encode()


def as_json(answer: Answer) -> bytes:
    """Facts by name, and each table as `columns` and `rows`."""
    tables = {name: {"columns": table.columns, "rows": table.rows} for name, table in answer.tables.items()}
    return orjson.dumps({**answer.facts, **tables})


def as_csv(table: Table) -> str:
    """RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(table.columns)
    writer.writerows([csv_cell(value) for value in row] for row in _flat(table))
    return target.getvalue()


def as_text(answer: Answer, table: Table) -> str:
    """For a terminal: the facts, then the table in columns."""
    rows = [table.columns, *([str("" if value is None else value) for value in row] for row in _flat(table))]
    widths = [max(len(row[n]) for row in rows) for n in range(len(table.columns))]
    lines = [f"{name}: {value}" for name, value in answer.facts.items() if value not in ("", None)]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def _table(answer: Answer, name: str) -> Table:
    if name and name not in answer.tables:
        raise GenealogyInvalid(f"There is no table {name!r} in this answer: {', '.join(answer.tables)}.")
    return answer.tables[name] if name else next(iter(answer.tables.values()))


def _flat(table: Table) -> Iterator[tuple[Any, ...]]:
    """A list at the end of a row becomes a row an entry."""
    for row in table.rows:
        last = orjson.loads(orjson.dumps(row[-1])) if isinstance(row[-1], (orjson.Fragment, list)) else None
        if not last:
            yield row if last is None else (*row[:-1], "")
        else:
            yield from ((*row[:-1], entry) for entry in last)
