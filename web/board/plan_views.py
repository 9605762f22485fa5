"""View models of the board's two other tabs: orders by where they are, and when stations will do what. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final
from urllib.parse import quote

from mes.orders.planning.types import Slot
from mes.orders.types import JobView, OrderCard
from standards.isa95.job_control import JobState
from web.components.job import JobPanel, view_job
from web.components.order import OrderRow, finished_last, order_row, urgency
from web.components.time_axis import Axis, Tick

COLUMN_MAX: Final = 30
DONE_SHOWN: Final = 8
SPANS: Final[Mapping[str, int]] = {"shift": 12, "days": 48, "week": 168}
"""Hours a Gantt looks ahead."""
BEHIND: Final = 0.15
"""Part of the drawing that is past."""
LANE: Final = 66
HEAD: Final = 30
BAR: Final = 34


@dataclass(frozen=True, slots=True)
class KanbanCard:
    row: OrderRow
    job: JobPanel | None
    short: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """`kind` is `unreleased`, `place` or `done`; `href` leads to the place's dispatch list."""

    kind: str
    name: str
    href: str
    cards: tuple[KanbanCard, ...]
    count: int


@dataclass(frozen=True, slots=True)
class BoardKanban:
    columns: tuple[Column, ...]


def board_kanban(
    cards: Iterable[OrderCard], short: Mapping[str, tuple[str, ...]], zone: tzinfo, now: datetime
) -> BoardKanban:
    """Orders in the column of the work centre where they are now; `short`: materials that are missing, by order."""
    rows = [(card, order_row(card, zone, now)) for card in cards]
    unreleased = [_card(card, row, None, short, zone, now) for card, row in rows if row.state == "unreleased"]
    places: dict[str, list[KanbanCard]] = {}
    steps: dict[str, int] = {}
    for card, row in rows:
        if not row.over and row.state != "unreleased" and (job := _where(card)) is not None:
            place = job.work_center_id or job.equipment_id
            steps[place] = min(job.sequence, steps.get(place, job.sequence))
            places.setdefault(place, []).append(_card(card, row, job, short, zone, now))
    done = [KanbanCard(row, None, ()) for row in finished_last(row for _, row in rows)[:DONE_SHOWN]]
    middle = [
        _column("place", name, found) for name, found in sorted(places.items(), key=lambda at: (steps[at[0]], at[0]))
    ]
    return BoardKanban((_column("unreleased", "", unreleased), *middle, Column("done", "", "", tuple(done), len(done))))


def _where(card: OrderCard) -> JobView | None:
    """The job that is in work, else the first that is not over."""
    jobs = sorted((job for job in card.jobs if not job.over), key=lambda job: (job.sequence, job.pk))
    active = [job for job in jobs if job.state in (JobState.Running, JobState.Interrupted)]
    return next(iter(active or jobs), None)


def _card(
    card: OrderCard,
    row: OrderRow,
    job: JobView | None,
    short: Mapping[str, tuple[str, ...]],
    zone: tzinfo,
    now: datetime,
) -> KanbanCard:
    panel = None if job is None else view_job(job, now.astimezone(zone))
    return KanbanCard(row, panel, short.get(card.operations_request_id, ()))


def _column(kind: str, name: str, cards: Iterable[KanbanCard]) -> Column:
    ordered = sorted(cards, key=lambda one: urgency(one.row))
    href = f"/dispatch/{quote(name, safe='')}" if name else ""
    return Column(kind, name, href, tuple(ordered[:COLUMN_MAX]), len(ordered))


@dataclass(frozen=True, slots=True)
class GanttBar:
    """`kind` is `done`, `active`, `planned` or `open` (no known end). `label` is "" where it has no room."""

    x: int
    y: int
    width: int
    kind: str
    label: str
    late: bool


