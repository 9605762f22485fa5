"""To a moment: the one backup that is exactly what was there then, or a refusal. Beside a writer that goes on."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest

from benchmarks.backup import archiving, recovered
from mes.access.audit.queries import verify_chain
from mes.kernel.db import Database, ReadSession
from mes.kernel.outbox import ARCHIVED, list_events, move_cursor
from mes.kernel.plants import Plants
from mes.kernel.uow import UnitOfWork
from tests.support.postgres import SUPERUSER, ClusterError, PostgresCluster, as_account, environment, start_cluster
from web import plant_commands
from web.cli import main
from web.plants import open_plants
from web.settings import Settings


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def state(uow: UnitOfWork, *, fact: str) -> None:
    uow.emit("tests.stated.v1", topics=["board"], subject=fact, payload={})


def stated(database: Database, fact: str) -> datetime:
    """A moment after the fact; no other lies in the same instant."""
    time.sleep(0.002)
    database.write_now(state, actor=None, fact=fact)
    time.sleep(0.002)
    return datetime.now(UTC)


def facts(database: Database) -> list[str]:
    def read(session: ReadSession) -> list[str]:
        return [event.subject for event in list_events(session, after=0, limit=100_000)]

    assert verify_chain(database).is_whole
    return [fact for fact in database.read_now(read) if fact != "noise"]


@contextmanager
def writing(database: Database) -> Iterator[None]:
    """Somebody who writes all the time."""
    enough = Event()

    def write() -> None:
        while not enough.wait(0.001):
            database.write_now(state, actor=None, fact="noise")

    writer = Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        enough.set()
        writer.join()


@pytest.fixture
def plants(data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Plants]:
    monkeypatch.setattr(plant_commands, "SETTLE_S", 0.0)
    monkeypatch.chdir(tmp_path)
    Path("backups").mkdir()
    plants = open_plants(Settings(data_dir=data_dir, chained_audit=True))
    yield plants
    plants.close()


def test_a_moment_gives_what_was_recorded_before_it_and_nothing_after(
    plants: Plants, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--data-dir", data_dir)
    north = plants.create("north")

    def backup(name: str) -> None:
        assert run("backup", f"backups/{name}.zip", *at) == 0
        time.sleep(0.002)

    def restored(moment: datetime, name: str) -> list[str]:
        assert run("restore", "backups", "--moment", moment.isoformat(), "--plant", "north", "--as", name, *at) == 0
        plants.look()
        return facts(plants.get(name))

    def refused(moment: datetime, code: str, *more: object) -> str:
        assert run("restore", "backups", "--moment", moment.isoformat(), *more, *at) == 1
        said = capsys.readouterr().err
        assert f"[{code}]" in said
        assert "north-" not in " ".join(plants.look().states)
        return said

    before_all = datetime.now(UTC)
    with writing(plants.default):
        first = stated(north, "first")
        backup("b1")
        quiet = datetime.now(UTC)
        second = stated(north, "second")
        third = stated(north, "third")
        backup("b2")
    one = ("--plant", "north", "--as", "north-was")
    refused(before_all, "moment-before-backups", *one)
    refused(datetime.now(UTC), "moment-after-backups", *one)
    between = refused(second, "moment-between-backups", *one)
    assert "b1.zip is 1 events short of it, b2.zip 1 beyond it" in between
    assert restored(first, "was-first") == ["first"]
    assert restored(quiet, "was-quiet") == ["first"]
    assert restored(third, "was-third") == ["first", "second", "third"]
    refused(quiet, "moment-between-backups")  # of all plants, one of which was written to all the time


def test_what_went_into_an_archive_was_there_at_the_moment(
    plants: Plants, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A later backup lacks an event that had been removed before it was made; the earlier one lacks it, too."""

    def remove_second(uow: UnitOfWork) -> None:
        uow.driver_execute("DELETE FROM outbox_event WHERE seq = 2")
        move_cursor(uow, consumer=ARCHIVED, seq=2)

    at = ("--data-dir", data_dir)
    stated(plants.default, "first")
    assert run("backup", "backups/b1.zip", *at) == 0
    moment = stated(plants.default, "second")
    stated(plants.default, "third")
    plants.default.write_now(remove_second, actor=None)
    assert run("backup", "backups/b2.zip", *at) == 0
    assert run("restore", "backups", "--moment", moment.isoformat(), "--data-dir", "new") == 1
    assert "b1.zip is 1 events short of it" in capsys.readouterr().err


@pytest.fixture
def archived() -> Iterator[PostgresCluster]:
    """A cluster whose log is put aside as docs/operate/backup.md says."""
    cluster = start_cluster()
    try:
        archiving(cluster)
        yield cluster
    finally:
        cluster.stop()


@pytest.mark.long
@pytest.mark.postgres
def test_postgresql_recovers_to_a_moment_and_to_none_that_its_log_does_not_reach(
    archived: PostgresCluster, tmp_path: Path
) -> None:
    url = archived.create_database("plant")
    plants = open_plants(Settings(data_dir=tmp_path, database_url=url, chained_audit=True))
    north, base = plants.create("north"), archived.folder / "base"
    with writing(north):
        before_all = stated(north, "before the base backup")
        _base_backup(archived, base)
        moment = stated(north, "before the moment")
        stated(north, "after the moment")
    plants.close()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SELECT pg_switch_wal()")
    archived.halt()

    def copied(at: datetime) -> AbstractContextManager[PostgresCluster]:
        mine = base.with_name(f"base-{at.timestamp()}")
        subprocess.run(["cp", "-a", base, mine], check=True)
        return recovered(archived, mine, archived.folder / "log", int(at.timestamp() * 1_000_000))

    with copied(moment) as copy:
        plants = open_plants(Settings(data_dir=tmp_path / "copy", database_url=copy.url("plant")))
        assert facts(plants.get("north")) == ["before the base backup", "before the moment"]
        plants.close()
    for unreachable in (before_all, datetime.now(UTC) + timedelta(minutes=1)):
        with pytest.raises((ClusterError, psycopg.OperationalError)), copied(unreachable):
            pass


def _base_backup(cluster: PostgresCluster, target: Path) -> None:
    program = str(cluster.programs / "pg_basebackup")
    command = [program, "-h", str(cluster.folder), "-U", SUPERUSER, "-D", str(target), "-c", "fast"]
    subprocess.run(as_account(cluster.account, command), check=True, env=environment())
