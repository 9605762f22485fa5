"""SQL of the state verbs, which run all day; the same statements on both databases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update

from mes.equipment.tables import EquipmentStateInterval, EquipmentStatusRow
from mes.equipment.types import StateSpan
from mes.kernel.uow import UnitOfWork
from standards.packml.states import EquipmentState

_INTERVAL: Final = EquipmentStateInterval.__table__  # type: ignore[attr-defined]
_WRITTEN: Final = ("equipment_pk", "state", "from_at_us", "to_at_us", "cause", "alarm_text", "told_at_us")
_STATUS: Final = EquipmentStatusRow.__table__  # type: ignore[attr-defined]


def load_open_spans(uow: UnitOfWork, pks: Collection[int]) -> dict[int, tuple[StateSpan, ...]]:
    """The open span of each equipment that has one."""
    return _by_equipment(uow, _INTERVAL.c.equipment_pk.in_(pks) & _INTERVAL.c.to_at_us.is_(None))


def load_spans_since(uow: UnitOfWork, pks: Collection[int], at_us: int) -> dict[int, tuple[StateSpan, ...]]:
    """The spans of each equipment from the one that holds `at_us`, or ends there, to the open one."""
    reaches = _INTERVAL.c.to_at_us.is_(None) | (_INTERVAL.c.to_at_us >= at_us)
    return _by_equipment(uow, _INTERVAL.c.equipment_pk.in_(pks) & reaches)


def _by_equipment(uow: UnitOfWork, condition: Any) -> dict[int, tuple[StateSpan, ...]]:
    statement = select(_INTERVAL).where(condition).order_by(_INTERVAL.c.equipment_pk, _INTERVAL.c.from_at_us)
    found: dict[int, list[StateSpan]] = {}
    for r in uow.execute(statement):
        span = StateSpan(r.from_at_us, EquipmentState(r.state), r.cause, r.alarm_text, r.told_at_us)
        found.setdefault(r.equipment_pk, []).append(span)
    return {pk: tuple(spans) for pk, spans in found.items()}


def rewrite_spans(uow: UnitOfWork, rewritten: Mapping[int, tuple[Sequence[StateSpan], Sequence[StateSpan]]]) -> None:
    """Replace the tail of each timeline: {equipment: (as loaded, as it shall be)}; untouched spans stay."""
    gone, come = [], []
    for pk, (before, after) in rewritten.items():
        old, new = _rows(pk, before), _rows(pk, after)
        gone += [{"pk_": pk, "from_": row[2]} for row in old.keys() - new.keys()]
        come += [dict(zip(_WRITTEN, row, strict=True)) for row in new if row not in old]
    if gone:
        matching = (_INTERVAL.c.equipment_pk == bindparam("pk_")) & (_INTERVAL.c.from_at_us == bindparam("from_"))
        uow.execute(delete(_INTERVAL).where(matching), gone)
    if come:
        uow.execute(insert(_INTERVAL), come)


def _rows(pk: int, spans: Sequence[StateSpan]) -> dict[tuple[Any, ...], None]:
    """Rows of a timeline in order, each once."""
    ends = [span.from_us for span in spans[1:]] + [None]
    pairs = zip(spans, ends, strict=True) if spans else ()
    return {(pk, s.state.value, s.from_us, end, s.cause, s.alarm_text, s.told_us): None for s, end in pairs}


def load_status(uow: UnitOfWork, pks: Collection[int]) -> dict[int, Any]:
    """The status rows, by equipment."""
    rows = uow.execute(select(_STATUS).where(_STATUS.c.equipment_pk.in_(pks)))
    return {row.equipment_pk: row for row in rows}


def insert_status(uow: UnitOfWork, pks: Collection[int]) -> None:
    """A status row for each new equipment: nothing is known yet."""
    rows = [
        {"equipment_pk": pk, "state": EquipmentState.Unknown.value, "known": False, "unknown_reason": "no-signal"}
        for pk in pks
    ]
    if rows:
        uow.execute(insert(_STATUS), rows)


def update_status(uow: UnitOfWork, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Write columns of status rows: {equipment: {column: value}}; one statement per set of columns."""
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for pk, values in changes.items():
        if values:
            by_columns.setdefault(tuple(sorted(values)), []).append({"pk_": pk, **_prefixed(values)})
    for columns, rows in by_columns.items():
        assigned: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
        uow.execute(update(_STATUS).where(_STATUS.c.equipment_pk == bindparam("pk_")).values(assigned), rows)


def _prefixed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"new_{name}": value for name, value in values.items()}


def touch_known(uow: UnitOfWork, pks: Collection[int], at_us: int) -> None:
    """Move `known_at_us` forward, never back."""
    older = _STATUS.c.known_at_us.is_(None) | (_STATUS.c.known_at_us < at_us)
    uow.execute(update(_STATUS).where(_STATUS.c.equipment_pk.in_(pks), older).values(known_at_us=at_us))


def load_asset_pks(uow: UnitOfWork, pks: Collection[int], at_us: int) -> dict[int, int]:
    """The machine (integer key) that filled each role at an instant; roles nobody filled are absent."""
    if not pks:
        return {}
    sql = (
        "SELECT equipment_pk, physical_asset_pk FROM equipment_asset_mapping "  # noqa: S608
        f"WHERE equipment_pk IN ({_marks(pks)}) AND from_at_us <= ? AND (to_at_us IS NULL OR to_at_us > ?)"
    )
    return dict(uow.driver_query(sql, (*pks, at_us, at_us)))


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
