"""What the ERP's door costs, over HTTP with 16 clients, against a bare FastAPI endpoint that does one raw autocommitted
insert with the same sync, one worker each, in turns, on SQLite and on PostgreSQL.

    python benchmarks/orders.py [--quick]

Ratios: `transition_vs_bare_sqlite`, `transition_vs_bare_postgres` (release and revoke of a job, with authentication,
validation, rule, audit and outbox, over the floor; median of the rounds; higher is better); `p95_over_p50` of the
transitions (the worse of both; lower is better); `bulk_vs_raw` (10,000 orders in one bulk request, over the same rows
by `executemany` into the same tables, in one transaction; the worse of both; higher is better).
`order_…` figures: single orders, each with an Idempotency-Key. Anything but a 2xx ends the run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from benchmarks.writes import CLIENTS, _bench_plant
from mes.access.service import create_principal, create_token
from mes.access.types import Role
from mes.kernel.plants import Plants
from mes.migrations.upgrade import upgrade
from mes.orders.service import submit_operations_request
from tests.support.postgres import start_cluster

SERVER = Path(__file__).with_name("_server.py")
ROUNDS = 3
ORDERS = 10_000
TABLES = ("operations_request", "work_request", "job_order", "job_dependency", "outbox_event")
Ask = Callable[[int], bytes]
"""The bytes of a client's nth request."""


@dataclass
class Measured:
    floors: list[float] = field(default_factory=list)
    transitions: list[float] = field(default_factory=list)
    orders: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    bulk_s: float = 0.0
    raw_s: float = 0.0


class Client:
    """One keep-alive connection that speaks just enough HTTP/1.1 to cost nothing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, request: bytes) -> bytes:
        """The body of the answer; anything but a 2xx is an error."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        body = await self._reader.readexactly(length)
        if head[9:10] != b"2":
            raise SystemExit(f"{head[:40]!r} {body[:500]!r}")
        return body

    def close(self) -> None:
        self._writer.close()


def request(path: str, token: str, body: bytes, *headers: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def load(port: int, asks: list[Ask], firsts: list[int], seconds: float) -> tuple[list[int], list[float], float]:
    """Every client asks one thing after the other; how many each asked, how long each took, per second."""
    clients = [Client(*await asyncio.open_connection("127.0.0.1", port)) for _ in asks]
    waits: list[float] = []
    started = time.perf_counter()

    async def run(client: Client, ask: Ask, first: int) -> int:
        done = first
        while (began := time.perf_counter()) - started < seconds or done % 2:
            await client.send(ask(done))
            waits.append(time.perf_counter() - began)
            done += 1
        return done

    counts = await asyncio.gather(*map(run, clients, asks, firsts))
    taken = time.perf_counter() - started
    for client in clients:
        client.close()
    return list(counts), waits, (sum(counts) - sum(firsts)) / taken


@contextmanager
def serving(what: str, url: str, data_dir: Path) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(SERVER), what, str(port), url, str(data_dir)])
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit(f"{what} did not start") from None
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def prepare(url: str | None, data_dir: Path) -> dict[str, str]:
    """The plant of `benchmarks/writes.py`, a job to permit for each client, and a token of each caller."""
    plants = Plants(data_dir=data_dir, database_url=url, migrate=upgrade)
    database = plants.get("default")
    database.write_now(_bench_plant, actor=None)
    for n in range(CLIENTS):
        database.write_now(
            submit_operations_request, actor=None, id=f"T-{n}", quantity=10, operations_definition_id=f"ROUTE-BENCH-{n}"
        )
    tokens = {}
    for name, role in (("sven", Role.supervisor), ("erp", Role.integration)):
        database.write_now(create_principal, actor=None, principal_id=name, role=role, display_name=name)
        made = database.write_now(create_token, actor=None, plant_id="default", principal_id=name, label="benchmark")
        tokens[name] = made.token
    plants.close()
    return tokens


def transition(token: str, client: int) -> Ask:
    """Permit and take it back, by turns; the version counts them."""

    def ask(done: int) -> bytes:
        act = "release" if done % 2 == 0 else "revoke-release"
        body = json.dumps({"versions": {f"T-{client}-WORK": 1 + done}}).encode()
        return request(f"/api/v1/job-orders/{act}", token, body)

    return ask


def order(token: str, client: int) -> Ask:
    def ask(done: int) -> bytes:
        return request(
            "/api/v1/operations-requests",
            token,
            json.dumps(order_document(f"S-{client}-{done}", client)).encode(),
            f"Idempotency-Key: {client}-{done}",
        )

    return ask


def order_document(id: str, client: int) -> dict[str, Any]:
    return {"id": id, "quantity": "10", "operations_definition_id": f"ROUTE-BENCH-{client}"}


def raw(_done: int) -> bytes:
    return request("/raw", "", b'{"versions": {"T-0-WORK": 1}}')


async def post_bulk(port: int, token: str) -> float:
    rows = [order_document(f"B-{n}", n % CLIENTS) for n in range(ORDERS)]
    sent = request("/api/v1/operations-requests/bulk", token, json.dumps({"rows": rows}).encode())
    client = Client(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 24))
    started = time.perf_counter()
    answer = json.loads(await client.send(sent))
    taken = time.perf_counter() - started
    client.close()
    if len(answer["rows"]) != ORDERS or answer["refused"]:
        raise SystemExit("not every order was taken")
    return taken


