"""`GET /metrics`: one plant's figures for Prometheus, to whoever has a token of that plant that may read them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from mes.access.door import METRICS_PATH, Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.edge.queries import list_bridge_reports
from mes.edge.types import BridgeReport
from mes.ingest.queries import count_gaps
from mes.kernel.db import Database, ReadSession
from mes.kernel.outbox import head_seq
from mes.kernel.sqltypes import to_us
from standards.lineside.metrics import CONTENT_TYPE, UP, Figure, Figures, add_bridge, exposition
from web.fair_share import Turns
from web.live.relay import Relays

router = screen_router()
Monitor = Annotated[Caller, Depends(caller(Permission.read_metrics))]
EVENTS: Final = Figure("lineside_events", "counter", "Events the plant has recorded.")
SEEN: Final = Figure("lineside_bridge_seen_timestamp_seconds", "gauge", "When the bridge last handed in data.")
SILENT: Final = Figure("lineside_bridge_silent", "gauge", "1 if no data come: the bridge's machines are unknown.")
REPORTED: Final = Figure("lineside_bridge_report_timestamp_seconds", "gauge", "When the bridge last said how it is.")
FRESH: Final = Figure("lineside_bridge_report_fresh", "gauge", "1 if that report says how it is now.")
GAPS: Final = Figure("lineside_bridge_recorded_gaps", "counter", "Gaps the plant has recorded.")


REQUESTS: Final = Figure("lineside_requests", "counter", "Requests of the plant that this process was sent.")
REFUSED: Final = Figure("lineside_requests_refused", "counter", "Of these, refused because too many waited.")
AT_WORK: Final = Figure("lineside_requests_at_work", "gauge", "Requests of the plant at work in this process.")
WAITING: Final = Figure("lineside_requests_waiting", "gauge", "Requests of the plant that wait for their turn here.")
WRITES: Final = Figure("lineside_writes_waiting", "gauge", "Writes of the plant that wait for the writer here.")
SOCKETS: Final = Figure("lineside_live_sockets", "gauge", "Live sockets of the plant that are open in this process.")


@router.get(METRICS_PATH)
async def metrics(request: Request, who: Monitor) -> Response:
    """Prometheus's text format. Figures of a bridge whose report is old are left out, and its endpoints are not up."""
    figures = Figures()
    add_process(figures, request.app.state, who.database)
    body = await who.read(read_metrics, figures=figures, now=who.database.clock())
    return Response(body, media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def add_process(figures: Figures, state: State, database: Database) -> None:
    """What one plant has in this process, and nothing of another's."""
    turns: Turns = state.turns.get(database.plant_id, Turns())
    relays: Relays | None = getattr(state, "relays", None)
    for figure, value in (
        (REQUESTS, turns.asked),
        (REFUSED, turns.refused),
        (AT_WORK, turns.at_work),
        (WAITING, len(turns.waiting)),
        (WRITES, database.writes_waiting),
        (SOCKETS, None if relays is None else relays.count_sockets(database.plant_id)),
    ):
        figures.add(figure, value, {})


def read_metrics(session: ReadSession, *, figures: Figures, now: datetime) -> bytes:
    """The plant's figures, written out."""
    figures.add(EVENTS, head_seq(session), {})
    gaps = count_gaps(session)
    for report in list_bridge_reports(session):
        add_report(figures, report, gaps.get(report.bridge.pk, 0), to_us(now))
    return exposition(figures)


def add_report(figures: Figures, report: BridgeReport, gaps: int, now_us: int) -> None:
    """What the plant knows of a bridge, and what the bridge says of itself while that is fresh."""
    bridge, labels = report.bridge, {"bridge": report.bridge.id}
    seen_us, fresh = bridge.last_seen_at_us, report.is_fresh(now_us)
    figures.add(SEEN, None if seen_us is None else seen_us / 1_000_000, labels)
    figures.add(SILENT, seen_us is None or bridge.silent_since_us is not None, labels)
    figures.add(GAPS, gaps, labels)
    figures.add(FRESH, fresh, labels)
    if report.health is None:
        return
    figures.add(REPORTED, report.received_at_us / 1_000_000, labels)
    if fresh:
        add_bridge(figures, report.health, labels)
        return
    for endpoint in report.health.endpoints:
        figures.add(UP, 0, {**labels, "endpoint": endpoint.name})
