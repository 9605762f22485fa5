"""Base of every table, and the kernel's own tables."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from mes.kernel.changes import PERSONAL

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING_CONVENTION
metadata = SQLModel.metadata


class TableModel(SQLModel):
    """Base of all tables: storage only. It validates nothing; schemas do, and rules decide."""

    model_config: ClassVar = {"defer_build": True}  # what validates nothing need not be read as if it did
    __table_args__: ClassVar[object] = ()


def micros(*, nullable: bool = False, index: bool = False, **kwargs: object) -> Column[int]:
    """A column of microseconds since 1970."""
    return Column(BigInteger, nullable=nullable, index=index, **kwargs)  # type: ignore[arg-type]


def properties_column(*, personal: bool = False) -> Column[Any]:
    """As `mes.kernel.properties` stores them. `personal`: changes of them are told without what they say."""
    return Column(JSON, nullable=False, server_default=text("'[]'"), info=PERSONAL if personal else {})


class OutboxEvent(TableModel, table=True):
    """What happened, in commit order. Append-only: audit trail, ERP cursor, live feed."""

    __tablename__ = "outbox_event"

    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    event_id: str = Field(max_length=36)
    type: str = Field(max_length=100)
    topics: str = Field(sa_column=Column(Text, nullable=False))
    """Space-separated."""
    subject: str = Field(max_length=200, index=True)
    payload: str = Field(sa_column=Column(Text, nullable=False))
    actor: int | None = None
    correlation_id: str = Field(default="", max_length=100)
    occurred_at_us: int = Field(sa_column=micros())
    recorded_at_us: int = Field(sa_column=micros())
    origin_id: str | None = Field(default=None, max_length=32)
    """From where; a row of `act_origin`. None: Lineside itself."""
    changes: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    """Before and after of the documents the act changed, as JSON (`mes.kernel.changes`)."""
    chain_sha256: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))


class RemovedEvents(TableModel, table=True):
    """A run of events that were removed after they had been archived: what the chain goes on from."""

    __tablename__ = "outbox_removed"

    last_seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    first_seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    chain_sha256: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))
    """Of the last of them."""


class ActOrigin(TableModel, table=True):
    """From where acts came (`mes.kernel.origins`). Its address is forgotten in time, and the salt of its id with it."""

    __tablename__ = "act_origin"

    id: str = Field(primary_key=True, max_length=32)
    credential: str = Field(max_length=100)
    place: str = Field(max_length=100)
    address: str | None = Field(default=None, max_length=100)
    salt: str | None = Field(default=None, max_length=32)
    first_at_us: int = Field(sa_column=micros(index=True))


class ConsumerCursor(TableModel, table=True):
    """How far a consumer has read: of the outbox, or of what else it counts by."""

    __tablename__ = "consumer_cursor"

    consumer: str = Field(primary_key=True, max_length=100)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))


class IdempotencyKey(TableModel, table=True):
    """An answered request, kept with its answer."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        UniqueConstraint("principal_pk", "key"),
        Index("ix_idempotency_key_created_at_us", "created_at_us"),
    )

    pk: int | None = Field(default=None, primary_key=True)
    principal_pk: int
    key: str = Field(max_length=200)
    fingerprint: str = Field(max_length=64)
    status: int
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at_us: int = Field(sa_column=micros())
