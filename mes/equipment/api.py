"""REST of equipment: hierarchy, machines, what is known of them, the plant calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Depends, Response
from pydantic import AwareDatetime

from mes.access.door import Caller, caller
from mes.access.door.bulk import Atomic, BulkOf, BulkOut, put_rows, rows_by_id
from mes.access.door.pages import Cursor, Limit, PageOf, page_out
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.equipment import queries, service
from mes.equipment.schemas import (
    AssetMappingIn,
    AssetMappingOut,
    CalendarIn,
    CalendarOut,
    EquipmentChange,
    EquipmentClassChange,
    EquipmentClassIn,
    EquipmentClassOut,
    EquipmentClassPage,
    EquipmentIn,
    EquipmentOut,
    EquipmentPage,
    EquipmentStatusOut,
    EquipmentTreeOut,
    PhysicalAssetChange,
    PhysicalAssetIn,
    PhysicalAssetOut,
    PhysicalAssetPage,
    PlantPolicyIn,
    PlantPolicyOut,
    ShiftOut,
    StateIntervalOut,
)
from mes.equipment.types import EquipmentSpec, Shift
from mes.kernel.paging import LIMIT_DEFAULT
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from standards.isa95.equipment_hierarchy import EquipmentLevel

router = api_router("equipment")

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]


@router.get("/equipment")
async def list_equipment(
    caller: Viewer,
    level: EquipmentLevel | None = None,
    parent_id: str | None = None,
    area_id: str | None = None,
    work_center_id: str | None = None,
    equipment_class: str | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> EquipmentPage:
    """Equipment by id, filtered by level, parent, area, work centre or class."""
    page = await caller.read(
        queries.list_equipment,
        level=level.value if level else None,
        parent_id=parent_id,
        area_id=area_id,
        work_center_id=work_center_id,
        equipment_class=equipment_class,
        cursor=cursor,
        limit=limit,
    )
    return EquipmentPage.of(page)


@router.post(
    "/equipment",
    status_code=201,
    openapi_extra=refuses(
        "confirmation-not-here equipment-class-not-found equipment-exists equipment-not-found equipment-place-invalid"
    ),
)
async def create_equipment(caller: Engineer, body: EquipmentIn, response: Response) -> EquipmentOut:
    """A new equipment; levels nest as ISA-95 says."""
    await caller.write(service.create_equipment, spec=body.spec())
    response.headers["Location"] = f"/api/v1/equipment/{body.id}"
    return await _shown_equipment(caller, body.id, response)


@router.post(
    "/equipment/bulk",
    openapi_extra=refuses("bulk-row-repeated confirmation-not-here equipment-class-not-found equipment-place-invalid"),
)
async def upsert_equipment(caller: Engineer, body: BulkOf[EquipmentIn], atomic: Atomic = False) -> BulkOut:
    """Equipment as described, made where they are new; the same again changes nothing."""
    rows = rows_by_id(body.rows, lambda row: row.id)
    return await put_rows(caller, _put_equipment, {id: row.spec() for id, row in rows.items()}, atomic=atomic)


@router.get("/equipment-tree", openapi_extra=refuses("equipment-not-found"))
async def get_equipment_tree(caller: Viewer, root_id: str | None = None) -> list[EquipmentTreeOut]:
    """The whole hierarchy, or what stands under one equipment."""
    return [EquipmentTreeOut.of(tree) for tree in await caller.read(queries.equipment_tree, root_id=root_id)]


@router.get("/equipment-status")
async def list_equipment_status(
    caller: Viewer, area_id: str | None = None, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[EquipmentStatusOut]:
    """What is known of every equipment now, or of one area's."""
    found = await caller.read(queries.list_equipment_status, area_id=area_id)
    return page_out(found, EquipmentStatusOut.of, cursor=cursor, limit=limit, key=lambda one: one.equipment_id)


@router.get("/equipment/{equipment_id}", openapi_extra=refuses("equipment-not-found"))
async def get_equipment(caller: Viewer, equipment_id: str, response: Response) -> EquipmentOut:
    """One equipment."""
    return await _shown_equipment(caller, equipment_id, response)


@router.put(
    "/equipment/{equipment_id}",
    openapi_extra=refuses(
        "confirmation-not-here equipment-class-not-found equipment-not-found equipment-place-invalid"
    ),
)
async def update_equipment(
    caller: Engineer, equipment_id: str, body: EquipmentChange, response: Response, if_match: IfMatch = None
) -> EquipmentOut:
    """Make an equipment as described; moving it moves what stands under it."""
    version = expected_version(if_match, body.version)
    await caller.write(service.update_equipment, spec=body.spec(equipment_id), version=version)
    return await _shown_equipment(caller, equipment_id, response)


