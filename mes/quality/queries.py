"""Reads of the quality feature."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, select
from sqlmodel import Session

from mes.equipment.queries import get_equipment
from mes.equipment.tables import Equipment
from mes.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, page_of
from mes.kernel.sqltypes import from_us, to_us
from mes.orders.errors import JobNotFound
from mes.orders.tables import JobOrderRow
from mes.quality.errors import DefectCodeNotFound, QualityRequirementNotFound, UnitNotSeen
from mes.quality.rules import final_of, first_pass_of, yield_of
from mes.quality.tables import Defect, DefectCode, MeasuredValue, QualityRequirement, UnitVerdict
from mes.quality.types import (
    UNITS_MAX,
    DefectCodeView,
    DefectView,
    Measurement,
    RequirementView,
    ResultView,
    StepCheck,
    Verdict,
    VerdictFact,
    YieldReport,
    YieldView,
)

_C: Final = DefectCode.__table__  # type: ignore[attr-defined]
_Q: Final = QualityRequirement.__table__  # type: ignore[attr-defined]
_V: Final = UnitVerdict.__table__  # type: ignore[attr-defined]
_M: Final = MeasuredValue.__table__  # type: ignore[attr-defined]
_D: Final = Defect.__table__  # type: ignore[attr-defined]
_J: Final = JobOrderRow.__table__  # type: ignore[attr-defined]
_E: Final = Equipment.__table__  # type: ignore[attr-defined]
_REPAIR: Final = _V.alias("repair")


def list_defect_codes(session: Session, *, active_only: bool = True) -> tuple[DefectCodeView, ...]:
    """Defect codes in order of id."""
    statement = select(_C).order_by(_C.c.id)
    rows = session.execute(statement.where(_C.c.active) if active_only else statement)
    return tuple(_code_view(row) for row in rows)


def get_defect_code(session: Session, *, code_id: str) -> DefectCodeView:
    """One code, active or not. `defect-code-not-found`."""
    row = session.execute(select(_C).where(_C.c.id == code_id)).first()
    if row is None:
        raise DefectCodeNotFound(f"There is no defect code {code_id!r}.")
    return _code_view(row)


def _code_view(row: Any) -> DefectCodeView:
    return DefectCodeView(row.pk, row.id, row.description, bool(row.active), row.version)


def list_requirements(session: Session) -> tuple[RequirementView, ...]:
    """What was said about work masters, in order of id."""
    return tuple(_requirement_view(row) for row in session.execute(select(_Q).order_by(_Q.c.id)))


def get_requirement(session: Session, *, work_master_id: str) -> RequirementView:
    """What was said about one work master. `quality-requirement-not-found`."""
    row = session.execute(select(_Q).where(_Q.c.id == work_master_id)).first()
    if row is None:
        raise QualityRequirementNotFound(f"Nobody has said what {work_master_id!r} asks of a unit.")
    return _requirement_view(row)


def _requirement_view(row: Any) -> RequirementView:
    return RequirementView(row.id, StepCheck(row.unit_check), row.version)


# -- results


def _results() -> Select[Any]:
    return (
        select(_V, _J.c.id.label("job_id"), _E.c.id.label("equipment_id"))
        .outerjoin(_J, _J.c.pk == _V.c.job_pk)
        .outerjoin(_E, _E.c.pk == _V.c.equipment_pk)
    )


def list_results(
    session: Session,
    *,
    unit_id: str | None = None,
    job_id: str | None = None,
    equipment_id: str | None = None,
    verdict: Verdict | None = None,
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[ResultView]:
    """Verdicts in the order they were recorded, filtered, with measurements and defects."""
    limit = max(1, min(limit, LIMIT_MAX))
    statement = _results().order_by(_V.c.pk).limit(limit + 1)
    if unit_id is not None:
        statement = statement.where(_V.c.unit_id == unit_id)
    if job_id is not None:
        statement = statement.where(_J.c.id == job_id)
    if equipment_id is not None:
        statement = statement.where(_E.c.id == equipment_id)
    if verdict is not None:
        statement = statement.where(_V.c.verdict == int(verdict))
    if cursor:
        statement = statement.where(_V.c.pk > decode_cursor(cursor, [int])[0])
    return page_of(_views(session, session.execute(statement).all()), limit, lambda view: (view.pk,))


def get_unit_results(session: Session, *, unit_id: str, limit: int = LIMIT_MAX) -> tuple[ResultView, ...]:
    """Everything decided of a unit, newest first. `unit-not-seen`."""
    statement = _results().where(_V.c.unit_id == unit_id).order_by(_V.c.at_us.desc(), _V.c.pk.desc()).limit(limit)
    found = _views(session, session.execute(statement).all())
    if not found:
        raise UnitNotSeen(f"There is no result of {unit_id!r}.")
    return tuple(found)


def _views(session: Session, rows: Sequence[Any]) -> list[ResultView]:
    pks = [row.pk for row in rows]
    measured = _measured(session, pks)
    defects: dict[int, list[DefectView]] = {}
    for verdict_pk, defect in _defects(session, _D.c.verdict_pk.in_(pks)):
        defects.setdefault(verdict_pk, []).append(defect)
    return [
        ResultView(
            pk=row.pk,
            source=row.source,
            result_id=row.result_id,
            unit_id=row.unit_id,
            verdict=Verdict(row.verdict),
            segment_id=row.segment_id,
            job_id=row.job_id or "",
            equipment_id=row.equipment_id or "",
            program=row.program,
            program_revision=row.program_revision,
            at=from_us(row.at_us),
            recorded_at=from_us(row.recorded_at_us),
            actor=row.actor,
            note=row.note,
            flag=row.flag,
            measurements=tuple(measured.get(row.pk, ())),
            defects=tuple(defects.get(row.pk, ())),
            ended_by=row.ended_by_pk,
        )
        for row in rows
    ]


def _measured(session: Session, pks: Sequence[int]) -> dict[int, list[Measurement]]:
    found: dict[int, list[Measurement]] = {}
    for row in session.execute(select(_M).where(_M.c.verdict_pk.in_(pks)).order_by(_M.c.verdict_pk, _M.c.place)):
        one = Measurement(row.name, row.value, row.unit, row.low, row.high, row.verdict)
        found.setdefault(row.verdict_pk, []).append(one)
    return found


def list_open_defects(session: Session, *, unit_id: str) -> tuple[DefectView, ...]:
    """Defects of a unit that nobody has repaired or taken back, in the order they were found."""
    wanted = (_D.c.unit_id == unit_id) & _D.c.repaired_by_pk.is_(None) & _V.c.ended_by_pk.is_(None)
    return tuple(defect for _, defect in _defects(session, wanted))


def _defects(session: Session, wanted: Any) -> Iterable[tuple[int, DefectView]]:
    statement = (
        select(
            _D,
            _C.c.id.label("code_id"),
            _C.c.description,
            _V.c.segment_id,
            _V.c.at_us,
            _REPAIR.c.at_us.label("repaired_at_us"),
        )
        .join(_C, _C.c.pk == _D.c.code_pk)
        .join(_V, _V.c.pk == _D.c.verdict_pk)
        .outerjoin(_REPAIR, _REPAIR.c.pk == _D.c.repaired_by_pk)
        .where(wanted)
        .order_by(_D.c.pk)
    )
    for row in session.execute(statement):
        repaired = None if row.repaired_at_us is None else from_us(row.repaired_at_us)
        yield (
            row.verdict_pk,
            DefectView(
                row.pk,
                row.unit_id,
                row.code_id,
                row.description,
                row.position,
                row.note,
                row.segment_id,
                from_us(row.at_us),
                repaired,
            ),
        )


# -- yields


def get_job_yields(session: Session, *, job_id: str) -> YieldReport:
    """Yields of the step of one job. `job-order-not-found`."""
    job = session.execute(select(_J.c.pk, _J.c.segment_id).where(_J.c.id == job_id)).first()
    if job is None:
        raise JobNotFound(f"There is no job {job_id!r}.")
    return _yields(session, _V.c.job_pk == job.pk)


def get_equipment_yields(session: Session, *, equipment_id: str, from_at: datetime, to_at: datetime) -> YieldReport:
    """Yields of the steps done at some equipment, of the units judged there in a half-open time. What was judged before
    or after is not asked, so the first pass is the first in that time. `equipment-not-found`."""
    place = get_equipment(session, equipment_id=equipment_id).pk
    window = (_V.c.equipment_pk == place) & (_V.c.at_us >= to_us(from_at)) & (_V.c.at_us < to_us(to_at))
    return _yields(session, window)


def _yields(session: Session, wanted: Any) -> YieldReport:
    statement = (
        select(_V.c.unit_id, _V.c.verdict, _V.c.segment_id)
        .where(wanted, _V.c.verdict.in_([int(Verdict.passed), int(Verdict.failed)]), _V.c.ended_by_pk.is_(None))
        .order_by(_V.c.at_us, _V.c.pk)
        .limit(UNITS_MAX + 1)
    )
    rows = session.execute(statement).all()
    facts = [VerdictFact(row.unit_id, Verdict(row.verdict), row.segment_id) for row in rows[:UNITS_MAX]]
    scrapped = frozenset(
        session.execute(
            select(_V.c.unit_id)
            .where(_V.c.verdict == int(Verdict.scrapped), _V.c.ended_by_pk.is_(None))
            .where(_V.c.unit_id.in_(select(_V.c.unit_id).where(wanted)))
        ).scalars()
    )
    by_step: dict[str, list[VerdictFact]] = {}
    for fact in facts:
        by_step.setdefault(fact.segment_id, []).append(fact)
    steps = tuple(_yield_view(step, its, scrapped) for step, its in sorted(by_step.items()))
    return YieldReport(steps, truncated=len(rows) > UNITS_MAX)


def _yield_view(step: str, facts: Sequence[VerdictFact], scrapped: frozenset[str]) -> YieldView:
    counted = yield_of(facts, step, scrapped)
    return YieldView(
        step,
        counted,
        first_pass=first_pass_of(counted),
        final_low=final_of(counted, 0),
        final_high=final_of(counted, counted.open),
    )
