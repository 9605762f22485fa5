"""Reads of orders and jobs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, func, or_, select, tuple_
from sqlmodel import Session

from mes.equipment.tables import Equipment
from mes.kernel.outbox import list_subject_events
from mes.kernel.paging import LIMIT_DEFAULT, Page, decode_cursor, page_of
from mes.kernel.sqltypes import from_us, from_us_or_none, to_us
from mes.materials.tables import MaterialDefinition
from mes.orders.errors import JobNotFound, OperationsRequestNotFound
from mes.orders.quantity_rules import deviation
from mes.orders.rules import ACTIVE_STATES, target_now_e6
from mes.orders.tables import CountFactRow, JobLinkRow, JobOrderRow, JobRunRow, OperationsRequestRow, WorkRequestRow
from mes.orders.types import (
    Cause,
    CountFact,
    CountKind,
    FirstArticle,
    JobLink,
    JobRole,
    JobView,
    LinkKind,
    OrderCard,
    OrderDetail,
    OrderEvent,
    RequestState,
    UnassignedCount,
)
from standards.isa95.job_control import DispatchStatus, JobState
from standards.isa95.quantity import from_e6

_J = JobOrderRow.__table__  # type: ignore[attr-defined]
_Q = WorkRequestRow.__table__  # type: ignore[attr-defined]
_R = OperationsRequestRow.__table__  # type: ignore[attr-defined]
_M = MaterialDefinition.__table__  # type: ignore[attr-defined]
_E = Equipment.__table__  # type: ignore[attr-defined]
_W = _E.alias("work_center")
_A = _E.alias("area")
_C = CountFactRow.__table__  # type: ignore[attr-defined]
_LINK = JobLinkRow.__table__  # type: ignore[attr-defined]
_RUN = JobRunRow.__table__  # type: ignore[attr-defined]

PIECES_COUNTED: Final = "orders.pieces-counted.v1"
"""Counts have a list of their own; an order's history would drown in them."""

RECENT_ENDED: Final = 5
"""Ended jobs a station still shows."""

TO_COUNT_MAX: Final = 20
"""Ended jobs (or orders with one) that wait for a person's count, as many as a screen is told at most."""


def _jobs() -> Select[Any]:
    return (
        select(
            _J,
            _Q.c.id.label("work_request_id"),
            _R.c.id.label("operations_request_id"),
            _R.c.under_tolerance_bp,
            _R.c.over_tolerance_bp,
            _M.c.id.label("material_id"),
            _M.c.description.label("material_description"),
            _E.c.id.label("equipment_id"),
            func.coalesce(_W.c.id, "").label("work_center_id"),
            func.coalesce(_A.c.id, "").label("area_id"),
        )
        .join(_Q, _Q.c.pk == _J.c.work_request_pk)
        .join(_R, _R.c.pk == _Q.c.operations_request_pk)
        .join(_M, _M.c.pk == _J.c.material_pk)
        .join(_E, _E.c.pk == _J.c.equipment_pk)
        .outerjoin(_W, _W.c.pk == _E.c.work_center_pk)
        .outerjoin(_A, _A.c.pk == _E.c.area_pk)
    )


_JOBS: Final = _jobs()


def _view(row: Any, worked_us: Mapping[int, int]) -> JobView:
    target = target_now_e6(
        elapsed_us=worked_us.get(row.pk, -1),
        nominal_cycle_us=row.nominal_cycle_us,
        per_cycle_e6=row.quantity_per_cycle_e6,
        quantity_e6=row.quantity_e6,
    )
    return JobView(
        pk=row.pk,
        job_id=row.id,
        operations_request_id=row.operations_request_id,
        work_request_id=row.work_request_id,
        segment_id=row.segment_id,
        description=row.description,
        material_id=row.material_id,
        material_description=row.material_description,
        work_master_id=row.work_master_id,
        work_master_version=row.work_master_version,
        equipment_id=row.equipment_id,
        work_center_id=row.work_center_id,
        area_id=row.area_id,
        sequence=row.sequence,
        priority=row.priority,
        due_at=from_us_or_none(row.due_at_us),
        state=JobState(row.state),
        substate=row.substate,
        dispatch_status=DispatchStatus(row.dispatch_status),
        note=row.note,
        note_text=row.note_text,
        quantity=from_e6(row.quantity_e6),
        unit=row.unit,
        cycles=row.cycles,
        cycle_unit=row.cycle_unit,
        good_low=from_e6(row.good_low_e6),
        good_high=_decimal(row.good_high_e6),
        scrap_low=from_e6(row.scrap_low_e6),
        scrap_high=_decimal(row.scrap_high_e6),
        started_at=from_us_or_none(row.started_at_us),
        ended_at=from_us_or_none(row.ended_at_us),
        target_now=_decimal(target),
        nominal_cycle_s=_decimal(row.nominal_cycle_us),
        version=row.version,
        manual=bool(row.manual),
        undo_until=from_us_or_none(row.undo_until_us),
        confirmed_by=row.confirmed_by,
        awaits_count=bool(row.awaits_count),
        role=JobRole(row.role),
        hold_reason=row.hold_reason,
        first_article=FirstArticle(row.first_article),
        setup_family=row.setup_family,
        rank=row.rank,
        rework=from_e6(row.rework_e6),
        deviation=_deviation(row),
    )


