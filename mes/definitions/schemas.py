"""REST documents of work masters, operations definitions and scrap reasons."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from mes.definitions.queries import (
    ResolvedDefinition,
    ResolvedMaterial,
    ResolvedSegment,
    ScrapReasonView,
    WorkMasterView,
)
from mes.definitions.types import (
    DefinitionSpec,
    DefinitionState,
    DependencyKind,
    MaterialSpecification,
    ScrapReasonSpec,
    SegmentDependency,
    SegmentSpec,
    WorkMasterSpec,
)
from mes.kernel.paging import Page
from mes.materials.rules import exact_number
from standards.isa95.material import MaterialUse
from standards.isa95.quantity import from_e6

ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Text = Annotated[str, StringConstraints(max_length=500)]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$")]
Parameters = Annotated[
    dict[Annotated[str, StringConstraints(max_length=100)], Annotated[str, StringConstraints(max_length=500)]],
    Field(max_length=500),
]
"""ISA-95 value strings by parameter id."""
Positive = Annotated[Decimal, BeforeValidator(exact_number), Field(gt=0, max_digits=19, decimal_places=6)]


class Document(BaseModel):
    """A document of this API: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkMasterChange(Document):
    """The next version of a recipe."""

    description: Text = ""
    parameters: Parameters = {}
    version_label: Label | None = None
    """Its name; None: the next number."""
    seen_version_label: Label
    """The newest version that was read."""

    def spec(self, work_master_id: str) -> WorkMasterSpec:
        return WorkMasterSpec(work_master_id, self.version_label, self.description, self.parameters)


class WorkMasterIn(Document):
    id: Id
    description: Text = ""
    parameters: Parameters = {}
    version_label: Label | None = None

    def spec(self) -> WorkMasterSpec:
        return WorkMasterSpec(self.id, self.version_label, self.description, self.parameters)


class WorkMasterOut(Document):
    id: str
    version_label: str
    description: str
    parameters: dict[str, str]

    @classmethod
    def of(cls, view: WorkMasterView) -> WorkMasterOut:
        return cls(
            id=view.work_master_id,
            version_label=view.version_label,
            description=view.description,
            parameters=view.parameters,
        )


