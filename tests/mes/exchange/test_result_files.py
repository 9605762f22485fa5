"""Result files: both formats, every refused row told, half a file not read, each result once whatever is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mes.exchange.result_files import ResultFolder
from mes.exchange.result_files.folder import FILE_MAX
from mes.exchange.result_files.reading import Reading, Unreadable, read_results
from mes.kernel.db import Database
from mes.quality import queries
from mes.quality.service import put_defect_codes, record_results
from mes.quality.types import DefectCodeSpec, Recorded, Verdict
from mes.quality.types import ResultSpec as Spec
from tests.support.plants import build_plant
from web.cli import main
from web.plants import open_plants
from web.settings import Settings

HEAD = "result_id,unit_id,equipment_id,outcome,at,measurement,value,low,high,defect_code,defect_position\n"
AT = "2026-03-02T08:00:00Z"
GOOD = f"R1,SN-1,BENCH,passed,{AT},U1,3.30,3.2,3.4,,\n"


def read(text: str, name: str = "a.csv") -> Reading:
    return read_results(text.encode(), filename=name, source="ICT")


class TestReading:
    def test_rows_of_one_result_are_one_result(self) -> None:
        text = HEAD + f"R1,SN-1,BENCH,failed,{AT},U1,3.30,3.2,3.4,BRIDGED,U1\nR1,,,,,U2,4.7e-12,,,MISSING,C4\n"
        (line,) = read(text).lines
        assert (line.number, line.result.source, line.result.verdict) == (2, "ICT", Verdict.failed)
        assert [(m.name, m.value) for m in line.result.measurements] == [("U1", "3.30"), ("U2", "4.7e-12")]
        assert [(d.code_id, d.position) for d in line.result.defects] == [("BRIDGED", "U1"), ("MISSING", "C4")]

    @pytest.mark.parametrize("mark", [";", "\t"])
    def test_other_delimiters_and_a_byte_order_mark(self, mark: str) -> None:
        found = read_results(("\ufeff" + HEAD + GOOD).replace(",", mark).encode(), filename="A.CSV", source="ICT")
        assert [line.result.unit_id for line in found.lines] == ["SN-1"]

    def test_refused_rows_are_told_by_line_and_keep_out_no_other(self) -> None:
        bad = f"R2,SN 2,BENCH,passed,{AT},,,,,,\nR3,SN-3,BENCH,good,{AT},,,,,,\nR4,SN-4,BENCH,passed,{AT},,,,,,,,\n"
        found = read(HEAD + bad + GOOD + "R1,SN-9,,,,U2,1,,,,\n")
        assert [line.number for line in found.lines] == []
        assert [one.line for one in found.refused] == [2, 3, 4, 5]
        assert "differs" in found.refused[3].detail

    def test_json_numbers_stay_as_they_are_written(self) -> None:
        head = json.dumps(
            {"result_id": "R1", "unit_id": "SN-1", "equipment_id": "BENCH", "outcome": "passed", "at": AT}
        )
        measured = '"measurements": [{"name": "U", "value": 0.12345678901234567890}]'
        text = f'{{"source": "AOI", "results": [{head[:-1]}, {measured}}}]}}'
        (line,) = read(text, "a.json").lines
        assert (line.result.source, line.result.measurements[0].value) == ("AOI", "0.12345678901234567890")

    def test_a_row_without_a_number_is_known_by_its_content(self) -> None:
        text = HEAD + GOOD.replace("R1", "") + GOOD.replace("R1", "").replace("SN-1", "SN-2")
        first, second = (line.result.result_id for line in read(text).lines)
        assert first != second
        assert [line.result.result_id for line in read(text).lines] == [first, second]

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("\ud800", "a.csv"),
            ("", "a.csv"),
            ("unit_id,colour\n", "a.csv"),
            ("unit_id,equipment_id,outcome\n", "a.csv"),
            ("unit_id,unit_id,equipment_id,outcome,at\n", "a.csv"),
            ("{", "a.json"),
            ("[" * 100_000, "a.json"),
            ('{"results": 1}', "a.json"),
        ],
    )
    def test_what_is_no_such_file_is_told(self, text: str, name: str) -> None:
        with pytest.raises(Unreadable):
            read_results(text.encode(errors="surrogatepass"), filename=name, source="ICT")


@pytest.fixture
def folder(plant: Database, tmp_path: Path) -> ResultFolder:
    specs = [DefectCodeSpec("BRIDGED", "Bridge")]
    plant.write_now(put_defect_codes, actor=None, specs=specs)
    path = tmp_path / "results"
    path.mkdir()
    return ResultFolder(path, lambda results: plant.write_now(record_results, actor=None, results=results), "ICT")


def units(plant: Database) -> list[str]:
    return [view.unit_id for view in plant.read_now(queries.list_results).items]


class TestFolder:
    def test_a_file_is_taken_when_it_no_longer_grows(self, plant: Database, folder: ResultFolder) -> None:
        file = folder.path / "a.csv"
        file.write_text(HEAD)
        assert folder.look() == []
        file.write_text(HEAD + GOOD)
        assert folder.look() == []
        assert units(plant) == []
        (report,) = folder.look()
        assert (report.recorded, report.moved_to) == (1, "done")
        assert (units(plant), file.exists(), (folder.path / "done" / "a.csv").read_text()) == (
            ["SN-1"],
            False,
            HEAD + GOOD,
        )

    def test_a_refused_file_lies_beside_its_report(self, plant: Database, folder: ResultFolder) -> None:
        wrong = f"R2,SN-2,NOWHERE,passed,{AT},,,,,,\nR3,SN-3,BENCH,failed,{AT},,,,,NO,\n"
        (folder.path / "a.csv").write_text(HEAD + wrong + GOOD)
        folder.look()
        (report,) = folder.look()
        assert (report.recorded, report.moved_to) == (1, "refused")
        told = json.loads((folder.path / "refused" / "a.csv.report.json").read_text())
        assert [(one["line"], one["code"]) for one in told["refused"]] == [
            (2, "equipment-not-found"),
            (3, "defect-code-not-found"),
        ]
        assert units(plant) == ["SN-1"]

    def test_the_same_rows_again_are_known_and_no_file_is_overwritten(
        self, plant: Database, folder: ResultFolder
    ) -> None:
        for name in ("a.csv", "a.csv", "b.csv"):
            (folder.path / name).write_text(HEAD + GOOD)
            folder.look()
            folder.look()
        assert units(plant) == ["SN-1"]
        assert len(list((folder.path / "done").iterdir())) == 3

    def test_other_files_hidden_ones_and_links_are_left_alone(self, plant: Database, folder: ResultFolder) -> None:
        outside = folder.path.parent / "outside.csv"
        outside.write_text(HEAD + GOOD)
        for name in ("a.csv.tmp", ".a.csv", "a.txt"):
            (folder.path / name).write_text(HEAD + GOOD)
        (folder.path / "link.csv").symlink_to(outside)
        (folder.path / "folder.csv").mkdir()
        os.mkfifo(folder.path / "pipe.csv")
        assert [folder.look(), folder.look()] == [[], []]
        assert units(plant) == []

    def test_a_file_that_is_too_large_is_refused_unread(self, folder: ResultFolder) -> None:
        with (folder.path / "a.csv").open("wb") as file:
            file.truncate(FILE_MAX + 1)
        folder.look()
        (report,) = folder.look()
        assert (report.recorded, report.moved_to) == (0, "refused")
        assert "bytes" in report.unreadable

    def test_one_that_is_replaced_while_it_is_taken_is_taken_too(self, plant: Database, folder: ResultFolder) -> None:
        """A tester that writes each result under the same name."""
        name, other = folder.path / "a.csv", folder.path.parent / "next.csv"
        name.write_text(HEAD + GOOD)
        folder.look()
        other.write_text(HEAD + GOOD.replace("R1", "R2").replace("SN-1", "SN-2"))
        working = folder.take

        def meanwhile(results: Sequence[Spec]) -> Recorded:
            if other.exists():
                other.replace(name)
            return working(results)

        folder.take = meanwhile
        assert [report.recorded for report in (*folder.look(), *folder.look(), *folder.look())] == [1, 1]
        assert sorted(units(plant)) == ["SN-1", "SN-2"]
        assert len(list((folder.path / "done").iterdir())) == 2

    def test_what_cannot_be_recorded_now_stays(self, folder: ResultFolder) -> None:
        (folder.path / "a.csv").write_text(HEAD + GOOD)
        folder.look()

        def broken(results: object) -> Spec:
            raise TimeoutError

        working, folder.take = folder.take, broken  # type: ignore[assignment]
        with pytest.raises(TimeoutError):
            folder.look()
        folder.take = working
        assert [report.recorded for report in folder.look()] == [1]


@pytest.mark.parametrize(
    "place",
    [
        "result-file-recorded",
        pytest.param("before-commit", marks=pytest.mark.long),
        pytest.param("after-commit-before-answer", marks=pytest.mark.long),
    ],
)
def test_killed_anywhere_each_result_is_recorded_once(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(tmp_path / "data"))
    plants = open_plants(Settings())
    plants.default.write_now(build_plant, actor=None)
    plants.close()
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "a.csv").write_text(HEAD + GOOD)
    watch = ["quality", "watch", str(folder), "--once", "--every", "0.1"]
    crashing = {**os.environ, "LINESIDE_ENVIRONMENT": "test", "LINESIDE_CRASH_AT": place}
    killed = subprocess.run([sys.executable, "-m", "web", *watch], env=crashing, check=False, timeout=60)
    assert (killed.returncode, (folder / "taking" / "a.csv").exists()) == (137, True)
    assert main(watch) == 0
    assert "done/a.csv" in capsys.readouterr().out
    plants = open_plants(Settings())
    assert units(plants.default) == ["SN-1"]
    plants.close()
