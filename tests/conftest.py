"""Fixtures for every test: a real, migrated database of its own on each of the two engines, and a settable clock."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings

from mes.kernel.db import Database
from mes.kernel.plants import Migrate
from mes.migrations.upgrade import upgrade
from tests.support.plants import build_plant
from tests.support.postgres import PostgresCluster, start_cluster
from tests.support.told_events import compare_events, faults

FUZZ = int(os.environ.get("LINESIDE_FUZZ", "0"))
settings.register_profile("lineside", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.register_profile("brief", settings.get_profile("lineside"), max_examples=20)
settings.register_profile("much", settings.get_profile("lineside"), derandomize=False, max_examples=10 * FUZZ or 1)
settings.load_profile("much" if FUZZ else "lineside")
"""A busy machine is no counter-example; what is judged before a landing is always the same; `brief` is less, `much` is
for `make test-fuzz`."""


compare_events()


class SettableClock:
    """The only fake clock: it stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **delta: float) -> datetime:
        self.at += timedelta(**delta)
        return self.at


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command line that is run here and makes itself quiet makes no later test deaf."""
    root = logging.getLogger()
    level, levels = root.level, {name: logging.getLogger(name).level for name in root.manager.loggerDict}
    yield
    if root.level != level:
        root.setLevel(level)
    for name in root.manager.loggerDict:
        logger, before = logging.getLogger(name), levels.get(name, logging.NOTSET)
        if logger.level != before:  # to set it makes all loggers forget what they log
            logger.setLevel(before)


@pytest.fixture(autouse=True)
def events_as_promised() -> Iterator[None]:
    """No verb has emitted what its type does not promise, wherever that was caught."""
    yield
    found = faults.copy()
    faults.clear()
    assert found == []


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "plant.sqlite"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def at_once(sqlite_template: Path) -> Migrate:
    """Brings a new plant on SQLite to the present schema as `upgrade` does, in a hundredth of the time: by a copy."""

    def copied(database: Database) -> None:
        path = database.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(sqlite_template)) as template, closing(sqlite3.connect(path)) as plant:
            template.backup(plant)

    return copied


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    cluster = start_cluster(tmp_path_factory.mktemp("cluster"), durable=False)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresCluster) -> str:
    name = "lineside_template"
    postgres.create_database(name)
    database = Database(postgres.url(name))
    upgrade(database)
    database.close()
    return name


@pytest.fixture(scope="session")
def sqlite_plant_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the plant of `tests.support.plants` in it."""
    path = tmp_path_factory.mktemp("template") / "built.sqlite"
    shutil.copy(sqlite_template, path)
    _build(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_plant_template(postgres: PostgresCluster, postgres_template: str) -> str:
    name = "lineside_plant_template"
    postgres.create_database(name, template=postgres_template)
    _build(postgres.url(name))
    return name


def _build(url: str) -> None:
    database = Database(url, clock=SettableClock())
    database.write_now(build_plant, actor=None)
    database.close()


@pytest.fixture
def built_plant() -> None:
    """Whoever asks for this finds the plant of `tests.support.plants` in the database of the test."""


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    built = "built_plant" in request.fixturenames
    path = tmp_path / "plant.sqlite"
    shutil.copy(request.getfixturevalue("sqlite_plant_template" if built else "sqlite_template"), path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, postgres: PostgresCluster) -> Iterator[str]:
    built = "built_plant" in request.fixturenames
    template = request.getfixturevalue("postgres_plant_template" if built else "postgres_template")
    name = "test_" + uuid4().hex
    postgres.create_database(name, template=template)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
def database(database_url: str, clock: SettableClock) -> Iterator[Database]:
    """A fresh plant on SQLite, then the same test on PostgreSQL."""
    database = Database(database_url, clock=clock)
    yield database
    database.close()


@pytest.fixture
def sqlite_database(sqlite_url: str, clock: SettableClock) -> Iterator[Database]:
    database = Database(sqlite_url, clock=clock)
    yield database
    database.close()
