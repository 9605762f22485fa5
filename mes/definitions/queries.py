"""Reads of the definitions feature."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Select, select
from sqlmodel import Session

from mes.definitions.effectivity_rules import is_effective, newest_effective
from mes.definitions.errors import (
    InstructionDocumentNotFound,
    OperationsDefinitionAmbiguous,
    OperationsDefinitionNotEffective,
    OperationsDefinitionNotFound,
    ScrapReasonNotFound,
    SegmentNotFound,
    WorkMasterNotEffective,
    WorkMasterNotFound,
)
from mes.definitions.tables import (
    InstructionDocument,
    MaterialSubstitute,
    OperationsDefinition,
    OperationsSegment,
    ScrapReason,
    SegmentDependencyRow,
    SegmentEquipment,
    SegmentInstruction,
    SegmentMaterial,
    SegmentQualification,
    WorkMaster,
)
from mes.definitions.types import (
    ALWAYS,
    DataType,
    DefinitionState,
    Effectivity,
    InstructionSpec,
    MediaType,
    ParameterLimit,
)
from mes.equipment.queries import EquipmentView, get_equipment_views
from mes.equipment.tables import Equipment
from mes.kernel.errors import Refusal
from mes.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, page_of
from mes.kernel.sqltypes import from_us_or_none
from mes.materials.tables import MaterialDefinition
from mes.personnel.tables import PersonnelClass
from standards.isa95.quantity import to_e6

_D: Final = OperationsDefinition.__table__  # type: ignore[attr-defined]
_S: Final = OperationsSegment.__table__  # type: ignore[attr-defined]
_DEP: Final = SegmentDependencyRow.__table__  # type: ignore[attr-defined]
_SM: Final = SegmentMaterial.__table__  # type: ignore[attr-defined]
_W: Final = WorkMaster.__table__  # type: ignore[attr-defined]
_R: Final = ScrapReason.__table__  # type: ignore[attr-defined]
_M: Final = MaterialDefinition.__table__  # type: ignore[attr-defined]
_E: Final = Equipment.__table__  # type: ignore[attr-defined]
_C: Final = PersonnelClass.__table__  # type: ignore[attr-defined]
_SE: Final = SegmentEquipment.__table__  # type: ignore[attr-defined]
_SQ: Final = SegmentQualification.__table__  # type: ignore[attr-defined]
_SUB: Final = MaterialSubstitute.__table__  # type: ignore[attr-defined]
_I: Final = SegmentInstruction.__table__  # type: ignore[attr-defined]
_DOC: Final = InstructionDocument.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class WorkMasterView:
    """One version of a recipe."""

    pk: int
    work_master_id: str
    version_label: str
    description: str
    parameters: dict[str, str]
    limits: dict[str, ParameterLimit] = field(default_factory=dict)
    effectivity: Effectivity = ALWAYS
    version: int = 1
    """Counts changes of the effectivity; everything else of a version is fixed."""


@dataclass(frozen=True, slots=True)
class WorkMasterUse:
    """A step that has some version of a recipe; `version_label` is the recipe's."""

    definition_id: str
    definition_label: str
    state: DefinitionState
    segment_id: str
    version_label: str


@dataclass(frozen=True, slots=True)
class ResolvedSubstitute:
    """What may be used instead; scaled by 10^6, in its own unit."""

    material_pk: int
    material_id: str
    unit: str
    quantity_e6: int


@dataclass(frozen=True, slots=True)
class ResolvedPlace:
    """Another place where a step may be done."""

    pk: int
    equipment_id: str


@dataclass(frozen=True, slots=True)
class InstructionView:
    """A step of a work instruction; `media_type` is its document's, None where it has none."""

    pk: int
    sequence: int
    title: str
    text: str
    document_sha256: str
    media_type: MediaType | None

    @property
    def spec(self) -> InstructionSpec:
        return InstructionSpec(self.title, self.text, self.document_sha256)


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A picture or drawing without its content."""

    sha256: str
    media_type: MediaType
    size: int


@dataclass(frozen=True, slots=True)
class ResolvedMaterial:
    """What one piece needs or yields at a segment; scaled by 10^6, in the material's own unit.

    `allowance_e6` is the scrap allowance in percent × 10^6.
    """

    material_pk: int
    material_id: str
    unit: str
    use: str
    quantity_e6: int
    allowance_e6: int = 0
    substitutes: tuple[ResolvedSubstitute, ...] = ()


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
    alternatives: tuple[ResolvedPlace, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    """Values this step sets instead of its recipe's."""
    personnel_class_ids: tuple[str, ...] = ()
    instructions: tuple[InstructionView, ...] = ()
    first_article_e6: int = 0
    """Pieces somebody has to pass before more are made."""


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
    effectivity: Effectivity = ALWAYS
    fixed: bool = True
    """It was released at some time, so its content never changes again."""
    under_tolerance_bp: int | None = None
    over_tolerance_bp: int | None = None
    """Hundredths of a percent, for orders that say nothing themselves."""


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


