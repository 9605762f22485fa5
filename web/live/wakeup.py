"""Wake-ups: somebody may have written. Lost or superfluous ones do no harm, since the relay reads by its cursor.

In process the writer calls back after each commit. Another process's commit is seen on SQLite by `PRAGMA
data_version`, on PostgreSQL by a NOTIFY that each process sends after its commits, at most 100 a second, with the
plant's id as payload: never inside the business transaction, where it cost 34 to 71 % of throughput.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import psycopg
from sqlalchemy.engine import make_url

from mes.kernel.db import Database
from mes.kernel.glance import Glance
from web.live.limits import DATA_VERSION_POLL_S, NOTIFY_PAUSE_S, SLOW_POLL_S

_LOG = logging.getLogger(__name__)
CHANNEL: Final = "lineside_outbox"
_RECONNECT_S: Final = 2.0


class WakeUp:
    """An event that any thread may set; many pokes before a look are one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._poked = threading.Event()

    def poke(self) -> None:
        """Somebody wrote. From any thread, even after the loop has closed."""
        if self._poked.is_set():
            return
        self._poked.set()
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            _LOG.debug("a wake-up came after the loop had closed")

    def _wake(self) -> None:
        """Unless `clear` was faster: whoever waits in a circle would find itself woken by nobody for ever."""
        if self._poked.is_set():
            self._event.set()

    def clear(self) -> None:
        """Before a look at the outbox: what is written from now on will poke again."""
        self._poked.clear()
        self._event.clear()

    @property
    def is_poked(self) -> bool:
        """Whether somebody has poked since `clear`."""
        return self._poked.is_set()

    async def wait(self, timeout_s: float) -> bool:
        """Whether a poke came in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        return True


class Watch(Protocol):
    """What sees the commits of other processes."""

    async def wait(self, wake_up: WakeUp) -> None:
        """Return when something may have been written, or after SLOW_POLL_S."""

    def close(self) -> None:
        """Give back what it holds."""


def watch_of(database: Database) -> Watch:
    """The watch for this database's kind."""
    return Notifications(database) if database.own_glance is None else DataVersion(database, database.own_glance)


class DataVersion:
    """SQLite: a number that changes with every commit of any other connection; who watches a database shares a look."""

    def __init__(self, database: Database, glance: Glance) -> None:
        self._look = _looks.get(database) or _Look(database, glance)
        self._look.users.add(self)
        self._wake_up: WakeUp | None = None
        self._has_missed = False

    async def wait(self, wake_up: WakeUp) -> None:
        """See `Watch.wait`."""
        self._wake_up = wake_up
        self._look.begin()
        if self._has_missed:
            self._has_missed = False
            wake_up.poke()
        await wake_up.wait(SLOW_POLL_S)

    def poke(self) -> None:
        """Somebody wrote, maybe before the first wait."""
        if self._wake_up is None:
            self._has_missed = True
        else:
            self._wake_up.poke()

    def close(self) -> None:
        """See `Watch.close`."""
        if self in self._look.users:
            self._look.users.remove(self)
            if not self._look.users:
                self._look.end()


class _Look:
    """One timer at a database, until its last user has gone."""

    def __init__(self, database: Database, glance: Glance) -> None:
        self.users: set[DataVersion] = set()
        self._database = database
        self._glance = glance
        self._seen = glance.version()
        self._timer: asyncio.TimerHandle | None = None
        _looks[database] = self

    def begin(self) -> None:
        """Look from now on."""
        if self._timer is None:
            self._again()

    def _again(self) -> None:
        """A timer that winds itself up again: a task that sleeps would cost three times as much."""
        version = self._glance.version()
        if version != self._seen:
            self._seen = version
            for user in self.users:
                user.poke()
        self._timer = asyncio.get_running_loop().call_later(DATA_VERSION_POLL_S, self._again)

    def end(self) -> None:
        """Look no more."""
        del _looks[self._database]
        if self._timer is not None:
            self._timer.cancel()


_looks: dict[Database, _Look] = {}


