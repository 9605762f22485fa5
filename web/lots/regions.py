"""Live regions of lots. Parameter of a lot's: `lot_id`. Times that run are no events: asked for again as they age."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from mes.kernel.db import ReadSession
from mes.materials.life.queries import exposure_of, list_storage_changes, lots_running_out
from mes.materials.queries import find_lot_hold
from web.components.plant_time import plant_zone
from web.live.region import Region
from web.lots.views import LotView, RunningOutView, lot_view, running_out_view

Params = Mapping[str, str]
CHANGES_SHOWN: Final = 10


def build_running_out(session: ReadSession, *, now: datetime, params: Params) -> RunningOutView:
    return running_out_view(lots_running_out(session, now=now), now)


def build_lot(session: ReadSession, *, now: datetime, params: Params) -> LotView:
    view = exposure_of(session, lot_id=params["lot_id"], now=now)
    changes = list_storage_changes(session, lot_id=params["lot_id"], limit=CHANGES_SHOWN)
    hold = find_lot_hold(session, lot_id=params["lot_id"])
    return lot_view(view, changes, plant_zone(session), now, hold)


RUNNING_OUT = Region(
    "lots-running-out", "lots/_lots_running_out.html", lambda p: ("lots-running-out",), build_running_out
)
LOT = Region("lot-life", "lots/_lot_life.html", lambda p: (f"material-lot/{p['lot_id']}",), build_lot, "outerMorph")
REGIONS: tuple[Region, ...] = (RUNNING_OUT, LOT)