def _deviation(row: Any) -> str:
    if row.state != JobState.Ended:
        return ""
    return deviation(
        good_low_e6=row.good_low_e6,
        good_high_e6=row.good_high_e6,
        planned_e6=row.quantity_e6 - row.rework_e6,
        under_bp=row.under_tolerance_bp,
        over_bp=row.over_tolerance_bp,
    )


def _decimal(value_e6: int | None) -> Decimal | None:
    return None if value_e6 is None else from_e6(value_e6)


def _views(session: Session, statement: Select[Any], now: datetime, **given: Any) -> tuple[JobView, ...]:
    rows = session.execute(statement, given).all()
    worked = _worked_us(session, [row.pk for row in rows if row.state in ACTIVE_STATES], to_us(now))
    return tuple(_view(row, worked) for row in rows)


_RUNS: Final = select(_RUN).where(_RUN.c.job_pk.in_(bindparam("job_pks", expanding=True)))


def _worked_us(session: Session, pks: Sequence[int], now_us: int) -> dict[int, int]:
    """How long each active job has had its equipment."""
    if not pks:
        return {}
    rows = session.execute(_RUNS, {"job_pks": pks})
    worked: dict[int, int] = {}
    for row in rows:
        ended = now_us if row.ended_at_us is None else row.ended_at_us
        worked[row.job_pk] = worked.get(row.job_pk, 0) + max(ended - row.started_at_us, 0)
    return worked


def _turn_order() -> tuple[Any, ...]:
    active = _J.c.state.in_([int(state) for state in ACTIVE_STATES])
    rank = func.coalesce(_J.c.rank, 2**31 - 1)
    return (active.desc(), _J.c.priority.desc(), rank, func.coalesce(_J.c.due_at_us, 2**62), _J.c.pk)


_ONE_JOB: Final = _JOBS.where(_J.c.id == bindparam("job_id"))


def get_job(session: Session, *, job_id: str, now: datetime) -> JobView:
    """One job; `job-order-not-found`."""
    found = _views(session, _ONE_JOB, now, job_id=job_id)
    if not found:
        raise JobNotFound(f"There is no job {job_id!r}.")
    return found[0]


_HERE: Final = (_E.c.id == bindparam("equipment_id"), _J.c.dispatch_status != DispatchStatus.Cancelled)
_OPEN_HERE: Final = _JOBS.where(*_HERE, _J.c.ended_at_us.is_(None)).order_by(*_turn_order()).limit(100)
_ENDED_HERE: Final = (
    _JOBS.where(*_HERE, _J.c.ended_at_us.is_not(None)).order_by(_J.c.ended_at_us.desc()).limit(RECENT_ENDED)
)
_TO_COUNT_HERE: Final = (
    _JOBS.where(
        _J.c.equipment_pk == select(_E.c.pk).where(_E.c.id == bindparam("equipment_id")).scalar_subquery(),
        _J.c.awaits_count,
    )
    .order_by(_J.c.ended_at_us)
    .limit(TO_COUNT_MAX)
)


def list_station_jobs(session: Session, *, equipment_id: str, now: datetime) -> tuple[JobView, ...]:
    """Jobs of one equipment: the active one first, then what waits in turn order, then what ended last.

    A completion that can still be undone stands among the ended ones with its `undo_until`.
    """
    asked = (_OPEN_HERE, _ENDED_HERE)
    return tuple(job for jobs in asked for job in _views(session, jobs, now, equipment_id=equipment_id))


