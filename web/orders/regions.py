"""Live regions of an order's page. Parameter: `order_id`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mes.access.queries import list_principals
from mes.definitions.queries import list_scrap_reasons
from mes.equipment.queries import list_state_intervals_of
from mes.equipment.types import StateInterval
from mes.kernel.db import ReadSession
from mes.kernel.paging import LIMIT_MAX
from mes.kernel.sqltypes import to_us
from mes.orders.planning.queries import list_runs
from mes.orders.queries import get_operations_request, get_order
from mes.reporting.queries import list_reports
from web.components.plant_time import plant_zone
from web.live.region import Region
from web.orders.timeline import STOPS, OrderTimeline, order_timeline, window_of
from web.orders.views import OrderHead, OrderHistory, order_head, order_history

STOPS_MAX = 500
"""Stops that a drawing shows."""
Params = Mapping[str, str]


def build_head(session: ReadSession, *, now: datetime, params: Params) -> OrderHead:
    card = get_operations_request(session, operations_request_id=params["order_id"], now=now)
    return order_head(card, plant_zone(session), now)


def build_history(session: ReadSession, *, now: datetime, params: Params) -> OrderHistory:
    detail = get_order(session, operations_request_id=params["order_id"], now=now)
    names = {person.pk: person.display_name for person in list_principals(session, limit=LIMIT_MAX).items}
    reasons = {r.reason_id: r.description for r in list_scrap_reasons(session, active_only=False)}
    reports = list_reports(session, operations_request_id=params["order_id"])
    return order_history(detail, names, reasons, reports, plant_zone(session))


def build_timeline(session: ReadSession, *, now: datetime, params: Params) -> OrderTimeline:
    detail = get_order(session, operations_request_id=params["order_id"], now=now)
    runs = list_runs(session, job_pks=[job.pk for job in detail.card.jobs])
    window = window_of(runs, now)
    stops: tuple[StateInterval, ...] = ()
    if window is not None:
        stops = list_state_intervals_of(
            session,
            equipment_ids={run.equipment_id for run in runs},
            from_us=to_us(window[0]),
            to_us=to_us(window[1]),
            states=STOPS,
            limit=STOPS_MAX,
        )
    return order_timeline(detail, runs, stops, plant_zone(session), now)


def _topics(params: Params) -> tuple[str, ...]:
    return (f"order/{params['order_id']}",)


REGIONS: tuple[Region, ...] = (
    Region("order-head", "orders/_order_head.html", _topics, build_head),
    Region("order-timeline", "orders/_order_timeline.html", _topics, build_timeline),
    Region("order-history", "orders/_order_history.html", _topics, build_history),
)
