"""How long a change takes from the machine to the glass: source write → requestAnimationFrame in Chromium.

Three processes with default settings and full sync (OPC UA source, bridge, server) and 200 items that change, one of
them the state of the work unit whose station page is looked at. The floor, in the same run: a stock asyncua
subscription of the same interval → a bare websocket → the same page, with the same html for both states.

    python benchmarks/latency.py [--quick]

Last line: {"name": "latency", "ratios": {"over_floor": …}, "figures": {"p50_ms": …, "p95_ms": …, "interval_ms": …, …}}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx
import uvicorn
from asyncua import Client, Server, ua
from fastapi import FastAPI, WebSocket
from playwright.async_api import Browser, Page, async_playwright
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocketDisconnect

from mes.access.service import create_principal, create_token, open_session
from mes.access.tokens import digest, new_session_value
from mes.access.types import Role
from mes.exchange.plant_file import check_plant_file, load_plant
from tests.support.chromium import launch_options
from web.live.hub import make_frame
from web.main import open_plants
from web.security import NO_TELEMETRY
from web.settings import Settings
from web.templating import STATIC

SEED = 7
UNITS = 20
MEASUREMENTS = 9
INTERVAL_MS = 100
"""The bridge's default publishing interval, and the floor's."""
PROBE = "U-1"
EXECUTE, IDLE = 6, 4
NAMESPACE = "urn:lineside:benchmark"
PROBE_GAP_S = (0.45, 0.75)
WATCH = """(() => {
  window.seen = [];
  const region = () => document.getElementById("machine-state")?.innerText.split("\\n")[0].trim() ?? "";
  let last = null;
  document.addEventListener("DOMContentLoaded", () => {
    last = region();
    new MutationObserver(() => {
      const now = region();
      if (now === last || !now) return;
      last = now;
      requestAnimationFrame(() => window.seen.push([performance.timeOrigin + performance.now(), now]));
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
})();"""


def units() -> list[str]:
    return [f"U-{n}" for n in range(1, UNITS + 1)]


def tags() -> list[str]:
    return [tag for unit in units() for tag in (f"{unit}.State", *(f"{unit}.M{n}" for n in range(MEASUREMENTS)))]


def plant_text() -> str:
    equipment = [
        {"id": "E", "level": "Enterprise"},
        {"id": "S", "level": "Site", "parent": "E"},
        {"id": "A", "level": "Area", "parent": "S"},
    ]
    bindings: list[dict[str, str]] = []
    for unit in units():
        equipment.append({"id": f"C-{unit}", "level": "WorkCenter", "parent": "A"})
        equipment.append({"id": unit, "level": "WorkUnit", "parent": f"C-{unit}"})
        bindings.append({"tag": f"{unit}.State", "signal": "equipment-state", "equipment": unit, "state_map": "packml"})
        bindings += [
            {"tag": f"{unit}.M{n}", "signal": "measurement", "equipment": unit, "unit": "V"}
            for n in range(MEASUREMENTS)
        ]
    return json.dumps({"equipment": equipment, "bridges": [{"id": "EDGE", "tags": bindings}]})


def tag_map_text(url: str) -> str:
    lines = [f'[namespaces]\nb = "{NAMESPACE}"', f'[[endpoint]]\nname = "source"\nurl = "{url}"\nsecurity = "none"']
    for tag in tags():
        kind = "state" if tag.endswith("State") else "measurement"
        lines.append(f'[[endpoint.tag]]\ntag = "{tag}"\nnode = "b;s={tag}"\nclass = "{kind}"')
    return "\n".join(lines) + "\n"


# -- the source: a process of its own


async def run_source(port: int, log: Path, ready: Path) -> None:
    """An OPC UA server whose 200 items change; writes of the probe are logged as `time state`."""
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(NAMESPACE)
    nodes = {}
    for tag in tags():
        value, kind = (IDLE, ua.VariantType.Int32) if tag.endswith("State") else (0.0, ua.VariantType.Double)
        nodes[tag] = await server.nodes.objects.add_variable(ua.NodeId(tag, index), tag, value, kind)
    async with server, asyncio.TaskGroup() as group:
        await asyncio.to_thread(ready.touch)
        group.create_task(_change_measurements(nodes))
        group.create_task(_change_probe(nodes[f"{PROBE}.State"], log))


async def _change_measurements(nodes: Mapping[str, Any]) -> None:
    chance = random.Random(SEED)
    others = [node for tag, node in nodes.items() if tag != f"{PROBE}.State"]
    values = dict.fromkeys(others, 0)
    slots = 10
    while True:
        for slot in range(slots):
            for node in others[slot::slots]:
                await _change(node, values, chance)
            await asyncio.sleep(1 / slots)


async def _change(node: Any, values: dict[Any, int], chance: random.Random) -> None:
    if str(node.nodeid.Identifier).endswith("State"):
        values[node] ^= 1
        if chance.random() < 0.1:
            state = EXECUTE if values[node] else IDLE
            await node.write_value(ua.DataValue(ua.Variant(state, ua.VariantType.Int32)))
    else:
        await node.write_value(ua.DataValue(ua.Variant(chance.random(), ua.VariantType.Double)))


async def _change_probe(node: Any, log: Path) -> None:
    chance = random.Random(SEED + 1)
    state = IDLE
    with log.open("a") as out:
        while True:
            await asyncio.sleep(chance.uniform(*PROBE_GAP_S))
            state = EXECUTE if state == IDLE else IDLE
            at_ms = time.time() * 1000
            value = ua.DataValue(ua.Variant(state, ua.VariantType.Int32))
            await node.write_value(value)
            out.write(f"{at_ms} {state}\n")
            out.flush()


# -- the floor


class Floor:
    """Stock subscription → bare websocket → the same page."""

    def __init__(self, html: str, fragments: Mapping[int, str]) -> None:
        self._sockets: set[WebSocket] = set()
        self._fragments = fragments
        self._changes: asyncio.Queue[int] = asyncio.Queue()
        self.app = FastAPI(openapi_url=None, telemetry=NO_TELEMETRY)
        self.app.mount("/static", StaticFiles(directory=STATIC))
        self.app.get("/page")(lambda: HTMLResponse(html))
        self.app.websocket("/live")(self._live)

    async def _live(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self._sockets.add(websocket)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            self._sockets.discard(websocket)

    def datachange_notification(self, node: Any, value: Any, _data: Any) -> None:
        """Called by asyncua."""
        if node.nodeid.Identifier == f"{PROBE}.State":
            self._changes.put_nowait(value)

    async def relay(self) -> None:
        seq = 0
        while True:
            html = self._fragments[await self._changes.get()]
            seq += 1
            partial = f'<hx-partial hx-target="#machine-state" hx-swap="outerHTML">{html}</hx-partial>'
            for websocket in tuple(self._sockets):
                await websocket.send_text(make_frame("floor", seq, partial).text)


@asynccontextmanager
async def floor_running(url: str, html: str, fragments: Mapping[int, str], port: int) -> AsyncIterator[None]:
    floor = Floor(html, fragments)
    config = uvicorn.Config(
        floor.app, port=port, ws="websockets-sansio", ws_per_message_deflate=False, lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    async with Client(url) as client, asyncio.TaskGroup() as group:
        index = await client.get_namespace_index(NAMESPACE)
        subscription = await client.create_subscription(INTERVAL_MS, floor)
        await subscription.subscribe_data_change([client.get_node(ua.NodeId(tag, index)) for tag in tags()])
        relay = group.create_task(floor.relay())
        group.create_task(server.serve())
        yield
        server.should_exit = True
        relay.cancel()


# -- the run


@dataclass(frozen=True)
class Run:
    """Where everything is."""

    folder: Path
    source_port: int
    server_port: int
    floor_port: int
    cookie: str

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.source_port}/"

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def log(self) -> Path:
        return self.folder / "writes"


def prepare(folder: Path) -> Run:
    """A plant with the bindings, a person who looks, a bridge with a token."""
    plants = open_plants(Settings(data_dir=folder / "data"))
    database, session = plants.default, new_session_value("default")
    plant = check_plant_file(plant_text(), filename="benchmark.json")
    database.write_now(load_plant, actor=None, plant=plant)
    people = (("ADA", Role.operator), ("EDGE", Role.bridge))
    for who, role in people:
        database.write_now(create_principal, actor=None, principal_id=who, role=role, display_name=who)
    database.write_now(open_session, actor=None, principal_id="ADA", session_sha256=digest(session))
    token = database.write_now(create_token, actor=None, plant_id="default", principal_id="EDGE", label="benchmark")
    plants.close()
    run = Run(folder, *(_free_port() for _ in range(3)), session)
    (folder / "token").write_text(token.token)
    (folder / "tag_map.toml").write_text(tag_map_text(run.url))
    return run


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_processes(stack: AsyncExitStack, run: Run) -> None:
    folder = run.folder
    ours = [sys.executable, __file__, "--source", str(run.source_port), str(run.log), str(folder / "ready")]
    bridge = {
        "LINESIDE_BRIDGE_SERVER_URL": run.base,
        "LINESIDE_BRIDGE_TOKEN_FILE": str(folder / "token"),
        "LINESIDE_BRIDGE_TAG_MAP": str(folder / "tag_map.toml"),
        "LINESIDE_BRIDGE_JOURNAL": str(folder / "journal.sqlite"),
    }
    server = {"LINESIDE_DATA_DIR": str(folder / "data")}
    _start(stack, ours, {}, folder / "source.log")
    _start(stack, [sys.executable, "-m", "web", "serve", "--port", str(run.server_port)], server, folder / "server.log")
    _start(stack, [sys.executable, "-m", "opcua_bridge", "run"], bridge, folder / "bridge.log")


def _start(stack: AsyncExitStack, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    root = Path(__file__).parent.parent
    with log.open("wb") as out:
        process = subprocess.Popen(command, env={**os.environ, **environment}, cwd=root, stdout=out, stderr=out)
    stack.callback(process.wait)
    stack.callback(process.terminate)


async def until(condition: Callable[[], Any], timeout_s: float = 60) -> None:
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 (nobody tells us)
            await asyncio.sleep(0.1)


async def both_fragments(run: Run) -> tuple[str, dict[int, str]]:
    """The station page, and its machine-state region in both states, as the product renders them."""
    cookies = {"lineside_session": run.cookie}
    async with httpx.AsyncClient(base_url=run.base, cookies=cookies, timeout=10) as client:

        async def region() -> str:
            try:
                return (await client.get(f"/s/{PROBE}/machine-state")).text
            except httpx.HTTPError:
                return ""

        async def known() -> bool:
            return "s-unknown" not in (text := await region()) and "machine-state" in text

        await until(known)
        found: dict[int, str] = {}

        async def both() -> bool:
            if words := run.log.read_text().split():
                await asyncio.sleep(0.3)
                if run.log.read_text().split() == words:
                    found[int(words[-1])] = await region()
            return len({_shown(html) for html in found.values()}) == 2

        await until(both)
        page = (await client.get(f"/s/{PROBE}")).text
    return page, found


def _shown(html: str) -> str:
    """The state a fragment shows: what is looked at too early still shows the one before."""
    found = re.search(r"\bs-[a-z]+", html)
    return found[0] if found else ""


async def measure(browser: Browser, url: str, run: Run, changes: int) -> list[float]:
    """Milliseconds from write to frame, for so many changes of the probe."""
    context = await browser.new_context()
    await context.add_init_script(WATCH)
    cookie = {"name": "lineside_session", "value": run.cookie, "url": run.base}
    await context.add_cookies([cookie])  # type: ignore[list-item]
    page = await context.new_page()
    await page.goto(url)
    await asyncio.sleep(2)
    started_ms = time.time() * 1000
    await asyncio.sleep(changes * sum(PROBE_GAP_S) / 2)
    ended_ms = time.time() * 1000
    await asyncio.sleep(1)
    seen: list[tuple[float, str]] = [tuple(item) for item in await _seen(page)]
    await context.close()
    return pair(run.log, seen, started_ms, ended_ms)


async def _seen(page: Page) -> list[list[Any]]:
    found: list[list[Any]] = await page.evaluate("window.seen")
    return found


def pair(log: Path, seen: Sequence[tuple[float, str]], started_ms: float, ended_ms: float) -> list[float]:
    """Each write with the first new frame before the next write."""
    writes = [float(line.split()[0]) for line in log.read_text().splitlines()]
    found = []
    for at, following in zip(writes, [*writes[1:], float("inf")], strict=True):
        frames = [frame for frame, _ in seen if at <= frame < following]
        if started_ms <= at <= ended_ms and frames:
            found.append(frames[0] - at)
    return found


async def benchmark(quick: bool) -> dict[str, Any]:
    rounds, changes = (1, 16) if quick else (5, 40)
    async with AsyncExitStack() as stack:
        run = prepare(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        start_processes(stack, run)
        html, fragments = await both_fragments(run)
        html = html.replace('hx-ws:connect="/live?', 'hx-ws:connect="/live?floor=1&')
        await stack.enter_async_context(floor_running(run.url, html, fragments, run.floor_port))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(**launch_options())
        stack.push_async_callback(browser.close)
        product: list[float] = []
        floor: list[float] = []
        for _ in range(rounds):
            product += await measure(browser, f"{run.base}/s/{PROBE}", run, changes)
            floor += await measure(browser, f"http://127.0.0.1:{run.floor_port}/page", run, changes)
    return result(product, floor)


def result(product: Sequence[float], floor: Sequence[float]) -> dict[str, Any]:
    ours, theirs = _percentiles(product), _percentiles(floor)
    return {
        "name": "latency",
        "ratios": {"over_floor": round(ours[1] / theirs[1], 3)},
        "figures": {
            "p50_ms": round(ours[0], 1),
            "p95_ms": round(ours[1], 1),
            "interval_ms": INTERVAL_MS,
            "floor_p50_ms": round(theirs[0], 1),
            "floor_p95_ms": round(theirs[1], 1),
            "changes": len(product),
            "floor_changes": len(floor),
        },
    }


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    return statistics.median(values), statistics.quantiles(values, n=20)[18]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 45 s on two quiet cores")
    parser.add_argument("--source", nargs=3, metavar=("PORT", "LOG", "READY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.source:
        port, log, ready = options.source
        asyncio.run(run_source(int(port), Path(log), Path(ready)))
    else:
        print(json.dumps(asyncio.run(benchmark(options.quick))))


if __name__ == "__main__":
    main()
