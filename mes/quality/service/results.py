"""Results of testers, inspection machines and people: each taken once, what is wrong with one keeps out no other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mes.equipment.errors import EquipmentNotFound
from mes.kernel.errors import Refusal
from mes.kernel.repeats import content_hash
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import JobNotFound
from mes.orders.service import hold_for_units
from mes.orders.statements import load_wanted_articles
from mes.quality import rules
from mes.quality.errors import DefectCodeNotFound, ResultDiffers, ResultInvalid, ResultsTooMany
from mes.quality.statements import (
    Key,
    Row,
    count_units,
    insert_defects,
    insert_measured,
    insert_verdicts,
    load_known,
    load_places,
    load_runs_at,
)
from mes.quality.types import NOTE_MAX, OWN_SOURCES, RESULTS_MAX, Places, Recorded, ResultSpec, RowRefusal, Verdict

FAILED_NAMED_MAX = 20
"""Failed units an event names."""


def record_results(uow: UnitOfWork, *, results: Sequence[ResultSpec]) -> Recorded:
    """Take results, in one transaction; repeating one changes nothing. Each that is refused is told with its code.

    A result without a job is that of the job which had the equipment (or what it stands in) at its time, if exactly one
    had. `results-too-many`; of single rows: `result-invalid` (also for a source of our own), `result-differs`,
    `equipment-not-found`, `job-order-not-found`, `defect-code-not-found`.
    """
    return _record(uow, results, foreign=True)


def record_own_result(uow: UnitOfWork, *, result: ResultSpec) -> None:
    """As `record_results`, of one result that is our own people's; refused as a whole."""
    refused = _record(uow, [result], foreign=False).refused
    if refused:
        raise ResultInvalid(refused[0].detail)


def record_machine_results(uow: UnitOfWork, *, results: Sequence[ResultSpec]) -> dict[str, str]:
    """As `record_results`, of what machines tell through a bridge. Answers, by result id, the code of each that was
    refused.

    `defect-code-not-found` is none of these: the unit failed, so that is recorded, with the defect in its note, and
    told with the code.
    """
    codes = load_places(uow, results).codes
    spelled = [_spelled(result, codes) for result in results]
    told = {result.result_id: result.flag for result in spelled if result.flag}
    for start in range(0, len(spelled), RESULTS_MAX):
        chunk = spelled[start : start + RESULTS_MAX]
        told |= {chunk[one.row].result_id: one.code for one in _record(uow, chunk, foreign=False).refused}
    return told


def _spelled(result: ResultSpec, codes: Mapping[str, int]) -> ResultSpec:
    """With defects nobody has a code for in its note."""
    strange = [defect for defect in result.defects if defect.code_id not in codes]
    if not strange:
        return result
    note = "; ".join(f"{defect.code_id} {defect.position}".strip() for defect in strange)[:NOTE_MAX]
    known = tuple(defect for defect in result.defects if defect.code_id in codes)
    return replace(result, defects=known, note=note, flag=DefectCodeNotFound.code)


def _record(uow: UnitOfWork, results: Sequence[ResultSpec], *, foreign: bool) -> Recorded:
    if len(results) > RESULTS_MAX:
        raise ResultsTooMany(f"There are {len(results)} results.")
    seen = load_known(uow, {(r.source, r.result_id) for r in results})
    places = load_places(uow, results)
    fresh: list[Row] = []
    refused: list[RowRefusal] = []
    known = 0
    for n, given in enumerate(results):
        try:
            if foreign and given.source in OWN_SOURCES:
                raise ResultInvalid(f"{given.source!r} is what people tell here; name the tester.")
            row = _checked(uow, given, places)
            if _is_known(row, seen):
                known += 1
            else:
                fresh.append(row)
        except Refusal as refusal:
            refused.append(RowRefusal(n, refusal.code, refusal.detail))
    _write(uow, _placed(uow, fresh), places)
    return Recorded(len(fresh), known, tuple(refused))


def _checked(uow: UnitOfWork, given: ResultSpec, places: Places) -> Row:
    rules.check_result(given, uow.now_us)
    if given.equipment_id not in places.equipment:
        raise EquipmentNotFound(f"There is no equipment {given.equipment_id!r}.")
    if given.job_id and given.job_id not in places.jobs:
        raise JobNotFound(f"There is no job {given.job_id!r}.")
    for defect in given.defects:
        if defect.code_id not in places.codes:
            raise DefectCodeNotFound(f"There is no defect code {defect.code_id!r}.")
    result = replace(given, measurements=tuple(rules.judged(one) for one in given.measurements))
    job = places.jobs.get(given.job_id)
    if job is not None and not given.segment_id:
        result = replace(result, segment_id=job.segment_id)
    return result, hash_of(given), job.pk if job else None, places.equipment[given.equipment_id]


