"""Browse a server within its own limits and ours; no continuation point is left behind (OPC 10000-4 clause 5.9)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, TypeVar

from asyncua import ua

from opcua_bridge.browse_path import STANDARD, step_of
from opcua_bridge.channel import Channel, in_chunks
from opcua_bridge.discovery.tree import OBJECTS, Found, Tree
from opcua_bridge.tag_map import Endpoint
from opcua_bridge.trust import Trust
from opcua_bridge.values import sample_of

NODES_PER_BROWSE: Final = 100
"""Nodes in a request where the server states no smaller limit."""
RELEASE_WITHIN_S: Final = 2.0
SUBSCRIBE_TO_EVENTS: Final = 1
"""Bit of the EventNotifier attribute (OPC 10000-3 clause 5.5.1)."""
NO_CONTINUATION_POINTS: Final = ua.StatusCodes.BadNoContinuationPoints
_STATES_AND_TRANSITIONS: Final = frozenset({"i=2307", "i=2309", "i=2310"})
"""StateType, InitialStateType, TransitionType: the drawing of a state machine, not its state."""
_KINDS: Final = {ua.NodeClass.Variable: "variable", ua.NodeClass.Method: "method"}
_LIMIT_NODES: Final = (
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    ua.ObjectIds.Server_ServerCapabilities_MaxBrowseContinuationPoints,
)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Bounds:
    """How much of a server is looked at. What is beyond is said, never silently left out."""

    max_nodes: int = 2_000
    max_depth: int = 12
    within_s: float = 60.0
    references: int = 0
    """References asked for of one node at a time (RequestedMaxReferencesPerNode); 0: as many as the server likes."""


@dataclass(frozen=True)
class Limits:
    """What a server takes in one request."""

    nodes_per_browse: int
    continuation_points: int
    """Most it keeps for a session; 0: it does not say."""

    @property
    def step(self) -> int:
        """Nodes per Browse: each may leave a continuation point."""
        return min(self.nodes_per_browse, self.continuation_points or self.nodes_per_browse)


def not_deeper(levels: int) -> str:
    """What is said where there may be more below the deepest level looked at."""
    return f"not deeper than {levels} levels"


async def read_limits(channel: Channel) -> Limits:
    values = await channel.read_attribute([ua.NodeId(n) for n in _LIMIT_NODES], ua.AttributeIds.Value)
    most = [v.Value.Value if v.Value is not None and isinstance(v.Value.Value, int) else 0 for v in values]
    return Limits(min(most[0] or NODES_PER_BROWSE, NODES_PER_BROWSE), most[1])


async def browse(channel: Channel, *, root: str = OBJECTS, bounds: Bounds | None = None) -> Tree:
    """Objects, variables and methods below `root`, breadth first, with types, units and current values; what the
    standard itself puts below Objects (Server, Aliases …) is left out. Cancelled, it leaves no continuation point
    behind. LookupError if there is no such root."""
    return await _Walk(channel, bounds or Bounds(), await read_limits(channel)).tree(root)


async def browse_endpoint(
    endpoint: Endpoint, trust: Trust, *, root: str = OBJECTS, bounds: Bounds | None = None
) -> Tree:
    """The same with a connection of its own."""
    async with Connection(endpoint, trust) as channel:
        return await browse(channel, root=root, bounds=bounds)


class Connection:
    """A session of its own with an endpoint, closed for good at the end."""

    def __init__(self, endpoint: Endpoint, trust: Trust) -> None:
        self._channel = Channel(endpoint, trust)

    async def __aenter__(self) -> Channel:
        try:
            await self._channel.open()
            await self._channel.create_session()
            await self._channel.read_status()
        except BaseException:
            self._channel.close()
            raise
        return self._channel

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._channel.leave()
        except (ua.UaError, OSError, TimeoutError):
            if error is None:
                raise


class OpenPages:
    """Browse results page by page. Whatever ends the block, continuation points are released."""

    def __init__(self, channel: Channel, limits: Limits, references: int = 0) -> None:
        self._channel, self._limits, self._references = channel, limits, references
        self._open: dict[bytes, int] = {}
        """Continuation point -> which question it belongs to."""
        self.found: dict[int, list[ua.ReferenceDescription]] = {}
        self.refused: dict[int, int] = {}

    async def __aenter__(self) -> OpenPages:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open:
            with contextlib.suppress(ua.UaError, OSError, TimeoutError):  # a session that is gone holds nothing open
                await self._release()
        self._open.clear()

    async def _release(self) -> None:
        async with asyncio.timeout(RELEASE_WITHIN_S):
            for points in _chunked(list(self._open), self._limits.step):
                await self._channel.browse_next(points, release=True)

    async def read(self, questions: dict[int, ua.BrowseDescription]) -> None:
        """All references of these nodes, into `found`; a bad StatusCode of one is in `refused`."""
        for numbers in _chunked(list(questions), self._limits.step):
            asked = [questions[n] for n in numbers]
            await self._page(numbers, self._channel.browse(asked, references=self._references))
            while self._open:
                points = list(self._open)[: self._limits.step]
                numbers = [self._open[p] for p in points]
                await self._page(numbers, self._channel.browse_next(points), points)

    async def _page(
        self, numbers: Sequence[int], request: Awaitable[list[ua.BrowseResult]], answered: Sequence[bytes] = ()
    ) -> None:
        """The answer, even to one who is cancelled meanwhile: what it holds open must be known to be released."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(_outcome(request))
            try:
                results = await asyncio.shield(task)
            except asyncio.CancelledError:
                await asyncio.wait([task], timeout=RELEASE_WITHIN_S)
                if task.done() and not task.cancelled() and isinstance(task.result(), list):
                    self._keep(numbers, task.result(), answered)
                raise
        if isinstance(results, Exception):
            raise results
        self._keep(numbers, results, answered)

    def _keep(self, numbers: Sequence[int], results: Any, answered: Sequence[bytes]) -> None:
        for point in answered:
            self._open.pop(point, None)
        for number, result in zip(numbers, results, strict=True):
            self.found.setdefault(number, []).extend(result.References or ())
            if not result.StatusCode.is_good():
                self.refused[number] = int(result.StatusCode.value)
            if result.ContinuationPoint:
                self._open[result.ContinuationPoint] = number


