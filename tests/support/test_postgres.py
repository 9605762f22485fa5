"""The private cluster: one's own, durable, gone afterwards, and never somebody else's."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support import postgres
from tests.support.postgres import ClusterError, PostgresCluster, start_cluster

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    cluster = start_cluster()
    yield cluster
    cluster.stop()


def connect(cluster: PostgresCluster, database: str) -> psycopg.Connection[tuple[object, ...]]:
    address = cluster.url(database).replace("postgresql+psycopg://", "postgresql://")
    return psycopg.connect(address, autocommit=True)


def test_a_database_is_a_copy_of_its_template(cluster: PostgresCluster) -> None:
    cluster.create_database("model")
    with connect(cluster, "model") as connection:
        connection.execute("CREATE TABLE part (pk integer)")
        connection.execute("INSERT INTO part VALUES (7)")
    cluster.create_database("copy", template="model")
    with connect(cluster, "copy") as connection:
        assert connection.execute("SELECT pk FROM part").fetchall() == [(7,)]


def test_a_database_goes_even_while_somebody_is_connected(cluster: PostgresCluster) -> None:
    cluster.create_database("busy")
    with connect(cluster, "busy"):
        cluster.drop_database("busy")
        cluster.drop_database("busy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        connect(cluster, "busy")


def test_it_is_durable_and_deaf_to_the_network(cluster: PostgresCluster) -> None:
    with connect(cluster, "postgres") as connection:
        for setting, value in [("fsync", "on"), ("synchronous_commit", "on"), ("listen_addresses", "")]:
            assert connection.execute("SELECT current_setting(%s)", [setting]).fetchone() == (value,)


def test_nobody_else_may_enter(cluster: PostgresCluster) -> None:
    assert cluster.folder.stat().st_mode & 0o077 == 0


def test_what_was_committed_survives_a_crash() -> None:
    cluster = start_cluster()
    try:
        with connect(cluster, "postgres") as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        cluster.halt(signal.SIGQUIT)
        with pytest.raises(psycopg.OperationalError):
            connect(cluster, "postgres")
        cluster.start()
        with connect(cluster, "postgres") as connection:
            assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    finally:
        cluster.stop()
    assert not cluster.folder.exists()


def test_the_callers_settings_do_not_steer_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nonexistent")
    assert [name for name in postgres.environment() if name.startswith("PG")] == []


def test_it_ends_with_a_killed_process(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal, sys\n"
        "from tests.support.postgres import start_cluster\n"
        "cluster = start_cluster()\n"
        "pathlib.Path(sys.argv[1]).write_text(f'{cluster.process.pid} {cluster.folder}')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    told = tmp_path / "told"
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", script, str(told)], cwd=root, check=False, timeout=60)
    pid, folder = told.read_text().split()
    deadline = time.monotonic() + 20
    while runs(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(int(pid))
    postgres.sweep(Path(folder).parent)
    assert not Path(folder).exists()


def runs(pid: int) -> bool:
    """A process that ended, though nobody has waited for it yet (init of a container may never), runs no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_missing_server_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(postgres.BIN_VARIABLE, str(tmp_path))
    with pytest.raises(ClusterError, match="apt-get install postgresql"):
        start_cluster()


def test_it_never_runs_as_root(cluster: PostgresCluster) -> None:
    assert cluster.process is not None
    assert Path(f"/proc/{cluster.process.pid}").stat().st_uid != 0
