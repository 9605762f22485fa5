"""The plant's vocabulary of scrap."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from mes.definitions import queries
from mes.definitions.errors import ScrapReasonExists
from mes.definitions.tables import ScrapReason
from mes.definitions.types import ScrapReasonSpec
from mes.equipment.types import PutOutcome
from mes.kernel.errors import VersionConflict
from mes.kernel.uow import UnitOfWork


def create_scrap_reason(uow: UnitOfWork, *, spec: ScrapReasonSpec) -> None:
    """Add a reason. `scrap-reason-exists`."""
    if _load(uow, [spec.reason_id]):
        raise ScrapReasonExists(f"There already is a scrap reason {spec.reason_id!r}.")
    put_scrap_reasons(uow, specs=[spec])


def update_scrap_reason(uow: UnitOfWork, *, spec: ScrapReasonSpec, version: int) -> None:
    """Change a reason that is still at `version`. `scrap-reason-not-found`, `version-conflict`."""
    view = queries.get_scrap_reason(uow.session, reason_id=spec.reason_id)
    if view.version != version:
        raise VersionConflict(f"It is at version {view.version}, not {version}.")
    put_scrap_reasons(uow, specs=[spec])


def put_scrap_reasons(uow: UnitOfWork, *, specs: Sequence[ScrapReasonSpec]) -> dict[str, PutOutcome]:
    """Make the reasons say what `specs` say; others stay. Repeating it changes nothing."""
    rows = {row.id: row for row in _load(uow, [s.reason_id for s in specs])}
    outcomes = {s.reason_id: _put_one(uow, rows, s) for s in specs}
    uow.flush()
    for reason_id, outcome in outcomes.items():
        if outcome is not PutOutcome.Unchanged:
            uow.emit(
                "definitions.scrap-reason-put.v1",
                topics=[f"scrap-reason/{reason_id}"],
                subject=f"scrap-reason/{reason_id}",
                payload={"reason_id": reason_id, "outcome": outcome.value},
            )
    return outcomes


def _put_one(uow: UnitOfWork, rows: dict[str, ScrapReason], spec: ScrapReasonSpec) -> PutOutcome:
    row = rows.get(spec.reason_id)
    if row is None:
        rows[spec.reason_id] = ScrapReason(id=spec.reason_id, description=spec.description, active=spec.active)
        uow.session.add(rows[spec.reason_id])
        return PutOutcome.Created
    if (row.description, row.active) == (spec.description, spec.active):
        return PutOutcome.Unchanged
    row.description, row.active = spec.description, spec.active
    return PutOutcome.Updated


def _load(uow: UnitOfWork, ids: Sequence[str]) -> list[ScrapReason]:
    return list(uow.session.exec(select(ScrapReason).where(col(ScrapReason.id).in_(ids))))
