"""REST of the audit trail, for supervisors and administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime

from mes.access.audit.queries import list_acts
from mes.access.audit.schemas import AuditedActOut
from mes.access.audit.types import SHOWN_DEFAULT, SHOWN_MAX, TYPE_PATTERN, ActFilter
from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor, PageOf
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.kernel.texts import NO_NUL

router = api_router("access")
Auditor = Annotated[Caller, Depends(caller(Permission.read_audit))]
PrincipalId = Annotated[str | None, Query(max_length=100, description="Who did it."), NO_NUL]
Subject = Annotated[str | None, Query(max_length=200, description="What it was about, `job/…` or `order/…`."), NO_NUL]
Type = Annotated[
    str | None, Query(max_length=100, pattern=TYPE_PATTERN, description="`orders.*` or `orders.job-ended.v1`.")
]
Since = Annotated[AwareDatetime | None, Query(description="Recorded at or after.")]
Until = Annotated[AwareDatetime | None, Query(description="Recorded before.")]


@router.get("/acts", openapi_extra=refuses("principal-not-found"))
async def list_audited_acts(
    caller: Auditor,
    principal_id: PrincipalId = None,
    subject: Subject = None,
    type: Type = None,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=SHOWN_MAX, description="How many items at most.")] = SHOWN_DEFAULT,
) -> PageOf[AuditedActOut]:
    """Who did what, before and after, when, and from where; the newest first.

    A page looks at a bounded part of the record: it may be empty and still have a `next_cursor`.
    """
    wanted = ActFilter(principal_id=principal_id, subject=subject, type=type, since=since, until=until)
    page = await caller.read(list_acts, wanted=wanted, cursor=cursor, limit=limit)
    return PageOf(items=[AuditedActOut.of(act) for act in page.items], next_cursor=page.next_cursor)
