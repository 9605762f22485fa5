"""Reads of what a job follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import bindparam, distinct, func, select
from sqlmodel import Session

from mes.access.tables import Principal
from mes.definitions.queries import (
    ResolvedSegment,
    get_definition_versions,
    get_followed_definition,
    get_segment,
    get_segments,
    limits_of,
)
from mes.definitions.rules import needed_e6
from mes.definitions.tables import (
    OperationsDefinition,
    OperationsSegment,
    SegmentInstruction,
    SegmentQualification,
    WorkMaster,
)
from mes.definitions.types import DefinitionState
from mes.equipment.tables import Equipment
from mes.kernel.sqltypes import from_us
from mes.orders.errors import JobNotFound, OperationsRequestNotFound
from mes.orders.following.types import (
    Acknowledgement,
    Briefing,
    Followed,
    FollowedInstruction,
    FollowedParameter,
    FollowingJob,
    FollowingOrder,
    InstructionCount,
    NeededMaterial,
    ParameterChange,
)
from mes.orders.tables import InstructionAcknowledgementRow, JobOrderRow, OperationsRequestRow, WorkRequestRow
from mes.orders.version_rules import has_begun
from mes.personnel.tables import PersonnelClass
from standards.isa95.job_control import DispatchStatus, JobState

_J: Final = JobOrderRow.__table__  # type: ignore[attr-defined]
_Q: Final = WorkRequestRow.__table__  # type: ignore[attr-defined]
_R: Final = OperationsRequestRow.__table__  # type: ignore[attr-defined]
_A: Final = InstructionAcknowledgementRow.__table__  # type: ignore[attr-defined]
_E: Final = Equipment.__table__  # type: ignore[attr-defined]
_W: Final = WorkMaster.__table__  # type: ignore[attr-defined]
_D: Final = OperationsDefinition.__table__  # type: ignore[attr-defined]
_S: Final = OperationsSegment.__table__  # type: ignore[attr-defined]
_I: Final = SegmentInstruction.__table__  # type: ignore[attr-defined]
_SQ: Final = SegmentQualification.__table__  # type: ignore[attr-defined]
_C: Final = PersonnelClass.__table__  # type: ignore[attr-defined]
_P: Final = Principal.__table__  # type: ignore[attr-defined]


def get_followed(session: Session, *, job_id: str) -> Followed:
    """What one job follows. `job-order-not-found`, `operations-segment-not-found` where it follows nothing."""
    row = session.execute(
        select(_J, _E.c.id.label("equipment_id"), _R.c.id.label("request_id"), _S.c.definition_pk)
        .join(_E, _E.c.pk == _J.c.equipment_pk)
        .join(_Q, _Q.c.pk == _J.c.work_request_pk)
        .join(_R, _R.c.pk == _Q.c.operations_request_pk)
        .outerjoin(_S, _S.c.pk == _J.c.segment_pk)
        .where(_J.c.id == job_id)
    ).first()
    if row is None:
        raise JobNotFound(f"There is no job {job_id!r}.")
    segment = get_segment(session, segment_pk=row.segment_pk or 0)
    definition = get_followed_definition(session, pk=row.definition_pk)
    return Followed(
        job_id=row.id,
        job_version=row.version,
        description=row.description,
        operations_request_id=row.request_id,
        definition_id=definition.id,
        definition_version=definition.version_label,
        segment_id=segment.id,
        work_master_id=segment.work_master_id,
        work_master_version=segment.work_master_version,
        equipment_id=row.equipment_id,
        equipment_ids=(segment.equipment_id, *(place.equipment_id for place in segment.alternatives)),
        personnel_class_ids=segment.personnel_class_ids,
        parameters=get_job_parameters(session, job_pk=row.pk),
        materials=_needed(segment, row.quantity_e6),
        instructions=_instructions(session, row.pk, segment),
    )


_PARAMETERS: Final = (
    select(_W.c.parameters, _W.c.limits, _S.c.parameters.label("step"), _J.c.parameters.label("own"))
    .join(_W, _W.c.pk == _J.c.work_master_pk)
    .outerjoin(_S, _S.c.pk == _J.c.segment_pk)
    .where(_J.c.pk == bindparam("job_pk"))
)


def get_job_parameters(session: Session, *, job_pk: int) -> tuple[FollowedParameter, ...]:
    """With what a job is made: the recipe's values, with those its step and then a supervisor sets instead."""
    row = session.execute(_PARAMETERS, {"job_pk": job_pk}).one()
    given, limits = {**row.parameters, **(row.step or {})}, limits_of(row.limits)
    changes = _changes(session, given, row.own or {})
    own = {name: one["value"] for name, one in (row.own or {}).items()}
    return tuple(
        FollowedParameter(name, own.get(name, value), limits.get(name), changes.get(name))
        for name, value in sorted(given.items())
    )


def _changes(session: Session, given: Mapping[str, str], own: Mapping[str, Any]) -> dict[str, ParameterChange]:
    if not own:
        return {}
    actors = {one["actor"] for one in own.values()} - {None}
    names = {
        row.pk: row.display_name
        for row in session.execute(select(_P.c.pk, _P.c.display_name).where(_P.c.pk.in_(actors)))
    }
    return {
        name: ParameterChange(given[name], one["reason"], names.get(one["actor"], ""), from_us(one["at_us"]))
        for name, one in own.items()
    }


