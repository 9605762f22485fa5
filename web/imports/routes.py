"""Imports on screen: a file is uploaded, its columns are said, its rows are tried, then it is imported. Plain forms."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from fastapi import Depends, File, Form, Request, UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.exchange.table_files import queries, service
from mes.exchange.table_files.entries import open_table, reading_of, refuse_missing, settled
from mes.exchange.table_files.errors import ImportMappingInvalid, ImportMappingNotFound
from mes.exchange.table_files.importing import RowImport, counts_of, refused_rows
from mes.exchange.table_files.queries import WaitingFile
from mes.exchange.table_files.refused import refused_csv
from mes.exchange.table_files.types import (
    FILE_MAX,
    PREVIEW_ROWS,
    ImportMapping,
    ImportView,
    Kind,
    Reading,
    RowOutcome,
    SavedMapping,
    Table,
)
from mes.kernel.db import ReadSession
from mes.kernel.errors import Refusal
from mes.kernel.texts import NO_NUL
from web.components.plant_time import plant_zone
from web.imports.forms import Typed
from web.imports.views import (
    MappingPage,
    base_of,
    done_page,
    imports_page,
    mapping_page,
    preview_of,
    with_pattern,
)
from web.layouts.shell import shell_of
from web.templating import render
from web.wording import RefusalWords, refusal_title, refusal_words

router = screen_router()
Importer = Annotated[Caller, Depends(caller(Permission.import_files))]
LISTED: Final = 20
NO_STORE: Final = {"Cache-Control": "no-store"}


@router.get("/imports")
async def imports(request: Request, who: Importer) -> HTMLResponse:
    """What was imported last, what is remembered, and the form for another file."""
    return await _listed(request, who, None)


@router.post("/imports")
async def upload(
    request: Request,
    who: Importer,
    kind: Annotated[Kind, Form()],
    file: Annotated[UploadFile, File()],
    mapping: Annotated[str, Form(max_length=100), NO_NUL] = "",
) -> Response:
    """Keep a file; its columns are recognised, or taken from a mapping. Nothing of it is imported yet."""
    data = await file.read(FILE_MAX + 1)
    name = (file.filename or kind.value).replace("\x00", "")[:200]
    try:
        saved = await _saved(who, kind, mapping)
        started = await asyncio.to_thread(_begun, data, kind, saved)
    except Refusal as refusal:
        return await _listed(request, who, refusal_words(who.language, refusal), status=refusal.status)
    import_id = str(uuid4())
    kept = {"import_id": import_id, "kind": kind, "name": name, "content": data}
    await who.write(service.keep_file, **kept, mapping=started, mapping_name=mapping)
    return RedirectResponse(base_of(import_id), status_code=303)


async def _saved(who: Caller, kind: Kind, name: str) -> ImportMapping | None:
    if not name:
        return None
    saved = await who.read(queries.get_mapping, name=name)
    if saved.kind is not kind:
        raise ImportMappingInvalid(f"The mapping {name} is for {saved.kind}.")
    return saved.mapping


def _begun(data: bytes, kind: Kind, saved: ImportMapping | None) -> ImportMapping:
    """The mapping to begin with. `import-file-unreadable`, `import-file-too-large`."""
    table = open_table(data, kind, saved)
    return saved or ImportMapping(settled(table, kind, None).columns)


@router.get("/imports/{import_id}")
async def one_import(request: Request, import_id: str, who: Importer) -> HTMLResponse:
    """A file that waits, with what would become of its first rows; or what became of one."""
    view, zone = await who.read(_import, import_id=import_id)
    if view.finished_at is None:
        return await _mapped(request, who, import_id, zone, None)
    page = done_page(view, zone, partial(refusal_title, who.language))
    html = render("imports/done.html", page, language=who.language, shell=shell_of(request, who, zone=zone))
    return HTMLResponse(html, headers=NO_STORE)


@router.post("/imports/{import_id}")
async def decide(request: Request, import_id: str, who: Importer, typed: Annotated[Typed, Form()]) -> Response:
    """Look at it read in another way, remember that way, or import it."""
    file = await who.read(queries.get_waiting_file, import_id=import_id)
    named = typed.name if typed.act == "save" else file.mapping_name
    try:
        if typed.act == "save":
            await who.write(service.put_mapping, saved=typed.saved(file.kind))
        await who.write(service.set_file_mapping, import_id=import_id, mapping=typed.mapping(), mapping_name=named)
        if typed.act == "import":
            await _import_now(who, await who.read(queries.get_waiting_file, import_id=import_id))
    except Refusal as refusal:
        zone = await who.read(queries.get_zone)
        return await _mapped(request, who, import_id, zone, refusal_words(who.language, refusal), status=refusal.status)
    return RedirectResponse(base_of(import_id), status_code=303)


async def _import_now(who: Caller, file: WaitingFile) -> None:
    zone = await who.read(queries.get_zone)
    reading, outcomes = await asyncio.to_thread(_run, who, file, zone)
    told = {"counts": counts_of(outcomes), "headers": reading.table.headers}
    refused = refused_rows(reading, outcomes)
    await who.write(service.finish_import, import_id=file.import_id, **told, refused=refused)


def _run(who: Caller, file: WaitingFile, zone: ZoneInfo) -> tuple[Reading, tuple[RowOutcome, ...]]:
    table = open_table(file.content, file.kind, file.mapping)
    reading = _read(table, file, zone)
    return reading, _rows_of(who).run(reading, dry_run=False)


def _read(table: Table, file: WaitingFile, zone: ZoneInfo) -> Reading:
    """`import-column-missing`."""
    refuse_missing(table, file.kind, file.mapping)
    return reading_of(table, file.kind, settled(table, file.kind, file.mapping), zone)


def _rows_of(who: Caller) -> RowImport:
    return RowImport(who.database, who.principal_pk, who.correlation_id)


@router.get("/imports/{import_id}/refused.csv")
async def refused(import_id: str, who: Importer) -> Response:
    """The rows that were refused, to be corrected and imported again."""
    view = await who.read(queries.get_import, import_id=import_id)
    headers = {**NO_STORE, "Content-Disposition": "attachment; filename=refused.csv"}
    return Response(refused_csv(view), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/imports/mappings/{name}/remove")
async def remove(name: str, who: Importer) -> Response:
    """Forget a mapping."""
    await who.write(service.remove_mapping, name=name)
    return RedirectResponse("/imports", status_code=303)


async def _listed(request: Request, who: Caller, said: RefusalWords | None, *, status: int = 200) -> HTMLResponse:
    imports, mappings, more, zone = await who.read(_all)
    page = imports_page(imports, mappings, zone, more=more, said=said)
    html = render("imports/page.html", page, language=who.language, shell=shell_of(request, who, zone=zone))
    return HTMLResponse(html, status_code=status, headers=NO_STORE)


def _all(session: ReadSession) -> tuple[tuple[ImportView, ...], tuple[SavedMapping, ...], bool, ZoneInfo]:
    page = queries.list_imports(session, limit=LISTED)
    return page.items, queries.list_mappings(session), page.next_cursor is not None, plant_zone(session)


def _import(session: ReadSession, *, import_id: str) -> tuple[ImportView, ZoneInfo]:
    return queries.get_import(session, import_id=import_id), plant_zone(session)


async def _mapped(
    request: Request, who: Caller, import_id: str, zone: ZoneInfo, said: RefusalWords | None, *, status: int = 200
) -> HTMLResponse:
    file = await who.read(queries.get_waiting_file, import_id=import_id)
    page = await asyncio.to_thread(_tried, who, file, zone, said)
    page = with_pattern(page, await who.read(_remembered, name=file.mapping_name))
    html = render("imports/mapping.html", page, language=who.language, shell=shell_of(request, who, zone=zone))
    return HTMLResponse(html, status_code=status, headers=NO_STORE)


def _remembered(session: ReadSession, *, name: str) -> SavedMapping | None:
    try:
        return queries.get_mapping(session, name=name)
    except ImportMappingNotFound:
        return None


def _tried(who: Caller, file: WaitingFile, zone: ZoneInfo, said: RefusalWords | None) -> MappingPage:
    """The page of a file: its first rows as they would come out, or why it cannot be read like this."""
    table, taken, preview = None, file.mapping, None
    try:
        table = open_table(file.content, file.kind, file.mapping)
        taken = settled(table, file.kind, file.mapping)
        reading = _read(table, file, zone)
        outcomes = _rows_of(who).run(reading, dry_run=True, first=PREVIEW_ROWS)
        preview = preview_of(reading, outcomes, partial(refusal_title, who.language))
    except Refusal as refusal:
        said = said or refusal_words(who.language, refusal)
    return mapping_page(file, table, taken, preview, said)
