"""Whole plants at a prompt, as another process than the server's sees and serves them."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mes.access.audit.queries import verify_chain
from mes.kernel.errors import NoSuchPlant, PlantSuspended
from mes.kernel.outbox import head_seq
from mes.kernel.plants import Plants
from mes.kernel.uow import UnitOfWork
from mes.migrations.transfer import digests_of
from tests.support.plants import build_plant
from tests.support.postgres import find_programs
from web import plant_commands
from web.cli import main
from web.plants import open_plants
from web.settings import Settings


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody else has a plant open here, unless a test says so."""
    monkeypatch.setattr(plant_commands, "SETTLE_S", 0.0)
    monkeypatch.setattr(plant_commands, "GONE_WITHIN_S", 0.2)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def plants(data_dir: Path) -> Iterator[Plants]:
    """Another process's."""
    plants = open_plants(Settings(data_dir=data_dir))
    yield plants
    plants.close()


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def emit(uow: UnitOfWork) -> None:
    uow.emit("tests.happened.v1", topics=["board"], subject="test", payload={})


def events(plants: Plants, plant_id: str) -> int:
    plants.look()
    return plants.get(plant_id).read_now(head_seq)


def test_a_plant_is_made_named_suspended_and_resumed(
    data_dir: Path, plants: Plants, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--data-dir", data_dir)
    assert run("plant", "create", "north", "--host", "North.example", *at) == 0
    assert run("plant", "host", "north", "n.example", *at) == 0
    assert run("plant", "host", "north", "north.example", "--remove", *at) == 0
    plants.look()
    assert (plants.stands_for("n.example"), plants.stands_for("north.example")) == ("north", None)
    assert run("plant", "suspend", "north", *at) == 0
    plants.look()
    with pytest.raises(PlantSuspended):
        plants.get("north")
    assert run("plant", "list", *at) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["default  open", "north    suspended  n.example"]
    assert run("plant", "load", "any.yaml", "--plant", "north", *at) == 1
    assert "out of service" in capsys.readouterr().err
    assert run("plant", "resume", "north", *at) == 0
    assert events(plants, "north") == 0


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("create", "default"), "[plant-exists]"),
        (("create", "../etc"), "lower-case letters"),
        (("suspend", "south"), "[no-such-plant]"),
        (("host", "south", "s.example"), "[no-such-plant]"),
        (("suspend", "default"), "cannot be taken away"),
        (("delete", "default", "--name", "default"), "cannot be taken away"),
        (("move", "default", "--to-data-dir", "elsewhere"), "cannot be taken away"),
        (("resume", "default"), "not suspended"),
        (("move", "default"), "say where to"),
        (("import", "none.plant"), "none.plant"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    data_dir: Path, plants: Plants, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], sentence: str
) -> None:
    assert run("plant", *command, "--data-dir", data_dir) == 1
    assert sentence in capsys.readouterr().err
    assert plants.look().states == {"default": "open"}


def test_a_plant_that_some_program_has_open_is_not_taken_away(
    data_dir: Path, plants: Plants, capsys: pytest.CaptureFixture[str]
) -> None:
    plants.create("north").write_now(emit, actor=None)
    assert run("plant", "delete", "north", "--name", "north", "--data-dir", data_dir) == 1
    assert "still open in some program" in capsys.readouterr().err
    assert events(plants, "north") == 1


