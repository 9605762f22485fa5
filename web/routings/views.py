"""View models of routings. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from itertools import groupby
from typing import Final
from urllib.parse import quote, urlencode

from mes.definitions.effectivity_rules import is_effective
from mes.definitions.queries import ResolvedDefinition, ResolvedMaterial, ResolvedSegment, WorkMasterView
from mes.definitions.types import DefinitionState, DependencyKind, MediaType, ParameterLimit
from mes.kernel.errors import FieldError
from mes.quality.types import StepCheck
from standards.isa95.material import MaterialUse
from standards.isa95.quantity import from_e6
from web.routings.forms import MINUTE, MaterialRow, StepForm

Recipes = Mapping[tuple[str, str], WorkMasterView]
"""By id and version."""
SPARE_ROWS: Final = 3
"""Empty rows of a table of materials: that many can be added at a time without JavaScript."""
TONES: Final[Mapping[str, tuple[str, str]]] = {
    "draft": ("setup", "settings"),
    "current": ("run", "check"),
    "later": ("idle", "clock"),
    "ended": ("off", "clock"),
    "obsolete": ("off", "circle-slash"),
}
"""Word of a version → tone and icon. `current` is what a new order takes now."""
TOLERANCE_FAULTS: Final = ("number-invalid", "tolerance-invalid")
USES: Final = (MaterialUse.Consumed, MaterialUse.Produced)


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    name: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class VersionLine:
    label: str
    href: str
    word: str
    tone: str
    icon: str
    from_at: datetime | None
    until_at: datetime | None
    here: bool


@dataclass(frozen=True, slots=True)
class RoutingLine:
    """A routing in the list, with its newest versions."""

    definition_id: str
    href: str
    description: str
    material_id: str
    steps: tuple[str, ...]
    versions: tuple[VersionLine, ...]


@dataclass(frozen=True, slots=True)
class RoutingsPage:
    lines: tuple[RoutingLine, ...]
    more: bool
    may_edit: bool
    materials: tuple[Option, ...]
    work_masters: tuple[Option, ...]
    places: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class SubstituteLine:
    material_id: str
    quantity: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class MaterialLine:
    material_id: str
    use: str
    quantity: Decimal
    unit: str
    allowance: Decimal
    substitutes: tuple[SubstituteLine, ...]


@dataclass(frozen=True, slots=True)
class ParameterLine:
    """`own`: this step sets it instead of its recipe. `limits` is "", or such as "240 to 250"."""

    name: str
    value: str
    recipe_value: str
    unit: str
    limits: str
    own: bool
    data_type: str
    """A DataType where the recipe says one, else ""."""


@dataclass(frozen=True, slots=True)
class InstructionLine:
    number: int
    title: str
    text: str
    shown: str
    document: str


@dataclass(frozen=True, slots=True)
class AfterLine:
    segment_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class RecipeCard:
    """The version of a recipe that a step has. `newest` is another that is newer ("" none); `check` a StepCheck: what
    later steps ask of a unit that was to be here."""

    recipe_id: str
    label: str
    href: str
    description: str
    from_at: datetime | None
    until_at: datetime | None
    newest: str
    check: str


@dataclass(frozen=True, slots=True)
class StepCard:
    number: int
    segment_id: str
    description: str
    href: str
    recipe: RecipeCard
    places: tuple[str, ...]
    manual: bool
    per_cycle: Decimal
    cycle_unit: str
    cycle_s: Decimal | None
    first_article: Decimal
    after: tuple[AfterLine, ...]
    parallel: tuple[str, ...]
    """Steps that may be done at the same time."""
    qualifications: tuple[str, ...]
    parameters: tuple[ParameterLine, ...]
    materials: tuple[MaterialLine, ...]
    instructions: tuple[InstructionLine, ...]


@dataclass(frozen=True, slots=True)
class ToleranceField:
    """`percent` as it is kept (None: nothing is said), `typed` in its field, `refused` a code of TOLERANCE_FAULTS."""

    name: str
    percent: Decimal | None
    typed: str
    refused: str = ""


@dataclass(frozen=True, slots=True)
class RoutingPage:
    """`release` is how this version can be put into force: "release", "again" or ""."""

    base: str
    definition_id: str
    description: str
    material_id: str
    unit: str
    label: str
    version: int
    word: str
    tone: str
    icon: str
    fixed: bool
    may_edit: bool
    may_change: bool
    release: str
    withdraw: bool
    from_at: str
    until_at: str
    versions: tuple[VersionLine, ...]
    steps: tuple[StepCard, ...]
    tolerances: tuple[ToleranceField, ...]
    """Less, and more."""

    @property
    def refused(self) -> bool:
        return any(field.refused for field in self.tolerances)


@dataclass(frozen=True, slots=True)
class AfterChoice:
    segment_id: str
    none: bool
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class MaterialInput:
    material_id: str
    uses: tuple[Option, ...]
    quantity: str
    allowance: str
    substitutes: str
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class StepPage:
    """The form of one step; `is_new` asks for its id, too. What is `known` is suggested: there may be more."""

    base: str
    back: str
    definition_id: str
    label: str
    version: int
    is_new: bool
    segment_id: str
    description: str
    work_master_id: str
    known_work_masters: tuple[Option, ...]
    places: tuple[Option, ...]
    alternatives: tuple[Option, ...]
    per_cycle: str
    cycle_unit: str
    cycle_s: str
    first_article: str
    unit: str
    after: tuple[AfterChoice, ...]
    classes: tuple[Option, ...]
    parameters: tuple[ParameterLine, ...]
    materials: tuple[MaterialInput, ...]
    known_materials: tuple[Option, ...]
    instructions: tuple[InstructionLine, ...]
    refused: str = ""
    refused_next: str = ""


def base_of(definition_id: str, label: str = "") -> str:
    """The address of a routing, or of one version's acts."""
    base = f"/routings/{quote(definition_id, safe='')}"
    return f"{base}/{quote(label, safe='')}" if label else base


