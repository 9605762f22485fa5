"""An ERP's operations request becomes a work request and a job order per segment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import insert, select, update

from mes.definitions.queries import ResolvedDefinition, resolve_definition
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import (
    OperationsRequestDiffers,
    OperationsRequestOutdated,
    OperationsRequestStarted,
    QuantityInvalid,
)
from mes.orders.service.segments import UNRELEASED, followed_values, setup_families
from mes.orders.tables import JobDependencyRow, JobOrderRow, OperationsRequestRow, WorkRequestRow
from mes.orders.types import QUANTITY_MAX_E6, RequestState
from standards.isa95.job_control import DispatchStatus, JobState
from standards.isa95.quantity import to_e6

_REQUEST = OperationsRequestRow.__table__  # type: ignore[attr-defined]
_WORK = WorkRequestRow.__table__  # type: ignore[attr-defined]
_JOB = JobOrderRow.__table__  # type: ignore[attr-defined]
_AFTER = JobDependencyRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of it: `created` False if exactly this was here already."""

    operations_request_id: str
    version: str
    work_request_id: str
    job_order_ids: tuple[str, ...]
    created: bool


@dataclass(frozen=True, slots=True)
class _Wanted:
    id: str
    version: str
    description: str
    quantity_e6: int
    priority: int
    due_at_us: int | None
    definition: ResolvedDefinition
    content_sha256: str
    under_tolerance_bp: int | None = None
    over_tolerance_bp: int | None = None


def submit_operations_request(
    uow: UnitOfWork,
    *,
    id: str,
    version: str = "1",
    quantity: Decimal,
    unit: str | None = None,
    material_id: str | None = None,
    operations_definition_id: str | None = None,
    description: str = "",
    priority: int = 50,
    due_at: datetime | None = None,
    under_percent: Decimal | None = None,
    over_percent: Decimal | None = None,
) -> Submitted:
    """Take an order. The same again changes nothing; other content under the same id and version is refused.

    A newer version replaces the order while none of its jobs was released. Errors: `operations-request-differs`,
    `operations-request-outdated`, `operations-request-started`, `quantity-invalid`,
    `operations-definition-not-found`, `operations-definition-ambiguous`, `operations-definition-not-effective`,
    `work-master-not-effective`.
    """
    due_at_us = None if due_at is None else to_us(due_at)
    content = _content(
        quantity=str(Decimal(quantity).normalize()),
        unit=unit,
        material_id=material_id,
        operations_definition_id=operations_definition_id,
        description=description,
        priority=priority,
        due_at_us=due_at_us,
        **_tolerances(under_percent, over_percent),
    )
    found = _versions(uow, id)
    same = found.get(version)
    if same is not None:
        if same.content_sha256 != content:
            raise OperationsRequestDiffers(f"Order {id}, version {version}, is recorded with other content.")
        return _answer(uow, same.pk, id, version, created=False)
    definition = resolve_definition(
        uow.session, definition_id=operations_definition_id, material_id=material_id, at=uow.now
    )
    wanted = _Wanted(
        id,
        version,
        description,
        _quantity(quantity, unit, definition),
        priority,
        due_at_us,
        definition,
        content,
        **_tolerances(under_percent, over_percent),
    )
    _replace_older(uow, wanted, found)
    return _create(uow, wanted, first=not found)


def _content(**fields: str | int | None) -> str:
    """What makes two orders the same, as SHA-256: every field that was sent, in normal form."""
    return hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _tolerances(under: Decimal | None, over: Decimal | None) -> dict[str, int]:
    """Those that were given, in hundredths of a percent."""
    given = {"under_tolerance_bp": under, "over_tolerance_bp": over}
    return {name: int(percent * 100) for name, percent in given.items() if percent is not None}


def _first_said(own_bp: int | None, of_routing_bp: int | None) -> int | None:
    """The order's tolerance, else its routing's."""
    return of_routing_bp if own_bp is None else own_bp


def _versions(uow: UnitOfWork, id: str) -> dict[str, Any]:
    rows = uow.execute(
        select(_REQUEST.c.pk, _REQUEST.c.version_label, _REQUEST.c.content_sha256, _REQUEST.c.current).where(
            _REQUEST.c.id == id
        )
    )
    return {row.version_label: row for row in rows}


def _quantity(quantity: Decimal, unit: str | None, definition: ResolvedDefinition) -> int:
    try:
        pieces = to_e6(quantity)
    except ValueError as error:
        raise QuantityInvalid(str(error)) from error
    if not 0 < pieces <= QUANTITY_MAX_E6:
        raise QuantityInvalid("The quantity must be positive and at most a thousand million.")
    if unit is not None and unit != definition.unit:
        raise QuantityInvalid(f"{definition.material_id} is counted in {definition.unit}, not in {unit}.")
    return pieces


