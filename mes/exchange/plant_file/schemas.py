"""The entries of a plant file, kind by kind: shapes and bounds. What refers to what is checked elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    model_validator,
)

from mes.access.schemas import LANGUAGE
from mes.access.types import ROLE_KIND, PrincipalKind, Role
from mes.definitions.document_rules import media_type_of
from mes.definitions.types import (
    DOCUMENT_MAX_BYTES,
    FIRST_ARTICLE_MAX,
    TOLERANCE_MAX,
    DataType,
    DefinitionState,
    DependencyKind,
)
from mes.edge.types import Signal
from mes.equipment.types import Confirmation, ExceptionKind, FirstArticleFor, Weekday, WhenAway
from mes.kernel.classes import ClassIds
from mes.kernel.limits import ID_PATTERN
from mes.kernel.properties import PropertyDocuments
from mes.materials.errors import ConversionInvalid
from mes.materials.life_rules import HOURS_MAX
from mes.materials.rules import check_property_ids, conversion
from mes.materials.types import UnitConversion
from mes.quality.types import StepCheck
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.material import Disposition, MaterialUse
from standards.isa95.quantity import to_e6

ENTRIES_MAX: Final = 20_000
"""Entries of one kind, and tags of one bridge."""


def _exact(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError("write a number")
    return Decimal(to_e6(value)).scaleb(-6)


def _wall_time(value: Any) -> time:
    if not isinstance(value, str) or len(value) != 5:
        raise ValueError('write a time of day in quotes, such as "06:00"')
    return time.fromisoformat(value)


def _day(value: Any) -> date:
    if not isinstance(value, str) or len(value) != 10:
        raise ValueError("write a date such as 2026-12-24")
    return date.fromisoformat(value)


def _label(value: Any) -> Any:
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def _parameters(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    words = {True: "true", False: "false"}
    return {k: words[v] if isinstance(v, bool) else _label(v) for k, v in value.items()}


def _person_role(role: Role) -> Role:
    if ROLE_KIND[role] is not PrincipalKind.person:
        raise ValueError("a person is operator, supervisor, engineer or administrator")
    return role


def _rate(value: Any) -> Any:
    return float(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def _instant(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("write an instant such as 2026-12-01T06:00:00+01:00")
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("give the instant its offset from UTC, such as +01:00")
    return at.astimezone(UTC)


def _document(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError("write the picture or PDF in base64")
    content = base64.b64decode("".join(value.split()), validate=True)
    if len(content) > DOCUMENT_MAX_BYTES:
        raise ValueError(f"a document has at most {DOCUMENT_MAX_BYTES} bytes")
    if media_type_of(content) is None:
        raise ValueError("neither PNG, JPEG, WebP nor PDF")
    return content


Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Text = Annotated[str, StringConstraints(max_length=500)]
Word = Annotated[str, StringConstraints(max_length=200)]
Unit = Annotated[str, StringConstraints(min_length=1, max_length=20)]
Exact = Annotated[Decimal, BeforeValidator(_exact)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
ParameterId = Annotated[str, StringConstraints(max_length=100)]
ParameterValue = Annotated[str, StringConstraints(max_length=500)]
WallTime = Annotated[time, BeforeValidator(_wall_time)]
Day = Annotated[date, BeforeValidator(_day)]
Label = Annotated[str, BeforeValidator(_label), StringConstraints(min_length=1, max_length=20)]
Part = Annotated[str, BeforeValidator(_label), StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Hours = Annotated[int, Field(ge=0, le=HOURS_MAX)]


class Entry(BaseModel):
    """One entry; unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_enum_values=False)


class ClassEntry(Entry):
    """A class of people."""

    id: Id
    description: Text = ""


class ThingClassEntry(ClassEntry):
    """A class of equipment or of materials."""

    properties: PropertyDocuments | None = None


class EquipmentEntry(Entry):
    id: Id
    level: Annotated[EquipmentLevel, Strict(False)]
    parent: Id | None = None
    description: Text = ""
    confirmation: Annotated[Confirmation, Strict(False)] | None = None
    nominal_cycle_s: Exact | None = Field(default=None, gt=0)
    classes: ClassIds | None = None
    properties: PropertyDocuments | None = None


class PhysicalAssetEntry(Entry):
    id: Id
    equipment: Id | None = None
    description: Text = ""
    vendor: Word = ""
    model: Word = ""
    serial_number: Word = ""


