"""Pure: when jobs that wait are expected to have their stations, and which stock covers what they need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """A job that is not over, in turn order of its station. `left_us`: how long it still takes; None: unknown."""

    pk: int
    equipment_id: str
    active: bool
    left_us: int | None
    after: tuple[int, ...]
    """Jobs it waits for."""


def forecast(tasks: Sequence[Task], now_us: int) -> dict[int, tuple[int, int | None]]:
    """(start, end) of each job: one after another at a station, none before what it waits for has ended.

    Active jobs go on now. Where a duration is unknown the end is, and what comes after starts no
    earlier than its start: an expectation, not a promise. A cycle among what waits is broken where it is met.
    """
    ends: dict[int, int] = {}
    found: dict[int, tuple[int, int | None]] = {}
    free: dict[str, int] = {}
    known = {task.pk for task in tasks}
    waiting = sorted(tasks, key=lambda task: not task.active)
    while waiting:
        task = _next(waiting, ends, known)
        waiting.remove(task)
        start = now_us if task.active else _start(task, ends, free, now_us)
        end = None if task.left_us is None else start + task.left_us
        found[task.pk] = (start, end)
        ends[task.pk] = start if end is None else end
        free[task.equipment_id] = max(free.get(task.equipment_id, now_us), ends[task.pk])
    return found


def _next(waiting: Sequence[Task], ends: Mapping[int, int], known: Collection[int]) -> Task:
    """The first whose predecessors are placed."""
    for task in waiting:
        if task.active or all(pk in ends or pk not in known for pk in task.after):
            return task
    return waiting[0]


def _start(task: Task, ends: Mapping[int, int], free: Mapping[str, int], now_us: int) -> int:
    return max([now_us, free.get(task.equipment_id, now_us), *(ends[pk] for pk in task.after if pk in ends)])


@dataclass(frozen=True, slots=True)
class Line:
    """What some jobs need of a material, scaled by 10^6. `each_e6`: for one piece, so that substitutes, each with its
    own quantity for one piece, can be reckoned against it."""

    material_pk: int
    needed_e6: int
    each_e6: int
    substitutes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Covered:
    """How much of a line the material's own stock covers, and what is taken of substitutes: (key, taken, covers)."""

    own_e6: int
    substituted: tuple[tuple[int, int, int], ...] = ()

    @property
    def total_e6(self) -> int:
        return self.own_e6 + sum(covers for _, _, covers in self.substituted)


def cover(lines: Sequence[Line], stock: Mapping[int, int]) -> tuple[Covered, ...]:
    """Stock against lines: every line first from the material itself, then what is missing from substitutes in order of
    preference. Nothing is given twice."""
    left = dict(stock)
    own = []
    for line in lines:
        own.append(min(line.needed_e6, max(left.get(line.material_pk, 0), 0)))
        left[line.material_pk] = left.get(line.material_pk, 0) - own[-1]
    return tuple(
        Covered(taken, _substituted(line, line.needed_e6 - taken, left)) for line, taken in zip(lines, own, strict=True)
    )


def _substituted(line: Line, missing: int, left: dict[int, int]) -> tuple[tuple[int, int, int], ...]:
    found = []
    for material_pk, each_e6 in line.substitutes:
        if missing <= 0:
            break
        wanted = -(-missing * each_e6 // line.each_e6)
        taken = min(wanted, max(left.get(material_pk, 0), 0))
        covers = min(missing, taken * line.each_e6 // each_e6)
        if covers:
            left[material_pk] -= taken
            missing -= covers
            found.append((material_pk, taken, covers))
    return tuple(found)
