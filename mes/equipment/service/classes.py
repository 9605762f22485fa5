"""Classes of equipment, and which equipment belongs to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mes.equipment.errors import EquipmentClassExists, EquipmentClassNotFound
from mes.equipment.queries import EQUIPMENT_CLASSES, get_equipment_class
from mes.equipment.types import EquipmentSpec, PutOutcome
from mes.kernel.errors import FieldError, VersionConflict
from mes.kernel.uow import UnitOfWork


def create_equipment_class(uow: UnitOfWork, *, equipment_class_id: str, description: str = "") -> None:
    """Add one equipment class. `equipment-class-exists`."""
    if EQUIPMENT_CLASSES.get(uow.session, [equipment_class_id]):
        raise EquipmentClassExists(f"There already is an equipment class {equipment_class_id!r}.")
    put_equipment_classes(uow, descriptions={equipment_class_id: description})


def update_equipment_class(uow: UnitOfWork, *, equipment_class_id: str, description: str, version: int) -> None:
    """Describe a class that is still at `version` anew. `equipment-class-not-found`, `version-conflict`."""
    view = get_equipment_class(uow.session, equipment_class_id=equipment_class_id)
    if view.version != version:
        raise VersionConflict(f"It is at version {view.version}, not {version}.")
    put_equipment_classes(uow, descriptions={equipment_class_id: description})


def put_equipment_classes(uow: UnitOfWork, *, descriptions: Mapping[str, str]) -> dict[str, PutOutcome]:
    """Make equipment classes say so, others stay. Repeating it changes nothing."""
    done = EQUIPMENT_CLASSES.put(uow, descriptions)
    outcomes = dict.fromkeys(descriptions, PutOutcome.Unchanged)
    outcomes |= dict.fromkeys(done.created, PutOutcome.Created) | dict.fromkeys(done.updated, PutOutcome.Updated)
    for class_id in (*done.created, *done.updated):
        uow.emit(
            "equipment.equipment-class-put.v1",
            topics=[f"equipment-class/{class_id}"],
            subject=f"equipment-class/{class_id}",
            payload={"equipment_class_id": class_id, "outcome": outcomes[class_id].value},
        )
    return outcomes


def refuse_unknown_classes(uow: UnitOfWork, specs: Sequence[EquipmentSpec]) -> None:
    """`equipment-class-not-found`, with an error for each equipment that names such a class."""
    named = {name for s in specs for name in s.classes or ()}
    if unknown := EQUIPMENT_CLASSES.unknown(uow.session, named):
        message = f"There is no equipment class {unknown[0]!r}."
        wrong = [s.equipment_id for s in specs if not set(unknown).isdisjoint(s.classes or ())]
        raise EquipmentClassNotFound(
            message, errors=[FieldError(name, message, EquipmentClassNotFound.code) for name in wrong]
        )
