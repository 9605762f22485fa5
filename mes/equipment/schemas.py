"""REST documents of equipment, physical assets and the plant calendar."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from mes.equipment.calendar_rules import working_seconds
from mes.equipment.queries import (
    AssetMapping,
    CalendarView,
    EquipmentStatus,
    EquipmentTree,
    EquipmentView,
    PhysicalAssetView,
)
from mes.equipment.types import (
    Break,
    Calendar,
    CalendarException,
    Confirmation,
    EquipmentSpec,
    ExceptionKind,
    FirstArticleFor,
    PhysicalAssetSpec,
    PlantPolicy,
    Shift,
    ShiftPattern,
    ShiftTemplate,
    StateInterval,
    Weekday,
    WhenAway,
)
from mes.kernel.classes import ClassIds, ClassSpec, ClassView, class_ids
from mes.kernel.limits import ID_PATTERN, Version
from mes.kernel.paging import Page
from mes.kernel.properties import InheritedPropertyOut, PropertyDocument, PropertyDocuments, exact_properties
from mes.kernel.sqltypes import from_us, from_us_or_none
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.packml.states import EquipmentState

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Text = Annotated[str, StringConstraints(max_length=500)]
Word = Annotated[str, StringConstraints(max_length=200)]
Seconds = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=6)]
WALL_TIME: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
WallTime = Annotated[str, StringConstraints(pattern=WALL_TIME)]
"""HH:MM on the plant's wall clock."""


