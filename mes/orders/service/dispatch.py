"""Dispatch: when a released job's turn comes, its machine is asked to start it; and what became of the asking."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from mes.edge.service import put_command
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import MachineUnreachable
from mes.orders.rules import ACTIVE_STATES, Candidate, turn_key, whose_turn
from mes.orders.service.parameters import job_parameters
from mes.orders.statements import JobRecord, WaitingJob, load_jobs, set_note, set_notes
from mes.orders.types import DISPATCH_EXPIRY_S, RETRY_S, Note
from standards.isa95.quantity import from_e6
from standards.lineside.commands_v1 import CommandKind, JobAction, JobCommand, Outcome, to_payload

_MACHINE: Final = "SELECT s.equipment_pk, s.remote, s.known FROM equipment_status s WHERE s.equipment_pk = ?"
_BRIDGE: Final = "SELECT bridge_pk FROM tag_binding WHERE equipment_pk = ? AND signal = 'job-state' LIMIT 1"
GRACE_US: Final = 5_000_000
"""After a command's expiry its result may still be on the way this long."""
OVERDUE: Final = (
    "SELECT j.pk FROM job_order j JOIN bridge_command c ON c.id = j.command_id "  # noqa: S608
    "WHERE j.ended_at_us IS NULL AND j.state = 2 AND j.dispatch_status = 'Dispatched' "
    f"AND c.expires_at_us < ? - {GRACE_US}"
)
"""Jobs of the commands that `give_up_overdue_commands` gives up now."""


def dispatch_waiting(uow: UnitOfWork, jobs: Sequence[WaitingJob]) -> None:
    """Ask each free, reachable, remote-controlled machine for the job whose turn it is; note why others wait.
    `jobs`: all of the plant that do."""
    waiting = {one.job.pk: one for one in jobs}
    occupied = {one.job.equipment_pk for one in waiting.values() if one.is_occupied}
    candidates = [_candidate(one) for one in waiting.values()]
    turns, told = whose_turn(candidates), []
    for candidate in sorted(candidates, key=turn_key):
        job = waiting[candidate.pk].job
        note = _why_not(uow, job, candidate, turns, occupied)
        if note is None:
            _dispatch(uow, job)
        elif job.note != note and not _says_more(job.note, note):
            told.append((job, note))
    _tell(uow, told)


def _candidate(one: WaitingJob) -> Candidate:
    job = one.job
    return Candidate(
        job.pk,
        job.equipment_pk,
        job.priority,
        one.due_at_us,
        (job.work_request_pk, one.sequence),
        not one.predecessors_left,
        one.retry_at_us,
        one.rank,
    )


def _says_more(present: str, note: str) -> bool:
    """A refusal stays readable until it is tried again."""
    return note == Note.none and present in {Note.dispatch_refused, Note.dispatch_expired, Note.dispatch_unknown}


def _why_not(
    uow: UnitOfWork, job: JobRecord, candidate: Candidate, turns: dict[int, Candidate], occupied: Collection[int]
) -> str | None:
    """The note of a job that cannot be dispatched now; None: it can."""
    if not candidate.predecessors_done:
        return Note.predecessor
    if job.equipment_pk in occupied or turns.get(job.equipment_pk) is not candidate:
        return Note.not_its_turn
    if job.manual:
        return Note.none
    if candidate.retry_at_us is not None and candidate.retry_at_us > uow.now_us:
        return Note.none
    return _machine_note(uow, job.equipment_pk)


def _machine_note(uow: UnitOfWork, equipment_pk: int) -> str | None:
    if not uow.driver_query(_BRIDGE, (equipment_pk,)):
        return Note.no_bridge
    rows = uow.driver_query(_MACHINE, (equipment_pk,))
    if not rows or not rows[0][2]:
        return Note.machine_unknown
    return None if rows[0][1] else Note.machine_local


def _tell(uow: UnitOfWork, notes: Sequence[tuple[JobRecord, str]]) -> None:
    """Why some jobs wait, from now on."""
    set_notes(uow, {job.pk: note for job, note in notes})
    for job, note in notes:
        uow.emit(
            "orders.job-note-changed.v1",
            topics=job.topics,
            subject=f"job/{job.job_id}",
            payload={"job_order_id": job.job_id, "note": note},
        )


def _dispatch(uow: UnitOfWork, job: JobRecord) -> None:
    command_id = _put(uow, job, JobAction.store_and_start, uow.driver_query(_BRIDGE, (job.equipment_pk,))[0][0])
    uow.driver_execute(
        "UPDATE job_order SET dispatch_status = 'Dispatched', command_id = ?, retry_at_us = NULL, note = '', "
        "note_text = '', version = version + 1 WHERE pk = ?",
        (command_id, job.pk),
    )
    uow.emit(
        "orders.job-dispatched.v1",
        topics=job.topics,
        subject=f"job/{job.job_id}",
        payload={"job_order_id": job.job_id, "equipment_id": job.equipment_id, "command_id": command_id},
    )


