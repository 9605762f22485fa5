"""Values of quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from mes.kernel.paging import Page

NOTE_MAX: Final = 500
VALUE_MAX: Final = 200
"""Characters of a value in a list."""
COUNTED_MAX: Final = 10_000
"""Undecided ones that are counted; then there are at least so many."""


class Decision(StrEnum):
    taken = "taken"
    """It was tried again and is recorded now."""
    set_aside = "set-aside"


RETRIABLE: Final = frozenset(
    {
        "unknown-serial",
        "not-a-unit",
        "serial-taken",
        "no-job-at-its-time",
        "no-pieces-per-panel",
        "goes-into-itself",
        "unknown-lot",
        "lot-not-usable",
    }
)
"""Reasons that may be over by now: what stood in the way was in the plant, not in the reading."""


@dataclass(frozen=True, slots=True)
class QuarantineView:
    """One of them. `at`: the machine's time, else the bridge's; `value` as it came, shortened."""

    pk: int
    bridge_id: str
    tag: str
    equipment_id: str
    """Empty: its tag means nothing."""
    reason: str
    value: str
    at: datetime | None
    recorded_at: datetime
    may_retry: bool


@dataclass(frozen=True, slots=True)
class QuarantineList:
    """A page of what nobody has decided about; `total` of all, at most `COUNTED_MAX`."""

    page: Page[QuarantineView]
    total: int
