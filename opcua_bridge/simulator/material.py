"""Panels and boards on their way, and the buffers between the targets."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from random import Random

from .catalog import BOARDS_PER_PANEL

XOUT_RATE, REJECT_RATE = 0.02, 0.01


@dataclass
class Part:
    """Anything in a machine: a panel of boards, one board, a fixture. `good + rejected + xouts` are its positions."""

    serial: str
    job: str | None
    work_request: str
    good: int = 1
    rejected: int = 0
    xouts: int = 0


def draw_panel(chance: Random, serial: str, job: str | None, work_request: str) -> Part:
    """A panel with its fate: positions crossed out by the board maker, boards the inspection will reject."""
    xouts = sum(chance.random() < XOUT_RATE for _ in range(BOARDS_PER_PANEL))
    rejected = sum(chance.random() < REJECT_RATE for _ in range(BOARDS_PER_PANEL - xouts))
    return Part(serial, job, work_request, BOARDS_PER_PANEL - xouts - rejected, rejected, xouts)


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
