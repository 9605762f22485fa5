"""The plant's vocabulary of defects."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from mes.equipment.types import PutOutcome
from mes.kernel.errors import VersionConflict
from mes.kernel.uow import UnitOfWork
from mes.quality import queries
from mes.quality.errors import DefectCodeExists
from mes.quality.tables import DefectCode
from mes.quality.types import DefectCodeSpec


def create_defect_code(uow: UnitOfWork, *, spec: DefectCodeSpec) -> None:
    """Add a code. `defect-code-exists`."""
    if _load(uow, [spec.code_id]):
        raise DefectCodeExists(f"There already is a defect code {spec.code_id!r}.")
    put_defect_codes(uow, specs=[spec])


def update_defect_code(uow: UnitOfWork, *, spec: DefectCodeSpec, version: int) -> None:
    """Change a code that is still at `version`. `defect-code-not-found`, `version-conflict`."""
    view = queries.get_defect_code(uow.session, code_id=spec.code_id)
    if view.version != version:
        raise VersionConflict(f"It is at version {view.version}, not {version}.")
    put_defect_codes(uow, specs=[spec])


def put_defect_codes(uow: UnitOfWork, *, specs: Sequence[DefectCodeSpec]) -> dict[str, PutOutcome]:
    """Make the codes say what `specs` say; others stay. Repeating it changes nothing."""
    rows = {row.id: row for row in _load(uow, [s.code_id for s in specs])}
    outcomes = {s.code_id: _put_one(uow, rows, s) for s in specs}
    uow.flush()
    for code_id, outcome in outcomes.items():
        if outcome is not PutOutcome.Unchanged:
            uow.emit(
                "quality.defect-code-put.v1",
                topics=[f"defect-code/{code_id}"],
                subject=f"defect-code/{code_id}",
                payload={"code_id": code_id, "outcome": outcome.value},
            )
    return outcomes


def _put_one(uow: UnitOfWork, rows: dict[str, DefectCode], spec: DefectCodeSpec) -> PutOutcome:
    row = rows.get(spec.code_id)
    if row is None:
        rows[spec.code_id] = DefectCode(id=spec.code_id, description=spec.description, active=spec.active)
        uow.session.add(rows[spec.code_id])
        return PutOutcome.Created
    if (row.description, row.active) == (spec.description, spec.active):
        return PutOutcome.Unchanged
    row.description, row.active = spec.description, spec.active
    return PutOutcome.Updated


def _load(uow: UnitOfWork, ids: Sequence[str]) -> list[DefectCode]:
    return list(uow.session.exec(select(DefectCode).where(col(DefectCode.id).in_(ids))))
