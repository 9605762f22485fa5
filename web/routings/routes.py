"""Routings on screen: look, draw up the next version, put it into force. All of it is plain forms."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import Depends, File, Form, Query, Request, UploadFile
from pydantic import StringConstraints
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.definitions.errors import OperationsDefinitionInvalid, SegmentNotFound
from mes.definitions.queries import (
    ResolvedDefinition,
    ResolvedSegment,
    WorkMasterView,
    get_definition,
    get_definition_versions,
    get_work_master,
    get_work_master_versions,
    list_definitions,
    list_work_masters,
)
from mes.definitions.service import (
    add_draft_instruction,
    begin_draft,
    create_definition,
    drop_draft_instruction,
    drop_draft_segment,
    put_draft_segment,
    set_definition_effectivity,
    set_definition_state,
    set_draft_tolerances,
)
from mes.definitions.types import DOCUMENT_MAX_BYTES, DefinitionSpec, DefinitionState, InstructionSpec, SegmentSpec
from mes.equipment.queries import list_equipment
from mes.kernel.db import ReadSession
from mes.kernel.errors import Refusal
from mes.kernel.paging import LIMIT_MAX
from mes.kernel.texts import NO_NUL
from mes.materials.queries import get_materials, list_materials
from mes.personnel.queries import list_personnel_classes
from mes.quality.queries import list_requirements
from standards.isa95.equipment_hierarchy import WORK_CENTER_LEVELS, WORK_UNIT_LEVELS
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.routings.forms import MaterialRow, StepForm, ToleranceForm, effectivity_of, segment_of
from web.routings.views import (
    Option,
    RoutingPage,
    RoutingsPage,
    StepPage,
    refused_step,
    refused_tolerances,
    routing_page,
    routings_page,
    step_page,
    version_href,
)
from web.templating import render
from web.wording import RefusalWords, refusal_words

ROWS_MAX: Final = 2_010
"""Rows of one kind: a step has at most 2,000 materials, and some rows are still empty."""
STEP_FIELDS_MAX: Final = ROWS_MAX * 6
"""Of the form of a step: five a material, and what else it has."""
SHOWN: Final = 200
router = screen_router()
Viewer = Annotated[Caller, Depends(caller(Permission.view_routings))]
Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]


Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"), Form()]
Text = Annotated[str, Form(max_length=500), NO_NUL]
LongText = Annotated[str, Form(max_length=4_000), NO_NUL]
Title = Annotated[str, Form(min_length=1, max_length=200), NO_NUL]
Version = Annotated[int, Form(ge=0, le=2**31)]
Word = Annotated[str, StringConstraints(max_length=250), NO_NUL]
Words = Annotated[list[Word], Form(max_length=ROWS_MAX)]
State = Literal["Released", "Obsolete"]


@router.get("/routings")
async def routings(request: Request, who: Viewer) -> HTMLResponse:
    may_edit = who.may(Permission.manage_master_data)
    page, zone = await who.read(_routings, may_edit=may_edit, now=who.database.clock())
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("routings/page.html", page, language=who.language, shell=shell))


def _routings(session: ReadSession, *, may_edit: bool, now: datetime) -> tuple[RoutingsPage, ZoneInfo]:
    zone, found = plant_zone(session), list_definitions(session, limit=SHOWN)
    page = routings_page(
        found.items,
        more=found.next_cursor is not None,
        may_edit=may_edit,
        choices=_choices(session),
        zone=zone,
        now=now,
    )
    return page, zone


def _choices(session: ReadSession) -> dict[str, list[Option]]:
    """What the fields of a step choose among."""
    levels = WORK_CENTER_LEVELS | WORK_UNIT_LEVELS
    places = [e for e in list_equipment(session, limit=LIMIT_MAX).items if e.level in levels]
    recipes = {w.work_master_id: w.description for w in list_work_masters(session, limit=LIMIT_MAX).items}
    materials = list_materials(session, limit=LIMIT_MAX).items
    classes = list_personnel_classes(session, limit=LIMIT_MAX).items
    return {
        "places": [_option(e.equipment_id, e.description) for e in places],
        "work_masters": [Option(name, words) for name, words in recipes.items()],
        "materials": [Option(m.material_id, f"{m.description or m.material_id} ({m.unit})") for m in materials],
        "classes": [_option(c.id, c.description) for c in classes],
    }


def _option(value: str, words: str) -> Option:
    return Option(value, f"{value} – {words}" if words and words != value else value)


@router.post("/routings")
async def create(
    definition_id: Id,
    material_id: Id,
    segment_id: Id,
    work_master_id: Id,
    equipment_id: Id,
    who: Engineer,
    description: Text = "",
) -> Response:
    """A new routing with its first step, as a draft."""
    step = SegmentSpec(segment_id, work_master_id, equipment_id)
    spec = DefinitionSpec(definition_id, material_id, (step,), None, description.strip(), DefinitionState.Draft)
    await who.write(create_definition, spec=spec)
    return _to(definition_id, "1")


def _to(definition_id: str, label: str) -> Response:
    return RedirectResponse(version_href(definition_id, label), status_code=303)


@router.get("/routings/{definition_id}")
async def routing(
    request: Request, definition_id: str, who: Viewer, version: Annotated[str | None, Query(max_length=20)] = None
) -> HTMLResponse:
    """One version; the newest if none is named."""
    asked = {"definition_id": definition_id, "label": version, "may_edit": who.may(Permission.manage_master_data)}
    page, zone = await who.read(_routing, **asked, now=who.database.clock())
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("routings/routing.html", page, language=who.language, shell=shell))


def _routing(
    session: ReadSession, *, definition_id: str, label: str | None, may_edit: bool, now: datetime
) -> tuple[RoutingPage, ZoneInfo]:
    zone = plant_zone(session)
    version = get_definition(session, definition_id=definition_id, version_label=label)
    versions = get_definition_versions(session, [definition_id])[definition_id]
    recipes = _recipes(session, version)
    checks = {asked.work_master_id: asked.unit_check for asked in list_requirements(session)}
    return routing_page(version, versions, recipes, checks, may_edit=may_edit, zone=zone, now=now), zone


def _recipes(session: ReadSession, version: ResolvedDefinition) -> dict[tuple[str, str], WorkMasterView]:
    found = get_work_master_versions(session, {s.work_master_id for s in version.segments})
    return {(v.work_master_id, v.version_label): v for versions in found.values() for v in versions}


@router.post("/routings/{definition_id}/{label}/draft")
async def draft(definition_id: str, label: str, who: Engineer) -> Response:
    """The next version, which begins with what this one says."""
    made = await who.write(begin_draft, definition_id=definition_id, from_label=label)
    return _to(definition_id, made)


@router.post("/routings/{definition_id}/{label}/state")
async def state(
    definition_id: str, label: str, state: Annotated[State, Form()], version: Version, who: Engineer
) -> Response:
    """Put a version into force, or withdraw it."""
    asked = {"definition_id": definition_id, "version_label": label, "version": version}
    await who.write(set_definition_state, **asked, state=DefinitionState(state))
    return _to(definition_id, label)


@router.post("/routings/{definition_id}/{label}/effectivity")
async def effectivity(
    definition_id: str, label: str, version: Version, who: Engineer, from_at: Text = "", until_at: Text = ""
) -> Response:
    """When new orders take it; the plant's own time."""
    zone = await who.read(plant_zone)
    asked = {"definition_id": definition_id, "version_label": label, "version": version}
    await who.write(set_definition_effectivity, **asked, effectivity=effectivity_of(from_at, until_at, zone))
    return _to(definition_id, label)


