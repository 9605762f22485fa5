"""Build and change the hierarchy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import select

from mes.equipment import queries, rules, statements
from mes.equipment.errors import (
    ConfirmationNotHere,
    EquipmentExists,
    EquipmentNotFound,
    EquipmentPlaceInvalid,
)
from mes.equipment.queries import EQUIPMENT_CLASSES
from mes.equipment.service.classes import refuse_unknown_classes
from mes.equipment.tables import Equipment
from mes.equipment.types import EquipmentSpec, HierarchyNode, PutOutcome
from mes.kernel.errors import FieldError, VersionConflict
from mes.kernel.uow import UnitOfWork
from standards.isa95.equipment_hierarchy import EquipmentLevel


def create_equipment(uow: UnitOfWork, *, spec: EquipmentSpec) -> None:
    """Add one equipment. `equipment-exists`, `equipment-place-invalid`, `confirmation-not-here`."""
    if spec.equipment_id in queries.get_equipment_pks(uow.session, [spec.equipment_id]):
        raise EquipmentExists(f"There already is an equipment {spec.equipment_id!r}.")
    put_equipment(uow, specs=[spec])


def update_equipment(uow: UnitOfWork, *, spec: EquipmentSpec, version: int) -> None:
    """Change one equipment that is still at `version`.

    `equipment-not-found`, `version-conflict`, `equipment-place-invalid`, `confirmation-not-here`.
    """
    row = uow.session.exec(select(Equipment).where(Equipment.id == spec.equipment_id)).first()
    if row is None:
        raise EquipmentNotFound(f"There is no equipment {spec.equipment_id!r}.")
    if row.version != version:
        raise VersionConflict(f"It is at version {row.version}, not {version}.")
    put_equipment(uow, specs=[spec])


def put_equipment(uow: UnitOfWork, *, specs: Sequence[EquipmentSpec]) -> dict[str, PutOutcome]:
    """Make the hierarchy say what `specs` say; equipment not named stays. Repeating it changes nothing.

    Refuses all or nothing, naming every fault: `equipment-place-invalid`, `confirmation-not-here`,
    `equipment-class-not-found`.
    """
    refuse_unknown_classes(uow, specs)
    rows = {row.id: row for row in uow.session.exec(select(Equipment))}
    nodes = _nodes(rows) | {s.equipment_id: _node(s) for s in specs}
    _refuse_faults(nodes, specs)
    outcomes = {s.equipment_id: _put_one(uow, rows, s) for s in sorted(specs, key=lambda s: _depth(nodes, s))}
    _classify(uow, rows, outcomes, specs)
    _place(uow, rows, nodes)
    created = [_pk(rows[i]) for i, outcome in outcomes.items() if outcome is PutOutcome.Created]
    statements.insert_status(uow, created)
    _emit(uow, rows, outcomes)
    return outcomes


def _nodes(rows: Mapping[str, Equipment]) -> dict[str, HierarchyNode]:
    ids = {row.pk: row.id for row in rows.values()}
    return {
        r.id: HierarchyNode(r.id, EquipmentLevel(r.level), ids[r.parent_pk] if r.parent_pk else None)
        for r in rows.values()
    }


def _node(spec: EquipmentSpec) -> HierarchyNode:
    return HierarchyNode(spec.equipment_id, spec.level, spec.parent_id)


def _refuse_faults(nodes: Mapping[str, HierarchyNode], specs: Sequence[EquipmentSpec]) -> None:
    named = {s.equipment_id for s in specs}
    touched = [n.equipment_id for n in nodes.values() if n.equipment_id in named or n.parent_id in named]
    faults = rules.hierarchy_faults(nodes, of=touched)
    if faults:
        raise EquipmentPlaceInvalid(
            faults[0].message, errors=[FieldError(f.equipment_id, f.message, f.code) for f in faults]
        )
    wrong = [s for s in specs if (s.confirmation or s.nominal_cycle_s) and not rules.may_confirm(s.level)]
    if wrong:
        message = "no jobs run on this level"
        raise ConfirmationNotHere(
            message, errors=[FieldError(s.equipment_id, message, ConfirmationNotHere.code) for s in wrong]
        )


def _depth(nodes: Mapping[str, HierarchyNode], spec: EquipmentSpec) -> int:
    depth, current = 0, spec.parent_id
    while current is not None:
        depth, current = depth + 1, nodes[current].parent_id
    return depth


def _pk(row: Equipment) -> int:
    assert row.pk is not None, "the row was flushed"
    return row.pk


def _put_one(uow: UnitOfWork, rows: dict[str, Equipment], spec: EquipmentSpec) -> PutOutcome:
    row = rows.get(spec.equipment_id)
    values: dict[str, Any] = {
        "level": spec.level.value,
        "parent_pk": rows[spec.parent_id].pk if spec.parent_id is not None else None,
        "description": spec.description,
        "confirmation": spec.confirmation.value if spec.confirmation else None,
        "nominal_cycle_s": spec.nominal_cycle_s,
    }
    if row is None:
        rows[spec.equipment_id] = row = Equipment(id=spec.equipment_id, **values)
        uow.session.add(row)
        uow.flush()
        return PutOutcome.Created
    if all(getattr(row, name) == value for name, value in values.items()):
        return PutOutcome.Unchanged
    for name, value in values.items():
        setattr(row, name, value)
    return PutOutcome.Updated


def _classify(
    uow: UnitOfWork, rows: Mapping[str, Equipment], outcomes: dict[str, PutOutcome], specs: Sequence[EquipmentSpec]
) -> None:
    """A change of classes alone is a change of the equipment."""
    named = {s.equipment_id: s.classes for s in specs if s.classes is not None}
    held = EQUIPMENT_CLASSES.of(uow.session, [_pk(rows[name]) for name in named])
    changed = {name: classes for name, classes in named.items() if set(held.get(_pk(rows[name]), ())) != set(classes)}
    EQUIPMENT_CLASSES.assign(uow, {_pk(rows[name]): classes for name, classes in changed.items()})
    for name in changed:
        if outcomes[name] is PutOutcome.Unchanged:
            outcomes[name] = PutOutcome.Updated
            flag_modified(rows[name], "description")


def _place(uow: UnitOfWork, rows: Mapping[str, Equipment], nodes: Mapping[str, HierarchyNode]) -> None:
    for row in rows.values():
        place = rules.place_of(nodes, row.id)
        row.work_center_pk = rows[place.work_center_id].pk if place.work_center_id else None
        row.area_pk = rows[place.area_id].pk if place.area_id else None
    uow.flush()


def _emit(uow: UnitOfWork, rows: Mapping[str, Equipment], outcomes: Mapping[str, PutOutcome]) -> None:
    changed = {i: o for i, o in outcomes.items() if o is not PutOutcome.Unchanged}
    places = statements.load_places(uow, [_pk(rows[i]) for i in changed])
    for equipment_id, outcome in changed.items():
        row = rows[equipment_id]
        uow.emit(
            "equipment.equipment-put.v1",
            topics=places[_pk(row)].topics,
            subject=f"equipment/{equipment_id}",
            payload={"equipment_id": equipment_id, "outcome": outcome.value, "version": row.version},
        )
