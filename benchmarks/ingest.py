"""What a value costs from the bridge's journal to the plant's database with the rules applied: 80 % measurements,
15 % counters, 5 % equipment states of a plant with 1,000 tags, through the product's own uplink and REST API (in one
process, without a socket), against the raw writing of as many rows of a value into one table of the same database:
`executemany` in one transaction a batch on SQLite, COPY a batch on PostgreSQL.

    python benchmarks/ingest.py [--quick]

Ratios: `vs_raw_sqlite`, `vs_raw_postgres` (values per core-second over the floor's; higher is better). On PostgreSQL
the processor time of the database's processes counts too, for both.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx
import psycopg
from fastapi import FastAPI

from mes.access.service import create_principal, create_token
from mes.access.types import Role
from mes.api import router
from mes.edge.service import put_bridge, put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.equipment.service import put_equipment
from mes.equipment.types import EquipmentSpec
from mes.kernel.db import Database
from mes.kernel.uow import UnitOfWork
from mes.migrations.upgrade import upgrade
from opcua_bridge.clock import Clock
from opcua_bridge.journal import Journal
from opcua_bridge.uplink import Uplink
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.lineside.ingest_v1 import MAX_BATCH_ITEMS, Samples
from tests.support.postgres import PostgresCluster, start_cluster
from tests.web.cast import OnePlant
from web.problems import install_problem_handlers

SEED = 5
UNITS = 50
PER_UNIT = ("State", *(f"C{n}" for n in range(3)), *(f"M{n}" for n in range(16)))
"""5 % states, 15 % counters, 80 % measurements."""
BLOCK = 500
"""Values in one publish response."""
ROUNDS = 3


def plant(uow: UnitOfWork) -> None:
    """One bridge, its machines and what their tags mean."""
    equipment = [
        EquipmentSpec("E", EquipmentLevel.Enterprise),
        EquipmentSpec("S", EquipmentLevel.Site, "E"),
        EquipmentSpec("A", EquipmentLevel.Area, "S"),
    ]
    bindings = []
    for unit in (f"U-{n}" for n in range(UNITS)):
        equipment += [
            EquipmentSpec(f"C-{unit}", EquipmentLevel.WorkCenter, "A"),
            EquipmentSpec(unit, EquipmentLevel.WorkUnit, f"C-{unit}"),
        ]
        bindings += [_binding(unit, name) for name in PER_UNIT]
    put_equipment(uow, specs=equipment)
    put_bridge(uow, bridge_id="EDGE")
    put_tag_bindings(uow, bridge_id="EDGE", bindings=bindings)
    create_principal(uow, principal_id="EDGE", role=Role.bridge, display_name="EDGE")


def _binding(unit: str, name: str) -> TagBindingSpec:
    tag = f"{unit}.{name}"
    if name == "State":
        return TagBindingSpec(tag, "equipment-state", unit, state_map="packml")
    if name.startswith("C"):
        return TagBindingSpec(tag, "counter", unit, "good", counting_point_of=unit if name == "C0" else "")
    return TagBindingSpec(tag, "measurement", unit, unit="V")


def blocks(values: int, first_us: int) -> Iterator[Samples]:
    """Every tag in turn, once a second of the machines' time."""
    chance = random.Random(SEED)
    tags = [f"U-{n}.{name}" for n in range(UNITS) for name in PER_UNIT]
    at_us, round_ = first_us, 0
    for start in range(0, values, BLOCK):
        offset = start % len(tags)
        if not offset:
            round_ += 1
            at_us += 1_000_000
        some = tags[offset : offset + BLOCK]
        yield Samples(
            some,
            list(range(len(some))),
            [_value(tag, round_, chance) for tag in some],
            at_us,
            [chance.randrange(1_000, 90_000) for _ in some],
        )


def _value(tag: str, round_: int, chance: random.Random) -> float:
    name = tag.partition(".")[2]
    if name == "State":
        return 6 if round_ // 10 % 2 else 5
    return round_ * 3 if name.startswith("C") else round(chance.gauss(60, 5), 2)


# -- ours


