"""Values of the definitions feature: recipes, routings with their steps, reasons for scrap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class WorkMasterSpec:
    """A recipe. `parameters` are ISA-95 value strings. `version_label` None: a change makes the next number."""

    work_master_id: str
    version_label: str | None = None
    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SegmentDependency:
    """The segment waits for another one."""

    segment_id: str
    kind: DependencyKind = DependencyKind.AfterEnd


@dataclass(frozen=True, slots=True)
class MaterialSpecification:
    """What one piece needs or yields, in the material's own unit."""

    material_id: str
    use: MaterialUse
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class SegmentSpec:
    """One step. `quantity_per_cycle` is pieces per machine cycle in the definition's material unit, `cycle_unit` the
    word for what one cycle handles ("panel"). `work_master_version` None: the newest there is."""

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


@dataclass(frozen=True, slots=True)
class DefinitionSpec:
    """A routing. `version_label` None: a change makes the next number."""

    definition_id: str
    material_id: str
    segments: tuple[SegmentSpec, ...]
    version_label: str | None = None
    description: str = ""
    state: DefinitionState = DefinitionState.Released


@dataclass(frozen=True, slots=True)
class ScrapReasonSpec:
    """Why a piece was scrapped, as people choose it."""

    reason_id: str
    description: str
    active: bool = True