async def _outcome(request: Awaitable[_T]) -> _T | Exception:
    """What came of it, so that a TaskGroup does not wrap it."""
    try:
        return await request
    except (ua.UaError, OSError, TimeoutError) as error:
        return error


def _chunked(items: list[_T], step: int) -> list[list[_T]]:
    return [items[i : i + step] for i in range(0, len(items), max(1, step))]


class _Walk:
    """One browse."""

    def __init__(self, channel: Channel, bounds: Bounds, limits: Limits) -> None:
        self._channel, self._bounds, self._limits = channel, bounds, limits
        self._nodes: dict[str, Found] = {}
        self._children: dict[str, dict[str, str]] = {}
        self._definitions: dict[str, ua.NodeId] = {}
        self._ambiguous: set[tuple[str, ...]] = set()
        self._remarks: list[str] = []
        self._until = time.monotonic() + bounds.within_s

    async def tree(self, root: str) -> Tree:
        await self._channel.resolve([root])
        level = [Found(root, ())]
        ids = {root: self._channel.node_id(root)}
        for _ in range(self._bounds.max_depth):
            level = await self._below(level, ids)
            if not level or self._is_full():
                break
        else:
            self._remarks.append(not_deeper(self._bounds.max_depth))
        await self._describe(ids)
        remarks = tuple(dict.fromkeys(self._remarks))
        own = next(iter(self._channel.status.namespaces[1:]), "")
        return Tree(
            root,
            self._nodes,
            self._children,
            frozenset(self._ambiguous),
            own,
            await self._notifies(),
            not remarks,
            remarks,
        )

    async def _notifies(self) -> bool:
        [value] = await self._channel.read_attribute([ua.NodeId(ua.ObjectIds.Server)], ua.AttributeIds.EventNotifier)
        bits = value.Value.Value if value.Value is not None else 0
        return isinstance(bits, int) and bool(bits & SUBSCRIBE_TO_EVENTS)

    def _is_full(self) -> bool:
        if len(self._nodes) >= self._bounds.max_nodes:
            self._remarks.append(f"not more than {self._bounds.max_nodes} nodes")
        if time.monotonic() > self._until:
            self._remarks.append(f"not longer than {self._bounds.within_s:g} s")
        return bool(self._remarks)

    async def _below(self, level: list[Found], ids: dict[str, ua.NodeId]) -> list[Found]:
        fresh: list[Found] = []
        for parents in _chunked(level, self._limits.step):
            answers = await references(
                self._channel, [_downward(ids[p.node]) for p in parents], self._limits, self._bounds.references
            )
            for parent, answer in zip(parents, answers, strict=True):
                if isinstance(answer, int):
                    self._remarks.append(f"{parent.words}: not to be browsed ({ua.StatusCode(answer).name})")
                    continue
                fresh += self._add(parent, answer, ids)
            if self._is_full():
                break
        return [f for f in fresh if f.kind != "method" and not _STATES_AND_TRANSITIONS & set(f.types)]

    def _add(self, parent: Found, answer: list[ua.ReferenceDescription], ids: dict[str, ua.NodeId]) -> list[Found]:
        fresh = []
        below = self._children.setdefault(parent.node, {})
        for reference in answer:
            if getattr(reference.NodeId, "ServerIndex", 0) or len(self._nodes) >= self._bounds.max_nodes:
                continue
            node_id = _local(reference.NodeId)
            name, step = self._channel.node_name(node_id), self._step(reference.BrowseName)
            if parent.node == OBJECTS and not node_id.NamespaceIndex:
                continue
            if below.setdefault(step, name) != name:
                self._ambiguous.add((*parent.path, step))
            if name not in self._nodes and name not in ids:
                ids[name] = node_id
                self._nodes[name] = found = Found(
                    name,
                    (*parent.path, step),
                    _KINDS.get(reference.NodeClass, "object"),
                    self._type(reference.TypeDefinition),
                )
                fresh.append(found)
        return fresh

    def _step(self, name: ua.QualifiedName) -> str:
        spaces = self._channel.status.namespaces
        uri = spaces[name.NamespaceIndex] if name.NamespaceIndex < len(spaces) else STANDARD
        return step_of(uri, name.Name or "")

    def _type(self, definition: ua.ExpandedNodeId | ua.NodeId | None) -> tuple[str, ...]:
        if definition is None or definition.is_null():
            return ()
        node_id = _local(definition)
        name = self._channel.node_name(node_id)
        self._definitions[name] = node_id
        return (name,)

    # --------------------------------------------------------- types and values

    async def _describe(self, ids: dict[str, ua.NodeId]) -> None:
        variables = [n for n in self._nodes.values() if n.is_variable]
        asked = [ids[v.node] for v in variables]
        values = await self._channel.read_attribute(asked, ua.AttributeIds.Value)
        data_types = await self._channel.read_attribute(asked, ua.AttributeIds.DataType)
        kinds = [self._data_type(v) for v in data_types]
        known = await supertypes(
            self._channel, self._definitions | {n: i for n, i in kinds if i is not None}, self._limits
        )
        for found, value, (kind, _) in zip(variables, values, kinds, strict=True):
            self._nodes[found.node] = _with_value(found, value, is_enumeration=ENUMERATION in known.get(kind, ()))
        for found, value in zip(variables, values, strict=True):
            self._take_unit(found, value)
        for found in self._nodes.values():
            self._nodes[found.node] = replace(
                found, types=(*found.types, *known.get(found.types[0], ())) if found.types else ()
            )

    def _data_type(self, value: ua.DataValue) -> tuple[str, ua.NodeId | None]:
        node_id = value.Value.Value if value.Value is not None else None
        if not isinstance(node_id, ua.NodeId):
            return "", None
        return self._channel.node_name(node_id), node_id

    def _take_unit(self, found: Found, value: ua.DataValue) -> None:
        """An EngineeringUnits property says the unit of the variable above it."""
        if found.name != "EngineeringUnits" or value.Value is None:
            return
        unit = getattr(getattr(value.Value.Value, "DisplayName", None), "Text", "") or ""
        for parent, below in self._children.items():
            if found.node in below.values() and parent in self._nodes:
                self._nodes[parent] = replace(self._nodes[parent], unit=unit)


