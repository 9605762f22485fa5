"""Recipes on screen: look, make the next version, say when it is in force. All of it is plain forms.

Every change is a version of its own: no step of a routing takes it until the step is saved in a draft.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Query, Request
from pydantic import StringConstraints
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.definitions.queries import (
    get_work_master,
    get_work_master_versions,
    list_work_master_uses,
    list_work_masters,
)
from mes.definitions.service import create_work_master, set_work_master_effectivity, update_work_master
from mes.kernel.db import ReadSession
from mes.kernel.errors import Refusal
from mes.kernel.paging import LIMIT_MAX
from mes.kernel.texts import NO_NUL
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.routings.forms import effectivity_of
from web.routings.recipe_forms import ParameterRow, RecipeForm
from web.routings.recipe_views import (
    RecipeFormPage,
    RecipePage,
    RecipesPage,
    changed_recipe,
    new_recipe,
    recipe_page,
    recipes_page,
    refused_recipe,
)
from web.routings.views import recipe_base, recipe_href
from web.templating import render
from web.wording import refusal_words

ROWS_MAX: Final = 600
"""Rows of parameters: a recipe has at most 500."""
FIELDS_MAX: Final = ROWS_MAX * 7 + 20
"""Of a form: seven a row."""
USES_SHOWN: Final = 50
router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_routings))]
Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"), Form()]
Seen = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$"), Form()]
Label = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,19})?$"), Form()]
Text = Annotated[str, Form(max_length=500), NO_NUL]
Version = Annotated[int, Form(ge=0, le=2**31)]
Word = Annotated[str, StringConstraints(max_length=500), NO_NUL]
Words = Annotated[list[Word], Form(max_length=ROWS_MAX)]
Named = Annotated[str | None, Query(max_length=20, alias="version")]


@router.get("/recipes")
async def recipes(request: Request, who: Viewer) -> HTMLResponse:
    asked = {"may_edit": who.may(Permission.manage_master_data), "now": who.database.clock()}
    page, zone = await who.read(_recipes, **asked)
    return _page(request, who, "recipes", page, zone)


def _page(
    request: Request,
    who: Caller,
    name: str,
    page: RecipesPage | RecipePage | RecipeFormPage,
    zone: ZoneInfo,
    *,
    status: int = 200,
) -> HTMLResponse:
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render(f"routings/{name}.html", page, language=who.language, shell=shell), status)


def _recipes(session: ReadSession, *, may_edit: bool, now: datetime) -> tuple[RecipesPage, ZoneInfo]:
    zone, found = plant_zone(session), list_work_masters(session, limit=LIMIT_MAX)
    more = found.next_cursor is not None
    return recipes_page(found.items, more=more, may_edit=may_edit, zone=zone, now=now), zone


@router.get("/new-recipe")
async def new(request: Request, who: Engineer) -> HTMLResponse:
    return _page(request, who, "recipe-form", new_recipe(), await who.read(plant_zone))


async def _typed(
    who: Engineer,
    description: Text = "",
    version_label: Label = "",
    from_at: Text = "",
    until_at: Text = "",
    was: Words = [],  # noqa: B006 (FastAPI copies it)
    parameter: Words = [],  # noqa: B006
    value: Words = [],  # noqa: B006
    data_type: Words = [],  # noqa: B006
    unit: Words = [],  # noqa: B006
    low: Words = [],  # noqa: B006
    high: Words = [],  # noqa: B006
) -> RecipeForm:
    """The form without the recipe's id."""
    rows = zip(was, parameter, value, data_type, unit, low, high, strict=False)
    return RecipeForm("", description, version_label, from_at, until_at, [ParameterRow(*row) for row in rows])


Typed = Annotated[RecipeForm, Depends(_typed)]