@router.post("/routings/{definition_id}/{label}/tolerance")
async def tolerance(
    request: Request,
    definition_id: str,
    label: str,
    version: Version,
    who: Engineer,
    under_percent: Text = "",
    over_percent: Text = "",
) -> Response:
    """What orders may deliver less or more than asked. What is no tolerance is told at its field."""
    form = ToleranceForm(under_percent, over_percent)
    asked = {"definition_id": definition_id, "version_label": label, "version": version}
    try:
        await who.write(set_draft_tolerances, **asked, **form.values())
    except OperationsDefinitionInvalid as refusal:
        seen = {"definition_id": definition_id, "label": label, "may_edit": True, "now": who.database.clock()}
        page, zone = await who.read(_routing, **seen)
        said = refused_tolerances(page, asdict(form), refusal.errors)
        if not said.refused:
            raise
        shell = shell_of(request, who, zone=zone)
        return HTMLResponse(render("routings/routing.html", said, language=who.language, shell=shell), refusal.status)
    return _to(definition_id, label)


@router.get("/routings/{definition_id}/{label}/step")
async def step(
    request: Request,
    definition_id: str,
    label: str,
    who: Engineer,
    segment: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """The form of a step; of a new one where none is named."""
    page, zone = await who.read(_step, definition_id=definition_id, label=label, segment_id=segment)
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("routings/step.html", page, language=who.language, shell=shell))


def _step(session: ReadSession, *, definition_id: str, label: str, segment_id: str) -> tuple[StepPage, ZoneInfo]:
    version = get_definition(session, definition_id=definition_id, version_label=label)
    segment = _segment(version, segment_id) if segment_id else None
    recipe = None
    if segment is not None:
        named = {"work_master_id": segment.work_master_id, "version_label": segment.work_master_version}
        recipe = get_work_master(session, **named)
    return step_page(version, segment, recipe, _choices(session)), plant_zone(session)


def _segment(version: ResolvedDefinition, segment_id: str) -> ResolvedSegment:
    found = next((s for s in version.segments if s.id == segment_id), None)
    if found is None:
        raise SegmentNotFound(f"There is no step {segment_id!r}.")
    return found


