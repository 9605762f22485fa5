"""Which events of an archive go, and in what runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from mes.exchange.archive.types import REMOVED_TYPES, Linked
from mes.kernel.chain import RemovedRun


def runs_removed(rows: Sequence[Linked]) -> list[RemovedRun]:
    """Neighbours that go, together, each run with the link of its last."""
    runs = []
    for goes, group in groupby(rows, key=lambda found: found[0][2] in REMOVED_TYPES):
        if goes:
            some = list(group)
            runs.append(RemovedRun(some[0][0][0], some[-1][0][0], some[-1][1]))
    return runs


def first_difference(archived: Iterable[Linked], kept: Iterable[Linked]) -> int:
    """The sequence of the first archived event that the plant has otherwise or not at all; 0: there is none."""
    there = {row[0]: (tuple(row), link) for row, link in kept}
    return next((int(row[0]) for row, link in archived if there.get(row[0]) != (tuple(row), link)), 0)
