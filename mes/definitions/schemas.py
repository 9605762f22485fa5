"""REST documents of work masters, operations definitions and scrap reasons."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from mes.definitions.queries import (
    DocumentView,
    InstructionView,
    ResolvedDefinition,
    ResolvedMaterial,
    ResolvedSegment,
    ScrapReasonView,
    WorkMasterView,
)
from mes.definitions.types import (
    FIRST_ARTICLE_MAX,
    TOLERANCE_MAX,
    DataType,
    DefinitionSpec,
    DefinitionState,
    DependencyKind,
    Effectivity,
    InstructionSpec,
    MaterialSpecification,
    MediaType,
    ParameterLimit,
    ScrapReasonSpec,
    SegmentDependency,
    SegmentSpec,
    Substitute,
    WorkMasterSpec,
)
from mes.kernel.paging import Page
from mes.kernel.texts import NO_NUL
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


Number = Annotated[Decimal, BeforeValidator(exact_number), Field(max_digits=18, decimal_places=6)]
Percent = Annotated[Decimal, BeforeValidator(exact_number), Field(ge=0, le=1_000, max_digits=10, decimal_places=6)]
FirstArticle = Annotated[
    Decimal, BeforeValidator(exact_number), Field(ge=0, le=FIRST_ARTICLE_MAX, max_digits=10, decimal_places=6)
]
Tolerance = Annotated[
    Decimal, BeforeValidator(exact_number), Field(ge=0, le=TOLERANCE_MAX, max_digits=6, decimal_places=2)
]
"""Percent, to hundredths."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Document(BaseModel):
    """A document of this API: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EffectivityDocument(Document):
    """When new orders may take a version: up to, and not including, `until_at`. Null: open on that side."""

    from_at: AwareDatetime | None = None
    until_at: AwareDatetime | None = None

    @property
    def value(self) -> Effectivity:
        return Effectivity(self.from_at, self.until_at)

    @classmethod
    def of(cls, effectivity: Effectivity) -> EffectivityDocument:
        return cls(from_at=effectivity.from_at, until_at=effectivity.until_at)


class EffectivityChange(EffectivityDocument):
    version: int | None = None
    """The version that was read; or send If-Match."""


class LimitDocument(Document):
    """What a parameter's value may be; the limits themselves are allowed."""

    data_type: DataType = DataType.decimal
    unit: Annotated[str, StringConstraints(max_length=20)] = ""
    low: Number | None = None
    high: Number | None = None

    @property
    def value(self) -> ParameterLimit:
        return ParameterLimit(self.data_type, self.unit, self.low, self.high)

    @classmethod
    def of(cls, limit: ParameterLimit) -> LimitDocument:
        return cls(data_type=limit.data_type, unit=limit.unit, low=limit.low, high=limit.high)


Limits = Annotated[dict[Annotated[str, StringConstraints(max_length=100)], LimitDocument], Field(max_length=500)]


class _WorkMasterContent(Document):
    description: Text = ""
    parameters: Parameters = {}
    limits: Limits = {}
    effectivity: EffectivityDocument = EffectivityDocument()

    def _spec(self, work_master_id: str, version_label: str | None) -> WorkMasterSpec:
        limits = {name: limit.value for name, limit in self.limits.items()}
        return WorkMasterSpec(
            work_master_id, version_label, self.description, self.parameters, limits, self.effectivity.value
        )


class WorkMasterChange(_WorkMasterContent):
    """The next version of a recipe."""

    version_label: Label | None = None
    """Its name; None: the next number."""
    seen_version_label: Label
    """The newest version that was read."""

    def spec(self, work_master_id: str) -> WorkMasterSpec:
        return self._spec(work_master_id, self.version_label)


class WorkMasterIn(_WorkMasterContent):
    id: Id
    version_label: Label | None = None

    def spec(self) -> WorkMasterSpec:
        return self._spec(self.id, self.version_label)


