"""Webhooks on screen, for administrators. Plain forms; a secret is in one answer and never again."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.exchange.webhooks import queries, service
from mes.exchange.webhooks.errors import WebhookInvalid
from mes.exchange.webhooks.sending import Sender
from mes.exchange.webhooks.types import DeliveryState, DeliveryView, WebhookSpec, WebhookView
from mes.kernel.addresses import URL_MAX
from mes.kernel.db import ReadSession
from mes.kernel.errors import Refusal
from mes.kernel.limits import ID_MAX
from mes.kernel.texts import NO_NUL
from web.components.plant_time import plant_zone
from web.layouts.shell import shell_of
from web.templating import render
from web.webhooks.views import Answer, Typed, base_of, hook_page, hooks_page, trial_answer
from web.wording import RefusalWords, refusal_words

router = screen_router()
Keeper = Annotated[Caller, Depends(caller(Permission.manage_webhooks))]
Address = Annotated[str, Form(max_length=URL_MAX), NO_NUL]
Types = Annotated[str, Form(max_length=5_000), NO_NUL]
Words = Annotated[str, Form(max_length=500), NO_NUL]
Flag = Annotated[bool, Form()]
Version = Annotated[int, Form(ge=1, le=2**31)]
NewId = Annotated[str, Form(min_length=1, max_length=ID_MAX, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
SHOWN: Final = 50
NO_STORE: Final = {"Cache-Control": "no-store"}


@router.get("/webhooks")
async def webhooks(request: Request, who: Keeper) -> HTMLResponse:
    """Webhooks and how each stands."""
    return await _listed(request, who, Typed(), None)


@router.post("/webhooks")
async def create(
    request: Request,
    who: Keeper,
    webhook_id: NewId,
    url: Address,
    event_types: Types,
    description: Words = "",
    private_addresses: Flag = False,
) -> Response:
    """A new webhook; this answer has its secret."""
    secret, sealed = _sender(request).fresh_secret()
    spec = WebhookSpec(webhook_id, url.strip(), _types(event_types), description, True, private_addresses)
    try:
        await who.write(service.create_webhook, spec=spec, sealed_secret=sealed)
    except Refusal as refusal:
        typed = Typed(webhook_id, url, event_types, description, private_addresses)
        return await _listed(request, who, typed, refusal_words(who.language, refusal), status=refusal.status)
    return await _shown(request, who, webhook_id, secret=secret)


def _types(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


@router.get("/webhooks/{webhook_id}")
async def webhook(request: Request, webhook_id: str, who: Keeper) -> HTMLResponse:
    """One webhook: what it is, what waits for it, what was given up."""
    return await _shown(request, who, webhook_id)


@router.post("/webhooks/{webhook_id}")
async def change(
    request: Request,
    webhook_id: str,
    who: Keeper,
    version: Version,
    url: Address,
    event_types: Types,
    description: Words = "",
    private_addresses: Flag = False,
) -> Response:
    """Make it what the form says."""
    view = await who.read(queries.get_webhook, webhook_id=webhook_id)
    spec = WebhookSpec(webhook_id, url.strip(), _types(event_types), description, view.active, private_addresses)
    try:
        await who.write(service.change_webhook, spec=spec, version=version)
    except WebhookInvalid as refusal:
        return await _shown(request, who, webhook_id, said=refusal_words(who.language, refusal), status=refusal.status)
    return RedirectResponse(base_of(webhook_id), status_code=303)


@router.post("/webhooks/{webhook_id}/active")
async def switch(webhook_id: str, who: Keeper, version: Version, active: Flag) -> Response:
    """Pause it, or let it go on where it stopped."""
    view = await who.read(queries.get_webhook, webhook_id=webhook_id)
    spec = replace(_spec_of(view), active=active)
    await who.write(service.change_webhook, spec=spec, version=version)
    return RedirectResponse(base_of(webhook_id), status_code=303)


def _spec_of(view: WebhookView) -> WebhookSpec:
    return WebhookSpec(
        view.webhook_id, view.url, view.event_types, view.description, view.active, view.private_addresses
    )


@router.post("/webhooks/{webhook_id}/test")
async def test(request: Request, webhook_id: str, who: Keeper) -> HTMLResponse:
    """Send a trial message now, and say what came of it. Nothing is recorded."""
    message = await who.read(queries.get_trial_message, webhook_id=webhook_id, now=who.database.clock())
    outcome = await _sender(request).send(message)
    return await _shown(request, who, webhook_id, trial=trial_answer(outcome))


@router.post("/webhooks/{webhook_id}/secret")
async def replace_secret(request: Request, webhook_id: str, who: Keeper) -> HTMLResponse:
    """Another secret, in this answer; the one before signs beside it for a day."""
    secret, sealed = _sender(request).fresh_secret()
    await who.write(service.replace_secret, webhook_id=webhook_id, sealed_secret=sealed)
    return await _shown(request, who, webhook_id, secret=secret)


@router.post("/webhooks/{webhook_id}/replay")
async def replay(
    webhook_id: str, who: Keeper, delivery_id: Annotated[int | None, Form(ge=1, le=2**62)] = None
) -> Response:
    """Send what was given up again: one delivery, or all."""
    wanted = None if delivery_id is None else (delivery_id,)
    await who.write(service.replay_deliveries, webhook_id=webhook_id, delivery_ids=wanted)
    return RedirectResponse(base_of(webhook_id), status_code=303)


@router.post("/webhooks/{webhook_id}/remove")
async def remove(webhook_id: str, who: Keeper) -> Response:
    """Remove it with everything that waits for it."""
    await who.write(service.remove_webhook, webhook_id=webhook_id)
    return RedirectResponse("/webhooks", status_code=303)


def _sender(request: Request) -> Sender:
    sender: Sender = request.app.state.webhook_sender
    return sender


async def _listed(
    request: Request, who: Caller, typed: Typed, said: RefusalWords | None, *, status: int = 200
) -> HTMLResponse:
    hooks, answers, zone = await who.read(_all)
    page = hooks_page(hooks, answers, zone, typed, said)
    html = render("webhooks/page.html", page, language=who.language, shell=shell_of(request, who, zone=zone))
    return HTMLResponse(html, status_code=status, headers=NO_STORE)


def _all(session: ReadSession) -> tuple[tuple[WebhookView, ...], dict[str, DeliveryView], ZoneInfo]:
    return queries.list_webhooks(session), queries.list_last_answers(session), plant_zone(session)


async def _shown(
    request: Request,
    who: Caller,
    webhook_id: str,
    *,
    secret: str = "",
    trial: Answer | None = None,
    said: RefusalWords | None = None,
    status: int = 200,
) -> HTMLResponse:
    hook, dead, waiting, zone = await who.read(_one, webhook_id=webhook_id)
    page = hook_page(hook, dead, waiting, zone, secret=secret, trial=trial, said=said)
    html = render("webhooks/webhook.html", page, language=who.language, shell=shell_of(request, who, zone=zone))
    return HTMLResponse(html, status_code=status, headers=NO_STORE)


Deliveries = tuple[DeliveryView, ...]


def _one(session: ReadSession, *, webhook_id: str) -> tuple[WebhookView, Deliveries, Deliveries, ZoneInfo]:
    hook = queries.get_webhook(session, webhook_id=webhook_id)
    dead, waiting = (
        queries.list_deliveries(session, webhook_id=webhook_id, state=state, cursor=None, limit=SHOWN).items
        for state in (DeliveryState.dead, DeliveryState.waiting)
    )
    return hook, dead, waiting, plant_zone(session)
