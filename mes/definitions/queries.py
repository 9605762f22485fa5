"""Reads of the definitions feature."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlmodel import Session

from mes.definitions.errors import (
    OperationsDefinitionAmbiguous,
    OperationsDefinitionNotFound,
    ScrapReasonNotFound,
    WorkMasterNotFound,
)
from mes.definitions.tables import (
    OperationsDefinition,
    OperationsSegment,
    ScrapReason,
    SegmentDependencyRow,
    SegmentMaterial,
    WorkMaster,
)
from mes.definitions.types import DefinitionState
from mes.equipment.queries import EquipmentView, get_equipment_views
from mes.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, page_of
from mes.materials.tables import MaterialDefinition
from standards.isa95.quantity import to_e6

_D: Final = OperationsDefinition.__table__  # type: ignore[attr-defined]
_S: Final = OperationsSegment.__table__  # type: ignore[attr-defined]
_DEP: Final = SegmentDependencyRow.__table__  # type: ignore[attr-defined]
_SM: Final = SegmentMaterial.__table__  # type: ignore[attr-defined]
_W: Final = WorkMaster.__table__  # type: ignore[attr-defined]
_R: Final = ScrapReason.__table__  # type: ignore[attr-defined]
_M: Final = MaterialDefinition.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class WorkMasterView:
    """One version of a recipe."""

    pk: int
    work_master_id: str
    version_label: str
    description: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class ResolvedMaterial:
    """What one piece needs or yields at a segment; scaled by 10^6, in the material's own unit."""

    material_pk: int
    material_id: str
    unit: str
    use: str
    quantity_e6: int


@dataclass(frozen=True, slots=True)
class ResolvedSegment:
    """A step with everything a job needs. `nominal_cycle_s` falls back to the equipment's."""

    pk: int
    id: str
    sequence: int
    description: str
    work_master_pk: int
    work_master_id: str
    work_master_version: str
    equipment_pk: int
    equipment_id: str
    work_center_id: str
    area_id: str
    manual: bool
    quantity_per_cycle_e6: int
    cycle_unit: str
    nominal_cycle_s: Decimal | None
    after: tuple[tuple[str, str], ...]
    """(segment id, AfterEnd | AfterStart)"""
    materials: tuple[ResolvedMaterial, ...]
    own_nominal_cycle_s: Decimal | None
    """As the segment itself says, without the fallback."""


@dataclass(frozen=True, slots=True)
class ResolvedDefinition:
    """One version of a routing with its steps in order. `unit` is the material's; `version` guards its state."""

    pk: int
    id: str
    version_label: str
    material_pk: int
    material_id: str
    unit: str
    segments: tuple[ResolvedSegment, ...]
    description: str
    state: DefinitionState
    version: int


@dataclass(frozen=True, slots=True)
class ScrapReasonView:
    """Why a piece was scrapped; people choose among active ones."""

    pk: int
    reason_id: str
    description: str
    active: bool
    version: int


def list_work_masters(
    session: Session, *, work_master_id: str | None = None, cursor: str | None = None, limit: int = LIMIT_DEFAULT
) -> Page[WorkMasterView]:
    """Versions of work masters in order of id, then age."""
    limit = max(1, min(limit, LIMIT_MAX))
    statement = _after(select(_W), _W, cursor).order_by(_W.c.id, _W.c.pk).limit(limit + 1)
    if work_master_id is not None:
        statement = statement.where(_W.c.id == work_master_id)
    rows = [_work_master_view(row) for row in session.execute(statement)]
    return page_of(rows, limit, lambda view: (view.work_master_id, view.pk))


def _after(statement: Select[Any], table: Any, cursor: str | None) -> Select[Any]:
    if not cursor:
        return statement
    name, pk = decode_cursor(cursor, [str, int])
    return statement.where((table.c.id > name) | ((table.c.id == name) & (table.c.pk > pk)))


def get_work_master(session: Session, *, work_master_id: str, version_label: str | None = None) -> WorkMasterView:
    """One version of a work master, the newest if none is named. `work-master-not-found`."""
    statement = select(_W).where(_W.c.id == work_master_id).order_by(_W.c.pk.desc())
    if version_label is not None:
        statement = statement.where(_W.c.version_label == version_label)
    row = session.execute(statement.limit(1)).first()
    if row is None:
        raise WorkMasterNotFound(f"There is no work master {work_master_id!r} {version_label or ''}".rstrip() + ".")
    return _work_master_view(row)


