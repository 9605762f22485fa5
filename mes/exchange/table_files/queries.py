"""Reads of mappings and imports."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select
from sqlmodel import Session

from mes.access.tables import Principal
from mes.equipment.queries import get_calendar
from mes.exchange.table_files.errors import ImportFinished, ImportMappingNotFound, ImportNotFound
from mes.exchange.table_files.tables import ImportFileRow, ImportMappingRow
from mes.exchange.table_files.types import ImportCounts, ImportMapping, ImportView, Kind, RefusedRow, SavedMapping
from mes.kernel.paging import Page, decode_cursor, page_of
from mes.kernel.sqltypes import from_us, from_us_or_none

_MAPPING: Final = ImportMappingRow.__table__  # type: ignore[attr-defined]
_FILE: Final = ImportFileRow.__table__  # type: ignore[attr-defined]
_WHO: Final = Principal.__table__  # type: ignore[attr-defined]
_mapping: Final = msgspec.json.Decoder(ImportMapping)
_headers: Final = msgspec.json.Decoder(tuple[str, ...])
_refused: Final = msgspec.json.Decoder(tuple[RefusedRow, ...])


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file that was kept, and how it is to be read."""

    import_id: str
    kind: Kind
    name: str
    content: bytes
    mapping: ImportMapping
    mapping_name: str


def list_mappings(session: Session, *, kind: Kind | None = None) -> tuple[SavedMapping, ...]:
    """Mappings by name."""
    statement = select(_MAPPING).order_by(_MAPPING.c.id)
    if kind is not None:
        statement = statement.where(_MAPPING.c.kind == kind.value)
    return tuple(_saved(row) for row in session.execute(statement))


def get_mapping(session: Session, *, name: str) -> SavedMapping:
    """One mapping. `import-mapping-not-found`."""
    row = session.execute(select(_MAPPING).where(_MAPPING.c.id == name)).first()
    if row is None:
        raise ImportMappingNotFound(f"There is no mapping {name[:100]!r}.")
    return _saved(row)


def find_mapping_of_file(session: Session, *, filename: str) -> SavedMapping | None:
    """The mapping whose pattern a file's name fits; of several the first by name."""
    named = (saved for saved in list_mappings(session) if saved.pattern)
    return next((saved for saved in named if fnmatchcase(filename.lower(), saved.pattern.lower())), None)


def _saved(row: Any) -> SavedMapping:
    return SavedMapping(row.id, Kind(row.kind), _mapping.decode(row.content), row.pattern, row.version)


def list_imports(session: Session, *, cursor: str | None = None, limit: int) -> Page[ImportView]:
    """Imports, newest first, without their rows. `bad-cursor`."""
    statement = _imports().order_by(_FILE.c.pk.desc()).limit(limit + 1)
    if cursor is not None:
        statement = statement.where(_FILE.c.pk < decode_cursor(cursor, (int,))[0])
    rows = session.execute(statement).all()
    page = page_of(rows, limit, lambda row: (row.pk,))
    return Page(tuple(_view(row) for row in page.items), page.next_cursor)


def get_import(session: Session, *, import_id: str) -> ImportView:
    """One import with the rows that were refused. `import-not-found`."""
    statement = _imports(_FILE.c.headers, _FILE.c.refused_rows).where(_FILE.c.id == import_id)
    row = session.execute(statement).first()
    if row is None:
        raise ImportNotFound(f"There is no import {import_id[:40]!r}.")
    return _view(row, _headers.decode(row.headers), _refused.decode(row.refused_rows))


def get_waiting_file(session: Session, *, import_id: str) -> WaitingFile:
    """A file that waits. `import-not-found`, `import-finished`."""
    row = session.execute(select(_FILE).where(_FILE.c.id == import_id)).first()
    if row is None:
        raise ImportNotFound(f"There is no import {import_id[:40]!r}.")
    if row.content is None:
        raise ImportFinished(f"{row.name} was imported already.")
    mapping = _mapping.decode(row.mapping)
    return WaitingFile(row.id, Kind(row.kind), row.name, bytes(row.content), mapping, row.mapping_name)


def get_zone(session: Session) -> ZoneInfo:
    """In which dates without a zone are meant."""
    return ZoneInfo(get_calendar(session).calendar.time_zone)


def _imports(*more: Any) -> Any:
    columns = (_FILE.c.pk, _FILE.c.id, _FILE.c.kind, _FILE.c.name, _FILE.c.mapping_name, _FILE.c.created_at_us)
    counts = (_FILE.c.finished_at_us, _FILE.c.created, _FILE.c.updated, _FILE.c.unchanged, _FILE.c.refused)
    who = _WHO.c.display_name.label("by")
    return select(*columns, *counts, who, *more).outerjoin(_WHO, _WHO.c.pk == _FILE.c.actor)


def _view(row: Any, headers: tuple[str, ...] = (), refused: tuple[RefusedRow, ...] = ()) -> ImportView:
    return ImportView(
        row.id,
        Kind(row.kind),
        row.name,
        row.mapping_name,
        from_us(row.created_at_us),
        from_us_or_none(row.finished_at_us),
        row.by or "",
        ImportCounts(row.created, row.updated, row.unchanged, row.refused),
        headers,
        refused,
    )
