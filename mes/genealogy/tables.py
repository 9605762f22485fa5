"""What happened, compactly: acts, the links they made, mounts of lots in slots. Quantities are × 10^6, times int64 µs.

Lots are keys of `material_lot`; hot tables have no foreign keys (verbs look every lot up before they write it).
Rows are never deleted, and of what was recorded nothing is changed but `ended_by_pk`: the act that took it back or took
it out. A mount is closed, counted, and tells what its lot is made of as long as that is so.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Text, UniqueConstraint, text
from sqlmodel import Field

from mes.kernel.limits import ID_MAX
from mes.kernel.sqltypes import Versioned
from mes.kernel.tables import TableModel, micros

_LIVE = text("ended_by_pk IS NULL")
_DUE = text("recount_at_us IS NOT NULL")
_FLAGGED = text("flag IS NOT NULL")


def _big_key() -> Column[int]:
    return Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)


def _small() -> Column[int]:
    return Column(SmallInteger, nullable=False)


def _big(*, nullable: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=nullable)


class StationSlot(TableModel, table=True):
    """A place of a station where a lot is mounted and used up by the pieces that pass."""

    __tablename__ = "station_slot"
    __table_args__ = (UniqueConstraint("equipment_pk", "id"),)

    pk: int | None = Field(default=None, primary_key=True)
    equipment_pk: int = Field(foreign_key="equipment.pk")
    id: str = Field(max_length=ID_MAX)
    material_pk: int | None = Field(default=None, foreign_key="material_definition.pk")
    """What belongs there by the set-up list; None: anything."""


class ActContext(TableModel, table=True):
    """With what acts were done: one row for all acts of the same program, tool and parameters."""

    __tablename__ = "act_context"

    pk: int | None = Field(default=None, primary_key=True)
    sha256: str = Field(max_length=64, unique=True)
    program: str = Field(default="", max_length=ID_MAX, index=True)
    tool: str = Field(default="", max_length=ID_MAX, index=True)
    parameters: str = Field(sa_column=Column(Text, nullable=False))
    """JSON object."""


class GenealogyAct(TableModel, table=True):
    """Something was done to a lot: when, where, by whom, in which job. With a `seq` it passed a station."""

    __tablename__ = "genealogy_act"
    __table_args__ = (
        # With `seq`: most of what went into a unit passed no station, and that is seen without reading its acts.
        Index("ix_genealogy_act_lot", "lot_pk", "seq"),
        Index(
            "ix_genealogy_act_job_pk",
            "job_pk",
            sqlite_where=text("job_pk IS NOT NULL AND kind <> 1"),
            postgresql_where=text("job_pk IS NOT NULL AND kind <> 1"),
        ),
        Index(
            "ix_genealogy_act_pass",
            "equipment_pk",
            "seq",
            "lot_pk",
            sqlite_where=text("seq IS NOT NULL AND ended_by_pk IS NULL"),
            postgresql_where=text("seq IS NOT NULL AND ended_by_pk IS NULL"),
        ),
        Index(
            "ix_genealogy_act_flagged",
            "lot_pk",
            sqlite_where=_FLAGGED,
            postgresql_where=_FLAGGED,
        ),
        Index(
            "uq_genealogy_act_request_id",
            "request_id",
            unique=True,
            sqlite_where=text("request_id IS NOT NULL"),
            postgresql_where=text("request_id IS NOT NULL"),
        ),
    )

    pk: int | None = Field(default=None, sa_column=_big_key())
    at_us: int = Field(sa_column=micros())
    seq: int | None = Field(default=None, sa_column=_big(nullable=True))
    """The sequence number at its station; each station counts on by itself."""
    ended_by_pk: int | None = Field(default=None, sa_column=_big(nullable=True))
    lot_pk: int
    equipment_pk: int | None = None
    job_pk: int | None = None
    actor: int | None = None
    context_pk: int | None = None
    kind: int = Field(sa_column=_small())
    request_id: str | None = Field(default=None, max_length=ID_MAX)
    note: str | None = Field(default=None, max_length=500)
    """The reason of an override or of a reversal."""
    content_hash: int | None = Field(default=None, sa_column=_big(nullable=True))
    """Of everything that was told under its request id."""
    flag: str | None = Field(default=None, max_length=40)
    """The code it would have been refused with, had anybody asked: the lot was on hold when it was recorded."""


class GenealogyLink(TableModel, table=True):
    """So much of the parent went into the child by an act."""

    __tablename__ = "genealogy_link"
    __table_args__ = (
        # With `ended_by_pk`, although it is always NULL in there: else SQLite reads the row to see that it is.
        Index(
            "ix_genealogy_link_used",
            "parent_pk",
            "child_pk",
            "ended_by_pk",
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
        Index(
            "ix_genealogy_link_ended",
            "ended_by_pk",
            sqlite_where=text("ended_by_pk IS NOT NULL"),
            postgresql_where=text("ended_by_pk IS NOT NULL"),
        ),
        {"sqlite_with_rowid": False},
    )

    child_pk: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    parent_pk: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    act_pk: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    quantity_e6: int = Field(sa_column=_big())
    ended_by_pk: int | None = Field(default=None, sa_column=_big(nullable=True))
    kind: int = Field(sa_column=_small())


class SlotMount(TableModel, table=True):
    """A lot was in a slot and may be in the pieces `from_seq` to `to_seq` of the station, both included.

    After a splice the last piece of the lot before is the first of the next: it may have parts of either.
    """

    __tablename__ = "slot_mount"
    __table_args__ = (
        Index("ix_slot_mount_slot", "slot_pk", "from_seq", "to_seq", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_slot_mount_last", "equipment_pk", "to_seq", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_slot_mount_recount", "recount_at_us", sqlite_where=_DUE, postgresql_where=_DUE),
        Index("ix_slot_mount_until", "equipment_pk", "until_us", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_slot_mount_lot_pk", "lot_pk"),
        Index("ix_slot_mount_act_pk", "act_pk"),
        Index("ix_slot_mount_closed_by_pk", "closed_by_pk"),
    )

    pk: int | None = Field(default=None, primary_key=True)
    from_seq: int = Field(sa_column=_big())
    to_seq: int = Field(sa_column=_big())
    """`OPEN_SEQ` as long as it is there."""
    at_us: int = Field(sa_column=micros())
    until_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    quantity_per_e6: int = Field(sa_column=_big())
    """Used up by one piece; 0: not known."""
    taken_e6: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """What pieces took of the lot by it, when they were counted last: part of the lot's `consumed_e6`."""
    recount_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    """When to count again; None: it is over and counted, or nobody knows what a piece takes."""
    act_pk: int = Field(sa_column=_big())
    closed_by_pk: int | None = Field(default=None, sa_column=_big(nullable=True))
    """The act after which it was no longer there."""
    ended_by_pk: int | None = Field(default=None, sa_column=_big(nullable=True))
    """The act that said it never was."""
    slot_pk: int = Field(foreign_key="station_slot.pk")
    equipment_pk: int
    lot_pk: int
    made_of: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    """Derived: the keys of all lots that the lot is made of, at any depth, eight hexadecimal digits each ("": of none);
    only while none of them, nor the lot, has passed a station, and at most `MADE_OF_MAX`. None, which it may be at any
    time: to be looked up."""