def recipe_base(recipe_id: str) -> str:
    return f"/recipes/{quote(recipe_id, safe='')}"


def recipe_href(recipe_id: str, label: str) -> str:
    return f"{recipe_base(recipe_id)}?{urlencode({'version': label})}"


def version_href(definition_id: str, label: str) -> str:
    return f"{base_of(definition_id)}?{urlencode({'version': label})}"


def routings_page(
    definitions: Iterable[ResolvedDefinition],
    *,
    more: bool,
    may_edit: bool,
    choices: Mapping[str, Sequence[Option]],
    zone: tzinfo,
    now: datetime,
) -> RoutingsPage:
    """Routings in order of id; their versions newest first."""
    grouped = groupby(definitions, key=lambda d: d.id)
    lines = tuple(_routing_line(list(versions), zone, now) for _, versions in grouped)
    return RoutingsPage(
        lines,
        more,
        may_edit,
        tuple(choices["materials"]),
        tuple(choices["work_masters"]),
        tuple(choices["places"]),
    )


def _routing_line(versions: Sequence[ResolvedDefinition], zone: tzinfo, now: datetime) -> RoutingLine:
    lines = version_lines(versions, "", zone, now)
    told = next((v for v in reversed(versions) if _is_current(v, versions, now)), versions[-1])
    steps = tuple(s.description or s.id for s in told.segments)
    href = version_href(told.id, told.version_label)
    return RoutingLine(told.id, href, told.description, told.material_id, steps, lines)


def version_lines(
    versions: Sequence[ResolvedDefinition], here: str, zone: tzinfo, now: datetime
) -> tuple[VersionLine, ...]:
    """Newest first."""
    return tuple(_version_line(v, version_word(v, versions, now), here, zone) for v in reversed(versions))


def _version_line(version: ResolvedDefinition, word: str, here: str, zone: tzinfo) -> VersionLine:
    tone, icon = TONES[word]
    begins, ends = (local_time(at, zone) for at in (version.effectivity.from_at, version.effectivity.until_at))
    label = version.version_label
    return VersionLine(label, version_href(version.id, label), word, tone, icon, begins, ends, label == here)


def version_word(version: ResolvedDefinition, versions: Sequence[ResolvedDefinition], now: datetime) -> str:
    """What a version is for new orders: one of TONES."""
    if version.state is DefinitionState.Draft:
        return "draft"
    if version.state is DefinitionState.Obsolete:
        return "obsolete"
    if _is_current(version, versions, now):
        return "current"
    begins = version.effectivity.from_at
    return "later" if begins is not None and begins > now else "ended"


