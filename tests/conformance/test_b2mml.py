"""B2MML against MESA's own schemas 7.01 (commit 65cc665) and real documents of V0401 (Courbon, 2012).

Judges: the XSDs by lxml, and a reader generated from the same XSDs by xsdata, which shares nothing with ours.
"""

from __future__ import annotations

import dataclasses
import importlib
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from hypothesis import given, settings
from lxml import etree
from xsdata.formats.dataclass.parsers import XmlParser

from standards.isa95.b2mml import Document, Element, read_document, write_document
from standards.isa95.b2mml.shapes import ACTION_CODES, KINDS, NOUNS, SHAPES, VERBS, WITHOUT_RELEASE, WORDS
from tests.standards.b2mml_documents import Recipe, documents

JUDGES: Final = (
    ("XML schemas of B2MML, MESA International", "7.01 (commit 65cc665, 2023-07-11)"),
    ("Documents of V0401 (Courbon)", "2012"),
    ("lxml", None),
    ("xsdata", None),
)

XSD = "{http://www.w3.org/2001/XMLSchema}"
PLAIN = {"id", "time", "text", "value", "expression", "number", "duration"}


@pytest.fixture(scope="session")
def b2mml(conformance: Path) -> Path:
    return conformance / "b2mml-v7.01"


@cache
def schema_of(folder: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(folder / "Schema" / "AllSchemas.xsd"))


@cache
def definitions_of(folder: Path) -> dict[tuple[str, str], Any]:
    roots = [etree.parse(path).getroot() for path in sorted((folder / "Schema").glob("B2MML-*.xsd"))]
    return {(node.tag, node.get("name")): node for root in roots for node in root if isinstance(node.tag, str)}


def particles(folder: Path, node: Any, in_choice: bool = False) -> Iterator[tuple[str, str, bool, bool, bool]]:
    """Name, type, mandatory, many, one of a choice: of every element a type of the schema may have, in order."""
    for child in node:
        if child.tag == XSD + "element" and child.get("name"):
            least, most = child.get("minOccurs", "1"), child.get("maxOccurs", "1")
            yield child.get("name"), child.get("type", ""), least != "0" and not in_choice, most != "1", in_choice
        elif child.tag in (XSD + "sequence", XSD + "choice"):
            yield from particles(folder, child, in_choice or child.tag == XSD + "choice")
        elif child.tag == XSD + "group" and ":" not in child.get("ref"):
            yield from particles(folder, definitions_of(folder)[XSD + "group", child.get("ref")], in_choice)


def words_of(folder: Path, type: str) -> set[str]:
    """The enumeration of a type, wherever it stands in its derivation."""
    node = definitions_of(folder).get((XSD + "complexType", type))
    if node is None:
        return set()
    words = {entry.get("value") for entry in node.iter(XSD + "enumeration")}
    base = next((entry.get("base") for entry in node.iter() if entry.get("base")), "")
    return words or (words_of(folder, base) if base != "CodeType" else set())


@pytest.mark.parametrize("type", sorted(SHAPES))
def test_the_table_says_what_the_schema_says(b2mml: Path, type: str) -> None:
    node = definitions_of(b2mml)[XSD + "complexType", f"{type}Type"]
    theirs = {found[0]: found for found in particles(b2mml, node)}
    ours = SHAPES[type]
    assert [name for name in theirs if name in ours] == list(ours)
    for place in ours.values():
        _, kind, mandatory, many, choice = theirs[place.name]
        assert (place.is_mandatory, place.is_many, place.is_choice) == (mandatory, many, choice), place
        expected = set() if place.type in PLAIN or not place.is_leaf else WORDS[place.type]
        assert (kind == f"{place.type}Type") if not place.is_leaf else (words_of(b2mml, kind) == expected), place
    assert [name for name, found in theirs.items() if found[2] and name not in ours] == []


def test_every_document_has_the_attributes_the_schema_gives_it(b2mml: Path) -> None:
    definitions = definitions_of(b2mml)
    roots = [verb + noun for verb in VERBS for noun in NOUNS if (verb == "Confirm") == (noun == "BOD")]
    types = {root: definitions[XSD + "complexType", definitions[XSD + "element", root].get("type")] for root in roots}
    attributes = {root: {found.get("name") for found in node.iter(XSD + "attribute")} for root, node in types.items()}
    assert {root for root, found in attributes.items() if "releaseID" not in found} == WITHOUT_RELEASE


def test_the_table_leaves_no_kind_unused_and_knows_every_action(b2mml: Path) -> None:
    used = {place.name for shape in SHAPES.values() for place in shape.values() if place.is_leaf}
    assert set(KINDS) <= used
    codes = definitions_of(b2mml)[XSD + "simpleType", "TransActionCodeEnumerationType"]
    assert {entry.get("value") for entry in codes.iter(XSD + "enumeration")} == ACTION_CODES


@settings(max_examples=15)
@given(document=documents())
def test_what_is_written_is_valid_and_read_back_equal_by_us_and_by_lxml(b2mml: Path, document: Document) -> None:
    check_written(b2mml, document)


@pytest.mark.long
@settings(max_examples=500)
@given(document=documents())
def test_whatever_is_written_is_valid_and_read_back_equal(b2mml: Path, document: Document) -> None:
    check_written(b2mml, document)


