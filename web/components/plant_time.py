"""The plant's own time: its zone, and where its production day began."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from mes.equipment.calendar_rules import day_start, production_day
from mes.equipment.queries import get_calendar
from mes.kernel.db import ReadSession


def plant_zone(session: ReadSession) -> ZoneInfo:
    """The time zone all screens of this plant write times in."""
    return ZoneInfo(session.once(get_calendar).calendar.time_zone)


def production_day_start(session: ReadSession, now: datetime) -> datetime:
    """When the production day of `now` began."""
    calendar = session.once(get_calendar).calendar
    return day_start(calendar, production_day(calendar, now))
