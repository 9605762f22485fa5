"""Acts as an auditor asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from mes.kernel.chain import Anchor, Fault

LOOK_MAX: Final = 50_000
"""Events one page looks at; the next one goes on from there."""
SHOWN_DEFAULT: Final = 50
SHOWN_MAX: Final = 500
TYPE_PATTERN: Final = r"^[a-z][a-z0-9]*\.(\*|[a-z][a-z0-9-]*\.v[1-9][0-9]*)$"


@dataclass(frozen=True, slots=True)
class Act:
    """One event: who, what, before and after, when, why (in `data`), from where."""

    seq: int
    event_id: str
    type: str
    subject: str
    recorded_at: datetime
    occurred_at: datetime
    principal_id: str | None
    """None: Lineside itself, or somebody at a prompt, whom `place` names."""
    display_name: str | None
    credential: str
    place: str
    address: str | None
    """None where it has been erased."""
    correlation_id: str
    data: Mapping[str, Any]
    changes: Mapping[str, Any]
    link: bytes | None


@dataclass(frozen=True, slots=True)
class ActFilter:
    """Which acts; None: any. `type`: a feature (`orders.*`) or an event type."""

    principal_id: str | None = None
    subject: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found. `begun_at` 0: nothing here is chained."""

    count: int
    begun_at: int
    head: Anchor
    faults: tuple[Fault, ...]
    more: int
    removed: int
    """Events that were archived and removed."""
    origins_changed: tuple[str, ...]
    origins_missing: tuple[int, ...]
    """Events whose origin is not there."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong, as far as the chain reaches."""
        return not (self.faults or self.origins_changed or self.origins_missing)


class ExportFormat(StrEnum):
    jsonl = "jsonl"
    csv = "csv"
