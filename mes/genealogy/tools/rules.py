"""Pure: whether a tool may be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mes.genealogy.tools.types import OPEN_US, Limit, Spent, ToolAct, ToolLife, ToolSpec, ToolThen


def first_spent(limits: Iterable[Limit], now_us: int | None) -> Limit | None:
    """The first limit that is reached; without a time only cycles are judged."""
    return next((limit for limit in limits if _is_spent(limit, now_us)), None)


def lives_of(spec: ToolSpec, cycles: int, prolonged_to: int, limits: Iterable[Limit], now_us: int) -> list[ToolLife]:
    """What is left of a tool's limits, those it has."""
    if cycles < prolonged_to:
        return [ToolLife(None, prolonged_to - cycles, None, 0)]
    return [
        ToolLife(limit.why, left, total, limit.until_us, _is_spent(limit, now_us))
        for limit in limits
        for total in (spec.life_cycles if limit.why is Spent.worn_out else spec.clean_cycles,)
        for left in (None if total is None else max(limit.cycles_left, 0),)
        if total is not None or limit.until_us
    ]


def stays_of(acts: Iterable[tuple[str, int, ToolAct, int | None]]) -> Iterator[ToolThen]:
    """Where tools stood and when, from what was done with them in order: tool, instant, act, station.

    One that is mounted elsewhere is no longer where it was.
    """
    since: dict[str, tuple[int, int]] = {}
    for tool_id, at_us, act, place in acts:
        if act not in (ToolAct.mounted, ToolAct.unmounted):
            continue
        if tool_id in since:
            yield ToolThen(tool_id, *since.pop(tool_id), at_us)
        if act is ToolAct.mounted and place is not None:
            since[tool_id] = place, at_us
    for tool_id, stay in since.items():
        yield ToolThen(tool_id, *stay, OPEN_US)


def _is_spent(limit: Limit, now_us: int | None) -> bool:
    return limit.cycles_left <= 0 or bool(limit.until_us and now_us is not None and limit.until_us <= now_us)
