"""Files of rows by REST, at the prompt and out of a watched folder."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from mes.access.types import Role
from mes.exchange.result_files import ResultFolder
from mes.exchange.table_files import queries, service
from mes.exchange.table_files.importing import RowImport, import_file
from mes.exchange.table_files.refused import refused_csv
from mes.exchange.table_files.types import ImportMapping, Kind, SavedMapping
from mes.exchange.table_files.watching import take_named_file
from mes.kernel.db import Database
from mes.kernel.outbox import head_seq
from mes.materials.queries import get_material_lot
from tests.mes.exchange.table_files.test_reading import workbook
from tests.support.plants import build_plant
from tests.web.cast import as_, hire
from web.cli import ROW_KINDS, main
from web.plants import open_plants
from web.settings import Settings

LOTS = "Charge;Material;Menge\nL-1;BOARD;1,5\nL-2;NONE;=1\nL-3;NONE;2\n"
IMPORTS = "/api/v1/imports"
MAPPINGS = "/api/v1/import-mappings"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_over_http(http: httpx.AsyncClient, plant: Database) -> None:
    iris = as_(hire(plant, "iris", Role.integration))
    asked = f"{IMPORTS}?as=material-lots&file=lots.csv"
    before = plant.read_now(head_seq)
    tried = (await http.post(f"{asked}&dry_run=true", content=LOTS.encode("cp1252"), headers=iris)).json()
    assert (tried["id"], tried["counts"]) == (None, {"created": 1, "updated": 0, "unchanged": 0, "refused": 2})
    assert (tried["format"]["delimiter"], tried["columns"]["quantity"], tried["unused_columns"]) == (";", "Menge", [])
    assert plant.read_now(head_seq) == before
    done = (await http.post(asked, content=LOTS.encode(), headers=iris)).json()
    assert [(row["line"], row["result"], row["code"]) for row in done["rows"]] == [
        (2, "created", ""),
        (3, "refused", "import-row-invalid"),
        (4, "refused", "material-not-found"),
    ]
    (listed,) = (await http.get(IMPORTS, headers=iris)).json()["items"]
    assert (listed["id"], listed["file"], listed["by"]) == (done["id"], "lots.csv", "Iris")
    assert (await http.get(f"{IMPORTS}/{done['id']}", headers=iris)).json() == listed
    refused = await http.get(f"{IMPORTS}/{done['id']}/refused", headers=iris)
    rows = refused.content.decode("utf-8-sig").splitlines()
    assert rows[0] == "Charge;Material;Menge;line;code;reason"
    assert rows[1].startswith("L-2;NONE;'=1;3;import-row-invalid;quantity:")
    again = workbook(("Charge", "Material", "Menge"), ("L-1", "BOARD", 1.5))
    assert (await http.post(asked, content=again, headers=iris)).json()["counts"]["unchanged"] == 1
    for text, code in (("colour\nred\n", "import-column-missing"), ("\0", "import-file-unreadable")):
        assert (await http.post(asked, content=text, headers=iris)).json()["code"] == code
    assert (await http.post(f"{IMPORTS}?as=ducks", content=LOTS, headers=iris)).status_code == 422
    assert (await http.get(f"{IMPORTS}/none", headers=iris)).json()["code"] == "import-not-found"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_mappings_over_http(http: httpx.AsyncClient, plant: Database) -> None:
    erin = as_(hire(plant, "erin", Role.engineer))
    body = {"kind": "material-lots", "columns": {"id": "A"}, "fixed": {"unit": "kg"}, "decimal": ",", "dates": "dmy"}
    made = await http.put(f"{MAPPINGS}/sap", json={**body, "version": 0}, headers=erin)
    assert made.headers["etag"] == '"1"'
    shown = await http.get(f"{MAPPINGS}/sap", headers=erin)
    assert shown.json() == made.json()
    assert (await http.get(f"{MAPPINGS}?kind=material-lots", headers=erin)).json()["items"] == [shown.json()]
    assert (await http.get(f"{MAPPINGS}?kind=persons", headers=erin)).json()["items"] == []
    stale = await http.put(f"{MAPPINGS}/sap", json=body, headers={**erin, "If-Match": '"7"'})
    assert stale.json()["code"] == "version-conflict"
    changed = await http.put(f"{MAPPINGS}/sap", json={**body, "decimal": "."}, headers={**erin, "If-Match": '"1"'})
    assert (changed.json()["decimal"], changed.json()["version"]) == (".", 2)
    assert (await http.delete(f"{MAPPINGS}/sap", headers=erin)).status_code == 204
    assert (await http.get(f"{MAPPINGS}/sap", headers=erin)).json()["code"] == "import-mapping-not-found"


def test_refused_rows_can_be_corrected_and_imported_again(plant: Database) -> None:
    """As they stand, with the decimal mark they had, and what was added to them in the way of nothing."""
    rows = RowImport(plant)
    first = import_file(rows, LOTS.replace("=1", "7,5").encode(), name="a.csv", kind=Kind.material_lots)
    text = refused_csv(plant.read_now(queries.get_import, import_id=first.import_id)).decode("utf-8-sig")
    corrected = text.replace("NONE", "BOARD").encode("utf-8-sig")
    done = import_file(rows, corrected, name="b.csv", kind=Kind.material_lots)
    assert (done.counts.created, done.reading.unused) == (2, ("line", "code", "reason"))
    assert str(plant.read_now(get_material_lot, lot_id="L-2").quantity) == "7.5"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestFolder:
    def take(self, plant: Database, folder: Path) -> list[tuple[str, int, int, int, str]]:
        watched = ResultFolder(
            folder,
            lambda results: pytest.fail("no results here"),
            "ICT",
            lambda name, data: take_named_file(RowImport(plant), name, data),
        )
        watched.look()
        return sorted((r.name, r.recorded, r.known, len(r.refused), r.moved_to) for r in watched.look())

    def test_files_whose_name_fits_a_mapping_are_imported(self, plant: Database, tmp_path: Path) -> None:
        mapping = ImportMapping({"id": "Charge", "material_id": "Material", "quantity": "Menge"})
        saved = SavedMapping("lots", Kind.material_lots, mapping, "lots*")
        plant.write_now(service.put_mapping, actor=None, saved=saved)
        (tmp_path / "lots-1.csv").write_text("Charge;Material;Menge\nL-1;BOARD;1,5\n")
        (tmp_path / "LOTS-2.xlsx").write_bytes(workbook(("Charge", "Material", "Menge"), ("L-2", "NONE", 2)))
        (tmp_path / "lots-3.csv").write_text("Charge;Menge\nL-1;1,5\n")
        (tmp_path / "other.xlsx").write_bytes(workbook(("a",)))
        assert self.take(plant, tmp_path) == [
            ("LOTS-2.xlsx", 0, 0, 1, "refused"),
            ("lots-1.csv", 1, 0, 0, "done"),
            ("lots-3.csv", 0, 0, 0, "refused"),
            ("other.xlsx", 0, 0, 0, "refused"),
        ]
        assert "import-column-missing" in (tmp_path / "refused" / "lots-3.csv.report.json").read_text()
        (tmp_path / "lots-1.csv").write_text("Charge;Material;Menge\nL-1;BOARD;1,5\n")
        assert self.take(plant, tmp_path) == [("lots-1.csv", 0, 1, 0, "done")]


def test_at_the_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert tuple(Kind) == ROW_KINDS
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(tmp_path / "data"))
    plants = open_plants(Settings())
    plants.default.write_now(build_plant, actor=None)
    plants.close()
    file = tmp_path / "lots.csv"
    file.write_text(LOTS, encoding="utf-8")
    command = ["import", str(file), "--as", "material-lots"]
    assert main([*command, "--dry-run"]) == 1
    assert "would be 1 added, 0 changed, 0 as they were, 2 refused" in capsys.readouterr().out
    assert main(command) == 1
    assert "line 4: L-3 refused, There is no material 'NONE'. (material-not-found)" in capsys.readouterr().out
    assert "L-3;NONE;2;4;material-not-found" in (tmp_path / "lots.csv.refused.csv").read_text(encoding="utf-8-sig")
    file.write_text(LOTS.split("L-2")[0], encoding="utf-8")
    assert main(command) == 0
    assert "0 added, 0 changed, 1 as they were, 0 refused" in capsys.readouterr().out
    assert main([*command, "--mapping", "none"]) == 1
    assert "[import-mapping-not-found]" in capsys.readouterr().err
