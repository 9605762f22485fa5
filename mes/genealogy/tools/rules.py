"""Pure: whether a tool may be used."""

from __future__ import annotations

from collections.abc import Iterable

from mes.genealogy.tools.types import Limit


def first_spent(limits: Iterable[Limit], now_us: int | None) -> Limit | None:
    """The first limit that is reached; without a time only cycles are judged."""
    return next((limit for limit in limits if _is_spent(limit, now_us)), None)


def _is_spent(limit: Limit, now_us: int | None) -> bool:
    return limit.cycles_left <= 0 or bool(limit.until_us and now_us is not None and limit.until_us <= now_us)
