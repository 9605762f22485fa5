"""REST of reporting: the ERP pulls what became of its orders, by cursor."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from mes.access.door import Caller, caller
from mes.access.door.routing import api_router
from mes.access.permissions import Permission
from mes.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX
from mes.reporting import queries
from mes.reporting.schemas import PerformanceOut, PerformancePage

router = api_router("operations performance")
Reader = Annotated[Caller, Depends(caller(Permission.read_performance))]


@router.get("/operations-performance", response_model_exclude_unset=True)
async def list_operations_performance(
    caller: Reader,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> PerformancePage:
    """Reports after a cursor, oldest first. Keep `next_after` and ask again; a correction is a new version.

    Quantities are the proven minimum; `quantity_upper` is the most it can be, null where no bound is known.
    """
    entries = await caller.read(queries.list_operations_performance, after=after, limit=limit)
    items = [PerformanceOut.model_validate({"cursor": entry.cursor, **entry.content}) for entry in entries]
    return PerformancePage(items=items, next_after=entries[-1].cursor if entries else after)
