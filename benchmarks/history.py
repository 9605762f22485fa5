"""What history costs: room, a curve by the minute, and the processor while it is kept up, on SQLite and on PostgreSQL.

    python benchmarks/history.py [--quick]

Data: 2,000,000 samples of 50 tags, a quarter each noise of step 0.01, steps, counters and states, 1 Hz with 5 ms of
jitter either way, seed 4; and one more tag over 30 days (`--quick`: 3). Floor: the same rows in an indexed PostgreSQL
table, at its best: columns without padding, loaded by COPY in the order of the index, VACUUMed and ANALYZEd; its size
with the index; the curve in one statement (n, min, max, sum; ours also has first, last and the mean over time).

Ratios, the worse of our two databases: `smaller_than_rows`, `quicker_than_rows` (medians of interleaved rounds).
Figures: `bytes_per_sample` (everything on disk, roll-ups included), `storage_share_of_core` (20,000 values/s of 1,000
tags by the columns: packed, logged, sealed, merged; processor seconds of the process a second of data, with
PostgreSQL's own beside it), `longest_block_ms` (how late the event loop is at most while that runs in real time; the
best of three rounds, since neighbours only add), `idle_block_ms` the same while nothing runs.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import psycopg

from mes.history.keeper import Keeper
from mes.history.queries import list_rollups
from mes.history.sealer import Sealer
from mes.history.service import append_measurements
from mes.history.types import DAY_US, HOUR_US, Measurements
from mes.kernel.db import Database
from mes.kernel.sqltypes import from_us
from mes.migrations.upgrade import upgrade
from tests.support.postgres import PostgresCluster, start_cluster

SAMPLES, TAGS, SEED = 2_000_000, 50, 4
START_US = 1_767_225_600_000_000
SECOND_US = 1_000_000
SEALED_EVERY_S = 500
LONG_TAG = TAGS + 1
ROUNDS = 5
RATE, RATE_TAGS, BATCH = 20_000, 1_000, 5_000
FIRST_RATE_TAG = 1_000


class Clock:
    """Data's own time."""

    def __init__(self) -> None:
        self.at_us = START_US

    def __call__(self) -> datetime:
        return from_us(self.at_us)


