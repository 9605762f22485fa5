"""A person's word where the machines' is an interval: the pieces of an ended job, counted by hand."""

from __future__ import annotations

from decimal import Decimal

from mes.kernel.uow import UnitOfWork, loaded_together
from mes.orders.errors import CountContradicts, JobStateConflict, NothingToCount
from mes.orders.rules import awaits_count, settled
from mes.orders.service.counts import COUNT, is_new_act, operator_count, pieces_of
from mes.orders.service.transition import get_record, undo_deadline
from mes.orders.statements import JobRecord, insert_counts, prefetch_jobs, set_counted, update_totals
from mes.orders.types import Cause, Count, CountKind
from standards.isa95.job_control import FINAL_STATES
from standards.isa95.quantity import from_e6


@loaded_together(prefetch_jobs)
def settle_count(
    uow: UnitOfWork, *, job_id: str, quantity_good: Decimal, quantity_scrap: Decimal | None, request_id: str
) -> None:
    """Pieces of an ended job as a person counted them; from now on they are the job's, and its confirmation is final.

    `quantity_scrap` None: as the machines prove it. Repeating a `request_id` does nothing. `job-state-conflict` before
    the job has ended for good, `nothing-to-count` where its pieces are known exactly, `quantity-invalid`,
    `count-contradicts` for a number that cannot be by what the machines prove.
    """
    job = get_record(uow, job_id)
    if not is_new_act(uow, job, request_id, COUNT, _told(quantity_good), _told(quantity_scrap)):
        return
    _refuse_too_early(uow, job)
    if not awaits_count(job.good_low_e6, job.good_high_e6, job.scrap_low_e6, job.scrap_high_e6):
        raise NothingToCount(f"The pieces of job {job_id} are known exactly.")
    good = pieces_of(quantity_good, least=0)
    scrap = job.scrap_low_e6 if quantity_scrap is None else pieces_of(quantity_scrap, least=0)
    facts = [
        _fact(uow, job, CountKind.good, job.good_low_e6, job.good_high_e6, good, request_id),
        _fact(uow, job, CountKind.scrap, job.scrap_low_e6, job.scrap_high_e6, scrap, request_id),
    ]
    insert_counts(uow, [fact for fact in facts if (fact.low_e6, fact.high_e6) != (0, 0)])
    _emit(uow, job, good, scrap)
    job.good_low_e6 = job.good_high_e6 = good
    job.scrap_low_e6 = job.scrap_high_e6 = scrap
    update_totals(uow, {job.pk: job}, {job.pk: undo_deadline(uow)})
    set_counted(uow, job.pk, uow.now_us)


def _told(quantity: Decimal | None) -> int | None:
    return None if quantity is None else pieces_of(quantity, least=0)


def _refuse_too_early(uow: UnitOfWork, job: JobRecord) -> None:
    if job.state not in FINAL_STATES:
        raise JobStateConflict(f"Job {job.job_id} is {job.state.name}; it is counted when it has ended.")
    if job.undo_until_us is not None and job.undo_until_us > uow.now_us:
        raise JobStateConflict(f"The end of job {job.job_id} can still be undone.")


def _fact(
    uow: UnitOfWork, job: JobRecord, kind: CountKind, low: int, high: int | None, counted: int, request_id: str
) -> Count:
    """What makes the interval the counted number when it is added. `count-contradicts` outside of it."""
    if counted < low or (high is not None and counted > high):
        proven = f"at least {from_e6(low)}" + ("" if high is None else f" and at most {from_e6(high)}")
        raise CountContradicts(f"The machines prove {proven} {kind} pieces, not {from_e6(counted)}.")
    more_low, more_high = settled(low, high, counted)
    fact = operator_count(uow, job, kind, counted, request_id)
    return fact._replace(low_e6=more_low, high_e6=more_high, cause=Cause.counted)


def _emit(uow: UnitOfWork, job: JobRecord, good: int, scrap: int) -> None:
    uow.emit(
        "orders.job-counted.v1",
        topics=job.topics,
        subject=f"job/{job.job_id}",
        payload={
            "job_order_id": job.job_id,
            "equipment_id": job.equipment_id,
            "good_e6": good,
            "scrap_e6": scrap,
            "proven_good_e6": [job.good_low_e6, job.good_high_e6],
            "proven_scrap_e6": [job.scrap_low_e6, job.scrap_high_e6],
        },
    )
