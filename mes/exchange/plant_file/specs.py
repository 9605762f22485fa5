"""Entries of a plant file as the specs the verbs take."""

from __future__ import annotations

import hashlib

from mes.definitions.types import (
    DefinitionSpec,
    Effectivity,
    InstructionSpec,
    MaterialSpecification,
    ParameterLimit,
    ScrapReasonSpec,
    SegmentDependency,
    SegmentSpec,
    Substitute,
    WorkMasterSpec,
)
from mes.edge.types import TagBindingSpec
from mes.equipment.types import (
    Break,
    Calendar,
    CalendarException,
    EquipmentSpec,
    PhysicalAssetSpec,
    PlantPolicy,
    ShiftPattern,
    ShiftTemplate,
)
from mes.exchange.plant_file.schemas import (
    CalendarEntry,
    DefectCodeEntry,
    DefinitionEntry,
    DependencyEntry,
    EquipmentEntry,
    HandlingEntry,
    InstructionEntry,
    LotEntry,
    MaterialEntry,
    MaterialSpecificationEntry,
    MoistureLevelEntry,
    PhysicalAssetEntry,
    PolicyEntry,
    QualityRequirementEntry,
    ScrapReasonEntry,
    SegmentEntry,
    ShiftEntry,
    TagEntry,
    ThingClassEntry,
    WorkMasterEntry,
)
from mes.kernel.classes import ClassSpec, class_ids
from mes.kernel.properties import exact_properties
from mes.materials.types import ApprovedPart, HandlingSpec, LotSpec, MaterialSpec, MoistureLevelSpec
from mes.quality.types import DefectCodeSpec, RequirementSpec
from standards.isa95.quantity import to_e6


def class_spec(entry: ThingClassEntry) -> ClassSpec:
    return ClassSpec(entry.id, entry.description, exact_properties(entry.properties))


def equipment_spec(entry: EquipmentEntry) -> EquipmentSpec:
    return EquipmentSpec(
        entry.id,
        entry.level,
        entry.parent,
        entry.description,
        entry.confirmation,
        entry.nominal_cycle_s,
        class_ids(entry.classes),
        exact_properties(entry.properties),
    )


def physical_asset_spec(entry: PhysicalAssetEntry) -> PhysicalAssetSpec:
    return PhysicalAssetSpec(
        entry.id, entry.description, entry.vendor, entry.model, entry.serial_number, entry.equipment
    )


def material_spec(entry: MaterialEntry) -> MaterialSpec:
    exact = tuple(c.exact() for c in entry.conversions)
    classes, properties = class_ids(entry.classes), exact_properties(entry.properties)
    return MaterialSpec(entry.id, entry.unit, entry.description, exact, classes, properties)


def moisture_level_spec(entry: MoistureLevelEntry) -> MoistureLevelSpec:
    return MoistureLevelSpec(
        entry.id, entry.floor_life_h, entry.dry_reset_factor, entry.dry_reset_within_h, entry.bake_h
    )


def handling_spec(entry: HandlingEntry) -> HandlingSpec:
    parts = tuple(ApprovedPart(part.manufacturer, part.part, part.gtin) for part in entry.approved_parts)
    times = (entry.shelf_life_days, entry.open_life_h, entry.warm_up_h)
    return HandlingSpec(entry.id, parts, *times, entry.msl or "", entry.floor_life_h, entry.bake_h)


def lot_spec(entry: LotEntry, material_unit: str) -> LotSpec:
    unit, properties = entry.unit or material_unit, exact_properties(entry.properties)
    return LotSpec(entry.id, entry.material, entry.quantity, unit, entry.disposition, properties)


def scrap_reason_spec(entry: ScrapReasonEntry) -> ScrapReasonSpec:
    return ScrapReasonSpec(entry.id, entry.description, entry.active)


def defect_code_spec(entry: DefectCodeEntry) -> DefectCodeSpec:
    return DefectCodeSpec(entry.id, entry.description, entry.active)


def requirement_spec(entry: QualityRequirementEntry) -> RequirementSpec:
    return RequirementSpec(entry.id, entry.unit_check)


