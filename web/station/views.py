"""View models of the station. Pure: dataclasses of queries and an instant in, primitives out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlencode

from mes.equipment.queries import EquipmentStatus
from mes.orders.following.types import Briefing
from mes.orders.types import JobView, UnassignedCount
from standards.isa95.equipment_hierarchy import WORK_CENTER_LEVELS
from web.components.job import (
    STATES,
    WAITING_NOTES,
    Amount,
    JobPanel,
    amount,
    is_startable,
    state_word,
    view_job,
    why_waiting,
)
from web.components.machine import MachineView, view_machine
from web.components.parameters import ParameterView, parameter_views
from web.wording import code_key

QUEUE_SHOWN: Final = 4
FINISHED_SHOWN: Final = 3
TO_COUNT_SHOWN: Final = 2
UNDO_S: Final = 10
TOLD_S: Final = 4
"""How long a deed that cannot be undone is told."""
TRANSITIONS: Final = ("start", "pause", "resume", "complete")
DEEDS: Final = frozenset({"good", "scrap", "count", "undo", *TRANSITIONS, *(f"ask-{act}" for act in TRANSITIONS)})
CURRENT: Final = frozenset({"running", "paused", "held"})


@dataclass(frozen=True, slots=True)
class MachineRegion:
    machine: MachineView


@dataclass(frozen=True, slots=True)
class BriefingLine:
    """What the job asks of whoever does it. `instructions` and `allow` are addresses, "" where there is nothing."""

    instructions: str
    steps: int
    read: int
    qualifications: tuple[str, ...]
    allow: str
    changed: tuple[ParameterView, ...] = ()
    """Parameters that a supervisor set for this job."""
    parameters: tuple[ParameterView, ...] = ()


@dataclass(frozen=True, slots=True)
class CurrentJobRegion:
    """`request_id` makes an additive act done once when it is sent twice."""

    base: str
    job: JobPanel | None
    due_at: datetime | None
    waiting: bool
    request_id: str
    briefing: BriefingLine | None = None


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """`why` is the key of the words that say why the job waits; `start` whether it may be started here now.

    `said` is what the machine answered when it was asked, in its own words.
    """

    job_id: str
    order_id: str
    material: str
    planned: Decimal
    unit: str
    due_at: datetime | None
    icon: str
    why: str
    said: str
    start: bool
    version: int


@dataclass(frozen=True, slots=True)
class FinishedJob:
    order_id: str
    material: str
    good: Amount
    scrap: Amount
    planned: Decimal
    unit: str
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class JobToCount:
    """A job that is over, and whose pieces a person has to count."""

    job_id: str
    order_id: str
    material: str
    good: Amount
    scrap: Amount
    unit: str
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class QueueRegion:
    """What has to be counted, what comes next, and below it what was done here last."""

    base: str
    to_count: tuple[JobToCount, ...]
    jobs: tuple[QueuedJob, ...]
    more: int
    finished: tuple[FinishedJob, ...]


@dataclass(frozen=True, slots=True)
class CellsRegion:
    """The machines of a line, in the order work flows through them; empty where the station is one machine."""

    base: str
    cells: tuple[MachineView, ...]


@dataclass(frozen=True, slots=True)
class UnassignedRegion:
    """Pieces counted here without a job to book them to, at least; `why` is the key of the latest reason's words."""

    base: str
    quantity: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class Deed:
    """What was just done here. `until` None: it cannot be taken back (a machine was asked, or an undo was done).

    `undoes` is the request id of a count; `version` that of a completed job.
    """

    what: str
    job_id: str
    quantity: Decimal = Decimal(1)
    undoes: str = ""
    version: int = 0
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class UndoView:
    """A deed as it is told; `undoable` with a button for `seconds`, else it just fades at `until_ms`."""

    action: str
    what: str
    quantity: Decimal
    job_id: str
    undoes: str
    version: int
    undoable: bool
    until_ms: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Reason:
    reason_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ReportView:
    """The dialog that asks how many (`what` is `scrap`, `good` or `count`) and, for scrap, why.

    `first` is what the keypad starts with. For `count` that is nothing; `good` and `lost` are what the machines prove.
    """

    base: str
    name: str
    what: str
    job_id: str
    order_id: str
    material: str
    request_id: str
    reasons: tuple[Reason, ...]
    first: str
    good: Amount
    lost: Amount


