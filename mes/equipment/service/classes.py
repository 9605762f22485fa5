"""Classes of equipment."""

from __future__ import annotations

from collections.abc import Sequence

from mes.equipment.errors import EquipmentClassExists
from mes.equipment.queries import EQUIPMENT_CLASSES, get_equipment_class
from mes.equipment.types import PutOutcome
from mes.kernel.classes import ClassSpec
from mes.kernel.errors import VersionConflict
from mes.kernel.uow import UnitOfWork


def create_equipment_class(uow: UnitOfWork, *, spec: ClassSpec) -> None:
    """Add one equipment class. `equipment-class-exists`."""
    if EQUIPMENT_CLASSES.get(uow.session, [spec.class_id]):
        raise EquipmentClassExists(f"There already is an equipment class {spec.class_id!r}.")
    put_equipment_classes(uow, specs=[spec])


def update_equipment_class(uow: UnitOfWork, *, spec: ClassSpec, version: int) -> None:
    """Change a class that is still at `version`. `equipment-class-not-found`, `version-conflict`."""
    view = get_equipment_class(uow.session, equipment_class_id=spec.class_id)
    if view.version != version:
        raise VersionConflict(f"It is at version {view.version}, not {version}.")
    put_equipment_classes(uow, specs=[spec])


def put_equipment_classes(uow: UnitOfWork, *, specs: Sequence[ClassSpec]) -> dict[str, PutOutcome]:
    """Make equipment classes say so, others stay. Repeating it changes nothing."""
    return {name: PutOutcome(outcome) for name, outcome in EQUIPMENT_CLASSES.put(uow, specs).items()}
