from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from mes.kernel.db import Database, ReadSession
from mes.kernel.directory import Directory, DirectoryTooNew, PlantState
from mes.kernel.engine import writer_engine
from mes.kernel.errors import BadCursor, NoSuchPlant, PlantExists, PlantSuspended, Unavailable
from mes.kernel.outbox import head_seq
from mes.kernel.paging import decode_cursor, encode_cursor
from mes.kernel.plants import DEFAULT_PLANT, STALE_S, Migrate, Plants
from mes.kernel.uow import UnitOfWork
from mes.migrations.upgrade import current_revision, upgrade


def say(uow: UnitOfWork) -> None:
    uow.emit("test.said.v1", topics=[], subject="x", payload={})


@pytest.fixture(params=["sqlite", "postgresql"])
def plants(request: pytest.FixtureRequest, tmp_path: Path, at_once_or_not: Migrate) -> Iterator[Plants]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    plants = Plants(data_dir=tmp_path, database_url=url, migrate=at_once_or_not)
    yield plants
    plants.close()


@pytest.fixture
def at_once_or_not(at_once: Migrate) -> Migrate:
    """Only a new plant is copied from the template: one that is opened again has something in it."""

    def migrate(database: Database) -> None:
        is_new = database.dialect == "sqlite" and current_revision(database) is None
        (at_once if is_new else upgrade)(database)

    return migrate


def opened(plants: Plants, folder: Path, migrate: Migrate) -> tuple[Plants, list[float]]:
    """The same plants as another process sees them, and its clock."""
    now = [1_000.0]
    other = Plants(data_dir=folder, database_url=plants.database_url, migrate=migrate, monotonic=lambda: now[0])
    return other, now


def test_a_plant_is_a_database_of_its_own(plants: Plants) -> None:
    other = plants.create("north-2")
    plants.default.write_now(say, actor=None)
    assert plants.default.read_now(head_seq) == 1
    assert other.read_now(head_seq) == 0
    assert plants.ids() == (DEFAULT_PLANT, "north-2")


def test_a_host_name_stands_for_a_plant(plants: Plants) -> None:
    plants.create("north")
    plants.map_host("North.example:8080".split(":")[0], "north")
    assert plants.stands_for("north.EXAMPLE:443") == "north"
    assert plants.stands_for("elsewhere") is None
    plants.map_host("north.example", None)
    assert plants.stands_for("north.example") is None


def test_a_plant_is_reached_by_its_host_names_or_where_it_has_none_by_its_token(plants: Plants) -> None:
    for plant_id in ("north", "south"):
        plants.directory.add(plant_id, PlantState.open)
    plants.map_host("north.example", "north")
    plants.map_host("[fd00::1]", "north")

    def reached(host: str, *, by_token: bool) -> list[str]:
        return [one for one in plants.ids() if plants.is_reached_by(host, one, by_token=by_token)]

    assert reached("north.example:8443", by_token=True) == reached("[FD00::1]:80", by_token=False) == ["north"]
    assert reached("elsewhere", by_token=True) == ["default", "south"]
    assert reached("elsewhere", by_token=False) == ["default"]


def test_another_process_learns_what_happened_to_a_plant(
    plants: Plants, at_once_or_not: Migrate, tmp_path: Path
) -> None:
    other, now = opened(plants, tmp_path, at_once_or_not)
    try:
        plants.create("north")
        with pytest.raises(NoSuchPlant):
            other.get("north")
        now[0] += STALE_S + 0.1
        there = other.get("north")
        there.write_now(say, actor=None)
        assert plants.is_present("north")
        plants.set_state("north", PlantState.suspended)
        now[0] += STALE_S + 0.1
        with pytest.raises(PlantSuspended):
            other.get("north")
        assert other.take_out("north") is there
        assert plants.is_present("north")
        there.close()
        end = time.monotonic() + 10
        while plants.is_present("north") and time.monotonic() < end:  # PostgreSQL ends a connection after its client
            time.sleep(0.01)
        assert not plants.is_present("north")
        with pytest.raises(Unavailable, match="closed"):
            asyncio.run(there.read(head_seq))
        plants.set_state("north", PlantState.open)
        other.look()
        assert other.get("north").read_now(head_seq) == 1
    finally:
        other.close()


