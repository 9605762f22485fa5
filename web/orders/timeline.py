"""An order's timeline as a drawing: a lane per station, when it ran and stood, and what was done on the way. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from mes.equipment.types import StateInterval
from mes.kernel.sqltypes import from_us
from mes.orders.planning.types import RunSpan
from mes.orders.types import CountKind, OrderDetail
from standards.packml.states import EquipmentState
from web.components.time_axis import WIDTH, Axis, Tick
from web.orders.views import base_of

STOPS: Final = frozenset(
    {
        EquipmentState.Stopped,
        EquipmentState.Down,
        EquipmentState.Starved,
        EquipmentState.Blocked,
        EquipmentState.Unknown,
    }
)
MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "orders.job-hold-placed.v1": ("hold", "octagon-alert"),
    "orders.first-article-due.v1": ("hold", "octagon-alert"),
    "orders.job-corrected.v1": ("correction", "clipboard-check"),
    "orders.pieces-sent-to-rework.v1": ("rework", "wrench"),
    "orders.job-split.v1": ("split", "arrow-up-right"),
}
SCRAP: Final = ("scrap", "trash-2")
LANE: Final = 84
HEAD: Final = 30
BAR: Final = 30
MARK: Final = 26
ROOM: Final = timedelta(minutes=2)
"""Left and right of what is drawn."""


@dataclass(frozen=True, slots=True)
class Bar:
    """`kind` is `run`, `open` (it still has its station) or `stop`."""

    x: int
    y: int
    width: int
    kind: str


@dataclass(frozen=True, slots=True)
class Mark:
    x: int
    y: int
    icon: str


@dataclass(frozen=True, slots=True)
class Lane:
    equipment_id: str
    text_y: int
    bar_y: int
    line_y: int
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Legend:
    kind: str
    icon: str
    count: int


@dataclass(frozen=True, slots=True)
class OrderTimeline:
    """`lanes` empty: nothing has run. `now_x` None: it is all over. Numbers are units of the drawing."""

    base: str
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    now_x: int | None
    height: int
    legend: tuple[Legend, ...]
    start: datetime | None
    end: datetime | None


def window_of(runs: Sequence[RunSpan], now: datetime) -> tuple[datetime, datetime] | None:
    """What a drawing of these runs shows; None where nothing has run."""
    if not runs:
        return None
    ended = [run.ended_at for run in runs]
    last = now if None in ended else max(end for end in ended if end is not None)
    return min(run.started_at for run in runs) - ROOM, last + ROOM


def order_timeline(
    detail: OrderDetail, runs: Sequence[RunSpan], stops: Iterable[StateInterval], zone: tzinfo, now: datetime
) -> OrderTimeline:
    """Stops are drawn only while a job had the station."""
    base = base_of(detail.card.operations_request_id)
    window = window_of(runs, now)
    if window is None:
        return OrderTimeline(base, (), (), None, 0, (), None, None)
    axis = Axis(window[0].astimezone(zone), window[1].astimezone(zone))
    places = {job.job_id: job.equipment_id for job in detail.card.jobs}
    marks = _marks(detail, places)
    stations = list(dict.fromkeys(run.equipment_id for run in runs))
    held = tuple(stops)
    lanes = tuple(_lane(axis, n, name, runs, held, marks, now) for n, name in enumerate(stations))
    is_open = any(run.ended_at is None for run in runs)
    return OrderTimeline(
        base,
        lanes,
        axis.ticks(),
        axis.x(now) if is_open else None,
        HEAD + LANE * len(lanes) + HEAD,
        _legend(marks, lanes),
        axis.start,
        axis.end,
    )


def _marks(detail: OrderDetail, places: Mapping[str, str]) -> list[tuple[str, str, str, datetime]]:
    """(station, kind, icon, when)."""
    found = [
        (places.get(str(event.payload.get("job_order_id", "")), ""), *MARKS[event.what], event.at)
        for event in detail.events
        if event.what in MARKS
    ]
    scrap = [
        (places.get(count.job_id, count.equipment_id), *SCRAP, count.at)
        for count in detail.counts
        if count.kind is CountKind.scrap and count.low > 0
    ]
    return found + scrap


def _lane(
    axis: Axis,
    number: int,
    name: str,
    runs: Sequence[RunSpan],
    stops: Sequence[StateInterval],
    marks: Sequence[tuple[str, str, str, datetime]],
    now: datetime,
) -> Lane:
    top = HEAD + LANE * number
    bar_y = top + 30
    mine = [run for run in runs if run.equipment_id == name]
    bars = [_bar(axis, run.started_at, run.ended_at or now, bar_y, "run" if run.ended_at else "open") for run in mine]
    for stop in stops:
        if stop.equipment_id == name:
            bars += _stops(axis, stop, mine, bar_y, now)
    drawn = tuple(
        Mark(max(0, min(WIDTH - MARK, axis.x(at) - MARK // 2)), bar_y + (BAR - MARK) // 2, icon)
        for place, _, icon, at in marks
        if place == name and axis.has(at)
    )
    return Lane(name, top + 20, bar_y, top + LANE - 8, tuple(bars), drawn)


def _bar(axis: Axis, start: datetime, end: datetime, y: int, kind: str) -> Bar:
    x = axis.x(start)
    return Bar(x, y, max(2, axis.x(end) - x), kind)


def _stops(axis: Axis, stop: StateInterval, runs: Iterable[RunSpan], y: int, now: datetime) -> list[Bar]:
    start, end = from_us(stop.from_us), now if stop.to_us is None else from_us(stop.to_us)
    parts = [(max(start, run.started_at), min(end, run.ended_at or now)) for run in runs]
    return [_bar(axis, begin, over, y, "stop") for begin, over in parts if begin < over]


def _legend(marks: Sequence[tuple[str, str, str, datetime]], lanes: Sequence[Lane]) -> tuple[Legend, ...]:
    kinds = dict.fromkeys((kind, icon) for _, kind, icon, _ in marks)
    shown = [Legend(kind, icon, sum(each[1] == kind for each in marks)) for kind, icon in kinds]
    stops = sum(bar.kind == "stop" for lane in lanes for bar in lane.bars)
    return (*([Legend("stop", "", stops)] if stops else []), *shown)
