"""Whole plants at a prompt: make, list, suspend, export, import, delete, move, restore one. Servers go on running."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from mes.access.audit.service import begin_chain
from mes.kernel.directory import PlantState
from mes.kernel.errors import NoSuchPlant
from mes.kernel.plants import DEFAULT_PLANT, PLANT_ID, STALE_S, Plants, schema_of
from mes.migrations.transfer import Manifest, export_plant, import_plant, read_manifest, verify_export
from mes.migrations.upgrade import upgrade
from web.backup import is_backup, is_dump, restore_plant, verify
from web.commands import NotDone, backup_meant, libpq_variables, run_postgres, say, settings_of
from web.plants import open_plants
from web.settings import Settings
from web.system.routes import version

T = TypeVar("T")
SETTLE_S: Final = STALE_S + 0.5
"""After so long every server knows what the directory says now."""
GONE_WITHIN_S: Final = 30.0
_LOOK_S: Final = 0.1


@contextmanager
def _plants(settings: Settings) -> Iterator[Plants]:
    plants = open_plants(settings)
    try:
        yield plants
    finally:
        plants.close()


def plant_create(options: argparse.Namespace) -> None:
    with _plants(settings_of(options)) as plants:
        plants.create(_checked_id(options.id))
        for host in options.hosts:
            plants.map_host(host, options.id)
    say(f"{options.id} is open" + (f" at {', '.join(options.hosts)}" if options.hosts else ""))


def plant_list(options: argparse.Namespace) -> None:
    with _plants(settings_of(options)) as plants:
        known = plants.look()
    width = max(map(len, known.states))
    for plant_id, state in sorted(known.states.items()):
        hosts = sorted(host for host, its_plant in known.hosts.items() if its_plant == plant_id)
        say(f"{plant_id:{width}}  {state:9}  {' '.join(hosts)}".rstrip())


def plant_host(options: argparse.Namespace) -> None:
    with _plants(settings_of(options)) as plants:
        _state(plants, options.id)
        for host in options.hosts:
            plants.map_host(host, None if options.remove else options.id)
    say(f"{options.id}: {', '.join(options.hosts)} {'removed' if options.remove else 'added'}")


def plant_suspend(options: argparse.Namespace) -> None:
    with _plants(settings_of(options)) as plants:
        _take_out_of_service(plants, options.id, PlantState.suspended)
    say(f"{options.id} is suspended; nobody has it open")


def plant_resume(options: argparse.Namespace) -> None:
    with _plants(settings_of(options)) as plants:
        if _state(plants, options.id) is not PlantState.suspended:
            raise NotDone(f"{options.id} is not suspended")
        plants.set_state(options.id, PlantState.open)
    say(f"{options.id} is open")


def plant_chain(options: argparse.Namespace) -> None:
    """Out of service for some seconds, so that no process goes on without links."""
    with _plants(settings_of(options)) as plants:
        was = _state(plants, options.id)
        _take_out_of_service(plants, options.id, PlantState.suspended)
        try:
            database = plants.database_of(options.id, chained=True)
            try:
                upgrade(database)
                database.write_now(begin_chain, actor=None)
            finally:
                database.close()
        finally:
            plants.set_state(options.id, was)
    say(f"{options.id}: chained from now on; it is {was}")


def plant_export(options: argparse.Namespace) -> None:
    with _plants(settings_of(options)) as plants:
        made = _export(plants, options.id, options.target)
    _tell(options.target, made)


def plant_import(options: argparse.Namespace) -> None:
    plant_id = _checked_id(options.id or read_manifest(options.source).plant)
    with _plants(settings_of(options)) as plants:
        state = PlantState.suspended if options.suspended else PlantState.open
        made = _import(plants, plant_id, options.source, state)
        for host in options.hosts:
            plants.map_host(host, plant_id)
    say(f"{plant_id}: {made.rows} rows of {made.plant}, made at {made.made_at}, are here; it is {state}")


def plant_delete(options: argparse.Namespace) -> None:
    """Out of service first, so that what is exported is the last that was written."""
    with _plants(settings_of(options)) as plants:
        _refuse_default(options.id)
        _state(plants, options.id)
        if (options.name or _ask("To delete it for ever, type its name: ")) != options.id:
            raise NotDone("that is not its name; nothing was changed")
        target = None if options.without_export else options.export or _kept_as(options.id)
        _take_out_of_service(plants, options.id, PlantState.leaving)
        if target is not None:
            _tell(target, _export(plants, options.id, target))
        plants.drop(options.id)
    say(f"{options.id} is deleted")


def plant_move(options: argparse.Namespace) -> None:
    """Out of service here, the same there, compared, deleted here. Until then nothing is lost by failing."""
    here, there = settings_of(options), _elsewhere(options)
    with _plants(here) as source, _plants(there) as target:
        was = _state(source, options.id)
        hosts = [host for host, plant_id in source.look().hosts.items() if plant_id == options.id]
        _take_out_of_service(source, options.id, PlantState.leaving)
        kept = options.export or _kept_as(options.id)
        try:
            _tell(kept, _export(source, options.id, kept))
            state = PlantState.suspended if was is PlantState.suspended else PlantState.open
            made = _import(target, options.id, kept, state)
            for host in hosts:
                target.map_host(host, options.id)
        except BaseException:
            source.set_state(options.id, was)
            raise
        source.drop(options.id)
    say(f"{options.id}: {made.rows} rows moved and compared; it is {state} there, and no longer here")


def _elsewhere(options: argparse.Namespace) -> Settings:
    """The other installation: a data directory, a PostgreSQL address, or both."""
    if options.to_data_dir is None and options.to_database_url is None:
        raise NotDone("say where to: --to-data-dir or --to-database-url")
    here = settings_of(options)
    changes = {"data_dir": options.to_data_dir or here.data_dir, "database_url": options.to_database_url or None}
    return Settings.model_validate({**here.model_dump(), **changes})


def verify_file(options: argparse.Namespace) -> None:
    """Read a backup, a plant's file or a dump of PostgreSQL whole, and say what it is good for."""
    source: Path = options.source
    if is_dump(source):
        run_postgres(["pg_restore", "--file=/dev/null", str(source)], {})
        say(f"{source}: a dump of PostgreSQL, read whole")
    elif is_backup(source):
        verified = verify(source)
        say(f"{source}: {len(verified)} databases, each whole; it can be restored")
    else:
        made = verify_export(source)
        say(f"{source}: plant {made.plant} of {made.made_at}, {made.rows} rows, whole; it can be imported")