def test_a_deleted_plant_is_gone_and_its_name_is_free(plants: Plants) -> None:
    north = plants.create("north")
    plants.map_host("north.example", "north")
    north.write_now(say, actor=None)
    plants.set_state("north", PlantState.leaving)
    plants.drop("north")
    with pytest.raises(NoSuchPlant):
        plants.get("north")
    assert plants.stands_for("north.example") is None
    assert not plants.folder("north").exists()
    assert plants.create("north").read_now(head_seq) == 0
    with pytest.raises(PlantExists):
        plants.create("north")


def test_a_directory_of_the_first_version_is_brought_up_to_date(plants: Plants, tmp_path: Path) -> None:
    plants.create("north")
    url = plants.database_url or f"sqlite:///{tmp_path / 'directory.sqlite'}"
    engine = writer_engine(url, schema=None if plants.database_url is None else "lineside_directory")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE directory_version"))
        connection.execute(text("ALTER TABLE plant DROP COLUMN state"))
    for _ in range(2):
        again = Directory(data_dir=tmp_path, database_url=plants.database_url)
        assert again.read().states == {"default": PlantState.open, "north": PlantState.open}
        again.close()
    with engine.begin() as connection:
        connection.execute(text("UPDATE directory_version SET version = 99"))
    with pytest.raises(DirectoryTooNew):
        Directory(data_dir=tmp_path, database_url=plants.database_url)


def test_a_directory_that_cannot_be_read_is_weather_and_is_not_asked_by_everybody(
    plants: Plants, tmp_path: Path, at_once_or_not: Migrate, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, now = opened(plants, tmp_path, at_once_or_not)
    asked: list[float] = []

    def away() -> None:
        asked.append(now[0])
        raise OperationalError("select", {}, Exception("away"))

    with monkeypatch.context() as patched:
        patched.setattr(other.directory, "read", away)
        now[0] += STALE_S + 0.1
        for _ in range(3):
            with pytest.raises(Unavailable, match="directory"):
                other.get("default")
        assert len(asked) == 1
    now[0] += 1.1
    assert other.get("default").read_now(head_seq) == 0
    other.close()


def test_unknown_and_impossible_plants_are_refused(plants: Plants) -> None:
    with pytest.raises(NoSuchPlant):
        plants.get("south")
    with pytest.raises(ValueError, match="plant id"):
        plants.create("../etc")


def test_opening_again_finds_everything(plants: Plants, tmp_path: Path) -> None:
    plants.default.write_now(say, actor=None)
    plants.close()
    again = Plants(data_dir=tmp_path, database_url=plants.database_url, migrate=upgrade)
    assert again.default.read_now(head_seq) == 1
    again.close()


def test_sqlite_syncs_fully_and_keeps_foreign_keys(sqlite_database) -> None:  # type: ignore[no-untyped-def]
    def pragmas(uow: UnitOfWork) -> tuple[object, ...]:
        names = ("synchronous", "foreign_keys", "journal_mode")
        return tuple(uow.execute(text(f"PRAGMA {name}")).scalar() for name in names)

    assert sqlite_database.write_now(pragmas, actor=None) == (2, 1, "wal")

    def query_only(session: ReadSession) -> object:
        return session.execute(text("PRAGMA query_only")).scalar()

    assert sqlite_database.read_now(query_only) == 1


@pytest.mark.parametrize("text_", ["", "!!!", "WzFd" * 500, encode_cursor("a"), encode_cursor(1, 2)])
def test_foreign_cursors_are_refused(text_: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(text_, (int,))


def test_cursors_come_back() -> None:
    assert decode_cursor(encode_cursor("a/ü", 7), (str, int)) == ("a/ü", 7)
