"""The simulated job order receiver against the OPC Foundation's NodeSet, and driven by a client that is not ours."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest
from asyncua import Server, ua

from opcua_bridge.simulator.job_nodes import TypeNodes
from opcua_bridge.simulator.job_types import URI
from opcua_bridge.simulator.server import make_server
from opcua_bridge.simulator.settings import SimulatorSettings

JUDGES: Final = (
    ("NodeSet of ISA-95 Job Control (OPC 10031-4), OPC Foundation", "commit a2d4ae8, 2024-10-18"),
    ("asyncua", None),
)

_UA = "{http://opcfoundation.org/UA/2011/03/UANodeSet.xsd}"
_TYPES = "{http://opcfoundation.org/UA/2008/02/Types.xsd}"
FILE = "ua-nodesets/ISA95-JOBCONTROL/opc.ua.isa95-jobcontrol.nodeset2.xml"
CLASSES = {
    "UADataType": "DataType",
    "UAObjectType": "ObjectType",
    "UAObject": "Object",
    "UAVariable": "Variable",
    "UAMethod": "Method",
}
LEFT_OUT = frozenset({1004, 7003, 6044, 6045, 5001}) | frozenset(range(6018, 6033))
"""The job response receiver, the dictionaries, the namespace's metadata; and XML and JSON encodings, descriptions."""


class Official:
    """The NodeSet2 file, every node id as `i=` of namespace 0 or a plain number of the standard's own."""

    def __init__(self, path: Path) -> None:
        root = ElementTree.parse(path).getroot()
        self.aliases = {a.attrib["Alias"]: a.text or "" for a in root.iter(f"{_UA}Alias")}
        self.nodes = {self.number(n.attrib["NodeId"]): n for n in root if "NodeId" in n.attrib}

    def number(self, text: str) -> int | str:
        text = self.aliases.get(text, text)
        return int(text.removeprefix("ns=1;i=")) if text.startswith("ns=1;") else text

    def references(self, node: ElementTree.Element) -> set[tuple[str, bool, int | str]]:
        return {
            (
                str(self.number(ref.attrib["ReferenceType"])),
                ref.attrib.get("IsForward") != "false",
                self.number(ref.text or ""),
            )
            for ref in node.iter(f"{_UA}Reference")
        }

    def is_ours(self, number: int | str) -> bool:
        if number in LEFT_OUT or self.nodes[number].attrib["BrowseName"] in ("Default XML", "Default JSON"):
            return False
        return not any(kind == "i=39" and not forward for kind, forward, _ in self.references(self.nodes[number]))


@pytest.fixture(scope="module")
def official(conformance: Path) -> Official:
    return Official(conformance / FILE)


@pytest.fixture
async def server() -> tuple[Server, int]:
    it = await make_server("opc.tcp://127.0.0.1:0/")
    index = await it.register_namespace(URI)
    await TypeNodes(it, index).build()
    return it, index


def plain(node: ua.NodeId, index: int) -> int | str:
    return node.Identifier if node.NamespaceIndex == index else f"i={node.Identifier}"


def value_of(server: Server, node: ua.NodeId, attribute: ua.AttributeIds) -> Any:
    value = server.iserver.aspace.read_attribute_value(node, attribute).Value
    return value.Value if value is not None else None


async def test_every_node_is_as_the_standard_has_it(official: Official, server: tuple[Server, int]) -> None:
    """Judge: ISA95-JOBCONTROL V2 2.0.0 (2024-01-31): class, browse name, data type, rank."""
    it, index = server
    wrong = []
    expected = {n for n in official.nodes if official.is_ours(n)}
    found = {n.Identifier for n in it.iserver.aspace._nodes if n.NamespaceIndex == index}
    assert found == expected
    for number in sorted(expected):
        ours = description(it, index, ua.NodeId(number, index))
        theirs = official_description(official, official.nodes[number])
        wrong += [(number, key, ours[key], theirs[key]) for key in theirs if ours[key] != theirs[key]]
    assert wrong == []
    assert len(expected) > 180


async def test_every_reference_is_as_the_standard_has_it(official: Official, server: tuple[Server, int]) -> None:
    """Judge: the same file. A reference is one thing, whichever of its two ends tells it."""
    it, index = server
    ours, theirs = set(), set()
    for number, node in official.nodes.items():
        if official.is_ours(number):
            theirs |= {directed(number, *reference) for reference in official.references(node)}
            ours |= {directed(number, *reference) for reference in references(it, index, ua.NodeId(number, index))}
    theirs = {r for r in theirs if all(not isinstance(end, int) or official.is_ours(end) for end in (r[0], r[2]))}
    assert ours == theirs
    assert len(theirs) > 450


Reference = tuple[int | str, str, int | str]


def directed(node: int | str, kind: str, forward: bool, other: int | str) -> Reference:
    return (node, kind, other) if forward else (other, kind, node)


def references(server: Server, index: int, node: ua.NodeId) -> set[tuple[str, bool, int | str]]:
    return {
        (f"i={r.ReferenceTypeId.Identifier}", bool(r.IsForward), plain(r.NodeId, index))
        for r in server.iserver.aspace[node].references
    }


def description(server: Server, index: int, node: ua.NodeId) -> dict[str, Any]:
    name = value_of(server, node, ua.AttributeIds.BrowseName)
    kind = value_of(server, node, ua.AttributeIds.DataType)
    return {
        "class": ua.NodeClass(value_of(server, node, ua.AttributeIds.NodeClass)).name,
        "name": name.Name,
        "of the standard": name.NamespaceIndex == index,
        "data type": plain(kind, index) if kind is not None else None,
        "rank": value_of(server, node, ua.AttributeIds.ValueRank),
        "abstract": bool(value_of(server, node, ua.AttributeIds.IsAbstract)),
    }


