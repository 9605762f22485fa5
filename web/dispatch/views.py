"""View models of a dispatch list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from urllib.parse import quote

from mes.orders.planning.types import DispatchList
from web.components.job import JobPanel, view_job
from web.components.properties import Described

SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """`due_at` in the plant's zone; `flag` is `late` or ""; `same_setup`: no other set-up is needed.

    `up`, `down`: it may move that way.
    """

    job: JobPanel
    key: str
    priority: int
    due_at: datetime | None
    flag: str
    setup_family: str
    same_setup: bool
    placed: bool
    up: bool
    down: bool


@dataclass(frozen=True, slots=True)
class Station:
    """`suggested`: the jobs' keys (`version:id`) in an order with fewer set-ups; empty: nothing gained."""

    equipment_id: str
    name: str
    active: tuple[JobPanel, ...]
    rows: tuple[WaitingRow, ...]
    suggested: tuple[str, ...]
    mounted: str
    setups: int
    setups_suggested: int
    more: int


@dataclass(frozen=True, slots=True)
class DispatchRegion:
    base: str
    stations: tuple[Station, ...]


@dataclass(frozen=True, slots=True)
class DispatchPage:
    work_center_id: str
    name: str
    region: DispatchRegion
    said: tuple[Described, ...] = ()
    """The place itself and its stations, those of which something is said."""


def base_of(work_center_id: str) -> str:
    return f"/dispatch/{quote(work_center_id, safe='')}"


def dispatch_region(work_center_id: str, lists: Iterable[DispatchList], zone: tzinfo, now: datetime) -> DispatchRegion:
    return DispatchRegion(base_of(work_center_id), tuple(_station(found, zone, now) for found in lists))


def _station(found: DispatchList, zone: tzinfo, now: datetime) -> Station:
    keys = {job.job_id: f"{job.version}:{job.job_id}" for job in found.waiting}
    gained = found.setups_suggested < found.setups
    return Station(
        found.equipment_id,
        found.description,
        tuple(view_job(job, now.astimezone(zone)) for job in found.active),
        _rows(found, zone, now),
        tuple(keys[job_id] for job_id in found.suggested) if gained else (),
        found.mounted,
        found.setups,
        found.setups_suggested,
        max(0, len(found.waiting) - SHOWN_MAX),
    )


def _rows(found: DispatchList, zone: tzinfo, now: datetime) -> tuple[WaitingRow, ...]:
    waiting = found.waiting[:SHOWN_MAX]
    before = [found.mounted, *(job.setup_family for job in waiting)]
    return tuple(
        WaitingRow(
            view_job(job, now.astimezone(zone)),
            f"{job.version}:{job.job_id}",
            job.priority,
            job.due_at.astimezone(zone) if job.due_at else None,
            "late" if job.due_at is not None and job.due_at < now else "",
            job.setup_family,
            bool(job.setup_family) and before[place] == job.setup_family,
            job.rank is not None,
            place > 0 and waiting[place - 1].priority == job.priority,
            place + 1 < len(waiting) and waiting[place + 1].priority == job.priority,
        )
        for place, job in enumerate(waiting)
    )


def moved(keys: Sequence[str], move: str) -> list[str]:
    """The keys with one of them a place further `up` or `down` (`up:version:id`); unchanged where that cannot be."""
    way, _, key = move.partition(":")
    ordered = list(keys)
    if key in ordered and way in ("up", "down"):
        place = ordered.index(key)
        other = place - 1 if way == "up" else place + 1
        if 0 <= other < len(ordered):
            ordered[place], ordered[other] = ordered[other], ordered[place]
    return ordered
