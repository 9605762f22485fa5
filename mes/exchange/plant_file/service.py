"""Load a plant file: everything in one unit of work, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mes.definitions.service import put_definitions, put_document, put_scrap_reasons, put_work_masters
from mes.edge.service import put_bridge, put_tag_bindings
from mes.equipment.service import (
    put_calendar,
    put_equipment,
    put_equipment_classes,
    put_physical_assets,
    put_plant_policy,
)
from mes.equipment.types import PutOutcome
from mes.exchange.plant_file import specs
from mes.exchange.plant_file.checking import refusal
from mes.exchange.plant_file.queries import read_known_plant
from mes.exchange.plant_file.rules import reference_faults
from mes.exchange.plant_file.schemas import (
    BridgeEntry,
    ClassEntry,
    DefectCodeEntry,
    DefinitionEntry,
    EquipmentEntry,
    HandlingEntry,
    LotEntry,
    MaterialEntry,
    MoistureLevelEntry,
    PersonEntry,
    PhysicalAssetEntry,
    QualityRequirementEntry,
    ScrapReasonEntry,
    ThingClassEntry,
    WorkMasterEntry,
)
from mes.exchange.plant_file.source import Fault
from mes.exchange.plant_file.types import KindSummary, KnownPlant, LoadSummary, PlantDocument
from mes.genealogy.service import put_lots
from mes.kernel.errors import Refusal
from mes.kernel.properties import exact_properties
from mes.kernel.uow import UnitOfWork
from mes.materials.life.service import put_handlings, put_moisture_levels
from mes.materials.queries import get_materials
from mes.materials.service import put_material_classes, put_materials
from mes.personnel.queries import get_person, get_personnel_class
from mes.personnel.service import put_person, put_personnel_class
from mes.personnel.types import Qualification
from mes.quality.service import put_defect_codes, put_requirements

Outcomes = Mapping[str, PutOutcome]


def load_plant(uow: UnitOfWork, *, plant: PlantDocument) -> LoadSummary:
    """Make the plant say what the file says; what the file does not name stays. Loading it again changes nothing.

    `plant-file-invalid` with every fault by line; then nothing was written.
    """
    known = read_known_plant(uow.session)
    faults = reference_faults(plant, known)
    if faults:
        raise refusal(plant.filename, faults)
    return LoadSummary(tuple(_load(uow, plant, known)))


def _load(uow: UnitOfWork, document: PlantDocument, known: KnownPlant) -> Iterable[KindSummary]:
    for kind, load in _LOADERS.items():
        if document.located(kind):
            outcomes = load(uow, document)
            absent = known.ids.get(kind, frozenset()) - {e.entry.id for e in document.located(kind)}
            yield _summary(kind, outcomes.values(), tuple(sorted(absent)))
            if kind == "bridges":
                yield _load_tags(uow, document)
    calendar = document.calendar_entry()
    if calendar is not None:
        yield _summary("calendar", [put_calendar(uow, calendar=specs.calendar_of(calendar))], ())
    policy = document.policy_entry()
    if policy is not None:
        yield _summary("policy", [put_plant_policy(uow, policy=specs.policy_of(policy))], ())


def _summary(kind: str, outcomes: Iterable[PutOutcome], absent: tuple[str, ...]) -> KindSummary:
    count = Counter(outcomes)
    return KindSummary(kind, count[PutOutcome.Created], count[PutOutcome.Updated], count[PutOutcome.Unchanged], absent)


def _load_equipment_classes(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    wanted = [specs.class_spec(e) for e in document.of("equipment_classes", ThingClassEntry)]
    return put_equipment_classes(uow, specs=wanted)


def _load_equipment(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    wanted = [specs.equipment_spec(e) for e in document.of("equipment", EquipmentEntry)]
    return put_equipment(uow, specs=wanted)


def _load_assets(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    wanted = [specs.physical_asset_spec(e) for e in document.of("physical_assets", PhysicalAssetEntry)]
    return put_physical_assets(uow, specs=wanted)


def _load_material_classes(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    wanted = [specs.class_spec(e) for e in document.of("material_classes", ThingClassEntry)]
    return put_material_classes(uow, specs=wanted)


def _load_materials(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    wanted = [specs.material_spec(e) for e in document.of("material_definitions", MaterialEntry)]
    return put_materials(uow, specs=wanted)


def _load_levels(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    wanted = [specs.moisture_level_spec(e) for e in document.of("moisture_levels", MoistureLevelEntry)]
    return put_moisture_levels(uow, specs=wanted)


def _load_handling(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    wanted = [specs.handling_spec(e) for e in document.of("material_handling", HandlingEntry)]
    return put_handlings(uow, specs=wanted)


def _load_lots(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    entries = list(document.of("material_lots", LotEntry))
    units = {i: m.unit for i, m in get_materials(uow.session, {e.material for e in entries}).items()}
    try:
        return put_lots(uow, specs=[specs.lot_spec(e, units[e.material]) for e in entries])
    except Refusal as said_no:
        lines = {e.entry.id: e.node.line for e in document.located("material_lots")}
        faults = [Fault(lines[error.where], error.code, error.message) for error in said_no.errors]
        raise refusal(document.filename, faults) from said_no


def _load_scrap_reasons(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    wanted = [specs.scrap_reason_spec(e) for e in document.of("scrap_reasons", ScrapReasonEntry)]
    return put_scrap_reasons(uow, specs=wanted)


def _load_defect_codes(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    wanted = [specs.defect_code_spec(e) for e in document.of("defect_codes", DefectCodeEntry)]
    return put_defect_codes(uow, specs=wanted)


def _load_requirements(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    wanted = [specs.requirement_spec(e) for e in document.of("quality_requirements", QualityRequirementEntry)]
    return put_requirements(uow, specs=wanted)


def _load_work_masters(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    entries = document.of("work_masters", WorkMasterEntry)
    return _each(document, "work_masters", entries, lambda e: put_work_masters(uow, specs=[specs.work_master_spec(e)]))


def _load_definitions(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    entries = document.of("operations_definitions", DefinitionEntry)
    return _each(document, "operations_definitions", entries, lambda e: _put_definition(uow, e))


def _put_definition(uow: UnitOfWork, entry: DefinitionEntry) -> Outcomes:
    for segment in entry.segments:
        for step in segment.instructions:
            if step.document is not None:
                put_document(uow, content=step.document)
    return put_definitions(uow, specs=[specs.definition_spec(entry)])


def _each(document: PlantDocument, kind: str, entries: Iterable[Any], put: Callable[[Any], Outcomes]) -> Outcomes:
    """Put entries one by one, so that each refusal finds its line; all refusals are told together."""
    outcomes: dict[str, PutOutcome] = {}
    faults = []
    for entry in entries:
        try:
            outcomes |= put(entry)
        except Refusal as said_no:
            line = document.line_of(kind, entry.id)
            faults.append(Fault(line, said_no.code, said_no.detail or said_no.title))
    if faults:
        raise refusal(document.filename, faults)
    return outcomes


def _load_personnel_classes(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    outcomes = {}
    for e in document.of("personnel_classes", ClassEntry):
        before = get_personnel_class(uow.session, personnel_class_id=e.id)
        put_personnel_class(uow, personnel_class_id=e.id, description=e.description)
        after = get_personnel_class(uow.session, personnel_class_id=e.id)
        outcomes[e.id] = _compared(before, after)
    return outcomes


def _load_persons(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    def put(e: PersonEntry) -> Outcomes:
        before = get_person(uow.session, person_id=e.id)
        put_person(
            uow,
            person_id=e.id,
            name=e.name,
            language=e.language,
            qualifications=_qualifications(before, e),
            role=e.role,
            properties=exact_properties(e.properties),
        )
        uow.flush()
        return {e.id: _compared(before, get_person(uow.session, person_id=e.id))}

    return _each(document, "persons", document.of("persons", PersonEntry), put)


def _qualifications(before: Any, entry: PersonEntry) -> list[Qualification]:
    """What the file names; a qualification the person has already keeps its dates."""
    held = {q.personnel_class_id: q for q in before.qualifications} if before else {}
    return [held.get(name, Qualification(name)) for name in dict.fromkeys(entry.qualifications)]


def _compared(before: Any, after: Any) -> PutOutcome:
    if before is None:
        return PutOutcome.Created
    return PutOutcome.Unchanged if before == after else PutOutcome.Updated


def _load_bridges(uow: UnitOfWork, document: PlantDocument) -> Outcomes:
    outcomes = {}
    for e in document.of("bridges", BridgeEntry):
        changes = put_bridge(uow, bridge_id=e.id, description=e.description)
        created_or_updated = PutOutcome.Created if changes.created else PutOutcome.Updated
        outcomes[e.id] = PutOutcome.Unchanged if changes.unchanged else created_or_updated
    return outcomes


def _load_tags(uow: UnitOfWork, document: PlantDocument) -> KindSummary:
    created = updated = unchanged = 0
    for e in document.of("bridges", BridgeEntry):
        bindings = [specs.tag_binding_spec(tag) for tag in e.tags]
        changes = put_tag_bindings(uow, bridge_id=e.id, bindings=bindings)
        created, updated = created + changes.created, updated + changes.updated
        unchanged += changes.unchanged
    return KindSummary("tags", created, updated, unchanged)


_LOADERS: Final[Mapping[str, Callable[[UnitOfWork, PlantDocument], Outcomes]]] = {
    "equipment_classes": _load_equipment_classes,
    "equipment": _load_equipment,
    "physical_assets": _load_assets,
    "material_classes": _load_material_classes,
    "material_definitions": _load_materials,
    "moisture_levels": _load_levels,
    "material_handling": _load_handling,
    "material_lots": _load_lots,
    "personnel_classes": _load_personnel_classes,
    "persons": _load_persons,
    "scrap_reasons": _load_scrap_reasons,
    "defect_codes": _load_defect_codes,
    "work_masters": _load_work_masters,
    "quality_requirements": _load_requirements,
    "operations_definitions": _load_definitions,
    "bridges": _load_bridges,
}
"""In the order in which one kind refers to another."""
