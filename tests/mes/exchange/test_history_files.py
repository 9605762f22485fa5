"""Files of history: every row recorded once or refused with its reason, whatever is killed when."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from mes.exchange.history_files import HistoryImport, ImportedFile, Unreadable
from mes.exchange.history_files.reading import LINE_MAX, read_rows
from mes.genealogy.errors import ImportMovedOn
from mes.genealogy.queries import get_as_built, get_recall, list_shipped, trace_from
from mes.genealogy.service import begin_import, import_block
from mes.genealogy.types import Recording, Suspects
from mes.kernel.db import Database, ReadSession
from tests.support.plants import PRESS
from web.cli import main

AT = "2026-03-02T08:00:00Z"
HEAD = (
    "row,lot_id,material_id,quantity,kind,parent_id,child_id,at,equipment_id,sequence,slot_id,from_sequence,parameters"
)
KILLED = 137
PLACES = ("before-commit", "after-commit-before-answer", "import-block-reported")


def lot(lot_id: str, kind: str = "unit", quantity: str = "", material: str = "BOARD") -> str:
    return f"lot,{lot_id},{material},{quantity},{kind},,,,,,,,"


def link(parent: str, child: str, quantity: str = "1", kind: str = "consumed", at: str = AT) -> str:
    return f"link,,,{quantity},{kind},{parent},{child},{at},,,,,"


def passed(lot_id: str, sequence: int, parameters: str = "") -> str:
    return f"pass,{lot_id},,,,,,{AT},{PRESS},{sequence},,,{parameters}"


def mounted(lot_id: str, first: int) -> str:
    return f"mount,{lot_id},,,,,,{AT},{PRESS},,F1,{first},"


def write(path: Path, rows: list[str], head: str = HEAD) -> Path:
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def take(plant: Database, path: Path, block_rows: int = 4) -> tuple[ImportedFile, list[list[str]]]:
    report = path.with_name("report.csv")
    *_, done = HistoryImport(plant, path, report, block_rows=block_rows).run()
    with report.open(encoding="utf-8", newline="") as file:
        return done, list(csv.reader(file))[1:]


def links_of(plant: Database, lot_id: str) -> list[tuple[str, str, str]]:
    rows = plant.read_now(trace_from, lot_id=lot_id).tables["links"].rows
    return sorted((row[0], row[1], row[2]) for row in rows)


def counts(plant: Database) -> tuple[int, ...]:
    def ask(session: ReadSession) -> tuple[int, ...]:
        tables = ("material_lot", "genealogy_act", "genealogy_link", "slot_mount")
        return tuple(session.driver_query(f"SELECT count(*) FROM {table}")[0][0] for table in tables)

    return plant.read_now(ask)


GOOD = [
    lot("REEL", "lot", "100"),
    lot("PART"),
    lot("UNIT"),
    mounted("REEL", 1),
    passed("UNIT", 1, '"{""oven"": 240}"'),
    link("PART", "UNIT", kind="installed"),
]


def test_rows_become_what_the_plant_knows(plant: Database, tmp_path: Path) -> None:
    done, refused = take(plant, write(tmp_path / "h.csv", GOOD))
    assert (done.rows_done, done.refused, refused) == (6, 0, [])
    assert links_of(plant, "UNIT") == [("PART", "UNIT", "1"), ("REEL", "UNIT", "0")]
    acts = plant.read_now(get_as_built, lot_id="UNIT").tables["acts"].rows
    assert '{"oven":240}' in {row[10] for row in acts}


def shipped(shipment: str, lot_id: str, customer: str = "ACME") -> dict[str, object]:
    return {"row": "shipment", "shipment_id": shipment, "lot_id": lot_id, "customer_id": customer, "at": AT}


def test_shipments_of_the_past_go_to_their_customers_with_all_that_is_in_them(plant: Database, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"row": "lot", "lot_id": name, "material_id": "BOARD", "kind": kind}
        for name, kind in (
            ("PART", "lot"),
            ("U-1", "unit"),
            ("U-2", "unit"),
            ("BOX", "container"),
            ("PAL", "container"),
        )
    ]
    rows += [
        {"row": "link", "parent_id": parent, "child_id": child, "kind": kind, "at": AT}
        for parent, child, kind in (("PART", "U-1", "consumed"), ("U-1", "BOX", "packed"), ("BOX", "PAL", "packed"))
    ]
    rows += [shipped("S-1", "PAL"), shipped("S-1", "U-2"), shipped("S-2", "GHOST"), shipped("S-1", "U-2")]
    rows += [shipped("S-1", "PART", "OTHER"), shipped("BOX", "PART")]
    (path := tmp_path / "h.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done, refused = take(plant, path, block_rows=9)
    assert (done.rows_done, [row[1] for row in refused]) == (
        14,
        ["lot-unknown", "lot-not-usable", *["genealogy-invalid"] * 2],
    )
    answer = plant.read_now(get_recall, suspects=Suspects(lot_ids=("PART",)))
    sent = [(row[0], row[1], row[4]) for row in answer.tables["shipments"].rows]
    assert sent == [("S-1", "ACME", 3)], "the unit, its box and the pallet"
    gone = plant.read_now(list_shipped, lot_ids=["PART", "U-2"])
    assert gone.facts["units"] == 2


def as_json() -> list[dict[str, object]]:
    return [
        {"row": "lot", "lot_id": "REEL", "material_id": "BOARD", "kind": "lot", "quantity": 2.5},
        {"row": "lot", "lot_id": "UNIT", "material_id": "BOARD"},
        {"row": "link", "parent_id": "REEL", "child_id": "UNIT", "quantity": "0.1", "at": AT},
        {"row": "link", "parent_id": "REEL", "child_id": "UNIT", "at": "yesterday"},
    ]


@pytest.mark.parametrize("shape", ["lines", "compact list", "indented list"])
def test_json_is_lines_or_a_list(plant: Database, tmp_path: Path, shape: str) -> None:
    path = tmp_path / "h.json"
    lines = "\n".join(json.dumps(row) for row in as_json())
    path.write_text(lines if shape == "lines" else json.dumps(as_json(), indent=2 if "indented" in shape else None))
    done, refused = take(plant, path)
    assert (done.rows_done, done.refused, [row[:2] for row in refused]) == (4, 1, [["4", "history-row-invalid"]])
    assert links_of(plant, "UNIT") == [("REEL", "UNIT", "0.1")]


REFUSED = [
    (lot("REEL", "lot"), "genealogy-invalid", "already"),
    (lot("X", material="NOPE"), "genealogy-invalid", "material NOPE"),
    (link("REEL", "GHOST"), "lot-unknown", "GHOST"),
    (link("REEL", "UNIT", "101"), "lot-used-up", "REEL"),
    (link("REEL", "UNIT", "0.0000001"), "history-row-invalid", "six decimals"),
    (link("REEL", "UNIT", "-1"), "history-row-invalid", "above 0"),
    (link("REEL", "UNIT", at="2026-03-02T08:00:00"), "history-row-invalid", "timezone"),
    (link("UNIT", "REEL"), "genealogy-cycle", "REEL"),
    (passed("UNIT", -1), "history-row-invalid", "sequence"),
    (passed("UNIT", 2).replace(PRESS, "NOWHERE"), "genealogy-invalid", "NOWHERE"),
    (passed("UNIT", 2, "[1]"), "history-row-invalid", "parameters"),
    (mounted("REEL", 0), "mount-out-of-order", "mounted"),
    ("what,,,,,,,,,,,,", "history-row-invalid", "what"),
    (lot("Y") + ",more", "history-row-invalid", "more cells"),
    (lot("=cmd()"), "history-row-invalid", "lot_id"),
]


def test_each_refused_row_is_told_with_line_code_and_reason(plant: Database, tmp_path: Path) -> None:
    """Between good rows, in blocks that hold several of them."""
    rows = [*GOOD, link("REEL", "UNIT")]
    for row, _, _ in REFUSED:
        rows += [row, lot(f"OK-{len(rows)}")]
    done, refused = take(plant, write(tmp_path / "h.csv", rows), block_rows=7)
    assert (done.rows_done, done.refused) == (len(rows), len(REFUSED))
    for place, ((line, code, reason), (row, expected, word)) in enumerate(zip(refused, REFUSED, strict=True)):
        assert (int(line), code) == (9 + 2 * place, expected), row
        assert word in reason, reason
    assert counts(plant)[0] == 3 + len(REFUSED)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("lot_id,at\n", "'row'"),
        ("row,colour\n", "colour"),
        ("row,row\n", "twice"),
        (HEAD + '\nlot,"' + "x\n" * 200_000, "field larger"),
        (HEAD + "\n" + "x" * (LINE_MAX + 1), "characters"),
    ],
)
def test_what_is_no_such_file_is_said(sqlite_database: Database, tmp_path: Path, text: str, word: str) -> None:
    (path := tmp_path / "h.csv").write_text(text)
    with pytest.raises(Unreadable, match=word):
        take(sqlite_database, path)


@pytest.mark.parametrize("text", ['[{"row": "lot"', '[{"row": nonsense}]', "[" + "[" * 100_000])
def test_a_list_that_does_not_end_is_said(tmp_path: Path, text: str) -> None:
    (path := tmp_path / "h.json").write_text(text)
    with pytest.raises(Unreadable, match="entry 1"):
        list(read_rows(path))


def test_the_same_file_again_changes_nothing(plant: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "h.csv", GOOD)
    take(plant, path)
    before = counts(plant)
    done, _ = take(plant, path.rename(tmp_path / "renamed.csv"))
    assert done.was_over
    assert counts(plant) == before


def test_two_imports_of_one_file_do_not_record_a_block_twice(plant: Database) -> None:
    at = plant.write_now(begin_import, actor=None, sha256="0" * 64, name="h.csv")
    block = {"before": at, "after": at._replace(rows_done=1, line=2), "recording": Recording()}
    plant.write_now(import_block, actor=None, **block)
    with pytest.raises(ImportMovedOn):
        plant.write_now(import_block, actor=None, **block)


CHILD = """
import sys
from pathlib import Path
from mes.exchange.history_files import HistoryImport
from mes.kernel.db import Database
url, path, report = sys.argv[1:]
database = Database(url)
for step in HistoryImport(database, Path(path), Path(report), block_rows=3).run():
    pass