def _is_current(version: ResolvedDefinition, versions: Sequence[ResolvedDefinition], now: datetime) -> bool:
    released = [v for v in versions if v.state is DefinitionState.Released and is_effective(v.effectivity, now)]
    return bool(released) and released[-1].pk == version.pk


def local_time(at: datetime | None, zone: tzinfo) -> datetime | None:
    return None if at is None else at.astimezone(zone)


def routing_page(
    version: ResolvedDefinition,
    versions: Sequence[ResolvedDefinition],
    recipes: Recipes,
    checks: Mapping[str, StepCheck],
    *,
    may_edit: bool,
    zone: tzinfo,
    now: datetime,
) -> RoutingPage:
    """One version of a routing among the others. `recipes`: all versions of what its steps have."""
    word = version_word(version, versions, now)
    tone, icon = TONES[word]
    released = version.state is DefinitionState.Released
    begins, ends = (local_time(at, zone) for at in (version.effectivity.from_at, version.effectivity.until_at))
    return RoutingPage(
        base=base_of(version.id, version.version_label),
        definition_id=version.id,
        description=version.description,
        material_id=version.material_id,
        unit=version.unit,
        label=version.version_label,
        version=version.version,
        word=word,
        tone=tone,
        icon=icon,
        fixed=version.fixed,
        may_edit=may_edit,
        may_change=may_edit and not version.fixed,
        release="" if released or not may_edit else "again" if version.fixed else "release",
        withdraw=released and may_edit,
        from_at=begins.strftime(MINUTE) if begins else "",
        until_at=ends.strftime(MINUTE) if ends else "",
        versions=version_lines(versions, version.version_label, zone, now),
        steps=tuple(_card(version, segment, recipes, checks, zone) for segment in version.segments),
        tolerances=(
            _tolerance("under_percent", version.under_tolerance_bp),
            _tolerance("over_percent", version.over_tolerance_bp),
        ),
    )


def _tolerance(name: str, kept_bp: int | None) -> ToleranceField:
    percent = None if kept_bp is None else Decimal(kept_bp) / 100
    return ToleranceField(name, percent, "" if percent is None else f"{percent:f}")


def refused_tolerances(page: RoutingPage, typed: Mapping[str, str], faults: Iterable[FieldError]) -> RoutingPage:
    """What was typed stays in its fields, and each tells what is wrong with it."""
    codes = {fault.where.rpartition("/")[2]: fault.code for fault in faults if fault.code in TOLERANCE_FAULTS}
    fields = tuple(replace(f, typed=typed[f.name], refused=codes.get(f.name, "")) for f in page.tolerances)
    return replace(page, tolerances=fields)


def _recipe_card(
    segment: ResolvedSegment, recipes: Recipes, checks: Mapping[str, StepCheck], zone: tzinfo
) -> RecipeCard:
    recipe_id, label = segment.work_master_id, segment.work_master_version
    recipe = recipes.get((recipe_id, label))
    newest = max((r for (name, _), r in recipes.items() if name == recipe_id), key=lambda r: r.pk, default=recipe)
    begins, ends = (None, None) if recipe is None else (recipe.effectivity.from_at, recipe.effectivity.until_at)
    return RecipeCard(
        recipe_id,
        label,
        recipe_href(recipe_id, label),
        "" if recipe is None else recipe.description,
        local_time(begins, zone),
        local_time(ends, zone),
        "" if newest is None or newest.version_label == label else newest.version_label,
        checks.get(recipe_id, StepCheck.recorded).value,
    )


