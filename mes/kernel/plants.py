"""The directory of plants. A plant is a database of its own: a folder with a SQLite file, or a PostgreSQL schema.

The default plant needs no setting. Hosts may be mapped to plants; tokens carry their plant's id.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import Column, MetaData, String, Table, insert, select
from sqlalchemy.schema import CreateSchema

from mes.kernel.clock import Clock, system_clock
from mes.kernel.db import Database
from mes.kernel.engine import checked_schema, dialect_of, writer_engine
from mes.kernel.errors import NoSuchPlant

DEFAULT_PLANT: Final = "default"
_PLANT_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_DIRECTORY_SCHEMA: Final = "lineside_directory"

_metadata = MetaData()
_plant = Table("plant", _metadata, Column("id", String(40), primary_key=True))
_host = Table(
    "host",
    _metadata,
    Column("host", String(253), primary_key=True),
    Column("plant_id", String(40), nullable=False),
)

Migrate = Callable[[Database], None]


class Plants:
    """Opens plants on demand and keeps them open.

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
    ) -> None:
        self._data_dir = data_dir
        self._url = database_url
        self._migrate = migrate
        self._clock = clock
        self._chained = chained
        self._open: dict[str, Database] = {}
        self._lock = threading.Lock()
        data_dir.mkdir(parents=True, exist_ok=True)
        self._directory = writer_engine(self._directory_url(), schema=self._schema_or_none(_DIRECTORY_SCHEMA))
        self._create_schema(_DIRECTORY_SCHEMA)
        with self._directory.begin() as connection:
            _metadata.create_all(connection)
        self._plant_ids = self._read_plant_ids()
        self._hosts = self._read_hosts()
        if DEFAULT_PLANT not in self._plant_ids:
            self.create(DEFAULT_PLANT)

    @property
    def default(self) -> Database:
        """The plant that needs no setting."""
        return self.get(DEFAULT_PLANT)

    def create(self, plant_id: str) -> Database:
        """Add a plant and open it. ValueError on a bad id."""
        if not _PLANT_ID.fullmatch(plant_id):
            raise ValueError(f"{plant_id!r}: a plant id is lower-case letters, digits and hyphens, at most 40")
        with self._directory.begin() as connection:
            connection.execute(insert(_plant).values(id=plant_id))
        self._plant_ids |= {plant_id}
        return self.get(plant_id)

    def map_host(self, host: str, plant_id: str) -> None:
        """Requests for this host name belong to this plant."""
        self.get(plant_id)
        with self._directory.begin() as connection:
            connection.execute(_host.delete().where(_host.c.host == host.lower()))
            connection.execute(insert(_host).values(host=host.lower(), plant_id=plant_id))
        self._hosts = self._read_hosts()

    def resolve(self, host: str) -> str:
        """The plant a host name stands for; the default plant where nothing is mapped."""
        return self._hosts.get(host.lower().rsplit(":", 1)[0], DEFAULT_PLANT)

    def ids(self) -> tuple[str, ...]:
        """All plants."""
        return tuple(sorted(self._plant_ids))

    def get(self, plant_id: str) -> Database:
        """The open database of a plant. NoSuchPlant if the directory does not know it."""
        with self._lock:
            found = self._open.get(plant_id)
            if found is None:
                if plant_id not in self._plant_ids and plant_id not in self._read_plant_ids():
                    raise NoSuchPlant(plant_id)
                found = self._open[plant_id] = self._open_plant(plant_id)
        return found

    def close(self) -> None:
        """Close every plant."""
        with self._lock:
            for database in self._open.values():
                database.close()
            self._open.clear()
        self._directory.dispose()

    def _open_plant(self, plant_id: str) -> Database:
        schema = "plant_" + plant_id.replace("-", "_")
        if self._url is None:
            folder = self._data_dir / "plants" / plant_id
            folder.mkdir(parents=True, exist_ok=True)
            url, used_schema = f"sqlite:///{folder / 'plant.sqlite'}", None
        else:
            self._create_schema(schema)
            url, used_schema = self._url, schema
        database = Database(url, plant_id=plant_id, schema=used_schema, clock=self._clock, chained=self._chained)
        self._migrate(database)
        return database

    def _directory_url(self) -> str:
        return self._url or f"sqlite:///{self._data_dir / 'directory.sqlite'}"

    def _schema_or_none(self, schema: str) -> str | None:
        return None if dialect_of(self._directory_url()) == "sqlite" else schema

    def _create_schema(self, schema: str) -> None:
        if self._schema_or_none(schema) is not None:
            with self._directory.begin() as connection:
                connection.execute(CreateSchema(checked_schema(schema), if_not_exists=True))

    def _read_plant_ids(self) -> frozenset[str]:
        with self._directory.begin() as connection:
            return frozenset(connection.execute(select(_plant.c.id)).scalars())

    def _read_hosts(self) -> dict[str, str]:
        with self._directory.begin() as connection:
            return {row.host: row.plant_id for row in connection.execute(select(_host))}