def test_a_deleted_plant_leaves_an_export_from_which_it_comes_back(
    data_dir: Path, plants: Plants, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--data-dir", data_dir)
    plants.create("north").write_now(emit, actor=None)
    plants.close_plant("north")
    monkeypatch.setattr("sys.stdin", io.StringIO("nrth\n"))
    assert run("plant", "delete", "north", *at) == 1
    assert events(plants, "north") == 1
    plants.close_plant("north")
    monkeypatch.setattr("sys.stdin", io.StringIO("north\n"))
    assert run("plant", "delete", "north", *at) == 0
    plants.look()
    with pytest.raises(NoSuchPlant):
        plants.get("north")
    assert not plants.folder("north").exists()
    (left,) = tmp_path.glob("north-*.plant")
    assert left.stat().st_mode & 0o077 == 0
    assert run("verify", left) == 0
    assert "it can be imported" in capsys.readouterr().out
    assert run("plant", "import", left, *at) == 0
    assert run("plant", "import", left, "--as", "copy", "--suspended", "--host", "copy.example", *at) == 0
    assert events(plants, "north") == 1
    assert plants.look().states["copy"] == "suspended"
    assert plants.stands_for("copy.example") == "copy"
    assert run("plant", "delete", "copy", "--name", "copy", "--without-export", *at) == 0
    assert len(list(tmp_path.glob("*.plant"))) == 1


def test_a_plant_moves_to_postgresql_and_back_and_is_the_same(
    data_dir: Path,
    tmp_path: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plants = open_plants(Settings(data_dir=data_dir))
    north = plants.create("north")
    plants.map_host("north.example", "north")
    north.write_now(build_plant, actor=None)
    before = digests_of(north)
    plants.close()
    assert run("plant", "move", "north", "--to-database-url", postgres_url, "--data-dir", data_dir) == 0
    assert "rows moved and compared; it is open there" in capsys.readouterr().out
    plants = open_plants(Settings(data_dir=data_dir, database_url=postgres_url))
    assert plants.stands_for("north.example") == "north"
    assert digests_of(plants.get("north")) == before
    plants.close()
    monkeypatch.setenv("LINESIDE_DATABASE_URL", postgres_url)
    there = ("--to-data-dir", data_dir, "--export", "back.plant")
    assert run("plant", "move", "north", *there) == 0
    plants = open_plants(Settings(data_dir=data_dir, database_url=None))
    assert digests_of(plants.get("north")) == before
    plants.close()
    there_still = open_plants(Settings(data_dir=data_dir, database_url=postgres_url))
    assert there_still.ids() == ("default",)
    there_still.close()


def test_a_move_that_fails_leaves_the_plant_where_it_was(
    data_dir: Path, plants: Plants, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plants.create("north").write_now(emit, actor=None)
    plants.close_plant("north")
    elsewhere = open_plants(Settings(data_dir=tmp_path / "elsewhere"))
    elsewhere.create("north")
    elsewhere.close()
    assert run("plant", "move", "north", "--to-data-dir", tmp_path / "elsewhere", "--data-dir", data_dir) == 1
    assert "[plant-exists]" in capsys.readouterr().err
    assert events(plants, "north") == 1


def test_a_backup_is_verified_and_gives_back_one_plant_while_others_work(
    data_dir: Path, plants: Plants, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--data-dir", data_dir)
    plants.create("north").write_now(emit, actor=None)
    assert run("backup", "all.zip", *at) == 0
    assert run("verify", "all.zip") == 0
    assert "3 databases, each whole" in capsys.readouterr().out
    plants.get("north").write_now(emit, actor=None)
    assert run("restore", "all.zip", "--plant", "north", *at) == 1
    assert "[plant-exists]" in capsys.readouterr().err
    assert run("restore", "all.zip", "--plant", "north", "--as", "north-as-it-was", *at) == 0
    assert (events(plants, "north"), events(plants, "north-as-it-was")) == (2, 1)
    assert run("restore", "all.zip", "--plant", "south", *at) == 1
    assert "holds no plant south" in capsys.readouterr().err
    assert "south" not in plants.look().states


def test_a_damaged_backup_is_found_out(data_dir: Path, plants: Plants, capsys: pytest.CaptureFixture[str]) -> None:
    plants.default.write_now(build_plant, actor=None)
    assert run("backup", "all.zip", "--data-dir", data_dir) == 0
    with zipfile.ZipFile("all.zip") as good, zipfile.ZipFile("bad.zip", "w") as bad:
        for name in good.namelist():
            content = good.read(name)
            half = len(content) // 2
            bad.writestr(name, content if name == "manifest.json" else content[:half] + bytes(len(content) - half))
    assert run("verify", "bad.zip") == 1
    assert "lineside: " in capsys.readouterr().err


def test_one_plant_comes_back_from_a_dump_of_postgresql(
    data_dir: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", f"{find_programs()}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LINESIDE_DATABASE_URL", postgres_url)
    plants = open_plants(Settings(data_dir=data_dir))
    plants.create("north").write_now(emit, actor=None)
    assert run("backup", "all.dump", "--data-dir", data_dir) == 0
    assert run("verify", "all.dump") == 0
    assert "read whole" in capsys.readouterr().out
    plants.set_state("north", plant_commands.PlantState.leaving)
    plants.drop("north")
    assert run("restore", "all.dump", "--plant", "north", "--data-dir", data_dir) == 0
    assert events(plants, "north") == 1
    plants.close()
    Path("cut.dump").write_bytes(Path("all.dump").read_bytes()[:-2_000])
    assert run("verify", "cut.dump") == 1


def test_one_plant_is_chained_and_its_servers_go_on_with_it(data_dir: Path, plants: Plants) -> None:
    for name in ("north", "south"):
        plants.create(name).write_now(emit, actor=None)
    plants.close_plant("north")
    assert run("plant", "chain", "north", "--data-dir", data_dir) == 0
    for name in ("north", "south"):
        plants.get(name).write_now(emit, actor=None)
    north, south = verify_chain(plants.get("north")), verify_chain(plants.get("south"))
    assert (north.begun_at, north.count, north.is_whole, south.begun_at) == (2, 3, True, 0)
    assert run("plant", "chain", "default", "--data-dir", data_dir) == 1
