"""Recipes: every change is a new version."""

from __future__ import annotations

from collections.abc import Sequence

from mes.definitions import queries, rules
from mes.definitions.errors import WorkMasterExists, WorkMasterVersionFixed
from mes.definitions.tables import WorkMaster
from mes.definitions.types import WorkMasterSpec
from mes.equipment.types import PutOutcome
from mes.kernel.errors import VersionConflict
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

    `work-master-version-fixed` where the version named says something else.
    """
    versions = queries.get_work_master_versions(uow.session, [s.work_master_id for s in specs])
    return {s.work_master_id: _put_one(uow, versions.get(s.work_master_id, ()), s) for s in specs}


def _put_one(uow: UnitOfWork, versions: Sequence[queries.WorkMasterView], spec: WorkMasterSpec) -> PutOutcome:
    stored = _stored_version(versions, spec.version_label)
    if stored and (stored.description, stored.parameters) == (spec.description, dict(spec.parameters)):
        return PutOutcome.Unchanged
    if stored and spec.version_label is not None:
        raise WorkMasterVersionFixed(f"{spec.work_master_id!r} {spec.version_label!r} says something else.")
    label = spec.version_label or rules.next_label([v.version_label for v in versions])
    row = WorkMaster(
        id=spec.work_master_id,
        version_label=label,
        description=spec.description,
        parameters=dict(spec.parameters),
    )
    uow.session.add(row)
    uow.flush()
    _emit(uow, spec.work_master_id, label)
    return PutOutcome.Updated if versions else PutOutcome.Created


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
