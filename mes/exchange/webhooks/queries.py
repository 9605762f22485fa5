"""Reads of webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlmodel import Session
from uuid_utils import uuid7

from mes.exchange.feed.rules import is_wanted
from mes.exchange.webhooks.errors import WebhookNotFound
from mes.exchange.webhooks.tables import Webhook, WebhookDelivery
from mes.exchange.webhooks.types import EVENTS_A_LOOK, DeliveryState, DeliveryView, Message, WebhookView
from mes.kernel.glance import ReadsRows
from mes.kernel.outbox import head_seq
from mes.kernel.paging import Page, decode_cursor, page_of
from mes.kernel.sqltypes import from_us, from_us_or_none, to_us
from mes.kernel.tables import OutboxEvent

_HOOK: Final = Webhook.__table__  # type: ignore[attr-defined]
_DELIVERY: Final = WebhookDelivery.__table__  # type: ignore[attr-defined]
_EVENT: Final = OutboxEvent.__table__  # type: ignore[attr-defined]


def list_webhooks(session: Session) -> tuple[WebhookView, ...]:
    """All webhooks by id, with what waits and what is dead."""
    return tuple(_views(session, None))


def get_webhook(session: Session, *, webhook_id: str) -> WebhookView:
    """One webhook. `webhook-not-found`."""
    found = _views(session, _HOOK.c.id == webhook_id)
    if not found:
        raise WebhookNotFound(f"There is no webhook {webhook_id!r}.")
    return found[0]


def list_deliveries(
    session: Session, *, webhook_id: str, state: DeliveryState | None, cursor: str | None, limit: int
) -> Page[DeliveryView]:
    """Deliveries of a webhook, newest first. `webhook-not-found`, `bad-cursor`."""
    hook = session.execute(select(_HOOK.c.pk).where(_HOOK.c.id == webhook_id)).scalar()
    if hook is None:
        raise WebhookNotFound(f"There is no webhook {webhook_id!r}.")
    statement = (
        select(_DELIVERY, _EVENT.c.event_id)
        .join(_EVENT, _EVENT.c.seq == _DELIVERY.c.seq)
        .where(_DELIVERY.c.webhook_pk == hook)
        .order_by(_DELIVERY.c.pk.desc())
        .limit(limit + 1)
    )
    if state is not None:
        statement = statement.where(_DELIVERY.c.state == state.value)
    if cursor is not None:
        statement = statement.where(_DELIVERY.c.pk < decode_cursor(cursor, (int,))[0])
    views = [_delivery(row) for row in session.execute(statement)]
    return page_of(views, limit, lambda view: (view.delivery_id,))


def list_last_answers(session: Session) -> dict[str, DeliveryView]:
    """Of the events that were tried the newest, by webhook, and what came of it."""
    last = select(func.max(_DELIVERY.c.pk)).where(_DELIVERY.c.attempts > 0).group_by(_DELIVERY.c.webhook_pk)
    statement = (
        select(_DELIVERY, _EVENT.c.event_id, _HOOK.c.id.label("webhook_id"))
        .join(_EVENT, _EVENT.c.seq == _DELIVERY.c.seq)
        .join(_HOOK, _HOOK.c.pk == _DELIVERY.c.webhook_pk)
        .where(_DELIVERY.c.pk.in_(last))
    )
    return {row.webhook_id: _delivery(row) for row in session.execute(statement)}


def get_trial_message(session: Session, *, webhook_id: str, now: datetime) -> Message:
    """A message to try a webhook with; no event. `webhook-not-found`."""
    row = session.execute(select(_HOOK).where(_HOOK.c.id == webhook_id)).first()
    if row is None:
        raise WebhookNotFound(f"There is no webhook {webhook_id!r}.")
    return Message(
        delivery_pk=0,
        webhook_pk=row.pk,
        url=row.url,
        private_addresses=row.private_addresses,
        sealed_secrets=(row.sealed_secret,),
        event_id=str(uuid7()),
        event_type="exchange.webhook-test.v1",
        seq=0,
        subject=f"webhook/{webhook_id}",
        payload="{}",
        occurred_at_us=to_us(now),
    )


_HAS_NEWS: Final = (
    "SELECT 1 FROM webhook h WHERE h.active AND (h.seq < (SELECT max(e.seq) FROM outbox_event e) "  # noqa: S608
    "OR (h.blocked_until_us <= ? AND EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.webhook_pk = h.pk "
    f"AND d.state = '{DeliveryState.waiting.value}' AND d.next_at_us <= ? AND d.claimed_until_us <= ?))) LIMIT 1"
)


def has_news(reads: ReadsRows, *, now_us: int) -> bool:
    """Whether an active webhook has events of the outbox to look at, or deliveries that are due."""
    return bool(reads.driver_query(_HAS_NEWS, (now_us,) * 3))


def events_wanted(session: Session, *, after: int, types: tuple[str, ...]) -> tuple[list[Any], int]:
    """Of the next events of the outbox those a webhook wants (seq, type, subject), and how far was looked."""
    statement = (
        select(_EVENT.c.seq, _EVENT.c.type, _EVENT.c.subject)
        .where(_EVENT.c.seq > after)
        .order_by(_EVENT.c.seq)
        .limit(EVENTS_A_LOOK)
    )
    rows = session.execute(statement).all()
    return [row for row in rows if is_wanted(row.type, types)], rows[-1].seq if rows else after


def _views(session: Session, where: ColumnElement[bool] | None) -> list[WebhookView]:
    counted = (
        select(
            _DELIVERY.c.webhook_pk,
            _count(DeliveryState.waiting).label("waiting"),
            _count(DeliveryState.dead).label("dead"),
        )
        .where(_DELIVERY.c.state != DeliveryState.delivered.value)
        .group_by(_DELIVERY.c.webhook_pk)
        .subquery()
    )
    statement = select(_HOOK, counted.c.waiting, counted.c.dead).outerjoin(
        counted, and_(counted.c.webhook_pk == _HOOK.c.pk)
    )
    if where is not None:
        statement = statement.where(where)
    head = head_seq(session)
    return [_view(row, head) for row in session.execute(statement.order_by(_HOOK.c.id))]


def _count(state: DeliveryState) -> ColumnElement[int]:
    return func.sum(case((_DELIVERY.c.state == state.value, 1), else_=0))


def _view(row: Any, head: int) -> WebhookView:
    return WebhookView(
        webhook_id=row.id,
        url=row.url,
        event_types=tuple(row.event_types.split()),
        description=row.description,
        active=row.active,
        private_addresses=row.private_addresses,
        version=row.version,
        created_at=from_us(row.created_at_us),
        note=row.note,
        failing_since=from_us_or_none(row.failing_since_us),
        next_attempt_at=from_us(row.blocked_until_us) if row.failing_since_us is not None else None,
        waiting=int(row.waiting or 0),
        dead=int(row.dead or 0),
        behind=max(head - row.seq, 0),
    )


def _delivery(row: Any) -> DeliveryView:
    return DeliveryView(
        delivery_id=row.pk,
        seq=row.seq,
        event_id=row.event_id,
        event_type=row.event_type,
        subject=row.subject,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        status=row.status,
        said=row.said,
        queued_at=from_us(row.queued_at_us),
        next_attempt_at=from_us(row.next_at_us),
        delivered_at=from_us_or_none(row.delivered_at_us),
    )