@dataclass(frozen=True, slots=True)
class StationPage:
    equipment_id: str
    name: str
    machine: MachineRegion
    current: CurrentJobRegion
    cells: CellsRegion
    queue: QueueRegion
    unassigned: UnassignedRegion
    undo: UndoView | None


def base_of(equipment_id: str) -> str:
    """The address of a station."""
    return f"/s/{quote(equipment_id, safe='')}"


def current_region(
    equipment_id: str,
    jobs: Sequence[JobView],
    request_id: str,
    zone: tzinfo,
    now: datetime,
    briefing: Briefing | None = None,
) -> CurrentJobRegion:
    """The job in work, else the next one that may start, else nothing."""
    job = current_job(jobs)
    panel = view_job(job, now.astimezone(zone)) if job else None
    due = job.due_at.astimezone(zone) if job and job.due_at else None
    waiting = any(state_word(other) == "blocked" for other in jobs)
    line = briefing_line(equipment_id, job, briefing, zone) if job and briefing else None
    return CurrentJobRegion(base_of(equipment_id), panel, due, waiting, request_id, line)


def briefing_line(equipment_id: str, job: JobView, briefing: Briefing, zone: tzinfo) -> BriefingLine | None:
    """None where the job asks for nothing."""
    count, query = briefing.instructions, urlencode({"job_id": job.job_id})
    if not count.steps and not briefing.qualifications and not briefing.parameters:
        return None
    parameters = parameter_views(briefing.parameters, zone)
    base = base_of(equipment_id)
    return BriefingLine(
        f"{base}/instructions?{query}" if count.steps else "",
        count.steps,
        count.read,
        briefing.qualifications,
        f"{base}/allow?{query}" if briefing.qualifications and is_startable(job) else "",
        tuple(one for one in parameters if one.changed),
        parameters,
    )


def current_job(jobs: Sequence[JobView]) -> JobView | None:
    """In work first, else the first that may start here, else the first released."""
    in_work = [job for job in jobs if state_word(job) in CURRENT and not job.waits]
    startable = [job for job in jobs if is_startable(job)]
    released = [job for job in jobs if state_word(job) == "released"]
    due = [job for job in released if job.note not in WAITING_NOTES]
    return next(iter(in_work + startable + due + released), None)


def queue_region(equipment_id: str, jobs: Sequence[JobView], to_count: Sequence[JobView], zone: tzinfo) -> QueueRegion:
    """All that comes after the current job, in turn; at most QUEUE_SHOWN are listed. First what has to be counted."""
    current = current_job(jobs)
    rest = [job for job in jobs if job is not current and job.waits]
    is_free = current is None or current.waits or state_word(current) not in CURRENT
    counts = tuple(_to_count(job, zone, job.ended_at) for job in to_count[:TO_COUNT_SHOWN] if job.ended_at)
    shown = tuple(_queued(job, zone, start=is_free and is_startable(job)) for job in rest[: QUEUE_SHOWN - len(counts)])
    room = FINISHED_SHOWN if len(counts) + len(shown) < FINISHED_SHOWN else 0
    more = len(rest) - len(shown)
    return QueueRegion(base_of(equipment_id), counts, shown, more, _finished(jobs, zone)[:room])


def _to_count(job: JobView, zone: tzinfo, ended_at: datetime) -> JobToCount:
    return JobToCount(
        job_id=job.job_id,
        order_id=job.operations_request_id,
        material=job.material_description or job.material_id,
        good=amount(job.good_low, job.good_high),
        scrap=amount(job.scrap_low, job.scrap_high),
        unit=job.unit,
        ended_at=ended_at.astimezone(zone),
    )


