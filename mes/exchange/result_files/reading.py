"""A file of results, CSV or JSON, as rows that can be recorded and rows that cannot. Pure."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from mes.quality.schemas import ResultIn
from mes.quality.types import ResultSpec

ROWS_MAX: Final = 50_000
"""Rows of one file."""
CELL_MAX: Final = 1_000
"""Characters of one cell."""
HEAD: Final = (
    "source",
    "result_id",
    "unit_id",
    "equipment_id",
    "outcome",
    "at",
    "job_order_id",
    "segment_id",
    "program",
    "program_revision",
    "note",
)
MEASURED: Final = {
    "measurement": "name",
    "value": "value",
    "unit": "unit",
    "low": "low",
    "high": "high",
    "verdict": "verdict",
}
FOUND: Final = {"defect_code": "code", "defect_position": "position", "defect_note": "note"}
COLUMNS: Final = (*HEAD, *MEASURED, *FOUND)
_NEEDED: Final = frozenset({"unit_id", "equipment_id", "outcome", "at"})
_MESSAGE_MAX: Final = 300


class Unreadable(Exception):
    """The file as a whole cannot be taken; the text says why."""


class Line(NamedTuple):
    """A result and where it stands: the line of a CSV file, the place (from 1) in a JSON list."""

    number: int
    result: ResultSpec


class RefusedLine(NamedTuple):
    line: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reading:
    lines: tuple[Line, ...]
    refused: tuple[RefusedLine, ...]


def read_results(data: bytes, *, filename: str, source: str) -> Reading:
    """Every row of a file. `source`: who says so where a row does not. Unreadable where it is no such file.

    A row without a result id is known by its content: the same row again is the same result.
    """
    if filename.lower().endswith(".xlsx"):
        raise Unreadable("results come as CSV or JSON, and no mapping is for workbooks of this name")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("it is not UTF-8 text") from error
    lines: list[Line] = []
    refused: list[RefusedLine] = []
    for number, document in _json(text) if filename.lower().endswith(".json") else _csv(text):
        if len(lines) + len(refused) >= ROWS_MAX:
            raise Unreadable(f"it has more than {ROWS_MAX} results")
        try:
            lines.append(Line(number, ResultIn.model_validate(_with_id(document)).spec(source)))
        except ValidationError as error:
            refused.append(RefusedLine(number, "result-invalid", _said(error)))
    return Reading(tuple(lines), tuple(refused))


def _json(text: str) -> Iterator[tuple[int, Any]]:
    """A list of results, or an object with `results` and perhaps a `source`. Numbers stay as they are written."""
    try:
        whole = json.loads(text, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not JSON: {error}"[:_MESSAGE_MAX]) from error
    said = whole.get("source") if isinstance(whole, dict) else None
    results = whole.get("results") if isinstance(whole, dict) else whole
    if not isinstance(results, list):
        raise Unreadable("a JSON file is a list of results, or an object with `results`")
    for number, result in enumerate(results, 1):
        yield number, {"source": said, **result} if said and isinstance(result, dict) else result


def _csv(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """One result a row; rows of the same result id that follow one another are one result."""
    heading = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="\0more")
    _check_columns([name.strip() for name in reader.fieldnames or ()])
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    started = 0
    document: dict[str, Any] = {}
    try:
        for row in reader:
            cells = {name: (value or "").strip() for name, value in row.items() if isinstance(value, str | None)}
            if "\0more" in row or any(len(value) > CELL_MAX for value in cells.values()):
                cells = {"more cells than columns, or one too long": "."}
            if document and cells.get("result_id") and cells["result_id"] == document.get("result_id"):
                _add(document, cells)
                continue
            if document:
                yield started, document
            started, document = reader.line_num, _begun(cells)
    except csv.Error as error:
        raise Unreadable(f"line {reader.line_num}: {error}") from error
    if document:
        yield started, document


def _check_columns(names: list[str]) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise Unreadable(f"there is no column {unknown[0][:50]!r}; there are {', '.join(COLUMNS)}")
    if missing := sorted(_NEEDED - set(names)):
        raise Unreadable(f"the column {missing[0]!r} is missing")
    if len(set(names)) < len(names):
        raise Unreadable("a column is there twice")


def _begun(cells: Mapping[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = {n: v for n, v in cells.items() if v and n not in MEASURED and n not in FOUND}
    document["measurements"], document["defects"] = _parts(cells)
    return document


def _parts(cells: Mapping[str, str]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    measured = {key: cells[name] for name, key in MEASURED.items() if cells.get(name)}
    found = {key: cells[name] for name, key in FOUND.items() if cells.get(name)}
    return [measured] if measured else [], [found] if found else []


def _add(document: dict[str, Any], cells: Mapping[str, str]) -> None:
    """One more row of the same result. What it says of the result itself must not differ."""
    differs = [name for name in HEAD if cells.get(name) and cells[name] != document.get(name)]
    if differs:
        document[f"{differs[0]} differs from the row before of the same result"] = "."
    measured, found = _parts(cells)
    document["measurements"] += measured
    document["defects"] += found


def _with_id(document: Any) -> Any:
    if not isinstance(document, dict) or document.get("result_id"):
        return document
    told = json.dumps(document, sort_keys=True, default=str).encode()
    return {**document, "result_id": f"row:{hashlib.sha256(told).hexdigest()[:40]}"}


def _said(error: ValidationError) -> str:
    details = error.errors(include_url=False)[0]
    where = ".".join(str(step) for step in details["loc"])
    return f"{where}: {details['msg']}"[:_MESSAGE_MAX]
