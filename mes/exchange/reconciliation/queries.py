"""The newest view of an ERP against what the plant knows now. Read in portions: a fixed number of statements each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import msgspec
import orjson
from sqlalchemy import func, or_, select
from sqlmodel import Session

from mes.access.tables import Principal
from mes.access.types import PrincipalKind
from mes.exchange.reconciliation import rules
from mes.exchange.reconciliation.errors import ErpViewNotFound
from mes.exchange.reconciliation.tables import ErpViewRow
from mes.exchange.reconciliation.types import (
    HANDED_IN,
    UNKNOWN_MAX,
    Difference,
    ErpLot,
    ErpOrder,
    ErpView,
    PlantLot,
    PlantOrder,
    Reconciliation,
    StoredView,
    Subject,
    Told,
)
from mes.genealogy.statements import load_lots
from mes.genealogy.tables import GenealogyAct, GenealogyLink, SlotMount
from mes.kernel.db import ReadSession
from mes.kernel.sqltypes import from_us, to_us
from mes.kernel.tables import OutboxEvent
from mes.materials.queries import get_material_lots, get_materials
from mes.materials.tables import MaterialLot
from mes.materials.types import LotKind
from mes.orders.tables import JobDependencyRow, JobOrderRow, OperationsRequestRow, WorkRequestRow
from mes.orders.types import JobRole, RequestState
from mes.reporting.tables import JobReportRow
from standards.isa95.material import Disposition
from standards.isa95.quantity import to_e6

_V: Final = ErpViewRow.__table__  # type: ignore[attr-defined]
_WHO: Final = Principal.__table__  # type: ignore[attr-defined]
_R: Final = OperationsRequestRow.__table__  # type: ignore[attr-defined]
_W: Final = WorkRequestRow.__table__  # type: ignore[attr-defined]
_J: Final = JobOrderRow.__table__  # type: ignore[attr-defined]
_AFTER: Final = JobDependencyRow.__table__  # type: ignore[attr-defined]
_P: Final = JobReportRow.__table__  # type: ignore[attr-defined]
_L: Final = MaterialLot.__table__  # type: ignore[attr-defined]
_LINK: Final = GenealogyLink.__table__  # type: ignore[attr-defined]
_ACT: Final = GenealogyAct.__table__  # type: ignore[attr-defined]
_MOUNT: Final = SlotMount.__table__  # type: ignore[attr-defined]
_EVENT: Final = OutboxEvent.__table__  # type: ignore[attr-defined]
PORTION: Final = 500
_OPEN: Final = (RequestState.Waiting, RequestState.Released, RequestState.Running)
_orders: Final = msgspec.json.Decoder(tuple[ErpOrder, ...])
_lots: Final = msgspec.json.Decoder(tuple[ErpLot, ...])


def source_of(session: Session, *, principal_pk: int | None) -> str:
    """Of a view that this principal hands in: a program's own, or the one that people and files share.

    People take turns, and their ids may be erased.
    """
    program = (_WHO.c.pk == principal_pk, _WHO.c.kind == PrincipalKind.integration.value)
    return HANDED_IN + (session.execute(select(_WHO.c.id).where(*program)).scalar() or "")


def reconcile(session: ReadSession, *, subject: Subject, source: str | None = None) -> Reconciliation:
    """The newest view of this subject against now: whoever's (None), whoever's that was handed in (""), or one
    source's. `erp-view-not-found`."""
    stored = get_newest_view(session, subject=subject, source=source)
    view = stored.view
    if subject is Subject.orders:
        found = _order_differences(session, view)
        unknown = _unknown_orders(session, view) if view.complete else []
        count = len(view.orders)
    else:
        found = _lot_differences(session, view)
        unknown = _unknown_lots(session, view) if view.complete else []
        count = len(view.lots)
    differing = {difference.id for difference in found}
    told = tuple(unknown[:UNKNOWN_MAX])
    sources = select(_V.c.source).where(_V.c.subject == subject.value).distinct().order_by(_V.c.source)
    return Reconciliation(
        stored,
        (*found, *told),
        count - len(differing),
        len(unknown) > UNKNOWN_MAX,
        tuple(session.execute(sources).scalars()),
    )


def get_newest_view(session: Session, *, subject: Subject, source: str | None = None) -> StoredView:
    """`erp-view-not-found`."""
    its = _V.c.source.startswith(HANDED_IN) if source == "" else _V.c.source == source
    wanted = (_V.c.subject == subject.value, *(() if source is None else (its,)))
    statement = (
        select(_V, _WHO.c.display_name)
        .outerjoin(_WHO, _WHO.c.pk == _V.c.actor)
        .where(_V.c.pk.in_(select(func.max(_V.c.pk)).where(*wanted).group_by(_V.c.source)))
        .order_by(_V.c.received_at_us.desc(), _V.c.pk.desc())
        .limit(1)
    )
    row = session.execute(statement).first()
    if row is None:
        raise ErpViewNotFound(f"No view of {subject} has come{f' from {source!r}' if source else ''}.")
    orders = _orders.decode(row.content) if subject is Subject.orders else ()
    lots = _lots.decode(row.content) if subject is Subject.lots else ()
    view = ErpView(subject, from_us(row.taken_at_us), orders, lots, row.complete, row.performance_cursor, row.source)
    return StoredView(view, from_us(row.received_at_us), row.display_name or "")


