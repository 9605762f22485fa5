"""Live region of the board. Parameter: `show`, one of SHOWS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from mes.kernel.db import ReadSession
from mes.orders.queries import list_board
from web.board.views import BoardOrders, board_orders
from web.components.plant_time import plant_zone
from web.live.region import Region

DONE_SHOWN = timedelta(hours=24)
"""How long a finished order stays on the board."""


def build_board_orders(session: ReadSession, *, now: datetime, params: Mapping[str, str]) -> BoardOrders:
    return board_orders(
        list_board(session, now=now, ended_since=now - DONE_SHOWN), params.get("show", ""), plant_zone(session), now
    )


REGIONS: tuple[Region, ...] = (
    Region("board-orders", "board/_board_orders.html", lambda params: ("board",), build_board_orders, "outerMorph"),
)
