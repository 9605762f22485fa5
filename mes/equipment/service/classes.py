"""Classes of equipment."""

from __future__ import annotations

from collections.abc import Mapping

from mes.equipment.errors import EquipmentClassExists
from mes.equipment.queries import EQUIPMENT_CLASSES, get_equipment_class
from mes.equipment.types import PutOutcome
from mes.kernel.errors import VersionConflict
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
    return {name: PutOutcome(outcome) for name, outcome in EQUIPMENT_CLASSES.put(uow, descriptions).items()}
