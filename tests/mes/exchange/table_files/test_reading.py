"""Bytes to rows, headings to fields, cells to values: pure, and nothing but rows or a coded refusal."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from mes.exchange.table_files.columns import FIELDS, normal, recognised
from mes.exchange.table_files.entries import open_table, read_file
from mes.exchange.table_files.types import CELL_MAX, FILE_MAX, ROWS_MAX, DateOrder, ImportMapping, Kind, Reading, Style
from mes.exchange.table_files.values import (
    date_order,
    day_value,
    decimal_mark,
    number_value,
    text_value,
    whole_value,
    words_value,
)
from mes.kernel.errors import Refusal

BERLIN = ZoneInfo("Europe/Berlin")
LOTS = Kind.material_lots


def read(
    data: str | bytes, kind: Kind = LOTS, mapping: ImportMapping | None = None, encoding: str = "utf-8"
) -> Reading:
    return read_file(data if isinstance(data, bytes) else data.encode(encoding), kind, mapping, BERLIN)


def workbook(*rows: tuple[Any, ...]) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True, "remove_timezone": True}) as made:
        sheet = made.add_worksheet()
        day = made.add_format({"num_format": "dd.mm.yyyy"})
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write(number, column, cell, day if isinstance(cell, datetime) else None)
    return stream.getvalue()


def codes(found: Reading) -> list[str]:
    return ["" if entry.fault is None else entry.fault.code for entry in found.entries]


def refused(data: str | bytes, **more: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        read(data, **more)
    return refusal.value.code


class TestSource:
    @pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
    def test_the_delimiter_is_told_by_the_rows(self, mark: str) -> None:
        found = read(f"Charge{mark}Menge{mark}ME\nL-1{mark}5{mark}kg\nL-2{mark}6{mark}kg\n")
        assert (found.table.delimiter, [entry.id for entry in found.entries]) == (mark, ["L-1", "L-2"])
        assert found.entries[0].values == {"id": "L-1", "quantity": Decimal(5), "unit": "kg"}

    def test_a_decimal_comma_is_no_delimiter(self) -> None:
        found = read("Charge;Menge\nL-1;1,5\nL-2;2,5\n")
        assert (found.table.delimiter, found.mapping.style.decimal) == (";", ",")
        assert [entry.values["quantity"] for entry in found.entries] == [Decimal("1.5"), Decimal("2.5")]

    def test_a_spreadsheet_may_say_its_delimiter(self) -> None:
        assert read("sep=|\nlot|quantity\nL-1|5\n").entries[0].line == 3

    @pytest.mark.parametrize(
        ("encoding", "known_as"),
        [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("cp1252", "cp1252"), ("utf-16", "utf-16")],
    )
    def test_encodings(self, encoding: str, known_as: str) -> None:
        found = read("Artikel;Einheit;Bezeichnung\nP-1;Stück;Größe 5 µm\n", Kind.material_definitions, None, encoding)
        assert found.table.encoding == known_as
        assert found.entries[0].values["description"] == "Größe 5 µm"

    def test_headings_are_found_below_a_title(self) -> None:
        found = read("Bestand am 1.12.\n\nCharge;Menge\nL-1;5\n")
        assert (found.table.header_line, found.entries[0].line) == (3, 4)

    def test_a_cell_may_have_lines_and_quotes(self) -> None:
        found = read('material,unit,name\nP-1,pcs,"a ""big""\nboard"\nP-2,pcs,b\n', Kind.material_definitions)
        assert [(e.line, e.values["description"]) for e in found.entries] == [(2, 'a "big"\nboard'), (4, "b")]

    def test_a_workbook_is_read_as_a_file_is(self) -> None:
        at = datetime(2026, 12, 1, tzinfo=UTC)
        head = ("Auftrag", "Material", "Menge", "Termin")
        found = read(workbook(head, (4711, "P-1", 1234.5, at)), Kind.operations_requests)
        assert found.entries[0].values == {
            "id": "4711",
            "material_id": "P-1",
            "quantity": Decimal("1234.5"),
            "due_at": datetime(2026, 12, 1, 23, 59, tzinfo=BERLIN),
        }

    @pytest.mark.parametrize(
        "data", [b"", b"\n\n", b"a,b\x00c\n", b"PK\x03\x04 no", b"\x81\x8d", b"\xff\xfeA", b"\xd0\xcf\x11\xe0"]
    )
    def test_what_is_no_file_of_rows(self, data: bytes) -> None:
        assert refused(data) == "import-file-unreadable"

    @pytest.mark.parametrize(
        "data", [bytes(FILE_MAX + 1), b"lot\n" + b"L\n" * (ROWS_MAX + 1), b",".join([b"lot"] * 201)]
    )
    def test_what_is_too_large(self, data: bytes) -> None:
        assert refused(data) == "import-file-too-large"

    def test_a_quote_that_never_ends(self) -> None:
        assert refused('lot,name\n"' + "x" * 200_000) == "import-file-unreadable"


class TestColumns:
    def test_every_heading_means_one_field(self) -> None:
        for kind, fields in FIELDS.items():
            words = [word for field in fields for word in field.words]
            assert len(words) == len(set(words)), kind

    @pytest.mark.parametrize(
        ("headers", "found"),
        [
            (["Material-Nr.", "Menge [Stk]", "Charge"], {"material_id": 0, "quantity": 1, "id": 2}),
            (["LOT_NO", "Part Number", "QTY", "UoM"], {"id": 0, "material_id": 1, "quantity": 2, "unit": 3}),
            (["Serial", "Batch", "Status"], {"id": 1, "disposition": 2}),
        ],
    )
    def test_english_and_german_headings(self, headers: list[str], found: dict[str, int]) -> None:
        assert recognised(LOTS, headers) == {field: headers[n] for field, n in found.items()}

    def test_what_a_heading_has_in_brackets_does_not_count(self) -> None:
        assert normal("Straße (2) [x]") == "strasse"

    def test_a_mapping_names_columns_and_fixed_values(self) -> None:
        mapping = ImportMapping({"id": "A", "quantity": "B"}, {"unit": "kg", "material_id": "P-1"})
        (entry,) = read("A,B,Charge\nL-1,5,no\n", mapping=mapping).entries
        assert entry.values == {"id": "L-1", "quantity": Decimal(5), "unit": "kg", "material_id": "P-1"}

    def test_columns_that_are_not_used_are_told(self) -> None:
        assert read("lot,colour,Qty\nL-1,red,5\n").unused == ("colour",)

    def test_a_column_that_is_needed_or_named_must_be_there_once(self) -> None:
        assert refused("colour,qty\nred,5\n") == "import-column-missing"
        assert refused("lot,qty\nL-1,5\n", mapping=ImportMapping({"id": "Los"})) == "import-column-missing"
        assert refused("lot,lot\nL-1,5\n") == "import-column-missing"


class TestRows:
    def test_a_row_that_cannot_be_used_keeps_out_no_other(self) -> None:
        found = read(f"lot,qty\nL-1,many\n,5\nL-2,5\nL-2,6\n{'x' * (CELL_MAX + 1)},1\nL-3,#REF!\nL-4\n")
        assert codes(found) == [*["import-row-invalid"] * 2, "", "import-row-twice", *["import-row-invalid"] * 2, ""]
        assert "line 4" in str(found.entries[3].fault)

    def test_what_may_be_two_numbers_or_dates_is_refused_until_the_mapping_says(self) -> None:
        text = "order;material;qty;due\nPO-1;P-1;1.000;03/04/2026\n"
        assert codes(read(text, Kind.operations_requests)) == ["import-value-ambiguous"]
        said = ImportMapping(style=Style(",", DateOrder.month_first))
        (entry,) = read(text, Kind.operations_requests, said).entries
        assert (entry.values["quantity"], entry.values["due_at"]) == (
            Decimal(1000),
            datetime(2026, 3, 4, 23, 59, tzinfo=BERLIN),
        )

    def test_one_row_tells_the_manner_of_all(self) -> None:
        text = "order;qty;due\nPO-1;1.000;03/04/2026\nPO-2;2,5;30/04/2026\n"
        first = read(text, Kind.operations_requests).entries[0]
        assert first.values["quantity"] == 1000
        assert first.values["due_at"] == datetime(2026, 4, 3, 23, 59, tzinfo=BERLIN)


class TestValues:
    @pytest.mark.parametrize(
        ("text", "decimal", "number"),
        [
            ("1.234,56", "", "1234.56"),
            ("1,234.56", "", "1234.56"),
            ("1.234.567", "", "1234567"),
            ("0.125", "", "0.125"),
            ("0,125", "", "0.125"),
            ("1.234", ",", "1234"),
            ("1.234", ".", "1.234"),
            (" -12 345,5 ", "", "-12345.5"),
            ("1'000", "", "1000"),
            ("1.5e3", "", "1500"),
            ("7", "", "7"),
        ],
    )
    def test_numbers(self, text: str, decimal: str, number: str) -> None:
        assert number_value(text, Style(decimal)) == Decimal(number)

    @pytest.mark.parametrize(
        "text", ["", "x", "1..2", "1,2,3.4", "12.34.56", "1.2,3.4", "NaN", "Infinity", "1e999", "--1"]
    )
    def test_no_numbers(self, text: str) -> None:
        with pytest.raises(Refusal):
            number_value(text, Style("."))

    @pytest.mark.parametrize(
        ("cells", "mark"),
        [(["1,5", "7"], ","), (["1.000", "2.5"], "."), (["1,5", "2.5"], ""), (["1.000"], ""), ([], "")],
    )
    def test_the_decimal_mark_of_a_file(self, cells: list[str], mark: str) -> None:
        assert decimal_mark(cells) == mark

    def test_a_number_with_the_other_mark_is_none(self) -> None:
        with pytest.raises(Refusal, match="decimal comma"):
            number_value("1.5", Style(","))

    @pytest.mark.parametrize(
        ("text", "iso"),
        [
            ("31.12.2026", "2026-12-31T23:59+01:00"),
            ("1.7.26 6:05", "2026-07-01T06:05+02:00"),
            ("12/31/2026", "2026-12-31T23:59+01:00"),
            ("2026-12-31", "2026-12-31T23:59+01:00"),
            ("2026-12-31 14:00", "2026-12-31T14:00+01:00"),
            ("2026-12-31T14:00:00Z", "2026-12-31T14:00+00:00"),
            ("20261231", "2026-12-31T23:59+01:00"),
        ],
    )
    def test_dates(self, text: str, iso: str) -> None:
        assert day_value(text, Style(), BERLIN) == datetime.fromisoformat(iso)

    @pytest.mark.parametrize(
        "text", ["31.2.2026", "tomorrow", "2026-12-31 25:00", "1.1.26 14", "0.0.0", "12:30", "1.1.1001"]
    )
    def test_no_dates(self, text: str) -> None:
        with pytest.raises(Refusal):
            day_value(text, Style(), BERLIN)

    @pytest.mark.parametrize(
        ("cells", "order"),
        [
            (["1/2/2026", "13/2/2026"], DateOrder.day_first),
            (["1/2/2026", "2/13/2026"], DateOrder.month_first),
            (["13/2/2026", "2/13/2026"], None),
            (["1/2/2026", "2026-01-01"], None),
        ],
    )
    def test_the_order_of_a_files_dates(self, cells: list[str], order: DateOrder | None) -> None:
        assert date_order(cells) is order

    def test_whole_numbers_and_words(self) -> None:
        assert whole_value(Decimal("50.0"), Style()) == 50
        with pytest.raises(Refusal):
            whole_value("1.5", Style("."))
        assert words_value("AOI, SMT;AOI |\n") == ("AOI", "SMT")

    @given(st.integers(-(10**12), 10**12), st.integers(0, 6), st.sampled_from([(".", ","), (",", "."), (",", " ")]))
    def test_a_number_is_read_as_it_was_written(self, scaled: int, places: int, marks: tuple[str, str]) -> None:
        number = Decimal(scaled).scaleb(-places)
        decimal, group = marks
        text = f"{number:,f}".replace(",", "\0").replace(".", decimal).replace("\0", group)
        assert number_value(text, Style(decimal)) == number

    @given(
        st.text("019.,:-/TZe+' #²٣A\n", max_size=30), st.sampled_from(list(DateOrder)), st.sampled_from(["", ",", "."])
    )
    def test_any_cell_is_a_value_or_a_refusal(self, text: str, order: DateOrder, mark: str) -> None:
        style = Style(mark, order)
        for read_cell in (text_value, words_value):
            with suppress(Refusal):
                read_cell(text)
        for read_styled in (number_value, whole_value):
            with suppress(Refusal):
                read_styled(text, style)
        with suppress(Refusal):
            day_value(text, style, BERLIN)


CHARACTERS = st.text(alphabet='abAB19,.;|\t"\n\r\u00e4\u2028=-/:#', max_size=200)


@given(st.one_of(CHARACTERS.map(str.encode), st.binary(max_size=200)), st.sampled_from(list(Kind)))
def test_any_bytes_are_rows_or_a_refusal(data: bytes, kind: Kind) -> None:
    with suppress(Refusal):
        table = open_table(data, kind, None)
        assert all(row.line > table.header_line for row in table.rows)
    heading = ",".join(field.words[0] for field in FIELDS[kind]).encode()
    with suppress(Refusal):
        read_file(heading + b"\n" + data, kind, None, BERLIN)
