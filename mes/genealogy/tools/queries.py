"""Reads of tools."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select

from mes.equipment.tables import Equipment
from mes.genealogy.tables import ProductionTool, ToolActRow
from mes.genealogy.tools.errors import ToolNotFound
from mes.genealogy.tools.rules import first_spent, lives_of
from mes.genealogy.tools.statements import load_tool_limits
from mes.genealogy.tools.types import ACTS_MAX, Limit, ToolAct, ToolActView, ToolSpec, ToolView
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
    return _views(session, [row], now)[0]


def list_tools_at(session: ReadSession, *, equipment_id: str, now: datetime) -> tuple[ToolView, ...]:
    """Tools that stand at a station, by id."""
    return _views(session, session.execute(_tools().where(_E.c.id == equipment_id).order_by(_T.c.id)).all(), now)


def list_tools(
    session: ReadSession, *, now: datetime, cursor: str | None = None, limit: int = LIMIT_DEFAULT
) -> Page[ToolView]:
    """Tools by id."""
    after = "" if cursor is None else decode_cursor(cursor, (str,))[0]
    rows = session.execute(_tools().where(_T.c.id > after).order_by(_T.c.id).limit(limit + 1)).all()
    return page_of(_views(session, rows, now), limit, lambda view: (view.spec.tool_id,))


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


def _views(session: ReadSession, rows: Sequence[Any], now: datetime) -> tuple[ToolView, ...]:
    limits = load_tool_limits(session, [row.pk for row in rows])
    return tuple(_view(row, limits[row.id], to_us(now)) for row in rows)


def _view(row: Any, left: tuple[Limit, ...], now_us: int) -> ToolView:
    spent = first_spent(left, now_us)
    limits = (row.life_cycles, row.life_days, row.clean_cycles, row.clean_hours)
    spec = ToolSpec(row.id, row.kind, row.description, *limits)
    since_clean = row.cycles - row.cleaned_at_cycles
    lives = tuple(lives_of(spec, row.cycles, row.prolonged_to_cycles, left, now_us))
    return ToolView(spec, row.cycles, since_clean, row.equipment_id, spent.why if spent else None, row.version, lives)
