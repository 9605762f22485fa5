"""Pages on which a supervisor changes an order or one of its jobs, and what the forms there do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import uuid4
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.definitions.queries import list_scrap_reasons
from mes.equipment.queries import list_equipment
from mes.genealogy.may_i.service import let_program
from mes.kernel.db import ReadSession
from mes.kernel.errors import BadRequest
from mes.kernel.paging import LIMIT_MAX
from mes.kernel.texts import NO_NUL
from mes.orders import service
from mes.orders.errors import QuantityInvalid
from mes.orders.following.queries import get_job_parameters
from mes.orders.planning.queries import list_material_needs
from mes.orders.queries import get_job, get_operations_request, list_counts, list_job_links
from mes.orders.types import CountKind, Remainder
from mes.quality.first_article import service as first_article
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.orders.change_views import JobChange, OrderChange, job_change, order_change, rework_places
from web.orders.views import base_of
from web.templating import render
from web.typed import seen_version, typed_number

COUNTS_MAX: Final = 5_000
"""Facts of a job that a correction looks at."""
LINES_MAX: Final = 50
PARAMETERS_MAX: Final = 200

router = screen_router()
Supervisor = Annotated[Caller, Depends(caller(Permission.release_jobs))]
Decider = Annotated[Caller, Depends(caller(Permission.decide_quality))]
Overrider = Annotated[Caller, Depends(caller(Permission.override_refusals))]
Id = Annotated[str, Form(max_length=250)]
Program = Annotated[str, Form(max_length=100), NO_NUL]
Text = Annotated[str, Form(max_length=500)]
Number = Annotated[str, Form(max_length=30)]
Numbers = Annotated[list[Number], Form(max_length=LINES_MAX)]
Version = Annotated[int, Form(ge=0, le=2**31 - 1)]
RequestId = Annotated[str, Form(min_length=8, max_length=90)]
Act = Literal["hold", "lift-hold", "split", "split-rest", "cancel", "complete", "merge"]


class FormUnreadable(BadRequest):
    """A field of a form is not what the page put there."""

    code = "form-unreadable"
    title = "The form cannot be read"
    next_step = "Load the page again."


@router.get("/orders/{order_id}/change")
async def change_page(request: Request, order_id: str, who: Supervisor) -> HTMLResponse:
    view, zone = await who.read(_order, order_id=order_id, now=who.database.clock())
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("orders/change.html", view, language=who.language, shell=shell))


def _order(session: ReadSession, *, order_id: str, now: datetime) -> tuple[OrderChange, ZoneInfo]:
    card = get_operations_request(session, operations_request_id=order_id, now=now)
    needs = list_material_needs(session, job_pks=[job.pk for job in card.jobs if job.waits], now=now)
    zone = plant_zone(session)
    return order_change(card, needs, zone), zone


@router.get("/orders/{order_id}/job")
async def job_page(request: Request, order_id: str, job_id: str, who: Supervisor) -> HTMLResponse:
    view, zone = await who.read(_job, order_id=order_id, job_id=job_id, now=who.database.clock())
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("orders/job.html", view, language=who.language, shell=shell))


def _job(session: ReadSession, *, order_id: str, job_id: str, now: datetime) -> tuple[JobChange, ZoneInfo]:
    job = get_job(session, job_id=job_id, now=now)
    card = get_operations_request(session, operations_request_id=order_id, now=now)
    counts = list_counts(session, job_pks=[job.pk], limit=COUNTS_MAX)
    reasons = {r.reason_id: r.description or r.reason_id for r in list_scrap_reasons(session)}
    places = list_equipment(session, limit=LIMIT_MAX).items
    stations = rework_places(places)
    zone, links = plant_zone(session), list_job_links(session, job_pk=job.pk)
    parameters = get_job_parameters(session, job_pk=job.pk)
    local = now.astimezone(zone)
    return job_change(job, card, counts, reasons, stations, local, uuid4().hex, links, parameters), zone


@router.post("/orders/{order_id}/change")
async def change(
    order_id: str,
    revision: Version,
    reason: Text,
    priority: Annotated[int, Form(ge=0, le=100)],
    who: Supervisor,
    due_at: Annotated[str, Form(max_length=30)] = "",
) -> Response:
    """Priority and due date as the form has them; without a date there is none."""
    zone = await who.read(plant_zone)
    await who.write(
        service.change_order,
        operations_request_id=order_id,
        revision=revision,
        reason=reason,
        priority=priority,
        due_at=_local_time(due_at, zone),
    )
    return _back(order_id)


@router.post("/orders/{order_id}/release")
async def release(
    order_id: str,
    job: Annotated[list[str], Form(min_length=1, max_length=200)],
    who: Supervisor,
    shortage_reason: Text = "",
) -> Response:
    """Permit all jobs that wait for it; where material is short, with a reason."""
    seen = dict(seen_version(one, FormUnreadable) for one in job)
    await who.write(service.release_jobs, versions=seen, shortage_reason=shortage_reason)
    return _back(order_id)


@router.post("/orders/{order_id}/cancel")
async def cancel(order_id: str, revision: Version, reason: Text, who: Supervisor) -> Response:
    await who.write(service.cancel_order, operations_request_id=order_id, revision=revision, reason=reason)
    return _back(order_id)


@router.post("/orders/{order_id}/split")
async def split(order_id: str, revision: Version, quantity: Number, reason: Text, who: Supervisor) -> Response:
    await who.write(
        service.split_order,
        operations_request_id=order_id,
        revision=revision,
        quantity=_number(quantity),
        reason=reason,
    )
    return _back(order_id)


@router.post("/orders/{order_id}/correct")
async def correct(
    order_id: str,
    job_id: Id,
    request_id: RequestId,
    reason: Text,
    good: Number,
    was_good: Number,
    who: Supervisor,
    reason_id: Annotated[list[str], Form(max_length=LINES_MAX)] = [],  # noqa: B006
    scrap: Numbers = [],  # noqa: B006
    was: Numbers = [],  # noqa: B006
) -> Response:
    """The right numbers against those the form showed: the difference is what is corrected."""
    if not len(reason_id) == len(scrap) == len(was):
        raise FormUnreadable()
    lines = [service.Correction(CountKind.good, _number(good) - _number(was_good), was=_number(was_good))]
    for key, wanted, shown in zip(reason_id, scrap, was, strict=True):
        lines.append(service.Correction(CountKind.scrap, _number(wanted) - _number(shown), key, _number(shown)))
    changed = [line for line in lines if line.quantity]
    await who.write(service.correct_counts, job_id=job_id, corrections=changed, reason=reason, request_id=request_id)
    return _back(order_id)


@router.post("/orders/{order_id}/rework")
async def rework(
    order_id: str,
    job_id: Id,
    request_id: RequestId,
    quantity: Number,
    reason_id: Id,
    equipment_id: Id,
    return_segment_id: Id,
    who: Supervisor,
) -> Response:
    await who.write(
        service.send_to_rework,
        job_id=job_id,
        quantity=_number(quantity),
        reason_id=reason_id,
        equipment_id=equipment_id,
        return_segment_id=return_segment_id,
        request_id=request_id,
    )
    return _back(order_id)


@router.post("/orders/{order_id}/first-article")
async def decide_first_article(
    order_id: str,
    job_id: Id,
    version: Version,
    outcome: Annotated[Literal["passed", "failed"], Form()],
    who: Decider,
    note: Text = "",
) -> Response:
    """The first pieces are good, or not."""
    seen = {"job_id": job_id, "version": version}
    await who.write(first_article.decide_first_article, **seen, passed=outcome == "passed", note=note)
    return _back(order_id)


@router.post("/orders/{order_id}/first-article/ask")
async def ask_first_article(
    order_id: str, job_id: Id, version: Version, reason: Text, who: Decider, pieces: Number = ""
) -> Response:
    """A new first article is wanted; empty: of as many pieces as the step asks for."""
    seen = {"job_id": job_id, "version": version, "reason": reason}
    await who.write(service.ask_first_article, **seen, pieces=_number(pieces) if pieces.strip() else None)
    return _back(order_id)


@router.post("/orders/{order_id}/program")
async def let_another_program(
    order_id: str,
    job_id: Id,
    request_id: RequestId,
    reason: Text,
    who: Overrider,
    program: Program = "",
    program_revision: Program = "",
) -> Response:
    """The job may be made with a program that it does not ask for."""
    told = {"program": program.strip(), "program_revision": program_revision.strip()}
    await who.write(let_program, job_id=job_id, **told, reason=reason, request_id=request_id)
    return _back(order_id)


@router.post("/orders/{order_id}/parameters")
async def set_parameters(
    order_id: str,
    job_id: Id,
    version: Version,
    reason: Text,
    who: Supervisor,
    parameter: Annotated[list[Id], Form(max_length=PARAMETERS_MAX)],
    value: Annotated[list[Text], Form(max_length=PARAMETERS_MAX)],
    was: Annotated[list[Text], Form(max_length=PARAMETERS_MAX)],
) -> Response:
    """The parameters of one job as the form has them; an empty field is as the recipe has it again."""
    if not len(parameter) == len(value) == len(was):
        raise FormUnreadable()
    typed = zip(parameter, value, was, strict=True)
    changed = {name: text.strip() or None for name, text, before in typed if text.strip() != before}
    if changed:
        await who.write(service.change_job_parameters, job_id=job_id, version=version, values=changed, reason=reason)
    return _back(order_id)


@router.post("/orders/{order_id}/job/{act}")
async def act(
    order_id: str,
    act: Act,
    job_id: Id,
    version: Version,
    who: Supervisor,
    reason: Text = "",
    quantity: Number = "",
    remainder: Annotated[Remainder, Form()] = Remainder.closed,
    other: Annotated[str, Form(max_length=270)] = "",
) -> Response:
    """A transition of one job; it carries the version that was seen, so a second tap is refused."""
    seen: dict[str, Any] = {"job_id": job_id, "version": version}
    match act:
        case "hold" | "lift-hold" | "split-rest" | "cancel":
            await who.write(_WITH_REASON[act], **seen, reason=reason)
        case "split":
            await who.write(service.split_job, **seen, quantity=_number(quantity), reason=reason)
        case "complete":
            await who.write(service.complete_job, **seen, remainder=remainder, accepted_reason=reason)
        case "merge":
            versions = {job_id: version, **dict([seen_version(other, FormUnreadable)])}
            await who.write(service.merge_jobs, into=job_id, versions=versions, reason=reason)
    return _back(order_id)


_WITH_REASON: Final[dict[str, Callable[..., Any]]] = {
    "hold": service.hold_job,
    "lift-hold": service.lift_hold,
    "split-rest": service.split_rest,
    "cancel": service.cancel_job,
}


def _back(order_id: str) -> Response:
    return RedirectResponse(base_of(order_id), status_code=303)


def _number(text: str) -> Decimal:
    return typed_number(text, QuantityInvalid)


def _local_time(text: str, zone: ZoneInfo) -> datetime | None:
    """What a date and time field sends, in the plant's zone; None where it is empty."""
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError as error:
        raise FormUnreadable() from error
