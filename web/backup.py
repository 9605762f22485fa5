"""Backup of a whole installation on SQLite while the server runs; restore of all while it stands, or of one plant.

A backup is one zip file: `manifest.json` and the databases, copied page by page in one consistent state each.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from mes.history.files import FOLDER as HISTORY
from mes.history.files import PIECES
from mes.migrations.upgrade import known_revisions

FORMAT: Final = "lineside-backup-1"
MANIFEST: Final = "manifest.json"
DATABASE: Final = ".sqlite"
_DUMP: Final = b"PGDMP"


class BackupRefused(Exception):
    """Nothing was changed; the text says why."""


@dataclass(frozen=True)
class BackedUp:
    """What a backup holds."""

    files: tuple[str, ...]
    bytes: int


def back_up(data_dir: Path, target: Path, *, now: datetime, version: str) -> BackedUp:
    """Copy every database of a data directory into a new zip file. BackupRefused if the file exists already."""
    if not any(_databases(data_dir, history=False)):
        raise BackupRefused(f"{data_dir} holds no databases")
    if target.exists():
        raise BackupRefused(f"{target} is there already")
    scratch = target.with_name(target.name + ".part")
    names: list[str] = []
    with (
        tempfile.TemporaryDirectory(dir=target.parent) as folder,
        zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for source in _in_order(data_dir):
            if copy := _copy(source, Path(folder) / "copy.sqlite"):
                names.append(str(PurePosixPath(source.relative_to(data_dir))))
                archive.write(copy, names[-1])
        manifest = {"format": FORMAT, "version": version, "made_at": now.isoformat(), "files": names}
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
    scratch.replace(target)
    return BackedUp(tuple(names), target.stat().st_size)


def _in_order(data_dir: Path) -> Iterator[Path]:
    """Plants first, then what is sealed of their history, looked for only then.

    Samples go from the plant to pieces to days: in this order they are copied twice at worst, never not at all. Twice
    is harmless: the same sample again changes nothing.
    """
    yield from _databases(data_dir, history=False)
    yield from (path for path in _databases(data_dir, history=True) if path.name == PIECES)
    yield from (path for path in _databases(data_dir, history=True) if path.name != PIECES)


def _databases(data_dir: Path, *, history: bool) -> list[Path]:
    found = sorted(data_dir.rglob(f"*{DATABASE}"))
    return [path for path in found if (path.parent.name == HISTORY) is history]


def _copy(source: Path, copy: Path) -> Path | None:
    """None if a day's file was dropped by age in the meantime."""
    copy.unlink(missing_ok=True)
    try:
        there = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)
    except sqlite3.OperationalError:
        if source.exists():
            raise
        return None
    with closing(there), closing(sqlite3.connect(copy)) as here:
        there.backup(here)
    return copy


def restore(archive: Path, data_dir: Path) -> tuple[str, ...]:
    """Put a backup into a data directory that holds nothing yet. The server must not run.

    BackupRefused if it is no backup, is damaged, or the directory holds databases.
    """
    if data_dir.exists() and any(data_dir.rglob(f"*{DATABASE}")):
        raise BackupRefused(f"{data_dir} holds databases; restore into an empty directory and move it into place")
    names = _extracted(archive, data_dir, lambda name: True)
    for name in names:
        _check_database(data_dir / name)
    return names


def verify(archive: Path) -> tuple[str, ...]:
    """Read a backup whole: every database is sound and of a schema this version knows. Answers their names.

    BackupRefused, saying what is wrong.
    """
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        names = _extracted(archive, Path(folder), lambda name: True)
        for name in names:
            _check_database(Path(folder) / name, thorough=True)
    return names


def restore_plant(archive: Path, plant_id: str, folder: Path) -> None:
    """One plant out of a backup into a folder that is not there yet. BackupRefused if the backup does not hold it."""
    inside = f"plants/{plant_id}/"
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        if not _extracted(archive, Path(scratch), lambda name: name.startswith(inside)):
            raise BackupRefused(f"{archive} holds no plant {plant_id}")
        (Path(scratch) / inside).rename(folder)


def is_backup(path: Path) -> bool:
    """Whether it is a zip file of `back_up`, as far as its manifest says."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(json.loads(archive.read(MANIFEST)).get("format") == FORMAT)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, AttributeError):
        return False


def is_dump(path: Path) -> bool:
    """Whether it is a file of pg_dump's custom format."""
    try:
        with path.open("rb") as file:
            return file.read(len(_DUMP)) == _DUMP
    except OSError:
        return False


def _extracted(archive: Path, folder: Path, wanted: Callable[[str], bool]) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(archive) as opened:
            names = tuple(filter(wanted, _checked_names(opened)))
            for name in names:
                opened.extract(name, folder)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise BackupRefused(f"{archive}: {error}") from error
    return names


def _checked_names(archive: zipfile.ZipFile) -> tuple[str, ...]:
    manifest = json.loads(archive.read(MANIFEST))
    if manifest["format"] != FORMAT:
        raise ValueError(f"format {manifest['format']} is not {FORMAT}")
    names = tuple(str(name) for name in manifest["files"])
    if any(PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts for name in names):
        raise ValueError("names leave the directory")
    if damaged := archive.testzip():
        raise ValueError(f"{damaged} is damaged")
    return names


def _check_database(path: Path, *, thorough: bool = False) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            fault = _fault(connection, thorough=thorough)
    except sqlite3.DatabaseError as error:
        raise BackupRefused(f"{path.name}: {error}") from error
    if fault:
        raise BackupRefused(f"{path.name}: {fault}")


def _fault(connection: sqlite3.Connection, *, thorough: bool) -> str:
    """What is wrong with a database; nothing if it can be used."""
    check = "integrity_check" if thorough else "quick_check"
    verdict = str(connection.execute(f"PRAGMA {check}").fetchone()[0])
    if verdict != "ok":
        return verdict
    if thorough and (orphan := connection.execute("PRAGMA foreign_key_check").fetchone()):
        return f"rows of {orphan[0]} refer to others that are not there"
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if revision is not None and revision[0] not in known_revisions():
            return f"schema {revision[0]} is not known to this version of Lineside"
    return ""
