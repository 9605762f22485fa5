"""What waits for a decision."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import func, select
from sqlmodel import Session

from mes.edge.tables import Bridge, TagBindingRow
from mes.equipment.tables import Equipment
from mes.ingest.quarantine.types import COUNTED_MAX, RETRIABLE, VALUE_MAX, QuarantineList, QuarantineView
from mes.ingest.tables import QuarantineRow
from mes.kernel.paging import LIMIT_DEFAULT, decode_cursor, page_of
from mes.kernel.sqltypes import from_us

_ROW = QuarantineRow.__table__  # type: ignore[attr-defined]
_BRIDGE = Bridge.__table__  # type: ignore[attr-defined]
_BINDING = TagBindingRow.__table__  # type: ignore[attr-defined]
_EQUIPMENT = Equipment.__table__  # type: ignore[attr-defined]


def list_quarantine(session: Session, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT) -> QuarantineList:
    """What nobody has decided about, the newest first. `bad-cursor`."""
    join = (
        _ROW.join(_BRIDGE, _BRIDGE.c.pk == _ROW.c.bridge_pk)
        .outerjoin(_BINDING, (_BINDING.c.bridge_pk == _ROW.c.bridge_pk) & (_BINDING.c.tag == _ROW.c.tag))
        .outerjoin(_EQUIPMENT, _EQUIPMENT.c.pk == _BINDING.c.equipment_pk)
    )
    columns = (_ROW, _BRIDGE.c.id.label("bridge_id"), _EQUIPMENT.c.id.label("equipment_id"))
    statement = select(*columns).select_from(join).where(_ROW.c.decision == "").order_by(_ROW.c.pk.desc())
    if cursor is not None:
        statement = statement.where(_ROW.c.pk < decode_cursor(cursor, (int,))[0])
    views = [_view(row) for row in session.execute(statement.limit(limit + 1))]
    return QuarantineList(page_of(views, limit, lambda view: (view.pk,)), count_quarantine(session))


def count_quarantine(session: Session) -> int:
    """How many nobody has decided about, at most `COUNTED_MAX`."""
    few = select(_ROW.c.pk).where(_ROW.c.decision == "").limit(COUNTED_MAX).subquery()
    return int(session.execute(select(func.count()).select_from(few)).scalar_one())


def _view(row: Any) -> QuarantineView:
    item = orjson.loads(row.item)
    at_us = item.get("source_at_us") or item.get("observed_at_us")
    return QuarantineView(
        row.pk,
        row.bridge_id,
        row.tag,
        row.equipment_id or "",
        row.reason,
        _shortened(item.get("value", item.get("message"))),
        from_us(at_us) if isinstance(at_us, int) and row.reason != "bad-time" else None,
        from_us(row.recorded_at_us),
        row.reason in RETRIABLE,
    )


def _shortened(value: Any) -> str:
    if value is None:
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= VALUE_MAX else f"{text[: VALUE_MAX - 1]}…"