def _card(
    version: ResolvedDefinition,
    segment: ResolvedSegment,
    recipes: Recipes,
    checks: Mapping[str, StepCheck],
    zone: tzinfo,
) -> StepCard:
    recipe = recipes.get((segment.work_master_id, segment.work_master_version))
    query = urlencode({"segment": segment.id})
    return StepCard(
        number=segment.sequence,
        segment_id=segment.id,
        description=segment.description,
        href=f"{base_of(version.id, version.version_label)}/step?{query}",
        recipe=_recipe_card(segment, recipes, checks, zone),
        places=(segment.equipment_id, *(place.equipment_id for place in segment.alternatives)),
        manual=segment.manual,
        per_cycle=from_e6(segment.quantity_per_cycle_e6),
        cycle_unit=segment.cycle_unit,
        cycle_s=segment.nominal_cycle_s,
        first_article=from_e6(segment.first_article_e6),
        after=tuple(AfterLine(name, kind) for name, kind in segment.after),
        parallel=_parallel(version.segments, segment),
        qualifications=segment.personnel_class_ids,
        parameters=parameter_lines(segment.parameters, recipe),
        materials=tuple(_material_line(m) for m in segment.materials),
        instructions=instruction_lines(segment),
    )


def _parallel(segments: Sequence[ResolvedSegment], one: ResolvedSegment) -> tuple[str, ...]:
    """Steps that neither come before nor after it."""
    before = {s.id: _before(s.id, segments) for s in segments}
    return tuple(s.id for s in segments if s is not one and s.id not in before[one.id] and one.id not in before[s.id])


def _before(segment_id: str, segments: Sequence[ResolvedSegment]) -> set[str]:
    after = {s.id: [name for name, _ in s.after] for s in segments}
    found: set[str] = set()
    waiting = list(after[segment_id])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(after[name])
    return found


def _material_line(m: ResolvedMaterial) -> MaterialLine:
    substitutes = tuple(SubstituteLine(s.material_id, from_e6(s.quantity_e6), s.unit) for s in m.substitutes)
    return MaterialLine(m.material_id, m.use, from_e6(m.quantity_e6), m.unit, from_e6(m.allowance_e6), substitutes)


def parameter_lines(own: Mapping[str, str], recipe: WorkMasterView | None) -> tuple[ParameterLine, ...]:
    """The recipe's parameters by id, with what the step sets instead."""
    values = {} if recipe is None else recipe.parameters
    limits = {} if recipe is None else recipe.limits
    return tuple(
        ParameterLine(
            name,
            own.get(name, values.get(name, "")),
            values.get(name, ""),
            limits.get(name, ParameterLimit()).unit,
            _limits_said(limits.get(name, ParameterLimit())),
            name in own,
            limits[name].data_type.value if name in limits else "",
        )
        for name in sorted({*values, *own})
    )


def _limits_said(limit: ParameterLimit) -> str:
    if limit.low is None and limit.high is None:
        return ""
    low, high = ("…" if end is None else f"{end:f}" for end in (limit.low, limit.high))
    return f"{low} – {high}"


def instruction_lines(segment: ResolvedSegment) -> tuple[InstructionLine, ...]:
    return tuple(
        InstructionLine(
            n,
            step.title,
            step.text,
            "" if step.media_type is None else "pdf" if step.media_type is MediaType.pdf else "picture",
            f"/documents/{step.document_sha256}" if step.document_sha256 else "",
        )
        for n, step in enumerate(segment.instructions, start=1)
    )


def step_page(
    version: ResolvedDefinition,
    segment: ResolvedSegment | None,
    recipe: WorkMasterView | None,
    choices: Mapping[str, Sequence[Option]],
) -> StepPage:
    """The form of a step; of a new one where `segment` is None."""
    own_place = segment.equipment_id if segment else ""
    alternatives = {place.equipment_id for place in segment.alternatives} if segment else set()
    asked = set(segment.personnel_class_ids) if segment else set()
    others = [s for s in version.segments if segment is None or s.id != segment.id]
    after = dict(segment.after) if segment else {}
    if segment is None and others:
        after = {others[-1].id: DependencyKind.AfterEnd.value}
    nominal = segment.own_nominal_cycle_s if segment else None
    return StepPage(
        base=base_of(version.id, version.version_label),
        back=version_href(version.id, version.version_label),
        definition_id=version.id,
        label=version.version_label,
        version=version.version,
        is_new=segment is None,
        segment_id=segment.id if segment else "",
        description=segment.description if segment else "",
        work_master_id=segment.work_master_id if segment else "",
        known_work_masters=tuple(choices["work_masters"]),
        places=_chosen(choices["places"], {own_place}),
        alternatives=tuple(o for o in _chosen(choices["places"], alternatives) if o.value != own_place),
        per_cycle=f"{from_e6(segment.quantity_per_cycle_e6):f}" if segment else "1",
        cycle_unit=segment.cycle_unit if segment else "",
        cycle_s="" if nominal is None else f"{nominal:f}",
        first_article=f"{from_e6(segment.first_article_e6):f}" if segment and segment.first_article_e6 else "",
        unit=version.unit,
        after=tuple(_after_choice(other.id, after.get(other.id, "")) for other in others),
        classes=_chosen(choices["classes"], asked),
        parameters=parameter_lines(segment.parameters if segment else {}, recipe),
        materials=_material_inputs(segment.materials if segment else ()),
        known_materials=tuple(choices["materials"]),
        instructions=instruction_lines(segment) if segment else (),
    )


