"""Genealogy at the prompt: every question, as text, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mes.access.service import put_access_policy
from mes.access.types import AccessPolicy, SignedAct
from mes.genealogy.service import record_pass, scan_lot
from mes.kernel.plants import Plants
from tests.support.plants import PRESS, build_plant
from web.cli import main
from web.plants import open_plants
from web.settings import Settings


@pytest.fixture
def plants(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plants]:
    """Two units, of which the first has a part."""
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(data_dir))
    plants = open_plants(Settings())
    plants.default.write_now(build_plant, actor=None)
    for name in ("PART", "UNIT", "OTHER"):
        asked = {"lot_id": name, "equipment_id": PRESS, "material_id": "BOARD"}
        plants.default.write_now(record_pass, actor=None, request_id=name, **asked)
    plants.default.write_now(scan_lot, actor=None, request_id="scan", parent_id="PART", child_id="UNIT")
    yield plants
    plants.close()


@pytest.mark.parametrize(
    ("arguments", "table", "expected"),
    [
        (("from", "UNIT"), "links", ["PART", "UNIT", "1", "installed", "certain"]),
        (("used", "PART"), "links", ["PART", "UNIT", "1", "installed", "certain"]),
        (("as-built", "UNIT"), "links", ["PART", "UNIT", "1", "installed", "certain"]),
        (("difference", "UNIT", "OTHER"), "difference", ["lot", "BOARD", "first", "PART", "certain"]),
        (("recall", "PART"), "affected", ["unit", "BOARD", "UnRestricted"]),
        (("recall", "--machine", PRESS, "--since", "2020-01-01T00:00+00:00"), "affected", ["unit", "BOARD"]),
        (("recall", "--first", "PART", "--last", "PART"), "affected", ["unit", "BOARD", "UnRestricted"]),
        (("shared", "UNIT", "--good", "OTHER"), "shared", ["1", "0.5", "1", "1", "0", "1"]),
    ],
)
def test_questions(
    plants: Plants, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], table: str, expected: list[str]
) -> None:
    answers = {}
    for form in ("json", "csv", "text"):
        assert main(["trace", *arguments, "--format", form]) == 0
        answers[form] = capsys.readouterr().out
    told = json.loads(answers["json"])
    assert told["truncated"] == ""
    head, first = list(csv.reader(io.StringIO(answers["csv"])))[:2]
    assert head == told[table]["columns"]
    assert first[: len(expected)] == expected
    assert all(word in answers["text"] for word in expected)


def test_a_lot_that_nobody_knows_is_a_sentence(plants: Plants, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "from", "NOBODY"]) == 1
    assert "Nobody has recorded NOBODY" in "".join(capsys.readouterr())


def test_a_recall_holds_in_one_step_and_says_how_much(plants: Plants, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["trace", "recall", "PART", "--hold", "bad solder"]
    for held in (2, 0):
        assert main([*asked, "--format", "csv"]) == 0
        told = capsys.readouterr()
        assert f"{held} put on hold" in told.err + told.out
        assert "unit,BOARD,Restricted" in told.out
    assert main(["trace", "recall", "--since", "yesterday"]) != 0
    assert "is no time such as" in capsys.readouterr().err


def test_what_a_recall_held_is_told_then_released(
    plants: Plants, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["trace", "recall", "OTHER", "--hold", "scratched"]) == 0
    assert main(["trace", "recall", "PART", "--hold", "bad solder"]) == 0
    both = ["trace", "recall", "PART", "OTHER"]
    release = [*both, "--release", "bad solder", "--because", "X-rayed, good"]
    capsys.readouterr()
    assert main([*release, "--dry-run", "--format", "csv"]) == 0
    told = capsys.readouterr()
    assert "2 on hold for 'bad solder': 2 unit\n" in told.err
    assert "on hold for other reasons, and stays: 1 for 'scratched'" in told.err
    assert told.out.count("Restricted") == 3
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert main(release) == 1
    assert "nothing was released" in capsys.readouterr().err
    monkeypatch.setattr("builtins.input", lambda _: "release")
    assert main([*release, "--format", "json"]) == 0
    told = capsys.readouterr()
    assert "2 released" in told.err
    standing = [(row[2], row[8]) for row in json.loads(told.out)["affected"]["rows"]]
    assert sorted(standing) == [("Restricted", 1), ("UnRestricted", 2)]
    assert main([*release, "--yes"]) == 1
    assert "nothing of this recall is on hold for 'bad solder'; on hold: 1 for 'scratched'" in capsys.readouterr().err


def test_where_releases_are_signed_the_prompt_releases_nothing(
    plants: Plants, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = AccessPolicy(signed_acts=frozenset({SignedAct.release_lot}))
    plants.default.write_now(put_access_policy, actor=None, policy=policy, version=0)
    assert main(["trace", "recall", "PART", "--hold", "bad solder"]) == 0
    asked = ["trace", "recall", "PART", "--release", "bad solder", "--because", "good", "--yes"]
    assert main(asked) == 1
    assert "this plant has releases signed" in capsys.readouterr().err
    assert main([*asked[:3], "--format", "csv"]) == 0
    assert capsys.readouterr().out.count("Restricted") == 2


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--release", "bad solder"), "--release needs --because"),
        (("--because", "good"), "--because belongs to --release"),
        (("--release", "a", "--because", "b", "--hold", "c"), "--hold or --release, not both"),
        (("--dry-run",), "--dry-run belongs to --release"),
    ],
)
def test_a_release_needs_its_words(
    plants: Plants, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], why: str
) -> None:
    assert main(["trace", "recall", "PART", *more]) == 1
    assert why in capsys.readouterr().err


def test_json_stays_json_where_something_is_held(plants: Plants, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "recall", "PART", "--hold", "bad solder", "--format", "json"]) == 0
    told = capsys.readouterr()
    assert "2 put on hold" in told.err
    assert json.loads(told.out)["truncated"] == ""
