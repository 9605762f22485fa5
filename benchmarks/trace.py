"""What genealogy costs: an electronics factory's record of 1 million (`--quick`) or 10 million logical links, on SQLite
and on PostgreSQL, written and asked through the product.

    python benchmarks/trace.py [--quick]

Floor of the walks: the same graph in memory as arrays (CSR), breadth-first in numpy (`_electronics.Walk`); every answer
is checked against it, link by link. Floor of bulk: the very rows that were stored, `executemany` and COPY into the same
tables with their indexes, in the same transactions.

Ratios: `recall_vs_numpy_…` (lower is better; the answer's JSON included), `growth` (processor time of a backward trace
at the full size over that at a tenth; from 10 million links on also of a recall; asked in turns, the median of the
rounds, and `growth_spread_…`, the distance between their quartiles; lower is better), `bulk_vs_raw` (rows
a core-second, the database's processes included; the worse of both; higher is better). Figures are the worse of both
databases: `backward_p95_ms` over HTTP on a socket, JSON included; `shipped_p95_ms`, `shared_ms` through the service
layer, JSON included; `scans_per_s` of 32 clients, each scan on disk when it is answered.
`bytes_per_link_…`: acts, links, mounts and their indexes over the
logical links; `…_with_lots`: the table of lots with it.
PostgreSQL has 1 GB of `shared_buffers`, room for 10 million links, and in huge pages, as docs/operate/server.md asks
for: they are reserved for the time of the run where that may be (root, Linux); `huge_pages` says whether it has them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import psycopg
from sqlalchemy import text

from benchmarks._electronics import (
    BIN_LOT,
    CARTON,
    PREFIXES,
    REEL,
    SHIPMENT,
    SUPPLIER_LOT,
    UNIT,
    Factory,
    Walk,
    factory,
)
from benchmarks.ingest import of_processes
from benchmarks.orders import serving
from mes.access.types import Role
from mes.equipment.service import put_equipment
from mes.equipment.types import EquipmentSpec
from mes.genealogy import queries
from mes.genealogy.formats import Format, answer_bytes
from mes.genealogy.service import count_mounted, record_genealogy, scan_lot, ship_lots
from mes.genealogy.types import Act, ActKind, Link, LinkKind, Mount, NewLot, Recording, Suspects
from mes.kernel.db import Database
from mes.kernel.plants import Plants
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.materials.service import put_materials
from mes.materials.types import LotKind, MaterialSpec
from mes.migrations.upgrade import upgrade
from mes.orders.service import submit_operations_request
from mes.ticks import list_due_ticks
from standards.isa95.equipment_hierarchy import EquipmentLevel
from tests.support.plants import build_plant
from tests.support.postgres import PostgresCluster, start_cluster
from tests.web.cast import hire

SHARED_BUFFERS_MB = 1_024
NR_HUGE_PAGES = Path("/proc/sys/vm/nr_hugepages")
STATIONS = 7
BATCH_ROWS = 50_000
TABLES = ("genealogy_act", "genealogy_link", "slot_mount", "station_slot")
CLIENTS = 32
JOBS = 20
SIZES = ("large", "small")
KINDS = {SUPPLIER_LOT: LotKind.lot, REEL: LotKind.lot, BIN_LOT: LotKind.lot, CARTON: LotKind.container}


@dataclass
class Graph:
    """A factory, its floor and the names of its lots."""

    made: Factory
    ids: list[str]
    down: Walk
    up: Walk
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, links: int) -> Graph:
        made = factory(links)
        nodes, ids = len(made.kind), made.ids
        down, up = Walk(made.parents, made.children, nodes), Walk(made.children, made.parents, nodes)
        return cls(made, ids, down, up, {lot_id: number for number, lot_id in enumerate(ids)})

    def middle(self, nodes: Any, count: int) -> list[int]:
        """Some from the middle of the factory's life, where nothing is cut off."""
        inner = nodes[len(nodes) // 4 : max(len(nodes) * 3 // 4, len(nodes) // 4 + 1)]
        return [int(node) for node in inner[:: max(len(inner) // count, 1)][:count]]

    @property
    def units(self) -> Any:
        return np.flatnonzero(self.made.kind == UNIT)


# -- the plant, and what is recorded in it


def stations(uow: UnitOfWork) -> list[str]:
    """Seven stations, a material a kind, and jobs; answers the jobs."""
    build_plant(uow)
    put_equipment(
        uow,
        specs=[EquipmentSpec(f"ST-{n}", EquipmentLevel.WorkUnit, "PRESSES") for n in range(STATIONS)],
    )
    put_materials(uow, specs=[MaterialSpec(prefix, "pcs") for prefix in PREFIXES])
    jobs: list[str] = []
    for n in range(JOBS):
        jobs += submit_operations_request(uow, id=f"PO-{n}", quantity=1_000, material_id="BOARD").job_order_ids
    return jobs


def recordings(graph: Graph, jobs: Sequence[str]) -> Iterator[Recording]:
    """Everything but shipments, in the order of time, in portions."""
    made, ids = graph.made, graph.ids
    kind, at_us, quantity = made.kind.tolist(), made.at_us.tolist(), made.quantity.tolist()
    acts, links, mounts = made.acts.tolist(), made.explicit.tolist(), made.mounts.tolist()
    job_of = [jobs[node * len(jobs) // len(kind)] for node in range(len(kind))]
    node = act = link = mount = 0
    while node < len(kind):
        end = min(node + BATCH_ROWS // 3, len(kind))
        lots = [
            NewLot(ids[n], PREFIXES[kind[n]], quantity[n] * 1_000_000, KINDS.get(kind[n], LotKind.unit), job_of[n])
            for n in range(node, end)
            if kind[n] != SHIPMENT
        ]
        told: list[Act] = []
        places: dict[int, int] = {}
        while act < len(acts) and acts[act][3] < end:
            subject, station, seq, newest = acts[act]
            if kind[subject] != SHIPMENT:
                places[act] = len(told)
                told.append(_act(ids[subject], at_us[newest], station, seq, job_of[subject]))
            act += 1
        linked: list[Link] = []
        while link < len(links) and links[link][0] < act:
            its_act, parent, child, quantity_e6 = links[link]
            if its_act in places:
                how = LinkKind.packed if kind[child] == CARTON else LinkKind.consumed
                linked.append(Link(places[its_act], ids[parent], ids[child], quantity_e6, how))
            link += 1
        mounted: list[Mount] = []
        while mount < len(mounts) and mounts[mount][4] < end:
            station, slot, first, last, lot, _ = mounts[mount]
            per = 8_000_000 if kind[lot] == REEL else 1_000_000
            mounted.append(Mount(len(told), f"F{slot}", ids[lot], first, last, at_us[lot], per))
            told.append(Act(ActKind.mounted, ids[lot], at_us[lot], f"ST-{station}"))
            mount += 1
        yield Recording(lots, told, linked, mounted)
        node = end


def _act(lot_id: str, at_us: int, station: int, seq: int, job_id: str) -> Act:
    if seq > 0:
        return Act(ActKind.passed, lot_id, at_us, f"ST-{station}", seq, job_id)
    return Act(ActKind.consumed, lot_id, at_us, "", None, job_id)


def ship(database: Database, graph: Graph) -> None:
    made, ids = graph.made, graph.ids
    shipments = np.flatnonzero(made.kind == SHIPMENT)
    for shipment in shipments.tolist():
        cartons = [ids[made.parents[place]] for place in graph.up.links[graph.up.places(np.array([shipment]))]]
        name = ids[shipment]
        asked = {"shipment_id": name, "customer_id": f"CUST-{shipment % 40}", "lot_ids": cartons}
        database.write_now(ship_lots, actor=None, request_id=name, **asked)


# -- the databases


class Store:
    """A database of ours, and what the same rows cost without us."""

    name: str

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        folder.mkdir(parents=True)
        self.plants = Plants(data_dir=folder, database_url=database_url, migrate=upgrade)
        self.database = self.plants.default

    def spent(self) -> float:
        """Processor seconds of this process and the database."""
        return time.process_time()

    def settle(self) -> None:
        """After the load, as a plant's database is after a night: what is mounted has been counted."""
        now_us = to_us(self.database.clock())
        while count_mounted in self.database.read_now(list_due_ticks, now_us=now_us):
            self.database.write_now(count_mounted, actor=None)

    def size(self, tables: Sequence[str]) -> int:
        raise NotImplementedError

    def raw(self, batches: Sequence[Sequence[tuple[str, Sequence[str], Sequence[Any]]]]) -> float:
        raise NotImplementedError


class Sqlite(Store):
    name = "sqlite"

    def size(self, tables: Sequence[str]) -> int:
        connection = sqlite3.connect(self.database.url.removeprefix("sqlite:///"))
        marks = ", ".join("?" * len(tables))
        sql = (
            "SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema "
            f"WHERE tbl_name IN ({marks})) AND aggregate = TRUE"
        )
        found = connection.execute(sql, tables).fetchone()[0]
        connection.close()
        return int(found)

    def raw(self, batches: Sequence[Sequence[tuple[str, Sequence[str], Sequence[Any]]]]) -> float:
        path = self.plants.data_dir / "raw.sqlite"
        empty = Database(f"sqlite:///{path}")
        upgrade(empty)
        empty.close()
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        before = self.spent()
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            for table, columns, rows in batch:
                marks = ", ".join("?" * len(columns))
                connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
            connection.execute("COMMIT")
        took = self.spent() - before
        connection.close()
        return took


class Postgres(Store):
    name = "postgres"

    def __init__(self, folder: Path, cluster: PostgresCluster) -> None:
        self._cluster, self._name = cluster, folder.name
        super().__init__(folder, cluster.create_database(self._name))
        self._postmaster = int((cluster.folder / "data" / "postmaster.pid").read_text().split()[0])

    def spent(self) -> float:
        return time.process_time() + of_processes(self._postmaster)

    def settle(self) -> None:
        super().settle()
        with psycopg.connect(_plain(self.database.url), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def size(self, tables: Sequence[str]) -> int:
        def total(session: Any) -> int:
            sql = "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(?::text[]) name"
            return int(session.driver_query(sql, (list(tables),))[0][0])

        return self.database.read_now(total)

    def raw(self, batches: Sequence[Sequence[tuple[str, Sequence[str], Sequence[Any]]]]) -> float:
        name = self._name + "_raw"
        self._cluster.create_database(name)
        empty = Database(self._cluster.url(name))
        upgrade(empty)
        empty.close()
        with psycopg.connect(_plain(self._cluster.url(name))) as connection:
            connection.execute(
                "ALTER TABLE material_lot DROP CONSTRAINT fk_material_lot_material_pk_material_definition"
            )
            connection.execute("ALTER TABLE slot_mount DROP CONSTRAINT fk_slot_mount_slot_pk_station_slot")
            connection.commit()
            before = self.spent()
            for batch in batches:
                for table, columns, rows in batch:
                    with connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                        copy.write("".join(map(_line, rows)))
                connection.commit()
            took = self.spent() - before
        self._cluster.drop_database(name)
        return took


def _line(row: Sequence[Any]) -> str:
    return "\t".join(["\\N" if value is None else str(value) for value in row]) + "\n"


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


# -- recording


def load(store: Store, graph: Graph) -> tuple[float, float]:
    """Rows a second of processor time, ours and raw."""
    database = store.database
    jobs = database.write_now(stations, actor=None)
    ready = list(recordings(graph, jobs))
    rows = sum(len(recording) for recording in ready)
    gc.collect()
    gc.freeze()  # as the server does when it has started: what is handed over here is no part of it
    before = store.spent()
    for recording in ready:
        database.write_now(record_genealogy, actor=None, recording=recording)
    ours = store.spent() - before
    sizes = [len(recording) for recording in ready]
    del ready
    as_stored = stored_rows(database, sizes)
    gc.freeze()
    raw = store.raw(as_stored)
    del as_stored
    ship(database, graph)
    store.settle()
    return rows / ours, rows / raw


def stored_rows(database: Database, sizes: Sequence[int]) -> list[list[tuple[str, Sequence[str], Sequence[Any]]]]:
    """The rows as they were stored, in as many portions as they came in."""
    tables = ("material_lot", "genealogy_act", "genealogy_link", "slot_mount")
    portions: list[list[tuple[str, Sequence[str], Sequence[Any]]]] = [[] for _ in sizes]
    for table in tables:
        order = "act_pk" if table == "genealogy_link" else "pk"

        def rows(session: Any, table: str = table, order: str = order) -> tuple[list[str], list[Any]]:
            found = session.execute(text(f"SELECT * FROM {table} ORDER BY {order}"))
            return list(found.keys()), [tuple(row) for row in found]

        columns, found = database.read_now(rows)
        bounds = np.linspace(0, len(found), len(sizes) + 1).astype(int).tolist()
        for portion, begin, end in zip(portions, bounds[:-1], bounds[1:], strict=True):
            portion.append((table, columns, found[begin:end]))
    return portions


async def scan(database: Database, count: int) -> float:
    """Scans a second: parts into units, each waiting for its answer, 32 at a time."""
    lots = [NewLot(f"{prefix}-{n}", "B") for prefix in ("PART", "WHOLE") for n in range(count)]
    await database.write(record_genealogy, actor=None, recording=Recording(lots=lots))
    waiting = iter(range(count))

    async def client() -> None:
        for n in waiting:
            named = {"request_id": f"scan-{n}", "parent_id": f"PART-{n}", "child_id": f"WHOLE-{n}"}
            await database.write(scan_lot, actor=None, **named, equipment_id="ST-6")

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())
    return count / (time.perf_counter() - begin)


# -- questions


def expected_links(graph: Graph, walk: Walk, node: int) -> set[tuple[str, str, str]]:
    made, ids = graph.made, graph.ids
    places = walk.links[walk.places(walk.from_node(node))]
    columns = (made.parents[places], made.children[places], made.possible[places])
    return {
        (ids[parent], ids[child], "possible" if possible else "certain")
        for parent, child, possible in zip(*(column.tolist() for column in columns), strict=True)
    }


def check(right: bool, what: str) -> None:
    if not right:
        raise SystemExit(f"wrong answer: {what}")


def ask(database: Database, query: Callable[..., Any], **asked: Any) -> bytes:
    return database.read_now(answer_bytes, query=query, format=Format.json, **asked)


def backward_over_http(store: Store, graph: Graph, count: int) -> float:
    """p95 in ms, of the product as it is served."""
    headers = {"Authorization": f"Bearer {hire(store.database, 'asker', Role.operator).token}"}
    took = []
    with serving("product", store.database.url, store.plants.data_dir) as port:
        client = HTTPConnection("127.0.0.1", port, timeout=30)
        for node in graph.middle(graph.units, count):
            begin = time.perf_counter()
            client.request("GET", f"/api/v1/genealogy/lots/{graph.ids[node]}/made-of", headers=headers)
            answer = client.getresponse()
            body = answer.read()
            took.append((time.perf_counter() - begin) * 1_000)
            check(answer.status == 200, f"{answer.status} for {graph.ids[node]}")
            found = {(row[0], row[1], row[4]) for row in json.loads(body)["links"]["rows"]}
            check(found == expected_links(graph, graph.up, node), f"made of {graph.ids[node]}")
        client.close()
    return float(np.percentile(took[5:], 95))


def recall_ratio(database: Database, graph: Graph, count: int) -> tuple[float, float, float]:
    """Recall over the walk in numpy, in turns: medians and their ratio."""
    ours, floor = [], []
    for node in graph.middle(graph.made.full_reels, count):
        suspects = Suspects(lot_ids=(graph.ids[node],))
        ask(database, queries.get_recall, suspects=suspects)
        begin = time.perf_counter()
        reached = graph.down.from_node(node)
        middle = time.perf_counter()
        answer = ask(database, queries.get_recall, suspects=suspects)
        ours.append(time.perf_counter() - middle)
        floor.append(middle - begin)
        found = [lot for row in json.loads(answer)["affected"]["rows"] for lot in row[-1]]
        check(
            len(found) == len(reached) and {graph.numbers[lot] for lot in found} == set(reached.tolist()),
            f"recall of {graph.ids[node]}",
        )
    mine, numpy = statistics.median(ours), statistics.median(floor)
    return mine / numpy, mine * 1_000, numpy * 1_000


def shipped_p95(database: Database, graph: Graph, count: int) -> float:
    took = []
    for node in graph.middle(graph.made.full_reels, count):
        begin = time.perf_counter()
        answer = ask(database, queries.list_shipped, lot_ids=[graph.ids[node]])
        took.append((time.perf_counter() - begin) * 1_000)
        found = {lot for row in json.loads(answer)["shipped"]["rows"] for lot in row[-1]}
        reached = graph.down.from_node(node)
        check(found == {graph.ids[n] for n in reached[graph.made.kind[reached] == UNIT].tolist()}, "shipped units")
    return float(np.percentile(took[1:], 95))


def shared(database: Database, graph: Graph, rounds: int) -> float:
    """Median ms: what 20 units with one reel share against 200 without it, half of them made right before and after."""
    reel = graph.middle(graph.made.full_reels, 1)[0]
    kind, units = graph.made.kind, graph.units
    reached = graph.down.from_node(reel)
    bad = np.sort(reached[kind[reached] == UNIT])
    rng = np.random.default_rng(1)
    rest = np.setdiff1d(units, bad)
    near = rest[np.argsort(np.abs(rest - bad[len(bad) // 2]))][: max(len(bad), 200)]
    good = np.unique(np.concatenate([rng.choice(near, 100, False), rng.choice(np.setdiff1d(rest, near), 100, False)]))
    failed = rng.choice(bad, 20, False)
    took = []
    for _ in range(rounds):
        begin = time.perf_counter()
        answer = ask(
            database,
            queries.list_shared,
            failed_ids=[graph.ids[n] for n in failed],
            good_ids=[graph.ids[n] for n in good],
        )
        took.append((time.perf_counter() - begin) * 1_000)
        first, second = json.loads(answer)["shared"]["rows"][:2]
        check(f"lot {graph.ids[reel]}" in first[-1] and first[2:6] == [20, 20, 0, len(good)], "the planted cause")
        check(second[1] >= first[1] and not set(second[-1]) & set(first[-1]), "ties as one group")
    return statistics.median(took[1:])


@dataclass(frozen=True, slots=True)
class Asking:
    """One question to one database, about node after node."""

    store: Store
    ask: Callable[[int], Any]
    nodes: Sequence[int]

    def spent_ms(self, share: slice) -> float:
        """Processor time of one, of this process and the database."""
        nodes = self.nodes[share]
        before = self.store.spent()
        for node in nodes:
            self.ask(node)
        return (self.store.spent() - before) * 1_000 / len(nodes)


def backward(store: Store, graph: Graph, count: int) -> Asking:
    def trace(node: int) -> bytes:
        return ask(store.database, queries.trace_from, lot_id=graph.ids[node])

    return Asking(store, trace, graph.middle(graph.units, count))


def recall(store: Store, graph: Graph, count: int) -> Asking:
    def get(node: int) -> bytes:
        return ask(store.database, queries.get_recall, suspects=Suspects(lot_ids=(graph.ids[node],)))

    return Asking(store, get, graph.middle(graph.made.full_reels, count))


def growth_of(large: Asking, small: Asking, rounds: int) -> tuple[float, float, float]:
    """Processor time of the large over that of the small, asked in turns: the median of the rounds, the distance
    between their quartiles, and what one question costs at the large, in ms."""
    for asking in (large, small):
        asking.spent_ms(slice(0, None, rounds))
    shares = [slice(n, None, rounds) for n in range(rounds)]
    pairs = [(large.spent_ms(share), small.spent_ms(share)) for share in shares]
    quarter, median, three = np.percentile([a / b for a, b in pairs], (25, 50, 75)).tolist()
    return median, three - quarter, statistics.median(a for a, _ in pairs)


# -- the run


def measure(store: Store, graph: Graph, *, quick: bool) -> dict[str, float]:
    database = store.database
    ours, raw = load(store, graph)
    logical = len(graph.made.parents)
    figures = {
        "bulk_rows_per_core_s": ours,
        "bulk_vs_raw": ours / raw,
        "bytes_per_link": store.size(TABLES) / logical,
        "bytes_per_link_with_lots": store.size([*TABLES, "material_lot"]) / logical,
    }
    ratio, mine, numpy = recall_ratio(database, graph, 8 if quick else 20)
    figures |= {"recall_vs_numpy": ratio, "recall_ms": mine, "numpy_ms": numpy}
    figures["shipped_p95_ms"] = shipped_p95(database, graph, 10 if quick else 25)
    figures["shared_ms"] = shared(database, graph, 5 if quick else 9)
    figures["backward_p95_ms"] = backward_over_http(store, graph, 65 if quick else 205)
    figures["scans_per_s"] = asyncio.run(scan(database, 2_000 if quick else 10_000))
    return figures


def growth(large: Store, graph: Graph, small: Store, tenth: Graph, *, quick: bool) -> dict[str, float]:
    """Of a backward trace, and of a recall where both have room for one; the worse of the two."""
    load_only(small, tenth)
    rounds, count = (5, 100) if quick else (9, 270)
    ratio, spread, cost = growth_of(backward(large, graph, count), backward(small, tenth, count), rounds)
    figures = {"growth": ratio, "growth_spread": spread, "back_cpu_ms": cost}
    if len(tenth.made.full_reels) > 10:
        ratio, spread, cost = growth_of(recall(large, graph, 27), recall(small, tenth, 27), 9)
        figures["recall_cpu_ms"] = cost
        if ratio > figures["growth"]:
            figures |= {"growth": ratio, "growth_spread": spread}
    return figures


def load_only(store: Store, graph: Graph) -> None:
    jobs = store.database.write_now(stations, actor=None)
    for recording in recordings(graph, jobs):
        store.database.write_now(record_genealogy, actor=None, recording=recording)
    ship(store.database, graph)
    store.settle()


def everything(large: Store, small: Store, graph: Graph, tenth: Graph, *, quick: bool) -> dict[str, float]:
    figures = measure(large, graph, quick=quick) | growth(large, graph, small, tenth, quick=quick)
    for store in (large, small):
        store.plants.close()
    return figures


def benchmark(links: int, *, quick: bool) -> dict[str, Any]:
    graph, tenth = Graph.of(links), Graph.of(links // 10)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large, small = (Sqlite(folder / "sqlite" / size) for size in SIZES)
        sqlite = everything(large, small, graph, tenth, quick=quick)
        print(json.dumps(sqlite), file=sys.stderr)
        with huge_pages(SHARED_BUFFERS_MB) as reserved:
            settings = {"shared_buffers": f"{SHARED_BUFFERS_MB}MB", "huge_pages": "on" if reserved else "off"}
            cluster = start_cluster(folder / "cluster", settings=settings)
            try:
                larger, smaller = (Postgres(folder / "postgres" / size, cluster) for size in SIZES)
                postgres = everything(larger, smaller, graph, tenth, quick=quick)
            finally:
                cluster.stop()
    found = report(len(graph.made.parents), sqlite, postgres)
    found["figures"]["huge_pages"] = reserved
    return found


@contextmanager
def huge_pages(megabytes: int) -> Iterator[bool]:
    """Have so much memory, and a tenth, free in huge pages, while this lasts. False: that cannot be had."""
    memory = Path("/proc/meminfo").read_text() if NR_HUGE_PAGES.exists() else ""
    known = dict(re.findall(r"^(Huge\w+): *(\d+)", memory, re.MULTILINE))
    if not int(known.get("Hugepagesize", 0)):
        yield False
        return
    free = int(known["HugePages_Free"]) - int(known["HugePages_Rsvd"])
    missing = max(-(-megabytes * 1_126 // int(known["Hugepagesize"])) - free, 0)
    before = int(known["HugePages_Total"])
    has_them = not missing or _reserve(before + missing)
    if missing and not has_them:
        _reserve(before)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # given back then, too
    try:
        yield has_them
    finally:
        if missing and has_them:
            _reserve(before)


def _reserve(count: int) -> bool:
    try:
        NR_HUGE_PAGES.write_text(str(count))
        return int(NR_HUGE_PAGES.read_text()) >= count
    except OSError:
        return False


def report(links: int, sqlite: dict[str, float], postgres: dict[str, float]) -> dict[str, Any]:
    def worse(name: str, pick: Callable[..., float] = max) -> float:
        return round(pick(sqlite[name], postgres[name]), 3)

    both = {
        f"{name}_{kind}": round(found[name], 3)
        for kind, found in (("sqlite", sqlite), ("postgres", postgres))
        for name in found
    }
    return {
        "name": "trace",
        "ratios": {
            "recall_vs_numpy_sqlite": both["recall_vs_numpy_sqlite"],
            "recall_vs_numpy_postgres": both["recall_vs_numpy_postgres"],
            "growth": worse("growth"),
            "bulk_vs_raw": worse("bulk_vs_raw", min),
        },
        "figures": {
            "links": links,
            "backward_p95_ms": worse("backward_p95_ms"),
            "shipped_p95_ms": worse("shipped_p95_ms"),
            "shared_ms": worse("shared_ms"),
            "scans_per_s": round(worse("scans_per_s", min)),
            **both,
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1 million links, under 45 s on two quiet cores")
    parser.add_argument("--links", type=int, help="another size")
    options = parser.parse_args()
    links = options.links or (1_000_000 if options.quick else 10_000_000)
    print(json.dumps(benchmark(links, quick=options.quick)))


if __name__ == "__main__":
    main()
