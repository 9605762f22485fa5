"""What is there on an endpoint: a thin browse, for people who write a tag map."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from asyncua import ua

from opcua_bridge.channel import Channel
from opcua_bridge.tag_map import Endpoint
from opcua_bridge.trust import Trust
from opcua_bridge.values import sample_of

MAX_NODES: Final = 2_000
MAX_DEPTH: Final = 8


@dataclass(frozen=True)
class Found:
    node: str
    path: str
    is_variable: bool
    data_type: str = ""
    value: str = ""


async def browse(channel: Channel, *, root: str = "i=85", max_nodes: int = MAX_NODES) -> list[Found]:
    """Objects and variables below `root`, breadth first, with the current values; the Server object is left out."""
    found: list[Found] = []
    seen: set[str] = set()
    waiting = deque([(channel.node_id(root), "", 0)])
    while waiting and len(found) < max_nodes:
        node, path, depth = waiting.popleft()
        for child in await channel.children(node):
            child_id = ua.NodeId(child.NodeId.Identifier, child.NodeId.NamespaceIndex)
            name = channel.node_name(child_id)
            if name in seen or name == "i=2253":
                continue
            seen.add(name)
            below = f"{path}/{child.BrowseName.Name}"
            found.append(Found(name, below, child.NodeClass == ua.NodeClass.Variable))
            if depth + 1 < MAX_DEPTH:
                waiting.append((child_id, below, depth + 1))
    return await _with_values(channel, found[:max_nodes])


async def _with_values(channel: Channel, found: list[Found]) -> list[Found]:
    variables = [f for f in found if f.is_variable]
    values = dict(zip([f.node for f in variables], await channel.read([f.node for f in variables]), strict=True))
    return [_with_value(f, values[f.node]) if f.is_variable else f for f in found]


def _with_value(found: Found, value: ua.DataValue) -> Found:
    sample = sample_of("browse", value, observed_at_us=0)
    return Found(found.node, found.path, found.is_variable, sample.data_type, str(sample.value)[:80])


async def browse_endpoint(
    endpoint: Endpoint, trust: Trust, *, root: str = "i=85", max_nodes: int = MAX_NODES
) -> list[Found]:
    """The same with a connection of its own."""
    channel = Channel(endpoint, trust)
    await channel.open()
    try:
        await channel.create_session()
        await channel.read_status()
        return await browse(channel, root=root, max_nodes=max_nodes)
    finally:
        await channel.leave()