class Notifications:
    """PostgreSQL: told by the switchboard, and telling it of this process's own commits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wake_up: WakeUp | None = None
        self._board = _plugged_in(conninfo(database))
        self._pull_out = self._board.listen(database.plant_id, self._poke)
        self._unsubscribe = announcing(database, self._board)

    async def wait(self, wake_up: WakeUp) -> None:
        """See `Watch.wait`."""
        self._wake_up = wake_up
        await wake_up.wait(SLOW_POLL_S)

    def close(self) -> None:
        """See `Watch.close`."""
        self._unsubscribe()
        self._pull_out()
        _unplugged(self._board)

    def _poke(self) -> None:
        if self._wake_up is not None:
            self._wake_up.poke()


class Announcements:
    """Tells other processes of this one's commits, where nobody here looks on. Close it."""

    def __init__(self, database: Database) -> None:
        self._board = _plugged_in(conninfo(database))
        self._unsubscribe = announcing(database, self._board)

    def close(self) -> None:
        """Say no more."""
        self._unsubscribe()
        _unplugged(self._board)


def announcing(database: Database, board: Switchboard) -> Callable[[], None]:
    """Have each commit announced. Returns how to stop it."""
    return database.on_commit(lambda: board.announce(database.plant_id))


class Switchboard:
    """One listener and one announcer for all plants of a PostgreSQL database, each a thread with a connection.

    What this process announced itself wakes nobody here: who follows its own commits is told of them by the writer.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.users = 0
        self._closed = threading.Event()
        self._wrote = threading.Event()
        self._changed: set[str] = set()
        self._listeners: dict[str, list[Callable[[], None]]] = {}
        self._own_pid = 0
        self._threads = [
            threading.Thread(target=self._supervised, args=(work,), name=work.__name__, daemon=True)
            for work in (self._listen, self._announce)
        ]
        for thread in self._threads:
            thread.start()

    def listen(self, plant_id: str, poke: Callable[[], None]) -> Callable[[], None]:
        """Have this called when somebody wrote into the plant. Returns how to stop it."""
        pokes = self._listeners.setdefault(plant_id, [])
        pokes.append(poke)
        return lambda: pokes.remove(poke)

    def announce(self, plant_id: str) -> None:
        """Somebody here wrote into the plant. From any thread."""
        self._changed.add(plant_id)
        self._wrote.set()

    def close(self) -> None:
        """End both threads."""
        self._closed.set()
        self._wrote.set()
        for thread in self._threads:
            thread.join()

    def _supervised(self, work: Callable[[psycopg.Connection], None]) -> None:
        while not self._closed.is_set():
            try:
                with psycopg.connect(self.address, autocommit=True, connect_timeout=5) as connection:
                    work(connection)
            except psycopg.Error as error:
                _LOG.warning("wake-ups by NOTIFY are away, polling meanwhile: %s", error)
                self._closed.wait(_RECONNECT_S)

    def _listen(self, connection: psycopg.Connection) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        for plant_id in tuple(self._listeners):
            self._poke(plant_id)
        while not self._closed.is_set():
            for notification in connection.notifies(timeout=0.25):
                if notification.pid != self._own_pid:
                    self._poke(notification.payload)
                if self._closed.is_set():
                    return

    def _poke(self, plant_id: str) -> None:
        for poke in tuple(self._listeners.get(plant_id, ())):
            poke()

    def _announce(self, connection: psycopg.Connection) -> None:
        self._own_pid = connection.info.backend_pid
        self._changed.update(self._listeners)
        self._wrote.set()
        while self._wrote.wait() and not self._closed.is_set():
            self._wrote.clear()
            changed = [self._changed.pop() for _ in range(len(self._changed))]
            _notify(connection, changed)
            self._closed.wait(NOTIFY_PAUSE_S)


_boards: dict[str, Switchboard] = {}
_boards_lock = threading.Lock()


def _plugged_in(address: str) -> Switchboard:
    """The switchboard of a database, which ends with its last user."""
    with _boards_lock:
        board = _boards.get(address)
        if board is None:
            board = _boards[address] = Switchboard(address)
        board.users += 1
        return board


def _unplugged(board: Switchboard) -> None:
    with _boards_lock:
        board.users -= 1
        if board.users:
            return
        del _boards[board.address]
    board.close()


def _notify(connection: psycopg.Connection, plant_ids: Sequence[str]) -> None:
    connection.execute("SELECT pg_notify(%s, plant) FROM unnest(%s::text[]) AS plant", (CHANNEL, list(plant_ids)))


def announce(database: Database) -> None:
    """Tell the servers of this plant, once, that another process (a command line) has written. SQLite needs none."""
    if database.dialect == "postgresql":
        with psycopg.connect(conninfo(database), autocommit=True, connect_timeout=5) as connection:
            _notify(connection, [database.plant_id])


def conninfo(database: Database) -> str:
    """The database's address as libpq reads it."""
    return make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
