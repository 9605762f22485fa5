"""Bring a plant's schema to the present version, and say which version it has."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from mes.kernel.db import Database
from mes.kernel.engine import migration_engine
from mes.schema import metadata

_ONE_AT_A_TIME: Final = threading.Lock()
"""Alembic keeps what it is at in its module, so two plants cannot be brought up to date at once in a process."""


class SchemaTooNew(RuntimeError):
    """The plant was written by a newer Lineside: this one must not touch it."""


def upgrade(database: Database, *, revision: str = "head") -> None:
    """Run the migrations that are missing, all or none. SchemaTooNew if the plant is ahead of this program."""
    with _connection(database) as connection:
        config = _config(connection)
        present = MigrationContext.configure(connection).get_current_revision()
        if present is not None and present not in known_revisions():
            raise SchemaTooNew(f"The plant's schema is {present}, which this version of Lineside does not know.")
        if revision == "head" and present == known_revisions()[0]:
            return
        with _ONE_AT_A_TIME:
            command.upgrade(config, revision)
        _check_foreign_keys(connection)


@cache
def known_revisions() -> tuple[str, ...]:
    """The schema versions this program knows, newest first."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return tuple(script.revision for script in ScriptDirectory.from_config(config).walk_revisions())


def current_revision(database: Database) -> str | None:
    """The schema version a plant has; None before the first."""
    with _connection(database) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def differences(database: Database) -> list[object]:
    """What the tables in code have that the plant has not, and the other way round; empty when they agree."""
    with _connection(database) as connection:
        options = {"compare_type": True, "include_name": _is_ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def _is_ours(name: str | None, kind: str, _parents: Mapping[str, str | None]) -> bool:
    """Sealed history has SQL of its own (`mes.history.store`): files on SQLite, partitions here."""
    return kind != "table" or not (name or "").startswith(("history_piece", "history_chunk", "history_rollup"))


@contextmanager
def _connection(database: Database) -> Iterator[Connection]:
    """One transaction of one process at a time."""
    engine = migration_engine(database.url, schema=database.schema)
    try:
        with engine.begin() as connection:
            if database.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(18752, hashtext(current_schema()))"))
            yield connection
    finally:
        engine.dispose()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def _check_foreign_keys(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        orphans = connection.execute(text("PRAGMA foreign_key_check")).all()
        if orphans:
            raise RuntimeError(f"the migration would leave {len(orphans)} rows without what they refer to")