@router.post("/recipes", form_limits={"max_fields": FIELDS_MAX})
async def create(request: Request, recipe_id: Id, typed: Typed, who: Engineer) -> Response:
    """A recipe with its first version."""
    form, zone = replace(typed, recipe_id=recipe_id), await who.read(plant_zone)
    try:
        await who.write(create_work_master, spec=form.spec(zone))
    except Refusal as refusal:
        return _refused(request, who, new_recipe(), form, refusal, zone)
    return RedirectResponse(recipe_base(recipe_id), status_code=303)


def _refused(
    request: Request, who: Caller, page: RecipeFormPage, form: RecipeForm, refusal: Refusal, zone: ZoneInfo
) -> HTMLResponse:
    words = refusal_words(who.language, refusal)
    said = refused_recipe(page, form, refusal.errors, words.title, words.next_step)
    return _page(request, who, "recipe-form", said, zone, status=refusal.status)


@router.get("/recipes/{recipe_id}")
async def recipe(request: Request, recipe_id: str, who: Viewer, version: Named = None) -> HTMLResponse:
    """One version; the newest if none is named."""
    asked = {"recipe_id": recipe_id, "label": version, "may_edit": who.may(Permission.manage_master_data)}
    page, zone = await who.read(_recipe, **asked, now=who.database.clock())
    return _page(request, who, "recipe", page, zone)


def _recipe(
    session: ReadSession, *, recipe_id: str, label: str | None, may_edit: bool, now: datetime
) -> tuple[RecipePage, ZoneInfo]:
    zone = plant_zone(session)
    version = get_work_master(session, work_master_id=recipe_id, version_label=label)
    versions = get_work_master_versions(session, [recipe_id])[recipe_id]
    uses = list_work_master_uses(session, work_master_id=recipe_id, limit=USES_SHOWN + 1)
    told = {"more_uses": len(uses) > USES_SHOWN, "may_edit": may_edit}
    return recipe_page(version, versions, uses[:USES_SHOWN], **told, zone=zone, now=now), zone


@router.get("/recipes/{recipe_id}/change")
async def change(request: Request, recipe_id: str, who: Engineer, version: Named = None) -> HTMLResponse:
    """The form of the next version, which begins with what the one named says."""
    page, zone = await who.read(_change, recipe_id=recipe_id, label=version)
    return _page(request, who, "recipe-form", page, zone)


def _change(session: ReadSession, *, recipe_id: str, label: str | None) -> tuple[RecipeFormPage, ZoneInfo]:
    zone = plant_zone(session)
    begun = get_work_master(session, work_master_id=recipe_id, version_label=label)
    newest = get_work_master(session, work_master_id=recipe_id)
    return changed_recipe(begun, newest.version_label, zone), zone


@router.post("/recipes/{recipe_id}/versions", form_limits={"max_fields": FIELDS_MAX})
async def make_version(
    request: Request, recipe_id: str, seen_label: Seen, begun: Seen, typed: Typed, who: Engineer
) -> Response:
    """The next version. Saved as it was, it makes none."""
    form = replace(typed, recipe_id=recipe_id)
    page, zone = await who.read(_change, recipe_id=recipe_id, label=begun)
    try:
        await who.write(update_work_master, spec=form.spec(zone), seen_label=seen_label)
    except Refusal as refusal:
        return _refused(request, who, replace(page, seen_label=seen_label), form, refusal, zone)
    return RedirectResponse(recipe_base(recipe_id), status_code=303)


@router.post("/recipes/{recipe_id}/{label}/effectivity")
async def effectivity(
    recipe_id: str, label: str, version: Version, who: Engineer, from_at: Text = "", until_at: Text = ""
) -> Response:
    """When orders may be made with it; the plant's own time."""
    zone = await who.read(plant_zone)
    asked = {"work_master_id": recipe_id, "version_label": label, "version": version}
    await who.write(set_work_master_effectivity, **asked, effectivity=effectivity_of(from_at, until_at, zone))
    return RedirectResponse(recipe_href(recipe_id, label), status_code=303)