def official_description(official: Official, node: ElementTree.Element) -> dict[str, Any]:
    is_variable = node.tag == f"{_UA}UAVariable"
    space, _, name = node.attrib["BrowseName"].rpartition(":")
    return {
        "class": CLASSES[node.tag.removeprefix(_UA)],
        "name": name,
        "of the standard": space == "1",
        "data type": official.number(node.attrib.get("DataType", "i=24")) if is_variable else None,
        "rank": int(node.attrib.get("ValueRank", -1)) if is_variable else None,
        "abstract": node.attrib.get("IsAbstract") == "true",
    }


async def test_structures_have_the_standards_fields(official: Official, server: tuple[Server, int]) -> None:
    """Judge: the same file, DataTypeDefinition of all eleven."""
    it, index = server
    seen = 0
    for number, node in official.nodes.items():
        if node.tag != f"{_UA}UADataType":
            continue
        definition = value_of(it, ua.NodeId(number, index), ua.AttributeIds.DataTypeDefinition)
        ours = [
            (
                f.Name,
                plain(f.DataType, index),
                int(f.ValueRank),
                [int(d) for d in f.ArrayDimensions or ()],
                f.IsOptional,
            )
            for f in definition.Fields
        ]
        assert ours == [field_of(official, f) for f in node.iter(f"{_UA}Field")]
        assert definition.DefaultEncodingId.Identifier in {n for _, _, n in official.references(node)}
        seen += 1
    assert seen == 11


def our_field(field: ua.StructureField, index: int) -> tuple[Any, ...]:
    dimensions = [int(d) for d in field.ArrayDimensions or ()]
    return field.Name, plain(field.DataType, index), int(field.ValueRank), dimensions, field.IsOptional


def field_of(official: Official, field: ElementTree.Element) -> tuple[Any, ...]:
    rank = int(field.attrib.get("ValueRank", -1))
    kind = official.number(field.attrib.get("DataType", "i=24"))
    dimensions = [int(d) for d in field.attrib.get("ArrayDimensions", "").split(",") if d]
    return field.attrib["Name"], kind, rank, dimensions, field.attrib.get("IsOptional") == "true"


async def test_methods_take_and_give_what_the_standard_says(official: Official, server: tuple[Server, int]) -> None:
    """Judge: the same file, the values of InputArguments and OutputArguments, StateNumber and TransitionNumber."""
    it, index = server
    arguments = numbers = 0
    for number, node in official.nodes.items():
        value = node.find(f"{_UA}Value")
        if node.tag != f"{_UA}UAVariable" or not official.is_ours(number) or value is None:
            continue
        ours = value_of(it, ua.NodeId(number, index), ua.AttributeIds.Value)
        if node.attrib["BrowseName"].endswith("Arguments"):
            told = [(a.Name, plain(a.DataType, index), int(a.ValueRank)) for a in ours]
            assert told == [argument_of(official, a) for a in value.iter(f"{_TYPES}Argument")], number
            arguments += 1
        elif node.attrib["BrowseName"].endswith("Number"):
            assert ours == int(value[0].text or ""), number
            numbers += 1
    assert (arguments, numbers) == (26, 53)


def argument_of(official: Official, argument: ElementTree.Element) -> tuple[Any, ...]:
    kind = argument.findtext(f"{_TYPES}DataType/{_TYPES}Identifier") or ""
    return (
        argument.findtext(f"{_TYPES}Name"),
        official.number(kind),
        int(argument.findtext(f"{_TYPES}ValueRank") or 0),
    )


async def test_a_stock_client_drives_the_station_by_the_types_it_finds(tmp_path: Path) -> None:
    """Judge: asyncua's own client and `load_data_type_definitions`, in a process of its own, against the process."""
    ready = tmp_path / "ready.json"
    settings = SimulatorSettings(ledger=tmp_path / "ledger.jsonl")
    arguments = ["--endpoint", "opc.tcp://127.0.0.1:0/l/", "--ledger", str(settings.ledger), "--speed", "100"]
    arguments += ["--disturbances", "0", "--ready-file", str(ready)]
    simulator = await asyncio.create_subprocess_exec(sys.executable, "-m", "opcua_bridge.simulator", *arguments)
    try:
        async with asyncio.timeout(90):
            while not ready.exists():  # noqa: ASYNC110  nothing announces a file
                await asyncio.sleep(0.05)
        endpoint = json.loads(ready.read_text())["endpoint"]
        script = Path(__file__).with_name("job_client.py")
        client = await asyncio.create_subprocess_exec(
            sys.executable, str(script), endpoint, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(120):
            out, _ = await client.communicate()
    finally:
        simulator.kill()
        await simulator.wait()
    told = json.loads(out)
    assert told["store"] == 1
    assert told["stored twice"] == 8
    assert told["update"] == 1
    assert told["unknown"] == 2
    assert told["no runs"] == 2**32
    assert told["start"] == 1
    assert told["states"] == [[1, 2], [2, 3], [3], [4, 2], [3], [5, 1]]
    assert told["events"] == told["states"]
    assert told["pause"] == told["resume"] == told["clear"] == 1
    assert told["cleared twice"] == 2
    assert told["order"] == {"id": "J-1", "work master": "WM-CB-TEST", "runs": 60, "material": "CB-100"}
    assert told["response"] == {"status": 1, "order": "J-1", "state": 5, "ended": True}
    assert told["by state"] == {"status": 1, "orders": ["J-1"]}
    assert told["type"] == 1008
