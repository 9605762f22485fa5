"""A proposal: which node may be which tag, how sure that is, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from math import prod

from opcua_bridge.discovery.tree import Found
from opcua_bridge.tag_map import TagClass


class Slot(StrEnum):
    """What a work unit's model has room for."""

    state = "state"
    mode = "mode"
    good = "good"
    scrap = "scrap"
    total = "total"
    identity = "identity"
    alarm = "alarm"
    measurement = "measurement"
    nameplate = "nameplate"
    """Which machine this is: serial number, instance URI."""
    other = "other"


@dataclass(frozen=True)
class Evidence:
    """One reason, in words, and how much it says: 0 nothing, 1 everything."""

    words: str
    weight: float


@dataclass(frozen=True)
class Proposal:
    found: Found
    tag_class: TagClass
    slot: Slot
    label: tuple[str, ...]
    """Names of the tag, from the machine down to the signal; the last ones that tell it apart are its name."""
    confidence: float
    evidence: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    """What speaks against it."""


@dataclass(frozen=True)
class TargetProposal:
    """An object that takes job orders."""

    found: Found
    driver: str
    key: str
    """What the tag map calls the node of `found` for this driver."""
    confidence: float
    evidence: tuple[str, ...]
    responses: str = ""
    """Node of the object beside it that answers what came of jobs, if there is one."""


@dataclass(frozen=True)
class Machine:
    """A recognised machine, or part of one, with what its nameplate says."""

    words: str
    what: str
    nameplate: dict[str, str] = field(default_factory=dict)


MOST = 0.95
"""Nothing that was only guessed is surer than this."""


def confidence(supporting: Iterable[Evidence], doubts: Iterable[Evidence] = ()) -> float:
    """Reasons add up without ever making certain; a doubt takes its part away. 0 to 0.95."""
    sure = 1.0 - prod(1.0 - e.weight for e in supporting)
    return min(MOST, sure) * prod(1.0 - d.weight for d in doubts)
