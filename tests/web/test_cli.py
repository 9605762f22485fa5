"""The command line: what an administrator does at a prompt, against a real data directory."""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import zipfile
from pathlib import Path

import pytest

from mes.access.queries import find_token, get_principal
from mes.access.tokens import digest
from mes.exchange.erp.queries import list_connections
from mes.kernel.outbox import head_seq
from mes.kernel.uow import UnitOfWork
from tests.support.postgres import PostgresCluster, find_programs
from web.cli import main
from web.commands import libpq_variables
from web.plants import open_plants
from web.settings import Settings

PLANT_FILE = Path(__file__).parents[2] / "web" / "demo_plant.yaml"


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_a_principal_a_pin_and_a_token(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("principal", "create", "ERP", "--role", "integration", "--data-dir", data_dir) == 0
    assert run("token", "create", "ERP", "--data-dir", data_dir) == 0
    token = capsys.readouterr().out.splitlines()[-1]
    assert run("principal", "create", "ANN", "--role", "operator", "--data-dir", data_dir) == 0
    assert run("pin", "set", "ANN", "--random", "--data-dir", data_dir) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("PIN of ANN: ")
    plants = open_plants(Settings(data_dir=data_dir))
    stored = plants.default.read_now(find_token, token_sha256=digest(token))
    ann = plants.default.read_now(get_principal, principal_id="ANN")
    plants.close()
    assert stored is not None
    assert stored.principal_id == "ERP"
    assert ann is not None
    assert ann.has_pin


def test_a_token_is_limited_listed_and_revoked(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("principal", "create", "ERP", "--role", "integration", "--data-dir", data_dir) == 0
    made = ("token", "create", "ERP", "--label", "night", "--data-dir", data_dir)
    assert run(*made, "--may", "read-events", "--days", 90) == 0
    assert run(*made, "--may", "fly") == 1
    assert "[unknown-permission]" in capsys.readouterr().err
    assert run("token", "list", "--data-dir", data_dir) == 0
    number, owner, label, until, may = capsys.readouterr().out.splitlines()[-1].split("\t")
    assert (owner, label, may) == ("ERP", "night", "read-events")
    assert until.startswith("until 20")
    assert run("token", "revoke", number, "--data-dir", data_dir) == 0
    assert run("token", "list", "--data-dir", data_dir) == 0
    assert "\trevoked\t" in capsys.readouterr().out


def test_a_refusal_is_a_sentence_with_its_code(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("token", "create", "NOBODY", "--data-dir", data_dir) == 1
    assert "[principal-not-found]" in capsys.readouterr().err
    assert run("principal", "create", "X", "--role", "king", "--data-dir", data_dir) == 1
    assert "[unknown-role]" in capsys.readouterr().err


def test_a_pin_is_read_from_a_pipe(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("principal", "create", "ANN", "--role", "operator", "--data-dir", data_dir)
    monkeypatch.setattr("sys.stdin", io.StringIO("1111\n"))
    assert run("pin", "set", "ANN", "--data-dir", data_dir) == 1
    assert "[pin-unacceptable]" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("739154\n"))
    assert run("pin", "set", "ANN", "--data-dir", data_dir) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("739154\n"))
    assert run("password", "set", "ANN", "--data-dir", data_dir) == 1
    assert "[password-unacceptable]" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("four words said at a desk\n"))
    assert run("password", "set", "ANN", "--data-dir", data_dir) == 0


def test_a_plant_file_is_checked_and_loaded(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(data_dir.parent)
    assert run("plant", "load", PLANT_FILE, "--check") == 0
    assert [*data_dir.parent.iterdir()] == [data_dir]
    assert run("plant", "load", PLANT_FILE, "--data-dir", data_dir) == 0
    assert "equipment: " in capsys.readouterr().out
    assert run("plant", "load", data_dir / "none.yaml", "--data-dir", data_dir) == 1
    bad = data_dir / "bad.yaml"
    bad.write_text("equipment:\n  - {id: A, level: Nowhere}\n")
    assert run("plant", "load", bad, "--data-dir", data_dir) == 1
    assert "plant-file-invalid" in capsys.readouterr().err


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LINESIDE_PORT", "many")
    assert run("db", "upgrade") == 2
    assert "LINESIDE_PORT" in capsys.readouterr().err


def test_a_server_that_is_away_is_not_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("healthcheck", "--url", "http://127.0.0.1:1/readyz") == 1
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_backup_while_it_is_written_and_restore_elsewhere(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plants = open_plants(Settings(data_dir=data_dir))
    plants.default.write_now(_emit, actor=None)
    archive = tmp_path / "backup.zip"
    assert run("backup", archive, "--data-dir", data_dir) == 0
    plants.default.write_now(_emit, actor=None)
    plants.close()
    elsewhere = tmp_path / "elsewhere"
    assert run("restore", archive, "--data-dir", elsewhere) == 0
    restored = sqlite3.connect(elsewhere / "plants" / "default" / "plant.sqlite")
    assert restored.execute("SELECT count(*) FROM outbox_event").fetchone() == (1,)
    restored.close()
    assert run("backup", archive, "--data-dir", data_dir) == 1
    assert run("restore", archive, "--data-dir", elsewhere) == 1
    assert "is there already" in capsys.readouterr().err


def test_backup_on_postgresql_comes_back_in_an_empty_database(
    postgres: PostgresCluster, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = find_programs()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    for name in ("kept", "elsewhere"):
        postgres.create_database(name)
    plants = open_plants(Settings(data_dir=data_dir, database_url=postgres.url("kept")))
    plants.default.write_now(_emit, actor=None)
    archive = tmp_path / "backup.dump"
    monkeypatch.setenv("LINESIDE_DATABASE_URL", postgres.url("kept"))
    assert run("backup", archive) == 0
    plants.default.write_now(_emit, actor=None)
    plants.close()
    assert run("backup", archive) == 1
    elsewhere = postgres.url("elsewhere")
    restored = [str(programs / "pg_restore"), "--exit-on-error", "--no-owner", "--dbname=elsewhere", str(archive)]
    subprocess.run(restored, check=True, env={**os.environ, **libpq_variables(elsewhere)})
    plants = open_plants(Settings(data_dir=data_dir, database_url=elsewhere))
    assert plants.default.read_now(head_seq) == 1
    plants.close()


def _emit(uow: UnitOfWork) -> None:
    uow.emit("tests.happened.v1", topics=["board"], subject="test", payload={})


def test_an_erp_is_kept_tried_and_forgotten(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def erp(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("a password\n"))
        status = run("erp", *arguments, "--data-dir", data_dir)
        return (status, *capsys.readouterr())

    address = ("--kind", "tryton", "--url", "http://127.0.0.1:9", "--database", "factory", "--user", "lineside")
    assert "[erp-connection-invalid]" in erp("add", "tryton", *address)[2]
    assert "is no place" in erp("add", "tryton", *address, "--at", "Press 1")[2]
    home = ("--plain-http", "--private-addresses", "--at", "Press 1=PRESS", "--place", "CELL")
    assert erp("add", "tryton", *address, *home)[0] == 0
    plants = open_plants(Settings(data_dir=data_dir))
    (kept,) = plants.default.read_now(list_connections)
    plants.close()
    assert (kept.spec.places, kept.spec.place) == ({"Press 1": "PRESS"}, "CELL")
    kept_on_disk = b"".join(path.read_bytes() for path in data_dir.rglob("*.sqlite*"))
    assert b"lineside" in kept_on_disk
    assert b"a password" not in kept_on_disk
    status, _, said = erp("check", "tryton")
    assert (status, "[erp-unreachable]" in said) == (1, True)
    assert "not looked at yet; 0 orders" in erp("list")[1]
    assert erp("orders", "tryton")[:2] == (0, "")
    assert "[erp-material-not-found]" in erp("consumption", "tryton", "GREASE", "actual")[2]
    assert "[erp-order-not-found]" in erp("tell-again", "tryton", "PO-7")[2]
    assert erp("remove", "tryton")[0] == 0
    assert erp("list") == (0, "", "")


def test_what_is_no_backup_is_not_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = tmp_path / "evil.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("manifest.json", '{"format": "lineside-backup-1", "files": ["../evil.sqlite"]}')
        made.writestr("../evil.sqlite", "x")
    assert run("restore", archive, "--data-dir", tmp_path / "new") == 1
    assert not (tmp_path / "evil.sqlite").exists()
    archive.write_bytes(b"PK nothing")
    assert run("restore", archive, "--data-dir", tmp_path / "new") == 1
    assert "lineside: " in capsys.readouterr().err


def test_no_password_is_an_argument_of_a_process() -> None:
    found = libpq_variables("postgresql://ann:secret@db.example:5433/plant")
    assert found == {
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGUSER": "ann",
        "PGPASSWORD": "secret",
        "PGDATABASE": "plant",
    }


def test_a_server_that_cannot_start_says_why_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    assert run("serve", "--data-dir", in_the_way) == 1
    assert "takes no file (File exists): make room, or name another LINESIDE_DATA_DIR." in capsys.readouterr().err
    url = f"postgresql://plant:secret@/plant?host={tmp_path}&password=secret"
    monkeypatch.setenv("LINESIDE_DATABASE_URL", url)
    assert run("serve", "--data-dir", tmp_path / "data") == 1
    said = capsys.readouterr().err
    assert f"{tmp_path}/plant does not answer" in said
    assert "correct LINESIDE_DATABASE_URL" in said
    assert "secret" not in said
