"""View models of recipes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from itertools import groupby
from urllib.parse import quote, urlencode

from mes.definitions.effectivity_rules import is_effective, newest_effective
from mes.definitions.queries import WorkMasterUse, WorkMasterView
from mes.definitions.types import DataType, DefinitionState
from mes.kernel.errors import FieldError
from web.routings.forms import MINUTE
from web.routings.recipe_forms import PARAMETER_FAULTS, ParameterRow, RecipeForm
from web.routings.views import (
    SPARE_ROWS,
    TONES,
    Option,
    ParameterLine,
    VersionLine,
    local_time,
    parameter_lines,
    recipe_base,
    recipe_href,
    version_href,
)


@dataclass(frozen=True, slots=True)
class RecipeLine:
    """A recipe in the list, its versions newest first."""

    recipe_id: str
    href: str
    description: str
    parameters: int
    versions: tuple[VersionLine, ...]


@dataclass(frozen=True, slots=True)
class RecipesPage:
    lines: tuple[RecipeLine, ...]
    more: bool
    may_edit: bool


@dataclass(frozen=True, slots=True)
class UseLine:
    """A step of a routing that has this recipe; `label` is the recipe's version."""

    definition_id: str
    definition_label: str
    href: str
    segment_id: str
    label: str
    here: bool
    draft: bool


@dataclass(frozen=True, slots=True)
class RecipePage:
    base: str
    recipe_id: str
    description: str
    label: str
    version: int
    word: str
    tone: str
    icon: str
    may_edit: bool
    change: str
    from_at: str
    until_at: str
    versions: tuple[VersionLine, ...]
    parameters: tuple[ParameterLine, ...]
    uses: tuple[UseLine, ...]
    more_uses: bool


@dataclass(frozen=True, slots=True)
class RowField:
    """A row of the table of parameters as it is typed; `refused` is one of PARAMETER_FAULTS or ""."""

    was: str
    name: str
    value: str
    types: tuple[Option, ...]
    unit: str
    low: str
    high: str
    refused: str = ""


@dataclass(frozen=True, slots=True)
class RecipeFormPage:
    """The form of a new recipe, or of the next version after `seen_label`, begun with what `begun` says."""

    action: str
    back: str
    recipe_id: str
    seen_label: str
    begun: str
    description: str
    version_label: str
    from_at: str
    until_at: str
    rows: tuple[RowField, ...]
    refused: str = ""
    refused_next: str = ""

    @property
    def refused_rows(self) -> bool:
        return any(row.refused for row in self.rows)

    @property
    def is_new(self) -> bool:
        return not self.seen_label


def recipes_page(
    recipes: Iterable[WorkMasterView], *, more: bool, may_edit: bool, zone: tzinfo, now: datetime
) -> RecipesPage:
    """Recipes in order of id; their versions come oldest first."""
    grouped = groupby(recipes, key=lambda recipe: recipe.work_master_id)
    return RecipesPage(tuple(_recipe_line(list(found), zone, now) for _, found in grouped), more, may_edit)


def _recipe_line(versions: Sequence[WorkMasterView], zone: tzinfo, now: datetime) -> RecipeLine:
    told = _current(versions, now) or versions[-1]
    href = recipe_href(told.work_master_id, told.version_label)
    lines = recipe_versions(versions, "", zone, now)
    return RecipeLine(told.work_master_id, href, told.description, len(told.parameters), lines)


def _current(versions: Sequence[WorkMasterView], now: datetime) -> WorkMasterView | None:
    return newest_effective([(version, version.effectivity) for version in versions], now)


def recipe_word(version: WorkMasterView, versions: Sequence[WorkMasterView], now: datetime) -> str:
    """What a version is for a step that is saved now: one of TONES."""
    current = _current(versions, now)
    if current is not None and current.pk == version.pk:
        return "current"
    if is_effective(version.effectivity, now):
        return "obsolete"
    begins = version.effectivity.from_at
    return "later" if begins is not None and begins > now else "ended"


def recipe_versions(
    versions: Sequence[WorkMasterView], here: str, zone: tzinfo, now: datetime
) -> tuple[VersionLine, ...]:
    """Newest first."""
    return tuple(_version_line(v, recipe_word(v, versions, now), here, zone) for v in reversed(versions))


def _version_line(version: WorkMasterView, word: str, here: str, zone: tzinfo) -> VersionLine:
    begins, ends = (local_time(at, zone) for at in (version.effectivity.from_at, version.effectivity.until_at))
    label = version.version_label
    return VersionLine(
        label, recipe_href(version.work_master_id, label), word, *TONES[word], begins, ends, label == here
    )


