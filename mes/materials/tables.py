"""Tables of the materials feature."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Index, SmallInteger, Text, UniqueConstraint, text
from sqlmodel import Field

from mes.kernel.limits import ID_MAX
from mes.kernel.sqltypes import ExactQuantity, Versioned
from mes.kernel.tables import TableModel, micros, properties_column

UNIT_MAX: Final = 20
PART_MAX: Final = 100
LEFT: Final = "consumed_e6 < quantity AND shipment_pk IS NULL AND disposition <> 'Closed'"
"""Lots of which something is still there. A plant has few of those at a time, and very many others."""
SHIPPED: Final = "shipment_pk IS NOT NULL"
_OF_A_JOB: Final = text("job_pk IS NOT NULL")


class MaterialDefinition(Versioned, TableModel, table=True):
    """What a material is, and the unit it is counted in."""

    __tablename__ = "material_definition"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    description: str = Field(default="", max_length=500)
    unit: str = Field(max_length=UNIT_MAX)
    properties: list[dict[str, str]] = Field(default_factory=list, sa_column=properties_column())


class MaterialClass(Versioned, TableModel, table=True):
    """A group of materials that are alike for some purpose (ISA-95 part 2, material class)."""

    __tablename__ = "material_class"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    description: str = Field(default="", max_length=500)
    properties: list[dict[str, str]] = Field(default_factory=list, sa_column=properties_column())


class MaterialClassMember(TableModel, table=True):
    """A material belongs to a class."""

    __tablename__ = "material_class_member"

    material_pk: int = Field(foreign_key="material_definition.pk", primary_key=True)
    class_pk: int = Field(foreign_key="material_class.pk", primary_key=True, index=True)


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
    __table_args__ = (
        Index("ix_material_lot_job_pk", "job_pk", sqlite_where=_OF_A_JOB, postgresql_where=_OF_A_JOB),
        Index("ix_material_lot_left", "material_pk", sqlite_where=text(LEFT), postgresql_where=text(LEFT)),
        Index("ix_material_lot_shipped", "shipment_pk", sqlite_where=text(SHIPPED), postgresql_where=text(SHIPPED)),
    )

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    material_pk: int = Field(foreign_key="material_definition.pk", index=True)
    quantity: Decimal = Field(sa_column=Column(ExactQuantity, nullable=False))
    unit: str = Field(max_length=UNIT_MAX)
    disposition: str = Field(max_length=20)
    kind: int = Field(default=1, sa_column=Column(SmallInteger, nullable=False, server_default="1"))
    """`LotKind`."""
    consumed_e6: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """Kept by genealogy: how much links took of it, and pieces where it was mounted, × 10^6."""
    properties: list[dict[str, str]] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """None, which takes no room, where there are none: a plant has very many serials."""
    job_pk: int | None = None
    """Kept by genealogy: the job it was made in."""
    place_pk: int | None = None
    """Kept by genealogy: the equipment (a storage zone, a station) where it was last put."""
    shipment_pk: int | None = None
    """Kept by genealogy: the shipment (a lot too) it left in."""


class MaterialHandling(Versioned, TableModel, table=True):
    """How a material is received and kept."""

    __tablename__ = "material_handling"

    material_pk: int = Field(foreign_key="material_definition.pk", primary_key=True)
    shelf_life_days: int | None = None
    open_life_h: int | None = None
    warm_up_h: int | None = None
    msl: str = Field(default="", max_length=2)
    floor_life_h: int | None = None
    bake_h: int | None = None


class ApprovedPartRow(TableModel, table=True):
    """One entry of an approved manufacturer list. The keys are without case and blanks."""

    __tablename__ = "approved_part"
    __table_args__ = (UniqueConstraint("material_pk", "manufacturer_key", "part_key"),)

    pk: int | None = Field(default=None, primary_key=True)
    material_pk: int = Field(foreign_key="material_definition.pk")
    manufacturer: str = Field(max_length=PART_MAX)
    manufacturer_key: str = Field(max_length=PART_MAX)
    part: str = Field(max_length=PART_MAX)
    part_key: str = Field(max_length=PART_MAX, index=True)
    gtin: str = Field(default="", max_length=14, index=True)


class MoistureLevelRow(Versioned, TableModel, table=True):
    """A plant's own rule for a moisture sensitivity level."""

    __tablename__ = "moisture_level"

    level: str = Field(max_length=2, primary_key=True)
    floor_life_h: int | None = None
    dry_reset_factor: int | None = None
    dry_reset_within_h: int = 0
    bake_h: int | None = None


class MaterialLotLife(Versioned, TableModel, table=True):
    """How long a lot may be used. Exposure is as it was at `since_us`; `told_*` are percents already said."""

    __tablename__ = "material_lot_life"

    lot_pk: int = Field(foreign_key="material_lot.pk", primary_key=True)
    msl: str = Field(default="", max_length=2)
    """The level on the lot's own label; "" for that of its material."""
    expires_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    opened_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    left_cold_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    storage: str = Field(max_length=12)
    since_us: int = Field(sa_column=micros())
    exposed_us: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    told_expiry: int = 0
    told_open_life: int = 0
    told_floor_life: int = 0
    told_most: int = Field(default=0, index=True)
    """The greatest of them: lots that run out are found by it."""
    next_alarm_at_us: int | None = Field(default=None, sa_column=micros(nullable=True, index=True))


class LotStorageChange(TableModel, table=True):
    """A lot came to another place, with what it had been exposed for by then. Append-only."""

    __tablename__ = "lot_storage_change"

    pk: int | None = Field(default=None, primary_key=True)
    lot_pk: int = Field(foreign_key="material_lot.pk", index=True)
    at_us: int = Field(sa_column=micros())
    storage: str = Field(max_length=12)
    exposed_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    by_pk: int | None = None


class MaterialReceipt(TableModel, table=True):
    """How a lot came into the plant, as its supplier's label and the person who took it in said."""

    __tablename__ = "material_receipt"

    lot_pk: int = Field(foreign_key="material_lot.pk", primary_key=True)
    request_id: str = Field(max_length=ID_MAX, unique=True)
    content_hash: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """Of what was told under the request id; NULL in receipts from before it was kept."""
    supplier: str = Field(default="", max_length=PART_MAX)
    supplier_lot: str = Field(default="", max_length=PART_MAX)
    manufacturer: str = Field(default="", max_length=PART_MAX)
    part: str = Field(default="", max_length=PART_MAX)
    date_code: str = Field(default="", max_length=20)
    label: str = Field(default="", sa_column=Column(Text, nullable=False))
    label_key: str = Field(default="", max_length=64, index=True)
    """By which the same label is known again (`rules.label_key`)."""
    approved: bool = True
    override_reason: str = Field(default="", max_length=500)
    received_at_us: int = Field(sa_column=micros(index=True))
    received_by_pk: int | None = None


class NumberSequence(TableModel, table=True):
    """The next number of something the plant counts, such as reels."""

    __tablename__ = "number_sequence"

    name: str = Field(max_length=20, primary_key=True)
    following: int = Field(sa_column=Column(BigInteger, nullable=False))
