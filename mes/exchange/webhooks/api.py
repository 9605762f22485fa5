"""REST of webhooks, for administrators: kept, tried, looked into, sent again."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from mes.access.door import Caller, caller
from mes.access.door.pages import Cursor, Limit, PageOf, page_out
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.exchange.webhooks import queries, service
from mes.exchange.webhooks.schemas import (
    AttemptOut,
    DeliveryOut,
    DeliveryPage,
    ReplayIn,
    ReplayOut,
    StateName,
    WebhookChange,
    WebhookIn,
    WebhookOut,
    WebhookWithSecret,
)
from mes.exchange.webhooks.sending import Sender
from mes.exchange.webhooks.types import DeliveryState
from mes.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX

router = api_router("webhooks")
Keeper = Annotated[Caller, Depends(caller(Permission.manage_webhooks))]


async def sender_of(request: Request) -> Sender:
    """What the composition root made to send with."""
    sender: Sender = request.app.state.webhook_sender
    return sender


TheSender = Annotated[Sender, Depends(sender_of)]


@router.get("/webhooks")
async def list_webhooks(caller: Keeper, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> PageOf[WebhookOut]:
    """Webhooks by id, and how each stands."""
    found = await caller.read(queries.list_webhooks)
    return page_out(found, WebhookOut.of, cursor=cursor, limit=limit, key=lambda one: one.webhook_id)


@router.post("/webhooks", status_code=201, openapi_extra=refuses("webhook-exists webhook-invalid webhook-not-found"))
async def create_webhook(caller: Keeper, sender: TheSender, body: WebhookIn, response: Response) -> WebhookWithSecret:
    """A new webhook, told everything that happens from now on. The answer is the only place its secret appears."""
    secret, sealed = sender.fresh_secret()
    await caller.write(service.create_webhook, spec=body.spec(), sealed_secret=sealed)
    response.headers["Location"] = f"/api/v1/webhooks/{body.id}"
    return await _with_secret(caller, body.id, secret, response)


@router.get("/webhooks/{webhook_id}", openapi_extra=refuses("webhook-not-found"))
async def get_webhook(caller: Keeper, webhook_id: str, response: Response) -> WebhookOut:
    """One webhook."""
    return await _shown(caller, webhook_id, response)


@router.put("/webhooks/{webhook_id}", openapi_extra=refuses("webhook-invalid webhook-not-found"))
async def update_webhook(
    caller: Keeper, webhook_id: str, body: WebhookChange, response: Response, if_match: IfMatch = None
) -> WebhookOut:
    """Make a webhook as described. Switched off it loses nothing: on again, it goes on where it stopped."""
    version = expected_version(if_match, body.version)
    await caller.write(service.change_webhook, spec=body.spec(webhook_id), version=version)
    return await _shown(caller, webhook_id, response)


@router.delete("/webhooks/{webhook_id}", status_code=204, openapi_extra=refuses("webhook-not-found"))
async def remove_webhook(caller: Keeper, webhook_id: str) -> None:
    """Remove a webhook with everything that waits for it."""
    await caller.write(service.remove_webhook, webhook_id=webhook_id)


@router.post("/webhooks/{webhook_id}/secret", openapi_extra=refuses("webhook-not-found"))
async def replace_webhook_secret(
    caller: Keeper, sender: TheSender, webhook_id: str, response: Response
) -> WebhookWithSecret:
    """A new secret, shown once. For a day every request is signed with both."""
    secret, sealed = sender.fresh_secret()
    await caller.write(service.replace_secret, webhook_id=webhook_id, sealed_secret=sealed)
    return await _with_secret(caller, webhook_id, secret, response)


@router.post("/webhooks/{webhook_id}/test", openapi_extra=refuses("webhook-not-found"))
async def test_webhook(caller: Keeper, sender: TheSender, webhook_id: str) -> AttemptOut:
    """Send one signed trial message (`exchange.webhook-test.v1`) now, and say what came of it. Nothing is recorded."""
    message = await caller.read(queries.get_trial_message, webhook_id=webhook_id, now=caller.database.clock())
    return AttemptOut.of(await sender.send(message))


@router.get("/webhooks/{webhook_id}/deliveries", openapi_extra=refuses("webhook-not-found"))
async def list_webhook_deliveries(
    caller: Keeper,
    webhook_id: str,
    state: StateName | None = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> DeliveryPage:
    """What was sent, waits, or was given up, newest first. What was delivered is listed for a week."""
    wanted = None if state is None else DeliveryState[state]
    page = await caller.read(queries.list_deliveries, webhook_id=webhook_id, state=wanted, cursor=cursor, limit=limit)
    return DeliveryPage(items=[DeliveryOut.of(view) for view in page.items], next_cursor=page.next_cursor)


@router.post("/webhooks/{webhook_id}/replay", openapi_extra=refuses("webhook-not-found"))
async def replay_webhook_deliveries(caller: Keeper, webhook_id: str, body: ReplayIn) -> ReplayOut:
    """Send dead deliveries again."""
    ids = None if body.delivery_ids is None else tuple(body.delivery_ids)
    replayed = await caller.write(service.replay_deliveries, webhook_id=webhook_id, delivery_ids=ids)
    return ReplayOut(replayed=replayed)


async def _shown(caller: Caller, webhook_id: str, response: Response) -> WebhookOut:
    view = await caller.read(queries.get_webhook, webhook_id=webhook_id)
    response.headers["ETag"] = etag(view.version)
    return WebhookOut.of(view)


async def _with_secret(caller: Caller, webhook_id: str, secret: str, response: Response) -> WebhookWithSecret:
    shown = await _shown(caller, webhook_id, response)
    return WebhookWithSecret(**shown.model_dump(), secret=secret)
