"""Reads of tools."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select

from mes.equipment.tables import Equipment
from mes.genealogy.tables import ProductionTool, ToolActRow
from mes.genealogy.tools.errors import ToolNotFound
from mes.genealogy.tools.rules import first_spent
from mes.genealogy.tools.statements import load_tool_limits
from mes.genealogy.tools.types import ACTS_MAX, ToolAct, ToolActView, ToolSpec, ToolView
from mes.kernel.db import ReadSession
from mes.kernel.paging import LIMIT_DEFAULT, Page, decode_cursor, page_of
from mes.kernel.sqltypes import from_us, to_us

_T: Final = ProductionTool.__table__  # type: ignore[attr-defined]
_A: Final = ToolActRow.__table__  # type: ignore[attr-defined]
_E: Final = Equipment.__table__  # type: ignore[attr-defined]


def get_tool(session: ReadSession, *, tool_id: str, now: datetime) -> ToolView:
    """One tool. `tool-not-found`."""
    row = session.execute(_tools().where(_T.c.id == tool_id)).first()
    if row is None:
        raise ToolNotFound(f"There is no tool {tool_id!r}.")
    return _view(session, row, now)


def list_tools(
    session: ReadSession, *, now: datetime, cursor: str | None = None, limit: int = LIMIT_DEFAULT
) -> Page[ToolView]:
    """Tools by id."""
    after = "" if cursor is None else decode_cursor(cursor, (str,))[0]
    rows = session.execute(_tools().where(_T.c.id > after).order_by(_T.c.id).limit(limit + 1)).all()
    return page_of([_view(session, row, now) for row in rows], limit, lambda view: (view.spec.tool_id,))


def list_tool_acts(session: ReadSession, *, tool_id: str) -> tuple[ToolActView, ...]:
    """What was done with a tool, newest first, at most ACTS_MAX. `tool-not-found`."""
    pk = session.execute(select(_T.c.pk).where(_T.c.id == tool_id)).scalar()
    if pk is None:
        raise ToolNotFound(f"There is no tool {tool_id!r}.")
    place = func.coalesce(_E.c.id, "").label("equipment_id")
    rows = session.execute(
        select(_A, place)
        .outerjoin(_E, _E.c.pk == _A.c.equipment_pk)
        .where(_A.c.tool_pk == pk)
        .order_by(_A.c.pk.desc())
        .limit(ACTS_MAX)
    )
    return tuple(
        ToolActView(ToolAct(row.act), from_us(row.at_us), row.actor, row.equipment_id, row.cycles, row.reason)
        for row in rows
    )


def _tools() -> Any:
    place = func.coalesce(_E.c.id, "").label("equipment_id")
    return select(_T, place).outerjoin(_E, _E.c.pk == _T.c.place_pk)


def _view(session: ReadSession, row: Any, now: datetime) -> ToolView:
    spent = first_spent(load_tool_limits(session, row.pk), to_us(now))
    limits = (row.life_cycles, row.life_days, row.clean_cycles, row.clean_hours)
    spec = ToolSpec(row.id, row.kind, row.description, *limits)
    since_clean = row.cycles - row.cleaned_at_cycles
    return ToolView(spec, row.cycles, since_clean, row.equipment_id, spent.why if spent else None, row.version)
