"""SQL of the state verbs, which run all day; the same statements on both databases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import insert, update

from mes.equipment.tables import EquipmentStatusRow
from mes.equipment.types import EquipmentPlace, StateSpan
from mes.kernel.pending import RowWrite, deletion, insertion, keyed_update
from mes.kernel.uow import UnitOfWork, marks
from standards.packml.states import EquipmentState

_STATUS: Final = EquipmentStatusRow.__table__  # type: ignore[attr-defined]
_SPANS: Final = (
    "SELECT equipment_pk, from_at_us, state, cause, alarm_text, told_at_us FROM equipment_state_interval "
    "WHERE equipment_pk IN ({}) AND {} ORDER BY equipment_pk, from_at_us"
)
_KEY: Final = (("equipment_pk", "bigint"), ("from_at_us", "bigint"))
_SAID: Final = (
    ("state", "text"),
    ("to_at_us", "bigint"),
    ("cause", "text"),
    ("alarm_text", "text"),
    ("told_at_us", "bigint"),
    *_KEY,
)
_CHANGE_SPANS: Final = keyed_update("equipment_state_interval", _SAID, keys=2)
_TELL_SPANS: Final = keyed_update("equipment_state_interval", _SAID[-3:], keys=2)
_INSERT_SPANS: Final = insertion("equipment_state_interval", _SAID)
_DELETE_SPANS: Final = deletion("equipment_state_interval", _KEY)
_STATES: Final = {state.value: state for state in EquipmentState}
Said = tuple[str, int | None, str, str, int]
"""State, end (None: it lasts), cause, text of the alarm, and the newest fact that says so."""


def load_open_spans(uow: UnitOfWork, pks: Collection[int]) -> dict[int, tuple[StateSpan, ...]]:
    """The open span of each equipment that has one."""
    return _by_equipment(uow, pks, "to_at_us IS NULL")


def load_spans_since(uow: UnitOfWork, pks: Collection[int], at_us: int) -> dict[int, tuple[StateSpan, ...]]:
    """The spans of each equipment from the one that holds `at_us`, or ends there, to the open one."""
    return _by_equipment(uow, pks, "(to_at_us IS NULL OR to_at_us >= ?)", at_us)


def _by_equipment(uow: UnitOfWork, pks: Collection[int], condition: str, *params: Any) -> dict[int, Any]:
    found: dict[int, tuple[StateSpan, ...]] = {}
    if not pks:
        return found
    for pk, from_us, state, cause, text, told_us in uow.driver_query(
        _SPANS.format(marks(pks), condition), (*pks, *params)
    ):
        span = StateSpan(from_us, _STATES[state], cause, text, told_us)
        found[pk] = (*found[pk], span) if pk in found else (span,)
    return found


def rewrite_spans(uow: UnitOfWork, rewritten: Mapping[int, tuple[Sequence[StateSpan], Sequence[StateSpan]]]) -> None:
    """Replace the tail of each timeline: {equipment: (as loaded, as it shall be)}; untouched spans stay.

    Each equipment has one open span at any moment: what goes goes first, what comes comes last.
    """
    gone, told, changed, come = [], [], [], []
    for pk, (before, after) in rewritten.items():
        old, new = _said(before), _said(after)
        gone += [(pk, from_us) for from_us in old.keys() - new.keys()]
        for from_us, said in new.items():
            known = old.get(from_us)
            if known is None:
                come.append((*said, pk, from_us))
            elif known[:4] != said[:4]:
                changed.append((*said, pk, from_us))
            elif known != said:
                told.append((said[4], pk, from_us))
    uow.driver_rows(_DELETE_SPANS, gone)
    uow.driver_rows(_TELL_SPANS, told)
    uow.driver_rows(_CHANGE_SPANS, changed)
    uow.driver_rows(_INSERT_SPANS, come)


def _said(spans: Sequence[StateSpan]) -> dict[int, Said]:
    """What the spans of a timeline say, by their beginnings."""
    ends = [*(span.from_us for span in spans[1:]), None]
    return {
        s.from_us: (s.state.value, end, s.cause, s.alarm_text, s.told_us) for s, end in zip(spans, ends, strict=False)
    }


class Status(NamedTuple):
    """What is known of an equipment now."""

    state: str
    since_us: int | None
    mode: int | None
    mode_at_us: int | None
    remote: bool | None
    remote_at_us: int | None
    known: bool
    known_at_us: int | None
    unknown_reason: str
    unknown_since_us: int | None


_STATUS_TYPES: Final = {
    "state": "text",
    "since_us": "bigint",
    "mode": "int",
    "mode_at_us": "bigint",
    "remote": "boolean",
    "remote_at_us": "bigint",
    "known": "boolean",
    "known_at_us": "bigint",
    "unknown_reason": "text",
    "unknown_since_us": "bigint",
}
_LOAD_STATUS: Final = (
    f"SELECT equipment_pk, {', '.join(Status._fields)} FROM equipment_status WHERE equipment_pk IN ({{}})"  # noqa: S608
)


def load_status(uow: UnitOfWork, pks: Collection[int]) -> dict[int, Status]:
    """The status rows, by equipment."""
    if not pks:
        return {}
    return {row[0]: Status(*row[1:]) for row in uow.driver_query(_LOAD_STATUS.format(marks(pks)), tuple(pks))}


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
    by_columns: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for pk, values in changes.items():
        if values:
            by_columns.setdefault(tuple(values), []).append((*values.values(), pk))
    for columns, rows in by_columns.items():
        uow.driver_rows(_status_write(columns), rows)


@lru_cache
def _status_write(columns: tuple[str, ...]) -> RowWrite:
    typed = [(name, _STATUS_TYPES[name]) for name in columns]
    return keyed_update("equipment_status", [*typed, ("equipment_pk", "bigint")])


def touch_known(uow: UnitOfWork, pks: Collection[int], at_us: int) -> None:
    """Move `known_at_us` forward, never back."""
    older = _STATUS.c.known_at_us.is_(None) | (_STATUS.c.known_at_us < at_us)
    uow.execute(update(_STATUS).where(_STATUS.c.equipment_pk.in_(pks), older).values(known_at_us=at_us))


_PLACES: Final = (
    "SELECT e.pk, e.id, coalesce(w.id, ''), coalesce(a.id, '') FROM equipment e "
    "LEFT JOIN equipment w ON w.pk = e.work_center_pk LEFT JOIN equipment a ON a.pk = e.area_pk WHERE e.pk IN ({})"
)


def load_places(uow: UnitOfWork, pks: Collection[int]) -> dict[int, EquipmentPlace]:
    """Id, work centre and area of each equipment that exists, by integer key."""
    if not pks:
        return {}
    return {row[0]: EquipmentPlace(*row[1:]) for row in uow.driver_query(_PLACES.format(marks(pks)), tuple(pks))}


def load_asset_pks(uow: UnitOfWork, pks: Collection[int], at_us: int) -> dict[int, int]:
    """The machine (integer key) that filled each role at an instant; roles nobody filled are absent."""
    if not pks:
        return {}
    sql = (
        "SELECT equipment_pk, physical_asset_pk FROM equipment_asset_mapping "  # noqa: S608
        f"WHERE equipment_pk IN ({marks(pks)}) AND from_at_us <= ? AND (to_at_us IS NULL OR to_at_us > ?)"
    )
    return dict(uow.driver_query(sql, (*pks, at_us, at_us)))
