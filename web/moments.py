"""Which of many backups is exactly what was there at a moment. On SQLite, where there is no log to replay."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from mes.kernel.errors import Unprocessable
from mes.kernel.outbox import ARCHIVED
from mes.kernel.sqltypes import to_us
from web.backup import MANIFEST, BackupRefused, is_backup

_PLANT: Final = "plant.sqlite"


class MomentBeforeBackups(Unprocessable):
    code = "moment-before-backups"
    title = "No backup reaches back to that moment"
    next_step = "Look for an older backup, or restore the oldest file as it is."


class MomentAfterBackups(Unprocessable):
    code = "moment-after-backups"
    title = "No backup was made after that moment"
    next_step = "Take a backup now and ask again, or restore the newest file as it is."


class MomentBetweenBackups(Unprocessable):
    code = "moment-between-backups"
    title = "No backup is exactly that moment"
    next_step = (
        "Restore one of the two files as it is, or ask for a moment since which nothing happened until a backup."
    )


@dataclass(frozen=True)
class _Backup:
    path: Path
    made_at: datetime


def find_backup(folder: Path, moment: datetime, *, plant_id: str | None = None) -> Path:
    """The backup in a folder that has every event recorded up to a moment and none after, of one plant or of all.

    It may be the next one, where nothing happened between. Samples of machines go on to when it was made. An event
    counts as recorded from when its transaction began. `moment-before-backups`, `moment-after-backups`,
    `moment-between-backups`; BackupRefused where no backup of the plant is there or one is damaged.
    """
    made = _backups(folder)
    if made[-1].made_at < moment:
        raise MomentAfterBackups(f"The newest is {made[-1].path.name}, of {made[-1].made_at.isoformat()}.")
    index = next(index for index, backup in enumerate(made) if backup.made_at >= moment)
    after = made[index].path
    with _events(after, plant_id) as there:
        if not (beyond := _beyond(there, moment)):
            return after
        if index == 0:
            raise MomentBeforeBackups(f"{after.name} is the oldest and has {beyond} events of later.")
        before = made[index - 1].path
        with _events(before, plant_id) as here:
            short, too_many = _short(here, there, moment), _beyond(here, moment)
    if short or too_many:
        raise MomentBetweenBackups(f"{before.name} is {short} events short of it, {after.name} {beyond} beyond it.")
    return before


def _backups(folder: Path) -> list[_Backup]:
    """Oldest first."""
    found = [_Backup(path, _made_at(path)) for path in folder.glob("*.zip") if is_backup(path)]
    if not found:
        raise BackupRefused(f"{folder} holds no backups")
    return sorted(found, key=lambda backup: backup.made_at)


def _made_at(path: Path) -> datetime:
    try:
        with zipfile.ZipFile(path) as archive:
            return datetime.fromisoformat(json.loads(archive.read(MANIFEST))["made_at"])
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise BackupRefused(f"{path}: {error}") from error


@contextmanager
def _events(archive: Path, plant_id: str | None) -> Iterator[dict[str, sqlite3.Connection]]:
    """The plants of a backup by name, open in a folder that is gone afterwards."""
    wanted = f"plants/{plant_id or ''}"
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        try:
            with zipfile.ZipFile(archive) as opened:
                names = [name for name in opened.namelist() if name.startswith(wanted) and name.endswith(f"/{_PLANT}")]
                paths = {name.split("/")[1]: opened.extract(name, folder) for name in names}
        except (OSError, zipfile.BadZipFile) as error:
            raise BackupRefused(f"{archive}: {error}") from error
        plants = {name: sqlite3.connect(path) for name, path in paths.items() if plant_id in (None, name)}
        try:
            yield plants
        except sqlite3.DatabaseError as error:
            raise BackupRefused(f"{archive}: {error}") from error
        finally:
            for connection in plants.values():
                connection.close()


def _beyond(plants: Mapping[str, sqlite3.Connection], moment: datetime) -> int:
    asked = "SELECT count(*) FROM outbox_event WHERE recorded_at_us > ?"
    return sum(plant.execute(asked, (to_us(moment),)).fetchone()[0] for plant in plants.values())


def _short(earlier: Mapping[str, sqlite3.Connection], later: Mapping[str, sqlite3.Connection], moment: datetime) -> int:
    """Events up to a moment that the earlier backup lacks: by their numbers, since some may be in an archive."""
    asked = "SELECT coalesce(max(seq), 0) FROM outbox_event WHERE recorded_at_us <= ?"
    return sum(
        max(max(plant.execute(asked, (to_us(moment),)).fetchone()[0], _archived(plant)) - _head(earlier.get(name)), 0)
        for name, plant in later.items()
    )


def _archived(plant: sqlite3.Connection) -> int:
    asked = "SELECT coalesce(max(seq), 0) FROM consumer_cursor WHERE consumer = ?"
    return int(plant.execute(asked, (ARCHIVED,)).fetchone()[0])


def _head(plant: sqlite3.Connection | None) -> int:
    if plant is None:
        return 0
    return int(plant.execute("SELECT coalesce(max(seq), 0) FROM outbox_event").fetchone()[0])