def list_open_jobs_at(session: Session, *, place_id: str, now: datetime, limit: int = 500) -> tuple[JobView, ...]:
    """Jobs that are not over, of a station or of all stations of a work centre, in turn order."""
    place = or_(_E.c.id == place_id, _W.c.id == place_id)
    here = and_(place, _J.c.ended_at_us.is_(None), _J.c.dispatch_status != DispatchStatus.Cancelled)
    return _views(session, _JOBS.where(here).order_by(*_turn_order()).limit(limit), now)


def list_jobs_to_count(session: Session, *, equipment_id: str, now: datetime) -> tuple[JobView, ...]:
    """Ended jobs of one equipment whose pieces a person has to count, oldest first; at most TO_COUNT_MAX."""
    return _views(session, _TO_COUNT_HERE, now, equipment_id=equipment_id)


def list_active_jobs(session: Session, *, area_id: str | None = None, now: datetime) -> tuple[JobView, ...]:
    """Jobs that run or are interrupted."""
    active = _J.c.state.in_([int(state) for state in ACTIVE_STATES])
    statement = _JOBS.where(_J.c.ended_at_us.is_(None), active)
    if area_id is not None:
        statement = statement.where(_A.c.id == area_id)
    return _views(session, statement.order_by(_E.c.id), now)


