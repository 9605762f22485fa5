"""Verbs of files of rows: mappings are remembered, files kept until they are imported, what became of them recorded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import and_, delete, func, insert, or_, select, update

from mes.exchange.table_files.columns import FIELDS
from mes.exchange.table_files.errors import (
    ImportFinished,
    ImportMappingInvalid,
    ImportMappingNotFound,
    ImportNotFound,
)
from mes.exchange.table_files.source import DELIMITERS, ENCODINGS
from mes.exchange.table_files.tables import ImportFileRow, ImportMappingRow
from mes.exchange.table_files.types import (
    MAPPINGS_MAX,
    NAME_PATTERN,
    ImportCounts,
    ImportMapping,
    Kind,
    RefusedRow,
    SavedMapping,
)
from mes.kernel.errors import VersionConflict
from mes.kernel.uow import UnitOfWork

DAY_US: Final = 24 * 3_600 * 1_000_000
KEEP_WAITING_DAYS: Final = 1
KEEP_DONE_DAYS: Final = 90
_MAPPING: Final = ImportMappingRow.__table__  # type: ignore[attr-defined]
_FILE: Final = ImportFileRow.__table__  # type: ignore[attr-defined]
_NOTHING: Final = {"created": 0, "updated": 0, "unchanged": 0, "refused": 0, "headers": "[]", "refused_rows": "[]"}


def put_mapping(uow: UnitOfWork, *, saved: SavedMapping, version: int | None = None) -> None:
    """Remember a mapping under its name, in the place of one that is still at `version` (None: whatever it is).

    `import-mapping-invalid`, `version-conflict`.
    """
    _refuse_invalid(saved)
    row = uow.execute(select(_MAPPING).where(_MAPPING.c.id == saved.name)).first()
    current = 0 if row is None else row.version
    if version is not None and version != current:
        raise VersionConflict(f"{saved.name} is at version {current}, not {version}.")
    values = {"kind": saved.kind.value, "pattern": saved.pattern, "content": _json(saved.mapping)}
    if row is None:
        _refuse_too_many(uow)
        uow.execute(insert(_MAPPING).values(id=saved.name, version=1, **values))
    elif any(getattr(row, name) != value for name, value in values.items()):
        uow.execute(update(_MAPPING).where(_MAPPING.c.pk == row.pk).values(version=current + 1, **values))
    else:
        return
    _emit(uow, "import-mapping-put", f"import-mapping/{saved.name}", name=saved.name, kind=saved.kind.value)


def _refuse_invalid(saved: SavedMapping) -> None:
    if re.fullmatch(NAME_PATTERN, saved.name) is None:
        raise ImportMappingInvalid(f"{saved.name[:100]!r} is no name: letters, digits and . _ : -, at most 100.")
    fields = {field.name for field in FIELDS[saved.kind]}
    named = saved.mapping.columns.keys() | saved.mapping.fixed.keys()
    if unknown := sorted(named - fields):
        raise ImportMappingInvalid(f"{saved.kind} have no field {unknown[0][:50]!r}; they have {', '.join(fields)}.")
    if saved.mapping.delimiter not in ("", *DELIMITERS):
        raise ImportMappingInvalid(f"The delimiter {saved.mapping.delimiter[:5]!r} is not known here.")
    if saved.mapping.encoding not in ("", *ENCODINGS):
        raise ImportMappingInvalid(
            f"The encoding {saved.mapping.encoding[:20]!r} is not one of {', '.join(ENCODINGS)}."
        )
    if saved.pattern and not saved.mapping.columns:
        raise ImportMappingInvalid("A mapping for a watched folder names its columns.")


def _refuse_too_many(uow: UnitOfWork) -> None:
    if uow.execute(select(func.count()).select_from(_MAPPING)).scalar_one() >= MAPPINGS_MAX:
        raise ImportMappingInvalid(f"A plant has at most {MAPPINGS_MAX} mappings; remove one first.")


def remove_mapping(uow: UnitOfWork, *, name: str) -> None:
    """Forget a mapping. `import-mapping-not-found`."""
    found = uow.execute(delete(_MAPPING).where(_MAPPING.c.id == name).returning(_MAPPING.c.kind)).first()
    if found is None:
        raise ImportMappingNotFound(f"There is no mapping {name[:100]!r}.")
    _emit(uow, "import-mapping-removed", f"import-mapping/{name}", name=name, kind=found.kind)


def keep_file(
    uow: UnitOfWork, *, import_id: str, kind: Kind, name: str, content: bytes, mapping: ImportMapping, mapping_name: str
) -> None:
    """Keep a file that waits to be looked at and imported."""
    _insert(uow, import_id, kind, name, mapping_name, mapping=_json(mapping), content=content, **_NOTHING)


def set_file_mapping(uow: UnitOfWork, *, import_id: str, mapping: ImportMapping, mapping_name: str) -> None:
    """Read a file that waits in another way. `import-not-found`, `import-finished`."""
    pk = _waiting(uow, import_id).pk
    values = {"mapping": _json(mapping), "mapping_name": mapping_name}
    uow.execute(update(_FILE).where(_FILE.c.pk == pk).values(**values))


def finish_import(
    uow: UnitOfWork, *, import_id: str, counts: ImportCounts, headers: Sequence[str], refused: Sequence[RefusedRow]
) -> None:
    """Record what became of a file that was kept; its content goes. `import-not-found`, `import-finished`."""
    row = _waiting(uow, import_id)
    values = {**_told(counts, headers, refused), "content": None, "finished_at_us": uow.now_us}
    uow.execute(update(_FILE).where(_FILE.c.pk == row.pk).values(**values))
    _emit_imported(uow, import_id, row.kind, row.name, counts)


def record_import(
    uow: UnitOfWork,
    *,
    import_id: str,
    kind: Kind,
    name: str,
    mapping_name: str,
    counts: ImportCounts,
    headers: Sequence[str],
    refused: Sequence[RefusedRow],
) -> None:
    """Record what became of a file that came and was imported at once."""
    told = _told(counts, headers, refused)
    _insert(uow, import_id, kind, name, mapping_name, mapping="{}", finished_at_us=uow.now_us, **told)
    _emit_imported(uow, import_id, kind.value, name, counts)


def forget_old_imports(uow: UnitOfWork) -> None:
    """What waited for a day, and what was imported 90 days ago."""
    waiting = and_(_FILE.c.finished_at_us.is_(None), _FILE.c.created_at_us < uow.now_us - KEEP_WAITING_DAYS * DAY_US)
    uow.execute(delete(_FILE).where(or_(waiting, _FILE.c.finished_at_us < uow.now_us - KEEP_DONE_DAYS * DAY_US)))


def _waiting(uow: UnitOfWork, import_id: str) -> Any:
    statement = select(_FILE.c.pk, _FILE.c.kind, _FILE.c.name, _FILE.c.finished_at_us)
    row = uow.execute(statement.where(_FILE.c.id == import_id)).first()
    if row is None:
        raise ImportNotFound(f"There is no import {import_id[:40]!r}.")
    if row.finished_at_us is not None:
        raise ImportFinished(f"{row.name} was imported already.")
    return row


def _insert(uow: UnitOfWork, import_id: str, kind: Kind, name: str, mapping_name: str, **values: Any) -> None:
    named = {"id": import_id, "kind": kind.value, "name": name, "mapping_name": mapping_name}
    uow.execute(insert(_FILE).values(**named, **values, created_at_us=uow.now_us, actor=uow.actor))


def _told(counts: ImportCounts, headers: Sequence[str], refused: Sequence[RefusedRow]) -> dict[str, Any]:
    return {**msgspec.to_builtins(counts), "headers": _json(list(headers)), "refused_rows": _json(list(refused))}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _emit_imported(uow: UnitOfWork, import_id: str, kind: str, name: str, counts: ImportCounts) -> None:
    _emit(uow, "file-imported", f"import/{import_id}", kind=kind, name=name, **msgspec.to_builtins(counts))


def _emit(uow: UnitOfWork, what: str, subject: str, **payload: Any) -> None:
    uow.emit(f"exchange.{what}.v1", topics=(), subject=subject, payload=payload)
