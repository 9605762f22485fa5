"""SQL of tools. `?` is a parameter on both databases."""

from __future__ import annotations

from typing import Any, Final

from mes.genealogy.statements import Reads
from mes.genealogy.tools.types import Limit, Spent, ToolAct
from mes.kernel.uow import UnitOfWork

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


def load_tool_limits(reads: Reads, tool_pk: int) -> tuple[Limit, ...]:
    """Limits of one tool."""
    sql = (
        f"SELECT t.id, '{Spent.worn_out.value}', {WORN} FROM production_tool t WHERE t.pk = ? "  # noqa: S608
        f"UNION ALL SELECT t.id, '{Spent.not_clean.value}', {DIRTY} FROM production_tool t WHERE t.pk = ?"
    )
    return tuple(Limit(row[0], Spent(row[1]), row[2], row[3]) for row in reads.driver_query(sql, (tool_pk, tool_pk)))


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
