"""What an order came to, as the ERP is told it; whose news is told; and what became of telling it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import orjson
from sqlalchemy import select, update

from mes.exchange.erp.rules import (
    SECOND_US,
    Position,
    back_flushed,
    consumption_of,
    counted_by_lot,
    nearest,
    next_try_us,
    step_key_of,
)
from mes.exchange.erp.statements import (
    JobRow,
    LinkedMaterial,
    load_bill_lines,
    load_linked,
    load_lots_made,
    load_order_jobs,
    make_due,
)
from mes.exchange.erp.tables import ErpConnection, ErpOrderRow
from mes.exchange.erp.types import (
    MADE_LOTS_MAX,
    SAID_MAX,
    Confirmation,
    Consumption,
    LotMade,
    TellOutcome,
    Told,
    Used,
    Worked,
)
from mes.genealogy.statements import load_jobs
from mes.kernel.db import ReadSession
from mes.kernel.tables import OutboxEvent
from mes.kernel.uow import UnitOfWork
from mes.materials.queries import MaterialView, get_materials
from mes.materials.rules import factor_of
from mes.orders.types import JobRole
from mes.reporting.rules import run_time
from mes.reporting.statements import jobs_of_acts, load_lots_used, load_moves
from standards.isa95.job_control import FINAL_STATES, DispatchStatus, JobState
from standards.isa95.quantity import SCALE, from_e6

LOOK_MAX: Final = 500
"""Events looked at in one go."""
LATER_US: Final = 15 * SECOND_US
_REPORTED: Final = "reporting.job-response-published.v1"
_C: Final = ErpConnection.__table__  # type: ignore[attr-defined]
_O: Final = ErpOrderRow.__table__  # type: ignore[attr-defined]
_E: Final = OutboxEvent.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Result:
    """`confirmation` None: nothing can be told yet, and what has to come brings news. `remarks`: what is left out."""

    confirmation: Confirmation | None
    remarks: tuple[str, ...] = ()


# -- what it came to


def get_result(session: ReadSession, *, erp_order_pk: int) -> Result:
    """What an order of the ERP came to; None while it runs, waits for a count, or its end can still be undone."""
    order = session.execute(select(_O).where(_O.c.pk == erp_order_pk)).one()
    jobs = load_order_jobs(session, order.order_id)
    if not jobs or not all(_is_told(job) for job in jobs):
        return Result(None)
    began = [job for job in jobs if job.dispatch_status != DispatchStatus.Cancelled]
    links = _Links(session, order.connection_pk)
    good, scrap = good_of(jobs), sum(job.scrap_low_e6 for job in jobs)
    used, unknown = _used(session, began, links)
    lots, doubt = _lots(session, began, jobs[0].material_pk, good)
    confirmation = Confirmation(
        order_key=order.key,
        order_id=order.order_id,
        material_key=links.key_of(jobs[0].material_pk),
        good=from_e6(good),
        scrap=from_e6(scrap),
        cancelled=not (good or scrap or used),
        lots=lots,
        used=used,
        worked=_worked(session, began, by_bill=order.by_bill),
    )
    return Result(confirmation, (*unknown, *doubt))


def _is_told(job: JobRow) -> bool:
    over = JobState(job.state) in FINAL_STATES or job.dispatch_status == DispatchStatus.Cancelled
    return over and job.report_due_at_us is None and not job.awaits_count


def good_of(jobs: Sequence[JobRow]) -> int:
    """Good pieces of the order × 10^6: of its last step. What rework returns is counted by the step it goes to."""
    last = max(job.sequence for job in jobs if job.role != JobRole.rework)
    return sum(job.good_low_e6 for job in jobs if job.sequence == last and job.role != JobRole.rework)


class _Links:
    """Materials that came from a connection, by key here."""

    def __init__(self, session: ReadSession, connection_pk: int) -> None:
        self._rows = {link.material_pk: link for link in load_linked(session, connection_pk)}
        self.by_bill = {pk for pk, link in self._rows.items() if _way(link) is Consumption.by_bill}

    def key_of(self, material_pk: int) -> str:
        """The ERP's key; "" where it does not know the material."""
        link = self._rows.get(material_pk)
        return "" if link is None else link.key