class Ours:
    """A plant that is told of by a bridge's uplink."""

    def __init__(self, url: str, folder: Path) -> None:
        self._database = Database(url)
        upgrade(self._database)
        self._database.write_now(plant, actor=None)
        issued = self._database.write_now(
            create_token, actor=None, plant_id=self._database.plant_id, principal_id="EDGE", label="benchmark"
        )
        app = FastAPI()
        app.state.plants = OnePlant(self._database)
        install_problem_handlers(app)
        app.include_router(router)
        self._app, self._token, self._folder = app, issued.token, folder
        self._at_us = 1_790_000_000_000_000
        gc.freeze()  # as server and bridge do when they have started

    async def run(self, values: int, spent: Callable[[], float]) -> float:
        """Seconds of processor time from a full journal to an empty one."""
        journal = Journal(self._folder / "journal.sqlite", max_bytes=2**32)
        for block in blocks(values, self._at_us):
            await journal.append([block], source="load")
        self._at_us += values * 1_000_000
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://plant", timeout=60) as client:
            uplink = Uplink(journal, client, token=self._token, clock=Clock())
            before = spent()
            while await uplink.send_next():
                pass
            after = spent()
        if uplink.health.acknowledged_seq != journal.last_seq or uplink.health.quarantined:
            raise SystemExit(f"not all was taken: {uplink.health}")
        journal.close()
        return after - before

    def close(self) -> None:
        self._database.close()


# -- the floors


def raw_rows(values: int) -> list[tuple[int, int, float]]:
    chance = random.Random(SEED)
    return [(n % 1_000, 1_790_000_000_000_000 + n, chance.gauss(60, 5)) for n in range(values)]


def raw_sqlite(path: Path, values: int, spent: Callable[[], float]) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS raw (tag INTEGER, at_us INTEGER, value REAL)")
    rows = raw_rows(values)
    before = spent()
    for start in range(0, values, MAX_BATCH_ITEMS):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO raw VALUES (?, ?, ?)", rows[start : start + MAX_BATCH_ITEMS])
        connection.execute("COMMIT")
    after = spent()
    connection.close()
    return after - before


def raw_postgres(url: str, values: int, spent: Callable[[], float]) -> float:
    rows = raw_rows(values)
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS raw (tag int, at_us bigint, value double precision)")
        connection.commit()
        before = spent()
        for start in range(0, values, MAX_BATCH_ITEMS):
            with connection.cursor().copy("COPY raw FROM STDIN") as copy:
                for row in rows[start : start + MAX_BATCH_ITEMS]:
                    copy.write_row(row)
            connection.commit()
        return spent() - before


# -- the run


def of_processes(parent: int) -> float:
    """Processor seconds of a process and its children, living and gone."""
    ticks = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(folder.name) == parent:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == parent:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def ratio(
    ours: Ours, floor: Callable[[], float], values: int, spent: Callable[[], float]
) -> tuple[float, float, float]:
    """Values per core-second, ours and the floor's, and their ratio: medians of rounds in which they take turns."""
    mine, floors = [], []
    for _ in range(ROUNDS):
        floors.append(values / floor())
        mine.append(values / asyncio.run(ours.run(values, spent)))
    found = statistics.median(a / b for a, b in zip(mine, floors, strict=True))
    return statistics.median(mine), statistics.median(floors), found


def benchmark(values: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sqlite").mkdir()
        ours = Ours(f"sqlite:///{folder}/sqlite/plant.sqlite", folder / "sqlite")
        spent = time.process_time
        sqlite = ratio(ours, lambda: raw_sqlite(folder / "raw.sqlite", values, spent), values, spent)
        ours.close()
        postgres = on_postgres(folder, values)
    return {
        "name": "ingest",
        "ratios": {"vs_raw_sqlite": round(sqlite[2], 3), "vs_raw_postgres": round(postgres[2], 3)},
        "figures": {
            "sqlite_values_per_core_s": round(sqlite[0]),
            "raw_sqlite_rows_per_core_s": round(sqlite[1]),
            "postgres_values_per_core_s": round(postgres[0]),
            "raw_postgres_rows_per_core_s": round(postgres[1]),
            "values": values,
        },
    }


def on_postgres(folder: Path, values: int) -> tuple[float, float, float]:
    cluster: PostgresCluster = start_cluster(folder / "cluster")
    try:
        cluster.create_database("bench")
        postmaster = int((cluster.folder / "data" / "postmaster.pid").read_text().split()[0])

        def spent() -> float:
            return time.process_time() + of_processes(postmaster)

        (folder / "postgres").mkdir()
        ours = Ours(cluster.url("bench"), folder / "postgres")
        found = ratio(ours, lambda: raw_postgres(cluster.url("bench"), values, spent), values, spent)
        ours.close()
    finally:
        cluster.stop()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 45 s on two quiet cores")
    print(json.dumps(benchmark(100_000 if parser.parse_args().quick else 500_000)))


if __name__ == "__main__":
    main()
