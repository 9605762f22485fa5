"""The change feed: what happened, after a cursor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

TYPES_MAX: Final = 50
"""Event types one reader names."""
LOOK_MAX: Final = 5_000
"""Events one answer looks at; `next_after` says how far it came."""
WAIT_MAX_S: Final = 60
LISTENERS_MAX: Final = 200
"""Readers of one plant that wait at the same time."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event. `data` as its type says; quantities in it end in `_e6` and are millionths."""

    seq: int
    event_id: str
    type: str
    subject: str
    occurred_at: datetime
    recorded_at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events in commit order; `next_after` goes on behind everything that was looked at, wanted or not."""

    events: tuple[FeedEvent, ...]
    next_after: int
    is_all: bool
    """Nothing lies behind `next_after` yet."""
