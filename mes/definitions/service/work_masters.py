"""Recipes: every change is a new version."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import select

from mes.definitions import queries, rules
from mes.definitions.effectivity_rules import effectivity_faults
from mes.definitions.errors import (
    EffectivityInvalid,
    ParameterOutOfLimits,
    WorkMasterExists,
    WorkMasterNotFound,
    WorkMasterVersionFixed,
)
from mes.definitions.parameter_rules import recipe_faults
from mes.definitions.tables import WorkMaster
from mes.definitions.types import Effectivity, ParameterLimit, WorkMasterSpec
from mes.equipment.types import PutOutcome
from mes.kernel.errors import VersionConflict
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork


def create_work_master(uow: UnitOfWork, *, spec: WorkMasterSpec) -> None:
    """Add a work master with its first version. `work-master-exists`."""
    if queries.get_work_master_versions(uow.session, [spec.work_master_id]):
        raise WorkMasterExists(f"There already is a work master {spec.work_master_id!r}.")
    put_work_masters(uow, specs=[spec])


def update_work_master(uow: UnitOfWork, *, spec: WorkMasterSpec, seen_label: str) -> None:
    """Make a new version after `seen_label`, the newest the caller saw.

    `work-master-not-found`, `version-conflict`, `work-master-version-fixed`.
    """
    newest = queries.get_work_master(uow.session, work_master_id=spec.work_master_id)
    if newest.version_label != seen_label:
        raise VersionConflict(f"The newest version is {newest.version_label!r}, not {seen_label!r}.")
    put_work_masters(uow, specs=[spec])


def put_work_masters(uow: UnitOfWork, *, specs: Sequence[WorkMasterSpec]) -> dict[str, PutOutcome]:
    """Make sure there is a version that says what each spec says. Repeating it changes nothing.

    `work-master-version-fixed` where the version named says something else; `parameter-out-of-limits` with every
    fault, `effectivity-invalid`.
    """
    for spec in specs:
        _refuse_faults(spec)
    versions = queries.get_work_master_versions(uow.session, [s.work_master_id for s in specs])
    return {s.work_master_id: _put_one(uow, versions.get(s.work_master_id, ()), s) for s in specs}


def set_work_master_effectivity(
    uow: UnitOfWork, *, work_master_id: str, version_label: str, effectivity: Effectivity, version: int
) -> None:
    """Say when new orders may use a version. Orders under way go on.

    `work-master-not-found`, `version-conflict`, `effectivity-invalid`.
    """
    _refuse_effectivity(effectivity)
    row = _load_row(uow, work_master_id, version_label)
    if row.version != version:
        raise VersionConflict(f"It is at version {row.version}, not {version}.")
    _change_effectivity(uow, row, effectivity)


def _refuse_faults(spec: WorkMasterSpec) -> None:
    if faults := recipe_faults(spec):
        raise ParameterOutOfLimits(f"{spec.work_master_id}: {faults[0].message}.", errors=faults)
    _refuse_effectivity(spec.effectivity)


def _refuse_effectivity(effectivity: Effectivity) -> None:
    if effectivity_faults(effectivity):
        raise EffectivityInvalid()


def _load_row(uow: UnitOfWork, work_master_id: str, version_label: str) -> WorkMaster:
    statement = select(WorkMaster).where(WorkMaster.id == work_master_id, WorkMaster.version_label == version_label)
    row = uow.session.exec(statement).first()
    if row is None:
        raise WorkMasterNotFound(f"There is no work master {work_master_id!r} {version_label!r}.")
    return row


def _change_effectivity(uow: UnitOfWork, row: WorkMaster, effectivity: Effectivity) -> None:
    begin, end = (None if at is None else to_us(at) for at in (effectivity.from_at, effectivity.until_at))
    if (row.effective_from_us, row.effective_until_us) == (begin, end):
        return
    row.effective_from_us, row.effective_until_us = begin, end
    uow.flush()
    uow.emit(
        "definitions.work-master-effectivity-changed.v1",
        topics=[f"work-master/{row.id}"],
        subject=f"work-master/{row.id}",
        payload={
            "work_master_id": row.id,
            "version_label": row.version_label,
            "effective_from_us": begin,
            "effective_until_us": end,
        },
    )


def _put_one(uow: UnitOfWork, versions: Sequence[queries.WorkMasterView], spec: WorkMasterSpec) -> PutOutcome:
    stored = _stored_version(versions, spec.version_label)
    if stored and _content(stored) == _content(spec):
        if stored.effectivity == spec.effectivity:
            return PutOutcome.Unchanged
        _change_effectivity(uow, _load_row(uow, spec.work_master_id, stored.version_label), spec.effectivity)
        return PutOutcome.Updated
    if stored and spec.version_label is not None:
        raise WorkMasterVersionFixed(f"{spec.work_master_id!r} {spec.version_label!r} says something else.")
    label = spec.version_label or rules.next_label([v.version_label for v in versions])
    row = WorkMaster(
        id=spec.work_master_id,
        version_label=label,
        description=spec.description,
        parameters=dict(spec.parameters),
        limits={name: _kept(limit) for name, limit in spec.limits.items()},
    )
    uow.session.add(row)
    uow.flush()
    _emit(uow, spec.work_master_id, label)
    _change_effectivity(uow, row, spec.effectivity)
    return PutOutcome.Updated if versions else PutOutcome.Created


def _content(version: queries.WorkMasterView | WorkMasterSpec) -> tuple[object, ...]:
    return version.description, dict(version.parameters), dict(version.limits)


def _kept(limit: ParameterLimit) -> dict[str, str]:
    """A limit as JSON, without what it leaves open."""
    ends = {name: f"{end:f}" for name, end in (("low", limit.low), ("high", limit.high)) if end is not None}
    return {"data_type": limit.data_type.value, **({"unit": limit.unit} if limit.unit else {}), **ends}


def _stored_version(versions: Sequence[queries.WorkMasterView], label: str | None) -> queries.WorkMasterView | None:
    """The version named, or the newest."""
    fitting = [v for v in versions if label is None or v.version_label == label]
    return fitting[-1] if fitting else None


def _emit(uow: UnitOfWork, work_master_id: str, label: str) -> None:
    uow.emit(
        "definitions.work-master-put.v1",
        topics=[f"work-master/{work_master_id}"],
        subject=f"work-master/{work_master_id}",
        payload={"work_master_id": work_master_id, "version_label": label},
    )
