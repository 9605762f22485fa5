"""Put the plant calendar in force."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import delete
from sqlmodel import select

from mes.equipment import calendar_rules, queries
from mes.equipment.errors import CalendarInvalid
from mes.equipment.tables import CalendarExceptionRow, PlantCalendar, ShiftPatternRow
from mes.equipment.types import WEEKDAYS, Calendar, PutOutcome, ShiftTemplate
from mes.kernel.errors import FieldError, VersionConflict
from mes.kernel.uow import UnitOfWork


def put_calendar(uow: UnitOfWork, *, calendar: Calendar, version: int | None = None) -> PutOutcome:
    """Replace the whole calendar. `version`: the one the caller saw (0: none yet), or None to not mind.

    `calendar-invalid` with every fault; `version-conflict`.
    """
    faults = calendar_rules.calendar_faults(calendar)
    if faults:
        errors = [FieldError(f.where, f.message, f.code) for f in faults]
        raise CalendarInvalid(faults[0].message, errors=errors)
    calendar = replace(calendar, patterns=tuple(sorted(calendar.patterns, key=lambda p: p.shift.shift_id)))
    view = queries.get_calendar(uow.session)
    if version is not None and version != view.version:
        raise VersionConflict(f"It is at version {view.version}, not {version}.")
    if view.version and view.calendar == calendar:
        return PutOutcome.Unchanged
    row = _store_head(uow, calendar, view.version)
    _store_parts(uow, row, calendar)
    uow.emit(
        "equipment.calendar-put.v1",
        topics=["board"],
        subject="calendar",
        payload={"time_zone": calendar.time_zone, "version": row.version},
    )
    return PutOutcome.Updated if view.version else PutOutcome.Created


def _store_head(uow: UnitOfWork, calendar: Calendar, version: int) -> PlantCalendar:
    row = uow.session.exec(select(PlantCalendar).where(PlantCalendar.id == queries.CALENDAR_ID)).first()
    if row is None:
        row = PlantCalendar(id=queries.CALENDAR_ID, time_zone="", production_day_start="")
        uow.session.add(row)
    row.time_zone = calendar.time_zone
    row.production_day_start = calendar.production_day_start.isoformat("minutes")
    uow.flush()
    if version and row.version == version:
        row.version = version + 1
        uow.flush()
    return row


def _store_parts(uow: UnitOfWork, row: PlantCalendar, calendar: Calendar) -> None:
    assert row.pk is not None, "the row was flushed"
    uow.execute(delete(ShiftPatternRow).where(ShiftPatternRow.calendar_pk == row.pk))  # type: ignore[arg-type]
    uow.execute(delete(CalendarExceptionRow).where(CalendarExceptionRow.calendar_pk == row.pk))  # type: ignore[arg-type]
    for pattern in calendar.patterns:
        days = " ".join(day for day in WEEKDAYS if day in pattern.days)
        shift = _stored(pattern.shift)
        uow.session.add(ShiftPatternRow(calendar_pk=row.pk, id=pattern.shift.shift_id, days=days, shift=shift))
    for exception in calendar.exceptions.values():
        uow.session.add(
            CalendarExceptionRow(
                calendar_pk=row.pk,
                day=exception.day,
                kind=exception.kind.value,
                description=exception.description,
                shifts=[_stored(shift) for shift in exception.shifts],
            )
        )
    uow.flush()


def _stored(shift: ShiftTemplate) -> dict[str, Any]:
    return {
        "id": shift.shift_id,
        "name": shift.name,
        "start": shift.start.isoformat("minutes"),
        "end": shift.end.isoformat("minutes"),
        "breaks": [{"start": b.start.isoformat("minutes"), "end": b.end.isoformat("minutes")} for b in shift.breaks],
    }