class WorkMasterOut(Document):
    id: str
    version_label: str
    description: str
    parameters: dict[str, str]
    limits: dict[str, LimitDocument]
    effectivity: EffectivityDocument
    version: int
    """Counts changes of `effectivity`; everything else of a version is fixed."""

    @classmethod
    def of(cls, view: WorkMasterView) -> WorkMasterOut:
        return cls(
            id=view.work_master_id,
            version_label=view.version_label,
            description=view.description,
            parameters=view.parameters,
            limits={name: LimitDocument.of(limit) for name, limit in view.limits.items()},
            effectivity=EffectivityDocument.of(view.effectivity),
            version=view.version,
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


class SubstituteDocument(Document):
    """Another material that may be used instead; `quantity` in its own unit, null: as much as of the material."""

    material_id: Id
    quantity: Positive | None = None


class MaterialSpecificationDocument(Document):
    """What one piece needs or yields, in the material's own unit. Substitutes stand in order of preference."""

    material_id: Id
    use: MaterialUse = MaterialUse.Consumed
    quantity: Positive
    scrap_allowance: Percent = Decimal(0)
    """Percent planned on top."""
    substitutes: list[SubstituteDocument] = Field(default=[], max_length=50)

    def spec(self) -> MaterialSpecification:
        substitutes = tuple(Substitute(s.material_id, s.quantity or self.quantity) for s in self.substitutes)
        return MaterialSpecification(self.material_id, self.use, self.quantity, self.scrap_allowance, substitutes)

    @classmethod
    def of(cls, material: ResolvedMaterial) -> MaterialSpecificationDocument:
        return cls(
            material_id=material.material_id,
            use=MaterialUse(material.use),
            quantity=from_e6(material.quantity_e6),
            scrap_allowance=from_e6(material.allowance_e6),
            substitutes=[
                SubstituteDocument(material_id=s.material_id, quantity=from_e6(s.quantity_e6))
                for s in material.substitutes
            ],
        )


class InstructionDocument(Document):
    """A step of the work instruction. `document_sha256` names an uploaded picture or PDF."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200), NO_NUL]
    text: Annotated[str, StringConstraints(max_length=4_000), NO_NUL] = ""
    document_sha256: Sha256 | None = None

    def spec(self) -> InstructionSpec:
        return InstructionSpec(self.title, self.text, self.document_sha256 or "")

    @classmethod
    def of(cls, step: InstructionView) -> InstructionDocument:
        return cls(title=step.title, text=step.text, document_sha256=step.document_sha256 or None)


class DocumentOut(Document):
    """A picture or drawing as it was uploaded."""

    sha256: str
    media_type: MediaType
    size: int

    @classmethod
    def of(cls, view: DocumentView) -> DocumentOut:
        return cls(sha256=view.sha256, media_type=view.media_type, size=view.size)


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
    alternative_equipment_ids: list[Id] = Field(default=[], max_length=50)
    """Where a job may be moved to, in order of preference."""
    parameters: Parameters = {}
    """Values instead of the recipe's."""
    personnel_class_ids: list[Id] = Field(default=[], max_length=20)
    """What a person who starts the job has to be, all of it."""
    instructions: list[InstructionDocument] = Field(default=[], max_length=100)
    first_article: FirstArticle = Decimal(0)
    """Pieces somebody has to pass before more are made; 0: none."""

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
            tuple(m.spec() for m in self.materials),
            tuple(self.alternative_equipment_ids),
            self.parameters,
            tuple(self.personnel_class_ids),
            tuple(step.spec() for step in self.instructions),
            self.first_article,
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
    alternative_equipment_ids: list[str]
    parameters: dict[str, str]
    personnel_class_ids: list[str]
    instructions: list[InstructionDocument]
    first_article: Decimal

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
            alternative_equipment_ids=[place.equipment_id for place in segment.alternatives],
            parameters=segment.parameters,
            personnel_class_ids=list(segment.personnel_class_ids),
            instructions=[InstructionDocument.of(step) for step in segment.instructions],
            first_article=from_e6(segment.first_article_e6),
        )


class _Tolerances(Document):
    """What orders may deliver less or more than asked, where they say nothing themselves; null: nothing is said."""

    under_percent: Tolerance | None = None
    over_percent: Tolerance | None = None


class _DefinitionContent(_Tolerances):
    material_id: Id
    description: Text = ""
    state: DefinitionState = DefinitionState.Released
    version_label: Label | None = None
    """Name of this version; None: the next number."""
    effectivity: EffectivityDocument = EffectivityDocument()
    segments: list[SegmentIn] = Field(min_length=1, max_length=500)

    def _spec(self, definition_id: str) -> DefinitionSpec:
        segments = tuple(segment.spec() for segment in self.segments)
        return DefinitionSpec(
            definition_id,
            self.material_id,
            segments,
            self.version_label,
            self.description,
            self.state,
            self.effectivity.value,
            self.under_percent,
            self.over_percent,
        )


class DefinitionChange(_DefinitionContent):
    """The next version of a routing; orders under way keep theirs."""

    seen_version_label: Label
    """The newest version that was read."""

    def spec(self, definition_id: str) -> DefinitionSpec:
        return self._spec(definition_id)


class DraftChange(_Tolerances):
    """What a draft is to say."""

    material_id: Id
    description: Text = ""
    segments: list[SegmentIn] = Field(min_length=1, max_length=500)
    version: int | None = None
    """The version that was read; or send If-Match."""

    def spec(self, definition_id: str) -> DefinitionSpec:
        segments = tuple(segment.spec() for segment in self.segments)
        return DefinitionSpec(
            definition_id,
            self.material_id,
            segments,
            description=self.description,
            state=DefinitionState.Draft,
            under_percent=self.under_percent,
            over_percent=self.over_percent,
        )


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
    effectivity: EffectivityDocument
    segments: list[SegmentOut]
    version: int
    """Counts changes of `state`, `effectivity` and, of a draft, content."""
    fixed: bool
    """It was released at some time, so its content never changes again."""
    under_percent: Decimal | None
    over_percent: Decimal | None

    @classmethod
    def of(cls, definition: ResolvedDefinition) -> DefinitionOut:
        return cls(
            id=definition.id,
            version_label=definition.version_label,
            description=definition.description,
            material_id=definition.material_id,
            unit=definition.unit,
            state=definition.state,
            effectivity=EffectivityDocument.of(definition.effectivity),
            segments=[SegmentOut.of(segment) for segment in definition.segments],
            version=definition.version,
            fixed=definition.fixed,
            under_percent=_percent(definition.under_tolerance_bp),
            over_percent=_percent(definition.over_tolerance_bp),
        )


def _percent(tolerance_bp: int | None) -> Decimal | None:
    return None if tolerance_bp is None else Decimal(tolerance_bp) / 100


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
