"""From the machine's cable to the screen: a real bridge tells a real server, and a supervisor reads it."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import httpx

from mes.access.types import Role
from standards.lineside.health_v1 import (
    MAX_HEALTH_BYTES,
)
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import Network, machine, tag_map_text
from tests.opcua_bridge.test_source import COUNT
from tests.support.plants import BRIDGE
from tests.web.cast import hire
from tests.web.site import PINS, Site

WITHIN_S = 20.0
"""It takes two or three; a loaded machine gets more."""


@contextlib.asynccontextmanager
async def supervisor(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Origin": site.address, "Accept-Language": "en"}
    async with httpx.AsyncClient(base_url=site.address, headers=headers) as client:
        answer = await client.post("/signin", data={"person": "SVEN", "pin": PINS["SVEN"]})
        assert answer.status_code == 303
        yield client


async def shows(look: Callable[[], Awaitable[str]], pattern: str) -> str:
    """The page's words once they say this."""
    end = time.monotonic() + WITHIN_S
    while True:
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", await look()))
        if re.search(pattern, text):
            return text
        assert time.monotonic() < end, f"{pattern!r} is not in: {text}"


async def test_a_machine_that_goes_is_on_the_page_within_seconds_and_well_when_it_is_back(
    site: Site, tmp_path: Path
) -> None:
    token = hire(site.database, BRIDGE, Role.bridge).token
    bridges = Bridges(tmp_path, SimpleNamespace(url=site.address))  # type: ignore[arg-type]
    async with supervisor(site) as sven, machine(COUNT) as it, Network(it.port) as network:

        async def page() -> str:
            return (await sven.get("/bridges")).text

        async def detail() -> str:
            return (await sven.get(f"/bridges/{BRIDGE}/endpoint?name=machine")).text

        agent = await bridges.start(tag_map_text(network.url, {"Count": "counter"}), LINESIDE_BRIDGE_TOKEN=token)
        try:
            await shows(page, r"machine .* Connected .* Connected since \d\d:\d\d")
            network.cut(refuse=True)
            text = await shows(page, r"Disturbed .* machine .* Not reached since")
            since = datetime.fromtimestamp(agent.source("machine").health.since_us / 1e6, UTC)
            assert f"Not reached since {at_the_plant(site, since)}: the connection was cut" in text
            assert "ConnectionError" in await shows(detail, "Not reached since")
            network.heal()
            await shows(page, r"machine .* Connected since")
            assert "Last interruption" in await shows(detail, r"Connected since")
            assert await refused_bodies(site, token) == [(400, "health-unreadable"), (413, "body-too-large")]
        finally:
            await bridges.close()


def at_the_plant(site: Site, at: datetime) -> str:
    from web.components.plant_time import plant_zone

    zone: ZoneInfo = site.database.read_now(plant_zone)
    return at.astimezone(zone).strftime("%H:%M")


async def refused_bodies(site: Site, token: str) -> list[tuple[int, str]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=site.address, headers=headers) as client:
        bodies = [b'{"at_us": "noon"}', b" " * (MAX_HEALTH_BYTES + 1)]
        answers = [await client.post("/api/v1/bridge/health", content=body) for body in bodies]
    return [(answer.status_code, answer.json()["code"]) for answer in answers]


def test_an_operator_has_no_business_there(site: Site) -> None:
    with site.client("ADA") as ada:
        home = ada.get("/").text
        assert 'href="/bridges"' in home
        assert "view-bridges" not in home.split('data-may="')[1].split('"')[0], "the link is not shown to her"
        assert ada.get("/bridges").status_code == 403
