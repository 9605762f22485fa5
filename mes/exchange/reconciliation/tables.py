"""What ERPs said they think."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field

from mes.exchange.reconciliation.types import SOURCE_MAX
from mes.kernel.tables import TableModel, micros


class ErpViewRow(TableModel, table=True):
    """One view; the newest of a subject and source is compared."""

    __tablename__ = "erp_view"
    __table_args__ = (Index("ix_erp_view_source", "subject", "source", "pk"),)

    pk: int | None = Field(default=None, primary_key=True)
    subject: str = Field(max_length=20)
    source: str = Field(max_length=SOURCE_MAX)
    """The id of an ERP connection; `@` and the program that handed it in, or `@`."""
    taken_at_us: int = Field(sa_column=micros())
    received_at_us: int = Field(sa_column=micros())
    actor: int | None = None
    complete: bool = False
    performance_cursor: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    content: str = Field(sa_column=Column(Text, nullable=False))
    """JSON of its orders or lots."""
