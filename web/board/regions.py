"""Live regions of the board. Parameters: `show`, one of SHOWS, of the list; `span`, one of SPANS, of the Gantt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from mes.kernel.db import ReadSession
from mes.orders.planning.queries import list_schedule, list_short_orders
from mes.orders.queries import list_board, list_orders_to_count
from mes.orders.types import OrderCard
from web.board.plan_views import BoardGantt, BoardKanban, board_gantt, board_kanban
from web.board.views import BoardOrders, board_orders
from web.components.plant_time import plant_zone
from web.live.region import Region

DONE_SHOWN = timedelta(hours=24)
"""How long a finished order stays on the board."""


def build_board_orders(session: ReadSession, *, now: datetime, params: Mapping[str, str]) -> BoardOrders:
    cards = list_board(session, now=now, ended_since=now - DONE_SHOWN)
    to_count = list_orders_to_count(session, now=now)
    together = {card.operations_request_id: card for card in (*cards, *to_count)}
    short = list_short_orders(session, operations_request_ids=_waiting(cards), now=now)
    return board_orders(together.values(), params.get("show", ""), plant_zone(session), now, short)


def _cards(session: ReadSession, now: datetime) -> tuple[OrderCard, ...]:
    return list_board(session, now=now, ended_since=now - DONE_SHOWN)


def _waiting(cards: Iterable[OrderCard]) -> list[str]:
    return [card.operations_request_id for card in cards if any(job.waits for job in card.jobs)]


def build_board_kanban(session: ReadSession, *, now: datetime, params: Mapping[str, str]) -> BoardKanban:
    cards = _cards(session, now)
    short = list_short_orders(session, operations_request_ids=_waiting(cards), now=now)
    return board_kanban(cards, short, plant_zone(session), now)


def build_board_gantt(session: ReadSession, *, now: datetime, params: Mapping[str, str]) -> BoardGantt:
    jobs = [job for card in _cards(session, now) for job in card.jobs]
    slots = list_schedule(session, jobs=jobs, now=now)
    return board_gantt(slots, params.get("span", ""), plant_zone(session), now)


def _board(params: Mapping[str, str]) -> tuple[str, ...]:
    return ("board",)


REGIONS: tuple[Region, ...] = (
    Region("board-orders", "board/_board_orders.html", _board, build_board_orders, "outerMorph"),
    Region("board-kanban", "board/_board_kanban.html", _board, build_board_kanban, "outerMorph"),
    Region("board-gantt", "board/_board_gantt.html", _board, build_board_gantt, "outerMorph"),
)
