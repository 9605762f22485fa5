"""Who is signed in at a station, beside whoever the page is for."""

from __future__ import annotations

from datetime import datetime

from mes.access.queries import list_sessions
from mes.kernel.db import ReadSession
from mes.kernel.sqltypes import to_us


def people_here(session: ReadSession, *, station: str, now: datetime, besides: str = "") -> dict[str, str]:
    """Id → name of who is signed in at a station now, the latest first; `besides` is left out."""
    found = list_sessions(session, now_us=to_us(now), work_unit_id=station).items
    return {one.principal_id: one.display_name for one in found if one.principal_id != besides}
