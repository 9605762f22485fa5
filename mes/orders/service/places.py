"""A job is moved to another place where its step may be done."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import update

from mes.definitions.queries import get_segment
from mes.equipment.queries import get_equipment_views
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import EquipmentNotAllowed
from mes.orders.service.begun import refuse_begun
from mes.orders.service.following import dispatch_due_jobs
from mes.orders.service.segments import allowed_places, placed_values
from mes.orders.service.transition import get_record
from mes.orders.statements import JobRecord, load_jobs
from mes.orders.tables import JobOrderRow
from mes.orders.types import Note

_JOB = JobOrderRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class _Place:
    pk: int
    values: dict[str, object]


def move_job_to_equipment(uow: UnitOfWork, *, job_id: str, version: int, equipment_id: str, reason: str = "") -> None:
    """Let a job that has not begun be done at another of its step's places. Its release stays.

    `job-order-not-found`, `job-version-conflict`, `job-state-conflict`, `equipment-not-allowed`.
    """
    job = get_record(uow, job_id, version)
    refuse_begun(job, "moved")
    place = _place(uow, job, equipment_id)
    if place.pk == job.equipment_pk:
        return
    values = {**place.values, "note": Note.none, "note_text": "", "retry_at_us": None, "version": job.version + 1}
    uow.execute(update(_JOB).where(_JOB.c.pk == job.pk).values(**values))
    moved = load_jobs(uow, pks=(job.pk,))[0]
    uow.emit(
        "orders.job-moved.v1",
        topics=[*job.topics, *moved.topics],
        subject=f"job/{job.job_id}",
        payload={
            "job_order_id": job.job_id,
            "operations_request_id": job.operations_request_id,
            "equipment_id": moved.equipment_id,
            "from": job.equipment_id,
            "reason": reason,
        },
    )
    dispatch_due_jobs(uow)


def _place(uow: UnitOfWork, job: JobRecord, equipment_id: str) -> _Place:
    rows = uow.driver_query("SELECT segment_pk FROM job_order WHERE pk = ?", (job.pk,))
    segment = get_segment(uow.session, segment_pk=rows[0][0] or 0)
    places = allowed_places(segment)
    if equipment_id not in places:
        raise EquipmentNotAllowed(f"{segment.id} is done at {', '.join(places)}, not at {equipment_id}.")
    pk = places[equipment_id]
    return _Place(pk, placed_values(segment, get_equipment_views(uow.session, [pk])[pk]))
