"""What the steps of work masters ask of units."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from mes.definitions.queries import get_work_master
from mes.equipment.types import PutOutcome
from mes.kernel.errors import VersionConflict
from mes.kernel.uow import UnitOfWork
from mes.quality.tables import QualityRequirement
from mes.quality.types import RequirementSpec


def put_requirements(
    uow: UnitOfWork, *, specs: Sequence[RequirementSpec], version: int | None = None
) -> dict[str, PutOutcome]:
    """Make the requirements of some work masters say what `specs` say; others stay. Repeating it changes nothing.

    `version`: the one that was read, of a single spec (0: there was none). `work-master-not-found`, `version-conflict`.
    """
    ids = [s.work_master_id for s in specs]
    found = uow.session.exec(select(QualityRequirement).where(col(QualityRequirement.id).in_(ids)))
    rows = {row.id: row for row in found}
    outcomes = {}
    for spec in specs:
        row = rows.get(spec.work_master_id)
        present = row.version if row is not None else 0
        if version is not None and version != present:
            raise VersionConflict(f"It is at version {present}, not {version}.")
        outcomes[spec.work_master_id] = _put_one(uow, row, spec)
    uow.flush()
    for work_master_id, outcome in outcomes.items():
        if outcome is not PutOutcome.Unchanged:
            uow.emit(
                "quality.requirement-put.v1",
                topics=[f"work-master/{work_master_id}"],
                subject=f"work-master/{work_master_id}",
                payload={"work_master_id": work_master_id, "outcome": outcome.value},
            )
    return outcomes


def _put_one(uow: UnitOfWork, row: QualityRequirement | None, spec: RequirementSpec) -> PutOutcome:
    wanted = spec.unit_check.value
    if row is None:
        get_work_master(uow.session, work_master_id=spec.work_master_id)
        uow.session.add(QualityRequirement(id=spec.work_master_id, unit_check=wanted))
        return PutOutcome.Created
    if row.unit_check == wanted:
        return PutOutcome.Unchanged
    row.unit_check = wanted
    return PutOutcome.Updated