database.close()
"""


@pytest.mark.parametrize("place", PLACES)
def test_killed_anywhere_it_goes_on_where_the_last_block_ended(
    built_plant: None, database_url: str, tmp_path: Path, place: str
) -> None:
    rows = [lot("REEL", "lot", "100")]
    for n in range(8):
        rows += [lot(f"U-{n}"), link("REEL", f"U-{n}"), link("REEL", f"GHOST-{n}")]
    path, report = write(tmp_path / "h.csv", rows), tmp_path / "report.csv"
    command = [sys.executable, "-c", CHILD, database_url, str(path), str(report)]
    crashing = {**os.environ, "LINESIDE_ENVIRONMENT": "test", "LINESIDE_CRASH_AT": f"{place}#5"}
    killed = subprocess.run(command, env=crashing, check=False, timeout=60)
    assert killed.returncode == KILLED
    database = Database(database_url)
    part = counts(database)
    assert 0 < part[2] < 8
    take(database, path, block_rows=3)
    assert counts(database) == (9, 8, 8, 0)
    with report.open(newline="") as file:
        assert [row[0] for row in list(csv.reader(file))[1:]] == [str(5 + 3 * n) for n in range(8)]
    database.close()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A million bytes of rows take less than a tenth of that, list or lines."""
    rows = as_json()[:1] * 12_000
    for name, text in (("l.json", json.dumps(rows)), ("h.jsonl", "\n".join(map(json.dumps, rows)))):
        (path := tmp_path / name).write_text(text)
        assert path.stat().st_size > 1_000_000
        assert peak(read_rows(path)) < 600_000


def peak(rows: Iterator[object]) -> int:
    tracemalloc.start()
    for _ in rows:
        pass
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_at_the_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(tmp_path / "data"))
    path = write(tmp_path / "h.csv", [lot("U", material="NOPE")])
    assert main(["import-history", str(path)]) == 1
    assert "0 recorded, 1 refused" in capsys.readouterr().out
    assert "genealogy-invalid" in (tmp_path / "h.csv.refused.csv").read_text()
    assert main(["import-history", str(path)]) == 0
    assert "imported before" in capsys.readouterr().out
    assert main(["import-history", str(tmp_path / "none.csv")]) == 1
    assert "none.csv" in capsys.readouterr().err


def test_the_sample_of_the_documentation_can_be_read() -> None:
    sample = Path(__file__).parents[3] / "docs" / "operate" / "samples" / "history.csv"
    rows = list(read_rows(sample))
    assert [row.fault for row in rows] == [None] * 10
