"""An order is moved to another version of its routing: explicitly, recorded, and never what has begun."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, insert, select, update

from mes.definitions.errors import OperationsDefinitionNotReleased
from mes.definitions.queries import (
    ResolvedDefinition,
    ResolvedSegment,
    WorkMasterView,
    get_definition,
    get_followed_definition,
    get_work_master,
)
from mes.definitions.types import DefinitionState
from mes.equipment.queries import EquipmentView, get_equipment_views
from mes.kernel.errors import VersionConflict
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import OperationsRequestNotFound, OperationsRequestOver
from mes.orders.service.change import cancel_waiting
from mes.orders.service.following import dispatch_due_jobs, refresh_request_state
from mes.orders.service.parameters import kept_parameters
from mes.orders.service.segments import UNRELEASED, allowed_places, followed_values, setup_families
from mes.orders.statements import load_jobs
from mes.orders.tables import JobDependencyRow, JobOrderRow, OperationsRequestRow, WorkRequestRow
from mes.orders.types import JobRole, Note, RequestState
from mes.orders.version_rules import JobStand, VersionPlan, has_begun, version_plan
from standards.isa95.job_control import DispatchStatus, JobState

_REQUEST = OperationsRequestRow.__table__  # type: ignore[attr-defined]
_WORK = WorkRequestRow.__table__  # type: ignore[attr-defined]
_JOB = JobOrderRow.__table__  # type: ignore[attr-defined]
_AFTER = JobDependencyRow.__table__  # type: ignore[attr-defined]
_OVER = frozenset({RequestState.Completed, RequestState.Aborted, RequestState.Cancelled})
_BACK = {name: UNRELEASED[name] for name in ("state", "substate", "dispatch_status")}


@dataclass(frozen=True, slots=True)
class MovedOrder:
    """What came of it: ids of the jobs that stayed as they are, that follow the new version, and that went."""

    operations_request_id: str
    definition_id: str
    from_label: str
    to_label: str
    kept: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()


@dataclass(slots=True)
class _Move:
    """An order on its way from one version to another."""

    request: Any
    target: ResolvedDefinition
    jobs: Sequence[Any]
    plan: VersionPlan
    places: Mapping[int, EquipmentView]
    families: Mapping[int, str]

    @property
    def segments(self) -> dict[str, ResolvedSegment]:
        return {segment.id: segment for segment in self.target.segments}


def move_order_to_version(
    uow: UnitOfWork, *, operations_request_id: str, from_label: str, to_label: str, reason: str
) -> MovedOrder:
    """Let an order follow another released version of its routing. `from_label` is the version somebody looked at.

    Jobs that ran, run, or are with their machine stay as they are. The others follow the step of their id in the new
    version, keeping their release and, where they are allowed, their place and the parameters set for them; jobs of
    steps that went are cancelled, new steps get a job that waits for its release. Moving it to where it is changes
    nothing.

    `operations-request-not-found`, `operations-request-over`, `version-conflict`, `operations-definition-not-found`,
    `operations-definition-not-released`, `quantity-invalid`.
    """
    request = _load_request(uow, operations_request_id)
    source = get_followed_definition(uow.session, pk=request.definition_pk)
    answer = MovedOrder(operations_request_id, source.id, source.version_label, to_label)
    if source.version_label == to_label:
        return answer
    if source.version_label != from_label:
        raise VersionConflict(f"The order follows version {source.version_label!r}, not {from_label!r}.")
    move = _planned(uow, request, source, _released(uow, source.id, to_label))
    return _carry_out(uow, move, answer, reason)


def _load_request(uow: UnitOfWork, operations_request_id: str) -> Any:
    row = uow.execute(
        select(_REQUEST, _WORK.c.pk.label("work_pk"), _WORK.c.id.label("work_id"))
        .join(_WORK, _WORK.c.operations_request_pk == _REQUEST.c.pk)
        .where(_REQUEST.c.id == operations_request_id, _REQUEST.c.current)
    ).first()
    if row is None:
        raise OperationsRequestNotFound(f"There is no order {operations_request_id!r}.")
    if RequestState(row.state) in _OVER:
        raise OperationsRequestOver(f"Order {operations_request_id} is {row.state}.")
    return row


def _released(uow: UnitOfWork, definition_id: str, label: str) -> ResolvedDefinition:
    found = get_definition(uow.session, definition_id=definition_id, version_label=label)
    if found.state is not DefinitionState.Released:
        raise OperationsDefinitionNotReleased(f"{definition_id} {label} is {found.state}.")
    return found


def _planned(uow: UnitOfWork, request: Any, source: ResolvedDefinition, target: ResolvedDefinition) -> _Move:
    of_the_routing = _JOB.c.role.in_([JobRole.main.value, JobRole.part.value])
    ours = select(_JOB).where(_JOB.c.work_request_pk == request.work_pk, of_the_routing)
    jobs = uow.execute(ours.order_by(_JOB.c.pk)).all()
    stands = [_stand(job) for job in jobs]
    plan = version_plan(stands, [s.id for s in source.segments], [s.id for s in target.segments])
    pks = {pk for segment in target.segments for pk in allowed_places(segment).values()}
    families = setup_families(uow, target.segments)
    return _Move(request, target, jobs, plan, get_equipment_views(uow.session, pks), families)


def _stand(job: Any) -> JobStand:
    status = DispatchStatus(job.dispatch_status)
    begun = has_begun(JobState(job.state), status, job.started_at_us)
    return JobStand(job.pk, job.segment_id, begun, status is DispatchStatus.Cancelled)


def _carry_out(uow: UnitOfWork, move: _Move, answer: MovedOrder, reason: str) -> MovedOrder:
    topics = _topics(uow, move)
    changes = {"definition_pk": move.target.pk, "revision": _REQUEST.c.revision + 1}
    uow.execute(update(_REQUEST).where(_REQUEST.c.pk == move.request.pk).values(**changes))
    for job in load_jobs(uow, pks=move.plan.cancelled):
        cancel_waiting(uow, job, reason)
    followers = [*move.plan.changed, *move.plan.revived]
    for job in move.jobs:
        if job.pk in followers:
            _follow(uow, move, job)
    added = [_add(uow, move, segment_id) for segment_id in move.plan.added]
    _rebuild_dependencies(uow, move, [*followers, *added])
    done = _said(uow, move, answer, [*followers, *added])
    _emit(uow, done, reason, [*topics, *_topics(uow, move)])
    refresh_request_state(uow, move.request.work_pk)
    dispatch_due_jobs(uow)
    return done


def _follow(uow: UnitOfWork, move: _Move, job: Any) -> None:
    """A job that has not begun is what the new step says; one that comes back waits for its release."""
    segment = move.segments[job.segment_id]
    place = move.places.get(job.equipment_pk) if job.equipment_pk in allowed_places(segment).values() else None
    values = followed_values(segment, _pieces(move, job), place)
    values["setup_family"] = move.families[segment.work_master_pk]
    if job.parameters:
        values["parameters"] = kept_parameters(job.parameters, _recipe(uow, segment))
    if job.pk in move.plan.revived:
        values |= _BACK
    changes = {**values, "note": Note.none, "note_text": "", "retry_at_us": None, "version": job.version + 1}
    uow.execute(update(_JOB).where(_JOB.c.pk == job.pk).values(**changes))


def _recipe(uow: UnitOfWork, segment: ResolvedSegment) -> WorkMasterView:
    return get_work_master(
        uow.session, work_master_id=segment.work_master_id, version_label=segment.work_master_version
    )


def _pieces(move: _Move, job: Any) -> int:
    """The order's quantity; of a step that several jobs share, what this one was to make."""
    shared = [other for other in move.jobs if other.segment_id == job.segment_id]
    return int(job.quantity_e6 if len(shared) > 1 else move.request.quantity_e6)


