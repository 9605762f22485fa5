"""What a value costs from the machine to the journal, acknowledged after the commit: processor time of the bridge's own
`Source` and `Journal` (full sync, its defaults) against a stock asyncua subscription and an npm node-opcua-client, both
with a handler that does nothing, on the same server and data: 1,000 items (40 % Double, 20 % Int32, 10 % UInt32, 20 %
Boolean, 10 % String), one value of each a notification, as fast as the client takes them.

    python benchmarks/capture.py [--quick]

Ratios: `vs_asyncua`, `vs_node_opcua` (values per core-second over the peer's; higher is better), medians of rounds in
which the three take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from asyncua import Client, ua

from benchmarks._load_server import NAMESPACE, item_name
from opcua_bridge.clock import Clock
from opcua_bridge.journal import Journal
from opcua_bridge.source import Source
from opcua_bridge.tag_map import parse_tag_map
from opcua_bridge.trust import Trust
from tests.opcua_bridge.support import free_port
from tests.support.node_peer import NodeClient

ITEMS = 1_000
WARM_S = 1.0
JOURNAL_BYTES = 8 * 2**30


def nodes() -> list[str]:
    return [f"nsu={NAMESPACE};s={item_name(number)}" for number in range(ITEMS)]


# -- the clients, each in a process of its own


async def measured(values: Any, seconds: float) -> dict[str, float]:
    """Values per second of processor time of this process."""
    while values() < ITEMS * 3:  # noqa: ASYNC110 (nobody tells us)
        await asyncio.sleep(0.02)
    await asyncio.sleep(WARM_S)
    first, busy, started = values(), time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    count, busy = values() - first, time.process_time() - busy
    return {"per_core_s": count / busy, "per_s": count / (time.perf_counter() - started)}


async def run_bridge(port: int, seconds: float) -> dict[str, float]:
    """The product's source and journal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = Journal(folder / "journal.sqlite", max_bytes=JOURNAL_BYTES)
        endpoint = parse_tag_map(tag_map(port)).endpoints[0]
        source = Source(endpoint, journal=journal, clock=Clock(), trust=Trust(folder / "trust"))
        task = asyncio.create_task(source.run())
        try:
            return await measured(lambda: journal.last_seq, seconds)
        finally:
            source.stop()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            journal.close()


def tag_map(port: int) -> str:
    lines = [
        "[[endpoint]]", 'name = "load"', f'url = "opc.tcp://127.0.0.1:{port}/"', 'security = "none"',
    ]  # fmt: skip
    for number, node in enumerate(nodes()):
        lines += ["[[endpoint.tag]]", f'tag = "LOAD.{item_name(number)}"', f'node = "{node}"', 'class = "measurement"']
    return "\n".join(lines) + "\n"


class Nothing:
    """A handler that does nothing but be called."""

    values = 0

    def datachange_notification(self, _node: Any, _value: Any, _data: Any) -> None:
        self.values += 1


async def run_stock(port: int, seconds: float) -> dict[str, float]:
    """asyncua as its documentation has it."""
    handler = Nothing()
    client = Client(f"opc.tcp://127.0.0.1:{port}/", timeout=20)
    await client.connect()
    space = await client.get_namespace_index(NAMESPACE)
    subscription = await client.create_subscription(100, handler)
    await subscription.subscribe_data_change(
        [client.get_node(ua.NodeId(item_name(number), space)) for number in range(ITEMS)], queuesize=1_000
    )
    return await measured(lambda: handler.values, seconds)


async def tell(figures: Coroutine[Any, Any, dict[str, float]]) -> NoReturn:
    """Print them and end at once: asyncua's tasks do not always end when they are cancelled."""
    print(json.dumps(await figures), flush=True)
    os._exit(0)


def in_process_of_its_own(name: str, port: int, seconds: float) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--client", name, str(port), str(seconds)],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


async def run_node(port: int, folder: Path, seconds: float) -> dict[str, float]:
    """npm node-opcua-client."""
    async with NodeClient(folder) as client:
        await client.subscribe(f"opc.tcp://127.0.0.1:{port}/", nodes(), queue_size=1_000)
        await asyncio.sleep(WARM_S)
        await client.ask("reset")
        await asyncio.sleep(seconds)
        report = await client.ask("report")
    return {"per_core_s": report["values_per_cpu_s"], "per_s": report["values"] / report["wall_us"] * 1e6}


# -- the run


@contextlib.asynccontextmanager
async def load_server() -> AsyncIterator[int]:
    """A fresh one for each client, so that none pays for what another left behind."""
    port = free_port()
    script = Path(__file__).with_name("_load_server.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(port), str(ITEMS), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            await process.stdout.readline()
        yield port
    finally:
        process.kill()
        await process.wait()


async def benchmark(rounds: int, seconds: float) -> dict[str, Any]:
    found: dict[str, list[dict[str, float]]] = {"bridge": [], "stock": [], "node": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for name in ("stock", "bridge"):
                async with load_server() as port:
                    found[name].append(await asyncio.to_thread(in_process_of_its_own, name, port, seconds))
            async with load_server() as port:
                found["node"].append(await run_node(port, Path(folder) / str(number), seconds))
    return result(found)


def result(found: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    middle = {name: statistics.median(run["per_core_s"] for run in runs) for name, runs in found.items()}
    return {
        "name": "capture",
        "ratios": {
            "vs_asyncua": round(middle["bridge"] / middle["stock"], 2),
            "vs_node_opcua": round(middle["bridge"] / middle["node"], 2),
        },
        "figures": {
            "values_per_core_s": round(middle["bridge"]),
            "asyncua_per_core_s": round(middle["stock"]),
            "node_opcua_per_core_s": round(middle["node"]),
            "values_per_s": round(statistics.median(run["per_s"] for run in found["bridge"])),
            "rounds": len(found["bridge"]),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 45 s on two quiet cores")
    parser.add_argument("--client", nargs=3, metavar=("NAME", "PORT", "SECONDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        name, port, seconds = options.client
        run = {"bridge": run_bridge, "stock": run_stock}[name]
        asyncio.run(tell(run(int(port), float(seconds))))
    rounds, seconds = (2, 2.0) if options.quick else (5, 5.0)
    print(json.dumps(asyncio.run(benchmark(rounds, seconds))))


if __name__ == "__main__":
    main()
