"""Backup and restore of a whole installation on SQLite, while the server runs (backup) or stands (restore).

A backup is one zip file: `manifest.json` and the databases, copied page by page in one consistent state each.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from mes.history.files import FOLDER as HISTORY
from mes.history.files import PIECES

FORMAT: Final = "lineside-backup-1"
MANIFEST: Final = "manifest.json"
DATABASE: Final = ".sqlite"


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
    try:
        with zipfile.ZipFile(archive) as opened:
            names = _checked_names(opened)
            for name in names:
                opened.extract(name, data_dir)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise BackupRefused(f"{archive}: {error}") from error
    for name in names:
        _check_database(data_dir / name)
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


def _check_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
    if verdict != "ok":
        raise BackupRefused(f"{path}: {verdict}")
