"""Labels as they are printed, as scanners garble them, and as nobody should print them."""

from __future__ import annotations

import contextlib
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards.labels import gs1
from standards.labels.ecia import ProductLabel, write_product_label
from standards.labels.faults import FIELDS_MAX, LABEL_MAX, LabelFault
from standards.labels.iso15434 import Envelope, read_message, write_message
from standards.labels.reading import LabelFormat, read_label, week_of
from standards.labels.scanners import EOT, GS, RS
from standards.labels.zpl import escaped, reel_label

REEL = f"[)>{RS}06{GS}PMCU-32{GS}1PNX32F103{GS}Q1000{GS}9D2615{GS}1TL77-A{GS}4LDE{GS}1VNexa Semi{RS}{EOT}"


def read(text: str):  # type: ignore[no-untyped-def]
    return read_label(text, year=2026)


def fault_of(text: str) -> str:
    with pytest.raises(LabelFault) as caught:
        read(text)
    return caught.value.code


def test_a_reel_label_says_part_quantity_lot_date_and_maker() -> None:
    label = read(REEL)
    assert label.format is LabelFormat.data_identifiers
    assert (label.customer_part, label.supplier_part, label.manufacturer) == ("MCU-32", "NX32F103", "Nexa Semi")
    assert (label.quantity, label.lot, label.date_code) == (Decimal(1000), "L77-A", "2615")
    assert label.values["4L"] == "DE"
    assert label.quirks == ()


@pytest.mark.parametrize(
    ("garbled", "quirks"),
    [
        (REEL.replace(GS, "<GS>").replace(RS, "<rs>").replace(EOT, "<EOT>"), ("separators-spelled-out",)),
        (REEL.replace(GS, "␝").replace(RS, "␞").replace(EOT, "␄"), ("separators-spelled-out",)),
        (REEL.replace(GS, "^]").replace(RS, "^^").replace(EOT, "^D"), ("separators-spelled-out",)),
        (REEL.replace(GS, r"\x1D").replace(RS, r"\x1e").replace(EOT, r"\x04"), ("separators-spelled-out",)),
        (REEL.replace(RS, "").replace(EOT, ""), ("rs-missing", "eot-missing")),
        (REEL.removesuffix(RS + EOT), ("eot-missing",)),
        (">" + REEL.replace(f"[)>{RS}", "[)>"), ("rs-missing",)),
        ("]d1" + REEL + "\r\n", ()),
    ],
)
def test_what_scanners_do_to_a_label_is_undone_and_said(garbled: str, quirks: tuple[str, ...]) -> None:
    label = read(garbled)
    assert dict(label.values) == dict(read(REEL).values)
    assert label.quirks == quirks


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" \r\n", "empty"),
        ("x" * (LABEL_MAX + 1), "too-long"),
        ("P\x00X", "control-character"),
        ("[)>06PMCU-321PNX32Q1000", "separators-missing"),
        (f"[)>{RS}12{GS}MFR 12345{RS}{EOT}", "format-unsupported"),
        (f"[)>{RS}06{GS}{RS}{EOT}", "no-data"),
        ("[)>", "no-data"),
        (f"[)>{RS}06{GS}" + GS.join(["Q1"] * (FIELDS_MAX + 1)) + RS + EOT, "too-many-fields"),
        (f"[)>{RS}06{GS}?MCU{RS}{EOT}", "field-unknown"),
        (f"[)>{RS}06{GS}Qmany{RS}{EOT}", "field-invalid"),
        (f"[)>{RS}06{GS}QNaN{RS}{EOT}", "field-invalid"),
        (f"[)>{RS}06{GS}Q1E40{RS}{EOT}", "field-invalid"),
        (f"[)>{RS}06{GS}14D20261332{RS}{EOT}", "field-invalid"),
        (f"[)>{RS}06{GS}Q1{GS}Q2{RS}{EOT}", "field-twice"),
        ("]C10109521234543214", "field-invalid"),
        (f"]C110A{GS}10B", "field-twice"),
        ("]C1059999", "field-invalid"),
        ("]C1010952123454321317261301", "field-invalid"),
    ],
)
def test_what_is_no_label_is_refused_by_code(text: str, code: str) -> None:
    assert fault_of(text) == code


def test_gs1_with_and_without_prefix() -> None:
    text = f"010952123454321310LOT1{GS}3750{GS}17270200"
    for prefix in ("", "]C1", "]d2"):
        label = read(prefix + text)
        assert (label.format, label.gtin, label.lot) == (LabelFormat.gs1, "09521234543213", "LOT1")
        assert (label.quantity, label.expires_on) == (Decimal(50), date(2027, 2, 28))
    in_message = read(f"[)>{RS}05{GS}{text}{RS}{EOT}")
    assert in_message.gtin == "09521234543213"
    assert read("]d201095212345432133103001250").quantity == Decimal("1.250")


def test_plain_text_stays_what_it_is() -> None:
    label = read("R-00000017\r")
    assert (label.format, label.text, dict(label.values)) == (LabelFormat.plain, "R-00000017", {})


def test_date_codes_are_weeks_of_this_century() -> None:
    assert week_of("2615", year=2026) == date(2026, 4, 6)
    assert week_of("9953", year=2026) is None
    assert week_of("9802", year=2026) == date(1998, 1, 5)
    assert week_of("26A5", year=2026) is None


WORD = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="<{[\\&^]"), min_size=1, max_size=30
)
PRODUCT = st.builds(
    ProductLabel, WORD, WORD, st.integers(0, 10**11).map(Decimal), WORD, st.just("") | WORD, st.just("") | WORD
)


@given(PRODUCT)
def test_a_product_label_comes_back_as_it_was_written(label: ProductLabel) -> None:
    back = read(write_product_label(label))
    assert back.quirks == ()
    assert ProductLabel(back.customer_part, back.supplier_part, back.quantity or Decimal(0), back.lot, back.date_code,
                        back.manufacturer) == label  # fmt: skip


FIELD = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
ENVELOPE = st.builds(Envelope, st.sampled_from(["05", "06"]), st.lists(FIELD, min_size=1, max_size=8).map(tuple))


@given(st.lists(ENVELOPE, min_size=1, max_size=4))
def test_a_message_comes_back_as_it_was_written(envelopes: list[Envelope]) -> None:
    assert list(read_message(write_message(envelopes)).envelopes) == envelopes


@given(st.text(max_size=200) | st.text(st.sampled_from("[)>0615PQ1T" + GS + RS + EOT), max_size=60))
def test_any_scan_is_a_label_or_a_fault(text: str) -> None:
    with contextlib.suppress(LabelFault):
        assert read(text).text


def test_separators_are_not_smuggled_into_fields() -> None:
    with pytest.raises(ValueError, match="separator"):
        write_message([Envelope("06", (f"P1{GS}Q9",))])
    with pytest.raises(ValueError, match="two digits"):
        write_message([Envelope("6", ("P1",))])


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=7))
def test_no_text_becomes_a_command_of_the_printer(reel_id: str, lines: list[str]) -> None:
    zpl = reel_label(reel_id, lines)
    assert zpl.count("^XA") == zpl.count("^XZ") == 1
    assert zpl.count("^FS") == 2 + min(len(lines), 5)
    assert not {"^", "~"} & set(escaped(reel_id))


def test_gs1_writer_refuses_what_it_could_not_read_back() -> None:
    assert gs1.write_elements({"01": "09521234543213", "10": "A1", "21": "7"}) == f"010952123454321310A1{GS}217"
    with pytest.raises(LabelFault):
        gs1.write_elements({"01": "09521234543214"})
