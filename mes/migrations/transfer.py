"""A whole plant as one file, and a plant made of such a file: on either database, exactly.

The file is a zip: per table, and per kind of sealed history, an entry of JSON lines (a row each, in the order of its
key, so that equal plants give equal lines), and `manifest.json` with the number of rows and the SHA-256 of each entry.
Quantities, times and bytes stand as they are stored: nothing is rounded on the way.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import orjson
from sqlalchemy import Column, Connection, Table, cast, select, text, type_coerce
from sqlalchemy.types import JSON, BigInteger, Boolean, Date, Float, LargeBinary, String, Text

from mes.history.reader import sealed_reads
from mes.history.sealer import open_store
from mes.history.store import HOURS_A_DAY, Packed, Shelf, insert_pieces, put_chunks, put_rollups
from mes.kernel.db import Database, ReadSession
from mes.kernel.engine import migration_engine
from mes.kernel.sqltypes import ExactQuantity, UtcDateTime, from_us, to_us
from mes.kernel.uow import marks
from mes.migrations.upgrade import current_revision, known_revisions, upgrade
from mes.schema import metadata

FORMAT: Final = "lineside-plant-1"
MANIFEST: Final = "manifest.json"
LINE_MAX: Final = 256 * 1024 * 1024
"""Bytes of one row: a day's roll-ups and a document fit in many times over."""
_ROWS: Final = 2_000
_EVER: Final = (-17_000_000, 60_000_000)
"""Hours since 1970, of every day a calendar has."""
_PIECES, _CHUNKS, _ROLLUPS = "history/pieces", "history/chunks", "history/rollups"
_HISTORY: Final = (_PIECES, _CHUNKS, _ROLLUPS)

Row = list[Any]


class TransferRefused(Exception):
    """The file is not what it should be; the text says why."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table or kind of history. `kinds`: how the values of each column are written."""

    name: str
    columns: list[str]
    kinds: list[str]
    rows: int
    sha256: str
    next: int | None = None
    """The number the next row would get, where the database counts."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a plant's file says of itself. `revision`: of the schema its rows belong to."""

    format: str
    plant: str
    version: str
    revision: str
    dialect: str
    made_at: str
    entries: list[Entry]

    @property
    def rows(self) -> int:
        """Of everything."""
        return sum(entry.rows for entry in self.entries)


@dataclass(frozen=True, slots=True)
class _Content:
    name: str
    columns: list[str]
    kinds: list[str]
    rows: Iterable[Row]
    next: int | None = None


# ----------------------------------------------------------------- out