@dataclass(frozen=True, slots=True)
class GanttLane:
    name: str
    href: str
    text_y: int
    track_y: int
    bars: tuple[GanttBar, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A job that is late, or will be: `flag` is `late` (it is over its due date) or `risk`."""

    order_id: str
    equipment_id: str
    material: str
    flag: str
    due_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class SpanLink:
    span: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class BoardGantt:
    query: str
    spans: tuple[SpanLink, ...]
    lanes: tuple[GanttLane, ...]
    ticks: tuple[Tick, ...]
    now_x: int
    height: int
    start: datetime
    end: datetime
    troubles: tuple[Trouble, ...]


def board_gantt(slots: Iterable[Slot], span: str, zone: tzinfo, now: datetime) -> BoardGantt:
    """A lane per station. What is expected is by nominal cycles, one job after another: no promise."""
    span = span if span in SPANS else "shift"
    hours = SPANS[span]
    axis = Axis(
        (now - timedelta(hours=hours * BEHIND)).astimezone(zone), (now + timedelta(hours=hours)).astimezone(zone)
    )
    known = sorted(slots, key=lambda slot: slot.starts_at)
    shown = [slot for slot in known if slot.starts_at < axis.end and (slot.ends_at or now) > axis.start]
    names = sorted({slot.job.equipment_id for slot in shown})
    lanes = tuple(
        _gantt_lane(axis, n, name, [s for s in shown if s.job.equipment_id == name], now)
        for n, name in enumerate(names)
    )
    return BoardGantt(
        f"?span={span}",
        tuple(SpanLink(name, f"/board/gantt?span={name}", name == span) for name in SPANS),
        lanes,
        axis.ticks(),
        axis.x(now),
        HEAD + LANE * len(lanes) + HEAD,
        axis.start,
        axis.end,
        _troubles(known, zone, now),
    )


def _gantt_lane(axis: Axis, number: int, name: str, slots: Sequence[Slot], now: datetime) -> GanttLane:
    top = HEAD + LANE * number
    bars = tuple(_gantt_bar(axis, slot, top + 24, now) for slot in slots)
    return GanttLane(name, f"/dispatch/{quote(name, safe='')}", top + 17, top + 24, bars)


def _gantt_bar(axis: Axis, slot: Slot, y: int, now: datetime) -> GanttBar:
    x = axis.x(slot.starts_at)
    end = slot.ends_at or max(now, slot.starts_at) + timedelta(minutes=30)
    width = max(4, axis.x(end) - x)
    job = slot.job
    active = job.state in (JobState.Running, JobState.Interrupted)
    kind = "done" if job.over else "open" if slot.ends_at is None else "active" if active else "planned"
    text = job.operations_request_id
    late = slot.late or (not job.over and job.due_at is not None and job.due_at < now)
    room = width - (30 if late else 8)
    return GanttBar(x, y, width, kind, text if len(text) * 10 <= room else "", late)


def _troubles(slots: Iterable[Slot], zone: tzinfo, now: datetime) -> tuple[Trouble, ...]:
    """One line an order: of its jobs in trouble the one that is expected to end last."""
    found: dict[str, Slot] = {}
    for slot in slots:
        due = slot.job.due_at
        if due is not None and not slot.job.over and (slot.late or due < now):
            known = found.get(slot.job.operations_request_id)
            if known is None or _end(slot) >= _end(known):
                found[slot.job.operations_request_id] = slot
    troubles = [_trouble(slot, zone, now) for slot in found.values()]
    return tuple(sorted(troubles, key=lambda trouble: (trouble.due_at, trouble.order_id)))[:COLUMN_MAX]


def _end(slot: Slot) -> datetime:
    return slot.ends_at or slot.starts_at


def _trouble(slot: Slot, zone: tzinfo, now: datetime) -> Trouble:
    job, due = slot.job, slot.job.due_at or now
    return Trouble(
        order_id=job.operations_request_id,
        equipment_id=job.equipment_id,
        material=job.material_description or job.material_id,
        flag="late" if due < now else "risk",
        due_at=due.astimezone(zone),
        ends_at=None if slot.ends_at is None else slot.ends_at.astimezone(zone),
    )


@dataclass(frozen=True, slots=True)
class PlanPage:
    """`tab` is `kanban` or `gantt`, `region` what it shows."""

    tab: str
    region: BoardKanban | BoardGantt
