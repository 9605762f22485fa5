"""Build and change the hierarchy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import col, select

from mes.equipment import queries, rules, statements
from mes.equipment.errors import (
    ConfirmationNotHere,
    EquipmentClassNotFound,
    EquipmentExists,
    EquipmentNotFound,
    EquipmentPlaceInvalid,
)
from mes.equipment.queries import EQUIPMENT_CLASSES
from mes.equipment.tables import Equipment
from mes.equipment.types import EquipmentSpec, HierarchyNode, PutOutcome
from mes.kernel.classes import Belonging
from mes.kernel.errors import FieldError, VersionConflict
from mes.kernel.properties import stored
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
    EQUIPMENT_CLASSES.refuse_unknown(uow.session, {s.equipment_id: s.classes for s in specs}, EquipmentClassNotFound)
    rows = {row.id: row for row in uow.session.exec(select(Equipment))}
    nodes = _nodes(rows) | {s.equipment_id: _node(s) for s in specs}
    _refuse_faults(nodes, specs)
    outcomes = _put_levels(uow, rows, nodes, specs)
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


def _put_levels(
    uow: UnitOfWork, rows: dict[str, Equipment], nodes: Mapping[str, HierarchyNode], specs: Sequence[EquipmentSpec]
) -> dict[str, PutOutcome]:
    """Parents first; what is new and stands equally deep is written at once."""
    levels: dict[int, list[EquipmentSpec]] = {}
    for spec in specs:
        levels.setdefault(_depth(nodes, spec), []).append(spec)
    outcomes: dict[str, PutOutcome] = {}
    for depth in sorted(levels):
        new = [spec for spec in levels[depth] if spec.equipment_id not in rows]
        outcomes |= {s.equipment_id: _change(rows, s) for s in levels[depth] if s.equipment_id in rows}
        outcomes |= dict.fromkeys((spec.equipment_id for spec in new), PutOutcome.Created)
        _create(uow, rows, nodes, new)
    return outcomes


def _values(rows: Mapping[str, Equipment], spec: EquipmentSpec) -> dict[str, Any]:
    return {
        "level": spec.level.value,
        "parent_pk": _pk(rows[spec.parent_id]) if spec.parent_id is not None else None,
        "description": spec.description,
        "confirmation": spec.confirmation.value if spec.confirmation else None,
        "nominal_cycle_s": spec.nominal_cycle_s,
        **({} if spec.properties is None else {"properties": stored(spec.properties)}),
    }


def _create(
    uow: UnitOfWork, rows: dict[str, Equipment], nodes: Mapping[str, HierarchyNode], specs: Sequence[EquipmentSpec]
) -> None:
    """Of one depth; who is a work centre or an area of its own is told so by `_place`."""
    if not specs:
        return
    places = {spec.equipment_id: _place_of(rows, nodes, spec.equipment_id) for spec in specs}
    uow.execute(
        insert(Equipment),
        [
            {"id": s.equipment_id, "version": 1, "properties": [], **_values(rows, s), **places[s.equipment_id]}
            for s in specs
        ],
    )
    rows |= {r.id: r for r in uow.session.exec(select(Equipment).where(col(Equipment.id).in_(places)))}


def _change(rows: Mapping[str, Equipment], spec: EquipmentSpec) -> PutOutcome:
    row, values = rows[spec.equipment_id], _values(rows, spec)
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
    before = {name: held.get(_pk(rows[name]), Belonging()).ids for name in named}
    changed = {name: classes for name, classes in named.items() if set(before[name]) != set(classes)}
    EQUIPMENT_CLASSES.assign(uow, {_pk(rows[name]): classes for name, classes in changed.items()})
    for name in changed:
        if outcomes[name] is PutOutcome.Unchanged:
            outcomes[name] = PutOutcome.Updated
            flag_modified(rows[name], "description")


def _place(uow: UnitOfWork, rows: Mapping[str, Equipment], nodes: Mapping[str, HierarchyNode]) -> None:
    for row in rows.values():
        for name, pk in _place_of(rows, nodes, row.id).items():
            if getattr(row, name) != pk:
                setattr(row, name, pk)
    uow.flush()


def _place_of(
    rows: Mapping[str, Equipment], nodes: Mapping[str, HierarchyNode], equipment_id: str
) -> dict[str, int | None]:
    """The columns that say where it stands; None for an equipment that is not there yet."""
    place = rules.place_of(nodes, equipment_id)
    there = {"work_center_pk": place.work_center_id, "area_pk": place.area_id}
    return {name: rows[found].pk if found is not None and found in rows else None for name, found in there.items()}


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
