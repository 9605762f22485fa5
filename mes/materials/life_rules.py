"""How lives pass, pure: moisture exposure that pauses and resets, shelf life, life after opening, when to say so.

Moisture: IPC/JEDEC J-STD-020 (levels and floor life at up to 30 °C and 60 % RH) and J-STD-033 (pause, reset, bake).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from mes.kernel.sqltypes import to_us
from mes.materials.errors import HandlingInvalid, LotNotWarm
from mes.materials.types import (
    DAY_US,
    HOUR_US,
    ApprovedPart,
    Exposure,
    HandlingSpec,
    LifeClock,
    LifeKind,
    LotLife,
    MoistureLevel,
    MoistureLevelSpec,
    Storage,
)

HOURS_MAX: Final = 200_000
LAST_DAY: Final = date.max - timedelta(days=3)
"""The last day whose end is an instant in every time zone. Labels say 9999-12-31 for "never"."""
BAKE_FIRST: Final = "6"
"""Parts of this level are baked before every use; their floor life is on the label."""
DEFAULT_LEVELS: Final[Mapping[str, MoistureLevelSpec]] = {
    spec.level: spec
    for spec in (
        MoistureLevelSpec("1"),
        MoistureLevelSpec("2", 8_760, 5, 12),
        MoistureLevelSpec("2a", 672, 5, 12),
        MoistureLevelSpec("3", 168, 5, 12),
        MoistureLevelSpec("4", 72, 10, 8),
        MoistureLevelSpec("5", 48, 10, 8),
        MoistureLevelSpec("5a", 24, 10, 8),
        MoistureLevelSpec("6", 0),
    )
}
"""Floor life: J-STD-020. Reset by drying (5 × up to 12 h, 10 × up to 8 h): J-STD-033, short-duration exposure.

How long a bake takes depends on body and temperature, so no level has a bake time until the plant gives one.
"""
ALARM_PERCENTS: Final = (80, 100)


def level_of(spec: MoistureLevelSpec, handling: HandlingSpec) -> MoistureLevel:
    """The level as it holds for a material, which may have its own floor life and bake time."""
    floor_life_h = spec.floor_life_h if handling.floor_life_h is None else handling.floor_life_h
    bake_h = spec.bake_h if handling.bake_h is None else handling.bake_h
    return MoistureLevel(
        spec.level,
        None if floor_life_h is None else floor_life_h * HOUR_US,
        spec.dry_reset_factor,
        spec.dry_reset_within_h * HOUR_US,
        None if bake_h is None else bake_h * HOUR_US,
    )


def first_exposure(level: MoistureLevel | None, storage: Storage, at_us: int) -> Exposure:
    """A lot as it arrives: unexposed, but of level 6 as if its floor life were used up, so that it is baked first."""
    spent = level.floor_life_us if level is not None and level.level == BAKE_FIRST else None
    return Exposure(storage, at_us, spent or 0)


def exposed_us(exposure: Exposure, level: MoistureLevel, at_us: int) -> int:
    """Cumulative exposure at an instant. Sealed, cold and dry pause it; long enough dry or in the oven resets it."""
    past = max(0, at_us - exposure.since_us)
    if exposure.storage is Storage.open:
        return exposure.exposed_us + past
    return 0 if past >= _reset_after_us(exposure, level) else exposure.exposed_us


NEVER_US: Final = 2**62


def _reset_after_us(exposure: Exposure, level: MoistureLevel) -> int:
    if exposure.storage is Storage.baking and level.bake_us is not None:
        return level.bake_us
    dried = exposure.storage in (Storage.sealed, Storage.dry_cabinet)
    if dried and level.dry_reset_factor is not None and exposure.exposed_us <= level.dry_reset_within_us:
        return level.dry_reset_factor * exposure.exposed_us
    return NEVER_US


def moved(exposure: Exposure, level: MoistureLevel | None, storage: Storage, at_us: int) -> Exposure:
    """The exposure of a lot that comes to another place. Without a level nothing is counted."""
    return Exposure(storage, at_us, 0 if level is None else exposed_us(exposure, level, at_us))


def clocks_of(life: LotLife, at_us: int) -> tuple[LifeClock, ...]:
    """What is left of each life that the lot has."""
    found = []
    if life.expires_at_us is not None:
        found.append(LifeClock(LifeKind.expiry, life.expires_at_us - at_us))
    if life.open_life_us is not None and life.opened_at_us is not None:
        left = life.opened_at_us + life.open_life_us - at_us
        found.append(LifeClock(LifeKind.open_life, left, life.open_life_us))
    if life.level is not None and life.level.floor_life_us is not None:
        left = life.level.floor_life_us - exposed_us(life.exposure, life.level, at_us)
        running = life.exposure.storage is Storage.open
        found.append(LifeClock(LifeKind.floor_life, left, life.level.floor_life_us, running))
    return tuple(found)


def passed_percent(clock: LifeClock) -> int:
    """The highest of ALARM_PERCENTS that is reached; 0 if none."""
    return max((p for p in ALARM_PERCENTS if _until_us(clock, p) <= 0), default=0)


def next_alarm_us(clocks: Iterable[LifeClock], at_us: int) -> int | None:
    """When the next of ALARM_PERCENTS is reached if nothing changes; None if never."""
    waits = [_until_us(clock, p) for clock in clocks if clock.running for p in ALARM_PERCENTS]
    return min((at_us + wait for wait in waits if wait > 0), default=None)


def _until_us(clock: LifeClock, percent: int) -> int:
    """Until this share is used up: rounded so that `percent` has just been reached then."""
    return clock.left_us - (clock.total_us or 0) * (100 - percent) // 100


def end_of_day_us(day: date, zone: ZoneInfo) -> int:
    """The end of a day in the plant: what expires on a day may be used on it. LAST_DAY at the latest."""
    return to_us(datetime.combine(min(day, LAST_DAY) + timedelta(days=1), datetime.min.time(), zone))


def expires_at_us(
    *, expires_on: date | None, made_on: date | None, shelf_life_days: int | None, received_at_us: int, zone: ZoneInfo
) -> int | None:
    """The earlier of the label's day and the shelf life, which runs from production or, if unknown, from receipt."""
    ends = [] if expires_on is None else [end_of_day_us(expires_on, zone)]
    if shelf_life_days is not None and made_on is not None:
        ends.append(end_of_day_us(made_on + timedelta(days=shelf_life_days), zone))
    elif shelf_life_days is not None:
        ends.append(received_at_us + shelf_life_days * DAY_US)
    return min(ends, default=None)


