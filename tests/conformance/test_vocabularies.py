"""Our vocabularies against the standards' own machine-readable files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.job_control import (
    TRANSITIONS,
    DispatchStatus,
    EndedSubstate,
    InterruptedSubstate,
    JobState,
    PrepareSubstate,
)
from standards.isa95.material import Disposition, MaterialUse
from standards.opcua.status import BAD_NO_COMMUNICATION, BAD_WAITING_FOR_INITIAL_DATA, Quality, quality_of
from standards.packml.states import MachineryItemState, PackMLState

JUDGES: Final = (
    ("XML schemas of B2MML, MESA International", "7.01 (commit 65cc665, 2023-07-11)"),
    ("NodeSets of the OPC Foundation", "commit a2d4ae8, 2024-10-18"),
)

_XSD = "{http://www.w3.org/2001/XMLSchema}"
_UA = "{http://opcfoundation.org/UA/2011/03/UANodeSet.xsd}"


def b2mml(conformance: Path, name: str) -> set[str]:
    """Values of an enumeration of MESA's B2MML-Common.xsd, V7.01."""
    tree = ElementTree.parse(conformance / "b2mml-v7.01/Schema/B2MML-Common.xsd")
    (found,) = (t for t in tree.iter(f"{_XSD}complexType") if t.get("name") == name)
    return {value.attrib["value"] for value in found.iter(f"{_XSD}enumeration")} - {"Other"}


class Nodes:
    """A NodeSet2 file of the OPC Foundation."""

    def __init__(self, path: Path) -> None:
        self._root = ElementTree.parse(path).getroot()
        self._by_id = {node.attrib["NodeId"]: node for node in self._root if "NodeId" in node.attrib}

    def children(self, parent: str) -> Iterator[ElementTree.Element]:
        for node in self._by_id.values():
            if any(
                ref.attrib["ReferenceType"] == "HasComponent" and ref.attrib.get("IsForward") == "false"
                for ref in node.iter(f"{_UA}Reference")
                if ref.text == parent
            ):
                yield node

    def name(self, node_id: str) -> str:
        return self._by_id[node_id].attrib["BrowseName"].split(":")[-1]

    def targets(self, node: ElementTree.Element, kind: str) -> list[str]:
        return [
            ref.text or ""
            for ref in node.iter(f"{_UA}Reference")
            if ref.attrib["ReferenceType"] == kind and ref.attrib.get("IsForward") != "false"
        ]

    def number(self, node: ElementTree.Element, name: str) -> int | None:
        for child in self._by_id.values():
            if child.get("ParentNodeId") == node.attrib["NodeId"] and child.attrib["BrowseName"].endswith(name):
                value = child.find(f"{_UA}Value")
                return None if value is None else int(value[0].text or "")
        return None

    def states(self, machine: str) -> dict[str, int]:
        found = ((n, self.number(n, "StateNumber")) for n in self.children(machine))
        return {self.name(n.attrib["NodeId"]): number for n, number in found if number is not None}


def test_dispatch_status_is_b2mml(conformance: Path) -> None:
    """Judge: B2MML 7.01, JobOrderDispatchStatus1Type."""
    assert {status.value for status in DispatchStatus} == b2mml(conformance, "JobOrderDispatchStatus1Type")


def test_disposition_is_b2mml(conformance: Path) -> None:
    """Judge: B2MML 7.01, Disposition1Type."""
    assert {value.value for value in Disposition} == b2mml(conformance, "Disposition1Type")


def test_equipment_levels_and_material_uses_are_b2mml(conformance: Path) -> None:
    """Judge: B2MML 7.01, EquipmentLevel1Type and MaterialUse1Type."""
    assert {level.value for level in EquipmentLevel} == b2mml(conformance, "EquipmentLevel1Type")
    assert {use.value for use in MaterialUse} <= b2mml(conformance, "MaterialUse1Type")


def test_job_states_and_transitions_are_those_of_job_control(conformance: Path) -> None:
    """Judge: OPC 10031-4 NodeSet2 (ISA95-JOBCONTROL V2), ISA95JobOrderReceiverObjectType i=1002."""
    nodes = Nodes(conformance / "ua-nodesets/ISA95-JOBCONTROL/opc.ua.isa95-jobcontrol.nodeset2.xml")
    assert nodes.states("ns=1;i=1002") == {state.name: state.value for state in JobState}
    steps = (
        (nodes.targets(node, "FromState"), nodes.targets(node, "ToState")) for node in nodes.children("ns=1;i=1002")
    )
    transitions = {
        (JobState[nodes.name(sources[0])], JobState[nodes.name(targets[0])])
        for sources, targets in steps
        if sources and targets
    }
    assert transitions == set(TRANSITIONS)


def test_substates_are_those_of_job_control(conformance: Path) -> None:
    """Judge: OPC 10031-4 NodeSet2, the three sub-state machines."""
    nodes = Nodes(conformance / "ua-nodesets/ISA95-JOBCONTROL/opc.ua.isa95-jobcontrol.nodeset2.xml")
    ours = {"ns=1;i=1001": PrepareSubstate, "ns=1;i=1007": InterruptedSubstate, "ns=1;i=1005": EndedSubstate}
    for machine, enum in ours.items():
        assert nodes.states(machine) == {state.name: state.value for state in enum}


def test_packml_states_have_the_official_numbers(conformance: Path) -> None:
    """Judge: OPC 30050 NodeSet2. (It also numbers the enclosing states Running 18 and Cleared 19.)"""
    nodes = Nodes(conformance / "ua-nodesets/PackML/Opc.Ua.PackML.NodeSet2.xml")
    official: dict[str, int] = {}
    for machine in ("ns=1;i=1", "ns=1;i=3", "ns=1;i=2", "ns=1;i=4", "ns=1;i=5", "ns=1;i=6"):
        official |= nodes.states(machine)
    shared = {state.name: state.value for state in PackMLState if state.name in official}
    assert len(shared) >= 10
    assert shared == {name: official[name] for name in shared}


def test_machinery_item_states_have_the_official_numbers(conformance: Path) -> None:
    """Judge: OPC 40001-1 NodeSet2, MachineryItemState_StateMachineType i=1002."""
    nodes = Nodes(conformance / "ua-nodesets/Machinery/Opc.Ua.Machinery.NodeSet2.xml")
    assert nodes.states("ns=1;i=1002") == {state.name: state.value for state in MachineryItemState}


def test_every_status_code_has_the_quality_of_its_name(conformance: Path) -> None:
    """Judge: the OPC Foundation's StatusCode.csv, all codes."""
    with (conformance / "ua-nodesets/Schema/StatusCode.csv").open(encoding="utf-8-sig") as file:
        codes = {row[0]: int(row[1], 16) for row in csv.reader(file) if len(row) > 1 and row[1].startswith("0x")}
    assert len(codes) > 200
    assert codes["BadNoCommunication"] == BAD_NO_COMMUNICATION
    assert codes["BadWaitingForInitialData"] == BAD_WAITING_FOR_INITIAL_DATA
    for name, code in codes.items():
        expected = next((q for q in Quality if name.lower().startswith(q.value)), None)
        assert expected is None or quality_of(code) is expected, name
