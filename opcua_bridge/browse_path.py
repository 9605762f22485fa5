"""Browse paths: a node by its way from another node, with namespace URIs. Pure.

A tag map writes the way as a list of browse names, `["press;Machine", "press;Counter"]`, beside the node it begins at.
In memory both are one text, `i=85 ⟶ nsu=urn:vendor:press;Machine ⟶ nsu=urn:vendor:press;Counter`, that stands wherever
the id of a node stands. Its id is asked for at every connect (TranslateBrowsePathsToNodeIds, OPC 10000-4 clause 5.9.4):
numeric ids may be other ones after a machine's server was restarted or updated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from standards.opcua.node_names import ARROW, OWN, address

__all__ = [
    "OWN",
    "STANDARD",
    "address",
    "canonical_step",
    "has_path",
    "split_address",
    "split_step",
    "step_of",
]
STANDARD: Final = "http://opcfoundation.org/UA/"


def split_address(node: str) -> tuple[str, tuple[str, ...]]:
    """Where it begins, and the steps."""
    start, *steps = node.split(ARROW)
    return start, tuple(steps)


def has_path(node: str) -> bool:
    return ARROW in node


def split_step(step: str) -> tuple[str, str]:
    """`<namespace>;<name>` -> both; the namespace is empty for a name of the standard's own."""
    space, found, name = step.partition(";")
    return (space, name) if found else ("", step)


def canonical_step(step: str, namespaces: Mapping[str, str]) -> str:
    """The step with its alias written out; it must be in `namespaces`."""
    space, name = split_step(step)
    if not space or space.startswith("nsu="):
        return step
    return f"nsu={namespaces.get(space, '')};{name}"


def step_of(uri: str, name: str) -> str:
    """The step to a browse name of this namespace. A name that would be read as two is written with its URI."""
    if uri == STANDARD and ";" not in name:
        return name
    return f"nsu={uri};{name}"