def _needed(segment: ResolvedSegment, pieces_e6: int) -> tuple[NeededMaterial, ...]:
    return tuple(NeededMaterial(m, needed_e6(pieces_e6, m.quantity_e6, m.allowance_e6)) for m in segment.materials)


def _instructions(session: Session, job_pk: int, segment: ResolvedSegment) -> tuple[FollowedInstruction, ...]:
    rows = session.execute(
        select(_A.c.instruction_pk, _A.c.at_us, _P.c.id, _P.c.display_name)
        .join(_P, _P.c.pk == _A.c.principal_pk)
        .where(_A.c.job_pk == job_pk)
        .order_by(_A.c.at_us, _P.c.id)
    )
    read: dict[int, tuple[Acknowledgement, ...]] = {}
    for row in rows:
        known = read.get(row.instruction_pk, ())
        read[row.instruction_pk] = (*known, Acknowledgement(row.id, row.display_name, from_us(row.at_us)))
    return tuple(FollowedInstruction(step, read.get(step.pk, ())) for step in segment.instructions)


def get_briefing(session: Session, *, job_pk: int) -> Briefing:
    """What a station says of a job besides its counts."""
    return Briefing(
        _count(session, job_pk), _qualifications(session, job_pk), get_job_parameters(session, job_pk=job_pk)
    )


_SEGMENT_PK: Final = select(_J.c.segment_pk).where(_J.c.pk == bindparam("job_pk")).scalar_subquery()
_STEPS: Final = select(func.count()).select_from(_I).where(_I.c.segment_pk == _SEGMENT_PK)
_READ: Final = (
    select(func.count(distinct(_A.c.instruction_pk)))
    .join(_I, _I.c.pk == _A.c.instruction_pk)
    .where(_A.c.job_pk == bindparam("job_pk"), _I.c.segment_pk == _SEGMENT_PK)
)
_QUALIFICATIONS: Final = (
    select(_C.c.id, _C.c.description)
    .join(_SQ, _SQ.c.personnel_class_pk == _C.c.pk)
    .join(_J, _J.c.segment_pk == _SQ.c.segment_pk)
    .where(_J.c.pk == bindparam("job_pk"))
    .order_by(_C.c.id)
)


def _count(session: Session, job_pk: int) -> InstructionCount:
    job = {"job_pk": job_pk}
    steps = session.execute(_STEPS, job).scalar_one()
    return InstructionCount(steps, session.execute(_READ, job).scalar_one() if steps else 0)


def _qualifications(session: Session, job_pk: int) -> tuple[str, ...]:
    rows = session.execute(_QUALIFICATIONS, {"job_pk": job_pk})
    return tuple(row.description or row.id for row in rows)


def get_following_order(session: Session, *, operations_request_id: str) -> FollowingOrder:
    """What an order and its jobs follow. `operations-request-not-found`; the same few statements for any order."""
    followed = get_followed_version(session, operations_request_id=operations_request_id)
    if followed is None:
        raise OperationsRequestNotFound(f"There is no order {operations_request_id!r}.")
    definition_id, label = followed
    versions = get_definition_versions(session, [definition_id])[definition_id]
    others = [v.version_label for v in versions if v.state is DefinitionState.Released and v.version_label != label]
    return FollowingOrder(
        operations_request_id, definition_id, label, tuple(reversed(others)), _jobs(session, operations_request_id)
    )


def _jobs(session: Session, operations_request_id: str) -> tuple[FollowingJob, ...]:
    rows = session.execute(
        select(_J, _E.c.id.label("equipment_id"), _D.c.version_label)
        .join(_E, _E.c.pk == _J.c.equipment_pk)
        .join(_Q, _Q.c.pk == _J.c.work_request_pk)
        .join(_R, _R.c.pk == _Q.c.operations_request_pk)
        .join(_S, _S.c.pk == _J.c.segment_pk)
        .join(_D, _D.c.pk == _S.c.definition_pk)
        .where(_R.c.id == operations_request_id, _R.c.current, _J.c.dispatch_status != DispatchStatus.Cancelled)
        .order_by(_J.c.sequence, _J.c.pk)
    ).all()
    segments = get_segments(session, {row.segment_pk for row in rows})
    return tuple(_following_job(row, segments[row.segment_pk]) for row in rows)


def _following_job(row: Any, segment: ResolvedSegment) -> FollowingJob:
    begun = has_begun(JobState(row.state), DispatchStatus(row.dispatch_status), row.started_at_us)
    return FollowingJob(
        row.id,
        row.description or row.segment_id,
        row.version_label,
        row.equipment_id,
        (segment.equipment_id, *(place.equipment_id for place in segment.alternatives)),
        begun,
        row.version,
    )


def get_followed_version(session: Session, *, operations_request_id: str) -> tuple[str, str] | None:
    """Id and version label of the definition an order follows; None where there is no such order."""
    statement = select(_R.c.definition_pk).where(_R.c.id == operations_request_id, _R.c.current)
    pk = session.execute(statement).scalar_one_or_none()
    if pk is None:
        return None
    found = get_followed_definition(session, pk=pk)
    return found.id, found.version_label
