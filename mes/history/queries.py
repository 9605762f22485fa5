"""Reads of process values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from mes.history.tables import HistorySample
from mes.kernel.sqltypes import from_us

_H = HistorySample.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class SampleView:
    at: datetime
    value: float | None
    text: str | None


def list_samples(
    session: Session, *, tag_pk: int, from_at_us: int, to_at_us: int, limit: int = 10_000
) -> tuple[SampleView, ...]:
    """Values of one tag in a half-open window, oldest first."""
    statement = (
        select(_H)
        .where(_H.c.tag_pk == tag_pk, _H.c.at_us >= from_at_us, _H.c.at_us < to_at_us)
        .order_by(_H.c.at_us)
        .limit(limit)
    )
    return tuple(SampleView(from_us(row.at_us), row.value, row.text) for row in session.execute(statement))
