"""Which events somebody wants. Shared by the change feed and webhooks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from mes.exchange.feed.types import TYPES_MAX

_TYPE: Final = re.compile(r"\*|[a-z][a-z0-9]*\.(\*|[a-z][a-z0-9-]*\.v[1-9][0-9]*)")
_KEPT_HERE: Final = ("access.", "edge.")
"""Who may sign in, and how edge boxes are: not told unless somebody asks for them by name."""


def is_wanted(event_type: str, wanted: Iterable[str]) -> bool:
    """Whether an event is among `*` (not `access.` and `edge.`), `orders.*`, or named itself."""
    feature = event_type.split(".", 1)[0] + ".*"
    for pattern in wanted:
        if pattern in (event_type, feature) or (pattern == "*" and not event_type.startswith(_KEPT_HERE)):
            return True
    return False


def fault_of_types(types: Sequence[str]) -> str:
    """What is wrong with a list of event types, in words; empty: nothing."""
    if not 1 <= len(types) <= TYPES_MAX:
        return f"Name 1 to {TYPES_MAX} event types."
    for name in types:
        if len(name) > 100 or _TYPE.fullmatch(name) is None:
            return f"{name[:100]!r} is no event type: `*`, `orders.*` or `orders.job-ended.v1`."
    return ""