class ConversionEntry(Entry):
    unit: Unit
    factor: int | Decimal | str

    def exact(self) -> UnitConversion:
        """ValueError where the factor cannot be."""
        try:
            return conversion(self.unit, self.factor)
        except ConversionInvalid as refusal:
            raise ValueError(refusal.detail) from refusal


class MaterialEntry(Entry):
    id: Id
    unit: Unit
    description: Text = ""
    conversions: list[ConversionEntry] = Field(default=[], max_length=50)
    classes: ClassIds | None = None
    properties: Annotated[PropertyDocuments, AfterValidator(check_property_ids)] | None = None


class LotEntry(Entry):
    id: Id
    material: Id
    quantity: Exact = Field(ge=0)
    unit: Unit | None = None
    disposition: Annotated[Disposition, Strict(False)] = Disposition.UnRestricted
    properties: PropertyDocuments | None = None


class MoistureLevelEntry(Entry):
    id: Label
    floor_life_h: Hours | None = None
    dry_reset_factor: Hours | None = None
    dry_reset_within_h: Hours = 0
    bake_h: Hours | None = None


class ApprovedPartEntry(Entry):
    manufacturer: Part
    part: Part
    gtin: Annotated[str, StringConstraints(pattern=r"^([0-9]{14})?$")] = ""


class HandlingEntry(Entry):
    id: Id
    approved_parts: list[ApprovedPartEntry] = Field(default=[], max_length=200)
    shelf_life_days: Hours | None = None
    open_life_h: Hours | None = None
    warm_up_h: Hours | None = None
    msl: Label | None = None
    floor_life_h: Hours | None = None
    bake_h: Hours | None = None


class PersonEntry(Entry):
    id: Id
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    role: Annotated[Role, Strict(False), AfterValidator(_person_role)] | None = None
    language: Annotated[str, StringConstraints(pattern=LANGUAGE, max_length=20)] = "en"
    qualifications: list[Id] = Field(default=[], max_length=200)
    properties: PropertyDocuments | None = None


class BreakEntry(Entry):
    start: WallTime
    end: WallTime


class ShiftEntry(Entry):
    id: Id
    start: WallTime
    end: WallTime
    name: Word = ""
    breaks: list[BreakEntry] = Field(default=[], max_length=20)


class ShiftPatternEntry(ShiftEntry):
    days: list[Annotated[Weekday, Strict(False)]] = Field(min_length=1, max_length=7)


class ExceptionEntry(Entry):
    day: Day
    kind: Annotated[ExceptionKind, Strict(False)]
    description: Text = ""
    shifts: list[ShiftEntry] = Field(default=[], max_length=20)


class CalendarEntry(Entry):
    time_zone: Annotated[str, StringConstraints(max_length=64)]
    production_day_start: WallTime = time(0)
    shift_patterns: list[ShiftPatternEntry] = Field(default=[], max_length=100)
    exceptions: list[ExceptionEntry] = Field(default=[], max_length=2_000)


class PolicyEntry(Entry):
    when_away: Annotated[WhenAway, Strict(False)] = WhenAway.go_on
    first_article_for: Annotated[FirstArticleFor, Strict(False)] = FirstArticleFor.job


class ScrapReasonEntry(Entry):
    id: Id
    description: Text
    active: bool = True


class DefectCodeEntry(Entry):
    id: Id
    description: Text
    active: bool = True


class QualityRequirementEntry(Entry):
    id: Id
    """Of the work master."""
    unit_check: Annotated[StepCheck, Strict(False)] = StepCheck.worked


class LimitedParameterEntry(Entry):
    value: Annotated[str, BeforeValidator(_label), StringConstraints(max_length=500)]
    data_type: Annotated[DataType, Strict(False)] = DataType.decimal
    unit: Annotated[str, StringConstraints(max_length=20)] = ""
    low: Exact | None = None
    high: Exact | None = None


class WorkMasterEntry(Entry):
    id: Id
    version: Label | None = None
    description: Text = ""
    parameters: Annotated[
        Mapping[ParameterId, ParameterValue | LimitedParameterEntry], BeforeValidator(_parameters)
    ] = Field(default={}, max_length=500)
    effective_from: Instant | None = None
    effective_until: Instant | None = None


class DependencyEntry(Entry):
    segment: Id
    kind: Annotated[DependencyKind, Strict(False)] = DependencyKind.AfterEnd


class SubstituteEntry(Entry):
    material: Id
    quantity: Exact = Field(gt=0)


