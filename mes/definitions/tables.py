"""Tables of the definitions feature. Versions of work masters and definitions are rows.

What was ever released is never rewritten: only its state and its effectivity change. A draft may be.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import JSON, Column, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from mes.kernel.limits import ID_MAX
from mes.kernel.sqltypes import ExactQuantity, Versioned
from mes.kernel.tables import TableModel, micros

LABEL_MAX: Final = 20


def _json() -> Column[dict[str, Any]]:
    return Column(JSON, nullable=False, server_default=text("'{}'"))


class WorkMaster(Versioned, TableModel, table=True):
    """One version of a recipe. Only its effectivity ever changes."""

    __tablename__ = "work_master"
    __table_args__ = (UniqueConstraint("id", "version_label"),)

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX)
    version_label: str = Field(max_length=LABEL_MAX)
    description: str = Field(default="", max_length=500)
    parameters: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    limits: dict[str, dict[str, str]] = Field(default_factory=dict, sa_column=_json())
    effective_from_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    effective_until_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    version: int = Field(default=1, nullable=False, sa_column_kwargs={"server_default": text("1")})


class OperationsDefinition(Versioned, TableModel, table=True):
    """One version of a routing. `released_at_us`: since when it is fixed; None: it never was more than a draft."""

    __tablename__ = "operations_definition"
    __table_args__ = (UniqueConstraint("id", "version_label"),)

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX)
    version_label: str = Field(max_length=LABEL_MAX)
    description: str = Field(default="", max_length=500)
    material_pk: int = Field(foreign_key="material_definition.pk", index=True)
    state: str = Field(max_length=10)
    effective_from_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    effective_until_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    released_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    under_tolerance_bp: int | None = None
    over_tolerance_bp: int | None = None
    """Hundredths of a percent, for its orders that say nothing themselves."""


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
    parameters: dict[str, str] = Field(default_factory=dict, sa_column=_json())
    first_article: Decimal = Field(
        default=Decimal(0), sa_column=Column(ExactQuantity, nullable=False, server_default=text("0"))
    )
    """Pieces somebody has to pass before more are made."""


class SegmentEquipment(TableModel, table=True):
    """Another place where a step may be done, in order of preference from 1."""

    __tablename__ = "segment_equipment"

    segment_pk: int = Field(primary_key=True, foreign_key="operations_segment.pk")
    equipment_pk: int = Field(primary_key=True, foreign_key="equipment.pk")
    rank: int


class SegmentQualification(TableModel, table=True):
    """What a person who starts a step has to be."""

    __tablename__ = "segment_qualification"

    segment_pk: int = Field(primary_key=True, foreign_key="operations_segment.pk")
    personnel_class_pk: int = Field(primary_key=True, foreign_key="personnel_class.pk")


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
    scrap_allowance: Decimal = Field(
        default=Decimal(0), sa_column=Column(ExactQuantity, nullable=False, server_default=text("0"))
    )
    """Percent."""


class MaterialSubstitute(TableModel, table=True):
    """What may be used instead of a material at a step, in order of preference from 1."""

    __tablename__ = "material_substitute"

    segment_material_pk: int = Field(primary_key=True, foreign_key="segment_material.pk")
    material_pk: int = Field(primary_key=True, foreign_key="material_definition.pk")
    rank: int
    quantity: Decimal = Field(sa_column=Column(ExactQuantity, nullable=False))


class InstructionDocument(TableModel, table=True):
    """A picture or drawing, kept once whatever refers to it."""

    __tablename__ = "instruction_document"

    sha256: str = Field(primary_key=True, max_length=64)
    media_type: str = Field(max_length=40)
    size: int
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    added_at_us: int = Field(sa_column=micros())


class SegmentInstruction(TableModel, table=True):
    """One step of the work instruction of a step of a routing."""

    __tablename__ = "segment_instruction"
    __table_args__ = (UniqueConstraint("segment_pk", "sequence"),)

    pk: int | None = Field(default=None, primary_key=True)
    segment_pk: int = Field(foreign_key="operations_segment.pk")
    sequence: int
    title: str = Field(max_length=200)
    text: str = Field(default="", max_length=4_000)
    document_sha256: str | None = Field(default=None, max_length=64, foreign_key="instruction_document.sha256")


class ScrapReason(Versioned, TableModel, table=True):
    """Why a piece was scrapped."""

    __tablename__ = "scrap_reason"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    description: str = Field(default="", max_length=500)
    active: bool = True