def _portions(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[first : first + PORTION] for first in range(0, len(rows), PORTION))


# -- orders


@dataclass(frozen=True, slots=True)
class _Report:
    """A version of a job's report, as quantities."""

    version: int
    good_e6: int
    scrap_e6: int


def _order_differences(session: Session, view: ErpView) -> list[Difference]:
    found: list[Difference] = []
    for portion in _portions(view.orders):
        known = _plant_orders(session, [order.id for order in portion], view)
        for order in portion:
            found += rules.order_differences(order, known.get(order.id))
    return found


def _plant_orders(session: Session, ids: Collection[str], view: ErpView) -> dict[str, PlantOrder]:
    columns = (_J.c.pk, _J.c.segment_id, _J.c.role, _J.c.good_low_e6, _J.c.scrap_low_e6)
    statement = (
        select(_R.c.id, _R.c.unit, _R.c.quantity_e6, *columns)
        .join(_W, _W.c.operations_request_pk == _R.c.pk)
        .join(_J, _J.c.work_request_pk == _W.c.pk)
        .where(_R.c.id.in_(ids), _R.c.current)
        .order_by(_J.c.pk)
    )
    by_order: dict[str, list[Any]] = defaultdict(list)
    for row in session.execute(statement):
        by_order[row.id].append(row)
    pks = [row.pk for rows in by_order.values() for row in rows]
    followed = _followed(session, pks)
    until = {order.id: order.taken_until_us for order in view.orders if order.taken_until_us is not None}
    newest, taken = _reports(session, {row.pk: until.get(row.id) for rows in by_order.values() for row in rows}, view)
    return {name: _plant_order(rows, followed, newest, taken) for name, rows in by_order.items()}


def _followed(session: Session, pks: Collection[int]) -> frozenset[int]:
    """Jobs that another one comes after: their good pieces are not the order's yet."""
    found: set[int] = set()
    for portion in _portions(list(pks)):
        found |= set(session.execute(select(_AFTER.c.after_job_pk).where(_AFTER.c.after_job_pk.in_(portion))).scalars())
    return frozenset(found)


def _reports(
    session: Session, jobs: Mapping[int, int | None], view: ErpView
) -> tuple[dict[int, _Report], dict[int, _Report]]:
    """By job the newest report, and the newest the ERP has taken; `jobs`: until when it has, where that is known."""
    newest: dict[int, _Report] = {}
    taken: dict[int, _Report] = {}
    for portion in _portions(list(jobs)):
        statement = select(_P).where(_P.c.job_pk.in_(portion)).order_by(_P.c.pk)
        for row in session.execute(statement):
            report = newest[row.job_pk] = _report(row)
            if _has_taken(row, jobs[row.job_pk], view):
                taken[row.job_pk] = report
    return newest, taken


def _has_taken(report: Any, until_us: int | None, view: ErpView) -> bool:
    """What is known of the order itself comes before what is known of the whole view."""
    if until_us is not None:
        return bool(report.created_at_us <= until_us)
    if view.cursor is not None:
        return bool(report.pk <= view.cursor)
    return bool(report.created_at_us <= to_us(view.taken_at))


def _report(row: Any) -> _Report:
    (actual,) = [a for a in orjson.loads(row.content)["job_response"]["material_actual"] if a["use"] == "Produced"]
    return _Report(row.version, to_e6(actual["quantity"]), to_e6(actual["scrap"]["quantity"]))


def _plant_order(
    rows: Sequence[Any], followed: Collection[int], newest: dict[int, _Report], taken: dict[int, _Report]
) -> PlantOrder:
    last = [row for row in rows if row.pk not in followed and row.role != JobRole.rework]
    now = {row.pk: _Report(0, row.good_low_e6 if row.role != JobRole.rework else 0, row.scrap_low_e6) for row in rows}
    return PlantOrder(
        rows[0].id,
        rows[0].unit,
        rows[0].quantity_e6,
        _least(last, now),
        sum(one.scrap_e6 for one in now.values()),
        _told(rows, last, taken),
        news=any(row.pk not in taken and (row.pk in newest or _says(now[row.pk])) for row in rows),
        corrected=any(_counts(now[row.pk]) != _counts(taken[row.pk]) for row in rows if row.pk in taken),
    )


def _told(rows: Iterable[Any], last: Iterable[Any], taken: dict[int, _Report]) -> Told:
    mine = [taken[row.pk] for row in rows if row.pk in taken]
    return Told(_least(last, taken), sum(r.scrap_e6 for r in mine), max((r.version for r in mine), default=0))


def _least(last: Iterable[Any], reports: dict[int, _Report]) -> int:
    """Good pieces of the step an order ends with; of several that end it, as many as have passed all."""
    by_step: dict[str, int] = defaultdict(int)
    for row in last:
        by_step[row.segment_id] += reports[row.pk].good_e6 if row.pk in reports else 0
    return min(by_step.values(), default=0)


