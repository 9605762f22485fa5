"""Tables of ERP connections."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from mes.exchange.erp.types import KEY_MAX, SAID_MAX, URL_MAX
from mes.kernel.limits import ID_MAX
from mes.kernel.sqltypes import Versioned
from mes.kernel.tables import TableModel, micros

_DUE: Final = "due_at_us IS NOT NULL"


class ErpConnection(Versioned, TableModel, table=True):
    """An ERP the plant works with. `seq`: the last event of the outbox that was looked at for it."""

    __tablename__ = "erp_connection"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    kind: str = Field(max_length=20)
    url: str = Field(max_length=URL_MAX)
    database_name: str = Field(max_length=ID_MAX)
    user_name: str = Field(max_length=ID_MAX)
    sealed_password: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    active: bool = True
    plain_http: bool = False
    private_addresses: bool = False
    place: str = Field(default="", max_length=ID_MAX)
    places: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    order_prefix: str = Field(default="", max_length=20)
    poll_s: int = 5
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    masters_at_us: int = Field(sa_column=micros())
    """When its master data is read next."""
    remarks: list[str] = Field(sa_column=Column(JSON, nullable=False))
    next_at_us: int = Field(sa_column=micros())
    busy_until_us: int = Field(sa_column=micros())
    """Somebody has its turn; a process that died lets go of it by that."""
    failures: int = 0
    """In a row; 0: the last turn got through."""
    failing_since_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    last_ok_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    said: str = Field(default="", max_length=SAID_MAX)


class ErpLink(TableModel, table=True):
    """A record of the ERP and what it is here: a material, or a routing that the connection keeps."""

    __tablename__ = "erp_link"
    __table_args__ = (UniqueConstraint("connection_pk", "kind", "key"), Index("ix_erp_link_local_id", "local_id"))

    pk: int | None = Field(default=None, primary_key=True)
    connection_pk: int = Field(foreign_key="erp_connection.pk")
    kind: int
    key: str = Field(max_length=KEY_MAX)
    local_id: str = Field(max_length=ID_MAX)
    by_lot: bool = False
    consumption: str = Field(default="", max_length=10)
    """Of a material, where a person chose it."""


class ErpOrderRow(TableModel, table=True):
    """An order of the ERP and how it stands here. `order_id` "": it was not taken."""

    __tablename__ = "erp_order"
    __table_args__ = (
        UniqueConstraint("connection_pk", "key"),
        Index("ix_erp_order_order_id", "order_id"),
        Index("ix_erp_order_due", "connection_pk", "due_at_us", sqlite_where=text(_DUE), postgresql_where=text(_DUE)),
    )

    pk: int | None = Field(default=None, primary_key=True)
    connection_pk: int = Field(foreign_key="erp_connection.pk")
    key: str = Field(max_length=KEY_MAX)
    order_id: str = Field(default="", max_length=ID_MAX)
    closed: bool = False
    """Both sides are done with it; it is looked at again only if something is corrected here."""
    by_bill: bool = False
    """It follows a routing that the connection keeps."""
    seen: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """What the ERP asked for when it was last followed."""
    said: str = Field(default="", max_length=SAID_MAX)
    """Why what the ERP asks for now is not followed."""
    due_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    """When its outcome is to be told; None: nothing is."""
    tries: int = 0
    told_sha256: str = Field(default="", max_length=64)
    told_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    told_said: str = Field(default="", max_length=SAID_MAX)
    """What the ERP has against it."""
    reopening: bool = False
    """What is booked there is being taken back by us."""
