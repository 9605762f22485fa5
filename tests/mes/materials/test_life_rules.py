"""Floor life that pauses and resets, shelf life, life after opening: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.kernel.sqltypes import to_us
from mes.materials import life_rules as rules
from mes.materials.errors import HandlingInvalid, LotNotWarm
from mes.materials.types import (
    HOUR_US,
    ApprovedPart,
    Exposure,
    HandlingSpec,
    LifeClock,
    LifeKind,
    LotLife,
    MoistureLevelSpec,
    Storage,
)

NONE = HandlingSpec("MCU")
BERLIN = ZoneInfo("Europe/Berlin")


def level(name: str, **own: int):  # type: ignore[no-untyped-def]
    return rules.level_of(rules.DEFAULT_LEVELS[name], replace(NONE, **own))


def h(hours: float) -> int:
    return int(hours * HOUR_US)


def after(exposure: Exposure, name: str, hours: float, **own: int) -> int:
    return rules.exposed_us(exposure, level(name, **own), exposure.since_us + h(hours))


@pytest.mark.parametrize(
    ("name", "hours"),
    [("1", None), ("2", 8_760), ("2a", 672), ("3", 168), ("4", 72), ("5", 48), ("5a", 24), ("6", 0)],
)
def test_floor_lives_are_those_of_the_standard(name: str, hours: int | None) -> None:
    assert level(name).floor_life_us == (None if hours is None else h(hours))


def test_open_counts_and_everything_else_pauses() -> None:
    assert after(Exposure(Storage.open, 0, h(3)), "3", 5) == h(8)
    for storage in (Storage.sealed, Storage.cold, Storage.dry_cabinet, Storage.baking):
        assert after(Exposure(storage, 0, h(20)), "3", 500) == h(20)


@pytest.mark.parametrize(
    ("name", "exposed", "dry", "left"),
    [
        ("3", 12, 59.9, 12),
        ("3", 12, 60, 0),  # five times the exposure, at most twelve hours of it
        ("3", 12.1, 1_000, 12.1),
        ("5a", 8, 79, 8),
        ("5a", 8, 80, 0),  # ten times, at most eight hours
        ("5a", 8.1, 1_000, 8.1),
        ("6", 1, 1_000, 1),
    ],
)
def test_drying_resets_a_short_exposure_only(name: str, exposed: float, dry: float, left: float) -> None:
    assert after(Exposure(Storage.dry_cabinet, 0, h(exposed)), name, dry) == h(left)
    assert after(Exposure(Storage.sealed, 0, h(exposed)), name, dry) == h(left)
    assert after(Exposure(Storage.cold, 0, h(exposed)), name, dry) == h(exposed)


def test_a_bake_resets_when_it_was_as_long_as_the_plant_says() -> None:
    baking = Exposure(Storage.baking, 0, h(200))
    assert after(baking, "3", 47, bake_h=48) == h(200)
    assert after(baking, "3", 48, bake_h=48) == 0
    assert after(baking, "3", 10_000) == h(200), "no bake time is given, so no bake resets"


def test_level_6_is_baked_before_its_first_use() -> None:
    six = level("6", floor_life_h=6, bake_h=24)
    fresh = rules.first_exposure(six, Storage.sealed, 0)
    life = LotLife(fresh, six)
    assert rules.clocks_of(life, h(1))[0].left_us == 0
    baked = rules.moved(rules.moved(fresh, six, Storage.baking, 0), six, Storage.open, h(24))
    assert rules.clocks_of(LotLife(baked, six), h(26))[0].left_us == h(4)


STORAGE = st.sampled_from(list(Storage))
LEVEL = st.sampled_from([n for n in rules.DEFAULT_LEVELS if n != "1"]).map(lambda n: level(n, bake_h=24))
STAY = st.tuples(STORAGE, st.integers(0, h(300)))


def walk(stays: list[tuple[Storage, int]], lvl) -> list[tuple[Exposure, int]]:  # type: ignore[no-untyped-def]
    """Each stay as it began, and when it ended."""
    exposure, at = Exposure(Storage.sealed, 0), 0
    found = []
    for storage, lasts in stays:
        exposure = rules.moved(exposure, lvl, storage, at)
        at += lasts
        found.append((exposure, at))
    return found


@given(LEVEL, st.lists(STAY, max_size=12))
def test_exposure_is_never_more_than_the_time_in_the_open(lvl, stays: list[tuple[Storage, int]]) -> None:  # type: ignore[no-untyped-def]
    open_us = 0
    for exposure, ended in walk(stays, lvl):
        open_us += ended - exposure.since_us if exposure.storage is Storage.open else 0
        assert 0 <= rules.exposed_us(exposure, lvl, ended) <= open_us


@given(LEVEL, st.lists(STAY, min_size=1, max_size=12), st.integers(0, h(50)), st.integers(0, h(50)))
def test_exposure_grows_in_the_open_and_elsewhere_never(lvl, stays, first: int, more: int) -> None:  # type: ignore[no-untyped-def]
    exposure, _ = walk(stays, lvl)[-1]
    early = rules.exposed_us(exposure, lvl, exposure.since_us + first)
    late = rules.exposed_us(exposure, lvl, exposure.since_us + first + more)
    assert late == early + more if exposure.storage is Storage.open else late <= early


@given(LEVEL, st.lists(STAY, max_size=8), st.integers(0, h(100)), st.integers(0, h(100)))
def test_looking_on_the_way_changes_nothing(lvl, stays, first: int, more: int) -> None:  # type: ignore[no-untyped-def]
    """Opened twice in a row is opened once."""
    exposure, at = ([(Exposure(Storage.sealed, 0), 0), *walk(stays, lvl)])[-1]
    once = rules.moved(exposure, lvl, Storage.open, at)
    again = rules.moved(once, lvl, Storage.open, at + first)
    assert rules.exposed_us(once, lvl, at + first + more) == rules.exposed_us(again, lvl, at + first + more)


@given(LEVEL, st.lists(STAY, max_size=8))
def test_a_reset_leaves_nothing_and_needs_dry_or_heat(lvl, stays: list[tuple[Storage, int]]) -> None:  # type: ignore[no-untyped-def]
    for exposure, ended in walk(stays, lvl):
        now = rules.exposed_us(exposure, lvl, ended)
        if now < exposure.exposed_us:
            assert now == 0
            assert exposure.storage in (Storage.sealed, Storage.dry_cabinet, Storage.baking)


CLOCK = st.builds(
    LifeClock,
    st.sampled_from(list(LifeKind)),
    st.integers(-h(10), h(500)),
    st.none() | st.integers(1, h(500)),
    st.booleans(),
)


@given(st.lists(CLOCK, max_size=3), st.integers(0, h(1_000_000)))
def test_the_next_alarm_is_when_a_percent_is_newly_reached_and_never_before(clocks, at: int) -> None:  # type: ignore[no-untyped-def]
    running = [clock for clock in clocks if clock.running]
    alarm = rules.next_alarm_us(clocks, at)

    def seen(when: int) -> list[int]:
        return [rules.passed_percent(replace(c, left_us=c.left_us - (when - at))) for c in running]

    if alarm is None:
        assert seen(at + h(10**9)) == seen(at)
    else:
        assert seen(alarm - 1) == seen(at)
        assert seen(alarm) != seen(at)


def test_a_clock_says_80_and_100() -> None:
    def said(used: int) -> int:
        return rules.passed_percent(LifeClock(LifeKind.floor_life, 100 - used, 100))

    assert [said(used) for used in (0, 79, 80, 99, 100, 120)] == [0, 0, 80, 80, 100, 100]
    assert LifeClock(LifeKind.expiry, 1).percent == 0
    assert LifeClock(LifeKind.expiry, 0).percent == 100


def ends(**more):  # type: ignore[no-untyped-def]
    given = {"expires_on": None, "made_on": None, "shelf_life_days": None, "received_at_us": 0, "zone": BERLIN}
    return rules.expires_at_us(**(given | more))


def test_shelf_life_ends_with_the_label_s_day_in_the_plant_or_earlier() -> None:
    end = to_us(datetime(2026, 12, 24, 23, tzinfo=UTC))
    assert ends(expires_on=date(2026, 12, 24)) == end
    assert ends(expires_on=date(2026, 12, 24), made_on=date(2026, 12, 14), shelf_life_days=10) == end
    assert ends(expires_on=date(2026, 12, 24), made_on=date(2026, 12, 14), shelf_life_days=9) == end - h(24)
    assert ends(shelf_life_days=2, received_at_us=5) == h(48) + 5
    assert ends() is None


def test_paste_is_opened_when_it_has_warmed_up() -> None:
    def opened(storage: Storage, left_cold_h: float | None, warm_up_h: int | None) -> None:
        left = None if left_cold_h is None else h(left_cold_h)
        rules.check_warm("SP", Exposure(storage, 0), left, warm_up_h, h(10))

    opened(Storage.sealed, 6, 4)
    opened(Storage.sealed, None, 4)
    opened(Storage.cold, None, None)
    with pytest.raises(LotNotWarm, match="comes from the cold"):
        opened(Storage.cold, None, 4)
    with pytest.raises(LotNotWarm, match="another 30 min"):
        opened(Storage.sealed, 6.5, 4)


@pytest.mark.parametrize(
    "spec",
    [
        replace(NONE, msl="7"),
        replace(NONE, msl="6"),
        replace(NONE, floor_life_h=5),
        replace(NONE, bake_h=5),
        replace(NONE, open_life_h=0),
        replace(NONE, shelf_life_days=-1),
        replace(NONE, approved_parts=(ApprovedPart("Nexa", "NX 32"), ApprovedPart("NEXA", "nx32"))),
    ],
)
def test_handling_that_cannot_be(spec: HandlingSpec) -> None:
    rules.check_handling(replace(NONE, msl="6", floor_life_h=6, shelf_life_days=180, open_life_h=8))
    with pytest.raises(HandlingInvalid):
        rules.check_handling(spec)


@pytest.mark.parametrize(
    "spec",
    [
        MoistureLevelSpec("9", 5),
        MoistureLevelSpec("1", 5),
        MoistureLevelSpec("3"),
        MoistureLevelSpec("3", -1),
        MoistureLevelSpec("3", 10, 5, 10),
        MoistureLevelSpec("3", 10, 0, 5),
        MoistureLevelSpec("3", 10, bake_h=0),
    ],
)
def test_levels_that_cannot_be(spec: MoistureLevelSpec) -> None:
    for good in rules.DEFAULT_LEVELS.values():
        rules.check_level(good)
    with pytest.raises(HandlingInvalid):
        rules.check_level(spec)
