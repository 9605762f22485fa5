"""Imports on screen: a file is looked at, its columns are said and remembered, then it is imported once."""

from __future__ import annotations

import re

import httpx
import pytest

from mes.exchange.table_files.queries import get_mapping, list_mappings
from mes.kernel.outbox import head_seq
from mes.materials.queries import list_material_lots
from tests.web.site import Site

LOTS = "Partie;Was;Menge\nI-1;BOARD;1,5\nI-2;NONE;2\n"
FIELDS = ("id", "material_id", "quantity", "unit", "disposition")


def said(page: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def upload(client: httpx.Client, text: str | bytes, **more: str) -> httpx.Response:
    form = {"kind": "material-lots", **more}
    return client.post("/imports", data=form, files={"file": ("lots.csv", text)})


def mapped(act: str, *columns: str, **more: str) -> dict[str, object]:
    columns = (*columns, *[""] * (len(FIELDS) - len(columns)))
    return {"act": act, "field": FIELDS, "column": columns, "fixed": [""] * len(FIELDS), **more}


def test_a_file_is_looked_at_then_imported_once(site: Site) -> None:
    with site.client("MIA") as mia:
        page = upload(mia, LOTS).headers["location"]
        first = mia.get(page)
        assert "No column is known to be id; the file has: Partie, Was, Menge." in said(first).replace("&#39;", "'")
        before = site.database.read_now(head_seq)
        assert mia.post(page, data=mapped("look", "Partie", "Was", "Menge")).headers["location"] == page
        tried = said(mia.get(page))
        assert "first 2 of 2 rows" in tried
        assert "Added" in tried
        assert "There is no material" in tried
        assert "CSV, utf-8, ;" in tried
        assert site.database.read_now(head_seq) == before
        saved = mia.post(page, data=mapped("save", "Partie", "Was", "Menge", name="erp-lots", pattern="lots_*"))
        assert saved.status_code == 303
        assert site.database.read_now(get_mapping, name="erp-lots").pattern == "lots_*"
        assert 'value="lots_*"' in mia.get(page).text
        assert mia.post(page, data=mapped("import", "Partie", "Was", "Menge")).status_code == 303
        done = said(mia.get(page))
        assert "Added 1" in done
        assert "Refused 1" in done
        assert mia.post(page, data=mapped("import", "Partie", "Was", "Menge")).status_code == 409
        refused = mia.get(f"{page}/refused.csv").content.decode("utf-8-sig").splitlines()
        assert refused[1].startswith("I-2;NONE;2;3;material-not-found;")
        again = upload(mia, LOTS, mapping="erp-lots").headers["location"]
        assert "As it was" in said(mia.get(again))
        listed = said(mia.get("/imports"))
        assert "lots.csv Lots" in listed
        assert "Takes lots_* out of the watched folder" in listed
        assert mia.post("/imports/mappings/erp-lots/remove").status_code == 303
    assert site.database.read_now(list_mappings) == ()
    assert [lot.lot_id for lot in site.database.read_now(list_material_lots).items] == ["I-1"]


@pytest.mark.parametrize(
    ("text", "form", "sentence"),
    [
        (b"\x00", {}, "The file cannot be read as rows"),
        ("lot\n", {"mapping": "none"}, "There is no such mapping"),
    ],
)
def test_a_file_that_cannot_be_read_is_answered_at_once(
    site: Site, text: str | bytes, form: dict[str, str], sentence: str
) -> None:
    with site.client("MIA") as mia:
        answer = upload(mia, text, **form)
        assert 400 <= answer.status_code < 500
        assert sentence in said(answer)


def test_what_was_said_wrong_can_be_said_otherwise(site: Site) -> None:
    with site.client("MIA") as mia:
        page = upload(mia, "lot,material,qty\nI-9,BOARD,1.000\n").headers["location"]
        assert "may be thousands or a fraction" in said(mia.get(page))
        columns = ("lot", "material", "qty")
        wrong = mia.post(page, data=mapped("look", *columns, encoding="utf-16"))
        assert wrong.status_code == 303
        assert "It is no text in utf-16" in said(mia.get(page))
        assert mia.post(page, data=mapped("save", *columns, name="no name")).status_code == 422
        mia.post(page, data=mapped("look", *columns, decimal=","))
        assert "Added" in said(mia.get(page))
