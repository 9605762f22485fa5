"""The plant calendar, pure: production days and shifts as real instants, over clock changes too.

Wall times become instants so that their order is kept: a time the clock skips in spring is the instant of the skip,
a time it shows twice in autumn is the first of the two. So shifts that do not overlap on the wall do not overlap in
time, and their lengths are real seconds: a night shift 22:00 to 06:00 lasts 7 hours in spring, 9 in autumn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mes.equipment.types import WEEKDAYS, Calendar, ExceptionKind, Shift, ShiftTemplate

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_REACH_DAYS = 3
"""A shift begins at most a day after its production day's date and lasts at most a day (25 hours at most)."""


@dataclass(frozen=True, slots=True)
class CalendarFault:
    """What is wrong with a calendar: `where` names the part, `code` as in docs/problems."""

    where: str
    code: str
    message: str


def is_time_zone(name: str) -> bool:
    """Whether `name` is an IANA time zone known here."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def instant_of(day: date, wall: time, time_zone: str) -> datetime:
    """The UTC instant at which the wall clock shows `wall` on `day`; monotonic (see the module)."""
    zone = ZoneInfo(time_zone)
    local = datetime.combine(day, wall, tzinfo=zone)
    first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    return _skip(second, first, zone) if second < first else first


def _skip(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant between two at which the clock was put forward."""
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def production_day(calendar: Calendar, at: datetime) -> date:
    """The production day an instant belongs to. ValueError on a naive datetime."""
    if at.tzinfo is None:
        raise ValueError("naive datetime")
    day = at.astimezone(ZoneInfo(calendar.time_zone)).date()
    return day if at >= day_start(calendar, day) else day - _DAY


def day_start(calendar: Calendar, day: date) -> datetime:
    """The instant a production day starts; it ends where the next one starts, 23, 24 or 25 hours later."""
    return instant_of(day, calendar.production_day_start, calendar.time_zone)


def shifts_of_day(calendar: Calendar, day: date) -> tuple[Shift, ...]:
    """The shifts that belong to a production day, in order of their start."""
    shifts = (_shift(calendar, day, template) for template in _templates(calendar, day))
    return tuple(sorted(shifts, key=lambda shift: shift.starts_at))


def _templates(calendar: Calendar, day: date) -> list[ShiftTemplate]:
    exception = calendar.exceptions.get(day)
    weekday = WEEKDAYS[day.weekday()]
    regular = [p.shift for p in calendar.patterns if weekday in p.days]
    if exception is None:
        return regular
    return [*(regular if exception.kind is ExceptionKind.Extra else []), *exception.shifts]


def _shift(calendar: Calendar, day: date, template: ShiftTemplate) -> Shift:
    first = day if template.start >= calendar.production_day_start else day + _DAY
    last = first if template.end > template.start else first + _DAY
    return Shift(
        template.shift_id,
        template.name or template.shift_id,
        day,
        instant_of(first, template.start, calendar.time_zone),
        instant_of(last, template.end, calendar.time_zone),
        tuple(_breaks(calendar, first, template)),
    )


def _breaks(calendar: Calendar, first: date, template: ShiftTemplate) -> Iterator[tuple[datetime, datetime]]:
    for pause in template.breaks:
        starts_on = first if pause.start >= template.start else first + _DAY
        ends_on = starts_on if pause.end > pause.start else starts_on + _DAY
        yield (
            instant_of(starts_on, pause.start, calendar.time_zone),
            instant_of(ends_on, pause.end, calendar.time_zone),
        )


def shifts_between(calendar: Calendar, from_at: datetime, to_at: datetime) -> tuple[Shift, ...]:
    """Shifts that touch [from_at, to_at), in order. Ask for days or weeks, not decades: every day is worked out."""
    first = production_day(calendar, from_at) - _REACH_DAYS * _DAY
    days = (production_day(calendar, to_at) - first).days + 1
    shifts = (s for n in range(days) for s in shifts_of_day(calendar, first + n * _DAY))
    touching = (s for s in shifts if s.starts_at < to_at and s.ends_at > from_at)
    return tuple(sorted(touching, key=lambda shift: shift.starts_at))


