"""A running server and its plants, while another process (a command line) makes, suspends and resumes them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from mes.access import door, service
from mes.access.queries import list_tokens
from mes.access.recent import RecentCredentials
from mes.access.types import Role
from mes.exchange.webhooks.sending import Sender
from mes.kernel.directory import PlantState
from mes.kernel.plants import Migrate, Plants
from mes.kernel.vault import Vault
from tests.support.plants import build_plant
from tests.web.asgi_socket import SocketClosed, open_socket
from tests.web.cast import as_, hire
from web import caretaker, rights
from web.caretaker import Caretaker
from web.live.region import live_url
from web.live.relay import Relays
from web.main import create_app
from web.settings import Settings

PERSONS = "/api/v1/persons"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "LOOK_S", 0.02)


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 (nobody tells us)
            await asyncio.sleep(0.02)


async def test_a_token_revoked_by_another_process_is_refused(
    data_dir: Path, at_once: Migrate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This one remembers for an hour; the verb runs with the other one's memory."""
    memory = RecentCredentials(keep_s=3_600)
    monkeypatch.setattr("mes.access.recent.READ_S", 0.0)
    for here in (door, rights):
        monkeypatch.setattr(here, "RECENT", memory)
    monkeypatch.setattr(service, "RECENT", RecentCredentials())
    app = create_app(Settings(data_dir=data_dir, allowed_hosts="mes.test"))
    elsewhere = Plants(data_dir=data_dir, migrate=at_once)
    ada = hire(elsewhere.default, "ada", Role.operator)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mes.test") as client,
    ):

        async def answered(status: int) -> bool:
            return (await client.get(PERSONS, headers=as_(ada))).status_code == status

        await until(lambda: answered(200))
        await asyncio.sleep(0.3)
        assert await answered(200)
        (token,) = elsewhere.default.read_now(list_tokens, principal_id="ada").items
        elsewhere.default.write_now(service.revoke_token, actor=None, token_id=token.token_id)
        await until(lambda: answered(401))
    elsewhere.close()


async def test_what_happens_to_a_plant_elsewhere_is_known_here(tmp_path: Path, at_once: Migrate) -> None:
    app = create_app(Settings(data_dir=tmp_path, allowed_hosts="mes.test"))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://north.example") as client,
    ):
        elsewhere = Plants(data_dir=tmp_path, migrate=at_once)
        north = elsewhere.create("north")
        elsewhere.map_host("north.example", "north")
        north.write_now(build_plant, actor=None)
        ada, iris = hire(north, "ada", Role.operator), hire(north, "iris", Role.integration)
        elsewhere.close_plant("north")

        async def answered(status: int) -> bool:
            return (await client.get(PERSONS, headers=as_(ada))).status_code == status

        await until(lambda: answered(200))
        by_path = f"http://mes.test/plants/north{PERSONS}"
        assert (await client.get(by_path, headers=as_(ada))).status_code == 200
        url = live_url(("board-orders", {}))
        headers = {"host": "north.example", "cookie": f"lineside_session={ada.session}"}
        async with open_socket(app, url, headers) as socket:
            assert (await socket.next_message())["type"] == "websocket.send"
            elsewhere.set_state("north", PlantState.suspended)
            with pytest.raises(SocketClosed) as end:
                await socket.next_message()
            assert end.value.code == 1013
        refused = await client.get(PERSONS, headers=as_(iris))
        assert (refused.status_code, refused.json()["code"]) == (503, "plant-suspended")
        assert int(refused.headers["retry-after"]) > 0
        assert (await client.get("/signin")).status_code == 503
        async with open_socket(app, url, headers) as socket:
            with pytest.raises(SocketClosed) as end:
                await socket.next_message()
            assert end.value.code == 1013

        async def let_go() -> bool:
            return not await asyncio.to_thread(elsewhere.is_present, "north")

        await until(let_go)
        elsewhere.set_state("north", PlantState.open)
        await until(lambda: answered(200))
        elsewhere.close()


async def test_a_plant_nobody_uses_is_closed_woken_for_its_periodic_work_and_closed_again(
    tmp_path: Path, at_once: Migrate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caretaker, "AWAKE_S", 0.3)
    worked: list[str] = []
    monkeypatch.setattr(caretaker, "HOURLY", (lambda uow: worked.append(threading.current_thread().name),))
    plants = Plants(data_dir=tmp_path, migrate=at_once)
    plants.directory.add("north", PlantState.open)
    async with Relays(plants) as relays, Sender(Vault([Fernet.generate_key()])) as sender:
        care = Caretaker(plants, relays, sender, idle_s=0.1, round_s=1.0)
        running = asyncio.get_running_loop().create_task(care.run())

        async def is_open() -> bool:
            return "north" in plants.open_ids()

        async def is_closed() -> bool:
            names = {thread.name.split("_")[0] for thread in threading.enumerate()}
            return not await is_open() and not names & {"write-north", "read-north", "history-north"}

        for _ in range(2):
            await until(is_open)
            worked.clear()
            await until(is_closed)
            assert "write-north" in worked
        (await plants.reach("north")).close()
        assert "default" in plants.open_ids(), "the default plant is there for whoever asks whether the server is ready"
        running.cancel()
        await asyncio.wait([running])
        await care.stop()
    plants.close()
