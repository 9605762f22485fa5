"""View models of the wall. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from itertools import accumulate
from typing import Final
from urllib.parse import quote

from mes.equipment.queries import EquipmentStatus
from mes.equipment.types import StateInterval
from mes.orders.types import OrderCard
from standards.isa95.equipment_hierarchy import WORK_UNIT_LEVELS
from standards.packml.states import EquipmentState
from web.components.machine import MachineView, view_machine, view_machines
from web.components.order import OrderRow, finished_last, order_row, urgency

LINES_SHOWN: Final = 18
"""Lines of text the orders have room for: each takes HEAD_LINES and one a step; one that does not fit is counted."""
HEAD_LINES: Final = 3
FINISHED_SHOWN: Final = 4
TOTALS_SHOWN: Final = 6
"""What the head has no room for is not drawn; the stops always are."""
STOPS: Final = frozenset({EquipmentState.Down, EquipmentState.Stopped})
US_A_MINUTE: Final = 60_000_000


@dataclass(frozen=True, slots=True)
class WallMachines:
    """`size` says how big a tile may be: `calm` (nothing abnormal), `few` (to 2), `some` (to 6) or `many`.

    `says` is the word for a calm hall: `all-well`, `resting` (nothing runs) or `empty` (no machine here).
    """

    base: str
    abnormal: tuple[MachineView, ...]
    quiet: tuple[MachineView, ...]
    running: int
    machines: int
    size: str
    says: str


@dataclass(frozen=True, slots=True)
class WallOrders:
    base: str
    rows: tuple[OrderRow, ...]
    finished: tuple[OrderRow, ...]
    more: int
    late: int
    risk: int


@dataclass(frozen=True, slots=True)
class LineTotal:
    """What is proven to have been made at one line or station since the production day began."""

    equipment_id: str
    name: str
    good: Decimal
    scrap: Decimal


@dataclass(frozen=True, slots=True)
class WallTotals:
    """`stop_minutes`: machine minutes down or stopped today that nobody has explained."""

    base: str
    lines: tuple[LineTotal, ...]
    stop_minutes: int


@dataclass(frozen=True, slots=True)
class WallPage:
    area_id: str
    name: str
    machines: WallMachines
    orders: WallOrders
    totals: WallTotals


def base_of(area_id: str) -> str:
    return f"/wall/{quote(area_id, safe='')}"


def wall_machines(area_id: str, statuses: Iterable[EquipmentStatus], now: datetime) -> WallMachines:
    """The work units of an area; what needs somebody comes first and big, manual benches not at all.

    The others keep their places, those of the plant file: a wall whose tiles wander cannot be learned.
    """
    units = sorted((s for s in statuses if s.level in WORK_UNIT_LEVELS and not s.manual), key=lambda s: s.equipment_pk)
    abnormal = tuple(m for m in view_machines(units, now) if m.abnormal)
    quiet = tuple(m for m in (view_machine(s, now) for s in units) if not m.abnormal)
    running = sum(s.known and s.state is EquipmentState.Running for s in units)
    says = "all-well" if running else "resting" if units else "empty"
    return WallMachines(base_of(area_id), abnormal, quiet, running, len(units), tile_size(len(abnormal)), says)


def tile_size(abnormal: int) -> str:
    """Fewer tiles, bigger letters."""
    if not abnormal:
        return "calm"
    return "few" if abnormal <= 2 else "some" if abnormal <= 6 else "many"


def wall_orders(area_id: str, cards: Iterable[OrderCard], zone: tzinfo, now: datetime) -> WallOrders:
    """Orders in work, the most urgent first, and the last that are done, as far as there is room for them.

    Late and at risk are counted over all open ones.
    """
    rows = sorted((order_row(card, zone, now) for card in cards), key=urgency)
    open_rows = [row for row in rows if not row.over]
    in_work = [row for row in open_rows if row.state in ("running", "released")]
    shown = _as_have_room(in_work)
    return WallOrders(
        base=base_of(area_id),
        rows=shown,
        finished=finished_last(rows)[: max(0, FINISHED_SHOWN - 2 * len(in_work[1:]))],
        more=len(in_work) - len(shown),
        late=sum(row.flag == "late" for row in open_rows),
        risk=sum(row.flag == "risk" for row in open_rows),
    )


def _as_have_room(rows: Sequence[OrderRow]) -> tuple[OrderRow, ...]:
    """The first ones, whole; the most urgent one in any case."""
    ends = accumulate(HEAD_LINES + len(row.jobs) for row in rows)
    fitting = sum(end <= LINES_SHOWN for end in ends)
    return tuple(rows[: max(1, fitting)])


def line_totals(
    statuses: Iterable[EquipmentStatus], made: Mapping[str, tuple[Decimal, Decimal]]
) -> tuple[LineTotal, ...]:
    """Good and scrap of every station of the area that made something, in the order of the plant file."""
    totals = [
        LineTotal(s.equipment_id, s.description or s.equipment_id, *made[s.equipment_id])
        for s in sorted(statuses, key=lambda s: s.equipment_pk)
        if s.equipment_id in made
    ]
    return tuple(totals)


def wall_totals(area_id: str, lines: Sequence[LineTotal], stop_minutes: int) -> WallTotals:
    return WallTotals(base_of(area_id), tuple(lines[:TOTALS_SHOWN]), stop_minutes)


def stop_minutes(intervals: Iterable[StateInterval], from_us: int, to_us: int) -> int:
    """Whole machine minutes in [from_us, to_us) that machines were down or stopped."""
    return sum(_overlap_us(span, from_us, to_us) for span in intervals) // US_A_MINUTE


def _overlap_us(span: StateInterval, from_us: int, to_us: int) -> int:
    if span.state not in STOPS:
        return 0
    end = to_us if span.to_us is None else min(span.to_us, to_us)
    return max(0, end - max(span.from_us, from_us))