def shift_at(calendar: Calendar, at: datetime) -> Shift | None:
    """The shift that is on at an instant; None outside all shifts."""
    found = shifts_between(calendar, at, at + timedelta(microseconds=1))
    return found[0] if found else None


def working_seconds(shift: Shift) -> float:
    """Real seconds of a shift without its breaks."""
    pauses = sum((end - start for start, end in shift.breaks), timedelta())
    return (shift.ends_at - shift.starts_at - pauses).total_seconds()


def calendar_faults(calendar: Calendar) -> tuple[CalendarFault, ...]:
    """Everything wrong with a calendar: unknown time zone, breaks outside their shift, shifts that overlap."""
    if not is_time_zone(calendar.time_zone):
        message = f"{calendar.time_zone!r} is not an IANA time zone (such as Europe/Berlin)"
        return (CalendarFault("time_zone", "unknown-time-zone", message),)
    checks = (_id_faults, _break_faults, _kind_faults, _overlaps)
    return tuple(fault for check in checks for fault in check(calendar))


def _id_faults(calendar: Calendar) -> Iterator[CalendarFault]:
    ids = Counter(pattern.shift.shift_id for pattern in calendar.patterns)
    for shift_id, times in ids.items():
        if times > 1:
            yield CalendarFault(f"shift {shift_id}", "duplicate-id", f"there are {times} patterns {shift_id!r}")


def _all_templates(calendar: Calendar) -> Iterator[tuple[str, ShiftTemplate]]:
    for pattern in calendar.patterns:
        yield f"shift {pattern.shift.shift_id}", pattern.shift
    for exception in calendar.exceptions.values():
        for shift in exception.shifts:
            yield f"exception {exception.day} shift {shift.shift_id}", shift


def _break_faults(calendar: Calendar) -> Iterator[CalendarFault]:
    for where, template in _all_templates(calendar):
        length = _minutes_after(template.start, template.end) or 24 * 60
        spans = [_break_span(template.start, pause.start, pause.end) for pause in template.breaks]
        inside = all(end <= length for _, end in spans)
        if not inside or _any_overlap(spans):
            message = "every break lies inside its shift, and no two overlap"
            yield CalendarFault(where, "break-outside-shift", message)


def _break_span(shift_start: time, start: time, end: time) -> tuple[int, int]:
    begins = _minutes_after(shift_start, start)
    return begins, begins + (_minutes_after(start, end) or 24 * 60)


def _minutes_after(start: time, end: time) -> int:
    return ((end.hour - start.hour) * 60 + end.minute - start.minute) % (24 * 60)


def _any_overlap(spans: Sequence[tuple[int, int]]) -> bool:
    ordered = sorted(spans)
    return any(b[0] < a[1] for a, b in pairwise(ordered))


def _kind_faults(calendar: Calendar) -> Iterator[CalendarFault]:
    for exception in calendar.exceptions.values():
        if (exception.kind is ExceptionKind.Closed) == bool(exception.shifts):
            message = "a closed day names no shifts; an extra or replaced one names at least one"
            yield CalendarFault(f"exception {exception.day}", "exception-shifts", message)


def _overlaps(calendar: Calendar) -> Iterator[CalendarFault]:
    """Shifts that overlap in an ordinary week or around an exception; wall clocks, so any zone will do."""
    wall = Calendar("UTC", calendar.production_day_start, calendar.patterns, calendar.exceptions)
    plain = Calendar("UTC", calendar.production_day_start, calendar.patterns)
    week = date(2001, 1, 1)
    if overlap := _first_overlap(plain, week, 9):
        yield CalendarFault("shift_patterns", "shifts-overlap", overlap)
        return
    for day in calendar.exceptions:
        if overlap := _first_overlap(wall, day - 2 * _DAY, 5):
            yield CalendarFault(f"exception {day}", "shifts-overlap", overlap)


def _first_overlap(calendar: Calendar, first: date, days: int) -> str:
    found = [s for n in range(days) for s in shifts_of_day(calendar, first + n * _DAY)]
    found.sort(key=lambda shift: (shift.starts_at, shift.ends_at))
    for one, other in pairwise(found):
        if other.starts_at < one.ends_at:
            return f"shift {other.shift_id!r} begins before shift {one.shift_id!r} has ended"
    return ""
