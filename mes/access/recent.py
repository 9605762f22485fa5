"""Credentials looked up in the last few seconds, so that a tablet's burst of requests costs one query.

What changes a credential in this process distrusts it at once: until the change has surely been committed it is read
from the database every time. Another process forgets everything when it is woken by the change (`forget`), and learns
of it at the latest when its own memory lapses: after `KEEP_S`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from mes.access.types import StoredCredential

KEEP_S: Final = 3.0
REMEMBER_MAX: Final = 4_096
DISTRUST_S: Final = 10.0
"""Longer than any commit that is still going to succeed takes."""
READ_S: Final = 1.0
"""Longer than a look-up takes that began before a commit elsewhere was known of."""
_TAKES_NOTHING: Final = frozenset(
    f"access.{what}.v1"
    for what in (
        *("act-signed", "device-known", "principal-created", "sign-in-failed", "sign-in-locked", "sign-on-refused"),
        *("signed-in", "token-created", "vouched"),
    )
)
"""Happens all day, and takes nothing from anybody."""


def may_take_rights(event_type: str) -> bool:
    """Whether an event of this type may have changed who may do what."""
    return event_type.startswith("access.") and event_type not in _TAKES_NOTHING


class RecentCredentials:
    """A bounded memory of credentials by their digest. Safe to use from every thread."""

    def __init__(
        self,
        *,
        keep_s: float = KEEP_S,
        size: int = REMEMBER_MAX,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep_s = keep_s
        self._size = size
        self._monotonic = monotonic
        self._known: dict[bytes, tuple[float, StoredCredential]] = {}
        self._distrusted: dict[bytes, float] = {}
        self._distrust_all_until = float("-inf")
        self._lock = threading.Lock()

    def get(self, key: bytes) -> StoredCredential | None:
        """What was looked up lately; None: ask the database."""
        now = self._monotonic()
        with self._lock:
            found = self._known.get(key)
            if found is None or now - found[0] >= self._keep_s:
                return None
            return found[1]

    def put(self, key: bytes, credential: StoredCredential) -> None:
        """Remember what the database just answered, unless a change of it may be under way."""
        now = self._monotonic()
        with self._lock:
            if self._is_distrusted(key, now):
                return
            self._known.pop(key, None)
            while len(self._known) >= self._size:
                del self._known[next(iter(self._known))]
            self._known[key] = (now, credential)

    def distrust(self, key: bytes | None = None) -> None:
        """Forget one credential (None: all) and read it from the database for the next `DISTRUST_S`."""
        until = self._monotonic() + DISTRUST_S
        with self._lock:
            if key is None or len(self._distrusted) >= self._size:
                self._known.clear()
                self._distrusted.clear()
                self._distrust_all_until = until
            else:
                self._known.pop(key, None)
                self._distrusted[key] = until

    def forget(self) -> None:
        """Forget all: a change elsewhere is committed. What was being read meanwhile is not remembered either."""
        with self._lock:
            self._known.clear()
            self._distrust_all_until = max(self._distrust_all_until, self._monotonic() + READ_S)

    def _is_distrusted(self, key: bytes, now: float) -> bool:
        if now < self._distrust_all_until:
            return True
        until = self._distrusted.get(key)
        if until is not None and now >= until:
            del self._distrusted[key]
        return until is not None and now < until


RECENT: Final = RecentCredentials()
"""The memory of this process. Digests are of 256 random bits and the plant's name, so plants cannot collide in it."""