def restore_one(options: argparse.Namespace) -> None:
    """One plant out of a backup of all, while the others are in use."""
    plant_id = _checked_id(options.id or options.plant)
    settings = settings_of(options)
    if settings.database_url is not None and options.moment is not None:
        raise NotDone("PostgreSQL is recovered to a moment from its log; see docs/operate/backup.md")
    source = backup_meant(options)
    with _plants(settings) as plants:
        if settings.database_url is None:
            verify(source)
            _making(plants, plant_id, lambda: restore_plant(source, options.plant, plants.folder(plant_id)))
        elif plant_id != options.plant:
            raise NotDone("PostgreSQL restores a plant under its own name; export it then, and import it as another")
        else:
            _making(plants, plant_id, lambda: _restore_schema(plants, source, plant_id))
    say(f"{plant_id} is as it was in {source}")


def _restore_schema(plants: Plants, source: Path, plant_id: str) -> None:
    assert plants.database_url is not None
    plants.database_of(plant_id).close()  # pg_restore wants the schema to be there
    there = libpq_variables(plants.database_url)
    schema = f"--schema={schema_of(plant_id)}"
    run_postgres(
        ["pg_restore", "--exit-on-error", "--no-owner", schema, f"--dbname={there['PGDATABASE']}", str(source)], there
    )


def _making(plants: Plants, plant_id: str, fill: Callable[[], T], state: PlantState = PlantState.open) -> T:
    """A new plant that nobody sees before it is complete; of one that cannot be filled nothing stays."""
    plants.add(plant_id, PlantState.making)
    try:
        made = fill()
        plants.set_state(plant_id, state)
    except BaseException:
        plants.drop(plant_id)
        raise
    return made


def _import(plants: Plants, plant_id: str, source: Path, state: PlantState) -> Manifest:
    def fill() -> Manifest:
        database = plants.database_of(plant_id)
        try:
            return import_plant(database, source)
        finally:
            database.close()

    return _making(plants, plant_id, fill, state)


def _export(plants: Plants, plant_id: str, target: Path) -> Manifest:
    """Of a plant in whatever state."""
    now = datetime.now(UTC)
    if _state(plants, plant_id) is PlantState.open:
        return export_plant(plants.get(plant_id), target, now=now, version=version())
    database = plants.database_of(plant_id)
    try:
        upgrade(database)
        return export_plant(database, target, now=now, version=version())
    finally:
        database.close()


def _take_out_of_service(plants: Plants, plant_id: str, state: PlantState) -> None:
    """When it returns no process serves the plant and none has it open."""
    _refuse_default(plant_id)
    was = _state(plants, plant_id)
    plants.set_state(plant_id, state)
    time.sleep(SETTLE_S)
    deadline = time.monotonic() + GONE_WITHIN_S
    while plants.is_present(plant_id):
        if time.monotonic() > deadline:
            plants.set_state(plant_id, was)
            raise NotDone(f"{plant_id} is still open in some program, a command line perhaps; it stays as it was")
        time.sleep(_LOOK_S)


def _refuse_default(plant_id: str) -> None:
    if plant_id == DEFAULT_PLANT:
        raise NotDone(f"{DEFAULT_PLANT} is the plant a server starts with; it cannot be taken away")


def _state(plants: Plants, plant_id: str) -> PlantState:
    state = plants.look().states.get(plant_id)
    if state is None:
        raise NoSuchPlant(plant_id)
    return state


def _checked_id(plant_id: str) -> str:
    if not PLANT_ID.fullmatch(plant_id):
        raise NotDone(
            f"{plant_id}: a plant's name is lower-case letters, digits and hyphens, a letter first, at most 40"
        )
    return plant_id


def _kept_as(plant_id: str) -> Path:
    return Path(f"{plant_id}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.plant")


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _tell(target: Path, made: Manifest) -> None:
    say(f"{target}: {made.rows} rows, {target.stat().st_size} bytes, read again whole")