def check_written(b2mml: Path, document: Document) -> None:
    written = write_document(document)
    schema, parsed = schema_of(b2mml), etree.fromstring(written)
    assert schema.validate(parsed), schema.error_log
    read = read_document(written)
    assert (read, read.remarks) == (document, ())
    area, data = map(tree_of, parsed)
    assert (area, data.children) == (document.area, (document.verb, *document.objects))


def tree_of(node: Any) -> Element:
    """What lxml has read, as an element of ours."""
    children = tuple(map(tree_of, node))
    attributes = tuple(sorted(node.attrib.items()))
    return Element(etree.QName(node).localname, "" if children else node.text or "", children, attributes)


@pytest.fixture(scope="session")
def generated_reader(b2mml: Path, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return generated(b2mml / "Schema" / "AllSchemas.xsd", tmp_path_factory.mktemp("generated"))


def generated(schema: Path, folder: Path) -> ModuleType:
    """The reader xsdata makes of a schema, in a folder of its own."""
    name = f"b2mml_{folder.name}"
    arguments = ["generate", str(schema), "--package", name, "--structure-style", "single-package"]
    subprocess.run([sys.executable, "-m", "xsdata", *arguments], cwd=folder, check=True, capture_output=True)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))


def plain(name: str, found: Any) -> Element:
    """What the generated reader has read, as an element of ours."""
    if not dataclasses.is_dataclass(found):
        return Element(name, _text(found))
    text, attributes, children = "", {}, []
    for field in dataclasses.fields(found):
        value, kind = getattr(found, field.name), field.metadata.get("type")
        if value is None:
            continue
        if kind == "Attribute":
            attributes[field.metadata.get("name", field.name)] = _text(value)
        elif kind == "Element":
            values = value if isinstance(value, list) else [value]
            children += [plain(field.metadata.get("name", field.name), one) for one in values if one is not None]
        else:
            text = _text(value)
    return Element(name, text, tuple(children), tuple(sorted(attributes.items())))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(getattr(value, "value", value))


def same(ours: Element, theirs: Element) -> None:
    """Equal, but that times and numbers may be written differently."""
    assert (ours.name, [c.name for c in ours.children]) == (theirs.name, [c.name for c in theirs.children])
    if not ours.children and KINDS.get(ours.name) not in ("time", "number", "duration"):
        assert (ours.text, ours.attributes) == (theirs.text, theirs.attributes), ours.name
    for one, other in zip(ours.children, theirs.children, strict=True):
        same(one, other)


def check_with(reader: ModuleType, document: Document) -> None:
    root = "ConfirmBod" if document.noun == "BOD" else document.root
    found = XmlParser().from_bytes(write_document(document), getattr(reader, root))
    area, data = plain(document.root, found).children
    same(Element("DataArea", children=(document.verb, *document.objects)), data)
    same(document.area, area)


@pytest.mark.long
@settings(max_examples=300)
@given(document=documents(recipe=Recipe(without=frozenset({"ParameterChild"}))))
def test_a_generated_reader_reads_the_same(generated_reader: ModuleType, document: Document) -> None:
    """Of ParameterChild xsdata 26.10 makes another type by mistake: an element of BatchML is called like its type."""
    check_with(generated_reader, document)


COURBON = {
    "MAT-20121210170256-CRBN0001.xml": ("SyncMaterialDefinition", {"release-missing"}),
    "LOT-20121210170718-0001L0001.xml": ("SyncMaterialInformation", {"release-missing", "material-assumed"}),
    "PRO-20121210181416-27942.xml": ("SyncOperationsSchedule", {"release-missing", "v0401-renamed", "element-missing"}),
}


@pytest.mark.parametrize("name", COURBON)
def test_real_documents_of_v0401_are_read_and_each_deviation_is_named(b2mml: Path, name: str) -> None:
    read = read_document((b2mml / "examples-v0401-courbon" / name).read_bytes())
    root, remarks = COURBON[name]
    assert (read.root, read.is_v0401, {remark.code for remark in read.remarks}) == (root, True, remarks)


def test_the_real_schedule_keeps_what_it_orders(b2mml: Path) -> None:
    name = "PRO-20121210181416-27942.xml"
    (schedule,) = read_document((b2mml / "examples-v0401-courbon" / name).read_bytes()).objects
    (request,) = schedule.all("OperationsRequest")
    (segment,) = request.all("SegmentRequirement")
    (wanted,) = segment.all("MaterialRequirement")
    assert (request.value("ID"), wanted.value("MaterialDefinitionID")) == ("258456", "SO1215")
    assert (wanted.value("MaterialUse"), wanted.value("Quantity", "QuantityString")) == ("Produced", "1.000")
    (weighing,) = segment.all("SegmentRequirementChild")
    assert weighing.value("SegmentParameter", "Value", "ValueString") == "3"
    assert [found.value("HierarchyScope", "EquipmentID") for found in weighing.all("MaterialRequirement")] == [
        "BOX3",
        "BOX1",
        "BOX3",
        "BOX4",
    ]
    assert len(weighing.all("SegmentRequirementChild")) == 1
