"""Files of rows that somebody puts into a watched folder: those whose name fits a mapping's pattern."""

from __future__ import annotations

from mes.exchange.result_files.folder import FileReport
from mes.exchange.result_files.reading import RefusedLine
from mes.exchange.table_files.importing import RowImport, import_file
from mes.exchange.table_files.queries import find_mapping_of_file
from mes.exchange.table_files.types import Result
from mes.kernel.errors import Refusal


def take_named_file(rows: RowImport, name: str, data: bytes) -> FileReport | None:
    """What became of a file; None where no mapping is for files of its name."""
    saved = rows.plant.read_now(find_mapping_of_file, filename=name)
    if saved is None:
        return None
    try:
        done = import_file(rows, data, name=name[:200], kind=saved.kind, mapping_name=saved.name)
    except Refusal as refusal:
        return FileReport(name, unreadable=f"{refusal.title}: {refusal.detail} ({refusal.code})")
    refused = (outcome for outcome in done.outcomes if outcome.result is Result.refused)
    lines = tuple(RefusedLine(outcome.line, outcome.code, outcome.detail) for outcome in refused)
    return FileReport(name, done.counts.created + done.counts.updated, done.counts.unchanged, lines)
