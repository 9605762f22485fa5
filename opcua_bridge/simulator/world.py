"""Simulated time: what is planned, what has happened. Whole microseconds, no clock, no chance but the seeded one."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

SECOND_US = 1_000_000


class SignalChange(NamedTuple):
    """A tag has a new value. Within a lane, a later step happened later, even in the same microsecond."""

    tag: str
    value: Any
    at_us: int
    lane: str
    step: int


class LedgerEntry(NamedTuple):
    """Something truly happened; it comes before the signal changes that show it."""

    kind: str
    at_us: int
    lane: str
    step: int
    fields: dict[str, Any]


class Alarm(NamedTuple):
    equipment: str
    code: str
    text: str
    active: bool
    severity: int
    at_us: int
    lane: str
    step: int


Output = SignalChange | LedgerEntry | Alarm


class Ticket:
    """Something planned that can be called off."""

    __slots__ = ("action", "at_us")

    def __init__(self, at_us: int, action: Callable[[], None]) -> None:
        self.at_us = at_us
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class World:
    """The agenda and the record of one run. `seed` decides everything that chance decides."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now_us = 0
        self.step = 0
        self._agenda: list[tuple[int, int, Ticket]] = []
        self._planned = 0
        self._outputs: list[Output] = []

    def chance(self, purpose: str) -> Random:
        """A random stream of its own for one purpose, so that one habit never disturbs another."""
        return Random(f"{self.seed}/{purpose}")

    def later(self, delay_us: int, action: Callable[[], None]) -> Ticket:
        ticket = Ticket(self.now_us + max(0, delay_us), action)
        self._planned += 1
        heapq.heappush(self._agenda, (ticket.at_us, self._planned, ticket))
        return ticket

    def advance(self, to_us: int) -> None:
        """Let everything planned up to and including `to_us` happen."""
        while self._agenda and self._agenda[0][0] <= to_us:
            at_us, _, ticket = heapq.heappop(self._agenda)
            if ticket.action is not None:
                self.now_us = at_us
                self.step += 1
                ticket.action()
        self.now_us = max(self.now_us, to_us)
        self.step += 1

    def next_at_us(self) -> int | None:
        """When the next planned thing happens."""
        while self._agenda and self._agenda[0][2].action is None:
            heapq.heappop(self._agenda)
        return self._agenda[0][0] if self._agenda else None

    def signal(self, lane: str, tag: str, value: Any) -> None:
        self._outputs.append(SignalChange(tag, value, self.now_us, lane, self.step))

    def record(self, lane: str, kind: str, **fields: Any) -> None:
        self._outputs.append(LedgerEntry(kind, self.now_us, lane, self.step, fields))

    def alarm(self, lane: str, equipment: str, code: str, text: str, *, active: bool, severity: int) -> None:
        self.record(lane, "alarm", equipment=equipment, code=code, text=text, active=active)
        self._outputs.append(Alarm(equipment, code, text, active, severity, self.now_us, lane, self.step))

    def drain(self) -> list[Output]:
        """What has happened since the last call, in order."""
        outputs, self._outputs = self._outputs, []
        return outputs
