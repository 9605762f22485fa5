"""Reading B2MML: what is refused, what is put right and said so, and that bytes of others do nothing else."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from standards.isa95.b2mml import (
    Document,
    DocumentTooLarge,
    DocumentUnreadable,
    DocumentUnshaped,
    Element,
    element,
    leaf,
    read_document,
    source,
    write_document,
)
from standards.isa95.b2mml.faults import DocumentFault
from standards.isa95.b2mml.source import BYTES_MAX, DEPTH_MAX, TEXT_MAX
from standards.isa95.b2mml.types import NAMESPACE, NAMESPACE_V0401
from standards.isa95.b2mml.values import instant, seconds, word_of
from tests.standards.b2mml_documents import documents

AREA = "<ApplicationArea><CreationDateTime>2026-11-28T08:00:00Z</CreationDateTime></ApplicationArea>"


def document(inner: str, *, root: str = "SyncMaterialLot", namespace: str = NAMESPACE, release: str = "7.01") -> bytes:
    verb = next(verb for verb in ("Sync", "Process", "Get") if root.startswith(verb))
    data = f"<DataArea><{verb}/>{inner}</DataArea>"
    return f'<{root} xmlns="{namespace}" releaseID="{release}">{AREA}{data}</{root}>'.encode()


def lot(inner: str = "") -> bytes:
    return document(f"<MaterialLot><ID>L1</ID>{inner}</MaterialLot>")


def faults(data: bytes) -> list[str]:
    with pytest.raises(DocumentFault) as refused:
        read_document(data)
    return [fault.code for fault in refused.value.faults]


def remarks(data: bytes) -> list[tuple[str, str]]:
    return [(remark.code, remark.message) for remark in read_document(data).remarks]


def test_a_document_is_read() -> None:
    read = read_document(
        lot("<Quantity><QuantityString>5</QuantityString><UnitOfMeasure>kg</UnitOfMeasure></Quantity>")
    )
    assert (read.root, read.release_id, read.remarks) == ("SyncMaterialLot", "7.01", ())
    assert read.objects[0].value("Quantity", "UnitOfMeasure") == "kg"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "xml-malformed"),
        (b"PO-1;50;pcs", "xml-malformed"),
        (b"<a><b></a>", "xml-malformed"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "xml-encoding"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "xml-dtd"),
        (b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;</a>', "xml-dtd"),
        (b'<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>', "xml-dtd"),
        (b"<SyncMaterialLot/>", "document-unknown"),
        (document("", root="SyncSandwich"), "document-unknown"),
    ],
)
def test_what_is_no_document_of_ours_is_refused_unread(data: bytes, code: str) -> None:
    with pytest.raises(DocumentUnreadable):
        read_document(data)
    assert faults(data) == [code]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b" " * (BYTES_MAX + 1), "too-many-bytes"),
        (b"<a>" * (DEPTH_MAX + 1) + b"</a>" * (DEPTH_MAX + 1), "too-deep"),
        (lot(f"<Description>{'x' * (TEXT_MAX + 1)}</Description>"), "text-too-long"),
        (lot(f'<Description languageID="{"x" * (TEXT_MAX + 1)}">x</Description>'), "text-too-long"),
    ],
)
def test_what_is_too_large_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(DocumentTooLarge):
        read_document(data)
    assert faults(data) == [code]


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "ELEMENTS_MAX", 100)
    assert faults(b"<a>" + b"<b/>" * 100 + b"</a>") == ["too-many-elements"]


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (document("<MaterialLot><Version>1</Version></MaterialLot>"), ["element-missing"]),
        (lot("<ID>L2</ID>"), ["element-repeated"]),
        (lot("<Disposition>Maybe</Disposition>"), ["value-invalid"]),
        (lot("<PublishedDate>tomorrow</PublishedDate><Disposition>Maybe</Disposition>"), ["value-invalid"] * 2),
        (lot("<HierarchyScope><EquipmentID>E</EquipmentID></HierarchyScope>"), ["element-missing"]),
        (document(""), ["element-missing"]),
    ],
)
def test_what_the_schema_does_not_allow_is_refused_with_every_fault(data: bytes, codes: list[str]) -> None:
    with pytest.raises(DocumentUnshaped):
        read_document(data)
    assert faults(data) == codes


def test_a_fault_has_its_line() -> None:
    with pytest.raises(DocumentUnshaped) as refused:
        read_document(lot("\n\n<Disposition>Maybe</Disposition>"))
    (fault,) = refused.value.faults
    assert fault.line == 3
    assert "MaterialLot[1]/Disposition: 'Maybe' is none of" in fault.message


def test_leniencies_are_named() -> None:
    assert remarks(lot("<Colour>red</Colour>")) == [("element-unknown", "MaterialLot[1]/Colour is not read")]
    assert remarks(lot("<Disposition>Closed</Disposition><Version>2</Version>")) == [
        ("element-order", "MaterialLot[1]: not in the order of the schema")
    ]
    assert remarks(lot('<x:Own xmlns:x="urn:x">1</x:Own>')) == [("element-foreign", "Own is of another namespace")]
    assert remarks(lot("<Disposition> </Disposition>")) == [("element-empty", "MaterialLot[1]/Disposition is empty")]
    assert remarks(document("<MaterialLot><ID>L1</ID></MaterialLot>", release=""))[0][0] == "release-missing"


def test_no_flood_of_remarks() -> None:
    told = remarks(lot("<Colour/>" * 500))
    assert len(told) == 101
    assert told[-1] == ("more", "400 more of these")


def test_what_is_nil_says_nothing() -> None:
    nil = '<PublishedDate xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>'
    assert [child.name for child in read_document(lot(nil)).objects[0].children] == ["ID"]


def test_a_question_needs_to_name_nothing_else() -> None:
    asked = document("<OperationsPerformance><ID>PO-1</ID></OperationsPerformance>", root="GetOperationsPerformance")
    read = read_document(asked)
    assert (read.objects[0].value("ID"), read.remarks) == ("PO-1", ())


def test_old_names_are_read_as_todays() -> None:
    wanted = (
        "<ProductionSchedule><ProductionRequest><ID>1</ID><ProductProductionRuleID>R</ProductProductionRuleID>"
        "<SegmentRequirement><MaterialProducedRequirement><MaterialDefinitionID>M</MaterialDefinitionID>"
        "<StorageLocation>Shelf</StorageLocation></MaterialProducedRequirement></SegmentRequirement>"
        "</ProductionRequest></ProductionSchedule>"
    )
    read = read_document(document(wanted, root="ProcessProductionSchedule", namespace=NAMESPACE_V0401))
    request = read.objects[0].all("OperationsRequest")[0]
    material = request.all("SegmentRequirement")[0].all("MaterialRequirement")[0]
    assert (read.root, request.value("OperationsDefinitionID")) == ("ProcessOperationsSchedule", "R")
    assert (material.value("MaterialUse"), material.value("StorageLocation", "Location")) == ("Produced", "Shelf")
    assert "MaterialProducedRequirement is read as MaterialRequirement" in [r.message for r in read.remarks]


def test_the_writer_refuses_what_the_schema_has_no_place_for() -> None:
    area = element("ApplicationArea", leaf("CreationDateTime", "2026-11-28T08:00:00Z"))

    def written(wrong: Element) -> bytes:
        return write_document(Document("MaterialLot", Element("Show"), area, (wrong,)))

    assert b"<ID>L&lt;1</ID>" in written(element("MaterialLot", leaf("ID", "L<1")))
    assert "<ID>L\ufffd</ID>".encode() in written(element("MaterialLot", leaf("ID", "L\x01")))
    for wrong in (
        element("MaterialLot"),
        element("MaterialLot", leaf("ID", "1"), leaf("ID", "2")),
        element("MaterialLot", leaf("ID", "1"), leaf("Colour", "red")),
        element("MaterialLot", leaf("ID", "1"), leaf("Disposition", "Maybe")),
        element("MaterialLot", leaf("ID", "1", colour="red")),
        element("MaterialLot", leaf("ID", "1"), element("HierarchyScope", leaf("EquipmentID", "E"))),
    ):
        with pytest.raises(ValueError):
            written(wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-28T08:00:00Z", datetime(2026, 11, 28, 8, tzinfo=UTC)),
        ("2012-12-10T17:07:18.0Z", datetime(2012, 12, 10, 17, 7, 18, tzinfo=UTC)),
        ("2026-11-28T08:00:00+01:00", datetime(2026, 11, 28, 7, tzinfo=UTC)),
        ("2026-11-28T08:00:00.123456789", datetime(2026, 11, 28, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2026-02-30T08:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-11-28", None),
    ],
)
def test_instants(text: str, expected: datetime | None) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("PT30S", 30), ("PT1M0.5S", Decimal("60.5")), ("P1DT1H", 90_000), ("P1M", None), ("PT", None), ("-PT5S", None)],
)
def test_durations(text: str, expected: Decimal | None) -> None:
    assert seconds(text) == expected


def test_a_word_outside_the_list_is_other() -> None:
    assert word_of("Running", "ResponseState") == ("Running", {})
    assert word_of("Cancelled", "ResponseState") == ("Other", {"OtherValue": "Cancelled"})


@given(data=st.binary(max_size=300))
@example(b"\xff\xfe<\x00a\x00/\x00>\x00")
@example(b'<?xml version="1.0" encoding="utf-32"?><a/>')
@example(b'<?xml version="1.0" encoding="shift_jis"?><a/>')
@example(b'<?xml version="1.0" encoding="hex"?><a/>')
def test_bytes_of_others_are_refused_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(DocumentFault):
        read_document(data)


@settings(max_examples=12)
@given(document=documents(), where=st.floats(0, 1), put=st.binary(max_size=6), length=st.integers(0, 30))
def test_a_damaged_document_is_read_or_refused(document: Document, where: float, put: bytes, length: int) -> None:
    whole = write_document(document)
    at = int(where * len(whole))
    with suppress(DocumentFault):
        read_document(whole[:at] + put + whole[at + length :])
