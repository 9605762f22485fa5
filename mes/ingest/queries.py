"""Reads of ingest: gaps, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import func, or_, select
from sqlmodel import Session

from mes.edge.tables import TagBindingRow
from mes.equipment.counter_rules import GRACE_US
from mes.equipment.tables import Equipment
from mes.ingest.rules import costs_of
from mes.ingest.tables import GapFilledRow, GapRow
from mes.ingest.types import CounterCost, GapView
from mes.orders.tables import CountFactRow
from standards.isa95.quantity import from_e6

_GAP = GapRow.__table__  # type: ignore[attr-defined]
_FILLED = GapFilledRow.__table__  # type: ignore[attr-defined]
_BINDING = TagBindingRow.__table__  # type: ignore[attr-defined]
_FACT = CountFactRow.__table__  # type: ignore[attr-defined]
_EQUIPMENT = Equipment.__table__  # type: ignore[attr-defined]
LIMIT: Final = 20
FACTS_MAX: Final = 1_000
LOOK_BACK_US: Final = 7 * 86_400_000_000
"""A gap that begins earlier than this before it was recorded is looked at from here on."""


def list_gaps(
    session: Session, *, bridge_pk: int, source: str | None = None, limit: int = LIMIT
) -> tuple[GapView, ...]:
    """The last gaps of a bridge (of one endpoint), the newest first, each with the counts it made uncertain."""
    statement = select(_GAP).where(_GAP.c.bridge_pk == bridge_pk).order_by(_GAP.c.pk.desc()).limit(limit)
    if source is not None:
        statement = statement.where(_GAP.c.source == source)
    rows = session.execute(statement).all()
    filled = _filled(session, [row.pk for row in rows])
    gaps = [_gap(row, *filled.get(row.pk, (0, 0))) for row in rows]
    facts = _uncertain_counts(session, bridge_pk, gaps)
    return tuple(replace(gap, costs=costs_of(gap, facts)) for gap in gaps)


def count_gaps(session: Session) -> dict[int, int]:
    """How many gaps were ever recorded, by bridge."""
    rows = session.execute(select(_GAP.c.bridge_pk, func.count()).group_by(_GAP.c.bridge_pk))
    return {pk: int(count) for pk, count in rows}


def _filled(session: Session, gap_pks: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Values and tags out of the machine's history, by gap."""
    columns = (_FILLED.c.gap_pk, func.sum(_FILLED.c.n), func.count())
    statement = select(*columns).where(_FILLED.c.gap_pk.in_(gap_pks)).group_by(_FILLED.c.gap_pk)
    return {pk: (int(values), int(tags)) for pk, values, tags in session.execute(statement)}


def _gap(row: Any, filled: int, filled_tags: int) -> GapView:
    return GapView(
        row.source,
        row.from_at_us,
        row.to_at_us,
        row.reason,
        tuple(row.tags.split()),
        row.lost,
        row.recorded_at_us,
        filled=filled,
        filled_tags=filled_tags,
    )


def _uncertain_counts(session: Session, bridge_pk: int, gaps: Sequence[GapView]) -> list[tuple[int, CounterCost]]:
    """Counts of this bridge's counters that are intervals, with the instant from which they are one."""
    if not gaps:
        return []
    equipment = select(_BINDING.c.equipment_pk).where(_BINDING.c.bridge_pk == bridge_pk, _BINDING.c.signal == "counter")
    statement = (
        select(_FACT.c.tag, _FACT.c.low_e6, _FACT.c.high_e6, _FACT.c.from_at_us, _EQUIPMENT.c.id)
        .join(_EQUIPMENT, _EQUIPMENT.c.pk == _FACT.c.equipment_pk)
        .where(
            _FACT.c.equipment_pk.in_(equipment),
            _FACT.c.source_at_us >= _earliest_us(gaps),
            or_(_FACT.c.high_e6.is_(None), _FACT.c.high_e6 != _FACT.c.low_e6),
            _FACT.c.undone.is_(False),
        )
        .order_by(_FACT.c.source_at_us.desc())
        .limit(FACTS_MAX)
    )
    return [(row.from_at_us, _cost(row)) for row in session.execute(statement)]


def _earliest_us(gaps: Iterable[GapView]) -> int:
    return min(max(gap.from_at_us, gap.recorded_at_us - LOOK_BACK_US) for gap in gaps) - GRACE_US


def _cost(row: Any) -> CounterCost:
    high = None if row.high_e6 is None else from_e6(row.high_e6)
    return CounterCost(row.tag, row.id, from_e6(row.low_e6), high)
