"""SQL of tools. `?` is a parameter on both databases."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from mes.genealogy.statements import Reads
from mes.genealogy.tools.rules import stays_of
from mes.genealogy.tools.types import Limit, Spent, ToolAct, ToolThen
from mes.kernel.uow import UnitOfWork, marks

_PROLONGED: Final = "t.cycles < t.prolonged_to_cycles"
WORN: Final = (
    f"CASE WHEN {_PROLONGED} THEN 1 ELSE coalesce(t.life_cycles - t.cycles, 1) END, "
    f"CASE WHEN {_PROLONGED} THEN 0 ELSE coalesce(t.first_used_at_us + t.life_days * 86400000000, 0) END"
)
"""Cycles left, and until when; 0: no end."""
DIRTY: Final = (
    f"CASE WHEN {_PROLONGED} THEN 1 ELSE coalesce(t.clean_cycles - t.cycles + t.cleaned_at_cycles, 1) END, "
    f"CASE WHEN {_PROLONGED} THEN 0 "
    "ELSE coalesce(coalesce(t.cleaned_at_us, t.first_used_at_us) + t.clean_hours * 3600000000, 0) END"
)


def load_tool_limits(reads: Reads, tool_pks: Collection[int]) -> dict[str, tuple[Limit, ...]]:
    """Limits of tools, by id."""
    some, params = marks(tool_pks), tuple(tool_pks)
    sql = (
        f"SELECT t.id, '{Spent.worn_out.value}', {WORN} FROM production_tool t WHERE t.pk IN ({some}) "  # noqa: S608
        f"UNION ALL SELECT t.id, '{Spent.not_clean.value}', {DIRTY} FROM production_tool t WHERE t.pk IN ({some})"
    )
    found: dict[str, tuple[Limit, ...]] = {}
    for tool_id, why, left, until in reads.driver_query(sql, params * 2) if params else ():
        found[tool_id] = (*found.get(tool_id, ()), Limit(tool_id, Spent(why), left, until))
    return found


_ACTS: Final = (
    "SELECT t.id, a.at_us, a.act, a.equipment_pk FROM tool_act a JOIN production_tool t ON t.pk = a.tool_pk WHERE "
)


def load_stays(reads: Reads, tool_id: str) -> list[ToolThen]:
    """Where a tool stood, and when."""
    return _stays(reads.driver_query(f"{_ACTS} t.id = ? ORDER BY a.pk", (tool_id,)))


def load_stays_at(reads: Reads, equipment_pks: Collection[int]) -> list[ToolThen]:
    """Tools that stood at some stations, and when."""
    if not equipment_pks:
        return []
    some = f"SELECT tool_pk FROM tool_act WHERE equipment_pk IN ({marks(equipment_pks)})"  # noqa: S608
    rows = reads.driver_query(f"{_ACTS} a.tool_pk IN ({some}) ORDER BY a.pk", tuple(equipment_pks))
    return [stay for stay in _stays(rows) if stay.equipment_pk in equipment_pks]


def _stays(rows: Iterable[Any]) -> list[ToolThen]:
    return list(stays_of((tool_id, at_us, ToolAct(act), place) for tool_id, at_us, act, place in rows))


def known_tools(reads: Reads, ids: Collection[str]) -> set[str]:
    """Those of some ids that are tools."""
    sql = f"SELECT id FROM production_tool WHERE id IN ({marks(ids)})"  # noqa: S608
    return {row[0] for row in reads.driver_query(sql, tuple(ids))} if ids else set()


def find_tool_act(uow: UnitOfWork, request_id: str) -> int | None:
    """The hash of what was told under a request id; None: nothing was."""
    rows = uow.driver_query("SELECT content_hash FROM tool_act WHERE request_id = ?", (request_id,))
    return int(rows[0][0]) if rows else None


def load_tool(uow: UnitOfWork, tool_id: str) -> Any:
    """(key, cycles, key of its place) or None."""
    rows = uow.driver_query("SELECT pk, cycles, place_pk FROM production_tool WHERE id = ?", (tool_id,))
    return rows[0] if rows else None


def insert_tool_act(
    uow: UnitOfWork,
    tool_pk: int,
    act: ToolAct,
    place_pk: int | None,
    cycles: int,
    request_id: str,
    told: int,
    reason: str = "",
) -> None:
    """Keep what was done with a tool."""
    uow.driver_write(
        "INSERT INTO tool_act (tool_pk, act, at_us, actor, equipment_pk, cycles, reason, request_id, content_hash) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (tool_pk, act.value, uow.now_us, uow.actor, place_pk, cycles, reason, request_id, told),
    )


def count_cycle(uow: UnitOfWork, place_pk: int) -> None:
    """A piece passed: every tool that stands there did one cycle more."""
    uow.driver_write(
        "UPDATE production_tool SET cycles = cycles + 1, first_used_at_us = coalesce(first_used_at_us, ?) "
        "WHERE place_pk = ?",
        (uow.now_us, place_pk),
    )