def export_plant(database: Database, target: Path, *, now: datetime, version: str) -> Manifest:
    """One snapshot of a plant into a new file, readable by its owner alone; read again whole before it gets its name.

    The plant may be in use. TransferRefused if the file is there already.
    """
    if target.exists():
        raise TransferRefused(f"{target} is there already")
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    try:
        with os.fdopen(handle, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                manifest = database.read_now(_written, database=database, archive=archive, now=now, version=version)
            file.flush()
            os.fsync(file.fileno())
        verify_export(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return manifest


def _written(
    session: ReadSession, *, database: Database, archive: zipfile.ZipFile, now: datetime, version: str
) -> Manifest:
    def keep(content: _Content) -> Entry:
        with archive.open(f"{content.name}.jsonl", "w", force_zip64=True) as sink:
            return _entry(content, sink.write)

    manifest = _manifest(session, database, keep, made_at=now.isoformat(), version=version)
    archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def digests_of(database: Database) -> dict[str, tuple[int, str]]:
    """Rows and SHA-256 of everything in a plant: equal for equal plants, whatever database they are on."""

    def read(session: ReadSession) -> Manifest:
        return _manifest(session, database, lambda content: _entry(content, lambda _: None), made_at="", version="")

    return digests(database.read_now(read))


def digests(manifest: Manifest) -> dict[str, tuple[int, str]]:
    """As `digests_of`, of a file."""
    return {entry.name: (entry.rows, entry.sha256) for entry in manifest.entries}


def _manifest(
    session: ReadSession, database: Database, keep: Callable[[_Content], Entry], *, made_at: str, version: str
) -> Manifest:
    entries = [keep(content) for content in (*_tables(session), *_history(session))]
    revision = current_revision(database) or ""
    return Manifest(FORMAT, database.plant_id, version, revision, database.dialect, made_at, entries)


def _entry(content: _Content, write: Callable[[bytes], Any]) -> Entry:
    digest, count = hashlib.sha256(), 0
    for row in content.rows:
        line = orjson.dumps(row) + b"\n"
        digest.update(line)
        write(line)
        count += 1
    return Entry(content.name, content.columns, content.kinds, count, digest.hexdigest(), content.next)


def _tables(session: ReadSession) -> Iterator[_Content]:
    """In the order in which they may be filled."""
    for table in metadata.sorted_tables:
        kinds = [_kind(column) for column in table.columns]
        columns = [column.name for column in table.columns]
        yield _Content(f"tables/{table.name}", columns, kinds, _rows(session, table, kinds), _next(session, table))


def _rows(session: ReadSession, table: Table, kinds: Sequence[str]) -> Iterator[Row]:
    asked = [_stored(column) for column in table.columns]
    statement = select(*asked).order_by(*(_in_bytes(column, session.dialect) for column in table.primary_key))
    result = session.connection().execution_options(yield_per=_ROWS).execute(statement)
    writers = [_WRITERS.get(kind) for kind in kinds]
    for row in result:
        yield [
            value if value is None or write is None else write(value) for value, write in zip(row, writers, strict=True)
        ]


def _kind(column: Column[Any]) -> str:
    kind = column.type
    if isinstance(kind, UtcDateTime):
        return "time"
    for known, name in ((LargeBinary, "bytes"), (JSON, "json"), (Date, "date"), (Boolean, "bool"), (Float, "float")):
        if isinstance(kind, known):
            return name
    return "text" if isinstance(kind, String) else "int"


def _stored(column: Column[Any]) -> Any:
    """The value as it lies in the database, where its type would make something else of it."""
    if isinstance(column.type, ExactQuantity):
        return type_coerce(column, BigInteger)
    return cast(column, Text) if isinstance(column.type, JSON) else column


def _in_bytes(column: Column[Any], dialect: str) -> Any:
    """Texts in the order of their bytes on both databases."""
    return column.collate("C") if dialect == "postgresql" and isinstance(column.type, String) else column


def _float(value: float) -> float | str:
    return value if value - value == 0 else repr(value)


_WRITERS: Final[dict[str, Callable[[Any], Any]]] = {
    "bytes": lambda value: b64encode(value).decode(),
    "time": to_us,
    "date": date.isoformat,
    "float": _float,
}


def _next(session: ReadSession, table: Table) -> int | None:
    """Where numbers are never given twice; elsewhere both databases go on after the highest."""
    if not table.dialect_options["sqlite"]["autoincrement"]:
        return None
    (pk,) = table.primary_key
    if session.dialect == "sqlite":
        asked = text("SELECT seq + 1 FROM sqlite_sequence WHERE name = :name")
        return session.execute(asked, {"name": table.name}).scalar() or 1
    sequence = session.execute(text("SELECT pg_get_serial_sequence(:t, :c)"), {"t": table.name, "c": pk.name}).scalar()
    asked = text(f"SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM {sequence}")  # noqa: S608
    return int(session.execute(asked).scalar_one())


def _history(session: ReadSession) -> Iterator[_Content]:
    """After the tables, pieces before chunks: what moves meanwhile is there twice at worst, which changes nothing."""
    reads = sealed_reads(session)
    packed = (["tag_pk", "hour", "n", "data"], ["int", "int", "int", "bytes"])
    yield _Content(_PIECES, *packed, _pieces(reads.pieces()))
    yield _Content(_CHUNKS, *packed, _by_day(reads.chunks(*_EVER), "history_chunk", "tag_pk, hour, n, data"))
    rollups = _by_day(reads.rollups(*_EVER), "history_rollup", "tag_pk, hour, data")
    yield _Content(_ROLLUPS, ["tag_pk", "hour", "data"], ["int", "int", "bytes"], rollups)


def _pieces(shelves: Iterable[Shelf]) -> Iterator[Row]:
    asked = "SELECT seq, tag_pk, hour, n, data FROM history_piece WHERE seq > ? ORDER BY seq LIMIT ?"
    for shelf in shelves:
        after = -1
        while rows := shelf.query(asked, (after, _ROWS)):
            yield from ([*row[1:-1], b64encode(row[-1]).decode()] for row in rows)
            after = rows[-1][0]


def _by_day(shelves: Iterable[Shelf], table: str, columns: str) -> Iterator[Row]:
    asked = f"SELECT {columns} FROM {table} WHERE hour >= ? AND hour < ? ORDER BY hour, tag_pk"  # noqa: S608
    for shelf in shelves:
        hours = shelf.query(f"SELECT DISTINCT hour FROM {table}")  # noqa: S608
        for day in sorted({hour // HOURS_A_DAY for (hour,) in hours}):
            for row in shelf.query(asked, (day * HOURS_A_DAY, (day + 1) * HOURS_A_DAY)):
                yield [*row[:-1], b64encode(row[-1]).decode()]


# ----------------------------------------------------------------- a file


def read_manifest(path: Path) -> Manifest:
    """What a file says of itself. TransferRefused."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_manifest(archive)
    except (OSError, zipfile.BadZipFile, KeyError, msgspec.MsgspecError) as error:
        raise TransferRefused(f"{path}: {error}") from error


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    found = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
    if found.format != FORMAT:
        raise TransferRefused(f"format {found.format} is not {FORMAT}")
    if found.revision not in known_revisions():
        raise TransferRefused(f"schema {found.revision} is not known to this version of Lineside: a newer one wrote it")
    return found


def verify_export(path: Path) -> Manifest:
    """Read a file whole: every row can be read, and every entry is what was written. TransferRefused."""
    manifest = read_manifest(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in manifest.entries:
                for _ in _read_rows(archive, entry):
                    pass
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise TransferRefused(f"{path}: {error}") from error
    return manifest


def _read_rows(archive: zipfile.ZipFile, entry: Entry) -> Iterator[Row]:
    """The rows of an entry, which by its end has proved to be whole. TransferRefused."""
    digest, count = hashlib.sha256(), 0
    with archive.open(f"{entry.name}.jsonl") as lines:
        for line in _lines(lines):
            digest.update(line)
            count += 1
            yield _row(line, entry, count)
    if (count, digest.hexdigest()) != (entry.rows, entry.sha256):
        raise TransferRefused(f"{entry.name} is damaged: {count} rows of {entry.rows}, or others than were written")


def _lines(lines: IO[bytes]) -> Iterator[bytes]:
    while line := lines.readline(LINE_MAX):
        yield line


def _row(line: bytes, entry: Entry, number: int) -> Row:
    with suppress(orjson.JSONDecodeError):
        row = orjson.loads(line)
        if isinstance(row, list) and len(row) == len(entry.columns):
            return row
    raise TransferRefused(f"{entry.name}: row {number} cannot be read")


# ----------------------------------------------------------------- in


def import_plant(database: Database, source: Path) -> Manifest:
    """Fill a new plant's empty database with a file, at the file's schema, then bring it up to date.

    What was read is compared with what was written; TransferRefused where the two differ or the file is no good.
    The caller throws the plant away then.
    """
    manifest = read_manifest(source)
    upgrade(database, revision=manifest.revision)
    known = set(_HISTORY) | {f"tables/{name}" for name in _table_names(database)}
    if strange := {entry.name for entry in manifest.entries} - known:
        raise TransferRefused(f"{source}: there is no {min(strange)} in schema {manifest.revision}")
    with zipfile.ZipFile(source) as archive:
        _fill(database, archive, manifest)
        _fill_history(database, archive, manifest)
    _compare(database, manifest)
    upgrade(database)
    return manifest


def _compare(database: Database, manifest: Manifest) -> None:
    """Only where the file is of the present schema: an older one's rows are changed on the way to it."""
    if manifest.revision != known_revisions()[0]:
        return
    ours, theirs = digests_of(database), digests(manifest)
    if differing := sorted(name for name in theirs if ours.get(name) != theirs[name]):
        raise TransferRefused(f"{differing[0]} is not what the file holds; nothing was kept")


def _table_names(database: Database) -> set[str]:
    engine = migration_engine(database.url, schema=database.schema)
    asked = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
    }
    try:
        with engine.begin() as connection:
            return {name for (name,) in connection.execute(text(asked[database.dialect]))}
    finally:
        engine.dispose()


def _fill(database: Database, archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """All tables in one transaction. Foreign keys are looked at when everything is there."""
    tables = [entry for entry in manifest.entries if entry.name not in _HISTORY]
    engine = migration_engine(database.url, schema=database.schema)
    try:
        with engine.begin() as connection:
            keys = _take_foreign_keys(connection)
            for entry in reversed(tables):
                connection.execute(text(f"DELETE FROM {_quoted(entry.name)}"))  # noqa: S608
            for entry in tables:
                _fill_table(connection, entry, _read_rows(archive, entry))
            _put_foreign_keys(connection, keys)
    finally:
        engine.dispose()


def _quoted(name: str) -> str:
    return '"' + name.removeprefix("tables/").replace('"', "") + '"'


def _take_foreign_keys(connection: Connection) -> list[tuple[str, str, str]]:
    """PostgreSQL: put them aside, since rows may refer to later ones of the same table."""
    if connection.dialect.name == "sqlite":
        return []
    asked = text(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND conparentid = 0"
    )
    keys = [(table, name, definition) for table, name, definition in connection.execute(asked)]
    for table, name, _ in keys:
        connection.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'))
    return keys


def _put_foreign_keys(connection: Connection, keys: Sequence[tuple[str, str, str]]) -> None:
    for table, name, definition in keys:
        connection.execute(text(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}'))
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first():
        raise TransferRefused("rows refer to others that the file does not hold")


def _fill_table(connection: Connection, entry: Entry, rows: Iterator[Row]) -> None:
    columns = ", ".join(_quoted(column) for column in entry.columns)
    readers = [_reader(kind, connection.dialect.name) for kind in entry.kinds]
    values = (
        [value if value is None or read is None else read(value) for value, read in zip(row, readers, strict=True)]
        for row in rows
    )
    cursor: Any = connection.connection.cursor()
    if connection.dialect.name == "sqlite":
        cursor.executemany(f"INSERT INTO {_quoted(entry.name)} ({columns}) VALUES ({marks(entry.columns)})", values)  # noqa: S608
    else:
        with cursor.copy(f"COPY {_quoted(entry.name)} ({columns}) FROM STDIN") as copy:
            for row in values:
                copy.write_row(row)
    _count_on(connection, entry)


def _reader(kind: str, dialect: str) -> Callable[[Any], Any] | None:
    readers: dict[str, Callable[[Any], Any]] = {"bytes": b64decode, "float": float, "time": from_us}
    if dialect == "sqlite":
        readers |= {"bool": int, "time": lambda value: from_us(value).strftime("%Y-%m-%d %H:%M:%S.%f")}
    return readers.get(kind)


def _count_on(connection: Connection, entry: Entry) -> None:
    """The next row gets the number it would have got."""
    table = entry.name.removeprefix("tables/")
    if connection.dialect.name == "sqlite":
        if entry.next is not None:
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
            counted = {"name": table, "seq": entry.next - 1}
            connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), counted)
        return
    asked = text(
        "SELECT a.attname, pg_get_serial_sequence(:table, a.attname) FROM pg_attribute a "
        "WHERE a.attrelid = to_regclass(:table) AND a.attnum > 0 AND NOT a.attisdropped "
        "AND pg_get_serial_sequence(:table, a.attname) IS NOT NULL"
    )
    for column, sequence in connection.execute(asked, {"table": table}).all():
        highest = f"SELECT coalesce(max({_quoted(column)}), 0) + 1 FROM {_quoted(table)}"  # noqa: S608
        counted = {"sequence": sequence, "next": entry.next or 1}
        connection.execute(text(f"SELECT setval(:sequence, greatest(:next, ({highest})), false)"), counted)


def _fill_history(database: Database, archive: zipfile.ZipFile, manifest: Manifest) -> None:
    entries = {entry.name: entry for entry in manifest.entries}
    with closing(open_store(database)) as store:
        if _PIECES in entries:
            rows = _read_rows(archive, entries[_PIECES])
            while some := _some(rows):
                with store.writing_pieces() as shelf:
                    insert_pieces(shelf, [_packed(row) for row in some])
        for day, some in _days(archive, entries.get(_CHUNKS)):
            with store.writing_chunks(day) as shelf:
                put_chunks(shelf, [_packed(row) for row in some])
        for day, some in _days(archive, entries.get(_ROLLUPS)):
            with store.writing_rollups(day) as shelf:
                put_rollups(shelf, [(tag_pk, hour, b64decode(data)) for tag_pk, hour, data in some])


def _packed(row: Row) -> Packed:
    return Packed(row[0], row[1], row[2], b64decode(row[3]))


def _some(rows: Iterator[Row]) -> list[Row]:
    return [row for _, row in zip(range(_ROWS), rows, strict=False)]


def _days(archive: zipfile.ZipFile, entry: Entry | None) -> Iterator[tuple[int, list[Row]]]:
    """Rows in the order of their hours, by the day."""
    day = 0
    held: list[Row] = []
    for row in _read_rows(archive, entry) if entry is not None else ():
        its_day = row[1] // HOURS_A_DAY
        if held and (its_day != day or len(held) >= _ROWS):
            yield day, held
            held = []
        day = its_day
        held.append(row)
    if held:
        yield day, held