def measure(url: str, copy: str, rows_of: Rows, data_dir: Path, seconds: float) -> Measured:
    """`copy` is the plant before the bulk; the raw inserts go there."""
    tokens = prepare(None if url.startswith("sqlite") else url, data_dir)
    rows_of.copy(url, copy)
    found = Measured()
    at, ordered = [0] * CLIENTS, [0] * CLIENTS
    floor_url = url if not url.startswith("sqlite") else f"sqlite:///{data_dir / 'raw.sqlite'}"
    with serving("product", url, data_dir) as product, serving("floor", floor_url, data_dir) as floor:
        transitions = [transition(tokens["sven"], n) for n in range(CLIENTS)]
        orders = [order(tokens["erp"], n) for n in range(CLIENTS)]
        asyncio.run(load(product, transitions, at, 0.0))
        for _ in range(ROUNDS):
            found.floors.append(asyncio.run(load(floor, [raw] * CLIENTS, [0] * CLIENTS, seconds))[2])
            at, waits, rate = asyncio.run(load(product, transitions, at, seconds))
            found.transitions.append(rate)
            found.waits += waits
            ordered, _, rate = asyncio.run(load(product, orders, ordered, seconds / 2))
            found.orders.append(rate)
        before = rows_of.counts(url)
        found.bulk_s = asyncio.run(post_bulk(product, tokens["erp"]))
        written = rows_of.newest(url, before)
    found.raw_s = rows_of.insert(copy, written)
    return found


class Rows:
    """The rows of a bulk, taken out of one database and put raw into a copy of the other."""

    mark = "?"

    def connect(self, url: str) -> Any:
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    def copy(self, url: str, copy: str) -> None:
        shutil.copy(url.removeprefix("sqlite:///"), copy.removeprefix("sqlite:///"))

    def counts(self, url: str) -> dict[str, int]:
        connection = self.connect(url)
        found = {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in TABLES}
        connection.close()
        return found

    def newest(self, url: str, before: dict[str, int]) -> dict[str, list[tuple[Any, ...]]]:
        connection = self.connect(url)
        keys = {"job_dependency": "job_pk", "outbox_event": "seq"}
        found = {
            table: connection.execute(
                f"SELECT * FROM {table} ORDER BY {keys.get(table, 'pk')} LIMIT 1000000 OFFSET {count}"
            ).fetchall()
            for table, count in before.items()
        }
        connection.close()
        return found

    def insert(self, copy: str, rows: dict[str, list[tuple[Any, ...]]]) -> float:
        """Seconds for all of them in one transaction."""
        connection = self.connect(copy)
        started = time.perf_counter()
        connection.execute("BEGIN")
        cursor = connection.cursor()
        for table, its_rows in rows.items():
            if its_rows:
                cursor.executemany(
                    f"INSERT INTO {table} VALUES ({', '.join([self.mark] * len(its_rows[0]))})", its_rows
                )
        connection.execute("COMMIT")
        taken = time.perf_counter() - started
        connection.close()
        return taken


class PostgresRows(Rows):
    mark = "%s"

    def connect(self, url: str) -> Any:
        options = "-c search_path=plant_default"
        return psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True, options=options)

    def copy(self, url: str, copy: str) -> None:
        with self.connect(url.replace("/bench?", "/postgres?")) as connection:
            connection.execute("CREATE DATABASE copied TEMPLATE bench")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    seconds = 1.5 if parser.parse_args().quick else 6.0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        sqlite = measure(
            f"sqlite:///{home}/plants/default/plant.sqlite", f"sqlite:///{home}/copy.sqlite", Rows(), home, seconds
        )
        cluster = start_cluster(home / "cluster")
        try:
            cluster.create_database("bench")
            (home / "postgres").mkdir()
            postgres = measure(cluster.url("bench"), cluster.url("copied"), PostgresRows(), home / "postgres", seconds)
        finally:
            cluster.stop()
    print(json.dumps({"name": "orders", "ratios": ratios(sqlite, postgres), "figures": figures(sqlite, postgres)}))


def ratios(sqlite: Measured, postgres: Measured) -> dict[str, float]:
    def over_floor(found: Measured) -> float:
        return statistics.median(ours / low for ours, low in zip(found.transitions, found.floors, strict=True))

    def spread(found: Measured) -> float:
        cuts = statistics.quantiles(found.waits, n=100)
        return cuts[94] / cuts[49]

    return {
        "transition_vs_bare_sqlite": round(over_floor(sqlite), 3),
        "transition_vs_bare_postgres": round(over_floor(postgres), 3),
        "p95_over_p50": round(max(spread(sqlite), spread(postgres)), 2),
        "bulk_vs_raw": round(min(found.raw_s / found.bulk_s for found in (sqlite, postgres)), 3),
    }


def figures(sqlite: Measured, postgres: Measured) -> dict[str, float]:
    told: dict[str, float] = {"clients": CLIENTS, "bulk_orders": ORDERS}
    for name, found in (("sqlite", sqlite), ("postgres", postgres)):
        told |= {
            f"{name}_bare_inserts_s": round(statistics.median(found.floors)),
            f"{name}_transitions_s": round(statistics.median(found.transitions)),
            f"{name}_orders_s": round(statistics.median(found.orders)),
            f"{name}_transition_p50_ms": round(statistics.median(found.waits) * 1000, 2),
            f"{name}_bulk_s": round(found.bulk_s, 3),
            f"{name}_raw_s": round(found.raw_s, 3),
        }
    return told


if __name__ == "__main__":
    main()
