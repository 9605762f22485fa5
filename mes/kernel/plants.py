"""The plants of a server. A plant is a database of its own: a folder with a SQLite file, or a PostgreSQL schema.

The default plant needs no setting. Plants are opened when they are asked for and closed when nobody has asked for long.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateSchema

from mes.kernel.clock import Clock, system_clock
from mes.kernel.db import Database
from mes.kernel.directory import Directory, Known, PlantState
from mes.kernel.engine import checked_schema, writer_engine
from mes.kernel.errors import NoSuchPlant, PlantExists, PlantSuspended, Unavailable
from mes.kernel.presence import drop_plant, is_present

DEFAULT_PLANT: Final = "default"
PLANT_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
STALE_S: Final = 2.5
"""What the directory said so long ago is asked again before a plant is served."""
_FAILED_S: Final = 1.0
"""How long a directory that could not be read is not asked again."""

Migrate = Callable[[Database], None]

serving_plant: ContextVar[str] = ContextVar("serving_plant", default="")
"""The plant whose request or work this is, for the log."""


class Plants:
    """Opens plants on demand and keeps them open until they are told to rest. Safe to use from every thread.

    `database_url` None: SQLite under `data_dir`. `migrate` brings a plant's schema to the present version.
    """

    def __init__(
        self,
        *,
        data_dir: Path,
        database_url: str | None = None,
        migrate: Migrate,
        clock: Clock = system_clock,
        chained: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.data_dir = data_dir
        self.database_url = database_url
        self._migrate = migrate
        self._clock = clock
        self._chained = chained
        self._monotonic = monotonic
        self._open: dict[str, Database] = {}
        self._used_at: dict[str, float] = {}
        self._up_to_date: set[str] = set()
        self._locks: dict[str, threading.Lock] = {}
        self._looking = threading.Lock()
        data_dir.mkdir(parents=True, exist_ok=True)
        self.directory = Directory(data_dir=data_dir, database_url=database_url)
        self._known = Known({}, {})
        self._looked_at = self._failed_at = float("-inf")
        self.look()
        if DEFAULT_PLANT not in self._known.states:
            self._make_default()

    @property
    def default(self) -> Database:
        """The plant that needs no setting."""
        return self.get(DEFAULT_PLANT)

    def look(self) -> Known:
        """Ask the directory again: what other processes changed is known from now on. Unavailable."""
        with self._looking:
            if self._monotonic() - self._failed_at < _FAILED_S:
                raise Unavailable("The directory of plants cannot be read.", code="database-unavailable")
            try:
                known = self.directory.read()
            except SQLAlchemyError as error:
                self._failed_at = self._monotonic()
                raise Unavailable("The directory of plants cannot be read.", code="database-unavailable") from error
            self._known, self._looked_at = known, self._monotonic()
            self._up_to_date &= {plant for plant, state in known.states.items() if state is PlantState.open}
            return known

    def create(self, plant_id: str) -> Database:
        """Add a plant and open it. ValueError on a bad id, PlantExists."""
        self.add(plant_id, PlantState.open)
        return self.get(plant_id)

    def add(self, plant_id: str, state: PlantState) -> None:
        """A new plant that nobody opens yet. ValueError on a bad id, PlantExists."""
        if not PLANT_ID.fullmatch(plant_id):
            raise ValueError(f"{plant_id!r}: a plant id is lower-case letters, digits and hyphens, at most 40")
        self.directory.add(plant_id, state)
        self.look()

    def set_state(self, plant_id: str, state: PlantState) -> None:
        """Change what may happen to a plant; here it is closed unless it stays open. NoSuchPlant."""
        self.directory.set_state(plant_id, state)
        self.look()
        if state is not PlantState.open:
            self.close_plant(plant_id)

    def map_host(self, host: str, plant_id: str | None) -> None:
        """Requests for this host name belong to this plant; None: to no plant in particular. NoSuchPlant."""
        self.directory.map_host(_without_port(host), plant_id)
        self.look()

    def stands_for(self, host: str) -> str | None:
        """The plant a host name stands for, if it is mapped."""
        return self._known.hosts.get(_without_port(host))

    def is_reached_by(self, host: str, plant_id: str, *, by_token: bool) -> bool:
        """Whether a credential of this plant counts at a host name.

        At a name that stands for no plant the default plant's does, and a token of a plant that has no name of its own.
        """
        named = self.stands_for(host)
        if named is None and by_token and self.knows(plant_id) and plant_id not in self._known.hosts.values():
            return True
        return (named or DEFAULT_PLANT) == plant_id

    def ids(self) -> tuple[str, ...]:
        """All plants that may be served."""
        return tuple(sorted(plant for plant, state in self._known.states.items() if state is PlantState.open))

    def knows(self, plant_id: str) -> bool:
        """Whether there is such a plant, in whatever state."""
        return plant_id in self._known.states

    def open_ids(self) -> tuple[str, ...]:
        """Those this process has open."""
        return tuple(self._open)

    def unused_s(self, plant_id: str) -> float:
        """How long ago somebody asked for it."""
        return self._monotonic() - self._used_at.get(plant_id, float("-inf"))

    def get(self, plant_id: str) -> Database:
        """The database of a plant, opened if need be. NoSuchPlant, PlantSuspended, Unavailable."""
        if self._is_stale():
            self.look()
        self._refuse_unless_open(plant_id)
        found = self._open.get(plant_id) or self._opened(plant_id)
        self._used_at[plant_id] = self._monotonic()
        return found

    async def reach(self, plant_id: str) -> Database:
        """`get` for an event loop: what takes longer than a look into memory is done in a thread."""
        if plant_id in self._open and not self._is_stale():
            return self.get(plant_id)
        return await asyncio.to_thread(self.get, plant_id)

    async def wake(self, plant_id: str) -> Database:
        """As `reach`, for work of our own: it does not count as a use."""
        used_at = self._used_at.get(plant_id, float("-inf"))
        database = await self.reach(plant_id)
        self._used_at[plant_id] = used_at
        return database

    def take_out(self, plant_id: str) -> Database | None:
        """The open database of a plant, for the caller to close; the next `get` opens it anew, if it may."""
        with self._lock_of(plant_id):
            return self._open.pop(plant_id, None)

    def close_plant(self, plant_id: str) -> None:
        """Finish what waits and let go of the plant."""
        if database := self.take_out(plant_id):
            database.close()

    def close(self) -> None:
        """Close every plant."""
        for plant_id in tuple(self._open):
            self.close_plant(plant_id)
        self.directory.close()

    def folder(self, plant_id: str) -> Path:
        """Where a plant on SQLite is."""
        return self.data_dir / "plants" / plant_id

    def database_of(self, plant_id: str, *, chained: bool = False) -> Database:
        """A plant's database whatever its state, without bringing it up to date; the caller closes it.

        `chained`: what is written is linked, also where the settings do not ask for it.
        """
        if self.database_url is None:
            folder = self.folder(plant_id)
            folder.mkdir(parents=True, exist_ok=True)
            url, schema = f"sqlite:///{folder / 'plant.sqlite'}", None
        else:
            url, schema = self.database_url, schema_of(plant_id)
            self._create_schema(schema)
        return Database(url, plant_id=plant_id, schema=schema, clock=self._clock, chained=chained or self._chained)

    def is_present(self, plant_id: str) -> bool:
        """Whether any process, this one too, has the plant open."""
        return is_present(self.database_url, self.folder(plant_id), schema_of(plant_id))

    def drop(self, plant_id: str) -> None:
        """Delete a plant that nobody has open, and forget it."""
        drop_plant(self.database_url, self.folder(plant_id), schema_of(plant_id))
        self.directory.remove(plant_id)
        self.look()

    def _make_default(self) -> None:
        try:
            self.create(DEFAULT_PLANT)
        except PlantExists:  # another process was faster
            self.look()

    def _is_stale(self) -> bool:
        return self._monotonic() - self._looked_at > STALE_S

    def _refuse_unless_open(self, plant_id: str) -> None:
        state = self._known.states.get(plant_id)
        if state is None:
            raise NoSuchPlant(plant_id)
        if state is not PlantState.open:
            raise PlantSuspended()

    def _lock_of(self, plant_id: str) -> threading.Lock:
        return self._locks.setdefault(plant_id, threading.Lock())

    def _opened(self, plant_id: str) -> Database:
        with self._lock_of(plant_id):
            found = self._open.get(plant_id)
            if found is None:
                found = self.database_of(plant_id)
                self._bring_up_to_date(found)
                self._open[plant_id] = found
            return found

    def _bring_up_to_date(self, database: Database) -> None:
        """Once a process: what is open cannot have become older since."""
        if database.plant_id in self._up_to_date:
            return
        try:
            self._migrate(database)
        except BaseException:
            database.close()
            raise
        self._up_to_date.add(database.plant_id)

    def _create_schema(self, schema: str) -> None:
        assert self.database_url is not None
        engine = writer_engine(self.database_url)
        try:
            with engine.begin() as connection:
                connection.execute(CreateSchema(checked_schema(schema), if_not_exists=True))
        finally:
            engine.dispose()


def schema_of(plant_id: str) -> str:
    """The schema of a plant on PostgreSQL."""
    return "plant_" + plant_id.replace("-", "_")


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdecimal() else host.lower()
