"""Machines as bought, and which role each one fills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlmodel
from sqlalchemy import insert, or_, select, update

from mes.equipment import queries, statements
from mes.equipment.errors import (
    AssetMappingOverlap,
    EquipmentNotFound,
    PhysicalAssetExists,
    PhysicalAssetNotFound,
)
from mes.equipment.tables import EquipmentAssetMapping, PhysicalAsset
from mes.equipment.types import PhysicalAssetSpec, PutOutcome
from mes.kernel.errors import VersionConflict
from mes.kernel.uow import UnitOfWork

_MAPPING: Final = EquipmentAssetMapping.__table__  # type: ignore[attr-defined]
_FIELDS: Final = ("description", "vendor", "model", "serial_number")


def create_physical_asset(uow: UnitOfWork, *, spec: PhysicalAssetSpec) -> None:
    """Add one machine. `physical-asset-exists`; `equipment-not-found` for the role it shall fill."""
    if spec.physical_asset_id in _load(uow, [spec.physical_asset_id]):
        raise PhysicalAssetExists(f"There already is a physical asset {spec.physical_asset_id!r}.")
    put_physical_assets(uow, specs=[spec])


def update_physical_asset(uow: UnitOfWork, *, spec: PhysicalAssetSpec, version: int) -> None:
    """Change one machine that is still at `version`. `physical-asset-not-found`, `version-conflict`."""
    row = _load(uow, [spec.physical_asset_id]).get(spec.physical_asset_id)
    if row is None:
        raise PhysicalAssetNotFound(f"There is no physical asset {spec.physical_asset_id!r}.")
    if row.version != version:
        raise VersionConflict(f"It is at version {row.version}, not {version}.")
    put_physical_assets(uow, specs=[spec])


def put_physical_assets(uow: UnitOfWork, *, specs: Sequence[PhysicalAssetSpec]) -> dict[str, PutOutcome]:
    """Make the machines say what `specs` say; others stay. A role named is filled from now on.

    `equipment-not-found` for a role that does not exist.
    """
    rows = _load(uow, [s.physical_asset_id for s in specs])
    outcomes = {s.physical_asset_id: _put_one(uow, rows, s) for s in specs}
    uow.flush()
    for spec in specs:
        if spec.equipment_id is not None and _fill(uow, spec.equipment_id, spec.physical_asset_id, uow.now_us):
            before = outcomes[spec.physical_asset_id]
            outcomes[spec.physical_asset_id] = before if before is PutOutcome.Created else PutOutcome.Updated
    _emit(uow, outcomes)
    return outcomes


def map_asset(uow: UnitOfWork, *, equipment_id: str, physical_asset_id: str | None, at_us: int | None = None) -> None:
    """From an instant on (None: now) this machine fills this role; None for the machine: nobody fills it.

    Whoever filled the role, and whatever role the machine filled before, end there. Repeating it changes nothing.
    `equipment-not-found`, `physical-asset-not-found`, `asset-mapping-overlap` for an instant before the last change.
    """
    if _fill(uow, equipment_id, physical_asset_id, uow.now_us if at_us is None else at_us):
        _emit_mapping(uow, equipment_id, physical_asset_id, at_us)


def _load(uow: UnitOfWork, ids: Sequence[str]) -> dict[str, PhysicalAsset]:
    rows = uow.session.exec(sqlmodel.select(PhysicalAsset).where(sqlmodel.col(PhysicalAsset.id).in_(ids)))
    return {row.id: row for row in rows}


def _put_one(uow: UnitOfWork, rows: dict[str, PhysicalAsset], spec: PhysicalAssetSpec) -> PutOutcome:
    row = rows.get(spec.physical_asset_id)
    if row is None:
        values = {name: getattr(spec, name) for name in _FIELDS}
        rows[spec.physical_asset_id] = row = PhysicalAsset(id=spec.physical_asset_id, **values)
        uow.session.add(row)
        return PutOutcome.Created
    if all(getattr(row, name) == getattr(spec, name) for name in _FIELDS):
        return PutOutcome.Unchanged
    for name in _FIELDS:
        setattr(row, name, getattr(spec, name))
    return PutOutcome.Updated


def _fill(uow: UnitOfWork, equipment_id: str, physical_asset_id: str | None, at_us: int) -> bool:
    """Whether anything changed."""
    equipment_pk = _equipment_pk(uow, equipment_id)
    asset_pk = _asset_pk(uow, physical_asset_id)
    concerned = or_(_MAPPING.c.equipment_pk == equipment_pk, _MAPPING.c.physical_asset_pk == asset_pk)
    open_ones = uow.execute(select(_MAPPING).where(concerned, _MAPPING.c.to_at_us.is_(None))).all()
    if [(m.equipment_pk, m.physical_asset_pk) for m in open_ones] == [(equipment_pk, asset_pk)]:
        return False
    if not open_ones and asset_pk is None:
        return False
    last = uow.execute(select(_MAPPING).where(concerned)).all()
    if any(at_us < (m.to_at_us or m.from_at_us + 1) for m in last):
        raise AssetMappingOverlap()
    uow.execute(update(_MAPPING).where(concerned, _MAPPING.c.to_at_us.is_(None)).values(to_at_us=at_us))
    if asset_pk is not None:
        values = {"equipment_pk": equipment_pk, "physical_asset_pk": asset_pk, "from_at_us": at_us}
        uow.execute(insert(_MAPPING).values(values))
    return True


def _equipment_pk(uow: UnitOfWork, equipment_id: str) -> int:
    found = queries.get_equipment_pks(uow.session, [equipment_id])
    if not found:
        raise EquipmentNotFound(f"There is no equipment {equipment_id!r}.")
    return found[equipment_id]


def _asset_pk(uow: UnitOfWork, physical_asset_id: str | None) -> int | None:
    if physical_asset_id is None:
        return None
    found = _load(uow, [physical_asset_id]).get(physical_asset_id)
    if found is None:
        raise PhysicalAssetNotFound(f"There is no physical asset {physical_asset_id!r}.")
    return found.pk


def _emit(uow: UnitOfWork, outcomes: dict[str, PutOutcome]) -> None:
    for asset_id, outcome in outcomes.items():
        if outcome is not PutOutcome.Unchanged:
            view = queries.get_physical_asset(uow.session, physical_asset_id=asset_id)
            uow.emit(
                "equipment.physical-asset-put.v1",
                topics=[f"equipment/{view.equipment_id}"] if view.equipment_id else [],
                subject=f"physical-asset/{asset_id}",
                payload={
                    "physical_asset_id": asset_id,
                    "outcome": outcome.value,
                    "equipment_id": view.equipment_id,
                },
            )


def _emit_mapping(uow: UnitOfWork, equipment_id: str, physical_asset_id: str | None, at_us: int | None) -> None:
    place = statements.load_places(uow, [_equipment_pk(uow, equipment_id)])
    uow.emit(
        "equipment.asset-mapped.v1",
        topics=next(iter(place.values())).topics,
        subject=f"equipment/{equipment_id}",
        payload={"equipment_id": equipment_id, "physical_asset_id": physical_asset_id},
        occurred_at_us=at_us,
    )
