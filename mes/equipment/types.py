"""Values of the equipment feature: the hierarchy, what fills it, its states, and the plant calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from mes.kernel.properties import Property
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.packml.states import EquipmentState


class Confirmation(StrEnum):
    """Who says that a job runs here: the machine, or the operator (a manual bench)."""

    Machine = "machine"
    Manual = "manual"


class PutOutcome(StrEnum):
    """What an idempotent write did with one entry."""

    Created = "created"
    Updated = "updated"
    Unchanged = "unchanged"


class UnknownReason(StrEnum):
    """Why nobody can say what a machine does."""

    NoSignal = "no-signal"
    BadQuality = "bad-quality"
    BridgeSilent = "bridge-silent"


@dataclass(frozen=True, slots=True)
class EquipmentSpec:
    """An entry of the hierarchy as somebody declares it. `confirmation` None: as its work centre, else machine."""

    equipment_id: str
    level: EquipmentLevel
    parent_id: str | None = None
    description: str = ""
    confirmation: Confirmation | None = None
    nominal_cycle_s: Decimal | None = None
    classes: tuple[str, ...] | None = None
    """None says nothing about them."""
    properties: tuple[Property, ...] | None = None
    """Its own; None says nothing about them."""


@dataclass(frozen=True, slots=True)
class PhysicalAssetSpec:
    """A machine as bought. `equipment_id`: the role it fills from now on; None says nothing about it."""

    physical_asset_id: str
    description: str = ""
    vendor: str = ""
    model: str = ""
    serial_number: str = ""
    equipment_id: str | None = None


@dataclass(frozen=True, slots=True)
class HierarchyNode:
    """What nesting rules need to know of one equipment."""

    equipment_id: str
    level: EquipmentLevel
    parent_id: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """The work centre and the area an equipment stands in (itself, where it is one). None: above them."""

    work_center_id: str | None = None
    area_id: str | None = None


@dataclass(frozen=True, slots=True)
class EquipmentPlace:
    """Ids for topics and for joining: the equipment, its work centre and its area ("" above them)."""

    equipment_id: str
    work_center_id: str
    area_id: str

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics everyone who watches this equipment, its work centre or its area listens to."""
        pairs = (
            ("equipment", self.equipment_id),
            ("work-center", self.work_center_id),
            ("area", self.area_id),
        )
        return tuple(f"{kind}/{name}" for kind, name in pairs if name)


class StateChange(NamedTuple):
    """From `at_us` (the machine's time) on, the equipment is in `state`. Several facts may come late or twice."""

    equipment_pk: int
    state: EquipmentState
    at_us: int
    cause: str = ""
    alarm_text: str = ""


@dataclass(frozen=True, slots=True)
class StateSpan:
    """A state from an instant until the next span of the same timeline begins.

    `told_us` is the newest fact that says so: a late fact of another state cannot reach beyond it.
    """

    from_us: int
    state: EquipmentState
    cause: str = ""
    alarm_text: str = ""
    told_us: int = -1

    def __post_init__(self) -> None:
        if self.told_us < self.from_us:
            object.__setattr__(self, "told_us", self.from_us)


@dataclass(frozen=True, slots=True)
class StateInterval:
    """Half-open: `from_us` belongs to it, `to_us` does not; None: it lasts."""

    equipment_id: str
    state: EquipmentState
    from_us: int
    to_us: int | None
    cause: str = ""
    alarm_text: str = ""


class ExceptionKind(StrEnum):
    """What an exception makes of a production day."""

    Closed = "closed"
    """No shift at all (a holiday)."""
    Extra = "extra"
    """Its shifts come on top of the regular ones."""
    Replaced = "replaced"
    """Its shifts come instead of the regular ones."""


class Weekday(StrEnum):
    """Names of production days, Monday first as `date.weekday()` counts."""

    Monday = "mon"
    Tuesday = "tue"
    Wednesday = "wed"
    Thursday = "thu"
    Friday = "fri"
    Saturday = "sat"
    Sunday = "sun"


WEEKDAYS: Final = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class Break:
    """A pause of a shift on the wall clock, inside the shift."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class ShiftTemplate:
    """A shift on the wall clock. An `end` not after `start` lies on the next day; equal means 24 hours."""

    shift_id: str
    start: time
    end: time
    name: str = ""
    breaks: tuple[Break, ...] = ()


@dataclass(frozen=True, slots=True)
class ShiftPattern:
    """A shift that recurs on some weekdays; they name production days, not calendar dates."""

    shift: ShiftTemplate
    days: frozenset[Weekday]


@dataclass(frozen=True, slots=True)
class CalendarException:
    """One production day that is not like its weekday."""

    day: date
    kind: ExceptionKind
    shifts: tuple[ShiftTemplate, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the plant works. `time_zone` is an IANA name; a production day starts at `production_day_start`."""

    time_zone: str = "UTC"
    production_day_start: time = time(0)
    patterns: tuple[ShiftPattern, ...] = ()
    exceptions: Mapping[date, CalendarException] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift that takes place: half-open, aware UTC instants, so durations are real seconds."""

    shift_id: str
    name: str
    production_day: date
    starts_at: datetime
    ends_at: datetime
    breaks: tuple[tuple[datetime, datetime], ...] = ()


class WhenAway(StrEnum):
    """What stations and machines do while the MES cannot be asked."""

    go_on = "go-on"
    """They work; what is told late is flagged with what it would have been refused with."""
    stop = "stop"
    """They wait; what was done all the same is recorded, and always flagged."""


class FirstArticleFor(StrEnum):
    """What a new first article is wanted for, where a step asks for one."""

    job = "job"
    version = "version"
    """A version of a step at a station: once its first article has passed there, later jobs go on without."""


@dataclass(frozen=True, slots=True)
class PlantPolicy:
    """What the plant wants done where it has the choice. `version` 0: nobody has said anything."""

    when_away: WhenAway = WhenAway.go_on
    first_article_for: FirstArticleFor = FirstArticleFor.job
    version: int = 0
