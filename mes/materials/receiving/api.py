"""REST of receiving."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Response
from fastapi.responses import PlainTextResponse

from mes.access.door import Caller, caller, require
from mes.access.door.pages import Cursor, Limit
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.kernel.paging import LIMIT_DEFAULT
from mes.kernel.texts import NO_NUL
from mes.materials.receiving import queries, service
from mes.materials.receiving.schemas import LabelScanIn, ProposalOut, ReceiptIn, ReceiptOut, ReceiptPage

router = api_router("materials")

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Operator = Annotated[Caller, Depends(caller(Permission.operate))]
Lot = Annotated[str, Path(max_length=250), NO_NUL]


@router.post("/receipts/proposal", openapi_extra=refuses("label-unreadable"))
async def propose_receipt(caller: Operator, body: LabelScanIn) -> ProposalOut:
    """What a scanned label means here. Nothing is written. `label-unreadable` with the fault's own code in `errors`."""
    now = caller.database.clock()
    return ProposalOut.of(await caller.read(queries.propose_receipt, text=body.label, now=now))


@router.post(
    "/receipts",
    status_code=201,
    openapi_extra=refuses(
        "idempotency-key-reused lot-expired lot-hold-stands material-lot-closed material-lot-exists "
        "material-lot-fixed material-lot-in-use material-lot-not-found material-not-found part-not-approved "
        "quantity-out-of-range receipt-invalid receipt-not-found unit-not-convertible"
    ),
)
async def receive_lot(caller: Operator, body: ReceiptIn, response: Response) -> ReceiptOut:
    """Take a lot in: it gets the next reel id. Repeating a `request_id` answers the same lot."""
    if body.override_reason:
        require(caller, Permission.override_refusals)
    lot_id = await caller.write(service.receive_lot, spec=body.spec())
    response.headers["Location"] = f"/api/v1/receipts/{lot_id}"
    return ReceiptOut.of(await caller.read(queries.get_receipt, lot_id=lot_id))


@router.get("/receipts")
async def list_receipts(caller: Viewer, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> ReceiptPage:
    """Receipts, the latest first."""
    return ReceiptPage.of(await caller.read(queries.list_receipts, cursor=cursor, limit=limit))


@router.get("/receipts/{lot_id}", openapi_extra=refuses("receipt-not-found"))
async def get_receipt(caller: Viewer, lot_id: Lot) -> ReceiptOut:
    """How a lot came in."""
    return ReceiptOut.of(await caller.read(queries.get_receipt, lot_id=lot_id))


@router.get(
    "/receipts/{lot_id}/label.zpl",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"example": "^XA^FO20,20^BXN,6,200^FDR-00000001^FS^XZ"}}}},
    openapi_extra=refuses("receipt-not-found"),
)
async def get_reel_label(caller: Viewer, lot_id: Lot) -> PlainTextResponse:
    """A reel's own label for a printer that speaks ZPL II, 203 dots to the inch, 70 × 35 mm."""
    return PlainTextResponse(await caller.read(queries.get_label_zpl, lot_id=lot_id))
