"""Engines: how each database is opened, and what each connection is told first."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy import create_engine as sa_create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool, QueuePool
from sqlalchemy.util import LRUCache

Dialect = Literal["sqlite", "postgresql"]
READER_CACHE_KIB: Final = 32 * 1024
"""What a reader of SQLite keeps of the file in memory, as it is needed: a trace looks into a thousand pages, and with
the default of 2 MB a quarter of its processor time went into fetching them again."""
READER_MAP_BYTES: Final = 2_147_418_112
"""So much of a file that is larger than that readers see as it lies in the system's memory, once for all of them (the
most SQLite takes). Copying its pages again made a trace in 10 million links cost half as much again as in 1 million. A
disk that fails to read a page then ends the process, which begins again."""
READER_RECYCLE_S: Final = 3_600
"""A reader is opened anew so often: a file may have become large."""
_BY_INDEX: Final = "-c enable_seqscan=off"
"""PostgreSQL: verbs find the few rows they are about by key. Without statistics, as in a new plant, it read whole
tables of a thousand rows instead."""
_SCHEMA_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_COMPILED: Final[LRUCache[Any, Any]] = LRUCache(1_500)
"""Statements in words of a database, for all plants: what one has asked, another asks without compiling it."""


class _OneForAll:
    """A dialect that is any other's equal, so that they find each other's statements in `_COMPILED`."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


class SqliteOneForAll(_OneForAll, SQLiteDialect_pysqlite):
    supports_statement_cache = True


class PostgresOneForAll(_OneForAll, PGDialect_psycopg):
    supports_statement_cache = True


registry.register("sqlite.one_for_all", __name__, SqliteOneForAll.__name__)
registry.register("postgresql.one_for_all", __name__, PostgresOneForAll.__name__)


def dialect_of(url: str | URL) -> Dialect:
    """Which of the two databases a URL names. ValueError for any other."""
    name = make_url(url).get_backend_name()
    if name == "sqlite":
        return "sqlite"
    if name == "postgresql":
        return "postgresql"
    raise ValueError(f"{name}: Lineside runs on sqlite and postgresql")


def writer_engine(url: str, *, schema: str | None = None) -> Engine:
    """The engine of the one writer: SQLite begins IMMEDIATE with full sync: a commit that was answered is on disk."""
    engine = _engine(url, schema, settings=_BY_INDEX, poolclass=NullPool)
    if dialect_of(url) == "sqlite":
        event.listen(engine, "connect", _sqlite_writer)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    else:
        event.listen(engine, "connect", _postgres_writer)
    return engine


def reader_engine(url: str, *, schema: str | None = None, pool_size: int = 4) -> Engine:
    """The engine of the readers: one snapshot a transaction, and nothing can be written through it.

    Who asks gets the connection used last: it has the pages and the prepared statements. Nobody asks before each
    question whether it is still there; `Database` asks again where it was cut."""
    pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": pool_size, "max_overflow": 0, "pool_use_lifo": True}
    if dialect_of(url) == "sqlite":
        engine = _engine(url, schema, **pool, pool_recycle=READER_RECYCLE_S)
        event.listen(engine, "connect", _sqlite_reader)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return engine
    engine = _engine(url, schema, **pool, pool_recycle=600)
    event.listen(engine, "connect", _postgres_reader)
    return engine


def why_unreachable(url: str) -> str | None:
    """What a database server says, or is silent about, instead of letting us in; None if it does. No secret in it."""
    engine = reader_engine(url)
    try:
        engine.connect().close()
    except OperationalError as error:
        return f"{_place_of(engine.url)} does not answer ({' '.join(str(error.orig).split())})"
    finally:
        engine.dispose()
    return None


def _place_of(url: URL) -> str:
    """Host, port and database: whatever else a URL holds may be a secret."""
    host = url.host or url.query.get("host") or "the database server"
    port = url.port or url.query.get("port")
    return f"{host}{f':{port}' if port else ''}/{url.database or ''}"


def _engine(url: str, schema: str | None, *, settings: str = "", **kwargs: Any) -> Engine:
    parsed = make_url(url)
    arguments: dict[str, Any] = {}
    if dialect_of(url) == "sqlite":
        parsed = parsed.set(drivername="sqlite+one_for_all")
        arguments = {"check_same_thread": False, "timeout": 10}
    else:
        parsed = parsed.set(drivername="postgresql+one_for_all")
        options = f"-c timezone=UTC -c jit=off {settings}"
        if schema is not None:
            options += f" -c search_path={checked_schema(schema)} -c application_name={application_name(schema)}"
        arguments = {"options": options, "connect_timeout": 5, "client_encoding": "utf8"}
    execution_options = {"compiled_cache": _COMPILED}
    return sa_create_engine(parsed, connect_args=arguments, execution_options=execution_options, **kwargs)


def application_name(schema: str) -> str:
    """How the connections of a schema call themselves in `pg_stat_activity`: at most 63 characters."""
    return f"lineside:{schema}"


def checked_schema(schema: str) -> str:
    """The name itself; ValueError if it is not a plain lower-case identifier."""
    if not _SCHEMA_NAME.fullmatch(schema):
        raise ValueError(f"{schema!r} is not a schema name")
    return schema


def _sqlite_common(connection: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.close()


def _sqlite_writer(connection: Any, _record: Any) -> None:
    _sqlite_common(connection)
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _sqlite_reader(connection: Any, _record: Any) -> None:
    _sqlite_common(connection)
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB}")
    pages, size = (cursor.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size"))
    if pages * size > READER_CACHE_KIB * 1024:
        cursor.execute(f"PRAGMA mmap_size = {READER_MAP_BYTES}")
    cursor.close()


def _postgres_writer(connection: psycopg.Connection[Any], _record: Any) -> None:
    """psycopg prepares nothing: after whatever is undone, a savepoint too, it has the server forget all that was
    prepared, what `mes.kernel.roundtrip` prepared as well."""
    connection.prepare_threshold = None


def _postgres_reader(connection: psycopg.Connection[Any], _record: Any) -> None:
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True


def migration_engine(url: str, *, schema: str | None = None) -> Engine:
    """The engine of migrations. On SQLite foreign keys are off: rebuilding a table would delete its children's rows."""
    engine = _engine(url, schema, poolclass=NullPool)
    if dialect_of(url) == "sqlite":
        event.listen(engine, "connect", _sqlite_migration)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _sqlite_migration(connection: Any, record: Any) -> None:
    _sqlite_writer(connection, record)
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = OFF")
    cursor.close()
