"""The chain of hashes through the outbox, and where it is broken.

A link is SHA-256 over the link before (nothing for the first) and the event's row as compact JSON: an array of
`FIELDS` in their order, without the last two where both are null. docs/operate/audit.md checks it without Lineside.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import orjson

FIELDS: Final = (
    *("seq", "event_id", "type", "topics", "subject", "payload", "actor", "correlation_id"),
    *("occurred_at_us", "recorded_at_us", "origin_id", "changes"),
)
FAULTS_MAX: Final = 20
EVENTS_REMOVED: Final = "exchange.events-removed.v1"
"""Says in the chain itself how many events were archived and removed: `removed` in its payload."""


class FaultKind(StrEnum):
    changed = "changed"
    removed = "removed"
    added = "added"
    unlinked = "unlinked"
    another = "another"
    untold = "untold"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is not as it was recorded; `seq` is where it shows first, `until` the last of a run of missing ones."""

    kind: FaultKind
    seq: int
    until: int = 0


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link that somebody noted: event `seq` had it. Seq 0: the beginning."""

    seq: int = 0
    link: bytes = b""


BEGINNING: Final = Anchor()


@dataclass(frozen=True, slots=True)
class RemovedRun:
    """Events first to last were archived and removed; `link` is the last one's (None: it had none)."""

    first: int
    last: int
    link: bytes | None


def link(previous: bytes, row: Sequence[Any]) -> bytes:
    """SHA-256 over the predecessor's link and this row: a changed or missing row breaks the link after it."""
    said = row[:10] if row[10] is None and row[11] is None else row
    return hashlib.sha256(previous + orjson.dumps(said)).digest()


def _told(payload: str) -> int:
    """How many events a removal says it took; nothing where it was changed to what says nothing."""
    try:
        return int(orjson.loads(payload)["removed"])
    except (ValueError, KeyError, TypeError):
        return 0


@dataclass(slots=True)
class ChainCheck:
    """Follows the events in the order of `seq` and keeps what is wrong. `after`: where the events go on from.

    `noted`: links by their events, as somebody wrote them down earlier. Faults beyond `FAULTS_MAX` are only counted.
    """

    after: Anchor = BEGINNING
    noted: Mapping[int, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    count: int = 0
    begun_at: int = 0
    """The first linked event; 0: none yet."""
    removed: int = 0
    """Events that were archived and removed: followed by their last link alone."""
    removed_told: int = 0
    """So many as events say, wherever they stand."""
    more: int = 0
    _seq: int = field(init=False)
    _link: bytes | None = field(init=False)
    """None: unknown, the next link is taken as it stands."""

    def __post_init__(self) -> None:
        self._seq, self._link = self.after.seq, self.after.link
        self.begun_at = self.after.seq if self.after.link else 0

    @property
    def head(self) -> Anchor:
        """The last event and its link: what to note."""
        return Anchor(self._seq, self._link or b"")

    def follow(self, rows: Iterable[tuple[Sequence[Any], bytes | None]], removed: Sequence[RemovedRun] = ()) -> None:
        """More events, each as (row, link), and the runs that were removed before or between them, in their order."""
        runs = deque(removed)
        for row, its_link in rows:
            while runs and runs[0].last < row[0]:
                self._pass(runs.popleft())
            self._next(row, its_link)

    def end(self, told: Anchor = BEGINNING) -> None:
        """There are no more; `told`: what the last one is said to be."""
        last = max(told.seq, *self.noted, 0)
        if told.seq == self._seq and told.link != (self._link or b""):
            self._keep(Fault(FaultKind.another, told.seq))
        if self._seq < last:
            self._keep(Fault(FaultKind.removed, self._seq + 1, last))
        if self.removed > self.removed_told:
            self._keep(Fault(FaultKind.untold, self.after.seq + 1, self._seq))

    def _pass(self, run: RemovedRun) -> None:
        if run.first > self._seq + 1:
            self._keep(Fault(FaultKind.removed, self._seq + 1, run.first - 1))
        if run.last in self.noted and self.noted[run.last] != (run.link or b""):
            self._keep(Fault(FaultKind.another, run.last))
        self.removed += run.last - max(run.first, self._seq + 1) + 1
        self._seq = run.last
        if run.link is not None:
            self._link, self.begun_at = run.link, self.begun_at or run.last

    def _next(self, row: Sequence[Any], its_link: bytes | None) -> None:
        seq = int(row[0])
        self.count += 1
        if seq <= self._seq:
            self._keep(Fault(FaultKind.added, seq))
            return
        if seq > self._seq + 1:
            self._keep(Fault(FaultKind.removed, self._seq + 1, seq - 1))
            self._link = None if self.begun_at else self._link
        self._seq = seq
        if row[2] == EVENTS_REMOVED:
            self.removed_told += _told(row[5])
        self._check(seq, row, its_link)
        if seq in self.noted and self.noted[seq] != (its_link or b""):
            self._keep(Fault(FaultKind.another, seq))

    def _check(self, seq: int, row: Sequence[Any], its_link: bytes | None) -> None:
        if its_link is None:
            if self.begun_at:
                self._keep(Fault(FaultKind.unlinked, seq))
                self._link = None if self._link is None else link(self._link, row)
            return
        self.begun_at = self.begun_at or seq
        if self._link is not None and link(self._link, row) != its_link:
            self._keep(Fault(FaultKind.changed, seq))
        self._link = its_link

    def _keep(self, fault: Fault) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(fault)
        else:
            self.more += 1
