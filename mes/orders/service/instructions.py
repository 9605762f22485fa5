"""Work instructions are read: who, which step, for which job, when."""

from __future__ import annotations

from typing import Final

from mes.kernel.uow import UnitOfWork
from mes.orders.errors import InstructionNotFound
from mes.orders.service.transition import get_record

_STEP: Final = (
    "SELECT i.pk, i.title, (SELECT a.at_us FROM instruction_acknowledgement a WHERE a.job_pk = j.pk "
    "AND a.instruction_pk = i.pk AND a.principal_pk = ?) FROM job_order j "
    "JOIN segment_instruction i ON i.segment_pk = j.segment_pk WHERE j.pk = ? AND i.sequence = ?"
)


def acknowledge_instruction(uow: UnitOfWork, *, job_id: str, sequence: int) -> None:
    """The person who acts has read a step of the job's work instruction. A step is read once: again changes nothing.

    `job-order-not-found`, `instruction-not-found`.
    """
    assert uow.actor is not None, "only a person reads"
    job = get_record(uow, job_id)
    rows = uow.driver_query(_STEP, (uow.actor, job.pk, sequence))
    if not rows:
        raise InstructionNotFound(f"The instruction of job {job_id} has no step {sequence}.")
    instruction_pk, title, known_at_us = rows[0]
    if known_at_us is not None:
        return
    uow.driver_execute(
        "INSERT INTO instruction_acknowledgement (job_pk, instruction_pk, principal_pk, at_us) VALUES (?, ?, ?, ?)",
        (job.pk, instruction_pk, uow.actor, uow.now_us),
    )
    uow.emit(
        "orders.instruction-acknowledged.v1",
        topics=job.topics,
        subject=f"job/{job.job_id}",
        payload={"job_order_id": job.job_id, "equipment_id": job.equipment_id, "step": sequence, "title": title},
    )
