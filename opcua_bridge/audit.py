"""Items that fell silent while connection and subscription live: their node was deleted and made again, or the server
forgot them. Now and then the values are read; what differs from what was told, twice, with nothing told in between, is
not monitored any more, whatever the server says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from asyncua import ua

from opcua_bridge.values import sample_of
from standards.lineside.ingest_v1 import Samples
from standards.opcua.status import Quality

AUDIT_EVERY_S: Final = 10.0
BAD: Final = object()
NOTHING: Final = object()
NO_BLOCK: Final = Samples([], [], [], 0)


@dataclass
class Audit:
    """What was told of each tag, and what a reading of it made doubtful."""

    _last: Samples = NO_BLOCK
    """The last block noted, of which nothing is in `_told` yet."""
    _told: dict[str, Any] = field(default_factory=dict)
    _doubted: set[str] = field(default_factory=set)
    _clean_at: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)
    _begun: tuple[int | None, int | None] | None = None
    """Up to when everything was known as the first was told: of a tag that is told later, so much at least."""

    def begin(self, known: tuple[int | None, int | None]) -> None:
        """Something is told, of which so much is known; what came before counts."""
        if self._begun is None:
            self._begun = known

    def forget(self) -> None:
        """A new subscription: everything is told anew."""
        self._last = NO_BLOCK
        self._told.clear()
        self._doubted.clear()
        self._clean_at.clear()
        self._begun = None

    def note(self, block: Samples) -> None:
        """The server has told these values. Of blocks about the same tags one after the other only the last counts."""
        if block.tag is not self._last.tag or block.tags is not self._last.tags:
            self._tell()
        self._last = block

    def note_reading(self, tag: str, value: ua.DataValue) -> None:
        """This was read of a tag; it counts as told where nothing was."""
        self._tell()
        self._told.setdefault(tag, _content(value))

    def _tell(self) -> None:
        """What the last block says counts from now on."""
        block = self._last
        names = map(block.tags.__getitem__, block.tag)
        if not block.status:
            self._told.update(zip(names, block.value, strict=True))
        else:
            told = (BAD if s >> 31 else v for v, s in zip(block.value, block.status, strict=True))
            self._told.update(zip(names, told, strict=True))
        self._doubted.difference_update(block.tags)
        self._last = NO_BLOCK

    def judge(self, values: Mapping[str, ua.DataValue], known: tuple[int | None, int | None]) -> list[str]:
        """Tags that are not monitored any more. `known`: up to when everything is known, by both clocks."""
        self._tell()
        silent = []
        for tag, value in values.items():
            told = self._told.get(tag, NOTHING)
            if told is NOTHING or told == _content(value):
                self._doubted.discard(tag)
                self._clean_at[tag] = known
            elif tag in self._doubted:
                silent.append(tag)
            else:
                self._doubted.add(tag)
        return silent

    def clean_at(self, tag: str) -> tuple[int | None, int | None]:
        """When a tag was last found to be in order: machine's clock, bridge's clock."""
        return self._clean_at.get(tag, self._begun or (None, None))

    def drop(self, tag: str) -> None:
        """This tag is monitored anew."""
        self._tell()
        self._told.pop(tag, None)
        self._doubted.discard(tag)


def _content(value: ua.DataValue) -> Any:
    sample = sample_of("audit", value, observed_at_us=0)
    return BAD if sample.quality is Quality.bad else sample.value
