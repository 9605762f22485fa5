"""A real server with a live socket on a real plant, and clients that can be slow, stubborn or gone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy import text
from starlette.middleware import Middleware
from websockets.asyncio.client import ClientConnection, connect

from mes.access.service import create_principal, open_session
from mes.access.tokens import digest, new_session_value
from mes.access.types import Role
from mes.kernel.db import Database, ReadSession
from mes.kernel.plants import Plants
from mes.kernel.uow import UnitOfWork
from web.live.direct import DirectProtocol
from web.live.region import Region, live_url
from web.live.relay import Relay, Relays
from web.live.routes import live_routes
from web.security import SameOrigin

TEMPLATES = {
    "test/_tile.html": '<p id="{{ region_id }}">{{ view.name }} {{ view.count }} {{ language }}</p>',
    "test/_slow.html": '<p id="{{ region_id }}">{{ view.name }}</p>',
}


@dataclass(frozen=True)
class TileView:
    name: str
    count: int


@dataclass
class Floor:
    """The regions of these tests, and how often each was built."""

    built: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    older: int = 0
    """Added to every count: what changes with time alone, without an event."""

    def build(self, session: ReadSession, *, now: datetime, params: Mapping[str, str]) -> TileView:
        name = params["equipment"]
        self.built.append(name)
        if name in self.broken:
            raise RuntimeError(f"planted: {name}")
        count = text("SELECT count(*) FROM outbox_event WHERE topics LIKE :topic")
        return TileView(name, self.older + session.execute(count, {"topic": f"%equipment/{name}%"}).scalar_one())

    @property
    def regions(self) -> tuple[Region, ...]:
        tile = Region("tile", "test/_tile.html", lambda p: (f"equipment/{p['equipment']}",), self.build)
        focus = Region("focus", "test/_tile.html", lambda p: (f"equipment/{p['equipment']}",), self.build, "outerMorph")
        secret = Region("secret", "test/_tile.html", lambda _p: ("bridge-secrets/1",), self.build)
        return tile, focus, secret


@dataclass
class Served:
    """A running server."""

    port: int
    plants: Plants
    relays: Relays
    server: uvicorn.Server

    @property
    def database(self) -> Database:
        return self.plants.default

    async def relay(self) -> Relay:
        return await self.relays.of(self.database.plant_id)

    async def sign_in(self, name: str, *, role: Role = Role.operator, language: str = "en") -> str:
        """A session cookie of a new person."""
        value = new_session_value(self.database.plant_id)
        await self.database.write(
            create_principal, actor=None, principal_id=name, role=role, display_name=name, language=language
        )
        await self.database.write(open_session, actor=None, principal_id=name, session_sha256=digest(value))
        return value

    @asynccontextmanager
    async def client(self, cookie: str, *equipment: str, **query: Any) -> AsyncIterator[Page]:
        """A page that shows a tile for each equipment."""
        url = live_url(*(("tile", {"equipment": one}) for one in equipment), rate=query.pop("rate", "wall"))
        url += "".join(f"&{key}={value}" for key, value in query.items())
        async with self.socket(cookie, url) as socket:
            yield Page(socket)

    @asynccontextmanager
    async def socket(self, cookie: str, url: str, origin: str | None = None) -> AsyncIterator[ClientConnection]:
        host = f"127.0.0.1:{self.port}"
        async with connect(
            f"ws://{host}{url}",
            additional_headers={"Cookie": f"lineside_session={cookie}"},
            origin=origin or f"http://{host}",  # type: ignore[arg-type]
            compression=None,
            max_queue=None,
            close_timeout=0.2,
        ) as socket:
            yield socket

    async def happen(self, *topics: str) -> None:
        """Something happens that concerns these topics."""
        await self.database.write(happened, actor=None, topics=topics)


def happened(uow: UnitOfWork, *, topics: Sequence[str]) -> None:
    uow.emit("tests.happened.v1", topics=topics, subject="test", payload={"at": time.time()})


async def until(condition: Callable[[], bool], timeout_s: float = 5) -> None:
    """Look until it is so."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 (nobody tells us)
            await asyncio.sleep(0.005)


class Page:
    """What a browser does with frames."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seq = -1
        self.epoch = ""

    async def frame(self, *, timeout_s: float = 5, acknowledge: bool = True) -> str:
        """The content of the next frame, applied and acknowledged."""
        async with asyncio.timeout(timeout_s):
            got = json.loads(await self.socket.recv())
        self.seq, self.epoch = got["seq"], got["epoch"]
        if acknowledge:
            await self.socket.send(json.dumps({"ack": self.seq}))
        return str(got.get("content", ""))


@asynccontextmanager
async def serving(plants: Plants, floor: Floor, protocol: Any = DirectProtocol) -> AsyncIterator[Served]:
    async with Relays(plants) as relays:
        app = FastAPI(middleware=[Middleware(SameOrigin)])
        app.state.plants, app.state.relays = plants, relays
        app.include_router(live_routes(floor.regions))
        config = uvicorn.Config(
            app, port=0, ws=protocol, ws_per_message_deflate=False, lifespan="off", log_level="warning"
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        async with asyncio.TaskGroup() as group:
            task = group.create_task(server.serve())
            await until(lambda: server.started)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield Served(port, plants, relays, server)
            server.should_exit = True
            async with asyncio.timeout(5):
                await task
