"""REST of how materials are kept and how long lots may be used."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Response

from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor, Limit, PageOf, page_out
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.kernel.paging import LIMIT_DEFAULT
from mes.materials.life import queries, service
from mes.materials.life.schemas import (
    ExpiryChange,
    HandlingChange,
    HandlingOut,
    Level,
    LotLifeOut,
    MoistureLevelChange,
    MoistureLevelOut,
    StorageChange,
    StorageChangeOut,
)

router = api_router("materials")

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Operator = Annotated[Caller, Depends(caller(Permission.operate))]
Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]
Overrider = Annotated[Caller, Depends(caller(Permission.override_refusals))]


@router.get("/material-definitions/{material_id}/handling", openapi_extra=refuses("material-not-found"))
async def get_handling(caller: Viewer, material_id: str, response: Response) -> HandlingOut:
    """How a material is received and kept: approved parts, shelf life, moisture level."""
    view = await caller.read(queries.get_handling, material_id=material_id)
    response.headers["ETag"] = etag(view.version)
    return HandlingOut.of(view)


@router.put(
    "/material-definitions/{material_id}/handling", openapi_extra=refuses("handling-invalid material-not-found")
)
async def update_handling(
    caller: Engineer, material_id: str, body: HandlingChange, response: Response, if_match: IfMatch = None
) -> HandlingOut:
    """Say how a material is received and kept."""
    version = expected_version(if_match, body.version)
    await caller.write(service.update_handling, spec=body.spec(material_id), version=version)
    view = await caller.read(queries.get_handling, material_id=material_id)
    response.headers["ETag"] = etag(view.version)
    return HandlingOut.of(view)


@router.get("/moisture-levels")
async def list_moisture_levels(
    caller: Viewer, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[MoistureLevelOut]:
    """The rule of each moisture sensitivity level, the plant's or else the standard's (J-STD-020, J-STD-033)."""
    found = await caller.read(queries.list_moisture_levels)
    return page_out(found, MoistureLevelOut.of, cursor=cursor, limit=limit, key=lambda one: one.spec.level)


@router.put("/moisture-levels/{level}", openapi_extra=refuses("handling-invalid"))
async def update_moisture_level(
    caller: Engineer, level: Level, body: MoistureLevelChange, if_match: IfMatch = None
) -> MoistureLevelOut:
    """Give a level the plant's own rule."""
    version = expected_version(if_match, body.version)
    await caller.write(service.update_moisture_level, spec=body.spec(level), version=version)
    levels = await caller.read(queries.list_moisture_levels)
    return MoistureLevelOut.of(next(view for view in levels if view.spec.level == level))


@router.get(
    "/material-lots/{lot_id}/life",
    openapi_extra=refuses("material-lot-not-found"),
)
async def get_lot_life(caller: Viewer, lot_id: str, response: Response) -> LotLifeOut:
    """What is left of a lot's lives, and whether it may be used now."""
    return await _shown(caller, lot_id, response)


@router.post(
    "/material-lots/{lot_id}/storage",
    openapi_extra=refuses("lot-not-warm material-lot-closed material-lot-not-found"),
)
async def set_lot_storage(
    caller: Operator, lot_id: str, body: StorageChange, response: Response, if_match: IfMatch = None
) -> LotLifeOut:
    """Open, seal, cool, dry or bake a lot."""
    version = expected_version(if_match, body.version)
    await caller.write(service.set_lot_storage, lot_id=lot_id, storage=body.storage, version=version)
    return await _shown(caller, lot_id, response)


@router.get("/material-lots/{lot_id}/storage", openapi_extra=refuses("material-lot-not-found"))
async def list_storage_changes(
    caller: Viewer, lot_id: str, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[StorageChangeOut]:
    """Where a lot was, the latest first, at most 1,000."""
    found = await caller.read(queries.list_storage_changes, lot_id=lot_id)
    return page_out(found, StorageChangeOut.of, cursor=cursor, limit=limit, key=lambda one: one.at.isoformat())


@router.post(
    "/material-lots/{lot_id}/expiry",
    openapi_extra=refuses("material-lot-closed material-lot-not-found"),
)
async def set_lot_expiry(
    caller: Overrider, lot_id: str, body: ExpiryChange, response: Response, if_match: IfMatch = None
) -> LotLifeOut:
    """Correct or prolong a lot's shelf life; who and why are kept."""
    version = expected_version(if_match, body.version)
    await caller.write(
        service.set_lot_expiry, lot_id=lot_id, expires_on=body.expires_on, reason=body.reason, version=version
    )
    return await _shown(caller, lot_id, response)


@router.get(
    "/lots-running-out",
    openapi_extra=refuses(""),
)
async def list_lots_running_out(
    caller: Viewer, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[LotLifeOut]:
    """Lots of which 80 % of a life is used up, or whose shelf life ends within a week."""
    found = await caller.read(queries.lots_running_out, now=caller.database.clock())
    return page_out(found.lots, LotLifeOut.of, cursor=cursor, limit=limit, key=lambda one: one.lot_id)


async def _shown(caller: Caller, lot_id: str, response: Response) -> LotLifeOut:
    view = await caller.read(queries.exposure_of, lot_id=lot_id, now=caller.database.clock())
    response.headers["ETag"] = etag(view.version)
    return LotLifeOut.of(view)
