"""REST of history: which tags there are, their samples, roll-ups and curves, last values, and as-built records."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, Query, Response
from pydantic import AwareDatetime
from sqlmodel import Session

from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor, Limit
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.history import service
from mes.history.queries import SAMPLES_MAX, downsample, get_retention, list_rollups, list_samples
from mes.history.types import HOUR_US, MINUTE_US, Samples
from mes.kernel.paging import LIMIT_DEFAULT
from mes.kernel.sqltypes import from_us_or_none, to_us
from mes.reporting.measurements import queries
from mes.reporting.measurements.schemas import (
    JobRecordOut,
    LastPage,
    RetentionBody,
    RollupsOut,
    SamplesOut,
    TagPage,
)

router = api_router("history", prefix="/api/v1/history")

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]
BridgeId = Annotated[str, Query(max_length=100)]
Tag = Annotated[str, Query(max_length=200)]
SPANS_MAX: Final = 10_000
POINTS_MAX: Final = 5_000


class Resolution(StrEnum):
    minute = "minute"
    hour = "hour"


_SPANS: Final = {Resolution.minute: MINUTE_US, Resolution.hour: HOUR_US}


@router.get("/tags")
async def list_history_tags(
    caller: Viewer, equipment_id: str | None = None, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> TagPage:
    """Tags that have a history, by bridge and name."""
    page = await caller.read(queries.list_history_tags, equipment_id=equipment_id, cursor=cursor, limit=limit)
    return TagPage.of(page)


@router.get(
    "/samples", response_model=SamplesOut, openapi_extra=refuses("history-tag-not-found history-window-invalid")
)
async def list_history_samples(
    caller: Viewer,
    bridge_id: BridgeId,
    tag: Tag,
    from_at: AwareDatetime,
    to_at: AwareDatetime,
    limit: Annotated[int, Query(ge=1, le=SAMPLES_MAX)] = SAMPLES_MAX,
) -> Response:
    """Every sample of a measurement in [from_at, to_at), at most `limit` at once."""
    window = _window(bridge_id, tag, from_at, to_at)
    return _json(await caller.read(_samples_json, **window, limit=limit))


@router.get("/points", response_model=SamplesOut, openapi_extra=refuses("history-tag-not-found history-window-invalid"))
async def list_history_points(
    caller: Viewer,
    bridge_id: BridgeId,
    tag: Tag,
    from_at: AwareDatetime,
    to_at: AwareDatetime,
    points: Annotated[int, Query(ge=10, le=POINTS_MAX)] = 1_000,
) -> Response:
    """About `points` samples of [from_at, to_at) whose curve looks like that of all (MinMaxLTTB); gaps stay gaps."""
    window = _window(bridge_id, tag, from_at, to_at)
    return _json(await caller.read(_points_json, **window, points=points))


@router.get(
    "/rollups", response_model=RollupsOut, openapi_extra=refuses("history-tag-not-found history-window-invalid")
)
async def list_history_rollups(
    caller: Viewer,
    bridge_id: BridgeId,
    tag: Tag,
    from_at: AwareDatetime,
    to_at: AwareDatetime,
    resolution: Resolution = Resolution.minute,
) -> Response:
    """A measurement by the minute or the hour: the spans that touch [from_at, to_at), at most 10,000."""
    window = _window(bridge_id, tag, from_at, to_at)
    return _json(await caller.read(_rollups_json, **window, span_us=_SPANS[resolution]))


@router.get("/last")
async def list_history_last(
    caller: Viewer, equipment_id: str | None = None, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> LastPage:
    """The newest sample of each measurement, by bridge and name. How old it is, is for the reader to judge."""
    page = await caller.read(queries.list_last_values, equipment_id=equipment_id, cursor=cursor, limit=limit)
    return LastPage.of(page)


@router.get("/job-records/{job_id:path}", openapi_extra=refuses("history-window-invalid job-order-not-found"))
async def get_job_record(caller: Viewer, job_id: str) -> JobRecordOut:
    """What was measured while a job ran, at the equipment it had. A job that still runs: up to now."""
    now_us = to_us(caller.database.clock())
    return JobRecordOut.of(await caller.read(queries.get_job_record, job_id=job_id, now_us=now_us))


@router.get("/retention")
async def get_history_retention(caller: Viewer) -> RetentionBody:
    """How long this plant keeps samples and roll-ups."""
    return RetentionBody.of(await caller.read(get_retention))


@router.put("/retention", openapi_extra=refuses("history-retention-invalid"))
async def put_history_retention(caller: Engineer, body: RetentionBody) -> RetentionBody:
    """Keep history for so long. What is older is dropped within the hour, and cannot be had back."""
    await caller.write(service.set_retention, samples_days=body.samples_days, rollups_days=body.rollups_days)
    return RetentionBody.of(await caller.read(get_retention))


def _window(bridge_id: str, tag: str, from_at: AwareDatetime, to_at: AwareDatetime) -> dict[str, Any]:
    return {"bridge_id": bridge_id, "tag": tag, "from_us": to_us(from_at), "to_us": to_us(to_at)}


def _samples_json(session: Session, *, bridge_id: str, tag: str, from_us: int, to_us: int, limit: int) -> bytes:
    tag_pk = queries.get_measurement(session, bridge_id=bridge_id, tag=tag).pk
    samples, next_us = list_samples(session, tag_pk=tag_pk, from_us=from_us, to_us=to_us, limit=limit)
    return _columns(samples, next_us)


def _points_json(session: Session, *, bridge_id: str, tag: str, from_us: int, to_us: int, points: int) -> bytes:
    tag_pk = queries.get_measurement(session, bridge_id=bridge_id, tag=tag).pk
    return _columns(downsample(session, tag_pk=tag_pk, from_us=from_us, to_us=to_us, points=points), None)


def _rollups_json(session: Session, *, bridge_id: str, tag: str, from_us: int, to_us: int, span_us: int) -> bytes:
    tag_pk = queries.get_measurement(session, bridge_id=bridge_id, tag=tag).pk
    found = list_rollups(session, tag_pk=tag_pk, from_us=from_us, to_us=to_us, span_us=span_us, limit=SPANS_MAX)
    return _dumped(asdict(found))


def _columns(samples: Samples, next_us: int | None) -> bytes:
    return _dumped({**asdict(samples), "next_from_at": from_us_or_none(next_us)})


def _dumped(columns: dict[str, Any]) -> bytes:
    """Written on the reader's thread: the event loop only sends it. NaN becomes null."""
    return orjson.dumps(columns, option=orjson.OPT_SERIALIZE_NUMPY)


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
