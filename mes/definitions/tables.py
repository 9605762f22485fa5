"""Tables of the definitions feature. Versions of work masters and definitions are rows; they are never rewritten."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field

from mes.kernel.limits import ID_MAX
from mes.kernel.sqltypes import ExactQuantity, Versioned
from mes.kernel.tables import TableModel

LABEL_MAX: Final = 20


class WorkMaster(TableModel, table=True):
    """One version of a recipe."""

    __tablename__ = "work_master"
    __table_args__ = (UniqueConstraint("id", "version_label"),)

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX)
    version_label: str = Field(max_length=LABEL_MAX)
    description: str = Field(default="", max_length=500)
    parameters: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))


class OperationsDefinition(Versioned, TableModel, table=True):
    """One version of a routing. Only `state` ever changes."""

    __tablename__ = "operations_definition"
    __table_args__ = (UniqueConstraint("id", "version_label"),)

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX)
    version_label: str = Field(max_length=LABEL_MAX)
    description: str = Field(default="", max_length=500)
    material_pk: int = Field(foreign_key="material_definition.pk", index=True)
    state: str = Field(max_length=10)


class OperationsSegment(TableModel, table=True):
    """One step of one version of a routing."""

    __tablename__ = "operations_segment"
    __table_args__ = (UniqueConstraint("definition_pk", "id"),)

    pk: int | None = Field(default=None, primary_key=True)
    definition_pk: int = Field(foreign_key="operations_definition.pk")
    id: str = Field(max_length=ID_MAX)
    sequence: int
    description: str = Field(default="", max_length=500)
    work_master_pk: int = Field(foreign_key="work_master.pk")
    equipment_pk: int = Field(foreign_key="equipment.pk")
    quantity_per_cycle: Decimal = Field(sa_column=Column(ExactQuantity, nullable=False))
    cycle_unit: str = Field(default="", max_length=20)
    nominal_cycle_s: Decimal | None = Field(default=None, sa_type=ExactQuantity)


class SegmentDependencyRow(TableModel, table=True):
    """A step waits for another one."""

    __tablename__ = "segment_dependency"

    segment_pk: int = Field(primary_key=True, foreign_key="operations_segment.pk")
    after_segment_pk: int = Field(primary_key=True, foreign_key="operations_segment.pk")
    kind: str = Field(max_length=20)


class SegmentMaterial(TableModel, table=True):
    """What one piece needs or yields at a step."""

    __tablename__ = "segment_material"
    __table_args__ = (UniqueConstraint("segment_pk", "material_pk", "use"),)

    pk: int | None = Field(default=None, primary_key=True)
    segment_pk: int = Field(foreign_key="operations_segment.pk")
    material_pk: int = Field(foreign_key="material_definition.pk")
    use: str = Field(max_length=30)
    quantity: Decimal = Field(sa_column=Column(ExactQuantity, nullable=False))


class ScrapReason(Versioned, TableModel, table=True):
    """Why a piece was scrapped."""

    __tablename__ = "scrap_reason"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    description: str = Field(default="", max_length=500)
    active: bool = True
