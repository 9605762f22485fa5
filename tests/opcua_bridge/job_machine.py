"""A machine with a job order receiver, made by hand, that can be mean.

What is sent and received is packed and read with `struct` here: a second hand for the bridge's codec.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua

from tests.opcua_bridge.support import Machine

V2 = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"
V1 = "http://opcfoundation.org/UA/ISA95-JOBCONTROL/"
STRUCTURE, OPTIONAL = ua.StructureType.Structure, ua.StructureType.StructureWithOptionalFields
METHODS = ("Store", "StoreAndStart", "Start", "Stop", "Pause", "Resume", "Abort", "Cancel", "Clear", "Update")


def text(value: str) -> bytes:
    """A String of OPC 10000-6 clause 5.2.2.4."""
    content = value.encode()
    return struct.pack("<i", len(content)) + content


def state(number: int, name: str = "", *, path: str = "") -> bytes:
    """An ISA95StateDataType: RelativePath, LocalizedText, UInt32."""
    elements = struct.pack("<i", 0)
    if path:  # ReferenceTypeId i=33 (two bytes), IsInverse, IncludeSubtypes, TargetName
        elements = struct.pack("<i", 1) + b"\x00\x21" + b"\x00\x01" + struct.pack("<H", 2) + text(path)
    words = b"\x02" + text(name) if name else b"\x00"
    return elements + words + struct.pack("<I", number)


def entry(order_id: str, *states: bytes) -> bytes:
    """An ISA95JobOrderAndStateDataType whose job order has no optional field."""
    return struct.pack("<I", 0) + text(order_id) + struct.pack("<i", len(states)) + b"".join(states)


def response(order_id: str, *states: bytes) -> bytes:
    """An ISA95JobResponseDataType without optional fields."""
    start = struct.pack("<I", 0) + text("R") + text(order_id)
    return start + struct.pack("<i", len(states)) + b"".join(states)


def fields_of(*specs: tuple[str, ua.NodeId, bool, bool]) -> list[ua.StructureField]:
    """Name, type, whether an array, whether optional."""
    return [
        ua.StructureField(Name=n, DataType=t, ValueRank=ua.Int32(1 if many else -1), IsOptional=optional)
        for n, t, many, optional in specs
    ]


@dataclass
class Receiver:
    """The receiver of a `Machine`, its list and what was called."""

    it: Machine
    space: int = 0
    calls: list[tuple[str, str]] = field(default_factory=list)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Order id → state, sub-state."""
    answer: Callable[[str], Any] = lambda _method: 1
    """What a method returns: a ReturnStatus, a StatusCode, or a list of variants."""
    works: bool = True
    """Whether a call does what it should, whatever it answers."""
    during: Callable[[str], Any] | None = None
    """Awaited after the deed and before the answer."""
    after_start: tuple[int, int] = (3, 0)

    async def publish(self) -> None:
        """Show the list as it is now."""
        body = [
            entry(order_id, state(number), *([state(below, path="S")] if below else []))
            for order_id, (number, below) in self.jobs.items()
        ]
        await self.write("JobOrderList", 5032, body)

    async def write(self, name: str, encoding: int, bodies: list[bytes], status: int = 0) -> None:
        values = [ua.ExtensionObject(TypeId=ua.NodeId(encoding, self.space), Body=body) for body in bodies]
        variant = ua.Variant(values, ua.VariantType.ExtensionObject, is_array=True)
        data = (
            ua.DataValue(variant, ua.StatusCode(status))
            if status >> 31 == 0
            else ua.DataValue(None, ua.StatusCode(status))
        )
        await self.it.server.write_attribute_value(ua.NodeId(f"R.{name}", self.it.space), data)

    async def called(self, method: str, first: ua.Variant) -> Any:
        order_id = first.Value if isinstance(first.Value, str) else self._order(first.Value)
        self.calls.append((method, order_id))
        if self.works:
            self._do(method, order_id)
            await self.publish()
        if self.during is not None:
            await self.during(method)
        said = self.answer(method)
        return [ua.Variant(said, ua.VariantType.UInt64)] if isinstance(said, int) else said

    def _order(self, sent: ua.ExtensionObject) -> str:
        """JobOrderID of an ISA95JobOrderDataType: the first field after the mask."""
        assert sent.TypeId == ua.NodeId(5014, self.space)
        (mask, length) = struct.unpack_from("<Ii", sent.Body)
        order_id = sent.Body[8 : 8 + length].decode()
        self.orders[order_id] = {"mask": mask, "body": sent.Body}
        return order_id

    def _do(self, method: str, order_id: str) -> None:
        if method in ("Cancel", "Clear"):
            self.jobs.pop(order_id, None)
            return
        states = {
            "Store": (1, 2), "StoreAndStart": self.after_start, "Start": self.after_start, "Pause": (4, 2),
            "Resume": (3, 0), "Stop": (5, 1), "Abort": (6, 0), "Update": (1, 2),
        }  # fmt: skip
        self.jobs[order_id] = states[method]


