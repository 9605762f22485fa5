"""A hundred plants on one server, one of them noisy: how much later the taps of another are answered, what an idle
plant costs, and what a second server process adds on PostgreSQL.

    python benchmarks/plants.py [--quick]

Each plant has a tablet page's socket open five times. The noisy plant's bridge hands in batches as fast as they are
answered, eight at a time, and as many programs read its orders; a quiet plant's operator reports good pieces. Windows
with and without noise alternate; `noisy_delay_ms` is the difference of their 95th percentiles. `idle_plant_mb` is the
server's memory (proportional set size) with all plants open and looked at, less that with one, a plant; plants that
nobody uses for five minutes are closed and cost nothing. `second_process` is good pieces a second of two server
processes over those of one on PostgreSQL, clients and database on the same cores (`cores`): `…_cores` say how many of
them the server processes and the clients had, so that one sees whether there was anything left for a second one.

The flood and the taps come out of one client process, whose own work is in `noisy_delay_ms`, too: it is an upper bound.
--quick is with 25 plants (`plants`).

Last line: {"name": "plants", "ratios": {…}, "figures": {…}}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from websockets.asyncio.client import connect

from mes.access.service import open_session
from mes.access.tokens import digest
from mes.access.types import Role
from mes.definitions.service import put_definitions
from mes.definitions.types import DefinitionSpec, SegmentSpec
from mes.equipment.service import put_equipment
from mes.equipment.types import Confirmation, EquipmentSpec
from mes.kernel.directory import PlantState
from mes.kernel.plants import Plants
from mes.kernel.uow import UnitOfWork
from mes.migrations.upgrade import upgrade
from mes.orders.service import release_jobs, start_job, submit_operations_request
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.lineside import ingest_v1
from tests.support.plants import BRIDGE, PRESS, build_plant
from tests.support.postgres import start_cluster
from tests.web.cast import hire

PLANTS = 100
QUICK_PLANTS = 25
SOCKETS_A_PLANT = 5
BENCHES = 16
NOISE = 8
TAPS_EVERY_S = 0.02
SECRET = "A" * 43
"""Known sessions and tokens: the plants are made here and are gone afterwards."""


def plant_name(number: int) -> str:
    return f"plant-{number:02}"


def session_of(plant_id: str) -> str:
    return f"ls_{plant_id}_{SECRET}"


def token_of(plant_id: str, who: str) -> str:
    return f"lst_{plant_id}_{who * 43}"


def fill(uow: UnitOfWork) -> None:
    """A bench a client, each with a job that runs."""
    build_plant(uow)
    for bench in (f"BENCH-{n}" for n in range(BENCHES)):
        place = EquipmentSpec(bench, EquipmentLevel.WorkUnit, "BENCHES", confirmation=Confirmation.Manual)
        put_equipment(uow, specs=[place])
        put_definitions(uow, specs=[DefinitionSpec(f"R-{bench}", "BOARD", (SegmentSpec("W", "WM-BENCH", bench),))])
        order = {"id": f"PO-{bench}", "quantity": Decimal(10**6), "operations_definition_id": f"R-{bench}"}
        submit_operations_request(uow, **order)
        release_jobs(uow, versions={f"PO-{bench}-W": 1})
        start_job(uow, job_id=f"PO-{bench}-W", version=2)


def make_plants(folder: Path, count: int) -> None:
    """The default plant, and copies of one that is filled, each with the credentials of its own name."""
    plants = Plants(data_dir=folder, migrate=upgrade)
    first = plants.create(plant_name(0))
    _furnish(first)
    plants.close_plant(plant_name(0))
    for number in range(1, count):
        name = plant_name(number)
        shutil.copytree(plants.folder(plant_name(0)), plants.folder(name))
        with closing(sqlite3.connect(plants.folder(name) / "plant.sqlite")) as copy, copy:
            _rename(copy, name)
        plants.directory.add(name, PlantState.open)
    for number in range(count):
        plants.directory.map_host(f"{plant_name(number)}.bench", plant_name(number))
    plants.close()


def _furnish(database: Any) -> None:
    database.write_now(fill, actor=None)
    hire(database, "ada", Role.operator)
    hire(database, "iris", Role.integration)
    hire(database, BRIDGE, Role.bridge)
    database.write_now(_known, actor=None, plant_id=database.plant_id)


def _known(uow: UnitOfWork, *, plant_id: str) -> None:
    """Everybody has one credential, which the clients know."""
    open_session(uow, principal_id="ada", session_sha256=digest(session_of(plant_id)))
    of = "(SELECT t.pk FROM api_token t JOIN principal p ON p.pk = t.principal_pk WHERE p.id = ?)"
    for who, letter in (("iris", "i"), (BRIDGE, "b")):
        known = (digest(token_of(plant_id, letter)), who)
        uow.driver_execute(f"UPDATE api_token SET token_sha256 = ? WHERE pk IN {of}", known)


def _rename(copy: sqlite3.Connection, name: str) -> None:
    texts = {"session": [session_of], "api_token": [lambda p: token_of(p, "i"), lambda p: token_of(p, "b")]}
    for table, its_texts in texts.items():
        for text in its_texts:
            renamed = (digest(text(name)), digest(text(plant_name(0))))
            copy.execute(f"UPDATE {table} SET token_sha256 = ? WHERE token_sha256 = ?", renamed)


# ----------------------------------------------------------------- server and clients


@asynccontextmanager
async def serving(folder: Path, database_url: str | None = None) -> AsyncIterator[tuple[int, int]]:
    """A server process: its port and its number."""
    port_file = folder / f"port-{time.monotonic_ns()}"
    environment = {**os.environ, "LINESIDE_DATA_DIR": str(folder), "LINESIDE_LOG_LEVEL": "warning"}
    if database_url:
        environment["LINESIDE_DATABASE_URL"] = database_url.replace("+psycopg", "")
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--serve", str(port_file), env=environment, stdin=subprocess.DEVNULL
    )
    try:
        while not port_file.exists():
            if process.returncode is not None:
                raise RuntimeError("the server did not start")
            await asyncio.sleep(0.05)
        yield int(port_file.read_text()), process.pid
    finally:
        process.terminate()
        await process.wait()


def serve(port_file: Path) -> None:
    """As `lineside serve`, on any port, which is told."""
    import uvicorn

    from web.server import SWITCH_S, server_config
    from web.settings import Settings

    class Telling(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets=sockets)
            half = port_file.with_suffix(".half")
            half.write_text(str(self.servers[0].sockets[0].getsockname()[1]))
            half.rename(port_file)

    sys.setswitchinterval(SWITCH_S)
    Telling(server_config(Settings(port=0))).run()


class Line:
    """One kept connection that asks and waits, at as little cost as possible."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, host: str, headers: str, body: bytes = b"") -> tuple[int, bytes]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(line for line in answer.split("\r\n") if line.startswith("content-length:"))
        content = await self._reader.readexactly(int(length.split(":")[1]))
        return int(answer.split(" ", 2)[1]), content


