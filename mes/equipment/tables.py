"""Tables of the equipment feature."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import JSON, Column, Index, UniqueConstraint, text
from sqlmodel import Field

from mes.kernel.limits import ID_MAX
from mes.kernel.sqltypes import ExactQuantity, Versioned
from mes.kernel.tables import TableModel, micros, properties_column

CAUSE_MAX: Final = 200
ALARM_TEXT_MAX: Final = 500


class Equipment(Versioned, TableModel, table=True):
    """A role in the plant: enterprise, site, area, work centre, work unit, module."""

    __tablename__ = "equipment"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    level: str = Field(max_length=20)
    parent_pk: int | None = Field(default=None, foreign_key="equipment.pk", index=True)
    work_center_pk: int | None = Field(default=None, foreign_key="equipment.pk")
    """Derived: the work centre it stands in, or itself."""
    area_pk: int | None = Field(default=None, foreign_key="equipment.pk", index=True)
    """Derived: the area it stands in, or itself."""
    description: str = Field(default="", max_length=500)
    confirmation: str | None = Field(default=None, max_length=10)
    nominal_cycle_s: Decimal | None = Field(default=None, sa_type=ExactQuantity)
    properties: list[dict[str, str]] = Field(default_factory=list, sa_column=properties_column())


class EquipmentClass(Versioned, TableModel, table=True):
    """A group of equipment that is alike for some purpose (ISA-95 part 2, equipment class)."""

    __tablename__ = "equipment_class"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    description: str = Field(default="", max_length=500)
    properties: list[dict[str, str]] = Field(default_factory=list, sa_column=properties_column())


class EquipmentClassMember(TableModel, table=True):
    """An equipment belongs to a class."""

    __tablename__ = "equipment_class_member"

    equipment_pk: int = Field(foreign_key="equipment.pk", primary_key=True)
    class_pk: int = Field(foreign_key="equipment_class.pk", primary_key=True, index=True)


class PhysicalAsset(Versioned, TableModel, table=True):
    """A machine as bought."""

    __tablename__ = "physical_asset"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    description: str = Field(default="", max_length=500)
    vendor: str = Field(default="", max_length=200)
    model: str = Field(default="", max_length=200)
    serial_number: str = Field(default="", max_length=200)


class EquipmentAssetMapping(TableModel, table=True):
    """Which machine fills which role, from when to when (half-open). One at a time, both ways."""

    __tablename__ = "equipment_asset_mapping"
    __table_args__ = (
        UniqueConstraint("equipment_pk", "from_at_us"),
        Index(
            "uq_equipment_asset_mapping_open_equipment",
            "equipment_pk",
            unique=True,
            sqlite_where=text("to_at_us IS NULL"),
            postgresql_where=text("to_at_us IS NULL"),
        ),
        Index(
            "uq_equipment_asset_mapping_open_asset",
            "physical_asset_pk",
            unique=True,
            sqlite_where=text("to_at_us IS NULL"),
            postgresql_where=text("to_at_us IS NULL"),
        ),
    )

    pk: int | None = Field(default=None, primary_key=True)
    equipment_pk: int = Field(foreign_key="equipment.pk")
    physical_asset_pk: int = Field(foreign_key="physical_asset.pk", index=True)
    from_at_us: int = Field(sa_column=micros())
    to_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))


class EquipmentStateInterval(TableModel, table=True):
    """The timeline of an equipment: from its first fact on without a hole, half-open, the last one open."""

    __tablename__ = "equipment_state_interval"
    __table_args__ = (
        UniqueConstraint("equipment_pk", "from_at_us"),
        Index(
            "uq_equipment_state_interval_open",
            "equipment_pk",
            unique=True,
            sqlite_where=text("to_at_us IS NULL"),
            postgresql_where=text("to_at_us IS NULL"),
        ),
    )

    pk: int | None = Field(default=None, primary_key=True)
    equipment_pk: int = Field(foreign_key="equipment.pk")
    state: str = Field(max_length=20)
    from_at_us: int = Field(sa_column=micros())
    to_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    told_at_us: int = Field(sa_column=micros())
    """The newest fact that says so."""
    cause: str = Field(default="", max_length=CAUSE_MAX)
    alarm_text: str = Field(default="", max_length=ALARM_TEXT_MAX)


class EquipmentStatusRow(TableModel, table=True):
    """What is known of an equipment now; one row each, kept by the state verbs."""

    __tablename__ = "equipment_status"

    equipment_pk: int = Field(primary_key=True, foreign_key="equipment.pk", sa_column_kwargs={"autoincrement": False})
    state: str = Field(max_length=20)
    since_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    mode: int | None = None
    mode_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    remote: bool | None = None
    remote_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    known: bool = False
    known_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    unknown_reason: str = Field(default="", max_length=20)
    unknown_since_us: int | None = Field(default=None, sa_column=micros(nullable=True))


class PlantCalendar(Versioned, TableModel, table=True):
    """The calendar of the plant; one row."""

    __tablename__ = "plant_calendar"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    time_zone: str = Field(max_length=64)
    production_day_start: str = Field(max_length=5)
    """Wall clock, HH:MM."""


class PlantPolicyRow(Versioned, TableModel, table=True):
    """What the plant wants done where Lineside leaves it the choice; one row."""

    __tablename__ = "plant_policy"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    when_away: str = Field(max_length=10)
    first_article_for: str = Field(max_length=10)


class ShiftPatternRow(TableModel, table=True):
    """A recurring shift."""

    __tablename__ = "shift_pattern"
    __table_args__ = (UniqueConstraint("calendar_pk", "id"),)

    pk: int | None = Field(default=None, primary_key=True)
    calendar_pk: int = Field(foreign_key="plant_calendar.pk")
    id: str = Field(max_length=ID_MAX)
    days: str = Field(max_length=30)
    """Space-separated names of production days."""
    shift: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class CalendarExceptionRow(TableModel, table=True):
    """A production day unlike its weekday."""

    __tablename__ = "calendar_exception"
    __table_args__ = (UniqueConstraint("calendar_pk", "day"),)

    pk: int | None = Field(default=None, primary_key=True)
    calendar_pk: int = Field(foreign_key="plant_calendar.pk")
    day: date
    kind: str = Field(max_length=10)
    description: str = Field(default="", max_length=500)
    shifts: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
