"""Events that leave the outbox for an archive: which, and how long they stay at least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

KEEP_DAYS: Final = 30
"""So long no event goes: followers, restores and people's questions are mostly about less."""
AT_ONCE: Final = 500
"""Events in one transaction: some 20 ms, which taps wait for."""
REMOVED_TYPES: Final = frozenset(
    {
        *("edge.bridge-health-changed.v1", "edge.bridge-heard.v1", "edge.bridge-silent.v1"),
        *("equipment.became-known.v1", "equipment.became-unknown.v1", "equipment.state-changed.v1"),
        *("genealogy.recorded.v1", "orders.pieces-counted.v1", "orders.pieces-unassigned.v1"),
        "quality.results-recorded.v1",
    }
)
"""What happens all day and stands in tables of its own, so that no page, report or verb reads the event again."""

Linked = tuple[Sequence[Any], bytes | None]
"""An event's row as the chain hashes it, and its link."""


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows the outbox, and the last event it needs no more."""

    name: str
    seq: int


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal came to: how many events went, and up to which all are archived."""

    count: int
    archived_to: int
