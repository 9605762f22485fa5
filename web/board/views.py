"""View models of the board. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from mes.orders.types import OrderCard
from web.components.order import OrderRow, finished_last, order_row, urgency

SHOWS: Final = ("open", "late", "risk", "unreleased", "running", "count", "done")
FINISHED_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class ReleasedView:
    """What was just done (`release` or `revoke`); `jobs` (as `version:id`) can be taken back, if any."""

    what: str
    order_id: str
    show: str
    jobs: tuple[str, ...]
    until_ms: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Filter:
    show: str
    count: int
    current: bool
    href: str


@dataclass(frozen=True, slots=True)
class BoardOrders:
    """`rows` of the filter; `finished`: the last that are over, under the open ones and wherever there is nothing."""

    filters: tuple[Filter, ...]
    rows: tuple[OrderRow, ...]
    finished: tuple[OrderRow, ...]
    show: str
    query: str
    short: frozenset[str] = frozenset()
    """Orders of which material is short: they are looked at before they are released."""


@dataclass(frozen=True, slots=True)
class BoardPage:
    orders: BoardOrders
    released: ReleasedView | None


def board_orders(
    cards: Iterable[OrderCard], show: str, zone: tzinfo, now: datetime, short: Collection[str] = ()
) -> BoardOrders:
    """Rows of one filter, late ones first, then by due time, finished ones by their end; counts of all filters."""
    show = show if show in SHOWS else "open"
    rows = [order_row(card, zone, now) for card in cards]
    filters = tuple(
        Filter(name, sum(belongs(row, name) for row in rows), name == show, f"/board?show={name}") for name in SHOWS
    )
    over = finished_last(rows)
    shown = over if show == "done" else tuple(sorted((row for row in rows if belongs(row, show)), key=urgency))
    below = over[:FINISHED_SHOWN] if show == "open" or not shown else ()
    return BoardOrders(filters, shown, below, show, f"?show={show}", frozenset(short))


def belongs(row: OrderRow, show: str) -> bool:
    """Whether a filter shows a row."""
    match show:
        case "open":
            return not row.over
        case "late" | "risk":
            return row.flag == show and not row.over
        case "unreleased":
            return bool(row.release)
        case "running":
            return row.state == "running"
        case "count":
            return bool(row.to_count)
        case _:
            return row.over
