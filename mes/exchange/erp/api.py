"""REST of ERP connections, for administrators: kept, tried, looked into."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Path, Request, Response

from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor, Limit, PageOf, page_out
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.exchange.erp import queries, service
from mes.exchange.erp.checking import check_connection
from mes.exchange.erp.kinds import MAKERS
from mes.exchange.erp.schemas import (
    CheckedOut,
    ConsumptionIn,
    ErpConnectionChange,
    ErpConnectionIn,
    ErpConnectionOut,
    ErpMaterialOut,
    ErpOrderOut,
    TellAgainIn,
)
from mes.kernel.paging import LIMIT_DEFAULT
from mes.kernel.texts import NO_NUL
from mes.kernel.vault import Vault

router = api_router("erp")
Keeper = Annotated[Caller, Depends(caller(Permission.manage_erp))]
Named = Annotated[str, Path(max_length=100), NO_NUL]


async def vault_of(request: Request) -> Vault:
    """What the composition root seals with."""
    vault: Vault = request.app.state.vault
    return vault


TheVault = Annotated[Vault, Depends(vault_of)]


@router.get("/erp-connections")
async def list_erp_connections(
    caller: Keeper, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[ErpConnectionOut]:
    """ERP connections by id, and how each stands."""
    found = await caller.read(queries.list_connections)
    return page_out(found, ErpConnectionOut.of, cursor=cursor, limit=limit, key=lambda one: one.spec.connection_id)


@router.post(
    "/erp-connections",
    status_code=201,
    openapi_extra=refuses("erp-connection-exists erp-connection-invalid erp-connection-not-found"),
)
async def create_erp_connection(
    caller: Keeper, vault: TheVault, body: ErpConnectionIn, response: Response
) -> ErpConnectionOut:
    """Work with an ERP from now on: its master data and orders are taken, what comes of them is told."""
    sealed = vault.seal(body.password)
    await caller.write(service.create_connection, spec=body.spec(body.id), sealed_password=sealed, kinds=tuple(MAKERS))
    response.headers["Location"] = f"/api/v1/erp-connections/{body.id}"
    return await _shown(caller, body.id, response)


@router.get("/erp-connections/{connection_id}", openapi_extra=refuses("erp-connection-not-found"))
async def get_erp_connection(caller: Keeper, connection_id: Named, response: Response) -> ErpConnectionOut:
    """One ERP connection."""
    return await _shown(caller, connection_id, response)


@router.put(
    "/erp-connections/{connection_id}",
    openapi_extra=refuses("erp-connection-invalid erp-connection-not-found"),
)
async def update_erp_connection(
    caller: Keeper,
    vault: TheVault,
    connection_id: Named,
    body: ErpConnectionChange,
    response: Response,
    if_match: IfMatch = None,
) -> ErpConnectionOut:
    """Make a connection as described. Switched off it loses nothing: on again, it goes on where it stopped."""
    spec = body.spec(connection_id)
    if body.private_addresses is None:
        known = await caller.read(queries.get_connection, connection_id=connection_id)
        spec = replace(spec, private_addresses=known.spec.private_addresses)
    await caller.write(
        service.change_connection,
        spec=spec,
        version=expected_version(if_match, body.version),
        kinds=tuple(MAKERS),
        sealed_password=None if body.password is None else vault.seal(body.password),
    )
    return await _shown(caller, connection_id, response)


@router.delete("/erp-connections/{connection_id}", status_code=204, openapi_extra=refuses("erp-connection-not-found"))
async def remove_erp_connection(caller: Keeper, connection_id: Named) -> None:
    """Remove a connection with all it knows of the ERP. Materials, routings and orders stay."""
    await caller.write(service.remove_connection, connection_id=connection_id)


@router.post(
    "/erp-connections/{connection_id}/check", openapi_extra=refuses("erp-connection-not-found erp-unreachable")
)
async def check_erp_connection(caller: Keeper, vault: TheVault, connection_id: Named) -> CheckedOut:
    """Sign in to the ERP now, look around, change nothing."""
    return CheckedOut.of(await check_connection(caller.database, vault, MAKERS, connection_id))


@router.get("/erp-connections/{connection_id}/orders", openapi_extra=refuses("erp-connection-not-found"))
async def list_erp_orders(
    caller: Keeper,
    connection_id: Named,
    troubled: bool = False,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PageOf[ErpOrderOut]:
    """Orders of the ERP and how each stands, newest first; `troubled`: only those somebody has to see to."""
    wanted = {"connection_id": connection_id, "troubled": troubled, "cursor": cursor, "limit": limit}
    page = await caller.read(queries.list_erp_orders, **wanted)
    return PageOf(items=[ErpOrderOut.of(view) for view in page.items], next_cursor=page.next_cursor)


@router.post(
    "/erp-connections/{connection_id}/tell-again",
    status_code=204,
    openapi_extra=refuses("erp-connection-not-found erp-order-not-found"),
)
async def tell_erp_order_again(caller: Keeper, connection_id: Named, body: TellAgainIn) -> None:
    """Tell the outcome of an order now. What the ERP has booked already is not booked again."""
    await caller.write(service.tell_again, connection_id=connection_id, order_id=body.order_id)


@router.get("/erp-connections/{connection_id}/materials", openapi_extra=refuses("erp-connection-not-found"))
async def list_erp_materials(
    caller: Keeper, connection_id: Named, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PageOf[ErpMaterialOut]:
    """Materials that came from the ERP, and how the use of each is found."""
    found = await caller.read(queries.list_erp_materials, connection_id=connection_id)
    return page_out(found, ErpMaterialOut.of, cursor=cursor, limit=limit, key=lambda one: one.material_id)


@router.put(
    "/erp-connections/{connection_id}/materials/{material_id:path}",
    status_code=204,
    openapi_extra=refuses("erp-connection-not-found erp-material-not-found"),
)
async def choose_erp_consumption(caller: Keeper, connection_id: Named, material_id: Named, body: ConsumptionIn) -> None:
    """Say how the use of a material is found: by the bill, or by what was scanned and mounted."""
    await caller.write(
        service.choose_consumption,
        connection_id=connection_id,
        material_id=material_id,
        consumption=body.consumption,
    )


async def _shown(caller: Caller, connection_id: str, response: Response) -> ErpConnectionOut:
    view = await caller.read(queries.get_connection, connection_id=connection_id)
    response.headers["ETag"] = etag(view.version)
    return ErpConnectionOut.of(view)