@dataclass
class Operator:
    """Reports good pieces at one bench of a plant."""

    line: Line
    plant_id: str
    bench: str = "BENCH-0"
    number: int = 0
    waits_s: list[float] = field(default_factory=list)

    async def tap(self) -> None:
        self.number += 1
        request_id = f"{self.plant_id}-{self.bench}-{time.monotonic_ns()}"
        form = f"job_id=PO-{self.bench}-W&quantity=1&request_id={request_id}".encode()
        host = f"{self.plant_id}.bench"
        headers = (
            f"Cookie: lineside_session={session_of(self.plant_id)}\r\nOrigin: http://{host}\r\nHX-Request: true\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
        )
        begun = time.perf_counter()
        status, body = await self.line.ask("POST", f"/s/{self.bench}/good", host, headers, form)
        self.waits_s.append(time.perf_counter() - begun)
        if status != 200:
            raise RuntimeError(f"{status}: {body[:300]!r}")

    async def tap_for(self, seconds: float, *, every_s: float = 0.0) -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            begun = time.perf_counter()
            await self.tap()
            await asyncio.sleep(max(0.0, every_s - (time.perf_counter() - begun)))


@dataclass
class Noise:
    """One plant's flood."""

    port: int
    plant_id: str
    batches: int = 0
    reads: int = 0

    async def make(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(NOISE):
                group.create_task(self._hand_in(number, stop))
                group.create_task(self._read(stop))

    async def _hand_in(self, number: int, stop: asyncio.Event) -> None:
        line, seq = Line(self.port), 1
        headers = f"Authorization: Bearer {token_of(self.plant_id, 'b')}\r\nContent-Type: application/json\r\n"
        journal = f"journal-{number}-{time.monotonic_ns()}"
        while not stop.is_set():
            now = time.time_ns() // 1_000
            items: list[Any] = [
                ingest_v1.Sample(f"{PRESS}.Temperature", n * 0.5, observed_at_us=now + n, source_at_us=now + n)
                for n in range(250)
            ]
            body = ingest_v1.encode(ingest_v1.Batch(journal, seq, items))
            status, said = await line.ask("POST", "/api/v1/bridge/ingest", f"{self.plant_id}.bench", headers, body)
            if status == 200:
                self.batches, seq = self.batches + 1, seq + len(items)
            elif status not in (429, 503):
                raise RuntimeError(f"{status}: {said[:300]!r}")

    async def _read(self, stop: asyncio.Event) -> None:
        line = Line(self.port)
        headers = f"Authorization: Bearer {token_of(self.plant_id, 'i')}\r\n"
        while not stop.is_set():
            status, said = await line.ask("GET", "/api/v1/operations-requests", f"{self.plant_id}.bench", headers)
            if status not in (200, 429, 503):
                raise RuntimeError(f"{status}: {said[:300]!r}")
            self.reads += 1


def pss_mb(pid: int) -> float:
    """Proportional set size of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1_024
    raise RuntimeError("no Pss")


def processor_s(pid: int) -> float:
    """What a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def watch(port: int, plant_id: str, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """A page that is looked at: it acknowledges what it is sent."""
    headers = {"Cookie": f"lineside_session={session_of(plant_id)}"}
    url = f"ws://{plant_id}.bench/live?r=board-orders"
    async with connect(
        url, host="127.0.0.1", port=port, additional_headers=headers, origin=f"http://{plant_id}.bench",  # type: ignore[arg-type]
        compression=None, ping_interval=None, open_timeout=60, close_timeout=0.1,
    ) as socket:  # fmt: skip
        first = json.loads(await socket.recv())
        await socket.send(json.dumps({"ack": first["seq"]}))
        ready()
        reading = asyncio.create_task(_acknowledge(socket))
        await stop.wait()
        reading.cancel()


async def _acknowledge(socket: Any) -> None:
    async for message in socket:
        await socket.send(json.dumps({"ack": json.loads(message)["seq"]}))


# ----------------------------------------------------------------- what is measured


def p95_ms(waits_s: Sequence[float]) -> float:
    return statistics.quantiles(waits_s, n=20)[-1] * 1_000


async def measure_neighbours(folder: Path, plants: int, seconds: float, rounds: int) -> dict[str, float]:
    """All plants of one server."""
    async with serving(folder) as (port, pid):
        await Operator(Line(port), plant_name(0)).tap()
        await asyncio.sleep(1)
        alone_mb = pss_mb(pid)
        stop, watched = asyncio.Event(), 0

        def one_more() -> None:
            nonlocal watched
            watched += 1

        async with asyncio.TaskGroup() as group:
            begun = time.perf_counter()
            for number in range(plants):
                for _ in range(SOCKETS_A_PLANT):
                    group.create_task(watch(port, plant_name(number), stop, one_more))
                await asyncio.sleep(0.02)
            while watched < plants * SOCKETS_A_PLANT:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            opened_s = time.perf_counter() - begun
            await asyncio.sleep(3)
            cpu_s, begun = processor_s(pid), time.perf_counter()
            await asyncio.sleep(seconds)
            idle_cores = (processor_s(pid) - cpu_s) / (time.perf_counter() - begun)
            idle_mb = (pss_mb(pid) - alone_mb) / (plants - 1)
            found = await _with_and_without_noise(port, seconds, rounds)
            stop.set()
        return {
            **found,
            "idle_plant_mb": round(idle_mb, 2),
            "alone_mb": round(alone_mb),
            "opened_s": round(opened_s, 1),
            "idle_cores": round(idle_cores, 3),
        }


async def _with_and_without_noise(port: int, seconds: float, rounds: int) -> dict[str, float]:
    quiet, loud = Operator(Line(port), plant_name(1)), Operator(Line(port), plant_name(1))
    noise = Noise(port, plant_name(2))
    await quiet.tap_for(1.0, every_s=TAPS_EVERY_S)
    quiet.waits_s.clear()
    for _ in range(rounds):
        await quiet.tap_for(seconds, every_s=TAPS_EVERY_S)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(noise.make(stop))
            await loud.tap_for(seconds, every_s=TAPS_EVERY_S)
            stop.set()
    quiet_ms, loud_ms = p95_ms(quiet.waits_s), p95_ms(loud.waits_s)
    return {
        "noisy_delay_ms": round(loud_ms - quiet_ms, 1),
        "quiet_p95_ms": round(quiet_ms, 1),
        "noisy_p95_ms": round(loud_ms, 1),
        "taps": len(quiet.waits_s) + len(loud.waits_s),
        "noise_batches_s": round(noise.batches / (rounds * seconds)),
        "noise_reads_s": round(noise.reads / (rounds * seconds)),
    }


async def measure_second_process(folder: Path, seconds: float) -> dict[str, float]:
    """The same clients on one server process, then on two."""
    cluster = start_cluster(folder / "cluster")
    try:
        url = cluster.create_database("bench")
        plants = Plants(data_dir=folder / "pg", database_url=url, migrate=upgrade)
        _furnish(plants.create(plant_name(0)))
        plants.map_host(f"{plant_name(0)}.bench", plant_name(0))
        plants.close()
        async with serving(folder / "pg", url) as first, serving(folder / "pg", url) as second:
            await _worked([first, second], 1.0)
            one = [await _worked([server], seconds) for server in (first, second)]
            two = [await _worked([first, second], seconds) for _ in range(2)]
    finally:
        cluster.stop()
    return _means("one_process", one) | _means("two_processes", two)


def _means(name: str, worked: Sequence[tuple[float, float, float]]) -> dict[str, float]:
    taps_s, server_cores, client_cores = (statistics.mean(values) for values in zip(*worked, strict=True))
    return {
        f"{name}_taps_s": round(taps_s),
        f"{name}_server_cores": round(server_cores, 2),
        f"{name}_client_cores": round(client_cores, 2),
    }


async def _worked(servers: Sequence[tuple[int, int]], seconds: float) -> tuple[float, float, float]:
    """Taps a second at servers (port, process), and the cores that these and the clients used."""
    operators = [Operator(Line(servers[n % len(servers)][0]), plant_name(0), f"BENCH-{n}") for n in range(BENCHES)]
    begun, client_s, server_s = time.perf_counter(), time.process_time(), sum(processor_s(pid) for _, pid in servers)
    await asyncio.gather(*(operator.tap_for(seconds) for operator in operators))
    took_s = time.perf_counter() - begun
    used_s = sum(processor_s(pid) for _, pid in servers) - server_s, time.process_time() - client_s
    return sum(len(operator.waits_s) for operator in operators) / took_s, used_s[0] / took_s, used_s[1] / took_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    plants, seconds, rounds = (QUICK_PLANTS, 1.5, 2) if options.quick else (PLANTS, 6.0, 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        make_plants(folder / "data", plants)
        figures = asyncio.run(measure_neighbours(folder / "data", plants, seconds, rounds))
        figures |= asyncio.run(measure_second_process(folder, seconds))
    ratios = {"second_process": round(figures["two_processes_taps_s"] / figures["one_process_taps_s"], 2)}
    print(
        json.dumps(
            {"name": "plants", "ratios": ratios, "figures": {**figures, "cores": os.cpu_count(), "plants": plants}}
        )
    )


if __name__ == "__main__":
    main()
