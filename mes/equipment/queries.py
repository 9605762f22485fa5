"""Reads of the equipment feature."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Select, bindparam, select
from sqlmodel import Session

from mes.equipment import calendar_rules, rules
from mes.equipment.errors import (
    CalendarRangeTooLong,
    EquipmentClassNotFound,
    EquipmentNotFound,
    PhysicalAssetNotFound,
)
from mes.equipment.tables import (
    CalendarExceptionRow,
    Equipment,
    EquipmentAssetMapping,
    EquipmentClass,
    EquipmentClassMember,
    EquipmentStateInterval,
    EquipmentStatusRow,
    PhysicalAsset,
    PlantCalendar,
    PlantPolicyRow,
    ShiftPatternRow,
)
from mes.equipment.types import (
    Break,
    Calendar,
    CalendarException,
    Confirmation,
    ExceptionKind,
    FirstArticleFor,
    PlantPolicy,
    Shift,
    ShiftPattern,
    ShiftTemplate,
    StateInterval,
    UnknownReason,
    Weekday,
    WhenAway,
)
from mes.kernel.classes import Belonging, ClassTables, ClassView
from mes.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, page_of
from mes.kernel.properties import InheritedProperty, Property, loaded
from mes.kernel.sqltypes import from_us, from_us_or_none
from standards.packml.states import EquipmentState

_E: Final = Equipment.__table__  # type: ignore[attr-defined]
_P: Final = _E.alias("parent")
_W: Final = _E.alias("work_center")
_A: Final = _E.alias("area")
_ASSET: Final = PhysicalAsset.__table__  # type: ignore[attr-defined]
_MAPPING: Final = EquipmentAssetMapping.__table__  # type: ignore[attr-defined]
_STATUS: Final = EquipmentStatusRow.__table__  # type: ignore[attr-defined]
_INTERVAL: Final = EquipmentStateInterval.__table__  # type: ignore[attr-defined]
_CAL: Final = PlantCalendar.__table__  # type: ignore[attr-defined]
_PATTERN: Final = ShiftPatternRow.__table__  # type: ignore[attr-defined]
_EXCEPTION: Final = CalendarExceptionRow.__table__  # type: ignore[attr-defined]
EQUIPMENT_CLASSES: Final = ClassTables(
    "equipment",
    EquipmentClass.__table__,  # type: ignore[attr-defined]
    EquipmentClassMember.__table__,  # type: ignore[attr-defined]
    "equipment_pk",
)

CALENDAR_ID: Final = "plant"
POLICY_ID: Final = "plant"
CALENDAR_RANGE_DAYS: Final = 400
STATE_INTERVALS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class EquipmentView:
    """An entry of the hierarchy. Ids are "" above the level they name; `manual`: the operator confirms jobs.

    `properties`: its own; `inherited`: what its classes say and it does not say otherwise.
    """

    pk: int
    equipment_id: str
    level: str
    parent_id: str
    work_center_id: str
    area_id: str
    description: str
    confirmation: Confirmation | None
    manual: bool
    nominal_cycle_s: Decimal | None
    physical_asset_id: str
    version: int
    classes: tuple[str, ...]
    properties: tuple[Property, ...] = ()
    inherited: tuple[InheritedProperty, ...] = ()


@dataclass(frozen=True, slots=True)
class EquipmentTree:
    """An equipment with all that stands under it."""

    equipment: EquipmentView
    children: tuple[EquipmentTree, ...]


@dataclass(frozen=True, slots=True)
class EquipmentStatus:
    """What is known of an equipment now. Not known: `state` is Unknown, `since` is when that began.

    `known_at` is the last good word from the machine; `unknown_reason` is "", "no-signal", "bad-quality" or
    "bridge-silent".
    """

    equipment_id: str
    description: str
    level: str
    parent_id: str
    area_id: str
    work_center_id: str
    state: EquipmentState
    mode: int | None
    remote: bool | None
    since: datetime | None
    known_at: datetime | None
    known: bool
    unknown_reason: str
    manual: bool
    equipment_pk: int


@dataclass(frozen=True, slots=True)
class PhysicalAssetView:
    """A machine as bought, and the role it fills now ("" if none)."""

    pk: int
    physical_asset_id: str
    description: str
    vendor: str
    model: str
    serial_number: str
    equipment_id: str
    version: int


@dataclass(frozen=True, slots=True)
class AssetMapping:
    """A machine filled a role in [from_at, to_at); None: it still does."""

    equipment_id: str
    physical_asset_id: str
    from_at: datetime
    to_at: datetime | None


@dataclass(frozen=True, slots=True)
class CalendarView:
    """The calendar in force; `version` 0 before one was ever put."""

    calendar: Calendar
    version: int


def _equipment_select(*extra: Any) -> Select[Any]:
    mapped = (
        select(_MAPPING.c.equipment_pk, _ASSET.c.id.label("asset_id"))
        .join(_ASSET, _ASSET.c.pk == _MAPPING.c.physical_asset_pk)
        .where(_MAPPING.c.to_at_us.is_(None))
        .subquery()
    )
    return (
        select(
            _E,
            _P.c.id.label("parent_id"),
            _W.c.id.label("work_center_id"),
            _W.c.confirmation.label("work_center_confirmation"),
            _A.c.id.label("area_id"),
            mapped.c.asset_id,
            *extra,
        )
        .select_from(_E)
        .outerjoin(_P, _P.c.pk == _E.c.parent_pk)
        .outerjoin(_W, _W.c.pk == _E.c.work_center_pk)
        .outerjoin(_A, _A.c.pk == _E.c.area_pk)
        .outerjoin(mapped, mapped.c.equipment_pk == _E.c.pk)
    )


def _confirmation(text: str | None) -> Confirmation | None:
    return Confirmation(text) if text else None


def _is_manual(row: Any) -> bool:
    own, above = _confirmation(row.confirmation), _confirmation(row.work_center_confirmation)
    return rules.confirmed_by(own, above) is Confirmation.Manual


def _equipment_views(session: Session, statement: Select[Any], *, all_classes: bool = False) -> list[EquipmentView]:
    rows = session.execute(statement).all()
    classes = EQUIPMENT_CLASSES.of(session, None if all_classes else [row.pk for row in rows])
    return [_equipment_view(row, classes.get(row.pk, Belonging())) for row in rows]


def _equipment_view(row: Any, belonging: Belonging) -> EquipmentView:
    own = loaded(row.properties)
    return EquipmentView(
        row.pk,
        row.id,
        row.level,
        row.parent_id or "",
        row.work_center_id or "",
        row.area_id or "",
        row.description,
        _confirmation(row.confirmation),
        _is_manual(row),
        row.nominal_cycle_s,
        row.asset_id or "",
        row.version,
        belonging.ids,
        own,
        belonging.inherited(own),
    )


def list_equipment(
    session: Session,
    *,
    level: str | None = None,
    parent_id: str | None = None,
    area_id: str | None = None,
    work_center_id: str | None = None,
    equipment_class: str | None = None,
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[EquipmentView]:
    """Equipment in order of id, filtered. `bad-cursor` for a cursor that is not one of ours."""
    limit = max(1, min(limit, LIMIT_MAX))
    statement = _equipment_select().order_by(_E.c.id).limit(limit + 1)
    filters = ((_E.c.level, level), (_P.c.id, parent_id), (_A.c.id, area_id), (_W.c.id, work_center_id))
    for column, wanted in filters:
        if wanted is not None:
            statement = statement.where(column == wanted)
    if equipment_class is not None:
        statement = statement.where(_E.c.pk.in_(EQUIPMENT_CLASSES.members_of(equipment_class)))
    if cursor:
        statement = statement.where(_E.c.id > decode_cursor(cursor, [str])[0])
    return page_of(_equipment_views(session, statement), limit, lambda view: (view.equipment_id,))


def list_equipment_classes(
    session: Session, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT
) -> Page[ClassView]:
    """Equipment classes in order of id."""
    return EQUIPMENT_CLASSES.page(session, cursor=cursor, limit=limit)


def get_equipment_class(session: Session, *, equipment_class_id: str) -> ClassView:
    """One equipment class. `equipment-class-not-found`."""
    found = EQUIPMENT_CLASSES.get(session, [equipment_class_id])
    if not found:
        raise EquipmentClassNotFound(f"There is no equipment class {equipment_class_id!r}.")
    return found[equipment_class_id]


def get_equipment(session: Session, *, equipment_id: str) -> EquipmentView:
    """One equipment. `equipment-not-found`."""
    found = _equipment_views(session, _equipment_select().where(_E.c.id == equipment_id))
    if not found:
        raise EquipmentNotFound(f"There is no equipment {equipment_id!r}.")
    return found[0]


def equipment_tree(session: Session, *, root_id: str | None = None) -> tuple[EquipmentTree, ...]:
    """The whole hierarchy, or what stands under one equipment, siblings in order of id. `equipment-not-found`."""
    views = _equipment_views(session, _equipment_select().order_by(_E.c.id), all_classes=True)
    children: dict[str, list[EquipmentView]] = {}
    for view in views:
        children.setdefault(view.parent_id, []).append(view)
    if root_id is None:
        return tuple(_branch(view, children) for view in children.get("", []))
    return tuple(_branch(view, children) for view in views if view.equipment_id == root_id) or _missing(root_id)


def _branch(view: EquipmentView, children: dict[str, list[EquipmentView]]) -> EquipmentTree:
    return EquipmentTree(view, tuple(_branch(c, children) for c in children.get(view.equipment_id, [])))


def _missing(equipment_id: str) -> tuple[EquipmentTree, ...]:
    raise EquipmentNotFound(f"There is no equipment {equipment_id!r}.")


def get_equipment_pks(session: Session, ids: Iterable[str]) -> dict[str, int]:
    """Integer keys of the ids that exist; others are absent from the answer."""
    rows = session.execute(select(_E.c.id, _E.c.pk).where(_E.c.id.in_(set(ids))))
    return {row.id: row.pk for row in rows}


def get_equipment_views(session: Session, pks: Collection[int]) -> dict[int, EquipmentView]:
    """The equipment of some integer keys; others are absent from the answer."""
    views = _equipment_views(session, _equipment_select().where(_E.c.pk.in_(set(pks))))
    return {view.pk: view for view in views}


def _status_select() -> Select[Any]:
    columns = [c.label(f"status_{c.name}") for c in _STATUS.c]
    return _equipment_select(*columns).outerjoin(_STATUS, _STATUS.c.equipment_pk == _E.c.pk)


_STATUS_OF_ONE: Final = _status_select().where(_E.c.id == bindparam("equipment_id"))
_STATUS_BELOW: Final = _status_select().where(_P.c.id == bindparam("parent_id")).order_by(_E.c.id)


def list_equipment_status(session: Session, *, area_id: str | None = None) -> tuple[EquipmentStatus, ...]:
    """What is known of every equipment, or of those of one area, in order of id."""
    statement = _status_select().order_by(_E.c.id)
    if area_id is not None:
        statement = statement.where(_A.c.id == area_id)
    return tuple(_status(row) for row in session.execute(statement))


def list_status_below(session: Session, *, parent_id: str) -> tuple[EquipmentStatus, ...]:
    """What is known of the equipment right below one, in order of id."""
    return tuple(_status(row) for row in session.execute(_STATUS_BELOW, {"parent_id": parent_id}))


def get_equipment_status(session: Session, *, equipment_id: str) -> EquipmentStatus:
    """What is known of one equipment. `equipment-not-found`."""
    row = session.execute(_STATUS_OF_ONE, {"equipment_id": equipment_id}).first()
    if row is None:
        raise EquipmentNotFound(f"There is no equipment {equipment_id!r}.")
    return _status(row)


def _status(row: Any) -> EquipmentStatus:
    known = bool(row.status_known)
    since_us = row.status_since_us if known else row.status_unknown_since_us
    return EquipmentStatus(
        row.id,
        row.description,
        row.level,
        row.parent_id or "",
        row.area_id or "",
        row.work_center_id or "",
        EquipmentState(row.status_state) if known else EquipmentState.Unknown,
        row.status_mode,
        row.status_remote,
        from_us_or_none(since_us),
        from_us_or_none(row.status_known_at_us),
        known,
        "" if known else (row.status_unknown_reason or UnknownReason.NoSignal.value),
        _is_manual(row),
        row.pk,
    )


def list_state_intervals(
    session: Session, *, equipment_id: str, from_us: int, to_us: int, limit: int = STATE_INTERVALS_MAX
) -> tuple[StateInterval, ...]:
    """The states of an equipment that touch [from_us, to_us), in order, at most `limit`.

    Intervals keep their true bounds, which may lie outside what was asked. `equipment-not-found`.
    """
    equipment = get_equipment(session, equipment_id=equipment_id)
    statement = (
        select(_INTERVAL)
        .where(_INTERVAL.c.equipment_pk == equipment.pk, _INTERVAL.c.from_at_us < to_us)
        .where(_INTERVAL.c.to_at_us.is_(None) | (_INTERVAL.c.to_at_us > from_us))
        .order_by(_INTERVAL.c.from_at_us)
        .limit(limit)
    )
    return tuple(
        StateInterval(equipment_id, EquipmentState(r.state), r.from_at_us, r.to_at_us, r.cause, r.alarm_text)
        for r in session.execute(statement)
    )


def list_state_intervals_of(
    session: Session,
    *,
    equipment_ids: Collection[str],
    from_us: int,
    to_us: int,
    states: Collection[EquipmentState] = (),
    limit: int = STATE_INTERVALS_MAX,
) -> tuple[StateInterval, ...]:
    """As `list_state_intervals`, of several equipments in one read, by equipment and time; only `states`, if given.

    Ids that do not exist are absent from the answer.
    """
    statement = (
        select(_INTERVAL, _E.c.id)
        .join(_E, _E.c.pk == _INTERVAL.c.equipment_pk)
        .where(_E.c.id.in_(set(equipment_ids)), _INTERVAL.c.from_at_us < to_us)
        .where(_INTERVAL.c.to_at_us.is_(None) | (_INTERVAL.c.to_at_us > from_us))
        .order_by(_E.c.id, _INTERVAL.c.from_at_us)
        .limit(limit)
    )
    if states:
        statement = statement.where(_INTERVAL.c.state.in_([state.value for state in states]))
    return tuple(
        StateInterval(r.id, EquipmentState(r.state), r.from_at_us, r.to_at_us, r.cause, r.alarm_text)
        for r in session.execute(statement)
    )


def _asset_select() -> Select[Any]:
    filled = (
        select(_MAPPING.c.physical_asset_pk, _E.c.id.label("equipment_id"))
        .join(_E, _E.c.pk == _MAPPING.c.equipment_pk)
        .where(_MAPPING.c.to_at_us.is_(None))
        .subquery()
    )
    return select(_ASSET, filled.c.equipment_id).outerjoin(filled, filled.c.physical_asset_pk == _ASSET.c.pk)


def _asset_view(row: Any) -> PhysicalAssetView:
    return PhysicalAssetView(
        row.pk,
        row.id,
        row.description,
        row.vendor,
        row.model,
        row.serial_number,
        row.equipment_id or "",
        row.version,
    )


def list_physical_assets(
    session: Session, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT
) -> Page[PhysicalAssetView]:
    """Machines in order of id."""
    limit = max(1, min(limit, LIMIT_MAX))
    statement = _asset_select().order_by(_ASSET.c.id).limit(limit + 1)
    if cursor:
        statement = statement.where(_ASSET.c.id > decode_cursor(cursor, [str])[0])
    rows = [_asset_view(row) for row in session.execute(statement)]
    return page_of(rows, limit, lambda view: (view.physical_asset_id,))


def get_physical_asset(session: Session, *, physical_asset_id: str) -> PhysicalAssetView:
    """One machine. `physical-asset-not-found`."""
    row = session.execute(_asset_select().where(_ASSET.c.id == physical_asset_id)).first()
    if row is None:
        raise PhysicalAssetNotFound(f"There is no physical asset {physical_asset_id!r}.")
    return _asset_view(row)


def list_asset_mappings(session: Session, *, equipment_id: str) -> tuple[AssetMapping, ...]:
    """Which machines filled a role, oldest first. `equipment-not-found`."""
    equipment = get_equipment(session, equipment_id=equipment_id)
    statement = (
        select(_MAPPING, _ASSET.c.id.label("asset_id"))
        .join(_ASSET, _ASSET.c.pk == _MAPPING.c.physical_asset_pk)
        .where(_MAPPING.c.equipment_pk == equipment.pk)
        .order_by(_MAPPING.c.from_at_us)
    )
    return tuple(
        AssetMapping(equipment_id, r.asset_id, from_us(r.from_at_us), from_us_or_none(r.to_at_us))
        for r in session.execute(statement)
    )


_CALENDAR: Final = select(_CAL).where(_CAL.c.id == CALENDAR_ID)
_PATTERNS: Final = select(_PATTERN).where(_PATTERN.c.calendar_pk == bindparam("pk")).order_by(_PATTERN.c.id)
_EXCEPTIONS: Final = select(_EXCEPTION).where(_EXCEPTION.c.calendar_pk == bindparam("pk")).order_by(_EXCEPTION.c.day)


def get_calendar(session: Session) -> CalendarView:
    """The plant calendar in force; before one was put: UTC, days from midnight, no shifts."""
    row = session.execute(_CALENDAR).first()
    if row is None:
        return CalendarView(Calendar(), 0)
    calendar = Calendar(
        row.time_zone,
        time.fromisoformat(row.production_day_start),
        _patterns(session, row.pk),
        _exceptions(session, row.pk),
    )
    return CalendarView(calendar, row.version)


def get_plant_policy(session: Session) -> PlantPolicy:
    """What the plant wants done where it has the choice; before anything was said, the defaults."""
    table = PlantPolicyRow.__table__  # type: ignore[attr-defined]
    row = session.execute(select(table).where(table.c.id == POLICY_ID)).first()
    if row is None:
        return PlantPolicy()
    return PlantPolicy(WhenAway(row.when_away), FirstArticleFor(row.first_article_for), row.version)


def _patterns(session: Session, calendar_pk: int) -> tuple[ShiftPattern, ...]:
    rows = session.execute(_PATTERNS, {"pk": calendar_pk})
    return tuple(ShiftPattern(_template(r.shift), frozenset(map(Weekday, r.days.split()))) for r in rows)


def _exceptions(session: Session, calendar_pk: int) -> dict[date, CalendarException]:
    rows = session.execute(_EXCEPTIONS, {"pk": calendar_pk})
    return {
        r.day: CalendarException(r.day, ExceptionKind(r.kind), tuple(_template(s) for s in r.shifts), r.description)
        for r in rows
    }


def _template(stored: dict[str, Any]) -> ShiftTemplate:
    breaks = (Break(time.fromisoformat(b["start"]), time.fromisoformat(b["end"])) for b in stored["breaks"])
    return ShiftTemplate(
        stored["id"],
        time.fromisoformat(stored["start"]),
        time.fromisoformat(stored["end"]),
        stored["name"],
        tuple(breaks),
    )


def list_shifts(session: Session, *, from_at: datetime, to_at: datetime) -> tuple[Shift, ...]:
    """Shifts that touch [from_at, to_at). `calendar-range-too-long` beyond 400 days or an end before the start."""
    if to_at < from_at or (to_at - from_at).days > CALENDAR_RANGE_DAYS:
        raise CalendarRangeTooLong()
    return calendar_rules.shifts_between(get_calendar(session).calendar, from_at, to_at)
