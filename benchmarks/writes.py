"""What a job transition costs: 16 clients through `db.write` (rule, update, audit, outbox) against the floor of one raw
autocommitted insert per call with the same sync, on SQLite and on PostgreSQL, in one run.

    python benchmarks/writes.py [--quick]

Ratios: `sqlite_vs_raw`, `postgres_vs_raw` (transitions per second over raw inserts per second; higher is better).
The floor has 16 clients too: on SQLite one connection behind a lock, on PostgreSQL a connection each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from mes.kernel.db import Database
from mes.kernel.uow import UnitOfWork
from mes.migrations.upgrade import upgrade
from mes.orders.service import (
    pause_job,
    release_jobs,
    resume_job,
    start_job,
    submit_operations_request,
)
from tests.support.plants import build_plant
from tests.support.postgres import PostgresCluster, start_cluster

CLIENTS = 16
ROUNDS = 9
"""Floor and transitions by turns: one round and the next differ by a twentieth, and so did medians of three."""


def _bench_plant(uow: UnitOfWork) -> None:
    """One manual bench a client, so that jobs do not wait for each other."""
    from mes.definitions.service import put_definitions
    from mes.definitions.types import DefinitionSpec, SegmentSpec
    from mes.equipment.service import put_equipment
    from mes.equipment.types import Confirmation, EquipmentSpec
    from standards.isa95.equipment_hierarchy import EquipmentLevel

    build_plant(uow)
    benches = [f"BENCH-{n}" for n in range(CLIENTS)]
    put_equipment(
        uow,
        specs=[EquipmentSpec(b, EquipmentLevel.WorkUnit, "BENCHES", confirmation=Confirmation.Manual) for b in benches],
    )
    put_definitions(
        uow, specs=[DefinitionSpec(f"ROUTE-{b}", "BOARD", (SegmentSpec("WORK", "WM-BENCH", b),)) for b in benches]
    )
    for bench in benches:
        submit_operations_request(
            uow, id=f"PO-{bench}", quantity=Decimal(10), operations_definition_id=f"ROUTE-{bench}"
        )
        release_jobs(uow, versions={f"PO-{bench}-WORK": 1})
        start_job(uow, job_id=f"PO-{bench}-WORK", version=2)


async def _client(database: Database, job_id: str, version: int, until: float) -> int:
    done = 0
    while time.perf_counter() < until:
        verb = pause_job if done % 2 == 0 else resume_job
        await database.write(verb, actor=1, correlation_id="bench", job_id=job_id, version=version + done)
        done += 1
    return done


async def _transitions(database: Database, versions: dict[str, int], seconds: float) -> float:
    started = time.perf_counter()
    until = started + seconds
    jobs = [f"PO-BENCH-{n}-WORK" for n in range(CLIENTS)]
    counts = await asyncio.gather(*(_client(database, job, versions[job], until) for job in jobs))
    for job, count in zip(jobs, counts, strict=True):
        versions[job] += count
        if count % 2:
            await database.write(resume_job, actor=1, job_id=job, version=versions[job])
            versions[job] += 1
    return sum(counts) / (time.perf_counter() - started)


def _raw_sqlite(path: Path, seconds: float) -> float:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS raw (pk INTEGER PRIMARY KEY, body TEXT)")
    lock = threading.Lock()

    def insert() -> None:
        with lock:
            connection.execute("INSERT INTO raw (body) VALUES (?)", ("x" * 200,))

    rate = _threads([insert] * CLIENTS, seconds)
    connection.close()
    return rate


def _raw_postgres(url: str, seconds: float) -> float:
    plain = url.replace("postgresql+psycopg", "postgresql")
    connections = [psycopg.connect(plain, autocommit=True) for _ in range(CLIENTS)]
    connections[0].execute("CREATE TABLE IF NOT EXISTS raw (pk BIGSERIAL PRIMARY KEY, body TEXT)")

    def inserter(connection: psycopg.Connection[tuple[object, ...]]) -> Callable[[], None]:
        def insert() -> None:
            connection.execute("INSERT INTO raw (body) VALUES (%s)", ("x" * 200,))

        return insert

    rate = _threads([inserter(connection) for connection in connections], seconds)
    for connection in connections:
        connection.close()
    return rate


def _threads(works: list[Callable[[], None]], seconds: float) -> float:
    counts = [0] * len(works)
    started = time.perf_counter()
    until = started + seconds

    def run(place: int, work: Callable[[], None]) -> None:
        while time.perf_counter() < until:
            work()
            counts[place] += 1

    threads = [threading.Thread(target=run, args=(place, work)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


def _measure(url: str, floor: Callable[[float], float], seconds: float) -> tuple[float, float, float]:
    """Interleaved rounds; medians of floor and transitions per second, and of their ratio."""
    database = Database(url)
    upgrade(database)
    database.write_now(_bench_plant, actor=None)
    versions = {f"PO-BENCH-{n}-WORK": 3 for n in range(CLIENTS)}
    floors, ours = [], []
    for _ in range(ROUNDS):
        floors.append(floor(seconds))
        ours.append(asyncio.run(_transitions(database, versions, seconds)))
    database.close()
    ratios = [mine / low for mine, low in zip(ours, floors, strict=True)]
    return statistics.median(floors), statistics.median(ours), statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    seconds = 0.8 if parser.parse_args().quick else 3.0
    with tempfile.TemporaryDirectory() as folder:
        sqlite = _measure(
            f"sqlite:///{folder}/plant.sqlite", lambda s: _raw_sqlite(Path(folder) / "raw.sqlite", s), seconds
        )
        cluster: PostgresCluster = start_cluster(Path(folder) / "cluster")
        try:
            cluster.create_database("bench")
            postgres = _measure(cluster.url("bench"), lambda s: _raw_postgres(cluster.url("bench"), s), seconds)
        finally:
            cluster.stop()
    print(
        json.dumps(
            {
                "name": "writes",
                "ratios": {"sqlite_vs_raw": round(sqlite[2], 3), "postgres_vs_raw": round(postgres[2], 3)},
                "figures": {
                    "sqlite_raw_inserts_s": round(sqlite[0]),
                    "sqlite_transitions_s": round(sqlite[1]),
                    "postgres_raw_inserts_s": round(postgres[0]),
                    "postgres_transitions_s": round(postgres[1]),
                    "clients": CLIENTS,
                },
            }
        )
    )


if __name__ == "__main__":
    main()
