"""All rows of a file, block by block; who is refused keeps out nobody else.

Killed in between, what was taken is taken: the same file again finds it unchanged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from uuid_utils import uuid7

from mes.exchange.table_files.entries import read_file
from mes.exchange.table_files.errors import ImportBillIncomplete, ImportMappingInvalid
from mes.exchange.table_files.putting import WHOLE, Undone, put_rows
from mes.exchange.table_files.queries import get_mapping, get_zone
from mes.exchange.table_files.service import record_import
from mes.exchange.table_files.types import (
    BLOCK_ROWS,
    Cell,
    Entry,
    ImportCounts,
    ImportMapping,
    Kind,
    Reading,
    RefusedRow,
    Result,
    RowFault,
    RowOutcome,
)
from mes.kernel.db import Database
from mes.kernel.errors import Refusal

_INCOMPLETE: Final = RowFault(ImportBillIncomplete.code, ImportBillIncomplete.title + ".")


@dataclass(frozen=True, slots=True)
class RowImport:
    """Of one plant, in somebody's name. Not for the event loop."""

    plant: Database
    actor: int | None = None
    correlation_id: str = ""

    def run(self, reading: Reading, *, dry_run: bool, first: int | None = None) -> tuple[RowOutcome, ...]:
        """What became, or in a dry run would become, of each row in their order; `first`: of so many rows only.

        Bills are judged whole, also where only the first rows are told.
        """
        if reading.kind is Kind.bills:
            return self._take_bills(reading, dry_run)[:first]
        entries = reading.entries[:first]
        found = [_refused(entry, entry.fault) for entry in entries if entry.fault is not None]
        sound = [entry for entry in entries if entry.fault is None]
        size = max(len(sound), 1) if reading.kind in WHOLE else BLOCK_ROWS
        for start in range(0, len(sound), size):
            found += self._take(reading.kind, sound[start : start + size], dry_run)
        return tuple(sorted(found, key=lambda outcome: outcome.line))

    def _take(self, kind: Kind, block: Sequence[Entry], dry_run: bool) -> Iterable[RowOutcome]:
        """A block without those that are refused: those the refusal names, else those that are found by halves."""
        try:
            return self._put(kind, block, dry_run)
        except Refusal as refusal:
            faults = _named(refusal, block)
            if len(block) == 1 and not faults:
                faults = {block[0].id: RowFault(refusal.code, refusal.detail or refusal.title)}
        if faults:
            refused = [_refused(entry, faults[entry.id]) for entry in block if entry.id in faults]
            others = [entry for entry in block if entry.id not in faults]
            return [*refused, *(self._take(kind, others, dry_run) if others else ())]
        half = len(block) // 2
        return [*self._take(kind, block[:half], dry_run), *self._take(kind, block[half:], dry_run)]

    def _take_bills(self, reading: Reading, dry_run: bool) -> tuple[RowOutcome, ...]:
        """Each bill is a unit of work. A row that names no routing may be of any bill, so it keeps out all of them."""
        bills: dict[str, list[Entry]] = {}
        for entry in reading.entries:
            bills.setdefault(entry.of, []).append(entry)
        found: list[RowOutcome] = []
        for rows in bills.values():
            found += self._take_bill(rows, dry_run, sound="" not in bills)
        return tuple(sorted(found, key=lambda outcome: outcome.line))

    def _take_bill(self, rows: Sequence[Entry], dry_run: bool, *, sound: bool) -> Sequence[RowOutcome]:
        faults = {row.line: row.fault for row in rows if row.fault is not None}
        if sound and not faults:
            try:
                return self._put(Kind.bills, rows, dry_run)
            except Refusal as refusal:
                whole = RowFault(refusal.code, refusal.detail or refusal.title)
                named = _named(refusal, rows)
                faults = {row.line: named[row.id] if named else whole for row in rows if not named or row.id in named}
        return [_refused(row, faults.get(row.line, _INCOMPLETE)) for row in rows]

    def _put(self, kind: Kind, block: Sequence[Entry], dry_run: bool) -> Sequence[RowOutcome]:
        try:
            taken: Sequence[RowOutcome] = self.write(put_rows, kind=kind, entries=block, dry_run=dry_run)
            return taken
        except Undone as undone:
            return undone.outcomes

    def write(self, verb: Callable[..., Any], **kwargs: Any) -> Any:
        """A verb in the name of whoever imports."""
        return self.plant.write_now(verb, actor=self.actor, correlation_id=self.correlation_id, **kwargs)


def _named(refusal: Refusal, block: Sequence[Entry]) -> dict[str, RowFault]:
    """The rows a refusal names, where it names nothing else."""
    ids = {entry.id for entry in block}
    if not {error.where for error in refusal.errors} <= ids:
        return {}
    return {error.where: RowFault(error.code or refusal.code, error.message) for error in refusal.errors}


def _refused(entry: Entry, fault: RowFault) -> RowOutcome:
    return RowOutcome(entry.line, entry.id, Result.refused, fault.code, fault.detail)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file. `import_id` "": it was a dry run."""

    import_id: str
    mapping_name: str
    reading: Reading
    outcomes: tuple[RowOutcome, ...]

    @property
    def counts(self) -> ImportCounts:
        return counts_of(self.outcomes)


def import_file(
    rows: RowImport, data: bytes, *, name: str, kind: Kind, mapping_name: str = "", dry_run: bool = False
) -> Imported:
    """Take a file at once, by a mapping the plant remembers or by what its headings say.

    `import-file-unreadable`, `import-file-too-large`, `import-column-missing`, `import-mapping-not-found`,
    `import-mapping-invalid` where the mapping is for another kind.
    """
    mapping = _mapping_for(rows.plant, kind, mapping_name)
    reading = read_file(data, kind, mapping, rows.plant.read_now(get_zone))
    outcomes = rows.run(reading, dry_run=dry_run)
    if dry_run:
        return Imported("", mapping_name, reading, outcomes)
    import_id = str(uuid7())
    rows.write(
        record_import,
        import_id=import_id,
        kind=kind,
        name=name,
        mapping_name=mapping_name,
        counts=counts_of(outcomes),
        headers=reading.table.headers,
        refused=refused_rows(reading, outcomes),
    )
    return Imported(import_id, mapping_name, reading, outcomes)


def _mapping_for(plant: Database, kind: Kind, name: str) -> ImportMapping | None:
    if not name:
        return None
    saved = plant.read_now(get_mapping, name=name)
    if saved.kind is not kind:
        raise ImportMappingInvalid(f"The mapping {name} is for {saved.kind}, not for {kind}.")
    return saved.mapping


def counts_of(outcomes: Iterable[RowOutcome]) -> ImportCounts:
    found = Counter(outcome.result for outcome in outcomes)
    return ImportCounts(*(found[result] for result in Result))


def refused_rows(reading: Reading, outcomes: Iterable[RowOutcome]) -> tuple[RefusedRow, ...]:
    """The rows that were refused as they stand in the file, numbers with its decimal mark, and why."""
    cells = {row.line: row.cells for row in reading.table.rows}
    mark = reading.mapping.style.decimal or "."

    def text(cell: Cell) -> str:
        return f"{cell:f}".replace(".", mark) if isinstance(cell, Decimal) else cell

    refused = (outcome for outcome in outcomes if outcome.result is Result.refused)
    return tuple(RefusedRow(o.line, o.code, o.detail, tuple(map(text, cells[o.line]))) for o in refused)
