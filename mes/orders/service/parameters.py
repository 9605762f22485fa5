"""The parameters a machine is given with its job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from mes.kernel.uow import UnitOfWork
from standards.lineside.commands_v1 import JobParameter

_FOLLOWED: Final = (
    "SELECT w.parameters, w.limits, s.parameters FROM job_order j JOIN work_master w ON w.pk = j.work_master_pk "
    "LEFT JOIN operations_segment s ON s.pk = j.segment_pk WHERE j.pk = ?"
)


def job_parameters(uow: UnitOfWork, job_pk: int) -> list[JobParameter]:
    """The recipe's values, with those its step sets instead, in order of their ids."""
    recipe, limits, step = (_read(kept) for kept in uow.driver_query(_FOLLOWED, (job_pk,))[0])
    values = {**recipe, **step}
    return [_parameter(name, values[name], limits.get(name, {})) for name in sorted(values)]


def _parameter(name: str, value: str, limit: Mapping[str, str]) -> JobParameter:
    return JobParameter(name, value, limit.get("unit", ""), limit.get("data_type", "string"))


def _read(kept: Any) -> dict[str, Any]:
    """JSON as the driver answers it: text on SQLite, read already on PostgreSQL; None without a step."""
    if kept is None:
        return {}
    return dict(kept) if isinstance(kept, Mapping) else dict(orjson.loads(kept))
