"""What becomes of a unit that failed: it goes back to a named step, or it is scrapped."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mes.kernel.repeats import content_hash, refuse_other_content
from mes.kernel.uow import UnitOfWork
from mes.quality import rules
from mes.quality.errors import DefectNotFound, ResultInvalid, UnitNotFailed, UnitNotSeen, UnitScrapped
from mes.quality.service.results import hash_of
from mes.quality.statements import (
    insert_verdicts,
    load_edges,
    load_known,
    load_open_defects,
    load_segments,
    load_unit_verdicts,
    set_repaired,
)
from mes.quality.types import NOTE_MAX, PERSON, ResultSpec, Standing, Verdict, VerdictFact


@dataclass(frozen=True, slots=True)
class _Unit:
    standing: Standing
    job_pk: int | None
    last_segment: str


def send_unit_to_rework(
    uow: UnitOfWork,
    *,
    unit_id: str,
    return_segment_id: str,
    request_id: str,
    note: str = "",
    repaired_defects: Collection[int] = (),
) -> None:
    """A failed unit was, or will be, repaired and goes back to a step of its order. It has to pass that step, and do
    every step after it again. `repaired_defects` are keys of its open defects. Repeating a `request_id` does nothing.

    `unit-not-seen`, `unit-not-failed`, `unit-scrapped`, `defect-not-found`, `result-invalid` where the order has no
    such step, `idempotency-key-reused`.
    """
    words, defects = " ".join(note.split())[:NOTE_MAX], sorted(repaired_defects)
    told = content_hash(unit_id, Verdict.rework, return_segment_id, words, defects)
    if _is_repeat(uow, request_id, told):
        return
    unit = _load(uow, unit_id)
    if not (unit.standing.failed or unit.standing.returns_to):
        raise UnitNotFailed(f"The unit {unit_id!r} passed whatever was tested of it.")
    if unit.job_pk is not None and return_segment_id not in load_segments(uow, unit.job_pk):
        raise ResultInvalid(f"The order of {unit_id!r} has no step {return_segment_id!r}.")
    unknown = set(defects) - load_open_defects(uow, unit_id)
    if unknown:
        raise DefectNotFound(f"{unit_id!r} has no open defect {min(unknown)}.")
    result = _decision(uow, unit_id, Verdict.rework, return_segment_id, request_id, words, told)
    set_repaired(uow, defects, _decide(uow, unit, result))


def scrap_unit(uow: UnitOfWork, *, unit_id: str, request_id: str, note: str = "") -> None:
    """A unit is lost. Its pieces are counted as scrap where counts are reported; this is the unit's own record.

    Repeating a `request_id` does nothing. `unit-not-seen`, `unit-scrapped`, `idempotency-key-reused`.
    """
    words = " ".join(note.split())[:NOTE_MAX]
    told = content_hash(unit_id, Verdict.scrapped, words)
    if _is_repeat(uow, request_id, told):
        return
    unit = _load(uow, unit_id)
    _decide(uow, unit, _decision(uow, unit_id, Verdict.scrapped, unit.last_segment, request_id, words, told))


def _is_repeat(uow: UnitOfWork, request_id: str, told: int) -> bool:
    """`idempotency-key-reused` where something else was told under this id."""
    known = load_known(uow, {(PERSON, request_id)}).get((PERSON, request_id))
    refuse_other_content(request_id, known=known, told=told)
    return known is not None


def _load(uow: UnitOfWork, unit_id: str) -> _Unit:
    rows = load_unit_verdicts(uow, unit_id)
    if not rows:
        raise UnitNotSeen(f"There is no result of {unit_id!r}.")
    job_pk = next((row[2] for row in reversed(rows) if row[2] is not None), None)
    after = rules.steps_after(load_edges(uow, job_pk)) if job_pk is not None else {}
    standing = rules.standing_of((VerdictFact(unit_id, Verdict(row[0]), row[1]) for row in rows), after)
    if standing.scrapped:
        raise UnitScrapped(f"The unit {unit_id!r} was scrapped.")
    return _Unit(standing, job_pk, rows[-1][1])


def _decision(
    uow: UnitOfWork, unit_id: str, verdict: Verdict, segment_id: str, request_id: str, words: str, told: int
) -> ResultSpec:
    return ResultSpec(
        PERSON, request_id, unit_id, "", verdict, uow.now_us, segment_id=segment_id, note=words, told=told
    )


def _decide(uow: UnitOfWork, unit: _Unit, result: ResultSpec) -> int:
    pks = insert_verdicts(uow, [(result, hash_of(result), unit.job_pk, None)])
    happened = "sent-to-rework" if result.verdict is Verdict.rework else "scrapped"
    uow.emit(
        f"quality.unit-{happened}.v1",
        topics=[f"unit/{result.unit_id}", "quality"],
        subject=f"unit/{result.unit_id}",
        payload={"unit_id": result.unit_id, "segment_id": result.segment_id, "note": result.note},
    )
    return pks[(result.source, result.result_id)]
