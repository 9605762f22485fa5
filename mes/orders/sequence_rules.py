"""Pure: in which order the jobs of a station should be made, and which order a supervisor may give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits at a station. `takes_us` None: nobody knows how long it takes."""

    job_id: str
    priority: int
    due_at_us: int | None
    setup_family: str
    takes_us: int | None


def passes_a_higher_priority(jobs: Sequence[Waiting]) -> bool:
    """Whether a job stands before one of a higher priority."""
    return any(before.priority < after.priority for before, after in pairwise(jobs))


def setups(jobs: Sequence[Waiting], mounted: str = "") -> int:
    """Times the station is set up anew, beginning with the family it is set up for."""
    families = [mounted, *(job.setup_family for job in jobs)]
    return sum(before != after for before, after in pairwise(families))


def grouped_by_family(jobs: Sequence[Waiting], *, mounted: str, free_at_us: int) -> tuple[Waiting, ...]:
    """The same jobs with fewer set-ups: a job is drawn forward to one of its family.

    It passes none of a higher priority, and none that would become late, or later, by it: without known durations a job
    with a due date is not passed at all. `free_at_us`: when the first may begin.
    """
    ordered = list(jobs)
    for place in range(len(ordered)):
        family = ordered[place - 1].setup_family if place else mounted
        found = _next_of(family, ordered, place, free_at_us)
        if found is not None and setups(_drawn(ordered, found, place), mounted) < setups(ordered, mounted):
            ordered = _drawn(ordered, found, place)
    return tuple(ordered)


def _drawn(jobs: Sequence[Waiting], found: int, place: int) -> list[Waiting]:
    return [*jobs[:place], jobs[found], *jobs[place:found], *jobs[found + 1 :]]


def _next_of(family: str, jobs: Sequence[Waiting], place: int, free_at_us: int) -> int | None:
    """The first job of the family at or after a place that may be drawn to it."""
    for found in range(place, len(jobs)):
        if jobs[found].setup_family == family:
            return found if _harmless(jobs, place, found, free_at_us) else None
    return None


def _harmless(jobs: Sequence[Waiting], place: int, found: int, free_at_us: int) -> bool:
    """Whether the job at `found` may pass those from `place` on."""
    passed, drawn = jobs[place:found], jobs[found]
    if any(job.priority > drawn.priority for job in passed):
        return False
    if all(job.due_at_us is None for job in passed):
        return True
    durations = [job.takes_us for job in (*jobs[:found], drawn)]
    if any(took is None for took in durations):
        return False
    at = free_at_us + sum(took or 0 for took in durations[:place]) + (drawn.takes_us or 0)
    for job in passed:
        at += job.takes_us or 0
        if job.due_at_us is not None and at > job.due_at_us:
            return False
    return True
