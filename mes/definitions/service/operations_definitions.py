"""Routings: every change of content is a new version; an order keeps the one it began with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlmodel import col, select

from mes.definitions import queries, rules
from mes.definitions.errors import (
    OperationsDefinitionExists,
    OperationsDefinitionInvalid,
    OperationsDefinitionNotFound,
    OperationsDefinitionVersionFixed,
)
from mes.definitions.queries import ResolvedDefinition, WorkMasterView
from mes.definitions.tables import (
    OperationsDefinition,
    OperationsSegment,
    SegmentDependencyRow,
    SegmentMaterial,
)
from mes.definitions.types import (
    DefinitionSpec,
    DefinitionState,
    DependencyKind,
    MaterialSpecification,
    SegmentDependency,
    SegmentSpec,
)
from mes.equipment.queries import EquipmentView, get_equipment_pks, get_equipment_views
from mes.equipment.rules import may_confirm
from mes.equipment.types import PutOutcome
from mes.kernel.errors import FieldError, VersionConflict
from mes.kernel.uow import UnitOfWork
from mes.materials.queries import MaterialView, get_materials
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.material import MaterialUse
from standards.isa95.quantity import from_e6


@dataclass(frozen=True, slots=True)
class _Plant:
    """What definitions refer to, loaded once."""

    materials: Mapping[str, MaterialView]
    equipment: Mapping[str, EquipmentView]
    work_masters: Mapping[str, tuple[WorkMasterView, ...]]

    def work_master(self, segment: SegmentSpec) -> WorkMasterView | None:
        """The version a segment names, or the newest."""
        versions = self.work_masters.get(segment.work_master_id, ())
        wanted = segment.work_master_version
        fitting = [v for v in versions if wanted is None or v.version_label == wanted]
        return fitting[-1] if fitting else None


def create_definition(uow: UnitOfWork, *, spec: DefinitionSpec) -> None:
    """Add a definition with its first version. `operations-definition-exists`, `operations-definition-invalid`."""
    if queries.get_definition_versions(uow.session, [spec.definition_id]):
        raise OperationsDefinitionExists(f"There already is an operations definition {spec.definition_id!r}.")
    put_definitions(uow, specs=[spec])


def update_definition(uow: UnitOfWork, *, spec: DefinitionSpec, seen_label: str) -> None:
    """Make a new version after `seen_label`, the newest the caller saw.

    `operations-definition-not-found`, `version-conflict`, `operations-definition-version-fixed`,
    `operations-definition-invalid`.
    """
    newest = queries.get_definition(uow.session, definition_id=spec.definition_id)
    if newest.version_label != seen_label:
        raise VersionConflict(f"The newest version is {newest.version_label!r}, not {seen_label!r}.")
    put_definitions(uow, specs=[spec])


def set_definition_state(
    uow: UnitOfWork, *, definition_id: str, version_label: str, state: DefinitionState, version: int | None = None
) -> None:
    """Release a version (older ones become Obsolete) or withdraw it. Orders under way go on.

    `operations-definition-not-found`, `version-conflict`.
    """
    row = _load_row(uow, definition_id, version_label)
    if version is not None and row.version != version:
        raise VersionConflict(f"It is at version {row.version}, not {version}.")
    _change_state(uow, row, state)


def put_definitions(uow: UnitOfWork, *, specs: Sequence[DefinitionSpec]) -> dict[str, PutOutcome]:
    """Make sure there is a version that says what each spec says, in its state. Repeating it changes nothing.

    `operations-definition-invalid` with every fault; `operations-definition-version-fixed` where the version named
    says something else.
    """
    plant = _load_plant(uow, specs)
    faults = [fault for spec in specs for fault in _faults(plant, spec)]
    if faults:
        raise OperationsDefinitionInvalid(faults[0].message, errors=faults)
    versions = queries.get_definition_versions(uow.session, [s.definition_id for s in specs])
    return {s.definition_id: _put_one(uow, plant, versions.get(s.definition_id, ()), s) for s in specs}


def _load_plant(uow: UnitOfWork, specs: Sequence[DefinitionSpec]) -> _Plant:
    segments = [segment for spec in specs for segment in spec.segments]
    used = {m.material_id for segment in segments for m in segment.materials}
    pks = get_equipment_pks(uow.session, [s.equipment_id for s in segments])
    views = get_equipment_views(uow.session, pks.values())
    return _Plant(
        get_materials(uow.session, used | {s.material_id for s in specs}),
        {view.equipment_id: view for view in views.values()},
        queries.get_work_master_versions(uow.session, [s.work_master_id for s in segments]),
    )


def _faults(plant: _Plant, spec: DefinitionSpec) -> list[FieldError]:
    faults = list(rules.segment_faults(spec.segments))
    if spec.material_id not in plant.materials:
        faults.append(FieldError("", f"there is no material {spec.material_id!r}", "material-not-found"))
    faults += [fault for segment in spec.segments for fault in _segment_faults(plant, segment)]
    return [replace(f, where=f"{spec.definition_id}/{f.where}".rstrip("/")) for f in faults]


def _segment_faults(plant: _Plant, segment: SegmentSpec) -> list[FieldError]:
    faults = []
    equipment = plant.equipment.get(segment.equipment_id)
    if plant.work_master(segment) is None:
        wanted = f"{segment.work_master_id} {segment.work_master_version or ''}".rstrip()
        faults.append(("work-master-not-found", f"there is no work master {wanted!r}"))
    if equipment is None:
        faults.append(("equipment-not-found", f"there is no equipment {segment.equipment_id!r}"))
    elif not may_confirm(EquipmentLevel(equipment.level)):
        faults.append(("segment-equipment-level", f"no jobs run on a {equipment.level}"))
    for material in segment.materials:
        if material.material_id not in plant.materials:
            faults.append(("material-not-found", f"there is no material {material.material_id!r}"))
    return [FieldError(segment.segment_id, message, code) for code, message in faults]


def _put_one(
    uow: UnitOfWork, plant: _Plant, versions: Sequence[ResolvedDefinition], spec: DefinitionSpec
) -> PutOutcome:
    resolved = _normalized(plant, spec)
    fitting = [v for v in versions if spec.version_label in (None, v.version_label)]
    if fitting and _as_spec(fitting[-1]) == resolved:
        if fitting[-1].state is spec.state:
            return PutOutcome.Unchanged
        _change_state(uow, _load_row(uow, spec.definition_id, fitting[-1].version_label), spec.state)
        return PutOutcome.Updated
    if fitting and spec.version_label is not None:
        raise OperationsDefinitionVersionFixed(f"{spec.definition_id!r} {spec.version_label!r} says something else.")
    label = spec.version_label or rules.next_label([v.version_label for v in versions])
    row = _store(uow, plant, replace(resolved, version_label=label))
    _change_state(uow, row, spec.state)
    return PutOutcome.Updated if versions else PutOutcome.Created


def _normalized(plant: _Plant, spec: DefinitionSpec) -> DefinitionSpec:
    """As a stored version would read: newest recipes named, sets in order, without label and state."""
    order = {s.segment_id: n for n, s in enumerate(spec.segments)}
    segments = tuple(
        replace(
            segment,
            work_master_version=_required(plant.work_master(segment)).version_label,
            after=tuple(sorted(segment.after, key=lambda d: order[d.segment_id])),
            materials=tuple(sorted(segment.materials, key=lambda m: (m.material_id, m.use))),
        )
        for segment in spec.segments
    )
    return replace(spec, segments=segments, version_label=None, state=DefinitionState.Draft)


def _required(view: WorkMasterView | None) -> WorkMasterView:
    assert view is not None, "faults were refused before"
    return view


def _as_spec(stored: ResolvedDefinition) -> DefinitionSpec:
    segments = tuple(
        SegmentSpec(
            s.id,
            s.work_master_id,
            s.equipment_id,
            from_e6(s.quantity_per_cycle_e6),
            s.cycle_unit,
            s.description,
            s.own_nominal_cycle_s,
            s.work_master_version,
            tuple(SegmentDependency(name, DependencyKind(kind)) for name, kind in s.after),
            tuple(
                MaterialSpecification(m.material_id, MaterialUse(m.use), from_e6(m.quantity_e6)) for m in s.materials
            ),
        )
        for s in stored.segments
    )
    return DefinitionSpec(stored.id, stored.material_id, segments, None, stored.description, DefinitionState.Draft)


def _store(uow: UnitOfWork, plant: _Plant, spec: DefinitionSpec) -> OperationsDefinition:
    row = OperationsDefinition(
        id=spec.definition_id,
        version_label=spec.version_label or "",
        description=spec.description,
        material_pk=plant.materials[spec.material_id].pk,
        state=DefinitionState.Draft.value,
    )
    uow.session.add(row)
    uow.flush()
    rows = {s.segment_id: _store_segment(uow, plant, row, n, s) for n, s in enumerate(spec.segments, start=1)}
    uow.flush()
    for segment in spec.segments:
        _store_details(uow, plant, rows, segment)
    uow.flush()
    uow.emit(
        "definitions.operations-definition-put.v1",
        topics=[f"operations-definition/{row.id}"],
        subject=f"operations-definition/{row.id}",
        payload={
            "definition_id": row.id,
            "version_label": row.version_label,
            "material_id": spec.material_id,
        },
    )
    return row


def _store_segment(
    uow: UnitOfWork, plant: _Plant, definition: OperationsDefinition, sequence: int, segment: SegmentSpec
) -> OperationsSegment:
    row = OperationsSegment(
        definition_pk=_pk(definition.pk),
        id=segment.segment_id,
        sequence=sequence,
        description=segment.description,
        work_master_pk=_required(plant.work_master(segment)).pk,
        equipment_pk=plant.equipment[segment.equipment_id].pk,
        quantity_per_cycle=segment.quantity_per_cycle,
        cycle_unit=segment.cycle_unit,
        nominal_cycle_s=segment.nominal_cycle_s,
    )
    uow.session.add(row)
    return row


def _store_details(uow: UnitOfWork, plant: _Plant, rows: Mapping[str, OperationsSegment], segment: SegmentSpec) -> None:
    segment_pk = _pk(rows[segment.segment_id].pk)
    for dependency in segment.after:
        before_pk = _pk(rows[dependency.segment_id].pk)
        uow.session.add(
            SegmentDependencyRow(segment_pk=segment_pk, after_segment_pk=before_pk, kind=dependency.kind.value)
        )
    for material in segment.materials:
        uow.session.add(
            SegmentMaterial(
                segment_pk=segment_pk,
                material_pk=plant.materials[material.material_id].pk,
                use=material.use.value,
                quantity=material.quantity,
            )
        )


def _pk(value: int | None) -> int:
    assert value is not None, "the row was flushed"
    return value


def _load_row(uow: UnitOfWork, definition_id: str, version_label: str) -> OperationsDefinition:
    statement = select(OperationsDefinition).where(
        OperationsDefinition.id == definition_id, OperationsDefinition.version_label == version_label
    )
    row = uow.session.exec(statement).first()
    if row is None:
        raise OperationsDefinitionNotFound(f"There is no operations definition {definition_id!r} {version_label!r}.")
    return row


def _change_state(uow: UnitOfWork, row: OperationsDefinition, state: DefinitionState) -> None:
    if row.state == state.value:
        return
    row.state = state.value
    if state is DefinitionState.Released:
        statement = select(OperationsDefinition).where(
            OperationsDefinition.id == row.id,
            OperationsDefinition.state == DefinitionState.Released.value,
            col(OperationsDefinition.pk) != row.pk,
        )
        for older in uow.session.exec(statement):
            older.state = DefinitionState.Obsolete.value
    uow.flush()
    uow.emit(
        "definitions.operations-definition-state-changed.v1",
        topics=[f"operations-definition/{row.id}"],
        subject=f"operations-definition/{row.id}",
        payload={"definition_id": row.id, "version_label": row.version_label, "state": state.value},
    )
