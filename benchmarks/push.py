"""What the live push costs: processor time per delivered message, and what one stalled client costs the others.

Two servers of the same kind (uvicorn, websockets-sansio, no deflate), each a process of its own with the same 200
clients: the product's hub, which follows a plant's outbox, renders and keeps acknowledgements; and a bare broadcast
that replays the very frames the hub sent, from memory, to whoever is connected. Another process writes the events.
Windows of both alternate; processor time is the server process's own.

    python benchmarks/push.py [--quick]

Last line: {"name": "push", "ratios": {"vs_broadcast": …}, "figures": {…}}; `vs_broadcast` is the worse of 1 and 20
fragments a message.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx
import jinja2
import uvicorn
from fastapi import FastAPI, Request, WebSocket
from starlette.websockets import WebSocketDisconnect

from mes.access.service import create_principal, open_session
from mes.access.tokens import digest, new_session_value
from mes.access.types import Role
from mes.kernel.db import Database, ReadSession
from mes.kernel.plants import Plants
from mes.kernel.tables import metadata
from mes.kernel.uow import UnitOfWork
from web.live.direct import DirectProtocol
from web.live.limits import WINDOW
from web.live.region import Region, live_url
from web.live.relay import Relays
from web.live.routes import live_routes
from web.security import NO_TELEMETRY
from web.templating import environment

CLIENTS = 200
HZ = 5.0
FRAGMENTS = (1, 20)
PRINCIPALS = 4
TILE = """<article id="{{ region_id }}" class="card tile s-{{ view.tone }}" data-region="/wall/tile">
<h2>{{ view.name }}<small>{{ view.equipment_id }}</small></h2>
<p class="pill s-{{ view.tone }}"><svg class="ico" aria-hidden="true">
<use href="/static/vendor/icons.svg#play"></use></svg> <b>{{ view.state }}</b></p>
<p>{{ view.order_id }} · <b>{{ view.good }}</b>/{{ view.planned }}</p>
<time class="age" data-since="{{ view.since_ms }}">0 s</time></article>"""


@dataclass(frozen=True)
class TileView:
    equipment_id: str
    name: str
    tone: str
    state: str
    order_id: str
    good: int
    planned: int
    since_ms: int


def build_tile(session: ReadSession, *, now: datetime, params: Mapping[str, str]) -> TileView:
    at = int(now.timestamp() * 1000)
    return TileView(params["equipment"], "Machine", "run", "Running", "WO-10412", at % 480, 480, at)


REGION = Region("tile", "bench/_tile.html", lambda params: (f"equipment/{params['equipment']}",), build_tile)


# -- the two servers


def processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def hub_app(data_dir: Path) -> FastAPI:
    loader = environment().loader
    assert isinstance(loader, jinja2.ChoiceLoader)
    loader.loaders = [*loader.loaders, jinja2.DictLoader({"bench/_tile.html": TILE})]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        plants = Plants(data_dir=data_dir, migrate=lambda _database: None)
        async with Relays(plants) as relays:
            app.state.plants, app.state.relays = plants, relays
            yield
        plants.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, telemetry=NO_TELEMETRY)
    app.include_router(live_routes([REGION]))
    app.get("/cpu")(lambda: processor_s())
    return app


def bare_app() -> FastAPI:
    app = FastAPI(openapi_url=None, telemetry=NO_TELEMETRY)
    sockets: list[WebSocket] = []

    @app.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        sockets.append(websocket)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            sockets.remove(websocket)

    @app.post("/replay")
    async def replay(request: Request) -> None:
        for frame in await request.json():
            due = time.monotonic() + 1 / HZ
            for socket in sockets:
                await socket.send_text(frame)
            await asyncio.sleep(max(0, due - time.monotonic()))

    app.get("/cpu")(lambda: processor_s())
    return app


def run_server(role: str, data_dir: Path, port_file: Path) -> None:
    app = hub_app(data_dir) if role == "hub" else bare_app()
    config = uvicorn.Config(
        app,
        port=0,
        ws=DirectProtocol if role == "hub" else "websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
    )
    asyncio.run(_serve(uvicorn.Server(config), port_file))


async def _serve(server: uvicorn.Server, port_file: Path) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        scratch = port_file.with_suffix(".new")
        scratch.write_text(str(server.servers[0].sockets[0].getsockname()[1]))
        scratch.replace(port_file)


# -- the load: clients that do no more than a browser must


class Client(asyncio.Protocol):
    """A websocket client that counts frames, notes when they came, answers pings, and acknowledges if asked to."""

    def __init__(self, request: bytes, acknowledges: bool) -> None:
        self.request, self.acknowledges = request, acknowledges
        self.buffer = bytearray()
        self.open = asyncio.get_running_loop().create_future()
        self.frames = 0
        self.bytes = 0
        self.came: list[tuple[int, float]] = []
        self.keep: list[str] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.open.done():
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self.buffer.startswith(b"HTTP/1.1 101"):
                self.open.set_exception(RuntimeError(bytes(self.buffer[:200]).decode()))
                return
            del self.buffer[: end + 4]
            self.open.set_result(None)
        while self._take_frame():
            pass

    def _take_frame(self) -> bool:
        b = self.buffer
        if len(b) < 2:
            return False
        length, at = b[1] & 127, 2
        if length == 126:
            if len(b) < 4:
                return False
            (length,), at = struct.unpack_from("!H", b, 2), 4
        elif length == 127:
            if len(b) < 10:
                return False
            (length,), at = struct.unpack_from("!Q", b, 2), 10
        if len(b) < at + length:
            return False
        opcode, payload = b[0] & 15, bytes(b[at : at + length])
        del b[: at + length]
        if opcode == 1:
            self._text(payload)
        elif opcode == 9:
            self.transport.write(bytes([0x8A, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)
        elif opcode == 8:
            self.transport.close()
        return True

    def _text(self, payload: bytes) -> None:
        self.frames += 1
        self.bytes += len(payload)
        start = payload.find(b'"seq":') + 6
        end = start
        while payload[end : end + 1].isdigit():
            end += 1
        seq = int(payload[start:end])
        self.came.append((seq, time.monotonic()))
        if self.keep is not None:
            self.keep.append(payload.decode())
        if self.acknowledges and self.frames % WINDOW == 0:  # as web/static/live.js does
            self.send(b'{"ack":%d}' % seq)

    def send(self, payload: bytes) -> None:
        self.transport.write(bytes([0x81, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)


async def connect(port: int, path: str, cookie: str, *, acknowledges: bool) -> Client:
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nCookie: lineside_session={cookie}\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(request, acknowledges), "127.0.0.1", port)
    await client.open
    return client


# -- the run


@dataclass
class Window:
    """Processor time of a server, and what it delivered."""

    processor_s: float
    messages: int
    bytes: int

    @property
    def us_per_message(self) -> float:
        return self.processor_s / self.messages * 1e6


@dataclass
class Bench:
    hub: int
    bare: int
    database: Database
    cookies: Sequence[str]
    http: httpx.AsyncClient
    window_s: float
    repeats: int
    windows: dict[tuple[str, int], list[Window]] = field(default_factory=dict)

    async def cpu(self, port: int) -> float:
        return float((await self.http.get(f"http://127.0.0.1:{port}/cpu")).json())

    def path(self, fragments: int) -> str:
        return live_url(*(("tile", {"equipment": f"M{n}"}) for n in range(fragments)))

    async def clients(self, port: int, fragments: int, *, acknowledges: bool) -> list[Client]:
        path = self.path(fragments)
        made = []
        for n in range(CLIENTS):
            cookie = self.cookies[n % len(self.cookies)]
            made.append(await connect(port, path, cookie, acknowledges=acknowledges))
        return made

    async def happen(self, fragments: int) -> None:
        topics = [f"equipment/M{n}" for n in range(fragments)]
        await self.database.write(happened, actor=None, topics=topics)

    async def publish(self, fragments: int, ticks: int) -> None:
        for _ in range(ticks):
            due = time.monotonic() + 1 / HZ
            await self.happen(fragments)
            await asyncio.sleep(max(0, due - time.monotonic()))

    async def measure(self, fragments: int) -> None:
        """Windows of hub and bare broadcast, alternately, with the same frames."""
        ours = await self.clients(self.hub, fragments, acknowledges=True)
        theirs = await self.clients(self.bare, fragments, acknowledges=False)
        await asyncio.sleep(0.5)
        ticks = round(self.window_s * HZ)
        await self.publish(fragments, 3)
        for _ in range(self.repeats):
            ours[0].keep = []
            window = await self._window(self.hub, ours, self.publish(fragments, ticks))
            frames, ours[0].keep = ours[0].keep, None
            self.windows.setdefault(("hub", fragments), []).append(window)
            replay = self.http.post(f"http://127.0.0.1:{self.bare}/replay", json=frames)
            window = await self._window(self.bare, theirs, replay)
            self.windows.setdefault(("bare", fragments), []).append(window)
        for client in (*ours, *theirs):
            client.transport.abort()
        await asyncio.sleep(0.3)

    async def _window(self, port: int, clients: Sequence[Client], work: Any) -> Window:
        before, frames, size = await self.cpu(port), _frames(clients), _bytes(clients)
        await work
        await asyncio.sleep(0.3)
        used = await self.cpu(port) - before
        return Window(used, _frames(clients) - frames, _bytes(clients) - size)

    async def stalled(self, fragments: int, ticks: int) -> tuple[float, float]:
        """Worst spread over the good clients of a tick in ms, without and with one that has stopped reading.

        The least of three windows each: what the machine's other work does shows in one, what we do in all.
        """
        calm = await self._spreads(fragments, ticks, stalled=False)
        return calm, await self._spreads(fragments, ticks, stalled=True)

    async def _spreads(self, fragments: int, ticks: int, *, stalled: bool) -> float:
        clients = await self.clients(self.hub, fragments, acknowledges=True)
        await asyncio.sleep(0.5)
        if stalled:
            clients[0].transport.pause_reading()
        await self.publish(fragments, 3)
        good = clients[1:]
        worst = min([await self._spread(good, fragments, ticks) for _ in range(3)])
        for client in clients:
            client.transport.abort()
        return worst

    async def _spread(self, clients: Sequence[Client], fragments: int, ticks: int) -> float:
        for client in clients:
            client.came.clear()
        await self.publish(fragments, ticks)
        await asyncio.sleep(0.5)
        by_seq: dict[int, list[float]] = {}
        for client in clients:
            for seq, at in client.came:
                by_seq.setdefault(seq, []).append(at)
        return 1000 * max(max(times) - min(times) for times in by_seq.values())


def happened(uow: UnitOfWork, *, topics: Sequence[str]) -> None:
    uow.emit("benchmarks.happened.v1", topics=topics, subject="benchmark", payload={})


def _frames(clients: Sequence[Client]) -> int:
    return sum(client.frames for client in clients)


def _bytes(clients: Sequence[Client]) -> int:
    return sum(client.bytes for client in clients)


def make_plant(data_dir: Path) -> list[str]:
    """A plant and the cookies of some signed-in people."""
    import mes.access.tables  # noqa: F401  (registers its tables)

    plants = Plants(data_dir=data_dir, migrate=_create_tables)
    cookies = []
    for n in range(PRINCIPALS):
        value = new_session_value("default")
        plants.default.write_now(
            create_principal, actor=None, principal_id=f"P{n}", role=Role.operator, display_name=f"P{n}"
        )
        plants.default.write_now(open_session, actor=None, principal_id=f"P{n}", session_sha256=digest(value))
        cookies.append(value)
    plants.close()
    return cookies


def _create_tables(database: Database) -> None:
    names = ("outbox_event", "consumer_cursor", "principal", "api_token", "pin_credential", "device_lock")
    tables = [t for name, t in metadata.tables.items() if name in names or "session" in name]
    database.write_now(lambda uow: metadata.create_all(uow.connection, tables=tables), actor=None)


async def run(quick: bool) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cookies = make_plant(folder / "data")
        ports = [await _start(stack, role, folder) for role in ("hub", "bare")]
        database = Database(f"sqlite:///{folder / 'data/plants/default/plant.sqlite'}")
        stack.callback(database.close)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        bench = Bench(*ports, database, cookies, http, 2.0 if quick else 5.0, 2 if quick else 6)
        for fragments in FRAGMENTS:
            await bench.measure(fragments)
        calm, stalled = await bench.stalled(20, 6 if quick else 40)
    return _result(bench, calm, stalled)


async def _start(stack: AsyncExitStack, role: str, folder: Path) -> int:
    port_file = folder / f"{role}.port"
    arguments = ["--role", role, "--data-dir", str(folder / "data"), "--port-file", str(port_file)]
    process = subprocess.Popen([sys.executable, __file__, *arguments])  # noqa: ASYNC220 (waited for at the end)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    async with asyncio.timeout(30):
        while not port_file.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return int(port_file.read_text())


def _result(bench: Bench, calm: float, stalled: float) -> dict[str, Any]:
    figures: dict[str, float] = {}
    ratios: dict[str, float] = {}
    for fragments in FRAGMENTS:
        hub, bare = (
            statistics.median(w.us_per_message for w in bench.windows[name, fragments]) for name in ("hub", "bare")
        )
        figures[f"hub_us_{fragments}"], figures[f"bare_us_{fragments}"] = round(hub, 2), round(bare, 2)
        ratios[f"vs_broadcast_{fragments}"] = round(hub / bare, 3)
        sizes = [w.bytes / w.messages for w in bench.windows["hub", fragments]]
        figures[f"frame_bytes_{fragments}"] = round(statistics.median(sizes))
        delivered = [w.messages for w in bench.windows["hub", fragments]]
        figures[f"delivered_{fragments}"] = statistics.median(delivered) / (CLIENTS * bench.window_s * HZ)
    ratios = {"vs_broadcast": max(ratios.values()), **ratios}
    figures["calm_spread_ms"], figures["stalled_spread_ms"] = round(calm, 1), round(stalled, 1)
    figures["stalled_delay_ms"] = round(max(0.0, stalled - calm), 1)
    ratios["stalled_delay_ms"] = figures["stalled_delay_ms"]
    return {"name": "push", "ratios": ratios, "figures": figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 45 s")
    parser.add_argument("--role", choices=["hub", "bare"], help=argparse.SUPPRESS)
    parser.add_argument("--data-dir", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port-file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        run_server(options.role, options.data_dir, options.port_file)
    else:
        print(json.dumps(asyncio.run(run(options.quick))))


if __name__ == "__main__":
    main()