class WorkMasterPage(Document):
    items: list[WorkMasterOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[WorkMasterView]) -> WorkMasterPage:
        return cls(items=[WorkMasterOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class DependencyDocument(Document):
    segment_id: Id
    kind: DependencyKind = DependencyKind.AfterEnd


class MaterialSpecificationDocument(Document):
    """What one piece needs or yields, in the material's own unit."""

    material_id: Id
    use: MaterialUse = MaterialUse.Consumed
    quantity: Positive

    @classmethod
    def of(cls, material: ResolvedMaterial) -> MaterialSpecificationDocument:
        return cls(
            material_id=material.material_id,
            use=MaterialUse(material.use),
            quantity=from_e6(material.quantity_e6),
        )


class SegmentIn(Document):
    """One step; segments stand in order."""

    id: Id
    description: Text = ""
    work_master_id: Id
    work_master_version: Label | None = None
    """None: the newest."""
    equipment_id: Id
    """The work centre or work unit the job runs at."""
    quantity_per_cycle: Positive = Decimal(1)
    cycle_unit: Annotated[str, StringConstraints(max_length=20)] = ""
    nominal_cycle_s: Positive | None = None
    after: list[DependencyDocument] = Field(default=[], max_length=100)
    materials: list[MaterialSpecificationDocument] = Field(default=[], max_length=2_000)

    def spec(self) -> SegmentSpec:
        return SegmentSpec(
            self.id,
            self.work_master_id,
            self.equipment_id,
            self.quantity_per_cycle,
            self.cycle_unit,
            self.description,
            self.nominal_cycle_s,
            self.work_master_version,
            tuple(SegmentDependency(d.segment_id, d.kind) for d in self.after),
            tuple(MaterialSpecification(m.material_id, m.use, m.quantity) for m in self.materials),
        )


class SegmentOut(Document):
    """One step with what it takes over from its equipment."""

    id: str
    sequence: int
    description: str
    work_master_id: str
    work_master_version: str
    equipment_id: str
    work_center_id: str | None
    area_id: str | None
    manual: bool
    quantity_per_cycle: Decimal
    cycle_unit: str
    nominal_cycle_s: Decimal | None
    after: list[DependencyDocument]
    materials: list[MaterialSpecificationDocument]

    @classmethod
    def of(cls, segment: ResolvedSegment) -> SegmentOut:
        return cls(
            id=segment.id,
            sequence=segment.sequence,
            description=segment.description,
            work_master_id=segment.work_master_id,
            work_master_version=segment.work_master_version,
            equipment_id=segment.equipment_id,
            work_center_id=segment.work_center_id or None,
            area_id=segment.area_id or None,
            manual=segment.manual,
            quantity_per_cycle=from_e6(segment.quantity_per_cycle_e6),
            cycle_unit=segment.cycle_unit,
            nominal_cycle_s=segment.nominal_cycle_s,
            after=[DependencyDocument(segment_id=i, kind=DependencyKind(kind)) for i, kind in segment.after],
            materials=[MaterialSpecificationDocument.of(m) for m in segment.materials],
        )


class _DefinitionContent(Document):
    material_id: Id
    description: Text = ""
    state: DefinitionState = DefinitionState.Released
    version_label: Label | None = None
    """Name of this version; None: the next number."""
    segments: list[SegmentIn] = Field(min_length=1, max_length=500)

    def _spec(self, definition_id: str) -> DefinitionSpec:
        segments = tuple(segment.spec() for segment in self.segments)
        return DefinitionSpec(
            definition_id, self.material_id, segments, self.version_label, self.description, self.state
        )


class DefinitionChange(_DefinitionContent):
    """The next version of a routing; orders under way keep theirs."""

    seen_version_label: Label
    """The newest version that was read."""

    def spec(self, definition_id: str) -> DefinitionSpec:
        return self._spec(definition_id)


class DefinitionIn(_DefinitionContent):
    id: Id

    def spec(self) -> DefinitionSpec:
        return self._spec(self.id)


class DefinitionOut(Document):
    id: str
    version_label: str
    description: str
    material_id: str
    unit: str
    state: DefinitionState
    segments: list[SegmentOut]
    version: int
    """Counts changes of `state`; everything else of a version is fixed."""

    @classmethod
    def of(cls, definition: ResolvedDefinition) -> DefinitionOut:
        return cls(
            id=definition.id,
            version_label=definition.version_label,
            description=definition.description,
            material_id=definition.material_id,
            unit=definition.unit,
            state=definition.state,
            segments=[SegmentOut.of(segment) for segment in definition.segments],
            version=definition.version,
        )


class DefinitionPage(Document):
    items: list[DefinitionOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[ResolvedDefinition]) -> DefinitionPage:
        return cls(items=[DefinitionOut.of(d) for d in page.items], next_cursor=page.next_cursor)


class DefinitionStateChange(Document):
    state: DefinitionState
    version: int | None = None
    """The version that was read; or send If-Match."""


class ScrapReasonChange(Document):
    """The whole reason as it is to be."""

    description: Text
    active: bool = True
    version: int | None = None
    """The version that was read; or send If-Match."""

    def spec(self, reason_id: str) -> ScrapReasonSpec:
        return ScrapReasonSpec(reason_id, self.description, self.active)


class ScrapReasonIn(Document):
    id: Id
    description: Text
    active: bool = True

    def spec(self) -> ScrapReasonSpec:
        return ScrapReasonSpec(self.id, self.description, self.active)


class ScrapReasonOut(Document):
    id: str
    description: str
    active: bool
    version: int

    @classmethod
    def of(cls, view: ScrapReasonView) -> ScrapReasonOut:
        return cls(id=view.reason_id, description=view.description, active=view.active, version=view.version)
