"""Tables of the materials feature."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from sqlalchemy import BigInteger, Column, SmallInteger, UniqueConstraint
from sqlmodel import Field

from mes.kernel.limits import ID_MAX
from mes.kernel.sqltypes import ExactQuantity, Versioned
from mes.kernel.tables import TableModel

UNIT_MAX: Final = 20


class MaterialDefinition(Versioned, TableModel, table=True):
    """What a material is, and the unit it is counted in."""

    __tablename__ = "material_definition"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    description: str = Field(default="", max_length=500)
    unit: str = Field(max_length=UNIT_MAX)


class UnitConversionRow(TableModel, table=True):
    """One other unit of a material: one of it is numerator/denominator of the material's own."""

    __tablename__ = "unit_conversion"
    __table_args__ = (UniqueConstraint("material_pk", "unit"),)

    pk: int | None = Field(default=None, primary_key=True)
    material_pk: int = Field(foreign_key="material_definition.pk")
    unit: str = Field(max_length=UNIT_MAX)
    numerator: int = Field(sa_column=Column(BigInteger, nullable=False))
    denominator: int = Field(sa_column=Column(BigInteger, nullable=False))


class MaterialLot(Versioned, TableModel, table=True):
    """A quantity of one material that belongs together."""

    __tablename__ = "material_lot"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    material_pk: int = Field(foreign_key="material_definition.pk", index=True)
    quantity: Decimal = Field(sa_column=Column(ExactQuantity, nullable=False))
    unit: str = Field(max_length=UNIT_MAX)
    disposition: str = Field(max_length=20)
    kind: int = Field(default=1, sa_column=Column(SmallInteger, nullable=False, server_default="1"))
    """`LotKind`."""
    consumed_e6: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """Kept by genealogy, of a lot of many: how much of it recorded links took, × 10^6."""
    job_pk: int | None = None
    """Kept by genealogy: the job it was made in."""
    place_pk: int | None = None
    """Kept by genealogy: the equipment (a storage zone, a station) where it was last put."""
    shipment_pk: int | None = None
    """Kept by genealogy: the shipment (a lot too) it left in."""
