"""Tables of the quality feature. Verdicts, measurements and defects are only ever added; nothing in a verdict changes
but `ended_by_pk`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, UniqueConstraint, text
from sqlmodel import Field

from mes.kernel.limits import ID_MAX
from mes.kernel.sqltypes import Versioned
from mes.kernel.tables import TableModel, micros
from mes.quality.types import NOTE_MAX, NUMBER_MAX, POSITION_MAX

_OPEN: Final = text("repaired_by_pk IS NULL")
_KEY: Final = BigInteger().with_variant(Integer(), "sqlite")


class DefectCode(Versioned, TableModel, table=True):
    """What can be wrong with a piece."""

    __tablename__ = "defect_code"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    description: str = Field(default="", max_length=500)
    active: bool = True


class QualityRequirement(Versioned, TableModel, table=True):
    """What the step of a work master asks of each unit. No row: `StepCheck.recorded`."""

    __tablename__ = "quality_requirement"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    """Of the work master, all versions."""
    unit_check: str = Field(max_length=10)


class UnitVerdict(TableModel, table=True):
    """What was decided of a unit at a step, by a tester, a machine or a person."""

    __tablename__ = "unit_verdict"
    __table_args__ = (
        UniqueConstraint("source", "result_id"),
        Index("ix_unit_verdict_unit_id", "unit_id", "at_us"),
        Index("ix_unit_verdict_job_pk", "job_pk"),
        Index("ix_unit_verdict_equipment_pk", "equipment_pk", "at_us"),
    )

    pk: int | None = Field(default=None, sa_column=Column(_KEY, primary_key=True))
    source: str = Field(max_length=ID_MAX)
    result_id: str = Field(max_length=ID_MAX)
    content_hash: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Of everything that was told with it."""
    unit_id: str = Field(max_length=ID_MAX)
    verdict: int = Field(sa_column=Column(SmallInteger, nullable=False))
    segment_id: str = Field(max_length=ID_MAX)
    """The step; of `rework` the one it returns to. Empty: not known."""
    job_pk: int | None = Field(default=None, foreign_key="job_order.pk")
    equipment_pk: int | None = Field(default=None, foreign_key="equipment.pk")
    program: str = Field(default="", max_length=ID_MAX)
    program_revision: str = Field(default="", max_length=ID_MAX)
    at_us: int = Field(sa_column=micros())
    recorded_at_us: int = Field(sa_column=micros())
    actor: int | None = None
    note: str = Field(default="", max_length=NOTE_MAX)
    flag: str = Field(default="", max_length=40)
    """The code it would have been refused with; empty: none, or nobody asked."""
    ended_by_pk: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """The verdict that took it back."""


class MeasuredValue(TableModel, table=True):
    """One measured value of a result."""

    __tablename__ = "measured_value"

    verdict_pk: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    place: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    name: str = Field(max_length=ID_MAX)
    value: str = Field(max_length=NUMBER_MAX)
    """An exact decimal; testers measure from pico to giga, more than a scaled integer holds."""
    unit: str = Field(default="", max_length=20)
    low: str = Field(default="", max_length=NUMBER_MAX)
    high: str = Field(default="", max_length=NUMBER_MAX)
    verdict: str = Field(default="", max_length=10)


class Defect(TableModel, table=True):
    """A defect of a unit and where it is; `repaired_by_pk` is the verdict that sent it back as repaired."""

    __tablename__ = "defect"
    __table_args__ = (
        Index("ix_defect_unit_id", "unit_id"),
        Index("ix_defect_verdict_pk", "verdict_pk"),
        Index("ix_defect_open_code_pk", "code_pk", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    pk: int | None = Field(default=None, sa_column=Column(_KEY, primary_key=True))
    verdict_pk: int = Field(sa_column=Column(BigInteger, nullable=False))
    unit_id: str = Field(max_length=ID_MAX)
    code_pk: int = Field(foreign_key="defect_code.pk")
    position: str = Field(default="", max_length=POSITION_MAX)
    note: str = Field(default="", max_length=NOTE_MAX)
    repaired_by_pk: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