def check_warm(lot_id: str, exposure: Exposure, left_cold_at_us: int | None, warm_up_h: int | None, at_us: int) -> None:
    """`lot-not-warm` if a lot that was cold is opened before its warm-up is over."""
    if warm_up_h is None:
        return
    if exposure.storage is Storage.cold:
        raise LotNotWarm(f"{lot_id} comes from the cold and needs {warm_up_h} h before it is opened.")
    if left_cold_at_us is not None and (wait := left_cold_at_us + warm_up_h * HOUR_US - at_us) > 0:
        raise LotNotWarm(f"{lot_id} needs another {-(-wait // 60_000_000)} min before it is opened.")


def check_handling(spec: HandlingSpec) -> None:
    """`handling-invalid`."""
    if spec.msl and spec.msl not in DEFAULT_LEVELS:
        raise HandlingInvalid(f"{spec.msl!r} is no moisture sensitivity level.")
    if spec.msl == BAKE_FIRST and not spec.floor_life_h:
        raise HandlingInvalid(f"{spec.material_id!r} is of level 6: give the floor life its label states.")
    if not spec.msl and (spec.floor_life_h is not None or spec.bake_h is not None):
        raise HandlingInvalid(f"{spec.material_id!r} has a floor life or a bake time and no level.")
    hours = (spec.open_life_h, spec.warm_up_h, spec.floor_life_h, spec.bake_h)
    days = spec.shelf_life_days or 1
    if not all(1 <= value <= HOURS_MAX for value in (*(h for h in hours if h is not None), days)):
        raise HandlingInvalid(f"A time of {spec.material_id!r} is not within 1 to {HOURS_MAX}.")
    keys = [part_key(part) for part in spec.approved_parts]
    if len(set(keys)) != len(keys):
        raise HandlingInvalid(f"An approved part of {spec.material_id!r} is named twice.")


def check_level(spec: MoistureLevelSpec) -> None:
    """`handling-invalid`. Level 1 has no limit, and what is reset by drying is not yet used up."""
    values = (spec.floor_life_h, spec.dry_reset_factor, spec.dry_reset_within_h, spec.bake_h)
    if spec.level not in DEFAULT_LEVELS or not all(v is None or 0 <= v <= HOURS_MAX for v in values):
        raise HandlingInvalid(f"{spec.level!r} is no level, or one of its times is not within 0 to {HOURS_MAX}.")
    if (spec.floor_life_h is None) is not (spec.level == "1"):
        raise HandlingInvalid("Level 1 has no floor life, every other level has one.")
    if spec.dry_reset_within_h and spec.dry_reset_within_h >= (spec.floor_life_h or 0):
        raise HandlingInvalid("An exposure that drying resets is shorter than the floor life.")
    if spec.dry_reset_factor == 0 or spec.bake_h == 0:
        raise HandlingInvalid("Drying and baking take time.")


def part_key(part: ApprovedPart) -> tuple[str, str]:
    """Manufacturer and part as they are compared: without case and blanks."""
    return folded(part.manufacturer), folded(part.part)


def folded(text: str) -> str:
    """Text without case and blanks."""
    return "".join(text.split()).casefold()
