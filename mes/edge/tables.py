"""Bridges, what their tags mean, and the commands that wait for them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Text, UniqueConstraint
from sqlmodel import Field

from mes.kernel.tables import TableModel, micros


class Bridge(TableModel, table=True):
    __tablename__ = "bridge"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=100, unique=True)
    description: str = Field(default="", max_length=500)
    last_seen_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    silent_since_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    bindings_mark: str = Field(default="", max_length=36)
    """Another one each time its bindings change, never one it had before."""


class BridgeHealthRow(TableModel, table=True):
    """What a bridge last said of itself (health_v1); the newest replaces the one before."""

    __tablename__ = "bridge_health"

    bridge_pk: int = Field(foreign_key="bridge.pk", primary_key=True, sa_column_kwargs={"autoincrement": False})
    document: str = Field(sa_column=Column(Text, nullable=False))
    """JSON."""
    signature: str = Field(max_length=64)
    """Changes when somebody must be told at once."""
    received_at_us: int = Field(sa_column=micros())


class TagBindingRow(TableModel, table=True):
    __tablename__ = "tag_binding"
    __table_args__ = (UniqueConstraint("bridge_pk", "tag"), {"sqlite_autoincrement": True})
    """History knows a binding by its key alone: no later one may have the key of one that is gone."""

    pk: int | None = Field(default=None, primary_key=True)
    bridge_pk: int = Field(foreign_key="bridge.pk")
    tag: str = Field(max_length=200)
    signal: str = Field(max_length=30)
    equipment_pk: int = Field(foreign_key="equipment.pk", index=True)
    counts: str = Field(default="", max_length=10)
    reason_id: str = Field(default="", max_length=100)
    units_per_count_e6: int = Field(sa_column=Column(BigInteger, nullable=False))
    modulus: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    counting_point_of_pk: int | None = Field(default=None, foreign_key="equipment.pk")
    max_per_s: float | None = None
    retentive: bool = False
    state_map: str = Field(default="", max_length=30)
    what: str = Field(default="", max_length=30)
    unit: str = Field(default="", max_length=30)
    slot_id: str = Field(default="", max_length=100, sa_column_kwargs={"server_default": ""})


class CommandRow(TableModel, table=True):
    __tablename__ = "bridge_command"
    __table_args__ = (
        Index("ix_bridge_command_waiting", "bridge_pk", "state", "pk"),
        Index("ix_bridge_command_kind", "bridge_pk", "kind", "pk"),
    )

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=36, unique=True)
    bridge_pk: int = Field(foreign_key="bridge.pk")
    kind: str = Field(max_length=20)
    payload: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(max_length=10)
    asked_by_pk: int | None = Field(default=None, foreign_key="principal.pk")
    """Who wanted it; None: the server itself."""
    created_at_us: int = Field(sa_column=micros())
    expires_at_us: int = Field(sa_column=micros())
    finished_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    code: str = Field(default="", max_length=100)
    message: str = Field(default="", sa_column=Column(Text, nullable=False, default=""))
    result: str = Field(default="", sa_column=Column(Text, nullable=False, default=""))


class MachineSetupRow(TableModel, table=True):
    """A machine that somebody sets up on screen."""

    __tablename__ = "machine_setup"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=36, unique=True)
    bridge_pk: int = Field(foreign_key="bridge.pk")
    equipment_pk: int = Field(foreign_key="equipment.pk")
    name: str = Field(max_length=100)
    """Of the endpoint in the tag map, and what its tags begin with."""
    url: str = Field(max_length=300)
    state: str = Field(max_length=10)
    content: str = Field(sa_column=Column(Text, nullable=False))
    """JSON, what was chosen and which tags were bound."""
    version: int
    begun_by_pk: int | None = Field(default=None, foreign_key="principal.pk")
    begun_at_us: int = Field(sa_column=micros())
    changed_at_us: int = Field(sa_column=micros())


class MachineSetupStepRow(TableModel, table=True):
    """What the bridge was asked for a machine that is set up; its command has the answer."""

    __tablename__ = "machine_setup_step"

    pk: int | None = Field(default=None, primary_key=True)
    setup_pk: int = Field(foreign_key="machine_setup.pk", index=True)
    what: str = Field(max_length=10)
    node: str = Field(sa_column=Column(Text, nullable=False))
    """Where the look begins; empty: Objects, or does not matter."""
    command_pk: int = Field(foreign_key="bridge_command.pk", index=True)


class MachineTemplateRow(TableModel, table=True):
    """What was chosen for one machine, for like ones."""

    __tablename__ = "machine_template"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=100, unique=True)
    choices: str = Field(sa_column=Column(Text, nullable=False))
    saved_by_pk: int | None = Field(default=None, foreign_key="principal.pk")
    saved_at_us: int = Field(sa_column=micros())
