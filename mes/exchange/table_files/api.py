"""REST of files of rows: imported with a result per row, or only tried; mappings are remembered."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor, Limit, PageOf, page_out
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.exchange.table_files import queries, service
from mes.exchange.table_files.importing import RowImport, import_file
from mes.exchange.table_files.refused import refused_csv
from mes.exchange.table_files.schemas import ImportListed, ImportOut, MappingIn, MappingOut
from mes.exchange.table_files.types import NAME_PATTERN, Kind
from mes.kernel.paging import LIMIT_DEFAULT

router = api_router("files")
Importer = Annotated[Caller, Depends(caller(Permission.import_files))]
Name = Annotated[str, Path(pattern=NAME_PATTERN)]
_CSV = "text/csv; charset=utf-8"
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_REFUSED = "Charge;Material;Menge;line;code;reason\nL-2;CB-101;1,5;3;material-not-found;No such material.\n"
_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {**_BYTES, "example": "Charge;Material;Menge\nL-1;CB-100;1,5\n"},
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {**_BYTES, "example": "PK\u2026"},
            "application/octet-stream": {**_BYTES, "example": "PK\u2026"},
        },
    }
}

_REFUSALS = refuses(
    "lot-hold-stands import-column-missing import-file-too-large import-file-unreadable import-mapping-invalid "
    "import-mapping-not-found import-row-invalid import-row-twice import-value-ambiguous import-lot-in-use",
    "confirmation-not-here conversion-invalid equipment-class-not-found equipment-place-invalid erp-view-invalid "
    "id-invalid last-administrator lot-hold-stands lot-on-hold material-class-not-found material-lot-closed "
    "material-lot-fixed material-lot-in-use material-not-found material-unit-fixed operations-definition-ambiguous "
    "operations-definition-not-effective operations-definition-not-found operations-request-differs "
    "operations-request-outdated operations-request-started person-exists personnel-class-unknown principal-exists "
    "principal-not-found qualification-invalid quantity-invalid quantity-out-of-range role-kind-mismatch "
    "unit-not-convertible work-master-not-effective",
    "import-bill-incomplete operations-definition-invalid operations-definition-version-fixed "
    "operations-segment-not-found quantity-not-exact",
)
"""Of the file as a whole, and of single rows."""


@router.post("/imports", openapi_extra={**_FILE, **_REFUSALS})
async def import_rows(
    caller: Importer,
    request: Request,
    kind: Annotated[Kind, Query(alias="as", description="What the rows are.")],
    mapping: Annotated[str, Query(max_length=100, description="A mapping's name; without: by the headings.")] = "",
    file: Annotated[str, Query(max_length=200, description="Its name, for people.")] = "",
    dry_run: Annotated[bool, Query(description="Say what would become of each row; write nothing.")] = False,
) -> ImportOut:
    """Take the rows of a CSV file or a workbook (.xlsx), which is the body. A row that is refused keeps out no other.

    The same file again changes nothing. Rows are written in blocks: an answer that does not come is asked for again.
    """
    rows = RowImport(caller.database, caller.principal_pk, caller.correlation_id)
    data = await request.body()
    name = file.strip() or kind.value
    done = await asyncio.to_thread(import_file, rows, data, name=name, kind=kind, mapping_name=mapping, dry_run=dry_run)
    return ImportOut.of(done)


@router.get("/imports")
async def list_imports(caller: Importer, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> PageOf[ImportListed]:
    """What was imported in the last 90 days, by REST, on screen, at the prompt or out of a folder; newest first."""
    page = await caller.read(queries.list_imports, cursor=cursor, limit=limit)
    return PageOf(items=[ImportListed.of(view) for view in page.items], next_cursor=page.next_cursor)


@router.get("/imports/{import_id}", openapi_extra=refuses("import-not-found"))
async def get_import(caller: Importer, import_id: str) -> ImportListed:
    """One import."""
    return ImportListed.of(await caller.read(queries.get_import, import_id=import_id))


@router.get(
    "/imports/{import_id}/refused",
    response_class=Response,
    responses={200: {"content": {"text/csv": {**_BYTES, "example": _REFUSED}}}},
    openapi_extra=refuses("import-not-found"),
)
async def get_refused_rows(caller: Importer, import_id: str) -> Response:
    """The rows that were refused, as a CSV file with the line, the code and the reason in its last columns."""
    view = await caller.read(queries.get_import, import_id=import_id)
    return Response(refused_csv(view), media_type=_CSV)


@router.get("/import-mappings")
async def list_import_mappings(
    caller: Importer, kind: Kind | None = None, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[MappingOut]:
    """Mappings by name."""
    found = await caller.read(queries.list_mappings, kind=kind)
    return page_out(found, MappingOut.of, cursor=cursor, limit=limit, key=lambda saved: saved.name)


@router.get("/import-mappings/{name}", openapi_extra=refuses("import-mapping-not-found"))
async def get_import_mapping(caller: Importer, name: Name, response: Response) -> MappingOut:
    """One mapping."""
    return await _shown(caller, name, response)


@router.put("/import-mappings/{name}", openapi_extra=refuses("import-mapping-invalid import-mapping-not-found"))
async def put_import_mapping(
    caller: Importer, name: Name, body: MappingIn, response: Response, if_match: IfMatch = None
) -> MappingOut:
    """Remember a mapping under a name; version 0 where there is none yet."""
    version = expected_version(if_match, body.version)
    await caller.write(service.put_mapping, saved=body.saved(name), version=version)
    return await _shown(caller, name, response)


@router.delete("/import-mappings/{name}", status_code=204, openapi_extra=refuses("import-mapping-not-found"))
async def remove_import_mapping(caller: Importer, name: Name) -> None:
    """Forget a mapping."""
    await caller.write(service.remove_mapping, name=name)


async def _shown(caller: Caller, name: str, response: Response) -> MappingOut:
    saved = await caller.read(queries.get_mapping, name=name)
    response.headers["ETag"] = etag(saved.version)
    return MappingOut.of(saved)
