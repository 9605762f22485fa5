"""Ages: an instant as the browser's clock wants it, and how long ago that was when the page was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Elapsed:
    """`since_ms` (Unix, milliseconds) is what the browser counts on from; `seconds` is what the server says now."""

    since_ms: int
    seconds: int


def elapsed(since: datetime | None, now: datetime) -> Elapsed | None:
    """Age of `since` at `now`; a moment in the future has age zero."""
    if since is None:
        return None
    return Elapsed(int(since.timestamp() * 1000), max(0, int((now - since).total_seconds())))
