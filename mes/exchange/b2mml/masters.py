"""Master data of a document into the plant: as sets, and one by one only to name who is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from mes.definitions.errors import OperationsDefinitionNotFound
from mes.definitions.queries import get_definition_versions
from mes.definitions.service import put_definitions, set_definition_state
from mes.definitions.types import DefinitionState
from mes.equipment.errors import EquipmentClassNotFound, EquipmentNotFound
from mes.equipment.queries import EQUIPMENT_CLASSES, get_equipment_pks, get_equipment_views
from mes.equipment.service import put_equipment, put_equipment_classes
from mes.equipment.types import PutOutcome
from mes.exchange.b2mml import master_specs
from mes.exchange.b2mml.errors import B2mmlNotSupported
from mes.exchange.b2mml.routing_specs import definition_spec
from mes.exchange.b2mml.types import Item, Outcome
from mes.genealogy.service import put_lots
from mes.kernel.classes import ClassSpec, ClassTables
from mes.kernel.errors import NotFound, Refusal
from mes.kernel.uow import UnitOfWork
from mes.materials.errors import MaterialClassNotFound, MaterialLotNotFound, MaterialNotFound
from mes.materials.queries import MATERIAL_CLASSES, get_material_lots, get_materials
from mes.materials.service import put_material_classes, put_materials, set_disposition
from mes.personnel.errors import PersonnelClassNotFound, PersonNotFound
from mes.personnel.queries import get_person, get_personnel_class
from mes.personnel.service import put_person, put_personnel_class
from standards.isa95.material import Disposition

CANCELLED: Final = "cancelled"
ERRORS_MAX: Final = 10
"""Faults of one object that are told."""


def done(item: Item, code: str) -> Outcome:
    return Outcome(item.path, item.id, code)


def refused(item: Item, refusal: Refusal) -> Outcome:
    every = "; ".join(f"{error.where}: {error.message}" for error in refusal.errors[:ERRORS_MAX])
    sentence = every if len(refusal.errors) > 1 else refusal.detail or refusal.title
    return Outcome(item.path, item.id, refusal.code, sentence, refusal.next_step, accepted=False, status=refusal.status)


def each(items: Sequence[Item], act: Callable[[Item], str]) -> list[Outcome]:
    """Act on one after the other. A refusal of one does not hide those of the others."""
    outcomes = []
    for item in items:
        try:
            outcomes.append(done(item, act(item)))
        except Refusal as refusal:
            outcomes.append(refused(item, refusal))
    return outcomes


def require(item: Item, known: object, verb: str, missing: type[NotFound]) -> None:
    """A Change is of something that is there."""
    if verb == "Change" and known is None:
        raise missing(f"There is no {item.id[:100]!r} to change.")


def put_together(
    items: Sequence[Item],
    spec_of: Callable[[Item], Any],
    put: Callable[[Sequence[Any]], Mapping[str, PutOutcome]],
) -> list[Outcome]:
    """Put a set in one go; where that is refused, one by one, so that each refusal finds its object."""
    specs: dict[str, Any] = {}

    def prepare(item: Item) -> str:
        specs[item.path] = spec_of(item)
        return ""

    outcomes = {outcome.path: outcome for outcome in each(items, prepare)}
    try:
        results = put(list(specs.values()))
    except Refusal:
        singly = [item for item in items if item.path in specs]
        outcomes |= {o.path: o for o in each(singly, lambda item: put([specs[item.path]])[item.id].value)}
    else:
        outcomes |= {item.path: done(item, results[item.id].value) for item in items if item.path in specs}
    return [outcomes[item.path] for item in items]


def put_material_class_items(uow: UnitOfWork, items: Sequence[Item], verb: str) -> list[Outcome]:
    put = partial(put_material_classes, uow)
    return _put_classes(uow, items, verb, MATERIAL_CLASSES, MaterialClassNotFound, put)


def put_equipment_class_items(uow: UnitOfWork, items: Sequence[Item], verb: str) -> list[Outcome]:
    put = partial(put_equipment_classes, uow)
    return _put_classes(uow, items, verb, EQUIPMENT_CLASSES, EquipmentClassNotFound, put)


def _put_classes(
    uow: UnitOfWork,
    items: Sequence[Item],
    verb: str,
    tables: ClassTables,
    missing: type[NotFound],
    put: Callable[..., Mapping[str, PutOutcome]],
) -> list[Outcome]:
    known = tables.get(uow.session, {item.id for item in items})

    def spec_of(item: Item) -> ClassSpec:
        before = known.get(item.id)
        require(item, before, verb, missing)
        return master_specs.class_spec(item, before.description if before else "")

    return put_together(items, spec_of, lambda specs: put(specs=specs))


def put_material_items(uow: UnitOfWork, items: Sequence[Item], verb: str) -> list[Outcome]:
    known = get_materials(uow.session, {item.id for item in items})

    def spec_of(item: Item) -> Any:
        require(item, known.get(item.id), verb, MaterialNotFound)
        return master_specs.material_spec(item, known.get(item.id))

    return put_together(items, spec_of, lambda specs: put_materials(uow, specs=specs))


def put_lot_items(uow: UnitOfWork, items: Sequence[Item], verb: str) -> list[Outcome]:
    known = get_material_lots(uow.session, {item.id for item in items})
    named = {item.element.value("MaterialDefinitionID") for item in items} | {v.material_id for v in known.values()}
    materials = get_materials(uow.session, named)

    def spec_of(item: Item) -> Any:
        view = known.get(item.id)
        require(item, view, verb, MaterialLotNotFound)
        material_id = item.element.value("MaterialDefinitionID") or (view.material_id if view else "")
        if material_id and material_id not in materials:
            raise MaterialNotFound(f"There is no material {material_id[:100]!r}.")
        return master_specs.lot_spec(item, view, materials[material_id].unit if material_id else "")

    return put_together(items, spec_of, lambda specs: put_lots(uow, specs=specs))


def close_lot(uow: UnitOfWork, item: Item, reason: str) -> str:
    lot = get_material_lots(uow.session, [item.id]).get(item.id)
    if lot is not None and lot.disposition is Disposition.Closed:
        return PutOutcome.Unchanged.value
    set_disposition(uow, lot_id=item.id, disposition=Disposition.Closed, reason=reason)
    return CANCELLED


def put_equipment_items(uow: UnitOfWork, items: Sequence[Item], verb: str) -> list[Outcome]:
    pks = get_equipment_pks(uow.session, {item.id for item in items})
    known = {view.equipment_id: view for view in get_equipment_views(uow.session, pks.values()).values()}

    def spec_of(item: Item) -> Any:
        require(item, known.get(item.id), verb, EquipmentNotFound)
        return master_specs.equipment_spec(item, known.get(item.id))

    return put_together(items, spec_of, lambda specs: put_equipment(uow, specs=specs))


def put_class_items(uow: UnitOfWork, items: Sequence[Item], verb: str) -> list[Outcome]:
    def put(item: Item) -> str:
        before = get_personnel_class(uow.session, personnel_class_id=item.id)
        require(item, before, verb, PersonnelClassNotFound)
        description = master_specs.class_description(item, before.description if before else "")
        put_personnel_class(uow, personnel_class_id=item.id, description=description)
        return compared(before, get_personnel_class(uow.session, personnel_class_id=item.id))

    return each(items, put)


def put_person_items(uow: UnitOfWork, items: Sequence[Item], verb: str) -> list[Outcome]:
    def put(item: Item) -> str:
        before = get_person(uow.session, person_id=item.id)
        require(item, before, verb, PersonNotFound)
        put_person(
            uow,
            person_id=item.id,
            name=master_specs.person_name(item, before),
            language=before.language if before else "en",
            qualifications=master_specs.qualifications(item, before),
            properties=master_specs.properties_of(item),
        )
        uow.flush()
        return compared(before, get_person(uow.session, person_id=item.id))

    return each(items, put)


def compared(before: object, after: object) -> str:
    if before is None:
        return PutOutcome.Created.value
    return (PutOutcome.Unchanged if before == after else PutOutcome.Updated).value


def put_definition_items(uow: UnitOfWork, items: Sequence[Item], verb: str) -> list[Outcome]:
    known = get_definition_versions(uow.session, [item.id for item in items])

    def put(item: Item) -> str:
        require(item, known.get(item.id), verb, OperationsDefinitionNotFound)
        return put_definitions(uow, specs=[definition_spec(item)])[item.id].value

    return each(items, put)


def withdraw_definition(uow: UnitOfWork, item: Item, reason: str) -> str:
    """The version named, or every one that is released, becomes Obsolete."""
    label = item.element.value("Version")
    versions = get_definition_versions(uow.session, [item.id]).get(item.id, ())
    named = [v for v in versions if label in ("", v.version_label)]
    if not named:
        raise OperationsDefinitionNotFound(f"There is no operations definition {item.id[:100]!r} {label[:20]}.")
    wanted = [v.version_label for v in named if v.state is not DefinitionState.Obsolete]
    for version_label in wanted:
        set_definition_state(uow, definition_id=item.id, version_label=version_label, state=DefinitionState.Obsolete)
    return CANCELLED if wanted else PutOutcome.Unchanged.value


def refuse_cancel(uow: UnitOfWork, item: Item, reason: str) -> str:
    raise B2mmlNotSupported(f"{item.kind} cannot be cancelled: what has been worked with stays on record.")
