"""REST of reconciliation: the ERP says what it thinks, and is told where the plant knows otherwise, and why."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Query, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.exchange.reconciliation.files import differences_csv
from mes.exchange.reconciliation.queries import reconcile, source_of
from mes.exchange.reconciliation.schemas import LotsViewIn, OrdersViewIn, ReconciliationOut
from mes.exchange.reconciliation.service import put_view
from mes.exchange.reconciliation.types import SOURCE_MAX, ErpView, Subject
from mes.kernel.texts import NO_NUL

router = api_router("reconciliation")
Teller = Annotated[Caller, Depends(caller(Permission.import_files))]
Source = Annotated[
    str | None,
    Query(
        max_length=SOURCE_MAX,
        description="Whose view: an ERP connection's id, `@` and a program's, `@`: a person's or a file's; empty: the "
        "newest that was handed in; else the newest.",
    ),
    NO_NUL,
]
Reader = Annotated[Caller, Depends(caller(Permission.read_performance))]
_ROWS: Final = "id;what;erp;plant;unit;reason;version\r\nPO-1001;good;50;48;pcs;corrected-since;2\r\n"
_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": _ROWS}}}
}


@router.put("/reconciliation/orders", openapi_extra=refuses("erp-view-invalid erp-view-not-found"))
async def put_orders_view(caller: Teller, body: OrdersViewIn) -> ReconciliationOut:
    """What the ERP has booked of its orders. The answer says where the plant knows otherwise, and why."""
    return await _taken(caller, body.value())


@router.put("/reconciliation/lots", openapi_extra=refuses("erp-view-invalid erp-view-not-found"))
async def put_lots_view(caller: Teller, body: LotsViewIn) -> ReconciliationOut:
    """What the ERP has in stock, by lot. The answer says where the plant knows otherwise, and why."""
    return await _taken(caller, body.value())


async def _taken(caller: Caller, view: ErpView) -> ReconciliationOut:
    await caller.write(put_view, view=view)
    source = await caller.read(source_of, principal_pk=caller.principal_pk)
    return ReconciliationOut.of(await caller.read(reconcile, subject=view.subject, source=source))


@router.get("/reconciliation/{subject}", openapi_extra=refuses("erp-view-not-found"))
async def get_reconciliation(caller: Reader, subject: Subject, source: Source = None) -> ReconciliationOut:
    """An ERP's last view against what the plant knows now."""
    return ReconciliationOut.of(await caller.read(reconcile, subject=subject, source=source))


@router.get(
    "/reconciliation/{subject}/differences",
    response_class=Response,
    responses=_CSV,
    openapi_extra=refuses("erp-view-not-found"),
)
async def get_reconciliation_csv(caller: Reader, subject: Subject, source: Source = None) -> Response:
    """The same differences as a CSV file."""
    found = await caller.read(reconcile, subject=subject, source=source)
    return Response(differences_csv(found), media_type="text/csv; charset=utf-8")
