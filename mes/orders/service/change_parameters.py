"""What a supervisor sets of a job's parameters, for that job alone."""

from __future__ import annotations

from collections.abc import Mapping

from mes.definitions.errors import ParameterOutOfLimits
from mes.definitions.parameter_rules import change_faults
from mes.definitions.queries import limits_of
from mes.kernel.uow import UnitOfWork
from mes.orders.service.begun import refuse_begun
from mes.orders.service.parameters import followed, set_own_parameters, values_of
from mes.orders.service.transition import get_record, reason_of


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
    recipe, limits, step, own = followed(uow, job.pk)
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