def list_work_master_uses(session: Session, *, work_master_id: str, limit: int) -> tuple[WorkMasterUse, ...]:
    """Steps of routings that are a draft or released, by routing, its newest version first; at most `limit`."""
    statement = (
        select(_D.c.id, _D.c.version_label.label("definition_label"), _D.c.state, _S.c.id.label("segment_id"))
        .add_columns(_W.c.version_label)
        .join(_S, _S.c.definition_pk == _D.c.pk)
        .join(_W, _W.c.pk == _S.c.work_master_pk)
        .where(_W.c.id == work_master_id, _D.c.state != DefinitionState.Obsolete.value)
        .order_by(_D.c.id, _D.c.pk.desc(), _S.c.sequence)
        .limit(limit)
    )
    return tuple(
        WorkMasterUse(row.id, row.definition_label, DefinitionState(row.state), row.segment_id, row.version_label)
        for row in session.execute(statement)
    )


def _work_master_view(row: Any) -> WorkMasterView:
    limits = limits_of(row.limits)
    return WorkMasterView(
        row.pk, row.id, row.version_label, row.description, dict(row.parameters), limits, _effectivity(row), row.version
    )


def limits_of(kept: Mapping[str, dict[str, str]]) -> dict[str, ParameterLimit]:
    """Limits as a recipe keeps them."""
    return {name: _limit(limit) for name, limit in kept.items()}


def _limit(kept: dict[str, str]) -> ParameterLimit:
    low, high = (Decimal(kept[end]) if end in kept else None for end in ("low", "high"))
    return ParameterLimit(DataType(kept["data_type"]), kept.get("unit", ""), low, high)


def _effectivity(row: Any) -> Effectivity:
    return Effectivity(from_us_or_none(row.effective_from_us), from_us_or_none(row.effective_until_us))


def resolve_definition(
    session: Session, *, definition_id: str | None, material_id: str | None, at: datetime | None = None
) -> ResolvedDefinition:
    """The routing a new order follows: the newest Released version of the definition named, or of the material's one,
    that is effective at `at` (None: whatever its effectivity).

    `operations-definition-not-found` (also where the definition makes another material),
    `operations-definition-ambiguous` where the material has several definitions and none was named,
    `operations-definition-not-effective`, `work-master-not-effective`.
    """
    found = resolve_definitions(session, choices=[(definition_id, material_id)], at=at)[definition_id, material_id]
    if isinstance(found, Refusal):
        raise found
    return found


Choice = tuple[str | None, str | None]
"""What an order says of how it is made: definition id, material id."""


def resolve_definitions(
    session: Session, *, choices: Collection[Choice], at: datetime | None
) -> dict[Choice, ResolvedDefinition | Refusal]:
    """`resolve_definition` of many at once, by a fixed number of statements; why where there is none."""
    released: dict[Choice, list[Any]] = {}
    for row in _released(session, choices):
        released.setdefault((row.id, None), []).append(row)
        released.setdefault((None, row.material_id), []).append(row)
    chosen = {choice: _chosen(choice, _of_choice(released, choice), at) for choice in choices}
    pks = {pk for pk in chosen.values() if isinstance(pk, int)}
    found = {each.pk: each for each in _definitions(session, _select().where(_D.c.pk.in_(pks)))} if pks else {}
    late = {} if at is None else _late_recipes(session, found.values(), at)
    return {choice: pk if isinstance(pk, Refusal) else late.get(pk, found[pk]) for choice, pk in chosen.items()}


def _released(session: Session, choices: Collection[Choice]) -> list[Any]:
    """Released versions that some choices may mean, oldest first."""
    definition_ids = {definition_id for definition_id, _ in choices if definition_id is not None}
    material_ids = {material_id for definition_id, material_id in choices if definition_id is None and material_id}
    if not definition_ids and not material_ids:
        return []
    statement = (
        select(_D.c.id, _D.c.pk, _D.c.effective_from_us, _D.c.effective_until_us, _M.c.id.label("material_id"))
        .join(_M, _M.c.pk == _D.c.material_pk)
        .where(_D.c.state == DefinitionState.Released.value)
        .where(_D.c.id.in_(definition_ids) | _M.c.id.in_(material_ids))
        .order_by(_D.c.pk)
    )
    return list(session.execute(statement))