def _replace_older(uow: UnitOfWork, wanted: _Wanted, found: Mapping[str, Any]) -> None:
    """A newer version takes the place of the current one, unless work on that was released."""
    current = next((row for row in found.values() if row.current), None)
    if current is None:
        return
    if _order(wanted.version) <= _order(current.version_label):
        raise OperationsRequestOutdated(f"Order {wanted.id} is at version {current.version_label}.")
    jobs = uow.execute(
        select(_JOB.c.pk, _JOB.c.state, _JOB.c.dispatch_status)
        .join(_WORK, _WORK.c.pk == _JOB.c.work_request_pk)
        .where(_WORK.c.operations_request_pk == current.pk)
    ).all()
    if any(job.state != JobState.NotAllowedToStart for job in jobs):
        raise OperationsRequestStarted(f"Jobs of order {wanted.id} have been released.")
    uow.execute(
        update(_JOB)
        .where(_JOB.c.pk.in_([job.pk for job in jobs]))
        .values(dispatch_status=DispatchStatus.Cancelled, version=_JOB.c.version + 1)
    )
    uow.execute(update(_REQUEST).where(_REQUEST.c.pk == current.pk).values(current=False, state=RequestState.Cancelled))


def _order(version: str) -> tuple[int, str]:
    """Versions compare as numbers where they are numbers, else as text."""
    return (int(version), "") if version.isascii() and version.isdigit() else (0, version)


def _create(uow: UnitOfWork, wanted: _Wanted, *, first: bool) -> Submitted:
    request_pk = _insert(
        uow,
        _REQUEST,
        {
            "id": wanted.id,
            "version_label": wanted.version,
            "current": True,
            "content_sha256": wanted.content_sha256,
            "description": wanted.description,
            "material_pk": wanted.definition.material_pk,
            "definition_pk": wanted.definition.pk,
            "quantity_e6": wanted.quantity_e6,
            "unit": wanted.definition.unit,
            "priority": wanted.priority,
            "due_at_us": wanted.due_at_us,
            "under_tolerance_bp": _first_said(wanted.under_tolerance_bp, wanted.definition.under_tolerance_bp),
            "over_tolerance_bp": _first_said(wanted.over_tolerance_bp, wanted.definition.over_tolerance_bp),
            "state": RequestState.Waiting,
            "created_at_us": uow.now_us,
        },
    )
    work_id = wanted.id if first else f"{wanted.id}.{wanted.version}"
    work_pk = _insert(uow, _WORK, {"id": work_id, "operations_request_pk": request_pk, "created_at_us": uow.now_us})
    jobs = _create_jobs(uow, wanted, work_id, work_pk)
    _emit_created(uow, wanted, work_id, jobs)
    return Submitted(wanted.id, wanted.version, work_id, tuple(jobs), created=True)


def _insert(uow: UnitOfWork, table: Any, values: Mapping[str, Any]) -> int:
    return int(uow.execute(insert(table).values(**values).returning(table.c.pk)).scalar_one())


def _create_jobs(uow: UnitOfWork, wanted: _Wanted, work_id: str, work_pk: int) -> dict[str, int]:
    pks: dict[str, int] = {}
    ids: dict[str, int] = {}
    families = setup_families(uow, wanted.definition.segments)
    for segment in wanted.definition.segments:
        job_id = f"{work_id}-{segment.id}"
        values = {
            "id": job_id,
            "work_request_pk": work_pk,
            "material_pk": wanted.definition.material_pk,
            "priority": wanted.priority,
            "due_at_us": wanted.due_at_us,
            "unit": wanted.definition.unit,
            "setup_family": families[segment.work_master_pk],
        }
        followed = followed_values(segment, wanted.quantity_e6)
        pks[segment.id] = ids[job_id] = _insert(uow, _JOB, {**values, **followed, **UNRELEASED})
    dependencies = [
        {"job_pk": pks[segment.id], "after_job_pk": pks[after], "kind": str(kind)}
        for segment in wanted.definition.segments
        for after, kind in segment.after
    ]
    if dependencies:
        uow.execute(insert(_AFTER), dependencies)
    return ids


def _emit_created(uow: UnitOfWork, wanted: _Wanted, work_id: str, jobs: Mapping[str, int]) -> None:
    places = {segment.work_center_id for segment in wanted.definition.segments if segment.work_center_id}
    stations = {segment.equipment_id for segment in wanted.definition.segments}
    areas = {segment.area_id for segment in wanted.definition.segments if segment.area_id}
    uow.emit(
        "orders.operations-request-accepted.v1",
        topics=[
            f"order/{wanted.id}",
            "board",
            *(f"work-center/{place}" for place in sorted(places)),
            *(f"equipment/{station}" for station in sorted(stations)),
            *(f"area/{area}" for area in sorted(areas)),
        ],
        subject=f"order/{wanted.id}",
        payload={
            "operations_request_id": wanted.id,
            "version": wanted.version,
            "work_request_id": work_id,
            "material_id": wanted.definition.material_id,
            "definition_id": wanted.definition.id,
            "definition_version": wanted.definition.version_label,
            "quantity_e6": wanted.quantity_e6,
            "job_order_ids": list(jobs),
        },
    )


def _answer(uow: UnitOfWork, request_pk: int, id: str, version: str, *, created: bool) -> Submitted:
    work = uow.execute(select(_WORK.c.pk, _WORK.c.id).where(_WORK.c.operations_request_pk == request_pk)).one()
    ids: Sequence[str] = (
        uow.execute(select(_JOB.c.id).where(_JOB.c.work_request_pk == work.pk).order_by(_JOB.c.sequence))
        .scalars()
        .all()
    )
    return Submitted(id, version, work.id, tuple(ids), created)
