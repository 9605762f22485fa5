"""What a version of a routing says: checked against the plant, stored, and read back as a spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import delete, select
from sqlmodel import col

from mes.definitions import queries, rules
from mes.definitions.effectivity_rules import effectivity_faults, newest_effective
from mes.definitions.parameter_rules import override_faults
from mes.definitions.queries import DocumentView, ResolvedDefinition, ResolvedSegment, WorkMasterView
from mes.definitions.tables import (
    MaterialSubstitute,
    OperationsDefinition,
    OperationsSegment,
    SegmentDependencyRow,
    SegmentEquipment,
    SegmentInstruction,
    SegmentMaterial,
    SegmentQualification,
)
from mes.definitions.types import (
    DefinitionSpec,
    DefinitionState,
    DependencyKind,
    MaterialSpecification,
    SegmentDependency,
    SegmentSpec,
    Substitute,
)
from mes.equipment.queries import EquipmentView, get_equipment_pks, get_equipment_views
from mes.equipment.rules import may_confirm
from mes.kernel.errors import FieldError
from mes.kernel.uow import UnitOfWork
from mes.materials.queries import MaterialView, get_materials
from mes.personnel.queries import get_personnel_class_pks
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.material import MaterialUse
from standards.isa95.quantity import from_e6


@dataclass(frozen=True, slots=True)
class References:
    """What definitions refer to, loaded once. `recipes`: the version each segment means, by (id, version or None)."""

    materials: Mapping[str, MaterialView]
    equipment: Mapping[str, EquipmentView]
    recipes: Mapping[tuple[str, str | None], WorkMasterView]
    class_pks: Mapping[str, int]
    documents: Mapping[str, DocumentView]

    def recipe(self, segment: SegmentSpec) -> WorkMasterView:
        return self.recipes[segment.work_master_id, segment.work_master_version]


def load_references(uow: UnitOfWork, specs: Sequence[DefinitionSpec]) -> References:
    segments = [segment for spec in specs for segment in spec.segments]
    materials = {s.material_id for s in specs} | {i for segment in segments for i in _material_ids(segment)}
    pks = get_equipment_pks(uow.session, [i for s in segments for i in (s.equipment_id, *s.alternatives)])
    views = get_equipment_views(uow.session, pks.values())
    return References(
        get_materials(uow.session, materials),
        {view.equipment_id: view for view in views.values()},
        _recipes(uow, segments),
        get_personnel_class_pks(uow.session, [i for s in segments for i in s.personnel_class_ids]),
        queries.get_documents(uow.session, [i.document_sha256 for s in segments for i in s.instructions]),
    )


def _material_ids(segment: SegmentSpec) -> Iterable[str]:
    for material in segment.materials:
        yield material.material_id
        yield from (substitute.material_id for substitute in material.substitutes)


def _recipes(uow: UnitOfWork, segments: Sequence[SegmentSpec]) -> dict[tuple[str, str | None], WorkMasterView]:
    """The version named, else the newest that is effective now, else the newest."""
    known = queries.get_work_master_versions(uow.session, [s.work_master_id for s in segments])
    found: dict[tuple[str, str | None], WorkMasterView] = {}
    for name, wanted in {(s.work_master_id, s.work_master_version) for s in segments}:
        fitting = [v for v in known.get(name, ()) if wanted in (None, v.version_label)]
        if fitting:
            recipe = newest_effective([(v, v.effectivity) for v in fitting], uow.now) or fitting[-1]
            found[name, wanted] = found[name, recipe.version_label] = recipe
    return found


def content_faults(known: References, spec: DefinitionSpec) -> list[FieldError]:
    """Everything that makes a routing impossible in this plant; `where` is the definition and its segment."""
    faults = [*rules.segment_faults(spec.segments), *effectivity_faults(spec.effectivity)]
    faults += rules.tolerance_faults(spec.under_percent, spec.over_percent)
    if spec.material_id not in known.materials:
        faults.append(FieldError("", f"there is no material {spec.material_id!r}", "material-not-found"))
    faults += [fault for segment in spec.segments for fault in _segment_faults(known, segment)]
    return [replace(f, where=f"{spec.definition_id}/{f.where}".rstrip("/")) for f in faults]


def _segment_faults(known: References, segment: SegmentSpec) -> list[FieldError]:
    faults = [fault for place in (segment.equipment_id, *segment.alternatives) for fault in _place_faults(known, place)]
    faults += _recipe_faults(known, segment)
    faults += _missing("material", _material_ids(segment), known.materials)
    faults += _missing("personnel-class", segment.personnel_class_ids, known.class_pks)
    documents = (i.document_sha256 for i in segment.instructions if i.document_sha256)
    faults += _missing("instruction-document", documents, known.documents)
    return [FieldError(segment.segment_id, message, code) for code, message in faults]


def _place_faults(known: References, equipment_id: str) -> list[tuple[str, str]]:
    equipment = known.equipment.get(equipment_id)
    if equipment is None:
        return [("equipment-not-found", f"there is no equipment {equipment_id!r}")]
    if not may_confirm(EquipmentLevel(equipment.level)):
        return [("segment-equipment-level", f"no jobs run on a {equipment.level}")]
    return []


def _recipe_faults(known: References, segment: SegmentSpec) -> list[tuple[str, str]]:
    recipe = known.recipes.get((segment.work_master_id, segment.work_master_version))
    if recipe is None:
        wanted = f"{segment.work_master_id} {segment.work_master_version or ''}".rstrip()
        return [("work-master-not-found", f"there is no work master {wanted!r}")]
    faults = override_faults(segment.parameters, recipe.parameters, recipe.limits)
    return [(fault.code, fault.message) for fault in faults]


def _missing(kind: str, names: Iterable[str], known: Mapping[str, object]) -> list[tuple[str, str]]:
    words = kind.replace("-", " ")
    return [(f"{kind}-not-found", f"there is no {words} {name!r}") for name in names if name not in known]


def normalized(known: References, spec: DefinitionSpec) -> DefinitionSpec:
    """As a stored version would read: recipes in a version, sets in order, without what may change of a version."""
    order = {s.segment_id: n for n, s in enumerate(spec.segments)}
    segments = tuple(
        replace(
            segment,
            work_master_version=known.recipe(segment).version_label,
            after=tuple(sorted(segment.after, key=lambda d: order[d.segment_id])),
            materials=tuple(sorted(segment.materials, key=lambda m: (m.material_id, m.use))),
            parameters=dict(segment.parameters),
            personnel_class_ids=tuple(sorted(set(segment.personnel_class_ids))),
        )
        for segment in spec.segments
    )
    return _as_draft(spec.definition_id, spec.material_id, segments, spec.description, tolerances_bp(spec))


def spec_of(stored: ResolvedDefinition) -> DefinitionSpec:
    """A stored version in the same form."""
    segments = tuple(segment_spec_of(segment) for segment in stored.segments)
    tolerances = stored.under_tolerance_bp, stored.over_tolerance_bp
    return _as_draft(stored.id, stored.material_id, segments, stored.description, tolerances)


def _as_draft(
    definition_id: str,
    material_id: str,
    segments: tuple[SegmentSpec, ...],
    description: str,
    tolerances: tuple[int | None, int | None],
) -> DefinitionSpec:
    under, over = (None if bp is None else Decimal(bp) / 100 for bp in tolerances)
    return DefinitionSpec(
        definition_id,
        material_id,
        segments,
        description=description,
        state=DefinitionState.Draft,
        under_percent=under,
        over_percent=over,
    )


def tolerances_bp(spec: DefinitionSpec) -> tuple[int | None, int | None]:
    """Under and over, in hundredths of a percent; None where nothing is said."""
    under, over = (None if given is None else int(given * 100) for given in (spec.under_percent, spec.over_percent))
    return under, over


def segment_spec_of(stored: ResolvedSegment) -> SegmentSpec:
    return SegmentSpec(
        segment_id=stored.id,
        work_master_id=stored.work_master_id,
        equipment_id=stored.equipment_id,
        quantity_per_cycle=from_e6(stored.quantity_per_cycle_e6),
        cycle_unit=stored.cycle_unit,
        description=stored.description,
        nominal_cycle_s=stored.own_nominal_cycle_s,
        work_master_version=stored.work_master_version,
        after=tuple(SegmentDependency(name, DependencyKind(kind)) for name, kind in stored.after),
        materials=tuple(
            MaterialSpecification(
                m.material_id,
                MaterialUse(m.use),
                from_e6(m.quantity_e6),
                from_e6(m.allowance_e6),
                tuple(Substitute(s.material_id, from_e6(s.quantity_e6)) for s in m.substitutes),
            )
            for m in stored.materials
        ),
        alternatives=tuple(place.equipment_id for place in stored.alternatives),
        parameters=stored.parameters,
        personnel_class_ids=stored.personnel_class_ids,
        instructions=tuple(instruction.spec for instruction in stored.instructions),
        first_article=from_e6(stored.first_article_e6),
    )


def store_content(uow: UnitOfWork, known: References, row: OperationsDefinition, spec: DefinitionSpec) -> None:
    """Write the segments of a version that has none."""
    rows = {s.segment_id: _store_segment(uow, known, row, n, s) for n, s in enumerate(spec.segments, start=1)}
    uow.flush()
    for segment in spec.segments:
        segment_pk = _pk(rows[segment.segment_id].pk)
        for dependency in segment.after:
            before_pk = _pk(rows[dependency.segment_id].pk)
            row_of = SegmentDependencyRow(segment_pk=segment_pk, after_segment_pk=before_pk, kind=dependency.kind.value)
            uow.session.add(row_of)
        _store_resources(uow, known, segment_pk, segment)
        for material in segment.materials:
            _store_material(uow, known, segment_pk, material)
    uow.flush()


def _store_segment(
    uow: UnitOfWork, known: References, definition: OperationsDefinition, sequence: int, segment: SegmentSpec
) -> OperationsSegment:
    row = OperationsSegment(
        definition_pk=_pk(definition.pk),
        id=segment.segment_id,
        sequence=sequence,
        description=segment.description,
        work_master_pk=known.recipe(segment).pk,
        equipment_pk=known.equipment[segment.equipment_id].pk,
        quantity_per_cycle=segment.quantity_per_cycle,
        cycle_unit=segment.cycle_unit,
        nominal_cycle_s=segment.nominal_cycle_s,
        parameters=dict(segment.parameters),
        first_article=segment.first_article,
    )
    uow.session.add(row)
    return row


def _store_resources(uow: UnitOfWork, known: References, segment_pk: int, segment: SegmentSpec) -> None:
    for rank, place in enumerate(segment.alternatives, start=1):
        pk = known.equipment[place].pk
        uow.session.add(SegmentEquipment(segment_pk=segment_pk, equipment_pk=pk, rank=rank))
    for name in segment.personnel_class_ids:
        uow.session.add(SegmentQualification(segment_pk=segment_pk, personnel_class_pk=known.class_pks[name]))
    for n, step in enumerate(segment.instructions, start=1):
        uow.session.add(
            SegmentInstruction(
                segment_pk=segment_pk,
                sequence=n,
                title=step.title,
                text=step.text,
                document_sha256=step.document_sha256 or None,
            )
        )


def _store_material(uow: UnitOfWork, known: References, segment_pk: int, material: MaterialSpecification) -> None:
    row = SegmentMaterial(
        segment_pk=segment_pk,
        material_pk=known.materials[material.material_id].pk,
        use=material.use.value,
        quantity=material.quantity,
        scrap_allowance=material.scrap_allowance,
    )
    uow.session.add(row)
    if material.substitutes:
        uow.flush()
    for rank, substitute in enumerate(material.substitutes, start=1):
        uow.session.add(
            MaterialSubstitute(
                segment_material_pk=_pk(row.pk),
                material_pk=known.materials[substitute.material_id].pk,
                rank=rank,
                quantity=substitute.quantity,
            )
        )


def clear_content(uow: UnitOfWork, row: OperationsDefinition) -> None:
    """Take the segments out of a draft. Nothing follows a draft that never was released."""
    segments = select(col(OperationsSegment.pk)).where(col(OperationsSegment.definition_pk) == row.pk)
    materials = select(col(SegmentMaterial.pk)).where(col(SegmentMaterial.segment_pk).in_(segments))
    uow.execute(delete(MaterialSubstitute).where(col(MaterialSubstitute.segment_material_pk).in_(materials)))
    for table in (
        SegmentMaterial,
        SegmentDependencyRow,
        SegmentEquipment,
        SegmentQualification,
        SegmentInstruction,
    ):
        uow.execute(delete(table).where(col(table.segment_pk).in_(segments)))
    uow.execute(delete(OperationsSegment).where(col(OperationsSegment.definition_pk) == row.pk))


def _pk(value: int | None) -> int:
    assert value is not None, "the row was flushed"
    return value
