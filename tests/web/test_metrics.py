"""`/metrics`: one plant's figures, to those who may, and never more than is known now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from mes.access.types import Role
from mes.edge.service import put_bridge, record_bridge_health
from mes.kernel.db import Database
from mes.kernel.plants import Migrate, Plants
from mes.kernel.sqltypes import to_us
from standards.lineside.health_v1 import BridgeHealth, EndpointHealth, EndpointState, JournalHealth
from tests.conftest import SettableClock
from tests.support.plants import BRIDGE, Box, build_plant
from tests.web.cast import hire
from web.live.relay import Relays
from web.main import create_app
from web.settings import Settings

Figures = dict[tuple[str, str], float]


@pytest.fixture
def plants(tmp_path: Path, at_once: Migrate, clock: SettableClock) -> Iterator[Plants]:
    plants = Plants(data_dir=tmp_path, migrate=at_once, clock=clock)
    plants.create("other")
    yield plants
    plants.close()


@pytest.fixture
async def client(plants: Plants, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app: FastAPI = create_app(Settings(data_dir=tmp_path, allowed_hosts="testserver"))
    app.state.plants, app.state.relays = plants, Relays(plants)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        yield client


async def scrape(client: httpx.AsyncClient, database: Database, name: str = "prometheus") -> Figures:
    """Every sample by name and endpoint (or bridge)."""
    token = hire(database, name, Role.monitor).token
    answer = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, sample.labels.get("endpoint", sample.labels.get("bridge", ""))): sample.value
        for family in families
        for sample in family.samples
    }


def say(database: Database, bridge_id: str = BRIDGE) -> None:
    now_us = to_us(database.clock())
    one = EndpointHealth("plc", EndpointState.connected, now_us, values=5, clock_skew_s=0.25)
    health = BridgeHealth(at_us=now_us, endpoints=[one], journal=JournalHealth(depth=7, max_bytes=100))
    database.write_now(record_bridge_health, actor=None, bridge_id=bridge_id, health=health)


async def test_a_plant_tells_what_its_bridges_say(plants: Plants, client: httpx.AsyncClient) -> None:
    database = plants.default
    database.write_now(build_plant, actor=None)
    box = Box(database)
    box.say(box.gap(1, 2))
    say(database)
    found = await scrape(client, database)
    assert found["lineside_endpoint_up", "plc"] == 1
    assert found["lineside_endpoint_clock_skew_seconds", "plc"] == 0.25
    assert found["lineside_endpoint_values_total", "plc"] == 5
    assert found["lineside_bridge_journal_items", BRIDGE] == 7
    assert found["lineside_bridge_recorded_gaps_total", BRIDGE] == 1
    assert (found["lineside_bridge_report_fresh", BRIDGE], found["lineside_bridge_silent", BRIDGE]) == (1, 0)
    assert found["lineside_bridge_seen_timestamp_seconds", BRIDGE] == database.clock().timestamp()
    assert found["lineside_events_total", ""] > 0


async def test_an_old_report_is_not_told_as_new(
    plants: Plants, client: httpx.AsyncClient, clock: SettableClock
) -> None:
    database = plants.default
    database.write_now(build_plant, actor=None)
    say(database)
    clock.advance(seconds=16)
    found = await scrape(client, database)
    assert found["lineside_endpoint_up", "plc"] == 0
    assert found["lineside_bridge_report_fresh", BRIDGE] == 0
    assert ("lineside_bridge_journal_items", BRIDGE) not in found
    assert ("lineside_endpoint_clock_skew_seconds", "plc") not in found
    assert found["lineside_bridge_silent", BRIDGE] == 1, "nobody has ever heard it hand in anything"


async def test_plants_do_not_see_each_other(plants: Plants, client: httpx.AsyncClient) -> None:
    other = plants.get("other")
    plants.map_host("other.example", "other")
    other.write_now(put_bridge, actor=None, bridge_id="secret-box")
    plants.default.write_now(put_bridge, actor=None, bridge_id="our-box")
    say(other, "secret-box")
    ours = await scrape(client, plants.default)
    assert {label for name, label in ours if name == "lineside_bridge_silent"} == {"our-box"}
    assert not [label for _, label in ours if label == "secret-box"]
    stranger = hire(other, "prometheus", Role.monitor).token
    answer = await client.get("/metrics", headers={"Authorization": f"Bearer {stranger}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong-plant")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}, {"Cookie": "lineside_session=x"}])
async def test_the_world_is_told_nothing(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "lineside_" not in answer.text


async def test_what_a_plant_asks_of_this_process_is_told_to_it_alone(plants: Plants, client: httpx.AsyncClient) -> None:
    plants.create("third")  # of no host name: its token names it
    token = hire(plants.get("third"), "theirs", Role.monitor).token
    for _ in range(3):
        assert (await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})).status_code == 200
    first, second = await scrape(client, plants.default, "a"), await scrape(client, plants.default, "b")
    assert (first["lineside_requests_total", ""], second["lineside_requests_total", ""]) == (1, 2)
    assert (second["lineside_requests_at_work", ""], second["lineside_requests_waiting", ""]) == (1, 0)
    for name in ("lineside_requests_refused_total", "lineside_writes_waiting", "lineside_live_sockets"):
        assert second[name, ""] == 0
