"""Live region of a dispatch list. Parameter: `work_center_id`, a work centre or a station."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mes.kernel.db import ReadSession
from mes.orders.planning.queries import list_dispatch
from web.components.plant_time import plant_zone
from web.dispatch.views import DispatchRegion, dispatch_region
from web.live.region import Region

Params = Mapping[str, str]


def build_dispatch_list(session: ReadSession, *, now: datetime, params: Params) -> DispatchRegion:
    work_center_id = params["work_center_id"]
    lists = list_dispatch(session, work_center_id=work_center_id, now=now)
    return dispatch_region(work_center_id, lists, plant_zone(session), now)


def _topics(params: Params) -> tuple[str, ...]:
    return (f"work-center/{params['work_center_id']}", f"equipment/{params['work_center_id']}")


REGIONS: tuple[Region, ...] = (
    Region("dispatch-list", "dispatch/_dispatch_list.html", _topics, build_dispatch_list, "outerMorph"),
)
