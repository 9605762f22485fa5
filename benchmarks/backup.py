"""How long backup, verify, restore, restore to a moment and upgrade take, on both databases, while people work.

    python benchmarks/backup.py [--quick] [--events N]

A small plant and one of N events (1,800,000: a gigabyte of outbox; --quick: 20,000 alone) are written at the schema of
the first version and brought to the present one by `lineside db upgrade` (`upgrade_s`; the server stands meanwhile;
`first_tap_s` is from its start to the first tap that is answered). Then four operators report good pieces at one
server, every 20 ms each, and `lineside backup` runs beside them (`backup_s`, `backup_mb`; `tap_p95_ms` without and
`tap_p95_in_backup_ms` with it); `lineside verify`; a restore into an empty data directory or database (`restore_s`), in
which nothing that had been answered before the backup may be missing, and on which a server answers.

To a moment, on PostgreSQL: a base backup while people work, a pause, more taps; the archived log is then recovered up
to the pause in a copy (`moment_s`), which has to hold every event of before and none of after.

Last line: {"name": "backup", "ratios": {…}, "figures": {…}}. A promise that does not hold ends it with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg
from sqlalchemy import text

from benchmarks.plants import Line, Operator, _furnish, p95_ms, plant_name, serving
from mes.kernel.db import Database, ReadSession
from mes.kernel.plants import Plants
from mes.kernel.uow import UnitOfWork
from mes.migrations.upgrade import upgrade
from tests.support.postgres import SUPERUSER, PostgresCluster, as_account, environment, start_cluster
from web.commands import libpq_variables

EVENTS = 1_800_000
SMALL = 10_000
QUICK = 20_000
AT_ONCE = 20_000
OPERATORS = 4
TAPS_EVERY_S = 0.02
FIRST_VERSION = "0001"
PLANT = plant_name(0)
_EVENT = (
    "INSERT INTO outbox_event (seq, event_id, type, topics, subject, payload, actor, correlation_id, occurred_at_us, "
    "recorded_at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def promise(holds: bool, what: str) -> None:
    if not holds:
        raise SystemExit(f"backup: {what}")


# ----------------------------------------------------------------- a plant of a size


def make_plant(folder: Path, url: str | None, events: int) -> None:
    """A plant as the first version kept it."""
    plants = Plants(
        data_dir=folder, database_url=url, migrate=lambda database: upgrade(database, revision=FIRST_VERSION)
    )
    database = plants.create(PLANT)
    for first in range(1, events + 1, AT_ONCE):
        rows = [_event(seq) for seq in range(first, min(first + AT_ONCE, events + 1))]
        database.write_now(_keep, actor=None, rows=rows)
    plants.map_host(f"{PLANT}.bench", PLANT)
    plants.close()


def _keep(uow: UnitOfWork, *, rows: list[tuple[Any, ...]]) -> None:
    uow.driver_executemany(_EVENT, rows)


def _event(seq: int) -> tuple[Any, ...]:
    """As a count of good pieces leaves it, of 40,000 jobs at 60 stations; digits that repeat as little as real ones."""
    at_us = 1_750_000_000_000_000 + seq * 1_700_000 + seq * 7_919 % 1_000_003
    event_id = f"01977e{seq * 2_654_435_761 % 2**48:012x}-{seq * 40_503 % 2**40:010x}"
    job, station = f"PO-{seq // 30:06}-SMT", f"STATION-{seq * 31 % 60:02}"
    payload = {
        "job_id": job, "equipment_id": station, "good_e6": seq % 9 * 1_000_000, "scrap_e6": 0, "request_id": event_id,
        "lot_id": f"L-{seq * 48_271 % 2**31:010}", "counted_by": f"p{seq % 97}", "interval": [at_us - 1_700_000, at_us],
    }  # fmt: skip
    topics = f"equipment/{station} order/PO-{seq // 30:06} board"
    said = (event_id, "orders.quantity-reported.v1", topics, f"job-order/{job}", json.dumps(payload))
    return (seq, *said, 1 + seq % 97, event_id[:18], at_us, at_us)


def count_events(database: Database, *, until_us: int = 2**62) -> int:
    def read(session: ReadSession) -> int:
        counted = text("SELECT count(*) FROM outbox_event WHERE recorded_at_us <= :until")
        return int(session.execute(counted, {"until": until_us}).scalar_one())

    return database.read_now(read)


def size_mb(folder: Path, url: str | None) -> float:
    if url is None:
        return sum(path.stat().st_size for path in folder.rglob("*.sqlite*")) / 1e6
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return float(row[0]) / 1e6 if row else 0.0


def opened(folder: Path, url: str | None) -> Plants:
    return Plants(data_dir=folder, database_url=url, migrate=upgrade)


# ----------------------------------------------------------------- commands and people


def lineside(*arguments: str, folder: Path, url: str | None) -> float:
    """A command of Lineside; how long it took, seconds."""
    address = {"LINESIDE_DATABASE_URL": url.replace("+psycopg", "")} if url else {}
    foreign = {name: value for name, value in os.environ.items() if name != "LINESIDE_DATABASE_URL"}
    return timed([sys.executable, "-m", "web", *arguments], {**foreign, **address, "LINESIDE_DATA_DIR": str(folder)})


def timed(command: list[str], variables: dict[str, str]) -> float:
    begun = time.perf_counter()
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    promise(done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2_000:]}")
    took_s = time.perf_counter() - begun
    sys.stderr.write(f"{took_s:7.1f} s  {' '.join(command[-4:])}\n")
    return took_s


@asynccontextmanager
async def people(port: int) -> AsyncIterator[list[Operator]]:
    """Operators who report good pieces while the block lasts; a tap that is refused ends everything."""
    operators = [Operator(Line(port), PLANT, f"BENCH-{n}") for n in range(OPERATORS)]
    stop = asyncio.Event()

    async def work(operator: Operator) -> None:
        while not stop.is_set():
            await operator.tap_for(0.2, every_s=TAPS_EVERY_S)

    async with asyncio.TaskGroup() as tasks:
        for operator in operators:
            tasks.create_task(work(operator))
        try:
            yield operators
        finally:
            stop.set()


def taken(operators: list[Operator]) -> list[float]:
    """What their taps waited since last asked, seconds."""
    waits = [wait for operator in operators for wait in operator.waits_s]
    for operator in operators:
        operator.waits_s.clear()
    return waits


async def first_tap_s(folder: Path, url: str | None) -> float:
    begun = time.perf_counter()
    async with serving(folder, url) as (port, _):
        await Operator(Line(port), PLANT).tap()
        return time.perf_counter() - begun


# ----------------------------------------------------------------- what is measured


async def measure(
    folder: Path, url: str | None, new_url: Callable[[], str], events: int, seconds: float
) -> dict[str, float]:
    """One plant on one database."""
    data, backup = folder / "data", folder / ("backup.dump" if url else "backup.zip")
    make_plant(data, url, events)
    figures = {"events": events, "mb": size_mb(data, url), "upgrade_s": lineside("db", "upgrade", folder=data, url=url)}
    plants = opened(data, url)
    promise(count_events(plants.get(PLANT)) == events, "the upgrade lost events")
    _furnish(plants.get(PLANT))
    plants.close()
    figures["first_tap_s"] = await first_tap_s(data, url)
    async with serving(data, url) as (port, _), people(port) as operators:
        await asyncio.sleep(1)
        taken(operators)
        await asyncio.sleep(seconds)
        figures["tap_p95_ms"] = p95_ms(taken(operators))
        before = await asyncio.to_thread(_answered, data, url)
        figures["backup_s"] = await asyncio.to_thread(lineside, "backup", str(backup), folder=data, url=url)
        figures["tap_p95_in_backup_ms"] = p95_ms(taken(operators))
    figures["backup_mb"] = backup.stat().st_size / 1e6
    figures["verify_s"] = lineside("verify", str(backup), folder=data, url=url)
    there, there_url = folder / "restored", new_url() if url else None
    figures["restore_s"] = _restore(backup, there, there_url)
    promise(_answered(there, there_url) >= before, "the restored plant lacks what had been answered")
    figures["restored_first_tap_s"] = await first_tap_s(there, there_url)
    return figures


def _answered(folder: Path, url: str | None) -> int:
    plants = opened(folder, url)
    try:
        return count_events(plants.get(PLANT))
    finally:
        plants.close()


def _restore(backup: Path, folder: Path, url: str | None) -> float:
    if url is None:
        return lineside("restore", str(backup), folder=folder, url=None)
    variables = {**environment(), **libpq_variables(url)}
    return timed(
        ["pg_restore", "--exit-on-error", "--no-owner", f"--dbname={variables['PGDATABASE']}", str(backup)], variables
    )


async def measure_moment(folder: Path, cluster: PostgresCluster, url: str) -> dict[str, float]:
    """A base backup under work, and the log recovered up to a moment."""
    data, log, base = folder / "data", cluster.folder / "log", cluster.folder / "base"
    command = [
        str(cluster.programs / "pg_basebackup"),
        "-h",
        str(cluster.folder),
        "-U",
        SUPERUSER,
        "-D",
        str(base),
        "-c",
        "fast",
    ]
    async with serving(data, url) as (port, _):
        async with people(port):
            base_s = await asyncio.to_thread(timed, as_account(cluster.account, command), environment())
            await asyncio.sleep(1)
        moment_us = time.time_ns() // 1_000 + 200_000
        await asyncio.sleep(0.5)
        async with people(port):
            await asyncio.sleep(1)
    plants = opened(data, url)
    due, later = (count_events(plants.get(PLANT), until_us=until) for until in (moment_us, 2**62))
    plants.close()
    promise(later > due, "nothing happened after the moment")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SELECT pg_switch_wal()")
    cluster.halt()
    begun = time.perf_counter()
    with recovered(cluster, base, log, moment_us) as copy:
        moment_s = time.perf_counter() - begun
        plants = opened(folder / "copy", copy.url(url.rpartition("/")[2].partition("?")[0]))
        found = count_events(plants.get(PLANT))
        plants.close()
    promise(found == due, f"{found} events at the moment, {due} were due")
    return {"base_backup_s": base_s, "moment_s": moment_s}


@contextmanager
def recovered(cluster: PostgresCluster, base: Path, log: Path, moment_us: int) -> Iterator[PostgresCluster]:
    """The copy of a cluster, at work again as it was at a moment."""
    copy = replace(cluster, folder=Path(tempfile.mkdtemp(prefix="lineside-pg-copy-")), process=None)
    if cluster.account:
        shutil.chown(copy.folder, cluster.account)
    data = copy.folder / "data"
    base.rename(data)
    moment = datetime.fromtimestamp(moment_us / 1e6, UTC).isoformat()
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"archive_mode = off\nrestore_command = 'cp {log}/%f %p'\n")
        settings.write(f"recovery_target_time = '{moment}'\nrecovery_target_action = promote\n")
    (data / "recovery.signal").touch()
    try:
        copy.start()
        with psycopg.connect(host=str(copy.folder), user=SUPERUSER, dbname="postgres", autocommit=True) as there:
            while there.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
                time.sleep(0.05)
        yield copy
    finally:
        copy.stop()


def archiving(cluster: PostgresCluster) -> None:
    """As docs/operate/backup.md says: every piece of the log is put aside."""
    log = cluster.folder / "log"
    subprocess.run(as_account(cluster.account, ["mkdir", str(log)]), check=True)
    with psycopg.connect(host=str(cluster.folder), user=SUPERUSER, dbname="postgres", autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET archive_mode = on")
        connection.execute(f"ALTER SYSTEM SET archive_command = 'cp %p {log}/%f'")
    cluster.halt()
    cluster.start()


async def on_postgresql(folder: Path, sizes: dict[str, int], seconds: float) -> dict[str, dict[str, float]]:
    cluster, numbers = start_cluster(), itertools.count()
    found = {}

    def new_url() -> str:
        return cluster.create_database(f"plants_{next(numbers)}")

    try:
        archiving(cluster)
        for size, events in sizes.items():
            place = folder / f"postgresql-{size}"
            place.mkdir()
            url = new_url()
            found[f"postgresql_{size}"] = await measure(place, url, new_url, events, seconds)
        found[f"postgresql_{size}"] |= await measure_moment(place, cluster, url)
    finally:
        cluster.stop()
    return found


async def on_sqlite(folder: Path, sizes: dict[str, int], seconds: float) -> dict[str, dict[str, float]]:
    found = {}
    for size, events in sizes.items():
        place = folder / f"sqlite-{size}"
        place.mkdir()
        found[f"sqlite_{size}"] = await measure(place, None, str, events, seconds)
        shutil.rmtree(place)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--events", type=int, default=EVENTS)
    options = parser.parse_args()
    sizes = {"quick": QUICK} if options.quick else {"small": SMALL, "large": options.events}
    seconds = 1.0 if options.quick else 5.0
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = asyncio.run(on_sqlite(folder, sizes, seconds))
        found |= asyncio.run(on_postgresql(folder, sizes, seconds))
    figures = {f"{kind}_{name}": round(value, 2) for kind, of in found.items() for name, value in of.items()}
    ratios = {
        f"{kind}_taps_in_backup": round(of["tap_p95_in_backup_ms"] / of["tap_p95_ms"], 2) for kind, of in found.items()
    }
    figures |= {"cores": os.cpu_count() or 0, "load": round(os.getloadavg()[0], 1)}
    print(json.dumps({"name": "backup", "ratios": ratios, "figures": figures}))


if __name__ == "__main__":
    main()