def _of_choice(released: Mapping[Choice, Iterable[Any]], choice: Choice) -> dict[str, list[tuple[int, Effectivity]]]:
    """Versions a choice means, oldest first, by definition; `released` by either half of a choice."""
    definition_id, material_id = choice
    rows = released.get((None, material_id) if definition_id is None else (definition_id, None), ())
    found: dict[str, list[tuple[int, Effectivity]]] = {}
    for row in rows:
        if material_id in (None, row.material_id):
            found.setdefault(row.id, []).append((row.pk, _effectivity(row)))
    return found


def _chosen(
    choice: Choice, released: Mapping[str, list[tuple[int, Effectivity]]], at: datetime | None
) -> int | Refusal:
    definition_id, material_id = choice
    wanted = f"definition {definition_id!r}" if definition_id else f"material {material_id!r}"
    if not released:
        return OperationsDefinitionNotFound(f"There is no released operations definition for {wanted}.")
    newest = {i: v[-1][0] if at is None else newest_effective(v, at) for i, v in released.items()}
    effective = {i: pk for i, pk in newest.items() if pk is not None}
    if not effective:
        return OperationsDefinitionNotEffective(f"No released version for {wanted} is effective now.")
    if len(effective) > 1:
        return OperationsDefinitionAmbiguous(f"{material_id!r} can be made by {', '.join(sorted(effective))}.")
    return next(iter(effective.values()))


def list_released_ids(session: Session, *, material_id: str) -> set[str]:
    """Ids of the definitions that make a material and have a released version."""
    return {row.id for row in _released(session, [(None, material_id)])}


def _late_recipes(
    session: Session, definitions: Collection[ResolvedDefinition], at: datetime
) -> dict[int, WorkMasterNotEffective]:
    """Of some definitions, by key, those that need a recipe that is not effective then."""
    pks = {segment.work_master_pk for definition in definitions for segment in definition.segments}
    rows = session.execute(select(_W).where(_W.c.pk.in_(pks)))
    late = {row.pk: f"{row.id} {row.version_label}" for row in rows if not is_effective(_effectivity(row), at)}
    needed = {
        d.pk: sorted({late[s.work_master_pk] for s in d.segments if s.work_master_pk in late}) for d in definitions
    }
    return {
        d.pk: WorkMasterNotEffective(f"{d.id} {d.version_label} needs {', '.join(needed[d.pk])}.")
        for d in definitions
        if needed[d.pk]
    }


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


def get_followed_definition(session: Session, *, pk: int) -> ResolvedDefinition:
    """The version an order follows, by key. `operations-definition-not-found`."""
    found = _definitions(session, _select().where(_D.c.pk == pk))
    if not found:
        raise OperationsDefinitionNotFound("There is no such version of an operations definition.")
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
            _effectivity(row),
            row.released_at_us is not None,
            row.under_tolerance_bp,
            row.over_tolerance_bp,
        )
        for row in rows
    ]


def get_segments(session: Session, segment_pks: Collection[int]) -> dict[int, ResolvedSegment]:
    """Some steps, of whatever versions, by key."""
    found = _resolved(session, select(_S.c.pk).where(_S.c.pk.in_(segment_pks)))
    return {segment.pk: segment for segments in found.values() for segment in segments}


def get_segment(session: Session, *, segment_pk: int) -> ResolvedSegment:
    """One step of one version. `operations-segment-not-found`."""
    found = get_segments(session, [segment_pk])
    if not found:
        raise SegmentNotFound("The routing has no such step.")
    return found[segment_pk]


def _segments(session: Session, definition_pks: Collection[int]) -> dict[int, list[ResolvedSegment]]:
    return _resolved(session, select(_S.c.pk).where(_S.c.definition_pk.in_(definition_pks)))


@dataclass(frozen=True, slots=True)
class _Details:
    """What belongs to some steps, by their keys."""

    after: dict[int, tuple[tuple[str, str], ...]]
    materials: dict[int, tuple[ResolvedMaterial, ...]]
    places: dict[int, tuple[ResolvedPlace, ...]]
    personnel_class_ids: dict[int, tuple[str, ...]]
    instructions: dict[int, tuple[InstructionView, ...]]


def _resolved(session: Session, wanted: Select[Any]) -> dict[int, list[ResolvedSegment]]:
    """Steps in order, by the key of their definition; a fixed number of statements."""
    statement = (
        select(_S, _W.c.id.label("work_master_id"), _W.c.version_label)
        .join(_W, _W.c.pk == _S.c.work_master_pk)
        .where(_S.c.pk.in_(wanted))
        .order_by(_S.c.definition_pk, _S.c.sequence)
    )
    rows = session.execute(statement).all()
    pks = [row.pk for row in rows]
    equipment = get_equipment_views(session, {row.equipment_pk for row in rows})
    details = _Details(
        _dependencies(session, pks),
        _materials(session, pks),
        _places(session, pks),
        _personnel_classes(session, pks),
        _instructions(session, pks),
    )
    found: dict[int, list[ResolvedSegment]] = {}
    for row in rows:
        found.setdefault(row.definition_pk, []).append(_segment(row, equipment[row.equipment_pk], details))
    return found