ENUMERATION: Final = "i=29"


def _with_value(found: Found, value: ua.DataValue, *, is_enumeration: bool) -> Found:
    sample = sample_of("browse", value, observed_at_us=0)
    return replace(
        found, data_type=sample.data_type, value=sample.value, status=sample.status, is_enumeration=is_enumeration
    )


def _local(node_id: Any) -> ua.NodeId:
    return ua.NodeId(node_id.Identifier, node_id.NamespaceIndex)


def _downward(node_id: ua.NodeId) -> ua.BrowseDescription:
    return ua.BrowseDescription(
        NodeId=node_id,
        BrowseDirection=ua.BrowseDirection.Forward,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
        IncludeSubtypes=True,
        NodeClassMask=ua.NodeClass.Object | ua.NodeClass.Variable | ua.NodeClass.Method,
        ResultMask=ua.BrowseResultMask.All,
    )


def _upward(node_id: ua.NodeId) -> ua.BrowseDescription:
    return ua.BrowseDescription(
        NodeId=node_id,
        BrowseDirection=ua.BrowseDirection.Inverse,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasSubtype),
        IncludeSubtypes=True,
        NodeClassMask=0,
        ResultMask=ua.BrowseResultMask.All,
    )


async def references(
    channel: Channel, asked: Sequence[ua.BrowseDescription], limits: Limits, most: int = 0
) -> list[list[ua.ReferenceDescription] | int]:
    """The references of each, or the StatusCode with which the server refused. A server out of continuation points is
    asked again, one node at a time."""

    async def ask(chunk: Sequence[ua.BrowseDescription]) -> list[list[ua.ReferenceDescription] | int]:
        pages = OpenPages(channel, limits, most)
        async with pages:
            await pages.read(dict(enumerate(chunk)))
        return [pages.refused.get(n) or pages.found.get(n, []) for n in range(len(chunk))]

    answers = await in_chunks(asked, limits.step, ask)
    again = [n for n, answer in enumerate(answers) if answer == NO_CONTINUATION_POINTS]
    for number in again:
        answers[number] = (await ask([asked[number]]))[0]
    return answers


async def supertypes(channel: Channel, types: dict[str, ua.NodeId], limits: Limits) -> dict[str, tuple[str, ...]]:
    """Type -> what it is a subtype of, the nearest first. Types the server does not show have none."""
    above: dict[str, str] = {}
    waiting = dict(types)
    while waiting:
        names = list(waiting)
        answers = await references(channel, [_upward(waiting[n]) for n in names], limits)
        waiting = {}
        for name, answer in zip(names, answers, strict=True):
            above[name] = ""
            for reference in answer if isinstance(answer, list) else []:
                parent = _local(reference.NodeId)
                above[name] = channel.node_name(parent)
                if above[name] not in above:
                    waiting[above[name]] = parent
    return {name: _chain(name, above) for name in types}


def _chain(name: str, above: dict[str, str]) -> tuple[str, ...]:
    chain: list[str] = []
    while (name := above.get(name, "")) and name not in chain:
        chain.append(name)
    return tuple(chain)
