"""History at the prompt: Parquet read back, retention, and a backup that has it all, whatever moves meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet
import pytest

import web.backup
from mes.history.queries import list_samples
from mes.history.sealer import Sealer
from mes.history.service import append_measurements
from mes.kernel.db import Database
from mes.kernel.plants import Plants
from mes.kernel.sqltypes import to_us
from tests.mes.history.model import PlainHistory, Row, columns, same, told
from tests.support.plants import PRESS, Box, build_plant
from tests.support.postgres import PostgresCluster
from web.cli import main
from web.plants import open_plants
from web.settings import Settings

TAG = f"{PRESS}.Temperature"


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture(params=["sqlite", "postgresql"])
def plants(
    request: pytest.FixtureRequest, tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Plants]:
    """A plant of the installation that the settings name."""
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(data_dir))
    if request.param == "postgresql":
        cluster: PostgresCluster = request.getfixturevalue("postgres")
        monkeypatch.setenv("LINESIDE_DATABASE_URL", cluster.create_database(f"history_{tmp_path.name[-40:]}"))
    plants = open_plants(Settings())
    plants.default.write_now(build_plant, actor=None)
    yield plants
    plants.close()


def fill(database: Database) -> None:
    """Some sealed, some not; the last is not known."""
    box = Box(database)
    now_us = box.at_us()
    box.say(*(box.sample(TAG, n / 2, now_us - 3_600_000_000 + n) for n in range(50)))
    sealer = Sealer(database, breathe=lambda: None)
    sealer.turn()
    sealer.close()
    box.say(*(box.sample(TAG, n / 2, now_us + n - 1_000_000) for n in range(5)))
    box.say(box.bad(TAG))


def test_samples_come_back_from_parquet(plants: Plants, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(plants.default)
    target = tmp_path / "history.parquet"
    assert run("history", "export", target, "--tag", TAG) == 0
    assert "56 samples of 1 measurements" in capsys.readouterr().out
    table = pyarrow.parquet.read_table(target)
    assert str(table.schema.field("at").type) == "timestamp[us, tz=UTC]"
    values = table.column("value").to_pylist()
    assert values == [*(n / 2 for n in range(50)), *(n / 2 for n in range(5)), None]
    assert table.column("quality").to_pylist() == [0] * 55 + [2]
    assert set(table.column("tag").to_pylist()) == {TAG}
    assert set(table.column("unit").to_pylist()) == {"°C"}
    at = table.column("at").to_pylist()
    assert at == sorted(at)
    assert run("history", "export", target) == 1
    assert "is there already" in capsys.readouterr().err


def test_an_export_may_be_of_some_time_and_place(
    plants: Plants, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(plants.default)
    assert run("history", "export", tmp_path / "old.parquet", "--to", "2020-01-01") == 0
    assert pyarrow.parquet.read_table(tmp_path / "old.parquet").num_rows == 0
    assert run("history", "export", tmp_path / "line.parquet", "--equipment", "LINE", "--from", "2020-01-01") == 0
    assert run("history", "export", tmp_path / "x.parquet", "--tag", "NONE") == 1
    assert "no such measurement: NONE" in capsys.readouterr().err
    assert run("history", "export", tmp_path / "x.parquet", "--from", "yesterday") == 1
    assert "yesterday is no date" in capsys.readouterr().err
    assert not (tmp_path / "x.parquet").exists()


def test_without_pyarrow_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert run("history", "export", tmp_path / "x.parquet", "--data-dir", tmp_path / "data") == 1
    assert capsys.readouterr().err == "lineside: Parquet needs pyarrow: pip install 'lineside[export]'\n"


def test_retention_is_said_and_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    assert run("history", "retention", "--data-dir", data) == 0
    assert capsys.readouterr().out == "samples 90 days, by the minute 1095 days\n"
    assert run("history", "retention", "--samples-days", 30, "--data-dir", data) == 0
    assert capsys.readouterr().out == "samples 30 days, by the minute 1095 days\n"
    assert run("history", "retention", "--samples-days", 0, "--data-dir", data) == 1
    assert "[history-retention-invalid]" in capsys.readouterr().err


def rows_of(number: int, begin_us: int) -> list[Row]:
    return [(1, begin_us + number * 60_000_000 + n * 1_000_000, float(n), 0) for n in range(60)]


@pytest.mark.parametrize("moves", ["seal", "turn"])
def test_a_backup_misses_nothing_of_what_moves_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: str
) -> None:
    data = tmp_path / "data"
    plants = open_plants(Settings(data_dir=data))
    database = plants.default
    sealer = Sealer(database, breathe=lambda: None)
    begin_us = to_us(database.clock()) - 5 * 3_600_000_000
    plain = PlainHistory()
    for number in range(200):
        rows = rows_of(number, begin_us)
        plain.add(rows)
        database.write_now(append_measurements, actor=None, columns=columns(rows))
        if number == 60:
            sealer.turn()
        if number == 130:
            sealer.seal()
    copy = web.backup._copy

    def moving(source: Path, target: Path) -> Path | None:
        """Between two copies what is there moves on."""
        copied = copy(source, target)
        getattr(sealer, moves)()
        return copied

    monkeypatch.setattr("web.backup._copy", moving)
    archive = tmp_path / "backup.zip"
    assert run("backup", archive, "--data-dir", data) == 0
    plants.close()
    elsewhere = tmp_path / "elsewhere"
    assert run("restore", archive, "--data-dir", elsewhere) == 0
    restored = open_plants(Settings(data_dir=elsewhere))
    window = {"tag_pk": 1, "from_us": begin_us, "to_us": begin_us + 5 * 3_600_000_000}
    for step in (lambda: None, Sealer(restored.default, breathe=lambda: None).turn):
        step()
        samples, _ = restored.default.read_now(list_samples, **window, limit=100_000)
        assert same(told(samples), plain.samples(1, window["from_us"], window["to_us"]))
    restored.close()
