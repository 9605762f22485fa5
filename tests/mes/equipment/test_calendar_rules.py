"""The plant calendar: days of 23 and 25 hours, nights over a month's end, breaks, exceptions."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mes.equipment.calendar_rules import (
    calendar_faults,
    day_start,
    instant_of,
    production_day,
    shift_at,
    shifts_between,
    shifts_of_day,
    working_seconds,
)
from mes.equipment.types import (
    Break,
    Calendar,
    CalendarException,
    ExceptionKind,
    Shift,
    ShiftPattern,
    ShiftTemplate,
    Weekday,
)

BERLIN = "Europe/Berlin"
WORKDAYS = frozenset({Weekday.Monday, Weekday.Tuesday, Weekday.Wednesday, Weekday.Thursday, Weekday.Friday})
EVERY_DAY = frozenset(Weekday)


def shift(shift_id: str, start: str, end: str, *breaks: tuple[str, str]) -> ShiftTemplate:
    pauses = tuple(Break(time.fromisoformat(a), time.fromisoformat(b)) for a, b in breaks)
    return ShiftTemplate(shift_id, time.fromisoformat(start), time.fromisoformat(end), breaks=pauses)


def three_shifts(days: frozenset[Weekday] = EVERY_DAY, *exceptions: CalendarException) -> Calendar:
    patterns = (
        ShiftPattern(shift("early", "06:00", "14:00", ("09:00", "09:15"), ("11:30", "12:00")), days),
        ShiftPattern(shift("late", "14:00", "22:00", ("18:00", "18:30")), days),
        ShiftPattern(shift("night", "22:00", "06:00", ("23:45", "00:15")), days),
    )
    return Calendar(BERLIN, time(6), patterns, {e.day: e for e in exceptions})


def hours(one: Shift) -> float:
    return (one.ends_at - one.starts_at).total_seconds() / 3600


def test_day_of_the_spring_clock_change_has_23_hours() -> None:
    calendar = Calendar(BERLIN)
    assert day_start(calendar, date(2026, 3, 30)) - day_start(calendar, date(2026, 3, 29)) == timedelta(hours=23)


def test_day_of_the_autumn_clock_change_has_25_hours() -> None:
    calendar = Calendar(BERLIN)
    assert day_start(calendar, date(2026, 10, 26)) - day_start(calendar, date(2026, 10, 25)) == timedelta(hours=25)


@pytest.mark.parametrize(("day", "length"), [(date(2026, 3, 28), 7), (date(2026, 10, 24), 9), (date(2026, 3, 27), 8)])
def test_night_shift_lasts_real_hours_over_the_clock_change(day: date, length: int) -> None:
    night = shifts_of_day(three_shifts(), day)[-1]
    assert (night.shift_id, hours(night), night.production_day) == ("night", length, day)
    assert working_seconds(night) == length * 3600 - 1800


def test_night_shift_over_a_months_end_belongs_to_the_month_it_starts_in() -> None:
    after_midnight = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)  # 00:30 on 1 February in Berlin
    night = shift_at(three_shifts(), after_midnight)
    assert night is not None
    assert (night.shift_id, night.production_day) == ("night", date(2026, 1, 31))
    assert production_day(three_shifts(), after_midnight) == date(2026, 1, 31)


def test_shift_that_starts_before_the_production_day_belongs_to_the_day_before() -> None:
    calendar = Calendar(BERLIN, time(6), (ShiftPattern(shift("dawn", "04:00", "08:00"), frozenset({Weekday.Monday})),))
    (dawn,) = shifts_of_day(calendar, date(2026, 1, 5))
    assert dawn.starts_at == datetime(2026, 1, 6, 3, 0, tzinfo=UTC)
    assert dawn.production_day == date(2026, 1, 5) == production_day(calendar, dawn.starts_at)


def test_production_day_starts_at_its_hour_and_not_a_microsecond_before() -> None:
    start = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
    assert production_day(three_shifts(), start) == date(2026, 3, 2)
    assert production_day(three_shifts(), start - timedelta(microseconds=1)) == date(2026, 3, 1)


def test_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        production_day(three_shifts(), datetime(2026, 3, 2, 8, 0))  # noqa: DTZ001


def test_wall_time_the_clock_skips_is_the_instant_of_the_skip() -> None:
    assert instant_of(date(2026, 3, 29), time(2, 30), BERLIN) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_wall_time_the_clock_shows_twice_is_the_first() -> None:
    assert instant_of(date(2026, 10, 25), time(2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_holiday_has_no_shifts_and_its_neighbours_keep_theirs() -> None:
    holiday = CalendarException(date(2026, 12, 25), ExceptionKind.Closed)
    calendar = three_shifts(EVERY_DAY, holiday)
    assert shifts_of_day(calendar, date(2026, 12, 25)) == ()
    assert len(shifts_of_day(calendar, date(2026, 12, 24))) == 3
    # the night of the 24th still ends on the holiday's morning
    assert shift_at(calendar, datetime(2026, 12, 25, 3, 0, tzinfo=UTC)) is not None


def test_extra_shift_comes_on_top_and_replaced_ones_instead() -> None:
    saturday = date(2026, 6, 6)
    extra = CalendarException(saturday, ExceptionKind.Extra, (shift("rush", "06:00", "12:00"),))
    assert [s.shift_id for s in shifts_of_day(three_shifts(WORKDAYS, extra), saturday)] == ["rush"]
    monday = date(2026, 6, 8)
    short = CalendarException(monday, ExceptionKind.Replaced, (shift("short", "08:00", "12:00"),))
    assert [s.shift_id for s in shifts_of_day(three_shifts(WORKDAYS, short), monday)] == ["short"]


def test_breaks_after_midnight_lie_on_the_next_day() -> None:
    night = shifts_of_day(three_shifts(), date(2026, 1, 15))[-1]
    assert night.breaks == ((datetime(2026, 1, 15, 22, 45, tzinfo=UTC), datetime(2026, 1, 15, 23, 15, tzinfo=UTC)),)


def test_every_fault_of_a_calendar_is_named() -> None:
    calendar = Calendar(
        BERLIN,
        time(6),
        (
            ShiftPattern(shift("a", "06:00", "14:00", ("05:00", "05:30")), EVERY_DAY),
            ShiftPattern(shift("b", "13:00", "22:00"), EVERY_DAY),
            ShiftPattern(shift("b", "22:00", "23:00"), EVERY_DAY),
        ),
        {date(2026, 1, 1): CalendarException(date(2026, 1, 1), ExceptionKind.Extra)},
    )
    assert {f.code for f in calendar_faults(calendar)} == {
        "duplicate-id",
        "break-outside-shift",
        "exception-shifts",
        "shifts-overlap",
    }
    assert [f.code for f in calendar_faults(Calendar("Mars/Olympus"))] == ["unknown-time-zone"]


def test_extra_shift_that_overlaps_the_night_before_is_a_fault() -> None:
    extra = CalendarException(date(2026, 6, 6), ExceptionKind.Extra, (shift("rush", "05:30", "09:00"),))
    calendar = Calendar(BERLIN, time(5), three_shifts(WORKDAYS).patterns, {extra.day: extra})
    assert [f.code for f in calendar_faults(calendar)] == ["shifts-overlap"]


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Calendars without overlap: a production day cut at some minutes, every other piece perhaps a shift."""
    start = draw(st.integers(0, 23)) * 60
    cuts = sorted(draw(st.sets(st.integers(0, 24 * 60 - 1), min_size=2, max_size=6)))
    wall = [time((start + cut) % 1440 // 60, (start + cut) % 60) for cut in cuts]
    pairs = [(a, b) for a, b in pairwise(wall)]
    patterns = [
        ShiftPattern(ShiftTemplate(f"s{n}", a, b), draw(st.frozensets(st.sampled_from(list(Weekday)), min_size=1)))
        for n, (a, b) in enumerate(pairs)
    ]
    zone = draw(st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC", "Africa/Casablanca"]))
    return Calendar(zone, time(start // 60), tuple(patterns))


INSTANTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(calendars(), INSTANTS)
@settings(max_examples=60, deadline=None)
def test_shifts_never_overlap_and_belong_to_the_day_they_start_in(calendar: Calendar, at: datetime) -> None:
    assert calendar_faults(calendar) == ()
    shifts = shifts_between(calendar, at, at + timedelta(days=9))
    for one, following in pairwise(shifts):
        assert one.ends_at <= following.starts_at
    for one in shifts:
        assert one.starts_at <= one.ends_at
        assert production_day(calendar, one.starts_at) == one.production_day or one.starts_at == one.ends_at


@given(calendars(), INSTANTS)
@settings(max_examples=60, deadline=None)
def test_shift_at_is_the_one_that_holds_the_instant(calendar: Calendar, at: datetime) -> None:
    found = shift_at(calendar, at)
    holding = [
        s
        for n in range(-3, 3)
        for s in shifts_of_day(calendar, production_day(calendar, at) + timedelta(days=n))
        if s.starts_at <= at < s.ends_at
    ]
    assert ([found] if found else []) == holding


@given(calendars(), INSTANTS, st.integers(0, 90_000_000_000))
@settings(max_examples=60, deadline=None)
def test_production_days_follow_each_other(calendar: Calendar, at: datetime, later_us: int) -> None:
    later = at + timedelta(microseconds=later_us)
    assert timedelta(0) <= production_day(calendar, later) - production_day(calendar, at) <= timedelta(days=2)