def list_jobs(
    session: Session,
    *,
    now: datetime,
    equipment_id: str | None = None,
    operations_request_id: str | None = None,
    state: JobState | None = None,
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[JobView]:
    """Jobs in the order they were made."""
    statement = _JOBS.order_by(_J.c.pk).limit(limit + 1)
    if equipment_id is not None:
        statement = statement.where(_E.c.id == equipment_id)
    if operations_request_id is not None:
        statement = statement.where(_R.c.id == operations_request_id)
    if state is not None:
        statement = statement.where(_J.c.state == int(state))
    if cursor is not None:
        statement = statement.where(_J.c.pk > decode_cursor(cursor, (int,))[0])
    return page_of(_views(session, statement, now), limit, lambda job: (job.pk,))


def list_board(
    session: Session,
    *,
    now: datetime,
    area_id: str | None = None,
    ended_since: datetime | None = None,
    limit: int = 200,
) -> tuple[OrderCard, ...]:
    """Orders that are not over (and those that ended since), most urgent first."""
    over = [RequestState.Completed, RequestState.Aborted, RequestState.Cancelled]
    wanted = _R.c.state.not_in(over)
    if ended_since is not None:
        recent = select(_J.c.work_request_pk).where(_J.c.ended_at_us >= to_us(ended_since))
        wanted = or_(wanted, and_(_R.c.state.in_(over[:2]), _Q.c.pk.in_(recent)))
    statement = (
        _requests()
        .where(_R.c.current, wanted)
        .order_by(_R.c.priority.desc(), func.coalesce(_R.c.due_at_us, 2**62), _R.c.pk)
        .limit(limit)
    )
    cards = _cards(session, statement, now)
    if area_id is None:
        return cards
    return tuple(card for card in cards if any(job.area_id == area_id for job in card.jobs))


def list_orders_to_count(session: Session, *, now: datetime, limit: int = TO_COUNT_MAX) -> tuple[OrderCard, ...]:
    """Orders with a job that is over and waits for a person's count, the latest first."""
    waiting = select(_J.c.work_request_pk).where(_J.c.awaits_count)
    return _cards(
        session, _requests().where(_R.c.current, _Q.c.pk.in_(waiting)).order_by(_R.c.pk.desc()).limit(limit), now
    )


def _requests() -> Select[Any]:
    return (
        select(
            _R,
            _Q.c.pk.label("work_request_pk"),
            _M.c.id.label("material_id"),
            _M.c.description.label("material_description"),
        )
        .join(_Q, _Q.c.operations_request_pk == _R.c.pk)
        .join(_M, _M.c.pk == _R.c.material_pk)
    )


def _cards(session: Session, statement: Select[Any], now: datetime) -> tuple[OrderCard, ...]:
    rows = session.execute(statement).all()
    if not rows:
        return ()
    jobs: dict[str, list[JobView]] = {}
    work_pks = [row.work_request_pk for row in rows]
    for job in _views(session, _JOBS.where(_Q.c.pk.in_(work_pks)).order_by(_J.c.sequence, _J.c.pk), now):
        jobs.setdefault(job.operations_request_id, []).append(job)
    return tuple(_card(row, tuple(jobs.get(row.id, ())), now) for row in rows)


def _card(row: Any, jobs: tuple[JobView, ...], now: datetime) -> OrderCard:
    due = from_us_or_none(row.due_at_us)
    state = RequestState(row.state)
    is_open = state not in {RequestState.Completed, RequestState.Aborted, RequestState.Cancelled}
    late = due is not None and is_open and now > due
    return OrderCard(
        pk=row.pk,
        operations_request_id=row.id,
        version=row.version_label,
        description=row.description,
        material_id=row.material_id,
        material_description=row.material_description,
        quantity=from_e6(row.quantity_e6),
        unit=row.unit,
        due_at=due,
        priority=row.priority,
        state=state,
        late=late,
        at_risk=due is not None and is_open and not late and _needs_longer(jobs, now, due),
        jobs=jobs,
        revision=row.revision,
        under_percent=_percent(row.under_tolerance_bp),
        over_percent=_percent(row.over_tolerance_bp),
    )


def _percent(tolerance_bp: int | None) -> Decimal | None:
    return None if tolerance_bp is None else Decimal(tolerance_bp) / 100


def _needs_longer(jobs: Sequence[JobView], now: datetime, due: datetime) -> bool:
    """Whether what is left at the nominal cycles, one job after another, ends after the due date."""
    left_s = Decimal(0)
    for job in jobs:
        if job.over or not job.nominal_cycle_s or not job.quantity:
            continue
        done = min((job.good_low + job.scrap_low) / job.quantity, Decimal(1))
        left_s += job.cycles * job.nominal_cycle_s * (1 - done)
    return float(left_s) > (due - now).total_seconds()


def list_operations_requests(
    session: Session,
    *,
    now: datetime,
    state: RequestState | None = None,
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[OrderCard]:
    """Operations requests (newest versions) in the order they came."""
    statement = _requests().where(_R.c.current).order_by(_R.c.pk).limit(limit + 1)
    if state is not None:
        statement = statement.where(_R.c.state == state)
    if cursor is not None:
        statement = statement.where(_R.c.pk > decode_cursor(cursor, (int,))[0])
    return page_of(_cards(session, statement, now), limit, lambda card: (card.pk,))


def get_operations_request(session: Session, *, operations_request_id: str, now: datetime) -> OrderCard:
    """One operations request with its jobs; `operations-request-not-found`."""
    cards = _cards(session, _requests().where(_R.c.id == operations_request_id, _R.c.current), now)
    if not cards:
        raise OperationsRequestNotFound(f"There is no order {operations_request_id!r}.")
    return cards[0]


def get_order(session: Session, *, operations_request_id: str, now: datetime) -> OrderDetail:
    """Everything about one order: card, what happened (newest first), what was counted (newest first)."""
    card = get_operations_request(session, operations_request_id=operations_request_id, now=now)
    subjects = [f"order/{operations_request_id}", *(f"job/{job.job_id}" for job in card.jobs)]
    events = tuple(
        OrderEvent(from_us(e.occurred_at_us), e.type, e.actor, e.payload)
        for e in list_subject_events(session, subjects=subjects, without=[PIECES_COUNTED], limit=200)
    )
    return OrderDetail(card, events, list_counts(session, job_pks=[job.pk for job in card.jobs]))


def list_job_links(session: Session, *, job_pk: int, limit: int = 100) -> tuple[JobLink, ...]:
    """Where pieces of a job went, and where some came from, newest first."""
    to_job = _J.alias("to_job")
    statement = (
        select(_LINK.c.at_us, _LINK.c.kind, _LINK.c.quantity_e6, _J.c.id.label("from_id"), to_job.c.id.label("to_id"))
        .join(_J, _J.c.pk == _LINK.c.from_job_pk)
        .join(to_job, to_job.c.pk == _LINK.c.to_job_pk)
        .where(or_(_LINK.c.from_job_pk == job_pk, _LINK.c.to_job_pk == job_pk))
        .order_by(_LINK.c.pk.desc())
        .limit(limit)
    )
    return tuple(
        JobLink(from_us(row.at_us), row.from_id, row.to_id, LinkKind(row.kind), from_e6(row.quantity_e6))
        for row in session.execute(statement)
    )


def list_counts(session: Session, *, job_pks: Sequence[int], limit: int = 200) -> tuple[CountFact, ...]:
    """Facts of some jobs, newest first."""
    statement = (
        select(_C, _E.c.id.label("equipment_id"), _J.c.id.label("job_id"))
        .join(_E, _E.c.pk == _C.c.equipment_pk)
        .join(_J, _J.c.pk == _C.c.job_pk)
        .where(_C.c.job_pk.in_(job_pks))
        .order_by(_C.c.pk.desc())
        .limit(limit)
    )
    return tuple(
        CountFact(
            from_us(row.source_at_us),
            row.job_id,
            row.equipment_id,
            CountKind(row.kind),
            row.reason_id,
            from_e6(row.low_e6),
            _decimal(row.high_e6),
            Cause(row.cause),
            row.unassigned,
        )
        for row in session.execute(statement)
    )


_UNASSIGNED: Final = (
    select(_C, _E.c.id.label("equipment_id"))
    .join(_E, _E.c.pk == _C.c.equipment_pk)
    .where(_C.c.job_pk.is_(None))
    .order_by(_C.c.source_at_us.desc(), _C.c.pk.desc())
)


def list_unassigned_counts(
    session: Session,
    *,
    since: datetime | None = None,
    equipment_id: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[UnassignedCount]:
    """What was counted for no job, newest first."""
    statement = _UNASSIGNED.limit(limit + 1)
    if cursor is not None:
        statement = statement.where(tuple_(_C.c.source_at_us, _C.c.pk) < decode_cursor(cursor, (int, int)))
    if since is not None:
        statement = statement.where(_C.c.source_at_us >= to_us(since))
    if equipment_id is not None:
        statement = statement.where(_E.c.id == equipment_id)
    page = page_of(session.execute(statement).all(), limit, lambda row: (row.source_at_us, row.pk))
    return Page(tuple(_unassigned(row) for row in page.items), page.next_cursor)


def _unassigned(row: Any) -> UnassignedCount:
    return UnassignedCount(
        row.equipment_id,
        from_us(row.source_at_us),
        from_e6(row.low_e6),
        _decimal(row.high_e6),
        CountKind(row.kind),
        row.unassigned,
    )


def count_produced_since(session: Session, *, since: datetime) -> dict[str, tuple[Decimal, Decimal]]:
    """Good and scrap pieces of jobs, by equipment of the job, since an instant: what is proven."""
    statement = (
        select(_E.c.id, _C.c.kind, func.sum(_C.c.low_e6))
        .join(_J, _J.c.pk == _C.c.job_pk)
        .join(_E, _E.c.pk == _J.c.equipment_pk)
        .where(_C.c.source_at_us >= to_us(since))
        .group_by(_E.c.id, _C.c.kind)
    )
    totals: dict[str, dict[str, Decimal]] = {}
    for equipment_id, kind, low_e6 in session.execute(statement):
        totals.setdefault(equipment_id, {})[kind] = from_e6(int(low_e6))
    return {
        key: (value.get(CountKind.good, Decimal(0)), value.get(CountKind.scrap, Decimal(0)))
        for key, value in totals.items()
    }


def list_paths(
    session: Session, *, job_ids: Collection[str], equipment_ids: Collection[str]
) -> dict[str, frozenset[str]]:
    """By equipment that is named or has one of the jobs: the ids of it and of all above. Unknown ids are left out."""
    with_jobs = select(_J.c.equipment_pk).where(_J.c.id.in_(job_ids))
    named = _E.c.id.in_(equipment_ids) | _E.c.pk.in_(with_jobs)
    path = select(_E.c.id.label("place"), _E.c.id, _E.c.parent_pk).where(named).cte("path", recursive=True)
    above = select(path.c.place, _E.c.id, _E.c.parent_pk).join_from(path, _E, _E.c.pk == path.c.parent_pk)
    found: dict[str, set[str]] = {}
    rows: Any = session.execute(select(*path.union(above).c))
    for place, equipment_id, _ in rows:
        found.setdefault(place, set()).add(equipment_id)
    return {place: frozenset(ids) for place, ids in found.items()}
