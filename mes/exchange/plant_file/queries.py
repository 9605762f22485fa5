"""What a plant already knows, as far as a plant file can refer to it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select
from sqlmodel import Session

from mes.definitions.tables import OperationsDefinition, ScrapReason, WorkMaster
from mes.edge.tables import Bridge
from mes.equipment.tables import Equipment, EquipmentClass, PhysicalAsset
from mes.equipment.types import HierarchyNode
from mes.exchange.plant_file.types import KnownPlant
from mes.materials.queries import get_materials
from mes.materials.tables import MaterialClass, MaterialDefinition, MaterialLot
from mes.materials.types import MaterialSpec
from mes.personnel.tables import Person, PersonnelClass
from mes.quality.tables import DefectCode, QualityRequirement
from standards.isa95.equipment_hierarchy import EquipmentLevel

_TABLES: Final[dict[str, Any]] = {
    "equipment_classes": EquipmentClass,
    "equipment": Equipment,
    "physical_assets": PhysicalAsset,
    "material_classes": MaterialClass,
    "material_definitions": MaterialDefinition,
    "material_lots": MaterialLot,
    "personnel_classes": PersonnelClass,
    "persons": Person,
    "scrap_reasons": ScrapReason,
    "defect_codes": DefectCode,
    "work_masters": WorkMaster,
    "quality_requirements": QualityRequirement,
    "operations_definitions": OperationsDefinition,
    "bridges": Bridge,
}


def read_known_plant(session: Session) -> KnownPlant:
    """What this plant knows."""
    ids = {kind: frozenset(session.execute(select(model.id)).scalars()) for kind, model in _TABLES.items()}
    found = get_materials(session, ids["material_definitions"])
    materials = {i: MaterialSpec(i, m.unit, m.description, m.conversions) for i, m in found.items()}
    return KnownPlant(ids, _nodes(session), materials)


def _nodes(session: Session) -> dict[str, HierarchyNode]:
    table = Equipment.__table__  # type: ignore[attr-defined]
    rows = session.execute(select(table.c.pk, table.c.id, table.c.level, table.c.parent_pk)).all()
    ids = {row.pk: row.id for row in rows}
    return {r.id: HierarchyNode(r.id, EquipmentLevel(r.level), ids[r.parent_pk] if r.parent_pk else None) for r in rows}