class ProductionTool(Versioned, TableModel, table=True):
    """A stencil, a nozzle, a blade: how long it lasts, how often it is cleaned, and where it stands."""

    __tablename__ = "production_tool"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    kind: str = Field(default="", max_length=40)
    description: str = Field(default="", max_length=500)
    life_cycles: int | None = None
    life_days: int | None = None
    """From its first use."""
    clean_cycles: int | None = None
    clean_hours: int | None = None
    cycles: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    cleaned_at_cycles: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    cleaned_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    first_used_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    prolonged_to_cycles: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """A supervisor lets it be used until so many, whatever its limits say."""
    place_pk: int | None = Field(default=None, foreign_key="equipment.pk", index=True)


class ToolActRow(TableModel, table=True):
    """What was done with a tool. Append-only."""

    __tablename__ = "tool_act"

    pk: int | None = Field(default=None, primary_key=True)
    tool_pk: int = Field(foreign_key="production_tool.pk", index=True)
    act: str = Field(max_length=10)
    at_us: int = Field(sa_column=micros())
    actor: int | None = None
    equipment_pk: int | None = Field(default=None, index=True)
    cycles: int = Field(sa_column=_big())
    """Of the tool by then; prolonged: up to which."""
    reason: str = Field(default="", max_length=500)
    request_id: str = Field(max_length=ID_MAX, unique=True)
    content_hash: int = Field(sa_column=_big())
    """Of everything that was told with it."""


class ProgramOverride(TableModel, table=True):
    """A supervisor lets a job be made with a program, or a revision, that it does not ask for. Append-only."""

    __tablename__ = "program_override"

    pk: int | None = Field(default=None, primary_key=True)
    job_pk: int = Field(foreign_key="job_order.pk", index=True)
    program: str = Field(default="", max_length=ID_MAX)
    program_revision: str = Field(default="", max_length=ID_MAX)
    """Exactly as the machine tells them; "" where it does not."""
    reason: str = Field(max_length=500)
    at_us: int = Field(sa_column=micros())
    actor: int | None = None
    request_id: str = Field(max_length=ID_MAX, unique=True)
    content_hash: int = Field(sa_column=_big())
    """Of everything that was told with it."""


class Shipment(TableModel, table=True):
    """A shipment is a lot of its own; this is where it went."""

    __tablename__ = "shipment"

    lot_pk: int = Field(primary_key=True, foreign_key="material_lot.pk", sa_column_kwargs={"autoincrement": False})
    customer_id: str = Field(max_length=ID_MAX, index=True)
    delivery_note: str = Field(default="", max_length=ID_MAX)
    shipped_at_us: int = Field(sa_column=micros())


class GenealogyImport(TableModel, table=True):
    """A file of history, known by its content, and how far it is recorded: what is committed is never read again."""

    __tablename__ = "genealogy_import"

    pk: int | None = Field(default=None, primary_key=True)
    sha256: str = Field(max_length=64, unique=True)
    name: str = Field(max_length=ID_MAX)
    rows_done: int = Field(sa_column=_big())
    """Recorded and refused ones."""
    line: int = Field(sa_column=_big())
    """Of the last of them."""
    refused: int = Field(sa_column=_big())
    begun_at_us: int = Field(sa_column=micros())
    ended_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
