"""What was found on a server: nodes, the way to each, and which are below which. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from opcua_bridge.browse_path import split_step
from standards.lineside.ingest_v1 import Value

OBJECTS = "i=85"
PROPERTY_TYPE = "i=68"


@dataclass(frozen=True)
class Found:
    """A node. All ids are written as in a tag map: by namespace URI, never by index."""

    node: str
    path: tuple[str, ...]
    """Browse names from the root of the browse to the node, the shortest way (see browse_path)."""
    kind: str = "object"
    """`object`, `variable` or `method`."""
    types: tuple[str, ...] = ()
    """Its type definition and what that is a subtype of, the nearest first."""
    data_type: str = ""
    """Of the present value: `Int32`, `Double[]`; empty if there is none."""
    is_enumeration: bool = False
    value: Value = None
    status: int = 0
    """StatusCode of the present value; BadTypeMismatch for one the bridge cannot pass on (a structure)."""
    unit: str = ""

    @property
    def is_variable(self) -> bool:
        return self.kind == "variable"

    @property
    def is_property(self) -> bool:
        return self.types[:1] == (PROPERTY_TYPE,)

    @property
    def is_readable(self) -> bool:
        """Whether it has a value that a tag can mean something by; the bytes of a structure are none."""
        is_plain = bool(self.data_type) and not self.data_type.startswith("ExtensionObject")
        return self.is_variable and not self.status >> 30 and is_plain

    @property
    def name(self) -> str:
        return split_step(self.path[-1])[1] if self.path else ""

    @property
    def words(self) -> str:
        """The way to it for people: names, no namespaces."""
        return "/" + "/".join(split_step(step)[1] for step in self.path)


@dataclass(frozen=True)
class Tree:
    """Part of a server's address space."""

    root: str
    nodes: Mapping[str, Found]
    children: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Node -> browse name -> node below it: every reference, also those to nodes found on another way before."""
    ambiguous: frozenset[tuple[str, ...]] = frozenset()
    """Ways that lead to more than one node: two have the same browse name below the same node."""
    own: str = ""
    """URI of the namespace the server calls after itself."""
    notifies: bool = False
    """The Server object tells of events."""
    complete: bool = True
    """False: there is more than was asked for, or than the server would say."""
    remarks: tuple[str, ...] = ()
    """What could not be seen, in words."""

    def __iter__(self) -> Iterator[Found]:
        return iter(self.nodes.values())

    def below(self, node: str, steps: Sequence[str]) -> Found | None:
        """The node at the end of these browse names."""
        for step in steps:
            node = self.children.get(node, {}).get(step, "")
        return self.nodes.get(node)

    def names_below(self, node: str) -> frozenset[str]:
        """Browse names of what is right below, without namespaces."""
        return frozenset(split_step(step)[1] for step in self.children.get(node, {}))

    @property
    def variables(self) -> list[Found]:
        return [n for n in self if n.is_variable]


def printable(text: object) -> str:
    """Words of a machine for a terminal or a comment: nothing of them begins a line or gives an order."""
    return "".join(c if c.isprintable() else " " for c in str(text))