async def _types(it: Machine, space: int) -> None:
    """The data types alone, with the standard's numbers. Fields that nobody has to have are left out."""
    string, number = ua.NodeId(ua.ObjectIds.String), ua.NodeId(ua.ObjectIds.UInt32)
    words, path, any_type = (ua.NodeId(i) for i in (ua.ObjectIds.LocalizedText, 540, 24))

    def own(node: int) -> ua.NodeId:
        return ua.NodeId(node, space)

    table: list[tuple[int, int, str, Any, list[ua.StructureField]]] = [
        (3003, 5005, "ISA95ParameterDataType", OPTIONAL, fields_of(
            ("ID", string, False, False), ("Value", any_type, False, False), ("Description", words, True, True))),
        (3006, 5029, "ISA95StateDataType", STRUCTURE, fields_of(
            ("BrowsePath", path, False, False), ("StateText", words, False, False),
            ("StateNumber", number, False, False))),
        (3008, 5014, "ISA95JobOrderDataType", OPTIONAL, fields_of(
            ("JobOrderID", string, False, False), ("JobOrderParameters", own(3003), True, True))),
        (3013, 5026, "ISA95JobResponseDataType", OPTIONAL, fields_of(
            ("JobResponseID", string, False, False), ("JobOrderID", string, False, False),
            ("JobState", own(3006), True, False), ("Description", words, False, True))),
        (3015, 5032, "ISA95JobOrderAndStateDataType", STRUCTURE, fields_of(
            ("JobOrder", own(3008), False, False), ("State", own(3006), True, False))),
    ]  # fmt: skip
    base = it.server.get_node(ua.NodeId(ua.ObjectIds.Structure))
    for node, encoding, name, kind, fields in table:
        made = await base.add_data_type(own(node), f"{space}:{name}")
        await made.write_data_type_definition(
            ua.StructureDefinition(DefaultEncodingId=own(encoding), StructureType=kind, Fields=fields)
        )


async def add_receiver(
    it: Machine, *, methods: tuple[str, ...] = METHODS, uri: str = V2, describes: bool = True, most: int = 0
) -> Receiver:
    """A receiver `R` in a machine that has been started; `describes`: whether its types are there."""
    space = await it.server.register_namespace(uri)
    receiver = Receiver(it, space)
    if describes:
        await _types(it, space)
    node = await it.folder.add_object(ua.NodeId("R", it.space), f"{it.space}:Receiver")
    await _list(node, it, space, "JobOrderList", 3015)
    if most:
        name = ua.QualifiedName("MaxDownloadableJobOrders", space)
        await node.add_property(ua.NodeId("R.Max", it.space), name, most, ua.VariantType.UInt16)
    for method in methods:
        await _method(receiver, node, method)
    await receiver.publish()
    return receiver


async def _list(node: Any, it: Machine, space: int, name: str, kind: int) -> None:
    empty = ua.Variant([], ua.VariantType.ExtensionObject, is_array=True)
    qualified, data_type = ua.QualifiedName(name, space), ua.NodeId(kind, space)
    await node.add_variable(ua.NodeId(f"R.{name}", it.space), qualified, empty, datatype=data_type)


async def _method(receiver: Receiver, node: Any, method: str) -> None:
    async def called(_parent: Any, first: ua.Variant, _comment: Any = None) -> Any:
        return await receiver.called(method, first)

    await node.add_method(ua.NodeId(f"R.{method}", receiver.it.space), ua.QualifiedName(method, receiver.space), called)


async def add_provider(receiver: Receiver, responses: dict[str, bytes], *, by_method: bool) -> None:
    """A job response provider `P` that knows these jobs, by its method or by its list."""
    it, space = receiver.it, receiver.space
    node = await it.folder.add_object(ua.NodeId("P", it.space), f"{it.space}:Provider")
    if not by_method:
        await _list(node, it, space, "JobOrderResponseList", 3013)
        await receiver.write("JobOrderResponseList", 5026, list(responses.values()))
        return

    async def requested(_parent: Any, order_id: ua.Variant) -> Any:
        body = responses.get(order_id.Value, response(""))
        found = ua.ExtensionObject(TypeId=ua.NodeId(5026, space), Body=body)
        status = 1 if order_id.Value in responses else 2
        return [ua.Variant(found, ua.VariantType.ExtensionObject), ua.Variant(status, ua.VariantType.UInt64)]

    name = ua.QualifiedName("RequestJobResponseByJobOrderID", space)
    await node.add_method(ua.NodeId("P.Request", it.space), name, requested)


VARIABLES: dict[str, tuple[Any, ua.VariantType]] = {"M.Remote": (True, ua.VariantType.Boolean)}
TARGET = """
[[endpoint.job_target]]
equipment = "M"
driver = "isa95-job-control"
receiver = "m;s=R"
responses = "m;s=P"
remote = "m;s=M.Remote"
ack_timeout_s = 0.5
"""


@contextlib.asynccontextmanager
async def receiver_machine(
    *, port: int | None = None, spaces_before: int = 0, **options: Any
) -> AsyncIterator[Receiver]:
    """A machine of its own with a receiver."""
    it = Machine(port, spaces_before=spaces_before)
    await it.start(VARIABLES)
    try:
        yield await add_receiver(it, **options)
    finally:
        await it.stop()