@router.get("/equipment/{equipment_id}/status", openapi_extra=refuses("equipment-not-found"))
async def get_equipment_status(caller: Viewer, equipment_id: str) -> EquipmentStatusOut:
    """What is known of one equipment now."""
    return EquipmentStatusOut.of(await caller.read(queries.get_equipment_status, equipment_id=equipment_id))


@router.get("/equipment/{equipment_id}/state-intervals", openapi_extra=refuses("equipment-not-found"))
async def list_state_intervals(
    caller: Viewer,
    equipment_id: str,
    from_at: AwareDatetime,
    to_at: AwareDatetime,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PageOf[StateIntervalOut]:
    """The states of an equipment that touch [from_at, to_at), at most 10,000, with their true bounds."""
    found = await caller.read(
        queries.list_state_intervals, equipment_id=equipment_id, from_us=to_us(from_at), to_us=to_us(to_at)
    )
    return page_out(found, StateIntervalOut.of, cursor=cursor, limit=limit, key=lambda one: str(one.from_us))


@router.get("/equipment/{equipment_id}/asset-mappings", openapi_extra=refuses("equipment-not-found"))
async def list_asset_mappings(
    caller: Viewer, equipment_id: str, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[AssetMappingOut]:
    """Which machines filled this role, oldest first."""
    found = await caller.read(queries.list_asset_mappings, equipment_id=equipment_id)
    return page_out(found, AssetMappingOut.of, cursor=cursor, limit=limit, key=lambda one: one.from_at.isoformat())


@router.post(
    "/equipment/{equipment_id}/asset-mappings",
    openapi_extra=refuses("asset-mapping-overlap equipment-not-found physical-asset-not-found"),
)
async def map_asset(caller: Engineer, equipment_id: str, body: AssetMappingIn) -> list[AssetMappingOut]:
    """Swap the machine that fills this role; repeating it changes nothing."""
    await caller.write(
        service.map_asset,
        equipment_id=equipment_id,
        physical_asset_id=body.physical_asset_id,
        at_us=to_us(body.from_at) if body.from_at else None,
    )
    found = await caller.read(queries.list_asset_mappings, equipment_id=equipment_id)
    return [AssetMappingOut.of(mapping) for mapping in found]


@router.get("/equipment-classes")
async def list_equipment_classes(
    caller: Viewer, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> EquipmentClassPage:
    """Equipment classes by id; what belongs to one: `GET /equipment?equipment_class=`."""
    return EquipmentClassPage.of(await caller.read(queries.list_equipment_classes, cursor=cursor, limit=limit))


@router.post(
    "/equipment-classes", status_code=201, openapi_extra=refuses("equipment-class-exists equipment-class-not-found")
)
async def create_equipment_class(caller: Engineer, body: EquipmentClassIn, response: Response) -> EquipmentClassOut:
    """A new equipment class."""
    await caller.write(service.create_equipment_class, spec=body.spec())
    response.headers["Location"] = f"/api/v1/equipment-classes/{body.id}"
    return await _shown_class(caller, body.id, response)


@router.get("/equipment-classes/{equipment_class_id}", openapi_extra=refuses("equipment-class-not-found"))
async def get_equipment_class(caller: Viewer, equipment_class_id: str, response: Response) -> EquipmentClassOut:
    """One equipment class."""
    return await _shown_class(caller, equipment_class_id, response)


@router.put("/equipment-classes/{equipment_class_id}", openapi_extra=refuses("equipment-class-not-found"))
async def update_equipment_class(
    caller: Engineer, equipment_class_id: str, body: EquipmentClassChange, response: Response, if_match: IfMatch = None
) -> EquipmentClassOut:
    """Change an equipment class."""
    await caller.write(
        service.update_equipment_class,
        spec=body.spec(equipment_class_id),
        version=expected_version(if_match, body.version),
    )
    return await _shown_class(caller, equipment_class_id, response)


@router.get("/physical-assets")
async def list_physical_assets(
    caller: Viewer, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PhysicalAssetPage:
    """Machines by id."""
    return PhysicalAssetPage.of(await caller.read(queries.list_physical_assets, cursor=cursor, limit=limit))


@router.post(
    "/physical-assets",
    status_code=201,
    openapi_extra=refuses("asset-mapping-overlap equipment-not-found physical-asset-exists physical-asset-not-found"),
)
async def create_physical_asset(caller: Engineer, body: PhysicalAssetIn, response: Response) -> PhysicalAssetOut:
    """A new machine, with the role it fills from now on, if any."""
    await caller.write(service.create_physical_asset, spec=body.spec())
    response.headers["Location"] = f"/api/v1/physical-assets/{body.id}"
    return await _shown_asset(caller, body.id, response)


@router.get("/physical-assets/{physical_asset_id}", openapi_extra=refuses("physical-asset-not-found"))
async def get_physical_asset(caller: Viewer, physical_asset_id: str, response: Response) -> PhysicalAssetOut:
    """One machine."""
    return await _shown_asset(caller, physical_asset_id, response)


@router.put(
    "/physical-assets/{physical_asset_id}",
    openapi_extra=refuses("asset-mapping-overlap equipment-not-found physical-asset-not-found"),
)
async def update_physical_asset(
    caller: Engineer,
    physical_asset_id: str,
    body: PhysicalAssetChange,
    response: Response,
    if_match: IfMatch = None,
) -> PhysicalAssetOut:
    """Describe a machine anew."""
    version = expected_version(if_match, body.version)
    await caller.write(service.update_physical_asset, spec=body.spec(physical_asset_id), version=version)
    return await _shown_asset(caller, physical_asset_id, response)


@router.get("/calendar")
async def get_calendar(caller: Viewer, response: Response) -> CalendarOut:
    """The plant calendar in force; version 0: none was ever put, days are UTC and there are no shifts."""
    return await _shown_calendar(caller, response)


@router.put("/calendar", openapi_extra=refuses("calendar-invalid"))
async def put_calendar(caller: Engineer, body: CalendarIn, response: Response, if_match: IfMatch = None) -> CalendarOut:
    """Replace the plant calendar."""
    version = expected_version(if_match, body.version)
    await caller.write(service.put_calendar, calendar=body.calendar(), version=version)
    return await _shown_calendar(caller, response)


@router.get("/plant-policy")
async def get_plant_policy(caller: Viewer, response: Response) -> PlantPolicyOut:
    """What the plant wants done where it has the choice; version 0: nobody has said anything."""
    return await _shown_policy(caller, response)


@router.put("/plant-policy")
async def put_plant_policy(
    caller: Engineer, body: PlantPolicyIn, response: Response, if_match: IfMatch = None
) -> PlantPolicyOut:
    """Put a policy in force."""
    version = expected_version(if_match, body.version)
    await caller.write(service.put_plant_policy, policy=body.policy(), version=version)
    return await _shown_policy(caller, response)


@router.get("/calendar/shifts", openapi_extra=refuses("calendar-range-too-long"))
async def list_shifts(
    caller: Viewer, from_at: AwareDatetime, to_at: AwareDatetime, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[ShiftOut]:
    """Shifts that touch [from_at, to_at), at most 400 days, as real instants over clock changes too."""
    found = await caller.read(queries.list_shifts, from_at=from_at, to_at=to_at)
    return page_out(found, ShiftOut.of, cursor=cursor, limit=limit, key=_shift_key)


def _put_equipment(uow: UnitOfWork, *, rows: Sequence[EquipmentSpec]) -> Mapping[str, str]:
    return service.put_equipment(uow, specs=rows)


def _shift_key(shift: Shift) -> str:
    return f"{shift.starts_at.isoformat()} {shift.shift_id}"


async def _shown_equipment(caller: Caller, equipment_id: str, response: Response) -> EquipmentOut:
    view = await caller.read(queries.get_equipment, equipment_id=equipment_id)
    response.headers["ETag"] = etag(view.version)
    return EquipmentOut.of(view)


async def _shown_class(caller: Caller, equipment_class_id: str, response: Response) -> EquipmentClassOut:
    view = await caller.read(queries.get_equipment_class, equipment_class_id=equipment_class_id)
    response.headers["ETag"] = etag(view.version)
    return EquipmentClassOut.of(view)


async def _shown_asset(caller: Caller, physical_asset_id: str, response: Response) -> PhysicalAssetOut:
    view = await caller.read(queries.get_physical_asset, physical_asset_id=physical_asset_id)
    response.headers["ETag"] = etag(view.version)
    return PhysicalAssetOut.of(view)


async def _shown_policy(caller: Caller, response: Response) -> PlantPolicyOut:
    policy = await caller.read(queries.get_plant_policy)
    response.headers["ETag"] = etag(policy.version)
    return PlantPolicyOut.of(policy)


async def _shown_calendar(caller: Caller, response: Response) -> CalendarOut:
    view = await caller.read(queries.get_calendar)
    response.headers["ETag"] = etag(view.version)
    return CalendarOut.of(view)
