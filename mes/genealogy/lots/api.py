"""REST of lots that may be in use: what master data say of them, judged by what was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Depends, Response

from mes.access.door import Caller, caller
from mes.access.door.bulk import Atomic, BulkOf, BulkOut, put_rows, rows_by_id
from mes.access.door.preconditions import IfMatch, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.genealogy import service
from mes.kernel.uow import UnitOfWork
from mes.materials.api import shown_lot
from mes.materials.schemas import MaterialLotChange, MaterialLotIn, MaterialLotOut
from mes.materials.types import LotSpec

router = api_router("materials")

Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]


@router.post(
    "/material-lots/bulk",
    openapi_extra=refuses(
        "bulk-row-repeated lot-hold-stands material-lot-closed material-lot-fixed material-lot-in-use "
        "material-not-found quantity-out-of-range unit-not-convertible"
    ),
)
async def upsert_material_lots(caller: Engineer, body: BulkOf[MaterialLotIn], atomic: Atomic = False) -> BulkOut:
    """Lots as described, made where they are new; the same again changes nothing."""
    rows = rows_by_id(body.rows, lambda row: row.id)
    return await put_rows(caller, _put_material_lots, {id: row.spec() for id, row in rows.items()}, atomic=atomic)


@router.put(
    "/material-lots/{lot_id}",
    openapi_extra=refuses(
        "lot-hold-stands material-lot-closed material-lot-fixed material-lot-in-use material-lot-not-found "
        "material-not-found quantity-out-of-range unit-not-convertible"
    ),
)
async def update_material_lot(
    caller: Engineer, lot_id: str, body: MaterialLotChange, response: Response, if_match: IfMatch = None
) -> MaterialLotOut:
    """Correct quantity or disposition of a lot."""
    version = expected_version(if_match, body.version)
    await caller.write(service.update_lot, spec=body.spec(lot_id), version=version)
    return await shown_lot(caller, lot_id, response)


def _put_material_lots(uow: UnitOfWork, *, rows: Sequence[LotSpec]) -> Mapping[str, str]:
    return service.put_lots(uow, specs=rows)