class MaterialSpecificationEntry(Entry):
    material: Id
    use: Annotated[MaterialUse, Strict(False)] = MaterialUse.Consumed
    quantity: Exact = Field(gt=0)
    scrap_allowance: Exact = Field(default=Decimal(0), ge=0, le=1_000)
    substitutes: list[Id | SubstituteEntry] = Field(default=[], max_length=50)


class InstructionEntry(Entry):
    """`document` is the picture or PDF itself in base64, `document_sha256` one the plant already has."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    text: Annotated[str, StringConstraints(max_length=4_000)] = ""
    document: Annotated[bytes, BeforeValidator(_document)] | None = None
    document_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None

    @model_validator(mode="after")
    def _one_document(self) -> InstructionEntry:
        if self.document is not None and self.document_sha256 is not None:
            raise ValueError("either the document or the SHA-256 of one, not both")
        return self


class SegmentEntry(Entry):
    id: Id
    work_master: Id
    equipment: Id
    work_master_version: Label | None = None
    description: Text = ""
    quantity_per_cycle: Exact = Field(default=Decimal(1), gt=0)
    cycle_unit: Annotated[str, StringConstraints(max_length=20)] = ""
    nominal_cycle_s: Exact | None = Field(default=None, gt=0)
    after: list[Id | DependencyEntry] = Field(default=[], max_length=100)
    materials: list[MaterialSpecificationEntry] = Field(default=[], max_length=2_000)
    alternatives: list[Id] = Field(default=[], max_length=50)
    parameters: Annotated[Mapping[ParameterId, ParameterValue], BeforeValidator(_parameters)] = Field(
        default={}, max_length=500
    )
    qualifications: list[Id] = Field(default=[], max_length=20)
    instructions: list[InstructionEntry] = Field(default=[], max_length=100)
    first_article: Exact = Field(default=Decimal(0), ge=0, le=FIRST_ARTICLE_MAX)


class DefinitionEntry(Entry):
    id: Id
    material: Id
    segments: list[SegmentEntry] = Field(min_length=1, max_length=500)
    version: Label | None = None
    description: Text = ""
    state: Annotated[DefinitionState, Strict(False)] = DefinitionState.Released
    effective_from: Instant | None = None
    effective_until: Instant | None = None
    under_percent: Exact | None = Field(default=None, ge=0, le=TOLERANCE_MAX, decimal_places=2)
    over_percent: Exact | None = Field(default=None, ge=0, le=TOLERANCE_MAX, decimal_places=2)


class TagEntry(Entry):
    tag: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    signal: Annotated[Signal, Strict(False)]
    equipment: Id
    counts: Annotated[str, StringConstraints(max_length=20)] = ""
    reason: Id | None = None
    units_per_count: Exact = Field(default=Decimal(1), gt=0)
    modulus: Annotated[int, Field(ge=2, le=2**63 - 1)] | None = None
    counting_point_of: Id | None = None
    max_per_s: Annotated[float, BeforeValidator(_rate), Field(gt=0, le=1_000_000)] | None = None
    retentive: bool = False
    state_map: Annotated[str, StringConstraints(max_length=20)] = ""
    what: Annotated[str, StringConstraints(max_length=20)] = ""
    unit: Annotated[str, StringConstraints(max_length=20)] = ""
    slot: Id | None = None


class BridgeEntry(Entry):
    id: Id
    description: Text = ""
    tags: list[TagEntry] = Field(default=[], max_length=ENTRIES_MAX)


ENTRY_KINDS: Final[dict[str, type[Entry]]] = {
    "equipment_classes": ThingClassEntry,
    "equipment": EquipmentEntry,
    "physical_assets": PhysicalAssetEntry,
    "material_classes": ThingClassEntry,
    "material_definitions": MaterialEntry,
    "moisture_levels": MoistureLevelEntry,
    "material_handling": HandlingEntry,
    "material_lots": LotEntry,
    "personnel_classes": ClassEntry,
    "persons": PersonEntry,
    "scrap_reasons": ScrapReasonEntry,
    "defect_codes": DefectCodeEntry,
    "work_masters": WorkMasterEntry,
    "quality_requirements": QualityRequirementEntry,
    "operations_definitions": DefinitionEntry,
    "bridges": BridgeEntry,
}
"""The kinds that are lists of entries; `calendar` and `policy` are one mapping each."""
CALENDAR: Final = "calendar"
POLICY: Final = "policy"
KINDS: Final = (*ENTRY_KINDS, CALENDAR, POLICY)