def _add(uow: UnitOfWork, move: _Move, segment_id: str) -> int:
    request, segment = move.request, move.segments[segment_id]
    values = {
        "id": f"{request.work_id}-{segment_id}",
        "work_request_pk": request.work_pk,
        "material_pk": move.target.material_pk,
        "priority": request.priority,
        "due_at_us": request.due_at_us,
        "unit": request.unit,
        "setup_family": move.families[segment.work_master_pk],
        **followed_values(segment, request.quantity_e6),
        **UNRELEASED,
    }
    return int(uow.execute(insert(_JOB).values(**values).returning(_JOB.c.pk)).scalar_one())


def _rebuild_dependencies(uow: UnitOfWork, move: _Move, followers: Sequence[int]) -> None:
    """Followers wait for what the new version says, and go on waiting for rework; what has begun waits for nothing."""
    rows = uow.execute(
        select(_JOB.c.pk, _JOB.c.segment_id).where(
            _JOB.c.pk.in_([*(job.pk for job in move.jobs), *followers]),
            _JOB.c.dispatch_status != DispatchStatus.Cancelled,
        )
    ).all()
    ours = [job.pk for job in move.jobs]
    uow.execute(delete(_AFTER).where(_AFTER.c.job_pk.in_(followers), _AFTER.c.after_job_pk.in_(ours)))
    pks = _grouped(rows)
    wanted = [
        {"job_pk": row.pk, "after_job_pk": before, "kind": str(kind)}
        for row in rows
        if row.pk in followers
        for after, kind in move.segments[row.segment_id].after
        for before in pks.get(after, ())
    ]
    if wanted:
        uow.execute(insert(_AFTER), wanted)


def _grouped(rows: Iterable[Any]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(row.segment_id, []).append(row.pk)
    return found


def _said(uow: UnitOfWork, move: _Move, answer: MovedOrder, followers: Sequence[int]) -> MovedOrder:
    def ids(pks: Sequence[int]) -> tuple[str, ...]:
        return tuple(job.job_id for job in load_jobs(uow, pks=pks))

    return replace(answer, kept=ids(move.plan.kept), changed=ids(followers), cancelled=ids(move.plan.cancelled))


def _topics(uow: UnitOfWork, move: _Move) -> list[str]:
    """Whoever shows the order or one of its jobs; asked before and after, since places may change."""
    pks = uow.execute(select(_JOB.c.pk).where(_JOB.c.work_request_pk == move.request.work_pk)).scalars().all()
    return [topic for job in load_jobs(uow, pks=pks) for topic in job.topics]


def _emit(uow: UnitOfWork, done: MovedOrder, reason: str, topics: Sequence[str]) -> None:
    uow.emit(
        "orders.order-moved-to-version.v1",
        topics=topics,
        subject=f"order/{done.operations_request_id}",
        payload={
            "operations_request_id": done.operations_request_id,
            "definition_id": done.definition_id,
            "from": done.from_label,
            "to": done.to_label,
            "reason": reason,
            "kept": list(done.kept),
            "changed": list(done.changed),
            "cancelled": list(done.cancelled),
        },
    )
