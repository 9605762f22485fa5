"""What the plant's own database holds of history: the log that waits to be sealed, last values, texts, retention."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, SmallInteger, Text
from sqlmodel import Field

from mes.kernel.tables import TableModel, micros


def _blob() -> Column[bytes]:
    return Column(LargeBinary, nullable=False)


class HistoryLog(TableModel, table=True):
    """One batch of measurements: its columns as they lie in memory, little-endian, `n` of each."""

    __tablename__ = "history_log"

    pk: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    )
    n: int
    from_us: int = Field(sa_column=micros())
    to_us: int = Field(sa_column=micros())
    """The oldest and the newest instant in it."""
    tag_pk: bytes = Field(sa_column=_blob())
    at_us: bytes = Field(sa_column=_blob())
    value: bytes = Field(sa_column=_blob())
    quality: bytes = Field(sa_column=_blob())


class HistoryLast(TableModel, table=True):
    """The newest sealed sample of a tag; `value` NULL: not known since `at_us`."""

    __tablename__ = "history_last"

    tag_pk: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at_us: int = Field(sa_column=micros())
    value: float | None = Field(default=None, sa_column=Column(Float(53), nullable=True))
    quality: int = Field(sa_column=Column(SmallInteger, nullable=False))


class HistoryText(TableModel, table=True):
    """An identity as a machine reported it, at its source time."""

    __tablename__ = "history_text"
    __table_args__ = (Index("ix_history_text_at_us", "at_us"), {"sqlite_with_rowid": False})

    tag_pk: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at_us: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    text: str = Field(sa_column=Column(Text, nullable=False))


class HistoryRetention(TableModel, table=True):
    """For how many days this plant keeps what; no row: the defaults."""

    __tablename__ = "history_retention"

    pk: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    samples_days: int
    rollups_days: int
