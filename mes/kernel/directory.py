"""The directory: which plants there are, in what state, and which host names stand for them.

A small database of its own: `directory.sqlite` in the data directory, or the schema `lineside_directory`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, delete, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateSchema

from mes.kernel.engine import dialect_of, reader_engine, writer_engine
from mes.kernel.errors import NoSuchPlant, PlantExists

SCHEMA: Final = "lineside_directory"
_TAKE_TURN: Final = "SELECT pg_advisory_xact_lock(18754)"
_STEPS: Final = (
    (
        "CREATE TABLE IF NOT EXISTS plant (id VARCHAR(40) NOT NULL PRIMARY KEY)",
        "CREATE TABLE IF NOT EXISTS host (host VARCHAR(253) NOT NULL PRIMARY KEY, plant_id VARCHAR(40) NOT NULL)",
    ),
    ("ALTER TABLE plant ADD COLUMN state VARCHAR(20) DEFAULT 'open' NOT NULL",),
)
"""What leads from each version to the next; the first is also what Lineside had before it counted them."""


class PlantState(StrEnum):
    """Only an open plant is served."""

    open = "open"
    suspended = "suspended"
    making = "making"
    """Being imported; nothing of it may be shown yet."""
    leaving = "leaving"
    """Being deleted or moved."""


class DirectoryTooNew(RuntimeError):
    """A newer Lineside wrote the directory: this one must not touch it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the directory said at one moment."""

    states: Mapping[str, PlantState]
    hosts: Mapping[str, str]


_metadata = MetaData()
_plant = Table("plant", _metadata, Column("id", String(40), primary_key=True), Column("state", String(20)))
_host = Table("host", _metadata, Column("host", String(253), primary_key=True), Column("plant_id", String(40)))


class Directory:
    """Reads and changes the directory; every change is committed when the call returns."""

    def __init__(self, *, data_dir: Path, database_url: str | None) -> None:
        url = database_url or f"sqlite:///{data_dir / 'directory.sqlite'}"
        schema = None if dialect_of(url) == "sqlite" else SCHEMA
        self._engine = writer_engine(url, schema=schema)
        self._reader = reader_engine(url, schema=schema, pool_size=1)
        with self._engine.begin() as connection:
            if schema is not None:
                connection.execute(text(_TAKE_TURN))
                connection.execute(CreateSchema(schema, if_not_exists=True))
            _upgrade(connection)

    def read(self) -> Known:
        """All plants and hosts."""
        with self._reader.connect() as connection:
            states = {row.id: PlantState(row.state) for row in connection.execute(select(_plant))}
            return Known(states, {row.host: row.plant_id for row in connection.execute(select(_host))})

    def add(self, plant_id: str, state: PlantState) -> None:
        """A new plant. PlantExists."""
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(_plant).values(id=plant_id, state=state))
        except IntegrityError as error:
            raise PlantExists(plant_id) from error

    def set_state(self, plant_id: str, state: PlantState) -> None:
        """NoSuchPlant."""
        with self._engine.begin() as connection:
            if not connection.execute(update(_plant).where(_plant.c.id == plant_id).values(state=state)).rowcount:
                raise NoSuchPlant(plant_id)

    def remove(self, plant_id: str) -> None:
        """A plant and its host names; one that is not there changes nothing."""
        with self._engine.begin() as connection:
            connection.execute(delete(_host).where(_host.c.plant_id == plant_id))
            connection.execute(delete(_plant).where(_plant.c.id == plant_id))

    def map_host(self, host: str, plant_id: str | None) -> None:
        """This host name (without a port) stands for this plant from now on, or for none. NoSuchPlant."""
        with self._engine.begin() as connection:
            connection.execute(delete(_host).where(_host.c.host == host))
            if plant_id is None:
                return
            if connection.execute(select(_plant.c.id).where(_plant.c.id == plant_id)).scalar() is None:
                raise NoSuchPlant(plant_id)
            connection.execute(insert(_host).values(host=host, plant_id=plant_id))

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()
        self._reader.dispose()


def _upgrade(connection: Connection) -> None:
    """In one transaction of one process at a time. DirectoryTooNew."""
    version = 0
    if inspect(connection).has_table("directory_version"):
        version = int(connection.execute(text("SELECT version FROM directory_version")).scalar_one())
    else:
        connection.execute(text("CREATE TABLE directory_version (version INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO directory_version VALUES (0)"))
    if version > len(_STEPS):
        raise DirectoryTooNew(f"The directory of plants is of version {version}; this Lineside knows {len(_STEPS)}.")
    for step in _STEPS[version:]:
        for statement in step:
            connection.execute(text(statement))
    connection.execute(text("UPDATE directory_version SET version = :version"), {"version": len(_STEPS)})