def _finished(jobs: Iterable[JobView], zone: tzinfo) -> tuple[FinishedJob, ...]:
    return tuple(
        FinishedJob(
            order_id=job.operations_request_id,
            material=job.material_description or job.material_id,
            good=amount(job.good_low, job.good_high),
            scrap=amount(job.scrap_low, job.scrap_high),
            planned=job.quantity,
            unit=job.unit,
            ended_at=job.ended_at.astimezone(zone),
        )
        for job in jobs
        if state_word(job) == "done" and job.ended_at and not job.awaits_count
    )


def _queued(job: JobView, zone: tzinfo, *, start: bool) -> QueuedJob:
    word = state_word(job)
    return QueuedJob(
        job_id=job.job_id,
        order_id=job.operations_request_id,
        material=job.material_description or job.material_id,
        planned=job.quantity,
        unit=job.unit,
        due_at=job.due_at.astimezone(zone) if job.due_at else None,
        icon=STATES[word][1],
        why=why_waiting(job),
        said=job.hold_reason or job.note_text,
        start=start,
        version=job.version,
    )


def cells_region(equipment_id: str, statuses: Iterable[EquipmentStatus], now: datetime) -> CellsRegion:
    """The cells of a line; their order is that of the plant file (integer key)."""
    cells = sorted((s for s in statuses if _stands_in(s, equipment_id)), key=lambda s: s.equipment_pk)
    return CellsRegion(base_of(equipment_id), tuple(view_machine(s, now) for s in cells))


def _stands_in(status: EquipmentStatus, equipment_id: str) -> bool:
    return status.parent_id == equipment_id and status.level not in WORK_CENTER_LEVELS


def unassigned_region(equipment_id: str, cells: CellsRegion, counts: Iterable[UnassignedCount]) -> UnassignedRegion:
    """Counts of this station and of the machines in it, as far as they were asked for."""
    places = {equipment_id, *(cell.equipment_id for cell in cells.cells)}
    here = [count for count in counts if count.equipment_id in places]
    why = code_key("unassigned", here[0].reason) if here else "unassigned.other"
    return UnassignedRegion(base_of(equipment_id), sum((c.quantity for c in here), Decimal(0)), why)


def undo_view(equipment_id: str, deed: Deed | None, now: datetime) -> UndoView | None:
    """None when the ten seconds are over."""
    if deed is None:
        return None
    until = min(deed.until or now + timedelta(seconds=TOLD_S), now + timedelta(seconds=UNDO_S))
    seconds = math.ceil((until - now).total_seconds())
    if seconds <= 0:
        return None
    return UndoView(
        action=f"{base_of(equipment_id)}/undo",
        what=deed.what,
        quantity=deed.quantity,
        job_id=deed.job_id,
        undoes=deed.undoes,
        version=deed.version,
        undoable=deed.until is not None,
        until_ms=int(until.timestamp() * 1000),
        seconds=seconds,
    )


def deed_query(deed: Deed) -> dict[str, str]:
    """A deed as the query of the page that a browser without JavaScript is sent to."""
    told = {"did": deed.what, "job_id": deed.job_id, "n": str(deed.quantity), "undoes": deed.undoes}
    until = "" if deed.until is None else str(int(deed.until.timestamp() * 1000))
    return {**told, "version": str(deed.version), "until": until}


def deed_from_query(query: Mapping[str, str]) -> Deed | None:
    """The other way; None for anything that is not a deed of ours."""
    if query.get("did") not in DEEDS:
        return None
    try:
        quantity, version = Decimal(query.get("n", "1")), int(query.get("version", "0"))
        until = datetime.fromtimestamp(int(query["until"]) / 1000, UTC) if query.get("until") else None
    except (ArithmeticError, ValueError, OverflowError):
        return None
    return Deed(query["did"], query.get("job_id", ""), quantity, query.get("undoes", ""), version, until)
