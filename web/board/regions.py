"""Live region of the board. Parameter: `show`, one of SHOWS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from mes.kernel.db import ReadSession
from mes.orders.queries import list_board, list_orders_to_count
from web.board.views import BoardOrders, board_orders
from web.components.plant_time import plant_zone
from web.live.region import Region

DONE_SHOWN = timedelta(hours=24)
"""How long a finished order stays on the board."""


def build_board_orders(session: ReadSession, *, now: datetime, params: Mapping[str, str]) -> BoardOrders:
    cards = list_board(session, now=now, ended_since=now - DONE_SHOWN)
    to_count = list_orders_to_count(session, now=now)
    together = {card.operations_request_id: card for card in (*cards, *to_count)}
    return board_orders(together.values(), params.get("show", ""), plant_zone(session), now)


REGIONS: tuple[Region, ...] = (
    Region("board-orders", "board/_board_orders.html", lambda params: ("board",), build_board_orders, "outerMorph"),
)
