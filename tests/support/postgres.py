"""A private PostgreSQL cluster for one test or benchmark process.

It is made from scratch, reachable only through a Unix socket in a folder that nobody else may enter, and ends
with the process that started it, even when that one is killed. A server that happens to run on the machine is
never used. Durability is PostgreSQL's default (fsync on), so that what is measured and killed here is real; a suite
that makes a database a test and never crashes the server asks for `durable=False`.

Each process has its own cluster: under pytest-xdist two cost about two seconds and 60 MB more than one, and in
return no lock, no reference count and no last-one-out decides whether a cluster is left behind.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.support.memory import memory_folder

OLDEST_MAJOR = 15
SUPERUSER = "lineside"
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
BIN_VARIABLE = "LINESIDE_TEST_POSTGRES_BIN"
MISSING = (
    f"PostgreSQL {OLDEST_MAJOR} or newer is missing (its programs initdb and postgres were not found): "
    f"install it (Debian: apt-get install postgresql) or set {BIN_VARIABLE} to its bin folder"
)
PREFIX = "lineside-pg-"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "logging_collector": "off",
    "timezone": "UTC",
}

FORGETFUL = {"fsync": "off", "full_page_writes": "off"}


class ClusterError(RuntimeError):
    """The private cluster cannot be had; says what is missing. Tests fail on it, they never skip."""


@dataclass
class PostgresCluster:
    """A cluster of one's own: databases by name, from `start_cluster`; call `stop` when done."""

    folder: Path
    programs: Path
    account: str | None  # the unprivileged user it runs as, where the caller is root
    durable: bool = True
    settings: Mapping[str, str] = field(default_factory=lambda: SETTINGS)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    administration: psycopg.Connection[tuple[object, ...]] | None = field(default=None, repr=False)
    """Kept: a new one costs as much as half of a new database."""

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database, driver psycopg, over the private Unix socket."""
        return f"postgresql+psycopg://{SUPERUSER}@/{database}?host={quote(str(self.folder), safe='')}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database, as a copy of `template` if given (nobody may be connected to that); give its URL."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}" + ("" if self.durable else " STRATEGY FILE_COPY"))
        self._administer(statement.format(sql.Identifier(name), sql.Identifier(template or "template0")))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, throwing out whoever is connected; one that does not exist is no error."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def start(self) -> None:
        """Start the server on the data it has; returns when it answers."""
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        for name, value in {**self.settings, **({} if self.durable else FORGETFUL)}.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                ends_with_parent(as_account(self.account, command)),
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal is for pytest, which then stops it in order
            )
        self._wait_until_it_answers()

    def halt(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server and keep the data: SIGINT in order, SIGQUIT as in a crash."""
        if self.administration is not None:
            self.administration.close()
            self.administration = None
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(STOP_TIMEOUT_S)
        self.process = None

    def stop(self) -> None:
        """End the server and remove its data, at once. May be called twice."""
        self.halt(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _administer(self, statement: sql.Composed) -> None:
        if self.administration is None or self.administration.closed:
            self.administration = self._connect()
        self.administration.execute(statement)

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(host=str(self.folder), user=SUPERUSER, dbname="postgres", autocommit=True)

    def _wait_until_it_answers(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                self._connect().close()
                return
            except psycopg.OperationalError:
                time.sleep(0.02)
        log = (self.folder / "server.log").read_text("utf-8", "replace")
        self.stop()
        raise ClusterError(f"The private PostgreSQL cluster did not start:\n{log[-2000:]}")


def start_cluster(
    base: Path | None = None, *, durable: bool = True, settings: Mapping[str, str] | None = None
) -> PostgresCluster:
    """Make and start a cluster in a fresh folder under `base` (default: the system's temporary folder).

    Root may not run PostgreSQL: then it runs as `postgres`, else `nobody`, and where that user cannot reach
    `base` (pytest's own temporary folder is closed to others) the system's temporary folder is taken, or memory where
    there is some and the cluster need not be durable.
    Call it from a thread that lives as long as the cluster shall.
    """
    programs = find_programs()
    account = unprivileged_account()
    place = reachable(base, account, None if durable else memory_folder())
    sweep(place)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place))
    if account is not None:
        user = pwd.getpwnam(account)
        os.chown(folder, user.pw_uid, user.pw_gid)
    cluster = PostgresCluster(folder, programs, account, durable, {**SETTINGS, **(settings or {})})
    try:
        make_data_folder(cluster)
        cluster.start()
    except BaseException:
        cluster.stop()
        raise
    return cluster


def sweep(place: Path) -> None:
    """Remove what clusters of killed processes left behind: their server ended with them, their data did not."""
    for left in place.glob(f"{PREFIX}*"):
        owner = left.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not is_alive(int(owner)) and not (left / "data" / "postmaster.pid").exists():
            shutil.rmtree(left, ignore_errors=True)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def find_programs() -> Path:
    """The folder with initdb and postgres of the newest version at hand."""
    if named := os.environ.get(BIN_VARIABLE):
        candidates = [Path(named)]
    else:
        packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=major_in_path, reverse=True)
        on_path = shutil.which("initdb")
        candidates = [*packaged, *([Path(on_path).resolve().parent] if on_path else [])]
    for folder in candidates:
        if (folder / "initdb").is_file() and major_version(folder) >= OLDEST_MAJOR:
            return folder
    raise ClusterError(MISSING)


def major_in_path(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


def major_version(folder: Path) -> int:
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"\s(\d+)", said)
    return int(found.group(1)) if found else 0


def unprivileged_account() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise ClusterError("PostgreSQL does not run as root and there is neither a user postgres nor a user nobody")


def as_account(account: str | None, command: Sequence[str]) -> list[str]:
    if account is None:
        return list(command)
    user = pwd.getpwnam(account)
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *identity, *command]


def ends_with_parent(command: list[str]) -> list[str]:
    """Let the kernel stop the server should the thread that started it end, as when this process is killed.

    Linux only; elsewhere `stop` has to do.
    """
    if shutil.which("setpriv") is None:
        return command
    rest = command[1:] if command[0] == "setpriv" else command
    return ["setpriv", "--pdeathsig=INT", *rest]


def reachable(base: Path | None, account: str | None, memory: Path | None) -> Path:
    fallback = memory or Path(tempfile.gettempdir())
    if base is None:
        return fallback
    probe = subprocess.run(as_account(account, ["test", "-x", str(base)]), check=False)
    return base if probe.returncode == 0 and len(str(base)) < 60 else fallback


def make_data_folder(cluster: PostgresCluster) -> None:
    command = [str(cluster.programs / "initdb"), "-D", str(cluster.folder / "data"), "-U", SUPERUSER]
    command += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    done = subprocess.run(
        as_account(cluster.account, command), cwd=cluster.folder, env=environment(), capture_output=True, check=False
    )
    if done.returncode != 0:
        raise ClusterError(f"initdb failed:\n{done.stderr.decode(errors='replace')[-2000:]}")


def environment() -> dict[str, str]:
    """Nothing of the caller's PG* settings may steer the private cluster."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
