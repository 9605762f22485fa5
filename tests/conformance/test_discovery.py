"""Machines made from the OPC Foundation's own NodeSets, recognised over the wire.

The servers are asyncua with the files of `ua-nodesets` (2024-10) imported: what a machine builder's server offers.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from asyncua import Node, ua
from asyncua.common.instantiate_util import instantiate

from opcua_bridge.discovery.browsing import Bounds, Connection, browse
from opcua_bridge.discovery.companion_types import (
    DI,
    JOB_CONTROL,
    MACHINE_TOOL,
    MACHINERY,
    PACKML,
    ROBOTICS,
    TYPES,
    steps,
)
from opcua_bridge.discovery.proposal import Slot
from opcua_bridge.discovery.proposals import Proposals, propose
from opcua_bridge.discovery.watching import watch
from opcua_bridge.tag_map import Endpoint, Security, TagClass
from opcua_bridge.trust import Trust
from tests.opcua_bridge.support import Machine

JUDGES: Final = (
    ("NodeSets of the OPC Foundation", "commit a2d4ae8, 2024-10-18"),
    ("asyncua", None),
)

FILES = {
    DI: "DI/Opc.Ua.Di.NodeSet2.xml",
    MACHINERY: "Machinery/Opc.Ua.Machinery.NodeSet2.xml",
    PACKML: "PackML/Opc.Ua.PackML.NodeSet2.xml",
    JOB_CONTROL: "ISA95-JOBCONTROL/opc.ua.isa95-jobcontrol.nodeset2.xml",
    ROBOTICS: "Robotics/Opc.Ua.Robotics.NodeSet2.xml",
    "IA": "IA/Opc.Ua.IA.NodeSet2.xml",
    "http://opcfoundation.org/UA/Machinery/Jobs/": "Machinery/Jobs/Opc.Ua.Machinery.Jobs.Nodeset2.xml",
    MACHINE_TOOL: "MachineTool/Opc.Ua.MachineTool.NodeSet2.xml",
}
OPTION_SET = re.compile(r'<UADataType NodeId="ns=1;i=(\d+)"[^>]*BrowseName="1:OutputInfoType"')


class Shop(Machine):
    """A server with companion specifications, and the machines a builder made of them."""

    def __init__(self, folder: Path, specifications: Iterable[str], *, spaces_before: int = 0) -> None:
        super().__init__(spaces_before=spaces_before)
        self._folder, self._specifications = folder, list(specifications)
        self.prepare = self._load

    async def _load(self) -> None:
        for number in range(self._spaces_before):
            await self.server.register_namespace(f"urn:test:before-{number}")
        for uri in self._specifications:
            file = self._folder / "ua-nodesets" / FILES[uri]
            if "Jobs" in uri:
                await self._know_option_sets(uri, file)
            await self.server.import_xml(file)

    async def _know_option_sets(self, uri: str, file: Path) -> None:
        """asyncua 2.1.0 cannot import an OptionSet on a Byte (opcua-asyncio 1869) unless told what it is."""
        index = await self.server.register_namespace(uri)
        [number] = OPTION_SET.findall(await asyncio.to_thread(file.read_text, "utf-8"))
        ua.basetype_by_datatype[ua.NodeId(int(number), index)] = "Byte"

    async def make(self, parent: Node, uri: str, type_number: int, name: str, *, optional: bool = True) -> Node:
        """An instance of a specification's type, under a name of the builder's."""
        index = await self.server.get_namespace_index(uri)
        kind = self.server.get_node(ua.NodeId(type_number, index))
        browse_name = name if ":" in name else f"{self.space}:{name}"
        made = await instantiate(
            parent, kind, bname=browse_name, idx=self.space, instantiate_optional=optional, dname=ua.LocalizedText(name)
        )
        return made[0]

    async def write_below(self, node: Node, uri: str, way: str, value: Any, kind: ua.VariantType) -> None:
        path = []
        for step in steps(uri, way):
            space, _, name = step.rpartition(";")
            index = await self.server.get_namespace_index(space.removeprefix("nsu=")) if space else 0
            path.append(f"{index}:{name}")
        variable = await node.get_child(path)
        await self.server.write_attribute_value(variable.nodeid, ua.DataValue(ua.Variant(value, kind)))

    async def proposals(self, folder: Path) -> Proposals:
        endpoint = Endpoint(name="shop", url=self.url, security=Security.none)
        async with Connection(endpoint, Trust(folder)) as channel:
            tree = await browse(channel, bounds=Bounds(max_nodes=5_000, max_depth=20, within_s=120))
            seen = await watch(channel, [v.node for v in tree.variables if v.is_readable], seconds=0)
        assert tree.complete, tree.remarks
        return propose(tree, seen)


@contextlib.asynccontextmanager
async def shop(folder: Path, *specifications: str, **options: Any) -> AsyncIterator[Shop]:
    it = Shop(folder, specifications, **options)
    await it.start({})
    try:
        yield it
    finally:
        await it.stop()


TEXT, STRING, BOOL, INT = (
    ua.VariantType.LocalizedText,
    ua.VariantType.String,
    ua.VariantType.Boolean,
    ua.VariantType.Int32,
)


@pytest.mark.parametrize("spaces_before", [0, 4])
async def test_machinery(conformance: Path, tmp_path: Path, spaces_before: int) -> None:
    async with shop(conformance, DI, MACHINERY, spaces_before=spaces_before) as it:
        press = await it.folder.add_object(it.space, "Press")
        plate = await it.make(press, MACHINERY, 1012, "Identification")
        state = await it.make(press, MACHINERY, 1002, "MachineryItemState")
        mode = await it.make(press, MACHINERY, 1008, "MachineryOperationMode")
        counters = await it.make(press, MACHINERY, 1009, "OperationCounters")
        await it.write_below(plate, MACHINERY, "DI:Manufacturer", ua.LocalizedText("ACME"), TEXT)
        await it.write_below(plate, MACHINERY, "DI:SerialNumber", "17-4", STRING)
        await it.write_below(plate, MACHINERY, "DI:ProductInstanceUri", "acme.example/17-4", STRING)
        await it.write_below(state, MACHINERY, "UA:CurrentState", ua.LocalizedText("Executing"), TEXT)
        await it.write_below(mode, MACHINERY, "UA:CurrentState", ua.LocalizedText("Processing"), TEXT)
        await it.write_below(counters, MACHINERY, "DI:OperationCycleCounter", 4711, ua.VariantType.UInt32)
        found = await it.proposals(tmp_path)
    tags = dict(found.tags)
    bound = {name: (p.tag_class, p.slot) for name, p in tags.items() if p.confidence >= 0.8}
    assert bound == {
        "MachineSerial": (TagClass.identity, Slot.nameplate),
        "MachineUri": (TagClass.identity, Slot.nameplate),
        "State": (TagClass.state, Slot.state),
        "Mode": (TagClass.state, Slot.mode),
        "Cycles": (TagClass.counter, Slot.total),
    } | {n: (TagClass.measurement, Slot.measurement) for n in bound if n.endswith("Duration")}
    assert tags["State"].evidence[0] == (
        "/Machine/Press/MachineryItemState is a MachineryItemState_StateMachineType of Machinery (OPC 40001-1)"
    )
    [machine] = found.machines
    assert machine.nameplate == {
        "Manufacturer": "ACME",
        "SerialNumber": "17-4",
        "ProductInstanceUri": "acme.example/17-4",
    }


async def test_packml(conformance: Path, tmp_path: Path) -> None:
    async with shop(conformance, PACKML) as it:
        unit = await it.make(it.folder, PACKML, 6, "Filler")
        await it.make(unit, PACKML, 5, "Counts")
        await it.make(unit, PACKML, 1, "Execution")
        await it.write_below(unit, PACKML, "BaseStateMachine/UA:CurrentState", ua.LocalizedText("Cleared"), TEXT)
        await it.write_below(unit, PACKML, "Status/UnitModeCurrent", 1, INT)
        await it.write_below(unit, PACKML, "Status/EquipmentStarved", False, BOOL)
        await it.write_below(unit, PACKML, "Status/CurMachSpeed", 120.0, ua.VariantType.Float)
        found = await it.proposals(tmp_path)
    tags = dict(found.tags)
    assert {n for n, p in tags.items() if p.confidence >= 0.8} >= {"BaseState", "Mode", "Starved", "Speed"}
    assert (tags["Mode"].slot, tags["BaseState"].slot) == (Slot.mode, Slot.state)
    assert [m.what for m in found.machines] == ["PackML unit"]
    for name in ("ProcessedCount", "DefectiveCount"):
        assert tags[name].confidence < 0.5, "an array of structures is nothing the bridge can count"
        assert "no value the bridge can pass on" in tags[name].doubts[0]


@pytest.mark.parametrize("type_number", [1002, 1008])
async def test_job_order_receivers(conformance: Path, tmp_path: Path, type_number: int) -> None:
    async with shop(conformance, JOB_CONTROL) as it:
        receiver = await it.make(it.folder, JOB_CONTROL, type_number, "JobOrderControl")
        provider = await it.make(it.folder, JOB_CONTROL, 1003, "JobOrderResults")
        found = await it.proposals(tmp_path)
        node, beside = receiver.nodeid, provider.nodeid
    [target] = found.targets
    assert target.found.node.endswith(f"i={node.Identifier}")
    assert target.responses.endswith(f"i={beside.Identifier}")
    assert (target.driver, target.key) == ("isa95-job-control", "receiver")
    assert target.confidence > 0.9
    assert "Store, StoreAndStart" in target.evidence[1]
    assert found.tags == ()


async def test_a_receiver_without_methods_is_doubted(conformance: Path, tmp_path: Path) -> None:
    async with shop(conformance, JOB_CONTROL) as it:
        await it.make(it.folder, JOB_CONTROL, 1002, "JobOrderControl", optional=False)
        found = await it.proposals(tmp_path)
    assert found.targets[0].confidence < 0.5
    assert "no method" in found.targets[0].evidence[1]


async def test_robotics(conformance: Path, tmp_path: Path) -> None:
    async with shop(conformance, DI, ROBOTICS) as it:
        cell = await it.make(it.folder, ROBOTICS, 1002, "Robot", optional=False)
        safety = await it.make(cell, ROBOTICS, 1013, "Safety")
        task = await it.make(cell, ROBOTICS, 1011, "Task")
        await it.write_below(safety, ROBOTICS, "DI:ParameterSet/EmergencyStop", False, BOOL)
        await it.write_below(safety, ROBOTICS, "DI:ParameterSet/ProtectiveStop", False, BOOL)
        await it.write_below(safety, ROBOTICS, "DI:ParameterSet/OperationalMode", 3, INT)
        await it.write_below(task, ROBOTICS, "DI:ParameterSet/TaskProgramName", "weld-7", STRING)
        await it.write_below(task, ROBOTICS, "DI:ParameterSet/TaskProgramLoaded", True, BOOL)
        found = await it.proposals(tmp_path)
    sure = {n.rpartition(".")[2]: p.tag_class for n, p in found.tags if p.confidence >= 0.8}
    assert sure == {
        "EmergencyStop": TagClass.alarm,
        "ProtectiveStop": TagClass.alarm,
        "Mode": TagClass.state,
        "Program": TagClass.state,
        "ProgramLoaded": TagClass.state,
    }
    assert "robot system" in [m.what for m in found.machines]


async def test_machine_tool(conformance: Path, tmp_path: Path) -> None:
    async with shop(conformance, *(uri for uri in FILES if uri not in (PACKML, ROBOTICS))) as it:
        tool = await it.make(it.folder, MACHINE_TOOL, 13, "Mill", optional=False)
        monitoring = await it.make(tool, MACHINE_TOOL, 26, "Monitor")
        program = await it.make(tool, MACHINE_TOOL, 32, "Running")
        statistics = await it.make(tool, MACHINE_TOOL, 20, "Totals")
        plate = await it.make(tool, MACHINE_TOOL, 11, "Plate", optional=False)
        await it.write_below(monitoring, MACHINE_TOOL, "OperationMode", 1, INT)
        await it.write_below(program, MACHINE_TOOL, "Name", "O1234", STRING)
        await it.write_below(program, MACHINE_TOOL, "State/UA:CurrentState", ua.LocalizedText("Running"), TEXT)
        await it.write_below(statistics, MACHINE_TOOL, "PartsProducedInLifetime", 9, ua.VariantType.UInt32)
        await it.write_below(plate, MACHINERY, "DI:SerialNumber", "M-1", STRING)
        found = await it.proposals(tmp_path)
    sure = {n: p for n, p in found.tags if p.confidence >= 0.8}
    assert {"OperationMode", "Program", "ProductionState", "PartsInLifetime"} <= {n.rpartition(".")[2] for n in sure}
    assert any(p.found.value == "M-1" and "is a subtype of" in p.evidence[0] for p in sure.values())
    assert "machine tool" in [m.what for m in found.machines]


@pytest.mark.parametrize("node", sorted(TYPES))
def test_every_type_and_what_it_offers_is_in_the_published_nodeset(conformance: Path, node: str) -> None:
    """Names and numbers of the rules against the files, so that a typing error is no silent blindness."""
    one = TYPES[node]
    if not one.uri:
        assert ua.ObjectIds.StateMachineType == one.number
        return
    text = (conformance / "ua-nodesets" / FILES[one.uri]).read_text(encoding="utf-8")
    assert re.search(
        rf'<UAObjectType[^>]*NodeId="ns=1;i={one.number}"[^>]*BrowseName="1:{one.name}"', text
    ) or re.search(rf'<UAObjectType[^>]*BrowseName="1:{one.name}"[^>]*NodeId="ns=1;i={one.number}"', text)
    di = (conformance / "ua-nodesets" / FILES[DI]).read_text(encoding="utf-8")
    for offer in one.offers:
        name = steps(one.uri, offer.way)[-1].rpartition(";")[2]
        assert (
            re.search(rf'BrowseName="(\d+:)?{name}"', text)
            or re.search(rf'BrowseName="(\d+:)?{name}"', di)
            or (name == "CurrentState")
        )
