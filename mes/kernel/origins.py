"""From where acts come: credential, place, address. An event carries the digest of it; the words stand here, once.

The digest is salted and the salt is forgotten with the address, so that a chained outbox stays whole when an address is
erased, and nobody finds the address again by trying all there are.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

REMEMBERED_MAX: Final = 4_096
REMEMBERED_US: Final = 86_400_000_000
"""So that an origin is about as old as its acts: a plant forgets addresses by their age."""
CREDENTIAL_MAX: Final = 100
PLACE_MAX: Final = 100
ADDRESS_MAX: Final = 100
_SALT_BYTES: Final = 16
COLUMNS: Final = ("id", "credential", "place", "address", "salt", "first_at_us")
INSERT: Final = f"INSERT INTO act_origin ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608


class Origin(NamedTuple):
    """`credential`: `session/7`, `token/3`, `person/5` (who signs in), `command-line`, or empty. `place`: a work unit's
    id, or who types."""

    credential: str = ""
    place: str = ""
    address: str = ""


acting_from: ContextVar[Origin | None] = ContextVar("acting_from", default=None)
"""From where what is being done is done; None: Lineside itself."""


def digest_of(origin: Origin, salt: str) -> str:
    """Sixteen bytes of SHA-256 over salt and words, in hexadecimal digits."""
    words = orjson.dumps([salt, origin.credential, origin.place, origin.address])
    return hashlib.sha256(words).hexdigest()[:32]


@dataclass(slots=True)
class OriginBook:
    """The origins one writer has recorded. What a transaction adds counts from its commit on."""

    salt: Callable[[], str] = field(default=lambda: secrets.token_hex(_SALT_BYTES))
    _known: dict[Origin, str] = field(default_factory=dict)
    _new: dict[Origin, str] = field(default_factory=dict)
    _since_us: int = 0

    def record(self, origins: Iterable[Origin | None], now_us: int) -> list[tuple[Any, ...]]:
        """The rows to be written for those that are new."""
        rows: list[tuple[Any, ...]] = []
        if now_us - self._since_us > REMEMBERED_US:
            self._known.clear()
            self._since_us = now_us
        for origin in set(origins):
            if origin is None or origin in self._known or origin in self._new:
                continue
            salt = self.salt()
            self._new[origin] = digest_of(origin, salt)
            rows.append((self._new[origin], origin.credential, origin.place, origin.address, salt, now_us))
        return rows

    def id_of(self, origin: Origin | None) -> str | None:
        """What an event carries for it, once it was recorded."""
        return None if origin is None else self._known.get(origin) or self._new[origin]

    def committed(self) -> None:
        """What was new is there now."""
        if self._new:
            if len(self._known) + len(self._new) > REMEMBERED_MAX:
                self._known.clear()
            self._known.update(self._new)
            self._new.clear()

    def undone(self) -> None:
        """What was new is not there."""
        self._new.clear()