def refused_step(page: StepPage, form: StepForm, known: Collection[str], title: str, next_step: str) -> StepPage:
    """What was typed stays in its fields; materials that are none of the `known` ones tell so."""
    after = {segment_id: kind for segment_id, _, kind in (text.rpartition(":") for text in form.after)}
    typed = dict(form.parameters)
    alternatives = _chosen(page.places, set(form.alternatives))
    return replace(
        page,
        segment_id=form.segment_id,
        description=form.description,
        work_master_id=form.work_master_id,
        places=_chosen(page.places, {form.equipment_id}),
        alternatives=tuple(option for option in alternatives if option.value != form.equipment_id),
        per_cycle=form.quantity_per_cycle,
        cycle_unit=form.cycle_unit,
        cycle_s=form.nominal_cycle_s,
        first_article=form.first_article,
        after=tuple(_after_choice(one.segment_id, after.get(one.segment_id, "")) for one in page.after),
        classes=_chosen(page.classes, set(form.personnel_class_ids)),
        parameters=tuple(replace(p, value=typed.get(p.name, ""), own=bool(typed.get(p.name))) for p in page.parameters),
        materials=(*(_typed_material(row, known) for row in form.materials if row.says_something), *_spare_rows()),
        refused=title,
        refused_next=next_step,
    )


def _typed_material(row: MaterialRow, known: Collection[str]) -> MaterialInput:
    return MaterialInput(
        row.material_id,
        _uses(row.use),
        row.quantity,
        row.allowance,
        row.substitutes,
        unknown=bool(row.material_id) and row.material_id not in known,
    )


def _chosen(options: Sequence[Option], values: set[str]) -> tuple[Option, ...]:
    """What is chosen stays so, though it be none of those that are offered."""
    unlisted = sorted(values - {o.value for o in options} - {""})
    offered = tuple(Option(o.value, o.name, o.value in values) for o in options)
    return offered + tuple(Option(value, value, True) for value in unlisted)


def _after_choice(segment_id: str, kind: str) -> AfterChoice:
    options = tuple(Option(f"{segment_id}:{k}", k.value, k == kind) for k in DependencyKind)
    return AfterChoice(segment_id, not kind, options)


def _material_inputs(materials: Sequence[ResolvedMaterial]) -> tuple[MaterialInput, ...]:
    rows = [
        MaterialInput(
            m.material_id,
            _uses(m.use),
            f"{from_e6(m.quantity_e6):f}",
            f"{from_e6(m.allowance_e6):f}" if m.allowance_e6 else "",
            ", ".join(_substitute_said(m, s.material_id, s.quantity_e6) for s in m.substitutes),
        )
        for m in materials
    ]
    return (*rows, *_spare_rows())


def _spare_rows() -> list[MaterialInput]:
    return [MaterialInput("", _uses(), "", "", "")] * SPARE_ROWS


def _uses(own: str = "") -> tuple[Option, ...]:
    """Those that are common, and the one it has."""
    rare = [use for use in MaterialUse if use == own and use not in USES]
    return tuple(Option(use.value, use.value, use == own) for use in (*USES, *rare))


def _substitute_said(material: ResolvedMaterial, name: str, quantity_e6: int) -> str:
    return name if quantity_e6 == material.quantity_e6 else f"{name} {from_e6(quantity_e6):f}"
