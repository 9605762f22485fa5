"""A supervisor puts counts right: facts that reverse wrong ones, with a reason. Nothing is edited away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from mes.access.signatures.service import require_signature
from mes.access.types import SignedAct
from mes.definitions.queries import list_scrap_reasons
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import (
    CorrectionInvalid,
    JobStateConflict,
    JobVersionConflict,
    QuantityInvalid,
    ScrapReasonUnknown,
)
from mes.orders.quantity_rules import takes_back_too_much
from mes.orders.service.counts import CORRECTION, is_new_act, operator_count, record_counts
from mes.orders.service.transition import get_record, reason_of
from mes.orders.statements import JobRecord
from mes.orders.types import QUANTITY_MAX_E6, Cause, CountKind
from standards.isa95.quantity import from_e6, to_e6

CORRECTIONS_MAX: Final = 50
"""Lines of one correction."""
CORRECTABLE: Final = frozenset({CountKind.good, CountKind.scrap})


@dataclass(frozen=True, slots=True)
class Correction:
    """So many pieces more, or fewer (negative), of one kind; scrap with its reason.

    `was`: what somebody saw before they put it right; None: nobody looked.
    """

    kind: CountKind
    quantity: Decimal
    reason_id: str = ""
    was: Decimal | None = None


def correct_counts(
    uow: UnitOfWork, *, job_id: str, corrections: Sequence[Correction], reason: str, request_id: str
) -> None:
    """Put the counts of a job right, also long after its end: then its report gets a new version.

    Repeating a `request_id` does nothing. `reason-missing`, `correction-invalid` where more is taken back than was
    counted, `scrap-reason-unknown`, `quantity-invalid`, `job-state-conflict` before the job ran,
    `job-version-conflict` where a count is no longer what somebody saw.
    """
    job = get_record(uow, job_id)
    why, changes = reason_of(reason), _changes(corrections)
    if not is_new_act(uow, job, request_id, CORRECTION, sorted(changes.items())):
        return
    if job.started_at_us is None:
        raise JobStateConflict(f"Job {job_id} has not run yet.")
    counted = _counted(uow, job)
    _refuse_unseen(job, corrections, counted)
    _refuse(uow, job, changes, counted)
    before = [job.good_low_e6, job.scrap_low_e6]
    pieces = sorted([kind, reason_id, pieces] for (kind, reason_id), pieces in changes.items())
    what = {"job_id": job_id, "changes_e6": pieces, "before_e6": before, "reason": why, "request_id": request_id}
    require_signature(uow, SignedAct.correct_counts, subjects=[f"job/{job_id}"], what=what)
    record_counts(
        uow,
        counts=[
            operator_count(uow, job, CountKind(kind), pieces, request_id)._replace(
                reason_id=reason_id, cause=Cause.corrected
            )
            for (kind, reason_id), pieces in changes.items()
        ],
    )
    _emit(uow, job, changes, before, why)


def _changes(corrections: Sequence[Correction]) -> dict[tuple[str, str], int]:
    if not 0 < len(corrections) <= CORRECTIONS_MAX:
        raise CorrectionInvalid(f"A correction has 1 to {CORRECTIONS_MAX} lines.")
    changes: dict[tuple[str, str], int] = {}
    for line in corrections:
        if line.kind not in CORRECTABLE:
            raise CorrectionInvalid(f"{line.kind} is not corrected by hand.")
        key = _key(line)
        changes[key] = changes.get(key, 0) + _pieces(line.quantity)
    if not any(changes.values()):
        raise CorrectionInvalid("Nothing would change.")
    return {key: pieces for key, pieces in changes.items() if pieces}


def _key(line: Correction) -> tuple[str, str]:
    return line.kind.value, line.reason_id if line.kind is CountKind.scrap else ""


def _refuse_unseen(job: JobRecord, corrections: Sequence[Correction], counted: Mapping[tuple[str, str], int]) -> None:
    """Two who put the same count right put it right once."""
    for line in corrections:
        now = counted.get(_key(line), 0)
        if line.was is not None and _pieces(line.was) != now:
            raise JobVersionConflict(f"Job {job.job_id} has {from_e6(now)} {line.kind} by now, not {line.was}.")


def _pieces(quantity: Decimal) -> int:
    try:
        pieces = to_e6(quantity)
    except ValueError as error:
        raise QuantityInvalid(str(error)) from error
    if abs(pieces) > QUANTITY_MAX_E6:
        raise QuantityInvalid("The quantity is more than any job makes.")
    return pieces


def _counted(uow: UnitOfWork, job: JobRecord) -> dict[tuple[str, str], int]:
    """What is proven, by kind and reason."""
    rows = uow.driver_query(
        "SELECT kind, reason_id, sum(low_e6) FROM count_fact WHERE job_pk = ? GROUP BY kind, reason_id", (job.pk,)
    )
    found = {(row[0], row[1]): int(row[2]) for row in rows if row[0] == CountKind.scrap}
    return {**found, (CountKind.good.value, ""): job.good_low_e6}


def _refuse(
    uow: UnitOfWork, job: JobRecord, changes: Mapping[tuple[str, str], int], counted: Mapping[tuple[str, str], int]
) -> None:
    known = {reason.reason_id for reason in list_scrap_reasons(uow.session, active_only=False)}
    for kind, reason_id in changes:
        if kind == CountKind.scrap and reason_id not in known and (kind, reason_id) not in counted:
            raise ScrapReasonUnknown(f"There is no scrap reason {reason_id!r}.")
    if too_much := takes_back_too_much(changes, counted):
        kind, reason_id = too_much
        there = from_e6(counted.get(too_much, 0))
        raise CorrectionInvalid(f"Job {job.job_id} has {there} {kind} {reason_id}".rstrip() + ".")


def _emit(uow: UnitOfWork, job: JobRecord, changes: Mapping[tuple[str, str], int], before: list[int], why: str) -> None:
    good = changes.get((CountKind.good.value, ""), 0)
    scrap = sum(pieces for (kind, _), pieces in changes.items() if kind == CountKind.scrap)
    uow.emit(
        "orders.job-corrected.v1",
        topics=job.topics,
        subject=f"job/{job.job_id}",
        payload={
            "job_order_id": job.job_id,
            "equipment_id": job.equipment_id,
            "reason": why,
            "lines": [[kind, reason_id, pieces] for (kind, reason_id), pieces in changes.items()],
            "good_e6": [before[0], before[0] + good],
            "scrap_e6": [before[1], before[1] + scrap],
        },
    )
