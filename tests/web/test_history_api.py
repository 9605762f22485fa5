"""History over HTTP: columns, pages, bounds and refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from mes.access.types import Role
from mes.history.sealer import Sealer
from mes.kernel.db import Database
from mes.orders.service import submit_operations_request
from tests.conftest import SettableClock
from tests.support.plants import PRESS, Box, build_plant
from tests.support.rest import rest_api
from tests.web.cast import Member, OnePlant, hire_cast

TAG = {"bridge_id": "box", "tag": f"{PRESS}.Temperature"}
HOUR = {"from_at": "2026-03-02T08:00:00Z", "to_at": "2026-03-02T09:00:00Z"}
HISTORY = "/api/v1/history"


@pytest.fixture
def box(database: Database, clock: SettableClock) -> Box:
    """A plant that measured for an hour, a value every ten seconds, not known for the last ten minutes."""
    database.write_now(build_plant, actor=None)
    box = Box(database)
    begin_us = box.at_us()
    box.say(*(box.sample(TAG["tag"], float(n), begin_us + n * 10_000_000) for n in range(300)))
    clock.advance(minutes=50)
    box.say(box.bad(TAG["tag"]))
    clock.advance(minutes=10)
    return box


@pytest.fixture
def cast(box: Box) -> dict[Role, Member]:
    return hire_cast(box.database)


@pytest.fixture
async def ada(box: Box, cast: dict[Role, Member]) -> AsyncIterator[httpx.AsyncClient]:
    app = rest_api()
    app.state.plants = OnePlant(box.database)
    headers = {"authorization": f"Bearer {cast[Role.engineer].token}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant", headers=headers) as client:
        yield client


async def asked(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await client.get(f"{HISTORY}/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_samples_come_in_columns_and_portions(ada: httpx.AsyncClient) -> None:
    first = await asked(ada, "samples", **TAG, **HOUR, limit=250)
    assert first["value"] == [float(n) for n in range(250)]
    assert first["next_from_at"] == "2026-03-02T08:41:40+00:00"
    rest = await asked(ada, "samples", **TAG, from_at=first["next_from_at"], to_at=HOUR["to_at"])
    assert rest["value"] == [*(float(n) for n in range(250, 300)), None]
    assert rest["quality"][-1] == 2
    assert len(rest["at_us"]) == 51
    assert rest["next_from_at"] is None


async def test_rollups_by_minute_and_hour(ada: httpx.AsyncClient, box: Box, clock: SettableClock) -> None:
    clock.advance(hours=1)
    sealer = Sealer(box.database, breathe=lambda: None)
    for turn in (lambda: None, sealer.turn):
        turn()
        minutes = await asked(ada, "rollups", **TAG, **HOUR)
        assert len(minutes["start_us"]) == 51
        assert minutes["n"] == [6] * 50 + [0]
        assert minutes["maximum"][:2] == [5.0, 11.0]
        assert minutes["minimum"][-1] is None
        hours = await asked(ada, "rollups", **TAG, **HOUR, resolution="hour")
        assert (hours["n"], hours["minimum"], hours["maximum"]) == ([300], [0.0], [299.0])
        assert hours["total"] == [sum(range(300))]
        assert hours["held_mean"] == [149.5]
    sealer.close()


async def test_a_curve_has_about_as_many_points_as_asked_for(ada: httpx.AsyncClient) -> None:
    points = await asked(ada, "points", **TAG, **HOUR, points=50)
    assert len(points["value"]) == 51
    assert (points["value"][0], points["value"][-2], points["value"][-1]) == (0.0, 299.0, None)


async def test_tags_and_last_values(ada: httpx.AsyncClient) -> None:
    tags = await asked(ada, "tags")
    assert [(one["tag"], one["kind"], one["unit"]) for one in tags["items"]] == [(TAG["tag"], "measurement", "°C")]
    (last,) = (await asked(ada, "last", equipment_id=PRESS))["items"]
    assert (last["at"], last["value"], last["quality"]) == ("2026-03-02T08:50:00Z", None, "bad")


async def test_a_job_s_record(ada: httpx.AsyncClient, box: Box, clock: SettableClock) -> None:
    order: dict[str, Any] = {"id": "PO-1", "quantity": 8, "material_id": "BOARD"}
    box.database.write_now(submit_operations_request, actor=None, **order)
    box.ready()
    box.job(PRESS, "PO-1-PRESS", 3)
    for value in (1.0, 2.0, 6.0):
        box.say(box.sample(TAG["tag"], value))
        clock.advance(seconds=30)
    record = await asked(ada, "job-records/PO-1-PRESS")
    (run,) = record["runs"]
    assert (run["equipment_id"], run["ended_at"]) == (PRESS, None)
    (found,) = record["measurements"]
    assert (found["n"], found["minimum"], found["maximum"], found["mean"]) == (3, 1.0, 6.0, 3.0)
    assert (found["held_mean"], found["known_s"], found["whole_minutes"]) == (3.0, 90.0, False)


async def test_refusals_have_codes(ada: httpx.AsyncClient) -> None:
    backwards = {"from_at": HOUR["to_at"], "to_at": HOUR["from_at"]}
    year = {"from_at": "2025-03-02T08:00:00Z", "to_at": HOUR["to_at"]}
    naive = {"from_at": "2026-03-02T08:00:00", "to_at": HOUR["to_at"]}
    for path, params, status, code in (
        ("samples", {**TAG, **backwards}, 422, "history-window-invalid"),
        ("points", {**TAG, **backwards}, 422, "history-window-invalid"),
        ("rollups", {**TAG, **year}, 422, "history-window-invalid"),
        ("samples", {**TAG, **naive}, 422, "invalid"),
        ("samples", {**HOUR, "bridge_id": "box", "tag": "none"}, 404, "history-tag-not-found"),
        ("samples", {**HOUR, "bridge_id": "box", "tag": "LINE-AOI.Good"}, 404, "history-tag-not-found"),
        ("samples", {**TAG, **HOUR, "limit": 10_001}, 422, "invalid"),
        ("points", {**TAG, **HOUR, "points": 5_001}, 422, "invalid"),
        ("job-records/NONE", {}, 404, "job-order-not-found"),
        ("tags", {"cursor": "x"}, 400, "bad-cursor"),
    ):
        answer = await ada.get(f"{HISTORY}/{path}", params=params)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


async def test_retention_is_set_by_engineers(ada: httpx.AsyncClient) -> None:
    assert await asked(ada, "retention") == {"samples_days": 90, "rollups_days": 1_095}
    answer = await ada.put(f"{HISTORY}/retention", json={"samples_days": 30, "rollups_days": 60})
    assert answer.json() == {"samples_days": 30, "rollups_days": 60}
    refused = await ada.put(f"{HISTORY}/retention", json={"samples_days": 30, "rollups_days": 10})
    assert (refused.status_code, refused.json()["code"]) == (422, "history-retention-invalid")
