from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from mes.kernel.db import ReadSession
from mes.kernel.errors import BadCursor, NoSuchPlant
from mes.kernel.outbox import head_seq
from mes.kernel.paging import decode_cursor, encode_cursor
from mes.kernel.plants import DEFAULT_PLANT, Plants
from mes.kernel.uow import UnitOfWork
from mes.migrations.upgrade import upgrade


def say(uow: UnitOfWork) -> None:
    uow.emit("test.said.v1", topics=[], subject="x", payload={})


@pytest.fixture(params=["sqlite", "postgresql"])
def plants(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plants]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    plants = Plants(data_dir=tmp_path, database_url=url, migrate=upgrade)
    yield plants
    plants.close()


def test_a_plant_is_a_database_of_its_own(plants: Plants) -> None:
    other = plants.create("north-2")
    plants.default.write_now(say, actor=None)
    assert plants.default.read_now(head_seq) == 1
    assert other.read_now(head_seq) == 0
    assert plants.ids() == (DEFAULT_PLANT, "north-2")


def test_a_host_name_stands_for_a_plant(plants: Plants) -> None:
    plants.create("north")
    plants.map_host("North.example:8080".split(":")[0], "north")
    assert plants.resolve("north.EXAMPLE:443") == "north"
    assert plants.resolve("elsewhere") == DEFAULT_PLANT


def test_unknown_and_impossible_plants_are_refused(plants: Plants) -> None:
    with pytest.raises(NoSuchPlant):
        plants.get("south")
    with pytest.raises(ValueError, match="plant id"):
        plants.create("../etc")


def test_opening_again_finds_everything(plants: Plants, tmp_path: Path) -> None:
    plants.default.write_now(say, actor=None)
    url = None if plants.default.dialect == "sqlite" else plants.default.url
    plants.close()
    again = Plants(data_dir=tmp_path, database_url=url, migrate=upgrade)
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
