"""The audit trail at a prompt: whole, tampered with, exported, and checked again from the export."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from web.cli import main


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A chained plant with three principals; what comes after is chained without the setting."""
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LINESIDE_CHAINED_AUDIT", "true")
    assert run("principal", "create", "p1", "--role", "operator") == 0
    monkeypatch.delenv("LINESIDE_CHAINED_AUDIT")
    for name in ("p2", "p3"):
        assert run("principal", "create", name, "--role", "operator") == 0
    return tmp_path / "data"


def test_a_record_is_verified_exported_and_seen_to_be_tampered_with(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("audit", "verify") == 0
    told = capsys.readouterr().out
    assert "3 events, chained from 1 on, whole" in told
    (noted,) = re.findall(r"--noted: (\d+:[0-9a-f]{64})", told)
    part = tmp_path / "part.jsonl"
    assert run("audit", "export", part) == 0
    assert run("audit", "export", part) == 1
    assert run("audit", "export", tmp_path / "part.csv", "--format", "csv", "--until", "2020-01-01") == 0
    assert run("audit", "verify", "--part", part, "--noted", noted) == 0
    assert "part.csv: 0 events" in capsys.readouterr().out
    with closing(sqlite3.connect(data_dir / "plants" / "default" / "plant.sqlite")) as plant, plant:
        plant.execute("DELETE FROM outbox_event WHERE seq = 1")
        plant.execute("UPDATE outbox_event SET subject = 'other' WHERE seq = 3")
    assert run("audit", "verify", "--noted", "nonsense") == 1
    assert run("audit", "verify") == 1
    told = capsys.readouterr().out
    assert "events 1 to 1 are missing" in told
    assert "event 3 is not what was recorded" in told
    part.write_text("{}", "utf-8")
    assert run("audit", "verify", "--part", part) == 1


def test_an_act_at_a_prompt_says_whose_prompt(data_dir: Path) -> None:
    with closing(sqlite3.connect(data_dir / "plants" / "default" / "plant.sqlite")) as plant:
        rows = plant.execute("SELECT credential, place FROM act_origin").fetchall()
    assert {credential for credential, _ in rows} == {"command-line"}
    assert all("@" in place for _, place in rows)


def test_old_events_are_archived_and_removed_and_the_record_stays_whole(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "archive.jsonl"
    assert run("events", "archive", archive) == 0
    assert "0 events" in capsys.readouterr().out
    assert run("events", "remove", archive) == 0
    young = tmp_path / "young.jsonl"
    assert run("events", "archive", young, "--until", "2999-01-01") == 0
    assert run("events", "archive", young) == 1
    assert "3 events, 1 to 3" in capsys.readouterr().out
    assert run("events", "remove", young) == 1
    assert "[events-still-needed]" in capsys.readouterr().err
    young.write_text(young.read_text("utf-8").replace('"p2"', '"p9"'), "utf-8")
    assert run("events", "remove", young) == 1
    assert "it was changed, or a part is missing, at event 2" in capsys.readouterr().err
    with closing(sqlite3.connect(data_dir / "plants" / "default" / "plant.sqlite")) as plant, plant:
        assert plant.execute("SELECT count(*) FROM outbox_event").fetchone() == (3,)