_DETAIL: Final = (
    "SELECT j.work_master_id, j.work_master_version, j.cycles, j.quantity_e6, m.id, q.id FROM job_order j "
    "JOIN material_definition m ON m.pk = j.material_pk JOIN work_request q ON q.pk = j.work_request_pk WHERE j.pk = ?"
)


def command_job(uow: UnitOfWork, job: JobRecord, action: JobAction) -> str:
    """Put a job command, with its expiry, in the mailbox of the bridge that serves the machine."""
    bridges = uow.driver_query(_BRIDGE, (job.equipment_pk,))
    if not bridges:
        raise MachineUnreachable(f"No bridge serves {job.equipment_id}.")
    return _put(uow, job, action, bridges[0][0])


def _put(uow: UnitOfWork, job: JobRecord, action: JobAction, bridge_pk: int) -> str:
    master, version, cycles, quantity_e6, material, work_request = uow.driver_query(_DETAIL, (job.pk,))[0]
    command = JobCommand(
        action=action,
        target=job.equipment_id,
        job_order_id=job.job_id,
        work_master_id=master,
        work_master_version=version,
        material_id=material,
        cycles=cycles,
        quantity=str(from_e6(quantity_e6)),
        work_request_id=work_request,
        parameters=job_parameters(uow, job.pk) if action is JobAction.store_and_start else [],
    )
    return put_command(
        uow,
        bridge_pk=bridge_pk,
        kind=CommandKind.job,
        payload=to_payload(command),
        expires_at_us=uow.now_us + DISPATCH_EXPIRY_S * 1_000_000,
    )


def ask_machine(uow: UnitOfWork, job: JobRecord, action: JobAction, *, reason: str = "") -> None:
    """Ask the machine; the job moves when the machine says so. `job-version-conflict` on the second tap."""
    command_id = command_job(uow, job, action)
    uow.driver_execute(
        "UPDATE job_order SET command_id = ?, note = '', note_text = '', version = version + 1 WHERE pk = ?",
        (command_id, job.pk),
    )
    uow.emit(
        "orders.job-command-put.v1",
        topics=job.topics,
        subject=f"job/{job.job_id}",
        payload={"job_order_id": job.job_id, "action": action, "command_id": command_id, "reason": reason},
    )


def note_command_result(uow: UnitOfWork, *, payload: dict[str, Any], outcome: Outcome, message: str) -> None:
    """What came of a job command. Never a state: only the machine's own report makes one."""
    jobs = load_jobs(uow, ids=(str(payload.get("job_order_id", "")),))
    if not jobs or outcome is Outcome.done:
        return
    job = jobs[0]
    if payload.get("action") == JobAction.store_and_start:
        _back_to_queue(uow, job, _RESULT_NOTES[outcome], message)
    elif job.state in ACTIVE_STATES:
        set_note(uow, job.pk, Note.command_refused, message)
    uow.emit(
        "orders.job-command-failed.v1",
        topics=job.topics,
        subject=f"job/{job.job_id}",
        payload={"job_order_id": job.job_id, "action": payload.get("action"), "outcome": outcome, "message": message},
    )


_RESULT_NOTES: Final = {
    Outcome.refused: Note.dispatch_refused,
    Outcome.expired: Note.dispatch_expired,
    Outcome.failed: Note.dispatch_unknown,
}


def _back_to_queue(uow: UnitOfWork, job: JobRecord, note: Note, message: str) -> None:
    """The machine has not taken the job as far as we know; it is asked again later."""
    uow.driver_execute(
        "UPDATE job_order SET dispatch_status = 'Pending', note = ?, note_text = ?, retry_at_us = ?, "
        "version = version + 1 WHERE pk = ? AND state = 2 AND dispatch_status = 'Dispatched'",
        (str(note), message[:500], uow.now_us + RETRY_S * 1_000_000, job.pk),
    )


def give_up_overdue_commands(uow: UnitOfWork) -> None:
    """Commands whose result never came: nobody knows what the machine did; its signals would have told."""
    for (job_pk,) in uow.driver_query(OVERDUE, (uow.now_us,)):
        job = load_jobs(uow, pks=(job_pk,))[0]
        _back_to_queue(uow, job, Note.dispatch_expired, "")
        _tell(uow, [(job, Note.dispatch_expired)])
