"""The parameters a machine is given with its job, and what a supervisor sets of them for one job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from sqlalchemy import update

from mes.definitions.errors import ParameterOutOfLimits
from mes.definitions.parameter_rules import change_faults
from mes.definitions.queries import WorkMasterView, limits_of
from mes.kernel.uow import UnitOfWork
from mes.orders.service.begun import refuse_begun
from mes.orders.service.transition import get_record, reason_of
from mes.orders.tables import JobOrderRow
from standards.lineside.commands_v1 import JobParameter

_JOB: Final = JobOrderRow.__table__  # type: ignore[attr-defined]
_FOLLOWED: Final = (
    "SELECT w.parameters, w.limits, s.parameters, j.parameters FROM job_order j "
    "JOIN work_master w ON w.pk = j.work_master_pk "
    "LEFT JOIN operations_segment s ON s.pk = j.segment_pk WHERE j.pk = ?"
)


def job_parameters(uow: UnitOfWork, job_pk: int) -> list[JobParameter]:
    """The recipe's values, with those its step and then the job sets instead, in order of their ids."""
    recipe, limits, step, own = _followed(uow, job_pk)
    values = {**recipe, **step, **values_of(own)}
    return [_parameter(name, values[name], limits.get(name, {})) for name in sorted(values)]


def change_job_parameters(
    uow: UnitOfWork, *, job_id: str, version: int, values: Mapping[str, str | None], reason: str
) -> None:
    """Set parameters of a job that has not begun, within the limits of its recipe; None: as its step has it again.

    `reason-missing`, `parameter-out-of-limits` (`errors` names each: outside, of another type, unknown, or without
    limits, so that only another version changes it), `job-state-conflict` once it has begun or is with its machine,
    `job-order-not-found`, `job-version-conflict`.
    """
    job = get_record(uow, job_id, version)
    why = reason_of(reason)
    refuse_begun(job, "changed")
    recipe, limits, step, own = _followed(uow, job.pk)
    wanted = {name: value for name, value in values.items() if value is not None}
    if unknown := sorted(values.keys() - recipe.keys()):
        raise ParameterOutOfLimits(f"The recipe has no parameter {unknown[0]!r}.")
    if faults := change_faults(wanted, recipe, limits_of(limits)):
        raise ParameterOutOfLimits(f"{faults[0].message}.", errors=faults)
    before = {**recipe, **step, **values_of(own)}
    after = {**recipe, **step, **values_of({n: kept for n, kept in own.items() if n not in values}), **wanted}
    changes = {name: [before[name], after[name]] for name in sorted(values) if before[name] != after[name]}
    if not changes:
        return
    told = {"reason": why, "actor": uow.actor, "at_us": uow.now_us}
    kept = {name: one for name, one in own.items() if name not in values}
    set_own_parameters(uow, job.pk, kept | {name: {"value": value, **told} for name, value in wanted.items()})
    uow.emit(
        "orders.job-parameters-changed.v1",
        topics=job.topics,
        subject=f"job/{job.job_id}",
        payload={
            "job_order_id": job.job_id,
            "operations_request_id": job.operations_request_id,
            "changes": changes,
            "reason": why,
        },
    )


def kept_parameters(own: Mapping[str, Any] | None, recipe: WorkMasterView) -> dict[str, Any] | None:
    """What a job's own parameters are under another recipe: those that it still limits, and that keep its limits."""
    kept = {
        name: one
        for name, one in (own or {}).items()
        if not change_faults({name: one["value"]}, recipe.parameters, recipe.limits)
    }
    return kept or None


def set_own_parameters(uow: UnitOfWork, job_pk: int, own: Mapping[str, Any]) -> None:
    """What a job sets itself; the job is another version of itself then."""
    changes = {"parameters": dict(own) or None, "version": _JOB.c.version + 1}
    uow.execute(update(_JOB).where(_JOB.c.pk == job_pk).values(**changes))


def values_of(own: Mapping[str, Any]) -> dict[str, str]:
    """The values alone."""
    return {name: one["value"] for name, one in own.items()}


def _followed(uow: UnitOfWork, job_pk: int) -> tuple[dict[str, Any], ...]:
    """Of the recipe, their limits, of the step, of the job itself."""
    return tuple(_read(kept) for kept in uow.driver_query(_FOLLOWED, (job_pk,))[0])


def _parameter(name: str, value: str, limit: Mapping[str, str]) -> JobParameter:
    return JobParameter(name, value, limit.get("unit", ""), limit.get("data_type", "string"))


def _read(kept: Any) -> dict[str, Any]:
    """JSON as the driver answers it: text on SQLite, read already on PostgreSQL; None without a step."""
    if kept is None:
        return {}
    return dict(kept) if isinstance(kept, Mapping) else dict(orjson.loads(kept))
