"""Panels and boards on their way, and the buffers between the targets."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from random import Random

from .catalog import BOARDS_PER_PANEL

XOUT_RATE, REJECT_RATE = 0.02, 0.01


@dataclass
class Part:
    """Anything in a machine: a panel of boards, one board, a fixture. `good + rejected + xouts` are its positions, from
    1; `places` those of the good ones, if known."""

    serial: str
    job: str | None
    work_request: str
    good: int = 1
    rejected: int = 0
    xouts: int = 0
    places: tuple[int, ...] = ()

    @property
    def good_boards(self) -> list[str]:
        """Serials of its good boards, by position."""
        return [f"{self.serial}-{place}" for place in self.places or range(1, self.good + 1)]


def draw_panel(chance: Random, serial: str, job: str | None, work_request: str) -> Part:
    """A panel with its fate: positions crossed out by the board maker, boards the inspection will reject."""
    places = range(1, BOARDS_PER_PANEL + 1)
    whole = [place for place in places if chance.random() >= XOUT_RATE]
    good = tuple(place for place in whole if chance.random() >= REJECT_RATE)
    return Part(
        serial, job, work_request, len(good), len(whole) - len(good), BOARDS_PER_PANEL - len(whole), places=good
    )


class Buffer:
    """Material between two targets, kept apart by work request."""

    def __init__(self) -> None:
        self._parts: dict[str, deque[Part]] = defaultdict(deque)

    def put(self, part: Part) -> None:
        self._parts[part.work_request].append(part)

    def put_back(self, part: Part) -> None:
        self._parts[part.work_request].appendleft(part)

    def get(self, work_request: str) -> Part | None:
        parts = self._parts.get(work_request)
        return parts.popleft() if parts else None

    def level(self, work_request: str) -> int:
        return len(self._parts.get(work_request, ()))