def work_master_spec(entry: WorkMasterEntry) -> WorkMasterSpec:
    limited = {name: p for name, p in entry.parameters.items() if not isinstance(p, str)}
    return WorkMasterSpec(
        work_master_id=entry.id,
        version_label=entry.version,
        description=entry.description,
        parameters={name: p if isinstance(p, str) else p.value for name, p in entry.parameters.items()},
        limits={name: ParameterLimit(p.data_type, p.unit, p.low, p.high) for name, p in limited.items()},
        effectivity=Effectivity(entry.effective_from, entry.effective_until),
    )


def definition_spec(entry: DefinitionEntry) -> DefinitionSpec:
    segments = tuple(segment_spec(segment) for segment in entry.segments)
    effectivity = Effectivity(entry.effective_from, entry.effective_until)
    return DefinitionSpec(
        entry.id,
        entry.material,
        segments,
        entry.version,
        entry.description,
        entry.state,
        effectivity,
        entry.under_percent,
        entry.over_percent,
    )


def segment_spec(entry: SegmentEntry) -> SegmentSpec:
    return SegmentSpec(
        segment_id=entry.id,
        work_master_id=entry.work_master,
        equipment_id=entry.equipment,
        quantity_per_cycle=entry.quantity_per_cycle,
        cycle_unit=entry.cycle_unit,
        description=entry.description,
        nominal_cycle_s=entry.nominal_cycle_s,
        work_master_version=entry.work_master_version,
        after=tuple(_dependency(after) for after in entry.after),
        materials=tuple(_material(m) for m in entry.materials),
        alternatives=tuple(entry.alternatives),
        parameters=dict(entry.parameters),
        personnel_class_ids=tuple(entry.qualifications),
        instructions=tuple(_instruction(step) for step in entry.instructions),
        first_article=entry.first_article,
    )


def _material(entry: MaterialSpecificationEntry) -> MaterialSpecification:
    substitutes = tuple(
        Substitute(s, entry.quantity) if isinstance(s, str) else Substitute(s.material, s.quantity)
        for s in entry.substitutes
    )
    return MaterialSpecification(entry.material, entry.use, entry.quantity, entry.scrap_allowance, substitutes)


def _instruction(entry: InstructionEntry) -> InstructionSpec:
    own = hashlib.sha256(entry.document).hexdigest() if entry.document is not None else ""
    return InstructionSpec(entry.title, entry.text, entry.document_sha256 or own)


def _dependency(after: str | DependencyEntry) -> SegmentDependency:
    return SegmentDependency(after) if isinstance(after, str) else SegmentDependency(after.segment, after.kind)


def calendar_of(entry: CalendarEntry) -> Calendar:
    patterns = (ShiftPattern(_shift(p), frozenset(p.days)) for p in entry.shift_patterns)
    exceptions = (
        CalendarException(e.day, e.kind, tuple(_shift(s) for s in e.shifts), e.description) for e in entry.exceptions
    )
    return Calendar(
        entry.time_zone,
        entry.production_day_start,
        tuple(patterns),
        {exception.day: exception for exception in exceptions},
    )


def policy_of(entry: PolicyEntry) -> PlantPolicy:
    return PlantPolicy(entry.when_away, entry.first_article_for)


def _shift(entry: ShiftEntry) -> ShiftTemplate:
    breaks = tuple(Break(pause.start, pause.end) for pause in entry.breaks)
    return ShiftTemplate(entry.id, entry.start, entry.end, entry.name or entry.id, breaks)


def tag_binding_spec(entry: TagEntry) -> TagBindingSpec:
    return TagBindingSpec(
        tag=entry.tag,
        signal=entry.signal,
        equipment_id=entry.equipment,
        counts=entry.counts,
        reason_id=entry.reason or "",
        units_per_count_e6=to_e6(entry.units_per_count),
        modulus=entry.modulus,
        counting_point_of=entry.counting_point_of or "",
        max_per_s=entry.max_per_s,
        retentive=entry.retentive,
        state_map=entry.state_map,
        what=entry.what,
        unit=entry.unit,
        slot_id=entry.slot or "",
    )