def get_work_master_versions(session: Session, ids: Iterable[str]) -> dict[str, tuple[WorkMasterView, ...]]:
    """All versions of some work masters, oldest first; ids without any are absent."""
    found: dict[str, tuple[WorkMasterView, ...]] = {}
    for row in session.execute(select(_W).where(_W.c.id.in_(set(ids))).order_by(_W.c.pk)):
        found[row.id] = (*found.get(row.id, ()), _work_master_view(row))
    return found


def _work_master_view(row: Any) -> WorkMasterView:
    return WorkMasterView(row.pk, row.id, row.version_label, row.description, dict(row.parameters))


def resolve_definition(session: Session, *, definition_id: str | None, material_id: str | None) -> ResolvedDefinition:
    """The routing a new order follows: the newest Released version of the definition named, or of the material's one.

    `operations-definition-not-found` (also where the definition makes another material),
    `operations-definition-ambiguous` where the material has several definitions and none was named.
    """
    newest = _newest_released(session, definition_id=definition_id, material_id=material_id)
    if not newest:
        wanted = f"definition {definition_id!r}" if definition_id else f"material {material_id!r}"
        raise OperationsDefinitionNotFound(f"There is no released operations definition for {wanted}.")
    if len(newest) > 1:
        raise OperationsDefinitionAmbiguous(f"{material_id!r} can be made by {', '.join(sorted(newest))}.")
    return _definitions(session, _select().where(_D.c.pk.in_(newest.values())))[0]


def _newest_released(session: Session, *, definition_id: str | None, material_id: str | None) -> dict[str, int]:
    if definition_id is None and material_id is None:
        return {}
    statement = (
        select(_D.c.id, func.max(_D.c.pk).label("pk"))
        .join(_M, _M.c.pk == _D.c.material_pk)
        .where(_D.c.state == DefinitionState.Released.value)
        .group_by(_D.c.id)
    )
    if definition_id is not None:
        statement = statement.where(_D.c.id == definition_id)
    if material_id is not None:
        statement = statement.where(_M.c.id == material_id)
    return {row.id: row.pk for row in session.execute(statement)}


def get_definition(session: Session, *, definition_id: str, version_label: str | None = None) -> ResolvedDefinition:
    """One version of a definition (the newest if none is named) in any state. `operations-definition-not-found`."""
    statement = _select().where(_D.c.id == definition_id).order_by(_D.c.pk.desc()).limit(1)
    if version_label is not None:
        statement = statement.where(_D.c.version_label == version_label)
    found = _definitions(session, statement)
    if not found:
        raise OperationsDefinitionNotFound(
            f"There is no operations definition {definition_id!r} {version_label or ''}".rstrip() + "."
        )
    return found[0]


def get_definition_versions(session: Session, ids: Iterable[str]) -> dict[str, tuple[ResolvedDefinition, ...]]:
    """All versions of some definitions, oldest first; ids without any are absent."""
    found: dict[str, tuple[ResolvedDefinition, ...]] = {}
    for definition in _definitions(session, _select().where(_D.c.id.in_(set(ids))).order_by(_D.c.pk)):
        found[definition.id] = (*found.get(definition.id, ()), definition)
    return found


