"""Whether any process still has a plant open, and how a plant that nobody has open is deleted.

On SQLite a connection in WAL mode holds a lock as long as it is open, so leaving WAL mode fails while there is one. On
PostgreSQL every connection of a plant says which in its `application_name`.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.schema import DropSchema

from mes.kernel.engine import application_name, writer_engine

_LOCKED: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

_SESSIONS: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name AND datname = current_database()"
)


def is_present(database_url: str | None, folder: Path, schema: str) -> bool:
    """Whether a connection to the plant is open anywhere."""
    if database_url is None:
        return _is_file_open(folder / "plant.sqlite")
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name AND datname = current_database()"
    )
    return bool(_on_server(database_url, lambda c: c.execute(asked, {"name": application_name(schema)}).scalar_one()))


def drop_plant(database_url: str | None, folder: Path, schema: str) -> None:
    """Delete everything of a plant. It must not be open anywhere. May be called again after a crash."""
    if database_url is not None:
        _on_server(database_url, lambda c: c.execute(DropSchema(schema, cascade=True, if_exists=True)))
    elif folder.exists():
        gone = folder.with_name(f".{folder.name}.deleted")
        shutil.rmtree(gone, ignore_errors=True)
        folder.rename(gone)
        shutil.rmtree(gone)


def _is_file_open(path: Path) -> bool:
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in _LOCKED:
                return True
            raise
    return False


def _on_server(database_url: str, ask: Any) -> Any:
    engine = writer_engine(database_url)
    try:
        with engine.begin() as connection:
            return ask(connection)
    finally:
        engine.dispose()
