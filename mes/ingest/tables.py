"""What ingest remembers: how far each journal was read, the last word of each tag, baselines, gaps, quarantine."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Text, text
from sqlmodel import Field

from mes.kernel.tables import TableModel, micros

_UNDECIDED: Final = text("decision = ''")


class IngestCursor(TableModel, table=True):
    """Everything up to `seq` of a journal is here."""

    __tablename__ = "ingest_cursor"

    bridge_pk: int = Field(foreign_key="bridge.pk", primary_key=True)
    journal_id: str = Field(primary_key=True, max_length=64)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))


class SignalValue(TableModel, table=True):
    """The last good value of a tag and whether it still holds."""

    __tablename__ = "signal_value"

    binding_pk: int = Field(foreign_key="tag_binding.pk", primary_key=True, sa_column_kwargs={"autoincrement": False})
    value: str = Field(sa_column=Column(Text, nullable=False))
    """JSON."""
    quality: str = Field(max_length=10)
    at_us: int = Field(sa_column=micros())
    observed_at_us: int = Field(sa_column=micros())


class CounterBaselineRow(TableModel, table=True):
    """The last believed reading of a counter. It belongs to the machine that filled the role then."""

    __tablename__ = "counter_baseline"

    binding_pk: int = Field(foreign_key="tag_binding.pk", primary_key=True, sa_column_kwargs={"autoincrement": False})
    asset_pk: int | None = None
    value: int = Field(sa_column=Column(BigInteger, nullable=False))
    """64 bits; from 2^63 on stored as value - 2^64."""
    at_us: int = Field(sa_column=micros())
    marker: str = Field(default="", max_length=100)
    suspect_value: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    suspect_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    gap_from_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    data_type: str = Field(default="", max_length=40, sa_column_kwargs={"server_default": ""})
    """OPC UA built-in type of the reading; empty: not known."""


class GapRow(TableModel, table=True):
    """Values may be missing between two instants."""

    __tablename__ = "gap"

    pk: int | None = Field(default=None, primary_key=True)
    bridge_pk: int = Field(foreign_key="bridge.pk", index=True)
    source: str = Field(max_length=100)
    from_at_us: int = Field(sa_column=micros())
    to_at_us: int = Field(sa_column=micros())
    reason: str = Field(max_length=40)
    tags: str = Field(sa_column=Column(Text, nullable=False))
    """Space-separated; empty: all of the source."""
    lost: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    recorded_at_us: int = Field(sa_column=micros())


class GapFilledRow(TableModel, table=True):
    """Values of a gap that the machine's own history had. The gap stays: nobody can say that these are all."""

    __tablename__ = "gap_filled"

    gap_pk: int = Field(foreign_key="gap.pk", primary_key=True, sa_column_kwargs={"autoincrement": False})
    binding_pk: int = Field(foreign_key="tag_binding.pk", primary_key=True, sa_column_kwargs={"autoincrement": False})
    n: int = Field(sa_column=Column(BigInteger, nullable=False))
    first_at_us: int = Field(sa_column=micros())
    last_at_us: int = Field(sa_column=micros())


class QuarantineRow(TableModel, table=True):
    """An item nobody could use, kept as it came, and what people decided about it."""

    __tablename__ = "quarantine"
    __table_args__ = (
        Index("ix_quarantine_open", "bridge_pk", "tag", sqlite_where=_UNDECIDED, postgresql_where=_UNDECIDED),
    )

    pk: int | None = Field(default=None, primary_key=True)
    bridge_pk: int = Field(foreign_key="bridge.pk")
    journal_id: str = Field(max_length=64)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    tag: str = Field(max_length=200)
    reason: str = Field(max_length=40)
    item: str = Field(sa_column=Column(Text, nullable=False))
    recorded_at_us: int = Field(sa_column=micros())
    until_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    """Of a slot: when its tag said something else."""
    decision: str = Field(default="", max_length=10, sa_column_kwargs={"server_default": ""})
    """`Decision`; empty: nobody has decided."""
    decided_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    decided_by_pk: int | None = None
    note: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})


class AlarmRow(TableModel, table=True):
    """An event or alarm of a machine."""

    __tablename__ = "alarm"
    __table_args__ = (Index("ix_alarm_equipment_at", "equipment_pk", "at_us"),)

    pk: int | None = Field(default=None, primary_key=True)
    equipment_pk: int = Field(foreign_key="equipment.pk")
    event_id: str = Field(max_length=200)
    event_type: str = Field(max_length=200)
    message: str = Field(max_length=1000)
    severity: int
    active: bool | None = None
    at_us: int = Field(sa_column=micros())
    recorded_at_us: int = Field(sa_column=micros())
