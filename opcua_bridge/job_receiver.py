"""An ISA95JobOrderReceiverObjectType of a machine (OPC 10031-4 V2, clause 7.2.1): what it offers, what it says of jobs.

Nodes are found by namespace URI and browse name, types by the definitions the server gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from asyncua import ua

from opcua_bridge.browse_path import has_path
from opcua_bridge.structures import Fields, Structures, TypeSource, UnknownStructure
from standards.isa95.job_control import JOB_CONTROL_URI, JOB_CONTROL_V1_URI, JobState

JOB_ORDER: Final = 3008
JOB_RESPONSE: Final = 3013
ORDER_AND_STATE: Final = 3015
_BY_NAME: Final = {state.name.lower(): int(state) for state in JobState}


class NoReceiver(LookupError):
    """The node is no job order receiver that can be spoken to; `code` and the text say why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Server(TypeSource, Protocol):
    """What is needed of a connection."""

    @property
    def namespaces(self) -> Sequence[str]: ...

    async def resolve(self, nodes: Sequence[str]) -> None: ...

    def node_id(self, node: str) -> ua.NodeId: ...

    def node_name(self, node_id: ua.NodeId) -> str: ...

    async def members(self, node: ua.NodeId) -> list[ua.ReferenceDescription]: ...

    async def read_ids(self, ids: Sequence[ua.NodeId]) -> list[ua.DataValue]: ...

    async def call(
        self, target: ua.NodeId, method: ua.NodeId, arguments: Sequence[ua.Variant]
    ) -> ua.CallMethodResult: ...


@dataclass(frozen=True)
class MachineJob:
    """One entry of JobOrderList. `state` 0: nothing that the standard knows."""

    order_id: str
    state: int
    substate: int = 0


@dataclass(frozen=True)
class Receiver:
    """What a receiver offers at present, in the ids its server uses at present."""

    node: ua.NodeId
    members: dict[str, ua.NodeId]
    space: int
    types: Structures = field(compare=False)

    @property
    def job_list(self) -> ua.NodeId:
        return self.members["JobOrderList"]

    def offers(self, method: str) -> bool:
        return method in self.members

    def encoded(self, data_type: int, value: Fields) -> ua.Variant:
        content = self.types.encode(ua.NodeId(data_type, self.space), value)
        return ua.Variant(content, ua.VariantType.ExtensionObject)


async def find_receiver(server: Server, node: str) -> Receiver:
    """Raises NoReceiver: another version of the standard, none at all, or types that cannot be read."""
    spaces = server.namespaces
    if JOB_CONTROL_URI not in spaces:
        raise _not_spoken(spaces)
    space = spaces.index(JOB_CONTROL_URI)
    await server.resolve([node])
    try:
        found = server.node_id(node)
    except LookupError as error:
        lacks = "no such path" if has_path(node) else "no such namespace"
        raise NoReceiver("no-job-receiver", f"{node}: the machine's server has {lacks}") from error
    members = await _members(server, found)
    if "JobOrderList" not in members.get(space, {}):
        raise _without_list(server, node, members)
    types = await _types(server, space, (ORDER_AND_STATE, JOB_ORDER))
    return Receiver(found, members[space], space, types)


def _not_spoken(spaces: Sequence[str]) -> NoReceiver:
    if JOB_CONTROL_V1_URI in spaces:
        return NoReceiver(
            "job-control-v1",
            f"the machine speaks ISA-95 Job Control version 1 ({JOB_CONTROL_V1_URI}); version 2 is needed",
        )
    return NoReceiver("no-job-control", f"the machine's server has no namespace {JOB_CONTROL_URI}")


async def _members(server: Server, node: ua.NodeId) -> dict[int, dict[str, ua.NodeId]]:
    """Browse name → id, by namespace index of the browse name."""
    members: dict[int, dict[str, ua.NodeId]] = {}
    for child in await server.members(node):
        name = child.BrowseName
        child_id = ua.NodeId(child.NodeId.Identifier, child.NodeId.NamespaceIndex)
        members.setdefault(name.NamespaceIndex, {})[name.Name] = child_id
    return members


def _without_list(server: Server, node: str, members: dict[int, dict[str, ua.NodeId]]) -> NoReceiver:
    for space, names in members.items():
        if "JobOrderList" in names and server.namespaces[space] == JOB_CONTROL_V1_URI:
            return _not_spoken([JOB_CONTROL_V1_URI])
    return NoReceiver("no-job-receiver", f"{node} has no JobOrderList: it is no job order receiver")


async def _types(server: Server, space: int, wanted: Sequence[int]) -> Structures:
    types = Structures()
    try:
        await types.read(server, [ua.NodeId(t, space) for t in wanted])
    except UnknownStructure as error:
        raise NoReceiver(
            "job-types-unknown", f"the machine's server does not describe its job orders: {error}"
        ) from error
    return types


async def find_responses(server: Server, node: str) -> Receiver | None:
    """The job response provider (ISA95JobResponseProviderObjectType) at `node`; None if there is none."""
    spaces = server.namespaces
    if not node or JOB_CONTROL_URI not in spaces:
        return None
    space = spaces.index(JOB_CONTROL_URI)
    await server.resolve([node])
    try:
        found = server.node_id(node)
        members = (await _members(server, found)).get(space, {})
        return Receiver(found, members, space, await _types(server, space, (JOB_RESPONSE,)))
    except LookupError:
        return None


# --------------------------------------------------------------------- what it says


def jobs_of(types: Structures, entries: Sequence[Any]) -> tuple[MachineJob, ...]:
    """The entries of JobOrderList. Raises UnknownStructure."""
    jobs = []
    for entry in entries:
        fields = types.decode(entry)
        order = fields.get("JobOrder") or {}
        state, substate = state_of(fields.get("State"))
        jobs.append(MachineJob(str(order.get("JobOrderID") or ""), state, substate))
    return tuple(jobs)


def state_of(states: Sequence[Fields] | None) -> tuple[int, int]:
    """State and sub-state of an array of ISA95StateDataType: the top level is the entry without a browse path.

    A number outside the standard's is looked up by its text; (0, 0) where neither says anything.
    """
    known = list(states or ())
    top = next((s for s in known if not _path(s)), known[0] if known else None)
    if top is None:
        return 0, 0
    below = next((s for s in known if s is not top), None)
    return _number(top), int(below.get("StateNumber") or 0) if below is not None else 0


def _path(state: Fields) -> Sequence[Any]:
    return getattr(state.get("BrowsePath"), "Elements", None) or ()


def _number(state: Fields) -> int:
    number = int(state.get("StateNumber") or 0)
    if number in JobState._value2member_map_:
        return number
    text = getattr(state.get("StateText"), "Text", None) or ""
    return _BY_NAME.get(text.replace(" ", "").lower(), 0)
