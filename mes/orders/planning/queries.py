"""Reads of what has not begun."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import BigInteger, case, exists, func, literal_column, or_, select, text, type_coerce
from sqlmodel import Session

from mes.definitions.rules import needed_e6
from mes.definitions.tables import MaterialSubstitute, SegmentMaterial
from mes.equipment.queries import get_equipment
from mes.equipment.tables import Equipment
from mes.kernel.sqltypes import from_us, from_us_or_none, to_us
from mes.materials.tables import LEFT, MaterialDefinition, MaterialLot, MaterialLotLife, UnitConversionRow
from mes.orders.planning.rules import Covered, Line, Task, cover, forecast
from mes.orders.planning.types import (
    TAKERS_MAX,
    DispatchList,
    MaterialNeed,
    RunSpan,
    Slot,
    SubstituteStock,
    Taker,
)
from mes.orders.queries import list_open_jobs_at
from mes.orders.rules import turn
from mes.orders.sequence_rules import Waiting, grouped_by_family, setups
from mes.orders.tables import JobDependencyRow, JobOrderRow, JobRunRow, OperationsRequestRow, WorkRequestRow
from mes.orders.types import JobRole, JobView
from standards.isa95.job_control import DispatchStatus, JobState
from standards.isa95.material import USABLE, Disposition, MaterialUse
from standards.isa95.quantity import from_e6, to_e6

_J: Final = JobOrderRow.__table__  # type: ignore[attr-defined]
_Q: Final = WorkRequestRow.__table__  # type: ignore[attr-defined]
_R: Final = OperationsRequestRow.__table__  # type: ignore[attr-defined]
_SM: Final = SegmentMaterial.__table__  # type: ignore[attr-defined]
_SUB: Final = MaterialSubstitute.__table__  # type: ignore[attr-defined]
_M: Final = MaterialDefinition.__table__  # type: ignore[attr-defined]
_L: Final = MaterialLot.__table__  # type: ignore[attr-defined]
_LIFE: Final = MaterialLotLife.__table__  # type: ignore[attr-defined]
_U: Final = UnitConversionRow.__table__  # type: ignore[attr-defined]
_D: Final = JobDependencyRow.__table__  # type: ignore[attr-defined]
_RUN: Final = JobRunRow.__table__  # type: ignore[attr-defined]
_E: Final = Equipment.__table__  # type: ignore[attr-defined]

WITH_MACHINE: Final = frozenset({DispatchStatus.Dispatched, DispatchStatus.Ready})
JOBS_MAX: Final = 500
"""Open jobs that a dispatch list or a schedule looks at."""


def list_material_needs(session: Session, *, job_pks: Collection[int], now: datetime) -> tuple[MaterialNeed, ...]:
    """What jobs that have not begun will consume, by their routing, against the lots on hand; by material id.

    A lot counts while its disposition lets it be used and its shelf life lasts. With the scrap allowance; less what
    other released jobs will still take of the same material (each its first choice); and what is short is taken from
    substitutes, in order of preference.
    """
    return _needs(session, dict.fromkeys(job_pks, ""), now).get("", ())


def list_short_orders(
    session: Session, *, operations_request_ids: Collection[str], now: datetime
) -> dict[str, tuple[str, ...]]:
    """Materials that are short for the unreleased jobs of some orders, by order; orders without are absent."""
    rows = session.execute(
        select(_J.c.pk, _R.c.id)
        .join(_Q, _Q.c.pk == _J.c.work_request_pk)
        .join(_R, _R.c.pk == _Q.c.operations_request_pk)
        .where(_R.c.id.in_(operations_request_ids), _R.c.current)
        .where(_J.c.state == int(JobState.NotAllowedToStart), _J.c.dispatch_status != DispatchStatus.Cancelled)
    )
    found = _needs(session, {row.pk: row.id for row in rows}, now)
    short = {order_id: tuple(n.material_id for n in needs if n.short) for order_id, needs in found.items()}
    return {order_id: materials for order_id, materials in short.items() if materials}


def _needs(session: Session, groups: Mapping[int, str], now: datetime) -> dict[str, tuple[MaterialNeed, ...]]:
    """The needs of groups of jobs: job → group. Each group is held against the whole stock, less what released jobs
    outside of it will take."""
    lines = _lines(session, _J.c.pk.in_(groups), _J.c.started_at_us.is_(None))
    pks = {pk for line in lines for pk in (line.material_pk, *(pk for pk, _ in line.substitutes))}
    if not pks:
        return {}
    rows = session.execute(select(_M).where(_M.c.pk.in_(pks)).order_by(_M.c.id)).all()
    stock = Stock({row.pk: row for row in rows}, *_on_hand(session, pks, now))
    others = _lines(session, _SM.c.material_pk.in_(pks), *_RELEASED)
    return {
        group: tuple(_group_needs([line for line in lines if groups[line.job_pk] == group], others, groups, stock))
        for group in dict.fromkeys(groups[line.job_pk] for line in lines)
    }


_RELEASED: Final = (
    _J.c.ended_at_us.is_(None),
    _J.c.state.in_([int(state) for state in (JobState.AllowedToStart, JobState.Running, JobState.Interrupted)]),
    _J.c.dispatch_status != DispatchStatus.Cancelled,
)


@dataclass(frozen=True, slots=True)
class JobLine:
    """What one job still needs of a material of its bill, scaled by 10^6; `bare_e6` without the scrap allowance."""

    job_pk: int
    job_id: str
    line_pk: int
    material_pk: int
    bare_e6: int
    needed_e6: int
    each_e6: int
    substitutes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Stock:
    """Materials by key, and by key what is usable of them, there but not usable, and booked by lots at all."""

    materials: Mapping[int, Any]
    usable: Mapping[int, int]
    blocked: Mapping[int, int]
    tracked: Collection[int]


_BILLS: Final = (
    select(_J.c.pk, _J.c.id, _J.c.quantity_e6, _J.c.good_low_e6, _J.c.scrap_low_e6, _J.c.rework_e6)
    .add_columns(_SM.c.pk.label("line_pk"), _SM.c.material_pk.label("of_pk"), _SM.c.quantity, _SM.c.scrap_allowance)
    .join(_SM, _SM.c.segment_pk == _J.c.segment_pk)
    .where(_SM.c.use == MaterialUse.Consumed.value, _J.c.role.in_([JobRole.main.value, JobRole.part.value]))
    .order_by(_J.c.pk, _SM.c.pk)
)


def _lines(session: Session, *wanted: Any) -> list[JobLine]:
    """Bills of some jobs, for the pieces that are not made yet. Reworked pieces had their material the first time."""
    rows = session.execute(_BILLS.where(*wanted)).all()
    substitutes = _substitutes(session, {row.line_pk for row in rows}) if rows else {}
    return [_line(row, substitutes.get(row.line_pk, ())) for row in rows]


def _line(row: Any, substitutes: tuple[tuple[int, int], ...]) -> JobLine:
    made = row.good_low_e6 + row.scrap_low_e6 + row.rework_e6
    left, each = max(row.quantity_e6 - made, 0), to_e6(row.quantity)
    bare, needed = (needed_e6(left, each, allowance) for allowance in (0, to_e6(row.scrap_allowance)))
    return JobLine(row.pk, row.id, row.line_pk, row.of_pk, bare, needed, each, substitutes)


def _substitutes(session: Session, line_pks: Collection[int]) -> dict[int, tuple[tuple[int, int], ...]]:
    """(material, quantity for one piece) in order of preference, by line of a bill."""
    found: dict[int, tuple[tuple[int, int], ...]] = {}
    wanted = select(_SUB).where(_SUB.c.segment_material_pk.in_(line_pks)).order_by(_SUB.c.rank)
    for row in session.execute(wanted):
        before = found.get(row.segment_material_pk, ())
        found[row.segment_material_pk] = (*before, (row.material_pk, to_e6(row.quantity)))
    return found


def _group_needs(
    lines: Sequence[JobLine], others: Sequence[JobLine], groups: Mapping[int, str], stock: Stock
) -> Iterator[MaterialNeed]:
    group = groups[lines[0].job_pk]
    takers = [line for line in others if groups.get(line.job_pk) != group and line.needed_e6]
    reserved: dict[int, int] = {}
    for line in takers:
        reserved[line.material_pk] = reserved.get(line.material_pk, 0) + line.needed_e6
    free = {pk: amount - reserved.get(pk, 0) for pk, amount in stock.usable.items()}
    covered = cover([Line(one.material_pk, one.needed_e6, one.each_e6, one.substitutes) for one in lines], free)
    for pk in stock.materials:
        mine = [(line, found) for line, found in zip(lines, covered, strict=True) if line.material_pk == pk]
        if mine:
            yield _need(pk, mine, [line for line in takers if line.material_pk == pk], stock)


def _need(pk: int, mine: Sequence[tuple[JobLine, Covered]], takers: Sequence[JobLine], stock: Stock) -> MaterialNeed:
    row, needed = stock.materials[pk], sum(line.needed_e6 for line, _ in mine)
    largest = sorted(takers, key=lambda line: -line.needed_e6)[:TAKERS_MAX]
    return MaterialNeed(
        row.id,
        row.description,
        row.unit,
        from_e6(needed),
        from_e6(stock.usable.get(pk, 0)),
        from_e6(stock.blocked.get(pk, 0)),
        pk in stock.tracked,
        from_e6(needed - sum(line.bare_e6 for line, _ in mine)),
        from_e6(sum(line.needed_e6 for line in takers)),
        tuple(Taker(line.job_id, from_e6(line.needed_e6)) for line in largest),
        tuple(_substitute_stock([found for _, found in mine], stock)),
    )


def _substitute_stock(covered: Iterable[Covered], stock: Stock) -> Iterator[SubstituteStock]:
    totals: dict[int, tuple[int, int]] = {}
    for pk, taken, covers in (one for found in covered for one in found.substituted):
        before = totals.get(pk, (0, 0))
        totals[pk] = before[0] + taken, before[1] + covers
    for pk, (taken, covers) in totals.items():
        row, usable = stock.materials[pk], stock.usable.get(pk, 0)
        yield SubstituteStock(row.id, row.unit, from_e6(usable), from_e6(taken), from_e6(covers))


def _on_hand(
    session: Session, materials: Collection[int], now: datetime
) -> tuple[dict[int, int], dict[int, int], set[int]]:
    """Usable, and there but not usable, by material, in its unit scaled by 10^6; and what is booked by lots at all.

    What recorded links took of a lot is no longer there, nor is what left in a shipment; such lots are not looked at.
    """
    rates = {
        (row.material_pk, row.unit): (row.numerator, row.denominator)
        for row in session.execute(select(_U).where(_U.c.material_pk.in_(materials)))
    }
    expired = case((_LIFE.c.expires_at_us <= to_us(now), literal_column("1")), else_=literal_column("0"))
    kind = (_L.c.material_pk, _L.c.unit, _L.c.disposition, expired.label("expired"))
    left = type_coerce(_L.c.quantity, BigInteger) - _L.c.consumed_e6
    rows = session.execute(
        select(*kind, func.sum(left))
        .select_from(_L)
        .outerjoin(_LIFE, _LIFE.c.lot_pk == _L.c.pk)
        .where(_L.c.material_pk.in_(materials), text(LEFT))
        .group_by(_L.c.material_pk, _L.c.unit, _L.c.disposition, text("expired"))
    ).all()
    usable: dict[int, int] = {}
    blocked: dict[int, int] = {}
    for material_pk, unit, disposition, is_expired, quantity in rows:
        above, below = rates.get((material_pk, unit), (1, 1))
        amount = int(quantity) * above // below
        if Disposition(disposition) in USABLE and not is_expired:
            usable[material_pk] = usable.get(material_pk, 0) + amount
        else:
            blocked[material_pk] = blocked.get(material_pk, 0) + amount
    tracked = select(_M.c.pk).where(_M.c.pk.in_(materials), exists().where(_L.c.material_pk == _M.c.pk))
    return usable, blocked, set(session.scalars(tracked))


def list_dispatch(session: Session, *, work_center_id: str, now: datetime) -> tuple[DispatchList, ...]:
    """The work of a work centre, or of one station, by station. `equipment-not-found`."""
    get_equipment(session, equipment_id=work_center_id)
    jobs = list_open_jobs_at(session, place_id=work_center_id, now=now, limit=JOBS_MAX)
    work_center = _E.alias("work_center")
    stations = session.execute(
        select(_E.c.id, _E.c.description)
        .outerjoin(work_center, work_center.c.pk == _E.c.work_center_pk)
        .where(or_(_E.c.id == work_center_id, work_center.c.id == work_center_id))
        .order_by(_E.c.id)
    ).all()
    last = _last_families(session, [row.id for row in stations])
    busy = {job.equipment_id for job in jobs} or {work_center_id}
    return tuple(
        _dispatch_list(row, [job for job in jobs if job.equipment_id == row.id], last.get(row.id, ""), now)
        for row in stations
        if row.id in busy
    )


def _last_families(session: Session, equipment_ids: Collection[str]) -> dict[str, str]:
    """The family of the job each station began last: what it is set up for."""
    begun = (
        select(_J.c.equipment_pk, func.max(_J.c.started_at_us).label("at"))
        .join(_E, _E.c.pk == _J.c.equipment_pk)
        .where(_E.c.id.in_(equipment_ids))
        .group_by(_J.c.equipment_pk)
        .subquery()
    )
    rows = session.execute(
        select(_E.c.id, _J.c.setup_family)
        .join(begun, (begun.c.equipment_pk == _J.c.equipment_pk) & (begun.c.at == _J.c.started_at_us))
        .join(_E, _E.c.pk == _J.c.equipment_pk)
    )
    return {row.id: row.setup_family for row in rows}


def _dispatch_list(station: Any, jobs: Sequence[JobView], mounted: str, now: datetime) -> DispatchList:
    waiting = tuple(job for job in jobs if job.waits and job.dispatch_status not in WITH_MACHINE)
    active = tuple(job for job in jobs if job not in waiting)
    free_at = to_us(now) + sum(_left_us(job) or 0 for job in active)
    wanted = [_waiting(job) for job in waiting]
    suggested = grouped_by_family(wanted, mounted=mounted, free_at_us=free_at)
    return DispatchList(
        station.id,
        station.description or station.id,
        active,
        waiting,
        tuple(job.job_id for job in suggested),
        mounted,
        setups(wanted, mounted),
        setups(suggested, mounted),
    )


def _waiting(job: JobView) -> Waiting:
    due = None if job.due_at is None else to_us(job.due_at)
    return Waiting(job.job_id, job.priority, due, job.setup_family, _left_us(job))


def list_runs(session: Session, *, job_pks: Collection[int]) -> tuple[RunSpan, ...]:
    """When some jobs had their stations, in order of time."""
    rows = session.execute(
        select(_RUN.c.started_at_us, _RUN.c.ended_at_us, _J.c.id.label("job_id"), _E.c.id.label("equipment_id"))
        .join(_J, _J.c.pk == _RUN.c.job_pk)
        .join(_E, _E.c.pk == _RUN.c.equipment_pk)
        .where(_RUN.c.job_pk.in_(job_pks))
        .order_by(_RUN.c.started_at_us, _RUN.c.pk)
        .limit(JOBS_MAX)
    )
    return tuple(
        RunSpan(row.job_id, row.equipment_id, from_us(row.started_at_us), from_us_or_none(row.ended_at_us))
        for row in rows
    )


def list_schedule(session: Session, *, jobs: Iterable[JobView], now: datetime) -> tuple[Slot, ...]:
    """When each of some jobs had its station or is expected to: those over, then the others in turn order."""
    shown = sorted((job for job in jobs if not job.cancelled), key=_turn)
    rows = session.execute(select(_D).where(_D.c.job_pk.in_([job.pk for job in shown])))
    after: dict[int, list[int]] = {}
    for row in rows:
        after.setdefault(row.job_pk, []).append(row.after_job_pk)
    tasks = [
        Task(job.pk, job.equipment_id, not job.waits, _left_us(job), tuple(after.get(job.pk, ())))
        for job in shown
        if not job.over
    ]
    expected = forecast(tasks, to_us(now))
    return tuple(slot for job in shown if (slot := _slot(job, expected)) is not None)


def _turn(job: JobView) -> tuple[tuple[int, int, int], int]:
    return turn(job.priority, job.rank, None if job.due_at is None else to_us(job.due_at)), job.pk


def _slot(job: JobView, expected: Mapping[int, tuple[int, int | None]]) -> Slot | None:
    if job.over:
        if job.started_at is None:
            return None
        late = job.due_at is not None and job.ended_at is not None and job.ended_at > job.due_at
        return Slot(job, job.started_at, job.ended_at, late)
    start, end = expected[job.pk]
    starts = job.started_at or from_us(start)
    ends = None if end is None else from_us(end)
    return Slot(job, starts, ends, job.due_at is not None and ends is not None and ends > job.due_at)


def _left_us(job: JobView) -> int | None:
    """At the nominal cycle; None without a norm."""
    if not job.nominal_cycle_s or not job.quantity:
        return None
    made = min((job.good_low + job.scrap_low + job.rework) / job.quantity, Decimal(1))
    return int(job.cycles * job.nominal_cycle_s * (1 - made) * 1_000_000)
