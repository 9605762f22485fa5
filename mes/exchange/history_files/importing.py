"""A file of history into the plant, block by block. Whatever is killed when, each row is recorded once.

How far the file is recorded is committed with each block; the refused rows of a block are in the report before that,
and those that a killed import had reported but not passed are taken out of it when it goes on.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from mes.exchange.history_files.reading import Row, digest_of, read_rows
from mes.genealogy.queries import find_faults
from mes.genealogy.rules import recording_of
from mes.genealogy.service import begin_import, import_block
from mes.genealogy.types import Fault, Imported
from mes.kernel.crash import crash_point
from mes.kernel.db import Database
from mes.kernel.errors import Refusal
from mes.kernel.texts import csv_cell

BLOCK_ROWS: Final = 10_000
"""Rows of one transaction; about as long others wait to write as it takes to record them."""
HEAD: Final = ("line", "code", "reason")


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """How far it is. `bytes_done` of `bytes_total` of the file are read; `was_over`: it was done before this call."""

    rows_done: int
    refused: int
    bytes_done: int
    bytes_total: int
    was_over: bool = False


class HistoryImport:
    """Of one file. The report has a line for each refused row."""

    def __init__(self, plant: Database, path: Path, report: Path, *, block_rows: int = BLOCK_ROWS) -> None:
        self._plant, self._path, self._report, self._block_rows = plant, path, report, block_rows

    def run(self) -> Iterator[ImportedFile]:
        """How far it is, after each block. `Unreadable` where the file cannot be read on; `import-moved-on`."""
        total = self._path.stat().st_size
        at = self._plant.write_now(begin_import, actor=None, sha256=digest_of(self._path), name=self._path.name)
        if at.is_over:
            yield ImportedFile(at.rows_done, at.refused, total, total, was_over=True)
            return
        with _report(self._report, at.line) as report:
            rows = islice(read_rows(self._path), at.rows_done, None)
            while block := list(islice(rows, self._block_rows)):
                at = self._take(at, block, report)
                yield ImportedFile(at.rows_done, at.refused, block[-1].end, total)
            at = self._pass(at, at._replace(is_over=True), [])
            yield ImportedFile(at.rows_done, at.refused, total, total)

    def _take(self, at: Imported, block: Sequence[Row], report: _Report) -> Imported:
        """Record a block, without the rows that are refused: those whose fault is found in sets; else by halves."""
        try:
            return self._record(at, block, report)
        except Refusal as refusal:
            if refusal.code == "import-moved-on":
                raise
            if len(block) == 1:
                fault = Fault(refusal.code, refusal.detail or refusal.title)
                return self._record(at, [block[0]._replace(fact=None, fault=fault)], report)
        sound = self._without_faulty(block)
        if sound != block:
            return self._take(at, sound, report)
        half = len(block) // 2
        return self._take(self._take(at, block[:half], report), block[half:], report)

    def _record(self, at: Imported, block: Sequence[Row], report: _Report) -> Imported:
        refused = [row for row in block if row.fault is not None]
        report.add(refused)
        after = Imported(at.pk, at.rows_done + len(block), block[-1].line, at.refused + len(refused), False)
        try:
            return self._pass(at, after, block)
        except Refusal:
            report.take_back()
            raise

    def _pass(self, at: Imported, after: Imported, block: Sequence[Row]) -> Imported:
        facts = [row.fact for row in block if row.fact is not None]
        sent = [fact.sent for fact in facts if fact.sent is not None]
        asked: dict[str, Any] = {"before": at, "after": after, "recording": recording_of(facts), "sent": sent}
        return self._plant.write_now(import_block, actor=None, **asked)

    def _without_faulty(self, block: Sequence[Row]) -> Sequence[Row]:
        """The block; the rows that name what is not there are refused in it."""
        places = [place for place, row in enumerate(block) if row.fact is not None]
        facts = [row.fact for row in block if row.fact is not None]
        faults = self._plant.read_now(find_faults, facts=facts)
        found = list(block)
        for n, fault in faults.items():
            found[places[n]] = block[places[n]]._replace(fact=None, fault=fault)
        return found


class _Report:
    """The refused rows, in the order of their lines, on disk before the rows are passed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._before = file.tell()

    def add(self, rows: Sequence[Row]) -> None:
        self._before = self._file.tell()
        if not rows:
            return
        text = io.StringIO()
        csv.writer(text).writerows((row.line, row.fault.code, csv_cell(row.fault.reason)) for row in rows if row.fault)
        self._file.write(text.getvalue().encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        crash_point("import-block-reported")

    def take_back(self) -> None:
        """What was added last."""
        self._file.seek(self._before)
        self._file.truncate()


@contextmanager
def _report(path: Path, line: int) -> Iterator[_Report]:
    """The report as far as `line`; what a killed import wrote beyond is taken out."""
    if line == 0 or not path.exists():
        path.write_bytes(",".join(HEAD).encode() + b"\r\n")
    with path.open("r+b") as file:
        end = len(file.readline())
        for text in file:
            if not text.endswith(b"\n") or int(text.split(b",", 1)[0]) > line:
                break
            end += len(text)
        file.seek(end)
        file.truncate()
        yield _Report(file)
