"""Genealogy at the prompt: every question, as text, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

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
        (("difference", "UNIT", "OTHER"), "difference", ["lot", "BOARD", "first", "PART"]),
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