def _counts(report: _Report) -> tuple[int, int]:
    return report.good_e6, report.scrap_e6


def _says(report: _Report) -> bool:
    return _counts(report) != (0, 0)


def _unknown_orders(session: Session, view: ErpView) -> list[Difference]:
    """Open orders the ERP does not name."""
    named = {order.id for order in view.orders}
    is_open = (_R.c.current, _R.c.state.in_(_OPEN))
    statement = select(_R.c.id, _R.c.unit, _R.c.quantity_e6).where(*is_open).order_by(_R.c.pk)
    missing = [row for row in session.execute(statement) if row.id not in named]
    return [rules.unknown_there(row.id, row.quantity_e6, row.unit) for row in missing[: UNKNOWN_MAX + 1]]


# -- lots


def _lot_differences(session: ReadSession, view: ErpView) -> list[Difference]:
    found: list[Difference] = []
    for portion in _portions(view.lots):
        known = _plant_lots(session, portion, view)
        for lot in portion:
            found += rules.lot_differences(lot, known.get(lot.id))
    return found


def _plant_lots(session: ReadSession, erp: Sequence[ErpLot], view: ErpView) -> dict[str, PlantLot]:
    """What is here of the ERP's lots, in its unit where a factor leads there."""
    facts = load_lots(session, [lot.id for lot in erp])
    changed = _changed_since(session, {lot.pk: lot.lot_id for lot in facts.values()}, to_us(view.taken_at))
    factors = _factors(session, {lot.id: lot.unit for lot in erp})
    found: dict[str, PlantLot] = {}
    for told in (one for one in erp if one.id in facts):
        lot = facts[told.id]
        left_e6 = 0 if _is_gone(lot) else max(lot.quantity_e6 - lot.used_e6, 0)
        unit, held = lot.unit, lot.disposition == Disposition.Restricted
        if (factor := factors.get(told.id)) is not None:
            unit, left_e6 = told.unit, rules.in_erp_unit_e6(left_e6, told.quantity_e6, factor)
        found[told.id] = PlantLot(told.id, unit, left_e6, held, lot.pk in changed)
    return found


def _factors(session: ReadSession, units: Mapping[str, str]) -> dict[str, Fraction]:
    """By lot how much of the ERP's unit one of its own is, where both are units of its material."""
    lots = get_material_lots(session, [name for name, unit in units.items() if unit])
    other = {name: lot for name, lot in lots.items() if lot.unit != units[name]}
    materials = get_materials(session, {lot.material_id for lot in other.values()})
    found: dict[str, Fraction] = {}
    for name, lot in other.items():
        material = materials[lot.material_id]
        own = {c.unit: Fraction(c.numerator, c.denominator) for c in material.conversions} | {
            material.unit: Fraction(1)
        }
        if units[name] in own and lot.unit in own:
            found[name] = own[lot.unit] / own[units[name]]
    return found


def _is_gone(lot: Any) -> bool:
    return lot.shipment_pk is not None or lot.disposition == Disposition.Closed


def _changed_since(session: Session, lots: dict[int, str], since_us: int) -> set[int]:
    """Lots that were linked, mounted or changed after an instant; one that is mounted changes with every piece."""
    linked = (
        select(_LINK.c.parent_pk)
        .join(_ACT, _ACT.c.pk == _LINK.c.act_pk)
        .where(_LINK.c.parent_pk.in_(lots), _ACT.c.at_us > since_us)
    )
    still = or_(_MOUNT.c.until_us.is_(None), _MOUNT.c.until_us > since_us)
    mounted = select(_MOUNT.c.lot_pk).where(_MOUNT.c.lot_pk.in_(lots), still)
    subjects = {f"material-lot/{name}": pk for pk, name in lots.items()}
    told = select(_EVENT.c.subject).where(_EVENT.c.subject.in_(subjects), _EVENT.c.recorded_at_us > since_us)
    pks = {*session.execute(linked).scalars(), *session.execute(mounted).scalars()}
    return pks | {subjects[subject] for subject in session.execute(told).scalars()}


def _unknown_lots(session: Session, view: ErpView) -> list[Difference]:
    """Lots (no serials, no containers) of which something is left and which the ERP does not name."""
    named = {lot.id for lot in view.lots}
    left = (func.coalesce(_L.c.shipment_pk, 0) == 0, _L.c.disposition != Disposition.Closed.value)
    statement = (
        select(_L.c.id, _L.c.unit, _L.c.quantity, _L.c.consumed_e6)
        .where(_L.c.kind == LotKind.lot, *left)
        .order_by(_L.c.pk)
    )
    found: list[Difference] = []
    for row in session.execute(statement):
        left_e6 = to_e6(row.quantity) - row.consumed_e6
        if left_e6 > 0 and row.id not in named:
            found.append(rules.unknown_there(row.id, left_e6, row.unit))
            if len(found) > UNKNOWN_MAX:
                break
    return found
