"""Reading workbooks: what XlsxWriter writes is read as it was meant, and bytes of others do nothing else."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from standards.ooxml import SheetTooLarge, SheetUnreadable, parts, read_sheet
from standards.ooxml.parts import ELEMENTS_MAX

JUDGES: Final = (("xlsxwriter", None),)

Write = Callable[[Any, Any], None]


def book(*rows: tuple[Any, ...], write: Write | None = None, **options: Any) -> bytes:
    """A workbook of XlsxWriter with these rows in its one sheet."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True, **options}) as made:
        sheet = made.add_worksheet("Parts")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        if write is not None:
            write(made, sheet)
    return stream.getvalue()


def with_part(data: bytes, name: str, content: str) -> bytes:
    """The same workbook, one part of it replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, content if part == name else old.read(part))
    return out.getvalue()


def sheet_of(rows: str) -> bytes:
    xml = f'<worksheet xmlns="urn:x"><sheetData>{rows}</sheetData></worksheet>'
    return with_part(book(("a",)), "xl/worksheets/sheet1.xml", xml)


def cells(data: bytes) -> list[tuple[Any, ...]]:
    return [row.cells for row in read_sheet(data).rows]


@pytest.mark.parametrize("streamed", [False, True])
def test_texts_numbers_and_blanks(streamed: bool) -> None:
    """`streamed`: texts in the cells themselves instead of in the table of shared ones."""
    data = book(("id", "Größe", ""), ("4711", 0.1, True), (), ("", "", 1e6), constant_memory=streamed)
    sheet = read_sheet(data)
    assert (sheet.name, sheet.names) == ("Parts", ("Parts",))
    assert [(row.number, row.cells) for row in sheet.rows] == [
        (1, ("id", "Größe")),
        (2, ("4711", Decimal("0.1"), "TRUE")),
        (4, ("", "", Decimal(1_000_000))),
    ]


@pytest.mark.parametrize("from_1904", [False, True])
def test_dates_are_told_by_their_format(from_1904: bool) -> None:
    def write(made: Any, sheet: Any) -> None:
        at = datetime(2026, 12, 1, 14, 30, tzinfo=UTC)
        sheet.write_datetime(0, 0, at, made.add_format({"num_format": "dd.mm.yyyy hh:mm"}))
        sheet.write_datetime(0, 1, datetime(2026, 12, 1, tzinfo=UTC), made.add_format({"num_format": 14}))
        sheet.write_number(0, 2, 46357, made.add_format({"num_format": '0.00 "days"'}))

    assert cells(book(write=write, date_1904=from_1904, remove_timezone=True)) == [
        ("2026-12-01T14:30:00", "2026-12-01", Decimal(46357))
    ]


def test_a_sheet_is_chosen_by_name_and_hidden_ones_are_passed_over() -> None:
    def write(made: Any, sheet: Any) -> None:
        made.add_worksheet("Secret").hide()
        made.add_worksheet("Lots").write(0, 0, "L1")

    data = book(("P1",), write=write)
    assert read_sheet(data).names == ("Parts", "Lots")
    assert read_sheet(data, name="Lots").rows[0].cells == ("L1",)
    for missing in ("Secret", "Nothing"):
        with pytest.raises(SheetUnreadable, match=missing):
            read_sheet(data, name=missing)


def test_the_value_of_a_formula_counts() -> None:
    data = book(write=lambda _, sheet: sheet.write_formula("A1", "=1+1", value=2))
    assert cells(data) == [(Decimal(2),)]


def test_how_a_text_is_pronounced_is_not_part_of_it() -> None:
    rich = "<si><r><t>Ka</t></r><r><t>bel</t></r><rPh><t>kabel</t></rPh></si>"
    assert cells(with_part(book(("a",)), "xl/sharedStrings.xml", f"<sst>{rich}</sst>")) == [("Kabel",)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"id;unit\n",
        bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600),
        book(("a",))[:-30],
        with_part(book(("a",)), "xl/workbook.xml", "<workbook/>"),
        with_part(book(("a",)), "xl/workbook.xml", "<!DOCTYPE x><workbook/>"),
        with_part(book(("a",)), "xl/sharedStrings.xml", "<sst/>"),
        with_part(book(("a",)), "_rels/.rels", "<Relationships/>"),
        with_part(book(("a",)), "xl/worksheets/sheet1.xml", "<worksheet>"),
    ],
)
def test_what_is_no_workbook_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(SheetUnreadable):
        read_sheet(data)


class TestLimits:
    def test_a_bomb_is_told_by_what_it_unpacks_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parts, "UNPACKED_MAX", 1_000_000)
        bomb = with_part(book(("a",)), "xl/sharedStrings.xml", f"<sst>{' ' * 2_000_000}</sst>")
        assert len(bomb) < 20_000
        with pytest.raises(SheetTooLarge, match="unpacks"):
            read_sheet(bomb)

    def test_too_many_bytes_elements_rows_columns_and_levels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(SheetTooLarge):
            read_sheet(bytes(parts.BYTES_MAX + 1))
        with pytest.raises(SheetTooLarge, match="rows"):
            read_sheet(book(("a",), ("b",)), rows_max=1)
        with pytest.raises(SheetTooLarge, match="column"):
            read_sheet(sheet_of('<row r="1"><c r="XFD1"><v>1</v></c></row>'))
        with pytest.raises(SheetTooLarge, match="deeper"):
            read_sheet(sheet_of("<x>" * 50 + "</x>" * 50))
        monkeypatch.setattr(parts, "ELEMENTS_MAX", 50)
        assert ELEMENTS_MAX > 50
        with pytest.raises(SheetTooLarge, match="elements"):
            read_sheet(sheet_of("<row/>" * 60))

    def test_an_empty_cell_far_away_and_an_endless_number_are_nothing(self) -> None:
        rows = '<row r="1"><c r="A1"><v>1e999</v></c><c r="XFD1" s="1"/></row><row r="1048576"><c r="A1"/></row>'
        assert cells(sheet_of(rows)) == [("1e999",)]


WORKBOOK = book(("id", "qty"), ("A", 1.5), write=lambda made, _: made.add_worksheet("Two"))


@given(st.data())
def test_damaged_bytes_are_rows_or_a_refusal(data: st.DataObject) -> None:
    damaged = bytearray(WORKBOOK)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(SheetUnreadable, SheetTooLarge):
        read_sheet(bytes(damaged))


TAGS = '<row r="2"> </row> <c r="B2" t="s"> <c t="n" s="1"> <c t="inlineStr"> </c> <v> </v> <is><t> </t></is> 1 ²'
FRAGMENT = st.sampled_from(TAGS.split())


@given(st.lists(FRAGMENT, max_size=40), st.sampled_from(["xl/worksheets/sheet1.xml", "xl/styles.xml", "_rels/.rels"]))
@settings(max_examples=50)
def test_any_xml_in_a_part_is_rows_or_a_refusal(fragments: list[str], part: str) -> None:
    with suppress(SheetUnreadable, SheetTooLarge):
        read_sheet(with_part(WORKBOOK, part, f"<sheetData>{' '.join(fragments)}</sheetData>"))
