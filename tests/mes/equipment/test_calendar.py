"""The stored calendar, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from mes.equipment import queries
from mes.equipment.errors import CalendarInvalid, CalendarRangeTooLong
from mes.equipment.service import put_calendar
from mes.equipment.types import (
    Break,
    Calendar,
    CalendarException,
    ExceptionKind,
    PutOutcome,
    ShiftPattern,
    ShiftTemplate,
    Weekday,
)
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict

LATE = ShiftTemplate("late", time(14), time(22), "Late", (Break(time(18), time(18, 30)),))
EARLY = ShiftTemplate("early", time(6), time(14), "early")
HOLIDAY = CalendarException(date(2026, 12, 25), ExceptionKind.Closed, description="Christmas")
RUSH = CalendarException(date(2026, 12, 27), ExceptionKind.Extra, (replace(EARLY, shift_id="rush", name="Rush"),))
CALENDAR = Calendar(
    "Europe/Berlin",
    time(6),
    (ShiftPattern(LATE, frozenset({Weekday.Monday, Weekday.Friday})), ShiftPattern(EARLY, frozenset({Weekday.Friday}))),
    {e.day: e for e in (HOLIDAY, RUSH)},
)


def put(database: Database, calendar: Calendar, **kwargs: int) -> PutOutcome:
    return database.write_now(put_calendar, actor=None, calendar=calendar, **kwargs)


def test_before_any_calendar_days_are_utc_and_there_are_no_shifts(database: Database) -> None:
    assert database.read_now(queries.get_calendar) == queries.CalendarView(Calendar(), 0)


def test_calendar_comes_back_as_it_was_put_and_twice_is_once(database: Database) -> None:
    assert put(database, CALENDAR) is PutOutcome.Created
    assert put(database, CALENDAR) is PutOutcome.Unchanged
    stored = database.read_now(queries.get_calendar)
    assert set(stored.calendar.patterns) == set(CALENDAR.patterns)
    assert stored.calendar.exceptions == CALENDAR.exceptions
    assert stored.version == 1


def test_every_change_counts_a_version_even_of_the_parts_only(database: Database) -> None:
    put(database, CALENDAR)
    assert put(database, replace(CALENDAR, patterns=CALENDAR.patterns[:1]), version=1) is PutOutcome.Updated
    assert put(database, replace(CALENDAR, time_zone="Europe/Vienna"), version=2) is PutOutcome.Updated
    assert database.read_now(queries.get_calendar).version == 3
    with pytest.raises(VersionConflict):
        put(database, CALENDAR, version=2)


def test_contradictions_are_refused_and_change_nothing(database: Database) -> None:
    put(database, CALENDAR)
    overlap = ShiftPattern(replace(EARLY, shift_id="x", end=time(15)), frozenset({Weekday.Friday}))
    with pytest.raises(CalendarInvalid) as refusal:
        put(database, replace(CALENDAR, patterns=(*CALENDAR.patterns, overlap)))
    assert [e.code for e in refusal.value.errors] == ["shifts-overlap"]
    assert database.read_now(queries.get_calendar).version == 1


def test_shifts_over_a_range_and_its_limit(database: Database) -> None:
    put(database, CALENDAR)
    friday = datetime(2026, 12, 18, 12, 0, tzinfo=UTC)
    found = database.read_now(queries.list_shifts, from_at=friday, to_at=friday + timedelta(days=10))
    assert [(s.shift_id, s.production_day.day) for s in found] == [
        ("early", 18),
        ("late", 18),
        ("late", 21),
        ("rush", 27),
    ]
    with pytest.raises(CalendarRangeTooLong):
        database.read_now(queries.list_shifts, from_at=friday, to_at=friday + timedelta(days=500))