@router.post("/routings/{definition_id}/{label}/step", form_limits={"max_fields": STEP_FIELDS_MAX})
async def save_step(
    request: Request,
    definition_id: str,
    label: str,
    version: Version,
    segment_id: Id,
    work_master_id: Id,
    equipment_id: Id,
    who: Engineer,
    description: Text = "",
    quantity_per_cycle: Text = "1",
    cycle_unit: Annotated[str, Form(max_length=20), NO_NUL] = "",
    nominal_cycle_s: Text = "",
    first_article: Annotated[str, Form(max_length=20)] = "",
    alternative: Words = [],  # noqa: B006 (FastAPI copies it)
    after: Words = [],  # noqa: B006
    personnel_class: Words = [],  # noqa: B006
    parameter: Words = [],  # noqa: B006
    value: Words = [],  # noqa: B006
    material: Words = [],  # noqa: B006
    use: Words = [],  # noqa: B006
    quantity: Words = [],  # noqa: B006
    allowance: Words = [],  # noqa: B006
    substitutes: Words = [],  # noqa: B006
) -> Response:
    """Change a step of a draft, or add it at the end; its instruction stays. What is refused stays in its fields."""
    rows = zip([name.strip() for name in material], use, quantity, allowance, substitutes, strict=False)
    form = StepForm(
        segment_id=segment_id,
        description=description,
        work_master_id=work_master_id,
        equipment_id=equipment_id,
        alternatives=alternative,
        quantity_per_cycle=quantity_per_cycle,
        cycle_unit=cycle_unit,
        nominal_cycle_s=nominal_cycle_s,
        first_article=first_article,
        after=after,
        personnel_class_ids=personnel_class,
        parameters=list(zip(parameter, value, strict=False)),
        materials=[MaterialRow(*row) for row in rows],
    )
    kept = await who.read(_instructions, definition_id=definition_id, label=label, segment_id=segment_id)
    asked = {"definition_id": definition_id, "version_label": label, "version": version}
    try:
        await who.write(put_draft_segment, **asked, segment=segment_of(form, kept))
    except Refusal as refusal:
        page, zone = await who.read(_refused_step, **asked, form=form, words=refusal_words(who.language, refusal))
        shell = shell_of(request, who, zone=zone)
        return HTMLResponse(render("routings/step.html", page, language=who.language, shell=shell), refusal.status)
    return _to(definition_id, label)


def _refused_step(
    session: ReadSession, *, definition_id: str, version_label: str, version: int, form: StepForm, words: RefusalWords
) -> tuple[StepPage, ZoneInfo]:
    """It goes on from the version that was seen: what somebody else changed meanwhile is not overwritten."""
    segments = get_definition(session, definition_id=definition_id, version_label=version_label).segments
    present = form.segment_id if any(s.id == form.segment_id for s in segments) else ""
    page, zone = _step(session, definition_id=definition_id, label=version_label, segment_id=present)
    known = get_materials(session, [row.material_id for row in form.materials])
    said = words.detail if words.detail_fits else words.next_step
    return refused_step(replace(page, version=version), form, known.keys(), words.title, said), zone


def _instructions(
    session: ReadSession, *, definition_id: str, label: str, segment_id: str
) -> tuple[InstructionSpec, ...]:
    version = get_definition(session, definition_id=definition_id, version_label=label)
    return tuple(i.spec for s in version.segments if s.id == segment_id for i in s.instructions)


@router.post("/routings/{definition_id}/{label}/drop-step")
async def drop_step(definition_id: str, label: str, version: Version, segment_id: Id, who: Engineer) -> Response:
    """Take a step out of a draft."""
    asked = {"definition_id": definition_id, "version_label": label, "version": version}
    await who.write(drop_draft_segment, **asked, segment_id=segment_id)
    return _to(definition_id, label)


@router.post("/routings/{definition_id}/{label}/instruction")
async def add_instruction(
    definition_id: str,
    label: str,
    version: Version,
    segment_id: Id,
    title: Title,
    who: Engineer,
    text: LongText = "",
    document: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Add a step to the work instruction of a step of a draft, with a picture or a PDF."""
    content = b"" if document is None else await document.read(DOCUMENT_MAX_BYTES + 1)
    asked = {"definition_id": definition_id, "version_label": label, "version": version, "segment_id": segment_id}
    await who.write(add_draft_instruction, **asked, title=title.strip(), text=text.strip(), content=content)
    return _to(definition_id, label)


@router.post("/routings/{definition_id}/{label}/drop-instruction")
async def drop_instruction(
    definition_id: str,
    label: str,
    version: Version,
    segment_id: Id,
    number: Annotated[int, Form(ge=1, le=1_000)],
    who: Engineer,
) -> Response:
    """Take a step out of the work instruction of a step of a draft."""
    asked = {"definition_id": definition_id, "version_label": label, "version": version, "segment_id": segment_id}
    await who.write(drop_draft_instruction, **asked, sequence=number)
    return _to(definition_id, label)
