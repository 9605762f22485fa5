"""Column types that keep what SQLite would lose (experiments: time comes back naive, decimals as REAL)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import declared_attr
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from standards.isa95.quantity import from_e6, to_e6

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since 1970-01-01T00:00:00Z. ValueError on a naive datetime."""
    if at.tzinfo is None:
        raise ValueError("naive datetime")
    return (at - _EPOCH) // _MICROSECOND


def from_us(at_us: int) -> datetime:
    """The aware UTC instant of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=at_us)


def from_us_or_none(at_us: int | None) -> datetime | None:
    """As `from_us`; None stays None."""
    return None if at_us is None else from_us(at_us)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware in, aware UTC out, on both databases. A naive datetime is refused at bind."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime refused: give it a time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactQuantity(TypeDecorator[Decimal]):
    """A decimal of at most six places, stored as a 64-bit integer scaled by 10^6."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else to_e6(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else from_e6(value)


class Versioned(SQLModel):
    """Mixin: `version` counts changes; a writer that saw an older one gets `version-conflict`."""

    version: int = Field(default=1, nullable=False)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805
        return {"version_id_col": cls.__table__.c.version} if hasattr(cls, "__table__") else {}