def list_definitions(
    session: Session,
    *,
    material_id: str | None = None,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[ResolvedDefinition]:
    """Versions of definitions in order of id, then age, filtered."""
    limit = max(1, min(limit, LIMIT_MAX))
    statement = _after(_select(), _D, cursor).order_by(_D.c.id, _D.c.pk).limit(limit + 1)
    if material_id is not None:
        statement = statement.where(_M.c.id == material_id)
    if state is not None:
        statement = statement.where(_D.c.state == state)
    return page_of(_definitions(session, statement), limit, lambda d: (d.id, d.pk))


def _select() -> Select[Any]:
    return select(_D, _M.c.id.label("material_id"), _M.c.unit).join(_M, _M.c.pk == _D.c.material_pk)


def _definitions(session: Session, statement: Select[Any]) -> list[ResolvedDefinition]:
    rows = session.execute(statement).all()
    segments = _segments(session, [row.pk for row in rows])
    return [
        ResolvedDefinition(
            row.pk,
            row.id,
            row.version_label,
            row.material_pk,
            row.material_id,
            row.unit,
            tuple(segments.get(row.pk, ())),
            row.description,
            DefinitionState(row.state),
            row.version,
        )
        for row in rows
    ]


def _segments(session: Session, definition_pks: Collection[int]) -> dict[int, list[ResolvedSegment]]:
    statement = (
        select(_S, _W.c.id.label("work_master_id"), _W.c.version_label)
        .join(_W, _W.c.pk == _S.c.work_master_pk)
        .where(_S.c.definition_pk.in_(definition_pks))
        .order_by(_S.c.definition_pk, _S.c.sequence)
    )
    rows = session.execute(statement).all()
    equipment = get_equipment_views(session, {row.equipment_pk for row in rows})
    after = _dependencies(session, [row.pk for row in rows])
    materials = _materials(session, [row.pk for row in rows])
    found: dict[int, list[ResolvedSegment]] = {}
    for row in rows:
        segment = _segment(row, equipment[row.equipment_pk], after.get(row.pk, ()), materials.get(row.pk, ()))
        found.setdefault(row.definition_pk, []).append(segment)
    return found


def _segment(
    row: Any,
    equipment: EquipmentView,
    after: tuple[tuple[str, str], ...],
    materials: tuple[ResolvedMaterial, ...],
) -> ResolvedSegment:
    return ResolvedSegment(
        pk=row.pk,
        id=row.id,
        sequence=row.sequence,
        description=row.description,
        work_master_pk=row.work_master_pk,
        work_master_id=row.work_master_id,
        work_master_version=row.version_label,
        equipment_pk=equipment.pk,
        equipment_id=equipment.equipment_id,
        work_center_id=equipment.work_center_id,
        area_id=equipment.area_id,
        manual=equipment.manual,
        quantity_per_cycle_e6=to_e6(row.quantity_per_cycle),
        cycle_unit=row.cycle_unit,
        nominal_cycle_s=row.nominal_cycle_s if row.nominal_cycle_s is not None else equipment.nominal_cycle_s,
        after=after,
        materials=materials,
        own_nominal_cycle_s=row.nominal_cycle_s,
    )


def _dependencies(session: Session, segment_pks: Collection[int]) -> dict[int, tuple[tuple[str, str], ...]]:
    before = _S.alias("before")
    statement = (
        select(_DEP.c.segment_pk, _DEP.c.kind, before.c.id)
        .join(before, before.c.pk == _DEP.c.after_segment_pk)
        .where(_DEP.c.segment_pk.in_(segment_pks))
        .order_by(before.c.sequence)
    )
    found: dict[int, tuple[tuple[str, str], ...]] = {}
    for row in session.execute(statement):
        found[row.segment_pk] = (*found.get(row.segment_pk, ()), (row.id, row.kind))
    return found


def _materials(session: Session, segment_pks: Collection[int]) -> dict[int, tuple[ResolvedMaterial, ...]]:
    statement = (
        select(_SM, _M.c.id.label("material_id"), _M.c.unit)
        .join(_M, _M.c.pk == _SM.c.material_pk)
        .where(_SM.c.segment_pk.in_(segment_pks))
        .order_by(_M.c.id, _SM.c.use)
    )
    found: dict[int, tuple[ResolvedMaterial, ...]] = {}
    for r in session.execute(statement):
        material = ResolvedMaterial(r.material_pk, r.material_id, r.unit, r.use, to_e6(r.quantity))
        found[r.segment_pk] = (*found.get(r.segment_pk, ()), material)
    return found


def list_scrap_reasons(session: Session, *, active_only: bool = True) -> tuple[ScrapReasonView, ...]:
    """Reasons for scrap in order of id."""
    statement = select(_R).order_by(_R.c.id)
    if active_only:
        statement = statement.where(_R.c.active)
    return tuple(_reason_view(row) for row in session.execute(statement))


def get_scrap_reason(session: Session, *, reason_id: str) -> ScrapReasonView:
    """One reason, active or not. `scrap-reason-not-found`."""
    row = session.execute(select(_R).where(_R.c.id == reason_id)).first()
    if row is None:
        raise ScrapReasonNotFound(f"There is no scrap reason {reason_id!r}.")
    return _reason_view(row)


def _reason_view(row: Any) -> ScrapReasonView:
    return ScrapReasonView(row.pk, row.id, row.description, bool(row.active), row.version)
