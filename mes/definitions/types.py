"""Values of the definitions feature: recipes, routings with their steps, reasons for scrap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from standards.isa95.material import MaterialUse


class DefinitionState(StrEnum):
    """New orders follow Released ones only; an order keeps the version it began with."""

    Draft = "Draft"
    Released = "Released"
    Obsolete = "Obsolete"


class DependencyKind(StrEnum):
    """When a segment may begin (B2MML `DependencyType`)."""

    AfterEnd = "AfterEnd"
    AfterStart = "AfterStart"


DOCUMENT_MAX_BYTES: Final = 5 * 1024 * 1024
"""A picture or drawing of a work instruction."""


class DataType(StrEnum):
    """What a parameter's value string means (XML Schema names, as B2MML has them)."""

    string = "string"
    integer = "integer"
    decimal = "decimal"
    boolean = "boolean"


class MediaType(StrEnum):
    """What a document of a work instruction may be; found out by its content."""

    png = "image/png"
    jpeg = "image/jpeg"
    webp = "image/webp"
    pdf = "application/pdf"


FIRST_ARTICLE_MAX: Final = 1_000
"""Pieces of a first article."""

TOLERANCE_MAX: Final = 1_000
"""Percent an order may deliver more or less than asked."""


@dataclass(frozen=True, slots=True)
class Effectivity:
    """When new orders may take a version: from one instant up to (not including) another; None: open on that side."""

    from_at: datetime | None = None
    until_at: datetime | None = None


ALWAYS: Final = Effectivity()


@dataclass(frozen=True, slots=True)
class ParameterLimit:
    """What a parameter's value may be. `low` and `high` are included; None: open on that side."""

    data_type: DataType = DataType.string
    unit: str = ""
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class WorkMasterSpec:
    """A recipe. `parameters` are ISA-95 value strings, `limits` what they must keep, both by parameter id.

    `version_label` None: a change makes the next number.
    """

    work_master_id: str
    version_label: str | None = None
    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, ParameterLimit] = field(default_factory=dict)
    effectivity: Effectivity = ALWAYS


@dataclass(frozen=True, slots=True)
class SegmentDependency:
    """The segment waits for another one."""

    segment_id: str
    kind: DependencyKind = DependencyKind.AfterEnd


@dataclass(frozen=True, slots=True)
class Substitute:
    """Another material that may be used instead; `quantity` in its own unit for one piece."""

    material_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class MaterialSpecification:
    """What one piece needs or yields, in the material's own unit.

    `scrap_allowance` is the percentage planned on top; `substitutes` stand in order of preference.
    """

    material_id: str
    use: MaterialUse
    quantity: Decimal
    scrap_allowance: Decimal = Decimal(0)
    substitutes: tuple[Substitute, ...] = ()


@dataclass(frozen=True, slots=True)
class InstructionSpec:
    """One step of a work instruction. `document_sha256` names a stored picture or drawing; "": there is none."""

    title: str
    text: str = ""
    document_sha256: str = ""


@dataclass(frozen=True, slots=True)
class SegmentSpec:
    """One step. `quantity_per_cycle` is pieces per machine cycle in the definition's material unit, `cycle_unit` the
    word for what one cycle handles ("panel"). `work_master_version` None: the newest that is effective.

    A job starts at `equipment_id`; `alternatives` are the places it may be moved to. `parameters` replace values of
    the recipe. A person who starts the job is to be in each of `personnel_class_ids`.
    """

    segment_id: str
    work_master_id: str
    equipment_id: str
    quantity_per_cycle: Decimal = Decimal(1)
    cycle_unit: str = ""
    description: str = ""
    nominal_cycle_s: Decimal | None = None
    work_master_version: str | None = None
    after: tuple[SegmentDependency, ...] = ()
    materials: tuple[MaterialSpecification, ...] = ()
    alternatives: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    personnel_class_ids: tuple[str, ...] = ()
    instructions: tuple[InstructionSpec, ...] = ()
    first_article: Decimal = Decimal(0)
    """Pieces somebody has to pass before more are made; 0: none."""


@dataclass(frozen=True, slots=True)
class DefinitionSpec:
    """A routing. `version_label` None: a change makes the next number."""

    definition_id: str
    material_id: str
    segments: tuple[SegmentSpec, ...]
    version_label: str | None = None
    description: str = ""
    state: DefinitionState = DefinitionState.Released
    effectivity: Effectivity = ALWAYS
    under_percent: Decimal | None = None
    over_percent: Decimal | None = None
    """What its orders may deliver less or more than asked, where an order says nothing; None: nothing is said."""


@dataclass(frozen=True, slots=True)
class ScrapReasonSpec:
    """Why a piece was scrapped, as people choose it."""

    reason_id: str
    description: str
    active: bool = True