def _way(link: LinkedMaterial) -> Consumption:
    return consumption_of(link.consumption, by_lot=bool(link.by_lot))


def _used(session: ReadSession, jobs: Sequence[JobRow], links: _Links) -> tuple[tuple[Used, ...], tuple[str, ...]]:
    """What was used, and what of it the ERP does not know."""
    bills = _bills(session, jobs)
    made: dict[int, int] = {}
    for job in jobs:
        if job.segment_pk is not None and job.role in (JobRole.main, JobRole.part):
            made[job.segment_pk] = made.get(job.segment_pk, 0) + job.made_e6
    flushed = [("", pk, quantity) for pk, quantity in back_flushed(made, bills, links.by_bill).items()]
    counted = _counted(session, jobs, bills, links)
    used = [(lot_id, links.key_of(pk), quantity) for lot_id, pk, quantity in (*flushed, *counted)]
    unknown = sorted(lot_id for lot_id, key, _ in used if not key)
    said = (f"The ERP does not know the material of {', '.join(unknown[:5])}.",) if unknown else ()
    known = (Used(key, from_e6(quantity), lot_id) for lot_id, key, quantity in used if key)
    return tuple(sorted(known, key=lambda one: (one.material_key, one.lot_id))), said


def _bills(session: ReadSession, jobs: Sequence[JobRow]) -> dict[int, list[Position]]:
    steps = {job.segment_pk for job in jobs if job.segment_pk is not None}
    lines: dict[tuple[int, int], tuple[int, list[int]]] = {}
    for step, material, quantity, substitute in load_bill_lines(session, steps) if steps else ():
        kept = lines.setdefault((step, material), (quantity, []))[1]
        if substitute is not None:
            kept.append(substitute)
    bills: dict[int, list[Position]] = {}
    for (step, material), (quantity, substitutes) in lines.items():
        bills.setdefault(step, []).append(Position(material, quantity, tuple(substitutes)))
    return bills


def _counted(
    session: ReadSession, jobs: Sequence[JobRow], bills: Mapping[int, Sequence[Position]], links: _Links
) -> list[tuple[str, int, int]]:
    """Lots that were scanned and mounted, as (id, material, quantity × 10^6 in the material's own unit)."""
    lots = load_lots_used(session, [job.span for job in jobs])
    wanted = counted_by_lot(bills.values(), links.by_bill, {lot.material_pk for lot in lots})
    own = get_materials(session, {lot.material_id for lot in lots if lot.material_pk in wanted})
    return [
        (lot.lot_id, lot.material_pk, _in_own_e6(lot.quantity_e6, lot.unit, own[lot.material_id]))
        for lot in lots
        if lot.material_id in own
    ]


def _in_own_e6(quantity_e6: int, unit: str, material: MaterialView) -> int:
    factor = factor_of(unit, material.unit, material.conversions)
    return int(nearest(Fraction(quantity_e6, SCALE) * factor) * SCALE)


def _lots(
    session: ReadSession, jobs: Sequence[JobRow], material_pk: int, good_e6: int
) -> tuple[tuple[LotMade, ...], tuple[str, ...]]:
    """Lots made, where they are all that was good; else nobody can say which is which."""
    found = load_lots_made(session, [job.pk for job in jobs], material_pk, MADE_LOTS_MAX + 1) if jobs else []
    total = sum(quantity for _, quantity in found)
    if not found or total != good_e6 or len(found) > MADE_LOTS_MAX:
        doubt = (
            f"Its lots have {from_e6(total)} pieces, {from_e6(good_e6)} were counted good: it is booked without lots."
        )
        return (), (doubt,) if found else ()
    return tuple(LotMade(lot_id, from_e6(quantity)) for lot_id, quantity in found), ()