def recipe_page(
    version: WorkMasterView,
    versions: Sequence[WorkMasterView],
    uses: Sequence[WorkMasterUse],
    *,
    more_uses: bool,
    may_edit: bool,
    zone: tzinfo,
    now: datetime,
) -> RecipePage:
    """One version of a recipe among the others, oldest first, and where they are in use."""
    word = recipe_word(version, versions, now)
    tone, icon = TONES[word]
    base = recipe_base(version.work_master_id)
    return RecipePage(
        base=f"{base}/{quote(version.version_label, safe='')}",
        recipe_id=version.work_master_id,
        description=version.description,
        label=version.version_label,
        version=version.version,
        word=word,
        tone=tone,
        icon=icon,
        may_edit=may_edit,
        change=f"{base}/change?{urlencode({'version': version.version_label})}",
        from_at=_typed_time(version.effectivity.from_at, zone),
        until_at=_typed_time(version.effectivity.until_at, zone),
        versions=recipe_versions(versions, version.version_label, zone, now),
        parameters=parameter_lines({}, version),
        uses=tuple(_use(use, version.version_label) for use in uses),
        more_uses=more_uses,
    )


def _use(use: WorkMasterUse, here: str) -> UseLine:
    href = version_href(use.definition_id, use.definition_label)
    draft = use.state is DefinitionState.Draft
    label = use.version_label
    return UseLine(use.definition_id, use.definition_label, href, use.segment_id, label, label == here, draft)


def _typed_time(at: datetime | None, zone: tzinfo) -> str:
    return "" if at is None else at.astimezone(zone).strftime(MINUTE)


def new_recipe() -> RecipeFormPage:
    """The form of a recipe that is not there yet."""
    return RecipeFormPage("/recipes", "/recipes", "", "", "", "", "", "", "", _row_fields(()))


def changed_recipe(begun: WorkMasterView, newest: str, zone: tzinfo) -> RecipeFormPage:
    """The form of the version after `newest`, begun with what another one says."""
    base = recipe_base(begun.work_master_id)
    return RecipeFormPage(
        action=f"{base}/versions",
        back=recipe_href(begun.work_master_id, begun.version_label),
        recipe_id=begun.work_master_id,
        seen_label=newest,
        begun=begun.version_label,
        description=begun.description,
        version_label="",
        from_at=_typed_time(begun.effectivity.from_at, zone),
        until_at=_typed_time(begun.effectivity.until_at, zone),
        rows=_row_fields(_rows_of(begun)),
    )


def _rows_of(recipe: WorkMasterView) -> list[ParameterRow]:
    return [_row_of(recipe, name) for name in sorted(recipe.parameters)]


def _row_of(recipe: WorkMasterView, name: str) -> ParameterRow:
    limit = recipe.limits.get(name)
    if limit is None:
        return ParameterRow(name, name, recipe.parameters[name], "", "", "", "")
    low, high = ("" if end is None else f"{end:f}" for end in (limit.low, limit.high))
    return ParameterRow(name, name, recipe.parameters[name], limit.data_type.value, limit.unit, low, high)


def _row_fields(rows: Sequence[ParameterRow], faults: Mapping[str, str] | None = None) -> tuple[RowField, ...]:
    spare = [ParameterRow("", "", "", "", "", "", "")] * SPARE_ROWS
    told = [(row, (faults or {}).get(row.name.strip(), "")) for row in rows]
    return tuple(_row_field(row, refused) for row, refused in [*told, *((row, "") for row in spare)])


def _row_field(row: ParameterRow, refused: str) -> RowField:
    types = tuple(Option(kind, kind, kind == row.data_type) for kind in ("", *(kind.value for kind in DataType)))
    return RowField(row.was, row.name, row.value, types, row.unit, row.low, row.high, refused)


def refused_recipe(
    page: RecipeFormPage, form: RecipeForm, faults: Iterable[FieldError], title: str, next_step: str
) -> RecipeFormPage:
    """What was typed stays in its fields; each row tells what is wrong with it, the page what else is."""
    codes = {fault.where: fault.code for fault in faults if fault.code in PARAMETER_FAULTS}
    rows = [row for row in form.rows if row.says_something]
    return replace(
        page,
        recipe_id=form.recipe_id,
        description=form.description,
        version_label=form.version_label,
        from_at=form.from_at,
        until_at=form.until_at,
        rows=_row_fields(rows, codes),
        refused=title,
        refused_next=next_step,
    )