def values_of(kind: int, n: int, rng: np.random.Generator) -> Any:
    """Noise of step 0.01, steps, a counter, a state."""
    if kind == 0:
        return np.round(np.cumsum(rng.normal(0, 0.05, n)) + 60, 2)
    if kind == 1:
        return np.round(np.repeat(rng.normal(200, 15, n // 30 + 1), 30)[:n], 1)
    if kind == 2:
        return np.cumsum(rng.random(n) < 0.2).astype(float)
    return (np.repeat(rng.random(n // 60 + 1), 60)[:n] < 0.9).astype(float)


def instants(n: int, rng: np.random.Generator, *, period_us: int = SECOND_US, end_us: int | None = None) -> Any:
    begin = START_US if end_us is None else end_us - n * period_us
    return begin + np.arange(n) * period_us + rng.integers(0, 11, n) * 1_000


def fifty_tags() -> tuple[Any, Any]:
    """Instants and values, a row a tag."""
    rng = np.random.default_rng(SEED)
    n = SAMPLES // TAGS
    return (
        np.stack([instants(n, rng) for _ in range(TAGS)]),
        np.stack([values_of(tag % 4, n, rng) for tag in range(TAGS)]),
    )


def columns_of(at_us: Any, value: Any, first_tag: int) -> Measurements:
    """A row a tag as columns in the order of time."""
    tags, n = at_us.shape
    tag_pk = np.tile(np.arange(first_tag, first_tag + tags, dtype=np.uint32), n)
    return Measurements(tag_pk, at_us.T.ravel(), value.T.ravel(), np.zeros(tags * n, np.uint8))


def load_fifty(database: Database, clock: Clock, at_us: Any, value: Any) -> None:
    """As in life: handed over as it comes, sealed again and again, merged when its hour is over."""
    sealer = Sealer(database, breathe=lambda: None)
    for begin in range(0, at_us.shape[1], SEALED_EVERY_S):
        some = slice(begin, begin + SEALED_EVERY_S)
        clock.at_us = START_US + (begin + SEALED_EVERY_S) * SECOND_US
        database.write_now(append_measurements, actor=None, columns=columns_of(at_us[:, some], value[:, some], 1))
        sealer.seal()
        if begin // 3_600 != (begin + SEALED_EVERY_S) // 3_600:
            sealer.merge()
    clock.at_us += 2 * HOUR_US
    sealer.merge()
    sealer.close()


def load_long(database: Database, clock: Clock, at_us: Any, value: Any) -> None:
    sealer = Sealer(database, breathe=lambda: None)
    clock.at_us = int(at_us[-1]) + 2 * HOUR_US
    for begin in range(0, len(at_us), 86_400):
        some = slice(begin, begin + 86_400)
        columns = columns_of(at_us[None, some], value[None, some], LONG_TAG)
        database.write_now(append_measurements, actor=None, columns=columns)
    sealer.turn()
    sealer.close()


# --- the floor: rows in PostgreSQL


class Rows:
    """The same samples as rows."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True)

    def load(self, table: str, at_us: Any, value: Any, first_tag: int) -> None:
        run = self.connection.execute
        run(f"CREATE TABLE {table} (at_us bigint, value float8, tag_pk int, quality smallint)")
        with self.connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
            for place in range(len(at_us)):
                copy.write(copied(at_us[place], value[place], first_tag + place))
            copy.write(b"\xff\xff")
        run(f"CREATE UNIQUE INDEX ON {table} (tag_pk, at_us)")
        run(f"VACUUM ANALYZE {table}")

    def size(self, table: str) -> int:
        found = self.connection.execute("SELECT pg_total_relation_size(%s)", (table,)).fetchone()
        assert found is not None
        return int(found[0])

    def by_minute(self, table: str, tag: int) -> int:
        rows = self.connection.execute(
            f"SELECT at_us / 60000000, count(value), min(value), max(value), sum(value) FROM {table} "
            "WHERE tag_pk = %s GROUP BY 1 ORDER BY 1",
            (tag,),
            binary=True,
        ).fetchall()
        return len(rows)


def copied(at_us: Any, value: Any, tag: int) -> bytes:
    """Rows of one tag in COPY's binary form."""
    names = ("n", "l1", "at", "l2", "v", "l3", "tag", "l4", "q")
    kinds = (">i2", ">i4", ">i8", ">i4", ">f8", ">i4", ">i4", ">i4", ">i2")
    row = np.dtype(list(zip(names, kinds, strict=True)))
    rows = np.zeros(len(at_us), row)
    rows["n"], rows["l1"], rows["l2"], rows["l3"], rows["l4"] = 4, 8, 8, 4, 2
    rows["at"], rows["v"], rows["tag"] = at_us, value, tag
    return rows.tobytes()


# --- ours


def our_size(database: Database, folder: Path) -> int:
    """Everything this plant has on disk."""
    if database.dialect == "sqlite":
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    with psycopg.connect(database.url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute("VACUUM")
        found = connection.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname LIKE 'history%' AND relkind = 'r'"
        ).fetchone()
        assert found is not None
        return int(found[0])


def timed(work: Callable[[], int], expected: int) -> float:
    started = time.perf_counter()
    rows = work()
    took = time.perf_counter() - started
    assert abs(rows - expected) <= 1, (rows, expected)
    return took


def batches(seconds: int, *, end_us: int) -> Iterator[Measurements]:
    """20,000 values a second of 1,000 tags, in batches of 5,000."""
    rng = np.random.default_rng(SEED)
    hertz = RATE // RATE_TAGS
    n = seconds * hertz
    at_us = np.stack([instants(n, rng, period_us=SECOND_US // hertz, end_us=end_us) for _ in range(RATE_TAGS)])
    value = np.stack([values_of(tag % 4, n, rng) for tag in range(RATE_TAGS)])
    step = BATCH // RATE_TAGS
    for begin in range(0, n, step):
        some = slice(begin, begin + step)
        yield columns_of(at_us[:, some], value[:, some], FIRST_RATE_TAG)


def share_of_core(database: Database, clock: Clock, seconds: int, server: Callable[[], float]) -> tuple[float, float]:
    """Processor seconds a second of data: ours, and PostgreSQL's."""
    ready = list(batches(seconds, end_us=clock.at_us // HOUR_US * HOUR_US - 600 * SECOND_US))
    sealer = Sealer(database, breathe=lambda: None)
    gc.collect()
    before, before_server = time.process_time(), server()
    for place, columns in enumerate(ready, start=1):
        database.write_now(append_measurements, actor=None, columns=columns)
        if place % (60 * RATE // BATCH) == 0:
            sealer.seal()
    sealer.seal()
    sealer.merge()
    used = time.process_time() - before
    sealer.close()
    return used / seconds, (server() - before_server) / seconds


def server_seconds(cluster: PostgresCluster) -> float:
    """Processor seconds of the cluster's processes, those that ended included."""
    assert cluster.process is not None
    pids = [cluster.process.pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == cluster.process.pid:
            pids.append(int(stat.parent.name))
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
        if pid == cluster.process.pid:
            ticks += int(fields[13]) + int(fields[14])
    return ticks / os.sysconf("SC_CLK_TCK")


async def longest_block(database: Database | None, clock: Clock, seconds: int) -> float:
    """How late the event loop is at most, in ms, while 20,000 values/s are kept; None: while nothing is."""
    loop = asyncio.get_running_loop()
    ready = list(batches(seconds, end_us=clock.at_us - 2 * HOUR_US)) if database else []
    keeper = Keeper(database, every_s=1.0) if database else None
    until = loop.time() + seconds
    late = [0.0]

    async def watch() -> None:
        while loop.time() < until:
            due = loop.time() + 0.001
            await asyncio.sleep(0.001)
            late[0] = max(late[0], loop.time() - due)

    async def feed(kept: Database) -> None:
        begun = loop.time()
        for place, columns in enumerate(ready):
            await asyncio.sleep(max(begun + place * BATCH / RATE - loop.time(), 0))
            await kept.write(append_measurements, actor=None, columns=columns)

    gc.collect()
    gc.freeze()
    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        if database:
            group.create_task(feed(database))
    if keeper:
        await asyncio.to_thread(keeper.stop)
    return late[0] * 1_000


def measure(quick: bool, folder: Path, cluster: PostgresCluster) -> dict[str, Any]:
    days = 3 if quick else 30
    at_us, value = fifty_tags()
    rng = np.random.default_rng(SEED + 1)
    long_at = instants(days * 86_400, rng)
    long_value = values_of(0, days * 86_400, rng)
    minutes = days * 1_440

    cluster.create_database("rows")
    rows = Rows(cluster.url("rows"))
    rows.load("fifty", at_us, value, 1)
    rows.load("long", long_at[None], long_value[None], LONG_TAG)
    row_bytes = rows.size("fifty")

    ours: dict[str, tuple[Database, Clock, Path]] = {}
    sizes: dict[str, int] = {}
    for name in ("sqlite", "postgres"):
        clock, place = Clock(), folder / name
        place.mkdir()
        cluster.create_database(f"plant_{name}")
        url = f"sqlite:///{place}/plant.sqlite" if name == "sqlite" else cluster.url(f"plant_{name}")
        database = Database(url, clock=clock)
        upgrade(database)
        before = our_size(database, place)
        load_fifty(database, clock, at_us, value)
        if name == "sqlite":
            database.close()
            database = Database(url, clock=clock)
        sizes[name] = our_size(database, place) - before
        load_long(database, clock, long_at, long_value)
        ours[name] = (database, clock, place)

    window = {"tag_pk": LONG_TAG, "from_us": START_US, "to_us": START_US + days * DAY_US}
    found: dict[str, list[float]] = {"rows": [], "sqlite": [], "postgres": []}
    for _ in range(ROUNDS):
        found["rows"].append(timed(lambda: rows.by_minute("long", LONG_TAG), minutes))
        for name, (database, _, _) in ours.items():
            found[name].append(timed(lambda db=database: len(db.read_now(list_rollups, **window)), minutes))
    rows.connection.close()
    ratios = {name: statistics.median(r / o for r, o in zip(found["rows"], found[name], strict=True)) for name in sizes}

    seconds = 60 if quick else 600
    sqlite, clock, _ = ours["sqlite"]
    share, _ = share_of_core(sqlite, clock, seconds, lambda: 0.0)
    postgres, postgres_clock, _ = ours["postgres"]
    its_share, server_share = share_of_core(postgres, postgres_clock, seconds, lambda: server_seconds(cluster))
    watched = 3 if quick else 20
    blocks = [asyncio.run(longest_block(sqlite, clock, watched)) for _ in range(3)]
    idle = min(asyncio.run(longest_block(None, clock, 1)) for _ in range(3))
    for database, _, _ in ours.values():
        database.close()

    per_sample = {name: size / SAMPLES for name, size in sizes.items()}
    return {
        "name": "history",
        "ratios": {
            "smaller_than_rows": round(row_bytes / max(sizes.values()), 2),
            "quicker_than_rows": round(min(ratios.values()), 2),
        },
        "figures": {
            "bytes_per_sample": round(max(per_sample.values()), 3),
            "sqlite_bytes_per_sample": round(per_sample["sqlite"], 3),
            "postgres_bytes_per_sample": round(per_sample["postgres"], 3),
            "row_bytes_per_sample": round(row_bytes / SAMPLES, 1),
            "days": days,
            "rows_by_minute_ms": round(statistics.median(found["rows"]) * 1_000, 1),
            "sqlite_by_minute_ms": round(statistics.median(found["sqlite"]) * 1_000, 1),
            "postgres_by_minute_ms": round(statistics.median(found["postgres"]) * 1_000, 1),
            "storage_share_of_core": round(max(share, its_share), 4),
            "sqlite_storage_share_of_core": round(share, 4),
            "postgres_storage_share_of_core": round(its_share, 4),
            "postgres_server_share_of_core": round(server_share, 4),
            "longest_block_ms": round(min(blocks), 1),
            "longest_block_rounds_ms": [round(block, 1) for block in blocks],
            "idle_block_ms": round(idle, 1),
            "values_s": RATE,
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        cluster = start_cluster(Path(folder) / "cluster")
        try:
            print(json.dumps(measure(quick, Path(folder), cluster)))
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