def _segment(row: Any, equipment: EquipmentView, details: _Details) -> ResolvedSegment:
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
        after=details.after.get(row.pk, ()),
        materials=details.materials.get(row.pk, ()),
        own_nominal_cycle_s=row.nominal_cycle_s,
        alternatives=details.places.get(row.pk, ()),
        parameters=dict(row.parameters),
        personnel_class_ids=details.personnel_class_ids.get(row.pk, ()),
        instructions=details.instructions.get(row.pk, ()),
        first_article_e6=to_e6(row.first_article),
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
    rows = session.execute(statement).all()
    substitutes = _substitutes(session, [row.pk for row in rows])
    found: dict[int, tuple[ResolvedMaterial, ...]] = {}
    for r in rows:
        quantities = to_e6(r.quantity), to_e6(r.scrap_allowance)
        material = ResolvedMaterial(r.material_pk, r.material_id, r.unit, r.use, *quantities, substitutes.get(r.pk, ()))
        found[r.segment_pk] = (*found.get(r.segment_pk, ()), material)
    return found


def _substitutes(session: Session, pks: Collection[int]) -> dict[int, tuple[ResolvedSubstitute, ...]]:
    statement = (
        select(_SUB, _M.c.id.label("material_id"), _M.c.unit)
        .join(_M, _M.c.pk == _SUB.c.material_pk)
        .where(_SUB.c.segment_material_pk.in_(pks))
        .order_by(_SUB.c.rank)
    )
    found: dict[int, tuple[ResolvedSubstitute, ...]] = {}
    for row in session.execute(statement):
        substitute = ResolvedSubstitute(row.material_pk, row.material_id, row.unit, to_e6(row.quantity))
        found[row.segment_material_pk] = (*found.get(row.segment_material_pk, ()), substitute)
    return found


def _places(session: Session, segment_pks: Collection[int]) -> dict[int, tuple[ResolvedPlace, ...]]:
    statement = (
        select(_SE.c.segment_pk, _E.c.pk, _E.c.id)
        .join(_E, _E.c.pk == _SE.c.equipment_pk)
        .where(_SE.c.segment_pk.in_(segment_pks))
        .order_by(_SE.c.rank)
    )
    found: dict[int, tuple[ResolvedPlace, ...]] = {}
    for row in session.execute(statement):
        found[row.segment_pk] = (*found.get(row.segment_pk, ()), ResolvedPlace(row.pk, row.id))
    return found


def _personnel_classes(session: Session, segment_pks: Collection[int]) -> dict[int, tuple[str, ...]]:
    statement = (
        select(_SQ.c.segment_pk, _C.c.id)
        .join(_C, _C.c.pk == _SQ.c.personnel_class_pk)
        .where(_SQ.c.segment_pk.in_(segment_pks))
        .order_by(_C.c.id)
    )
    found: dict[int, tuple[str, ...]] = {}
    for row in session.execute(statement):
        found[row.segment_pk] = (*found.get(row.segment_pk, ()), row.id)
    return found


def _instructions(session: Session, segment_pks: Collection[int]) -> dict[int, tuple[InstructionView, ...]]:
    statement = (
        select(_I, _DOC.c.media_type)
        .outerjoin(_DOC, _DOC.c.sha256 == _I.c.document_sha256)
        .where(_I.c.segment_pk.in_(segment_pks))
        .order_by(_I.c.sequence)
    )
    found: dict[int, tuple[InstructionView, ...]] = {}
    for row in session.execute(statement):
        kind = MediaType(row.media_type) if row.media_type else None
        view = InstructionView(row.pk, row.sequence, row.title, row.text, row.document_sha256 or "", kind)
        found[row.segment_pk] = (*found.get(row.segment_pk, ()), view)
    return found


def get_documents(session: Session, digests: Iterable[str]) -> dict[str, DocumentView]:
    """Some documents without their content, by SHA-256; those that are not here are absent."""
    statement = select(_DOC.c.sha256, _DOC.c.media_type, _DOC.c.size).where(_DOC.c.sha256.in_(set(digests)))
    return {
        row.sha256: DocumentView(row.sha256, MediaType(row.media_type), row.size) for row in session.execute(statement)
    }


def read_document(session: Session, *, sha256: str) -> tuple[MediaType, bytes]:
    """One document. `instruction-document-not-found`."""
    row = session.execute(select(_DOC.c.media_type, _DOC.c.content).where(_DOC.c.sha256 == sha256)).first()
    if row is None:
        raise InstructionDocumentNotFound(f"There is no document {sha256[:64]!r}.")
    return MediaType(row.media_type), bytes(row.content)


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