def hash_of(result: ResultSpec) -> int:
    """Of everything that was told, but why it was flagged."""
    if result.told is not None:
        return result.told
    parts = (tuple(one) for one in (*result.measurements, *result.defects))
    return content_hash(*(getattr(result, name) for name in _TOLD), *parts)


_TOLD = (
    "unit_id",
    "equipment_id",
    "verdict",
    "at_us",
    "job_id",
    "segment_id",
    "program",
    "program_revision",
    "note",
)


def _is_known(row: Row, seen: dict[Key, int]) -> bool:
    """Whether exactly this was taken before, here or in an earlier call; notes that it is taken. `result-differs`."""
    result, content = row[0], row[1]
    key = (result.source, result.result_id)
    before = seen.get(key)
    if before is None:
        seen[key] = content
        return False
    if before != content:
        raise ResultDiffers(f"The result {result.result_id!r} of {result.source!r} is recorded with other content.")
    return True


def _placed(uow: UnitOfWork, rows: Sequence[Row]) -> list[Row]:
    """Results that name no job get the one that had the equipment at their time, where exactly one had."""
    open_rows = [row for row in rows if row[2] is None]
    if not open_rows:
        return list(rows)
    times = [row[0].at_us for row in open_rows]
    runs: Mapping[int, list[Any]] = defaultdict(list)
    for run in load_runs_at(uow, {row[3] for row in open_rows if row[3] is not None}, min(times), max(times)):
        runs[run[0]].append(run[1:])
    return [row if row[2] is not None else _with_job(row, runs[row[3] or 0]) for row in rows]


def _with_job(row: Row, runs: Sequence[tuple[int, int | None, int, str]]) -> Row:
    result, content, _, equipment_pk = row
    had = {
        (job_pk, segment)
        for start, end, job_pk, segment in runs
        if start <= result.at_us and (end is None or result.at_us < end)
    }
    if result.segment_id:
        had = {(job_pk, segment) for job_pk, segment in had if segment == result.segment_id}
    if len(had) != 1:
        return row
    ((job_pk, segment),) = had
    return replace(result, segment_id=segment), content, job_pk, equipment_pk


def _write(uow: UnitOfWork, rows: Sequence[Row], places: Places) -> None:
    if not rows:
        return
    pks = insert_verdicts(uow, rows)
    key_of = {id(result): pks[(result.source, result.result_id)] for result, *_ in rows}
    insert_measured(uow, {key_of[id(result)]: result.measurements for result, *_ in rows if result.measurements})
    found = [(key_of[id(result)], result.unit_id, defect) for result, *_ in rows for defect in result.defects]
    insert_defects(uow, found, places.codes)
    _count_first_articles(uow, {row[2] for row in rows if row[2] is not None})
    by_place: dict[tuple[str, str], list[ResultSpec]] = defaultdict(list)
    for result, *_ in rows:
        by_place[(result.equipment_id, result.segment_id)].append(result)
    for (equipment_id, segment_id), results in by_place.items():
        _emit(uow, equipment_id, segment_id, results)


def _count_first_articles(uow: UnitOfWork, job_pks: set[int]) -> None:
    """Jobs that wait for their first article: as many units as have a verdict since are there."""
    wanted = load_wanted_articles(uow, pks=job_pks)
    if wanted:
        hold_for_units(uow, units={pk: count_units(uow, pk, since) for pk, (_, since) in wanted.items()})


def _emit(uow: UnitOfWork, equipment_id: str, segment_id: str, results: Sequence[ResultSpec]) -> None:
    failed = [result.unit_id for result in results if result.verdict is Verdict.failed]
    units = {result.unit_id for result in results}
    subject = f"unit/{results[0].unit_id}" if len(units) == 1 else f"equipment/{equipment_id}"
    uow.emit(
        "quality.results-recorded.v1",
        topics=[f"equipment/{equipment_id}", "quality"],
        subject=subject,
        payload={
            "equipment_id": equipment_id,
            "segment_id": segment_id,
            "passed": sum(result.verdict is Verdict.passed for result in results),
            "failed": len(failed),
            "aborted": sum(result.verdict is Verdict.aborted for result in results),
            "failed_unit_ids": failed[:FAILED_NAMED_MAX],
        },
        occurred_at_us=max(result.at_us for result in results),
    )
