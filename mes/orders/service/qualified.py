"""Whether a person may start a job: what its step asks for, and what the person is."""

from __future__ import annotations

from typing import Final

from mes.kernel.uow import UnitOfWork
from mes.orders.errors import QualificationMissing
from mes.orders.statements import JobRecord
from mes.personnel.queries import list_qualifications_of
from mes.personnel.rules import is_qualified

_ASKED: Final = (
    "SELECT c.id FROM job_order j JOIN segment_qualification q ON q.segment_pk = j.segment_pk "
    "JOIN personnel_class c ON c.pk = q.personnel_class_pk WHERE j.pk = ? ORDER BY c.id"
)


def missing_classes(uow: UnitOfWork, job: JobRecord) -> tuple[str, ...]:
    """The personnel classes the step asks for and whoever acts is not in, now. The plant itself is in none."""
    asked = [row[0] for row in uow.driver_query(_ASKED, (job.pk,))]
    if not asked:
        return ()
    held = () if uow.actor is None else list_qualifications_of(uow.session, principal_pk=uow.actor)
    return tuple(name for name in asked if not is_qualified(held, name, uow.now))


def require_qualified(uow: UnitOfWork, job: JobRecord) -> None:
    """`qualification-missing` unless whoever acts is in every class the step asks for."""
    missing = missing_classes(uow, job)
    if missing:
        raise QualificationMissing(
            f"Job {job.job_id} asks for {', '.join(missing)}.", personnel_class_ids=list(missing)
        )