def _worked(session: ReadSession, jobs: Sequence[JobRow], *, by_bill: bool) -> tuple[Worked, ...]:
    """As the jobs' reports say."""
    moves = load_moves(session, [job.job_id for job in jobs])
    worked: dict[str, Worked] = {}
    for job in jobs:
        if job.started_at_us is None or job.ended_at_us is None:
            continue
        ran = run_time(moves[job.job_id], from_us=job.started_at_us, until_us=job.ended_at_us, manual=job.manual)
        key = step_key_of(job.segment_id) if by_bill else ""
        before = worked.get(key, Worked(key))
        worked[key] = Worked(key, before.machine_s + ran.machine_s, before.labour_s + ran.labour_s)
    return tuple(worked[key] for key in sorted(worked))


# -- whose news


def note_news(uow: UnitOfWork, *, connection_pk: int) -> bool:
    """Look at the next events of the outbox; orders they change are due. Whether there may be more."""
    row = uow.execute(select(_C.c.seq).where(_C.c.pk == connection_pk)).first()
    if row is None:
        return False
    events = uow.execute(
        select(_E.c.seq, _E.c.type, _E.c.payload).where(_E.c.seq > row.seq).order_by(_E.c.seq).limit(LOOK_MAX)
    ).all()
    if not events:
        return False
    jobs = _jobs_with_news(uow, events)
    if jobs:
        make_due(uow, connection_pk, jobs)
    uow.execute(update(_C).where(_C.c.pk == connection_pk).values(seq=events[-1].seq))
    return len(events) == LOOK_MAX


def _jobs_with_news(uow: UnitOfWork, events: Sequence[Any]) -> set[int]:
    names: set[str] = set()
    jobs: set[int] = set()
    for event in events:
        if event.type == _REPORTED:
            names.add(orjson.loads(event.payload)["job_order_id"])
        elif event.type.startswith("genealogy."):
            payload = orjson.loads(event.payload)
            names.add(payload.get("job_id") or "")
            first = payload.get("first_act") or payload.get("act")
            if isinstance(first, int):
                jobs |= jobs_of_acts(uow, first, first + max(payload.get("acts", 1), 1) - 1)
    return jobs | set(load_jobs(uow, names - {""}).values())


# -- what became of it


def note_reopening(uow: UnitOfWork, *, erp_order_pk: int) -> None:
    """From now on what is cancelled there is cancelled by us."""
    uow.execute(update(_O).where(_O.c.pk == erp_order_pk).values(reopening=True))


def record_told(uow: UnitOfWork, *, erp_order_pk: int, sha256: str, told: Told, remarks: Sequence[str] = ()) -> None:
    """What became of telling an outcome."""
    order = uow.execute(select(_O).where(_O.c.pk == erp_order_pk)).first()
    if order is None:
        return
    values: dict[str, Any] = {"told_said": " ".join((*remarks, told.said)).strip()[:SAID_MAX], "tries": order.tries + 1}
    if told.outcome is TellOutcome.booked:
        values |= {"told_sha256": sha256, "told_at_us": uow.now_us, "due_at_us": None, "reopening": False}
    elif told.outcome is TellOutcome.later:
        values["due_at_us"] = uow.now_us + LATER_US
    else:
        values["due_at_us"] = next_try_us(uow.now_us, order.tries + 1)
    uow.execute(update(_O).where(_O.c.pk == erp_order_pk).values(**values))
    _emit(uow, order, told, values["told_said"])


def note_nothing_to_tell(uow: UnitOfWork, *, erp_order_pk: int) -> None:
    """It is told already, or not over: the next news makes it due again."""
    uow.execute(update(_O).where(_O.c.pk == erp_order_pk).values(due_at_us=None))


def _emit(uow: UnitOfWork, order: Any, told: Told, said: str) -> None:
    if told.outcome is not TellOutcome.booked and said == order.told_said:
        return
    uow.emit(
        f"exchange.erp-order-{'told' if told.outcome is TellOutcome.booked else 'not-told'}.v1",
        topics=["erp", f"order/{order.order_id}"],
        subject=f"order/{order.order_id}",
        payload={"operations_request_id": order.order_id, "key": order.key, "said": said},
    )
