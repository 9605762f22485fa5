"""What only SQLite has: files beside the plant. What only PostgreSQL has: partitions and several server processes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from mes.history.files import DayFiles, HistoryTooNew
from mes.history.partitions import Partitions
from mes.history.queries import list_rollups, list_samples
from mes.history.sealer import Sealer, open_store
from mes.history.service import append_measurements, set_retention
from mes.history.types import DAY_US
from mes.kernel.db import Database, ReadSession
from mes.kernel.sqltypes import to_us
from mes.migrations.upgrade import differences
from tests.conftest import SettableClock
from tests.mes.history.model import columns


@pytest.fixture
def postgres_database(postgres_url: str, clock: SettableClock) -> Database:
    return Database(postgres_url, clock=clock)


def keep_two_days(database: Database, clock: SettableClock) -> int:
    begin_us = to_us(clock.at) // DAY_US * DAY_US
    rows = [(1, begin_us + hour * 3_600_000_000, float(hour), 0) for hour in range(48)]
    database.write_now(append_measurements, actor=None, columns=columns(rows))
    clock.advance(days=3)
    return begin_us


def test_a_day_is_a_file_and_a_month_of_rollups_another(sqlite_database: Database, clock: SettableClock) -> None:
    keep_two_days(sqlite_database, clock)
    sealer = Sealer(sqlite_database, breathe=lambda: None)
    sealer.turn()
    folder = Path(sqlite_database.url.removeprefix("sqlite:///")).parent / "history"
    names = {path.name for path in folder.glob("*.sqlite")}
    assert names == {"2026-03-02.sqlite", "2026-03-03.sqlite", "pieces.sqlite", "rollups-2026-03.sqlite"}
    sqlite_database.write_now(set_retention, actor=None, samples_days=2, rollups_days=400)
    assert sealer.forget() == ["2026-03-02.sqlite"]
    assert not list(folder.glob("2026-03-02*"))


def test_the_backlog_of_an_outage_gives_its_room_back(sqlite_database: Database, clock: SettableClock) -> None:
    begin_us = to_us(clock.at) // DAY_US * DAY_US
    rows = [(tag, begin_us + n * 977_001, n * 0.37 % tag, 0) for n in range(3_000) for tag in range(1, 21)]
    sqlite_database.write_now(append_measurements, actor=None, columns=columns(rows))
    clock.advance(days=1)
    sealer = Sealer(sqlite_database, breathe=lambda: None)
    sealer.seal()
    pieces = Path(sqlite_database.url.removeprefix("sqlite:///")).parent / "history" / "pieces.sqlite"
    full = pieces.stat().st_size
    sealer.merge()
    assert pieces.stat().st_size < full / 4


def test_a_file_of_a_newer_version_is_left_alone(sqlite_database: Database, clock: SettableClock) -> None:
    begin_us = keep_two_days(sqlite_database, clock)
    sealer = Sealer(sqlite_database, breathe=lambda: None)
    sealer.turn()
    path = Path(sqlite_database.url.removeprefix("sqlite:///")).parent / "history" / "2026-03-02.sqlite"
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(HistoryTooNew, match="99"):
        sqlite_database.read_now(list_samples, tag_pk=1, from_us=begin_us, to_us=begin_us + DAY_US)
    sqlite_database.write_now(append_measurements, actor=None, columns=columns([(1, begin_us + 5, 1.0, 0)]))
    with pytest.raises(HistoryTooNew):
        sealer.turn()


def test_a_file_that_is_being_made_holds_nothing_yet(sqlite_database: Database, clock: SettableClock) -> None:
    folder = Path(sqlite_database.url.removeprefix("sqlite:///")).parent / "history"
    folder.mkdir()
    begin_us = to_us(clock.at) // DAY_US * DAY_US
    for name in ("2026-03-02.sqlite", "pieces.sqlite", "rollups-2026-03.sqlite"):
        made = sqlite3.connect(folder / name)
        made.execute("PRAGMA journal_mode = WAL")
        made.close()
    window = {"tag_pk": 1, "from_us": begin_us, "to_us": begin_us + DAY_US}
    samples, _ = sqlite_database.read_now(list_samples, **window)
    assert len(samples) == len(sqlite_database.read_now(list_rollups, **window)) == 0
    keep_two_days(sqlite_database, clock)
    Sealer(sqlite_database, breathe=lambda: None).turn()
    samples, _ = sqlite_database.read_now(list_samples, **window)
    assert len(samples) == 24


def test_foreign_files_in_the_folder_are_no_days(tmp_path: Path) -> None:
    for name in ("notes.txt", "2026-03-02.sqlite-wal", "old-2026-03-02.sqlite", "rollups-2026.sqlite"):
        (tmp_path / name).touch()
    files = DayFiles(tmp_path)
    assert files.days() == []
    assert files.forget(before_day=10**6, rollups_before_day=10**6) == []
    assert len(list(tmp_path.iterdir())) == 4


def test_of_two_server_processes_one_seals(postgres_database: Database, clock: SettableClock) -> None:
    keep_two_days(postgres_database, clock)
    other = open_store(postgres_database)
    assert isinstance(other, Partitions)
    sealer = Sealer(postgres_database, breathe=lambda: None)
    with other.turn() as mine:
        assert mine
        assert sealer.turn() == 0
        assert sealer.forget() == []
    assert sealer.turn() == 48
    sealer.close()
    other.close()
    postgres_database.close()


def test_partitions_are_no_difference_to_the_schema_in_code(postgres_database: Database, clock: SettableClock) -> None:
    keep_two_days(postgres_database, clock)
    sealer = Sealer(postgres_database, breathe=lambda: None)
    sealer.turn()

    def partitions(session: ReadSession) -> list[str]:
        found = session.execute(text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relispartition ORDER BY 1"))
        return list(found.scalars())

    made = ["history_chunk_20260302", "history_chunk_20260303", "history_rollup_202603"]
    assert postgres_database.read_now(partitions) == made
    assert differences(postgres_database) == []
    postgres_database.write_now(set_retention, actor=None, samples_days=2, rollups_days=400)
    assert sealer.forget() == ["history_chunk_20260302"]
    assert postgres_database.read_now(partitions) == made[1:]
    sealer.close()
    postgres_database.close()