class Document(BaseModel):
    """A document of this API: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EquipmentChange(Document):
    """The whole equipment as it is to be."""

    level: EquipmentLevel
    parent_id: Id | None = None
    description: Text = ""
    confirmation: Confirmation | None = None
    """Who confirms jobs here; None: as its work centre, else the machine."""
    nominal_cycle_s: Seconds | None = None
    equipment_classes: ClassIds | None = None
    """The classes it belongs to; None leaves them alone."""
    properties: PropertyDocuments | None = None
    """Its own; None leaves them alone."""
    version: Version | None = None
    """The version that was read; or send If-Match."""

    def spec(self, equipment_id: str) -> EquipmentSpec:
        return EquipmentSpec(
            equipment_id,
            self.level,
            self.parent_id,
            self.description,
            self.confirmation,
            self.nominal_cycle_s,
            class_ids(self.equipment_classes),
            exact_properties(self.properties),
        )


class EquipmentIn(Document):
    id: Id
    level: EquipmentLevel
    parent_id: Id | None = None
    description: Text = ""
    confirmation: Confirmation | None = None
    nominal_cycle_s: Seconds | None = None
    equipment_classes: ClassIds | None = None
    properties: PropertyDocuments | None = None

    def spec(self) -> EquipmentSpec:
        return EquipmentSpec(
            self.id,
            self.level,
            self.parent_id,
            self.description,
            self.confirmation,
            self.nominal_cycle_s,
            class_ids(self.equipment_classes),
            exact_properties(self.properties),
        )


class EquipmentOut(Document):
    """An equipment of the hierarchy. `manual`: the operator confirms jobs, not the machine.

    `properties`: its own; `inherited_properties`: what its classes say and it does not say otherwise.
    """

    id: str
    level: str
    parent_id: str | None
    work_center_id: str | None
    area_id: str | None
    description: str
    confirmation: Confirmation | None
    manual: bool
    nominal_cycle_s: Decimal | None
    physical_asset_id: str | None
    equipment_classes: list[str]
    properties: list[PropertyDocument]
    inherited_properties: list[InheritedPropertyOut]
    version: int

    @classmethod
    def of(cls, view: EquipmentView) -> EquipmentOut:
        return cls(
            id=view.equipment_id,
            level=view.level,
            parent_id=view.parent_id or None,
            work_center_id=view.work_center_id or None,
            area_id=view.area_id or None,
            description=view.description,
            confirmation=view.confirmation,
            manual=view.manual,
            nominal_cycle_s=view.nominal_cycle_s,
            physical_asset_id=view.physical_asset_id or None,
            equipment_classes=list(view.classes),
            properties=[PropertyDocument.of(one) for one in view.properties],
            inherited_properties=[InheritedPropertyOut.of(one) for one in view.inherited],
            version=view.version,
        )


class EquipmentClassIn(Document):
    id: Id
    description: Text = ""
    properties: PropertyDocuments | None = None

    def spec(self) -> ClassSpec:
        return ClassSpec(self.id, self.description, exact_properties(self.properties))


class EquipmentClassChange(Document):
    description: Text
    properties: PropertyDocuments | None = None
    """None leaves them alone."""
    version: Version | None = None
    """The version that was read; or send If-Match."""

    def spec(self, class_id: str) -> ClassSpec:
        return ClassSpec(class_id, self.description, exact_properties(self.properties))


class EquipmentClassOut(Document):
    """A group of equipment that is alike for some purpose."""

    id: str
    description: str
    properties: list[PropertyDocument]
    version: int

    @classmethod
    def of(cls, view: ClassView) -> EquipmentClassOut:
        properties = [PropertyDocument.of(one) for one in view.properties]
        return cls(id=view.class_id, description=view.description, properties=properties, version=view.version)


class EquipmentClassPage(Document):
    items: list[EquipmentClassOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[ClassView]) -> EquipmentClassPage:
        return cls(items=[EquipmentClassOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class EquipmentPage(Document):
    items: list[EquipmentOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[EquipmentView]) -> EquipmentPage:
        return cls(items=[EquipmentOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class EquipmentTreeOut(Document):
    equipment: EquipmentOut
    children: list[EquipmentTreeOut]

    @classmethod
    def of(cls, tree: EquipmentTree) -> EquipmentTreeOut:
        return cls(equipment=EquipmentOut.of(tree.equipment), children=[cls.of(child) for child in tree.children])


class EquipmentStatusOut(Document):
    """What is known now. Not known: `state` is Unknown since `since`, and `unknown_reason` says why."""

    id: str
    state: EquipmentState
    since: AwareDatetime | None
    known: bool
    known_at: AwareDatetime | None
    unknown_reason: str
    mode: int | None
    remote: bool | None
    manual: bool

    @classmethod
    def of(cls, status: EquipmentStatus) -> EquipmentStatusOut:
        return cls(
            id=status.equipment_id,
            state=status.state,
            since=status.since,
            known=status.known,
            known_at=status.known_at,
            unknown_reason=status.unknown_reason,
            mode=status.mode,
            remote=status.remote,
            manual=status.manual,
        )


class StateIntervalOut(Document):
    """Half-open: `from_at` belongs to it, `to_at` does not; null: it lasts."""

    state: EquipmentState
    from_at: AwareDatetime
    to_at: AwareDatetime | None
    cause: str
    alarm_text: str

    @classmethod
    def of(cls, interval: StateInterval) -> StateIntervalOut:
        return cls(
            state=interval.state,
            from_at=from_us(interval.from_us),
            to_at=from_us_or_none(interval.to_us),
            cause=interval.cause,
            alarm_text=interval.alarm_text,
        )


class PhysicalAssetChange(Document):
    """The whole machine as it is to be; which role it fills is changed by an asset mapping."""

    description: Text = ""
    vendor: Word = ""
    model: Word = ""
    serial_number: Word = ""
    version: Version | None = None
    """The version that was read; or send If-Match."""

    def spec(self, physical_asset_id: str) -> PhysicalAssetSpec:
        return PhysicalAssetSpec(physical_asset_id, self.description, self.vendor, self.model, self.serial_number)


class PhysicalAssetIn(Document):
    id: Id
    description: Text = ""
    vendor: Word = ""
    model: Word = ""
    serial_number: Word = ""
    equipment_id: Id | None = None
    """The role it fills from now on."""

    def spec(self) -> PhysicalAssetSpec:
        return PhysicalAssetSpec(
            self.id, self.description, self.vendor, self.model, self.serial_number, self.equipment_id
        )


class PhysicalAssetOut(Document):
    id: str
    description: str
    vendor: str
    model: str
    serial_number: str
    equipment_id: str | None
    version: int

    @classmethod
    def of(cls, view: PhysicalAssetView) -> PhysicalAssetOut:
        return cls(
            id=view.physical_asset_id,
            description=view.description,
            vendor=view.vendor,
            model=view.model,
            serial_number=view.serial_number,
            equipment_id=view.equipment_id or None,
            version=view.version,
        )


class PhysicalAssetPage(Document):
    items: list[PhysicalAssetOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[PhysicalAssetView]) -> PhysicalAssetPage:
        return cls(items=[PhysicalAssetOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class AssetMappingIn(Document):
    physical_asset_id: Id | None
    """None: nobody fills the role from then on."""
    from_at: AwareDatetime | None = None
    """None: now."""


class AssetMappingOut(Document):
    equipment_id: str
    physical_asset_id: str
    from_at: AwareDatetime
    to_at: AwareDatetime | None

    @classmethod
    def of(cls, mapping: AssetMapping) -> AssetMappingOut:
        return cls(
            equipment_id=mapping.equipment_id,
            physical_asset_id=mapping.physical_asset_id,
            from_at=mapping.from_at,
            to_at=mapping.to_at,
        )


class BreakDocument(Document):
    start: WallTime
    end: WallTime


class ShiftDocument(Document):
    """A shift on the wall clock. An `end` not after `start` lies on the next day."""

    id: Id
    name: Word = ""
    start: WallTime
    end: WallTime
    breaks: list[BreakDocument] = Field(default=[], max_length=20)

    def template(self) -> ShiftTemplate:
        breaks = tuple(Break(time.fromisoformat(b.start), time.fromisoformat(b.end)) for b in self.breaks)
        return ShiftTemplate(
            self.id, time.fromisoformat(self.start), time.fromisoformat(self.end), self.name or self.id, breaks
        )

    @classmethod
    def of(cls, shift: ShiftTemplate) -> ShiftDocument:
        breaks = [
            BreakDocument(start=b.start.isoformat("minutes"), end=b.end.isoformat("minutes")) for b in shift.breaks
        ]
        return cls(
            id=shift.shift_id,
            name=shift.name,
            start=shift.start.isoformat("minutes"),
            end=shift.end.isoformat("minutes"),
            breaks=breaks,
        )


class ShiftPatternDocument(Document):
    """A shift that recurs; `days` are production days."""

    shift: ShiftDocument
    days: list[Weekday] = Field(min_length=1, max_length=7)


class CalendarExceptionDocument(Document):
    day: date
    kind: ExceptionKind
    description: Text = ""
    shifts: list[ShiftDocument] = Field(default=[], max_length=20)


class CalendarIn(Document):
    """The whole calendar as it is to be."""

    time_zone: Annotated[str, StringConstraints(max_length=64)]
    production_day_start: WallTime = "00:00"
    shift_patterns: list[ShiftPatternDocument] = Field(default=[], max_length=100)
    exceptions: list[CalendarExceptionDocument] = Field(default=[], max_length=2_000)
    version: Version | None = None
    """The version that was read, 0 before the first; or send If-Match."""

    def calendar(self) -> Calendar:
        patterns = tuple(ShiftPattern(p.shift.template(), frozenset(p.days)) for p in self.shift_patterns)
        exceptions = {
            e.day: CalendarException(e.day, e.kind, tuple(s.template() for s in e.shifts), e.description)
            for e in self.exceptions
        }
        return Calendar(self.time_zone, time.fromisoformat(self.production_day_start), patterns, exceptions)


class PlantPolicyIn(Document):
    """What the plant wants done where it has the choice."""

    when_away: WhenAway
    """What stations and machines do while the MES cannot be asked."""
    first_article_for: FirstArticleFor = FirstArticleFor.job
    """What a new first article is wanted for, where a step asks for one."""
    version: Version | None = None
    """The version that was read, 0 before the first; or send If-Match."""

    def policy(self) -> PlantPolicy:
        return PlantPolicy(self.when_away, self.first_article_for)


class PlantPolicyOut(Document):
    when_away: WhenAway
    first_article_for: FirstArticleFor
    version: int

    @classmethod
    def of(cls, policy: PlantPolicy) -> PlantPolicyOut:
        return cls(when_away=policy.when_away, first_article_for=policy.first_article_for, version=policy.version)


class CalendarOut(Document):
    time_zone: str
    production_day_start: str
    shift_patterns: list[ShiftPatternDocument]
    exceptions: list[CalendarExceptionDocument]
    version: int

    @classmethod
    def of(cls, view: CalendarView) -> CalendarOut:
        calendar = view.calendar
        return cls(
            time_zone=calendar.time_zone,
            production_day_start=calendar.production_day_start.isoformat("minutes"),
            shift_patterns=[
                ShiftPatternDocument(shift=ShiftDocument.of(p.shift), days=sorted(p.days, key=list(Weekday).index))
                for p in calendar.patterns
            ],
            exceptions=[
                CalendarExceptionDocument(
                    day=e.day, kind=e.kind, description=e.description, shifts=[ShiftDocument.of(s) for s in e.shifts]
                )
                for e in calendar.exceptions.values()
            ],
            version=view.version,
        )


class BreakOut(Document):
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class ShiftOut(Document):
    """A shift that takes place, in real instants."""

    id: str
    name: str
    production_day: date
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    working_s: int
    breaks: list[BreakOut]

    @classmethod
    def of(cls, shift: Shift) -> ShiftOut:
        return cls(
            id=shift.shift_id,
            name=shift.name,
            production_day=shift.production_day,
            starts_at=shift.starts_at,
            ends_at=shift.ends_at,
            working_s=round(working_seconds(shift)),
            breaks=[BreakOut(starts_at=start, ends_at=end) for start, end in shift.breaks],
        )
