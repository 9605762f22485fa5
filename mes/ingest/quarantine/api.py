"""REST of quarantine: what machines told that nobody could use, and what is done about it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor, Limit
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.ingest.quarantine.queries import list_quarantine
from mes.ingest.quarantine.schemas import QuarantineOut, SetAsideIn, SetAsideOut
from mes.ingest.quarantine.service import retry_reading, set_reading_aside
from mes.kernel.paging import LIMIT_DEFAULT

router = api_router("readings")

Viewer = Annotated[Caller, Depends(caller(Permission.view_bridges))]
Decider = Annotated[Caller, Depends(caller(Permission.decide_quality))]
Key = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/quarantine")
async def list_quarantined_readings(
    caller: Viewer, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> QuarantineOut:
    """What nobody has decided about, the newest first."""
    return QuarantineOut.of(await caller.read(list_quarantine, cursor=cursor, limit=limit))


@router.post(
    "/quarantine/{reading_id}/retry",
    status_code=204,
    openapi_extra=refuses("reading-decided reading-not-found reading-not-retriable reading-still-refused"),
)
async def retry_quarantined_reading(caller: Decider, reading_id: Key) -> None:
    """Record it now. 409 `reading-still-refused`, `reading-not-retriable`, `reading-decided`."""
    await caller.write(retry_reading, pk=reading_id)


@router.post("/quarantine/{reading_id}/set-aside", openapi_extra=refuses("reading-decided reading-not-found"))
async def set_quarantined_reading_aside(caller: Decider, reading_id: Key, body: SetAsideIn) -> SetAsideOut:
    """Nothing is to be done about it, and why."""
    count = await caller.write(set_reading_aside, pk=reading_id, reason=body.reason, alike=body.alike)
    return SetAsideOut(set_aside=count)
