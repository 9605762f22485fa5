"""Items that fell silent while connection and subscription live: their node was deleted and made again, or the server
forgot them. Now and then the values are read; what differs from what was told, twice, with nothing told in between, is
not monitored any more, whatever the server says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from asyncua import ua

AUDIT_EVERY_S: Final = 10.0


@dataclass
class Audit:
    """What was told of each tag, and what a reading of it made doubtful."""

    _told: dict[str, tuple[Any, bool]] = field(default_factory=dict)
    _doubted: set[str] = field(default_factory=set)
    _clean_at: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)

    def forget(self) -> None:
        """A new subscription: everything is told anew."""
        self._told.clear()
        self._doubted.clear()
        self._clean_at.clear()

    def note(self, tag: str, value: ua.DataValue) -> None:
        """The server has told a value."""
        self._told[tag] = _content(value)
        self._doubted.discard(tag)

    def judge(self, values: Mapping[str, ua.DataValue], known: tuple[int | None, int | None]) -> list[str]:
        """Tags that are not monitored any more. `known`: up to when everything is known, by both clocks."""
        silent = []
        for tag, value in values.items():
            told = self._told.get(tag)
            if told is None or _is_the_same(told, _content(value)):
                self._doubted.discard(tag)
                self._clean_at[tag] = known
            elif tag in self._doubted:
                silent.append(tag)
            else:
                self._doubted.add(tag)
        return silent

    def clean_at(self, tag: str) -> tuple[int | None, int | None]:
        """When a tag was last found to be in order: machine's clock, bridge's clock."""
        return self._clean_at.get(tag, (None, None))

    def drop(self, tag: str) -> None:
        """This tag is monitored anew."""
        self._told.pop(tag, None)
        self._doubted.discard(tag)


def _content(value: ua.DataValue) -> tuple[Any, bool]:
    status = value.StatusCode
    is_bad = status is not None and int(status.value) >> 30 == 2
    return (None if is_bad or value.Value is None else value.Value.Value), is_bad


def _is_the_same(told: tuple[Any, bool], read: tuple[Any, bool]) -> bool:
    if told == read:
        return True
    both_nan = all(isinstance(v, float) and v != v for v in (told[0], read[0]))
    return both_nan and told[1] == read[1]
