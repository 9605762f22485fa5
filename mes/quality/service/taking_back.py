"""A verdict that was recorded by mistake is taken back by another. Nothing is edited away."""

from __future__ import annotations

from mes.kernel.repeats import content_hash
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import NothingToUndo
from mes.quality.statements import end_verdict, insert_verdicts, is_last_of_its_unit, load_decided
from mes.quality.types import PERSON, ResultSpec, Verdict


def take_back_verdict(uow: UnitOfWork, *, request_id: str, source: str, result_id: str, reason: str) -> None:
    """A verdict never was, for the unit, its order and its yields; defects it found are none, and what it said was
    repaired is open again. The record shows both.

    `nothing-to-undo`: it is not there, it was taken back already, or something was decided of the unit since.
    """
    found = load_decided(uow, source, result_id)
    if found is None or found.ended_by_pk is not None or found.verdict == Verdict.reversed:
        raise NothingToUndo("There is no such verdict.")
    if not is_last_of_its_unit(uow, found):
        raise NothingToUndo(f"Something else was decided of {found.unit_id} since.")
    told = content_hash(found.unit_id, Verdict.reversed, found.pk, reason)
    result = ResultSpec(PERSON, request_id, found.unit_id, "", Verdict.reversed, uow.now_us, note=reason, told=told)
    pks = insert_verdicts(uow, [(result, told, None, None)])
    end_verdict(uow, found, pks[PERSON, request_id])
    uow.emit(
        "quality.verdict-taken-back.v1",
        topics=[
            *([f"equipment/{found.equipment_id}"] if found.equipment_id else []),
            f"unit/{found.unit_id}",
            "quality",
        ],
        subject=f"unit/{found.unit_id}",
        payload={
            "unit_id": found.unit_id,
            "verdict": Verdict(found.verdict).name,
            "segment_id": found.segment_id,
            "reason": reason,
        },
    )
