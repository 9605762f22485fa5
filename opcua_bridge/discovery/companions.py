"""Machines that speak a companion specification, recognised by the types of their nodes. Pure.

A vendor's subtype counts as its supertype. What a type offers is found from its instance by browse names, wherever the
vendor put the machine.
"""

from __future__ import annotations

from typing import Final

from opcua_bridge.browse_path import split_step
from opcua_bridge.discovery.companion_types import (
    FAIR,
    JOB_CONTROL,
    JOB_CONTROL_V1,
    MACHINE_TOOL,
    MACHINERY,
    NAMES,
    PACKML,
    ROBOTICS,
    SURE,
    TYPES,
    Offer,
    Type,
    steps,
    type_of,
)
from opcua_bridge.discovery.proposal import Machine, Proposal, TargetProposal
from opcua_bridge.discovery.tree import Found, Tree

JOB_DRIVER: Final = "isa95-job-control"
BAD_TYPE_MISMATCH: Final = 0x80740000
_STATE_VARIABLE: Final = "i=2755"
_STATE_MACHINE: Final = "i=2299"
_MACHINES: Final = {
    type_of(MACHINE_TOOL, 13): "machine tool",
    type_of(ROBOTICS, 1002): "robot system",
    type_of(PACKML, 6): "PackML unit",
}
_NAMEPLATES: Final = (type_of(MACHINERY, 1004), type_of(ROBOTICS, 1004))
_RECEIVER: Final = type_of(JOB_CONTROL, 1002)
_PROVIDER: Final = type_of(JOB_CONTROL, 1003)
_OLD_RECEIVER: Final = type_of(JOB_CONTROL_V1, 1002)


def recognised(tree: Tree) -> list[Proposal]:
    """Bindings of what companion specifications explain; the most special rule that fits a node speaks for it."""
    proposals: dict[str, Proposal] = {}
    for found in tree:
        if found.kind != "object" or any(t.startswith(f"nsu={JOB_CONTROL};") for t in found.types):
            continue
        for one in (TYPES[t] for t in found.types if t in TYPES):
            for offer in one.offers:
                variable = tree.below(found.node, steps(one.uri, offer.way))
                if variable is not None and variable.is_variable:
                    proposals.setdefault(variable.node, _proposal(found, variable, one, offer))
    return list(proposals.values())


def _proposal(instance: Found, variable: Found, one: Type, offer: Offer) -> Proposal:
    how = "is a" if instance.types[0] == one.node else "is a subtype of"
    evidence = (
        f"{instance.words} {how} {one.name} of {NAMES[one.uri]}",
        f"its {'/'.join(word.rpartition(':')[2] for word in offer.way.split('/'))} is {offer.means}",
    )
    sure: float = offer.confidence
    doubts: tuple[str, ...] = ()
    if not variable.is_readable:
        sure, doubts = sure / 2, (f"no value the bridge can pass on at present: {_why(variable)}",)
    return Proposal(variable, offer.tag_class, offer.slot, _label(instance, offer.tag), sure, evidence, doubts)


def _why(variable: Found) -> str:
    if variable.status == BAD_TYPE_MISMATCH:
        return "it is a structure"
    return f"status 0x{variable.status:08X}" if variable.status else "it is empty"


def _label(instance: Found, tag: str) -> tuple[str, ...]:
    return (*(split_step(s)[1] for s in instance.path), tag)


def explained(tree: Tree) -> frozenset[str]:
    """Nodes that belong to what a specification explains: the inside of state machines, nameplates and job control."""
    inside: set[str] = set()
    for found in tree:
        if {_STATE_MACHINE, _STATE_VARIABLE, *_NAMEPLATES} & set(found.types):
            inside |= set(tree.children.get(found.node, {}).values())
        if any(t.startswith(f"nsu={JOB_CONTROL};") for t in found.types):
            inside |= _all_below(tree, found.node)
    return frozenset(inside)


def _all_below(tree: Tree, node: str) -> set[str]:
    found: set[str] = set()
    waiting = [node]
    while waiting:
        fresh = set(tree.children.get(waiting.pop(), {}).values()) - found
        found |= fresh
        waiting += fresh
    return found


def job_targets(tree: Tree) -> list[TargetProposal]:
    """Objects that take job orders."""
    return [_target(tree, found) for found in tree if _RECEIVER in found.types]


def _target(tree: Tree, found: Found) -> TargetProposal:
    methods = sorted({"Store", "StoreAndStart", "Start", "Stop", "Pause", "Resume", "Abort", "Cancel", "Clear"}
                     & tree.names_below(found.node))  # fmt: skip
    evidence: tuple[str, ...] = (f"{found.words} is a job order receiver of {NAMES[JOB_CONTROL]}",)
    if "Store" in methods or "StoreAndStart" in methods:
        sure, evidence = SURE, (*evidence, f"it has the methods {', '.join(methods)}")
    else:
        sure, evidence = FAIR / 2, (*evidence, "but no method to give it a job order")
    return TargetProposal(found, JOB_DRIVER, "receiver", sure, evidence, _responses_beside(tree, found))


def _responses_beside(tree: Tree, receiver: Found) -> str:
    """The one job response provider below the same object; none where there are several."""
    beside = [f.node for f in tree if _PROVIDER in f.types and f.path[:-1] == receiver.path[:-1]]
    return beside[0] if len(beside) == 1 else ""


def machines(tree: Tree) -> list[Machine]:
    """What stands behind the endpoint, with what the nameplates say."""
    named = [
        Machine(found.words.removesuffix("/Identification"), "machine", _nameplate(tree, found))
        for found in tree
        if set(_NAMEPLATES) & set(found.types)
    ]
    kinds = [Machine(f.words, _MACHINES[t]) for f in tree for t in f.types if t in _MACHINES]
    return named + kinds


def _nameplate(tree: Tree, found: Found) -> dict[str, str]:
    wanted = ("Manufacturer", "Model", "SerialNumber", "ProductInstanceUri", "YearOfConstruction", "SoftwareRevision")
    below = {split_step(step)[1]: tree.nodes.get(node) for step, node in tree.children.get(found.node, {}).items()}
    return {n: str(v.value) for n in wanted if (v := below.get(n)) is not None and v.value not in (None, "")}


def remarks(tree: Tree) -> list[str]:
    """What was recognised and cannot be used, in words."""
    return [
        f"{found.words} is a job order receiver of Job Control V1, which the bridge does not speak"
        for found in tree
        if _OLD_RECEIVER in found.types
    ]
