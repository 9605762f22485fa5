"""The parameters a machine is given with its job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from sqlalchemy import update

from mes.definitions.parameter_rules import change_faults
from mes.definitions.queries import WorkMasterView
from mes.kernel.uow import UnitOfWork
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
    recipe, limits, step, own = followed(uow, job_pk)
    values = {**recipe, **step, **values_of(own)}
    return [_parameter(name, values[name], limits.get(name, {})) for name in sorted(values)]


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


def followed(uow: UnitOfWork, job_pk: int) -> tuple[dict[str, Any], ...]:
    """Of the recipe, their limits, of the step, of the job itself."""
    return tuple(_read(kept) for kept in uow.driver_query(_FOLLOWED, (job_pk,))[0])


def _parameter(name: str, value: str, limit: Mapping[str, str]) -> JobParameter:
    return JobParameter(name, value, limit.get("unit", ""), limit.get("data_type", "string"))


def _read(kept: Any) -> dict[str, Any]:
    """JSON as the driver answers it: text on SQLite, read already on PostgreSQL; None without a step."""
    if kept is None:
        return {}
    return dict(kept) if isinstance(kept, Mapping) else dict(orjson.loads(kept))
