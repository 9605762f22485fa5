"""Tables of webhooks."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, Text, UniqueConstraint, text
from sqlmodel import Field

from mes.exchange.webhooks.types import SAID_MAX
from mes.kernel.addresses import URL_MAX
from mes.kernel.limits import ID_MAX
from mes.kernel.sqltypes import Versioned
from mes.kernel.tables import TableModel, micros

_WAITING: Final = text("state = 0")
_KEY: Final = BigInteger().with_variant(Integer(), "sqlite")


class Webhook(Versioned, TableModel, table=True):
    """Who wants to hear of what. `seq`: the last event of the outbox it has looked at."""

    __tablename__ = "webhook"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    url: str = Field(max_length=URL_MAX)
    event_types: str = Field(sa_column=Column(Text, nullable=False))
    """Space-separated."""
    description: str = Field(default="", max_length=500)
    active: bool = True
    private_addresses: bool = False
    note: str = Field(default="", max_length=SAID_MAX)
    """Why it was switched off, where the server did."""
    sealed_secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sealed_old_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    old_secret_until_us: int = Field(sa_column=micros())
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at_us: int = Field(sa_column=micros())
    failures: int = 0
    """In a row; 0: the last attempt got through."""
    failing_since_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    blocked_until_us: int = Field(sa_column=micros())


class WebhookDelivery(TableModel, table=True):
    """One event on its way to one webhook; made with the move of the webhook's `seq`, so never twice."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("webhook_pk", "seq"),
        Index(
            "ix_webhook_delivery_waiting",
            "webhook_pk",
            "subject",
            "seq",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index("ix_webhook_delivery_state", "webhook_pk", "state", "pk"),
    )

    pk: int | None = Field(default=None, sa_column=Column(_KEY, primary_key=True))
    webhook_pk: int = Field(foreign_key="webhook.pk")
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    event_type: str = Field(max_length=100)
    subject: str = Field(max_length=200)
    state: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False))
    attempts: int = 0
    status: int = 0
    said: str = Field(default="", max_length=SAID_MAX)
    queued_at_us: int = Field(sa_column=micros())
    next_at_us: int = Field(sa_column=micros())
    claimed_until_us: int = Field(sa_column=micros())
    first_failed_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    delivered_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
