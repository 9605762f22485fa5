"""REST of materials: definitions with their units, lots with quantity and disposition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Depends, Query, Response

from mes.access.door import Caller, caller
from mes.access.door.bulk import Atomic, BulkOf, BulkOut, put_rows, rows_by_id
from mes.access.door.pages import Cursor, Limit
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.kernel.paging import LIMIT_DEFAULT
from mes.kernel.uow import UnitOfWork
from mes.materials import queries, service
from mes.materials.schemas import (
    Amount,
    DispositionChange,
    MaterialChange,
    MaterialClassChange,
    MaterialClassIn,
    MaterialClassOut,
    MaterialClassPage,
    MaterialIn,
    MaterialLotIn,
    MaterialLotOut,
    MaterialLotPage,
    MaterialOut,
    MaterialPage,
    QuantityOut,
)
from mes.materials.types import MaterialSpec
from standards.isa95.material import Disposition

router = api_router("materials")

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]
Decider = Annotated[Caller, Depends(caller(Permission.decide_quality))]


@router.get("/material-definitions", openapi_extra=refuses("conversion-invalid"))
async def list_materials(
    caller: Viewer, material_class: str | None = None, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> MaterialPage:
    """Materials by id, all or those of a class."""
    page = await caller.read(queries.list_materials, material_class=material_class, cursor=cursor, limit=limit)
    return MaterialPage.of(page)


@router.post(
    "/material-definitions",
    status_code=201,
    openapi_extra=refuses(
        "conversion-invalid material-class-not-found material-exists material-not-found material-unit-fixed"
    ),
)
async def create_material(caller: Engineer, body: MaterialIn, response: Response) -> MaterialOut:
    """A new material."""
    await caller.write(service.create_material, spec=body.spec())
    response.headers["Location"] = f"/api/v1/material-definitions/{body.id}"
    return await _shown_material(caller, body.id, response)


@router.post(
    "/material-definitions/bulk",
    openapi_extra=refuses("bulk-row-repeated conversion-invalid material-class-not-found material-unit-fixed"),
)
async def upsert_materials(caller: Engineer, body: BulkOf[MaterialIn], atomic: Atomic = False) -> BulkOut:
    """Materials as described, made where they are new; the same again changes nothing."""
    rows = rows_by_id(body.rows, lambda row: row.id)
    return await put_rows(caller, _put_materials, {id: row.spec() for id, row in rows.items()}, atomic=atomic)


@router.get("/material-definitions/{material_id}", openapi_extra=refuses("conversion-invalid material-not-found"))
async def get_material(caller: Viewer, material_id: str, response: Response) -> MaterialOut:
    """One material."""
    return await _shown_material(caller, material_id, response)


@router.put(
    "/material-definitions/{material_id}",
    openapi_extra=refuses("conversion-invalid material-class-not-found material-not-found material-unit-fixed"),
)
async def update_material(
    caller: Engineer, material_id: str, body: MaterialChange, response: Response, if_match: IfMatch = None
) -> MaterialOut:
    """Make a material as described; its unit stays."""
    version = expected_version(if_match, body.version)
    await caller.write(service.update_material, spec=body.spec(material_id), version=version)
    return await _shown_material(caller, material_id, response)


@router.get(
    "/material-definitions/{material_id}/conversion",
    openapi_extra=refuses("material-not-found quantity-not-exact unit-not-convertible"),
)
async def convert_quantity(
    caller: Viewer, material_id: str, quantity: Annotated[Amount, Query()], from_unit: str, to_unit: str
) -> QuantityOut:
    """A quantity in another unit of the material, exactly or not at all."""
    value = await caller.read(
        queries.convert_quantity, material_id=material_id, quantity=quantity, from_unit=from_unit, to_unit=to_unit
    )
    return QuantityOut(value=value, unit=to_unit)


@router.get("/material-classes")
async def list_material_classes(
    caller: Viewer, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> MaterialClassPage:
    """Material classes by id; who belongs to one: `GET /material-definitions?material_class=`."""
    return MaterialClassPage.of(await caller.read(queries.list_material_classes, cursor=cursor, limit=limit))


@router.post(
    "/material-classes", status_code=201, openapi_extra=refuses("material-class-exists material-class-not-found")
)
async def create_material_class(caller: Engineer, body: MaterialClassIn, response: Response) -> MaterialClassOut:
    """A new material class."""
    await caller.write(service.create_material_class, spec=body.spec())
    response.headers["Location"] = f"/api/v1/material-classes/{body.id}"
    return await _shown_class(caller, body.id, response)


@router.get("/material-classes/{material_class_id}", openapi_extra=refuses("material-class-not-found"))
async def get_material_class(caller: Viewer, material_class_id: str, response: Response) -> MaterialClassOut:
    """One material class."""
    return await _shown_class(caller, material_class_id, response)


@router.put("/material-classes/{material_class_id}", openapi_extra=refuses("material-class-not-found"))
async def update_material_class(
    caller: Engineer, material_class_id: str, body: MaterialClassChange, response: Response, if_match: IfMatch = None
) -> MaterialClassOut:
    """Change a material class."""
    await caller.write(
        service.update_material_class,
        spec=body.spec(material_class_id),
        version=expected_version(if_match, body.version),
    )
    return await _shown_class(caller, material_class_id, response)


@router.get("/material-lots")
async def list_material_lots(
    caller: Viewer,
    material_id: str | None = None,
    disposition: Disposition | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> MaterialLotPage:
    """Lots by id, of one material or in one disposition (Restricted: on hold)."""
    page = await caller.read(
        queries.list_material_lots,
        material_id=material_id,
        disposition=disposition.value if disposition else None,
        cursor=cursor,
        limit=limit,
    )
    return MaterialLotPage.of(page)


@router.post(
    "/material-lots",
    status_code=201,
    openapi_extra=refuses(
        "lot-hold-stands material-lot-closed material-lot-exists material-lot-fixed material-lot-in-use "
        "material-lot-not-found material-not-found quantity-out-of-range unit-not-convertible"
    ),
)
async def create_material_lot(caller: Engineer, body: MaterialLotIn, response: Response) -> MaterialLotOut:
    """A new lot."""
    await caller.write(service.create_lot, spec=body.spec())
    response.headers["Location"] = f"/api/v1/material-lots/{body.id}"
    return await shown_lot(caller, body.id, response)


@router.get("/material-lots/{lot_id}", openapi_extra=refuses("material-lot-not-found"))
async def get_material_lot(caller: Viewer, lot_id: str, response: Response) -> MaterialLotOut:
    """One lot."""
    return await shown_lot(caller, lot_id, response)


@router.post("/material-lots/{lot_id}/disposition", openapi_extra=refuses("material-lot-closed material-lot-not-found"))
async def set_lot_disposition(
    caller: Decider, lot_id: str, body: DispositionChange, response: Response, if_match: IfMatch = None
) -> MaterialLotOut:
    """Hold, release or close a lot; who and why are kept."""
    await caller.write(
        service.set_disposition,
        lot_id=lot_id,
        disposition=body.disposition,
        reason=body.reason,
        version=expected_version(if_match, body.version),
    )
    return await shown_lot(caller, lot_id, response)


def _put_materials(uow: UnitOfWork, *, rows: Sequence[MaterialSpec]) -> Mapping[str, str]:
    return service.put_materials(uow, specs=rows)


async def _shown_material(caller: Caller, material_id: str, response: Response) -> MaterialOut:
    view = await caller.read(queries.get_material, material_id=material_id)
    response.headers["ETag"] = etag(view.version)
    return MaterialOut.of(view)


async def _shown_class(caller: Caller, material_class_id: str, response: Response) -> MaterialClassOut:
    view = await caller.read(queries.get_material_class, material_class_id=material_class_id)
    response.headers["ETag"] = etag(view.version)
    return MaterialClassOut.of(view)


async def shown_lot(caller: Caller, lot_id: str, response: Response) -> MaterialLotOut:
    view = await caller.read(queries.get_material_lot, lot_id=lot_id)
    response.headers["ETag"] = etag(view.version)
    return MaterialLotOut.of(view)
