"""Process values and identities as machines reported them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Text
from sqlmodel import Field

from mes.kernel.tables import TableModel


class HistorySample(TableModel, table=True):
    """One value of one tag at its source time."""

    __tablename__ = "history_sample"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tag_pk: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at_us: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    value: float | None = Field(default=None, sa_column=Column(Float(53), nullable=True))
    text: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
