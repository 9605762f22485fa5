"""Verbs of webhooks: kept by administrators, queued from the outbox, sent at least once, given up after days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update

from mes.exchange.webhooks.errors import WebhookExists, WebhookInvalid, WebhookNotFound
from mes.exchange.webhooks.queries import events_wanted
from mes.exchange.webhooks.rules import SECOND_US, fault_of, is_given_up, next_attempt_us
from mes.exchange.webhooks.statements import claim, load_due, load_messages
from mes.exchange.webhooks.tables import Webhook, WebhookDelivery
from mes.exchange.webhooks.types import (
    KEEP_DELIVERED_DAYS,
    WAITING_MAX,
    WEBHOOKS_MAX,
    DeliveryState,
    Message,
    Outcome,
    OutcomeKind,
    WebhookSpec,
)
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import head_seq
from mes.kernel.uow import UnitOfWork

CLAIM_US: Final = 60 * SECOND_US
"""How long an attempt may take before another process may make it too."""
OLD_SECRET_US: Final = 24 * 3_600 * SECOND_US
"""How long the secret before the present one still signs."""
IN_HAND_MAX: Final = 4
"""Attempts of one webhook at the same time; one while it fails."""
IN_HAND_OF_PLANT_MAX: Final = 32
"""Attempts of one plant at the same time, in one process."""
_LOOK_MAX: Final = 200
_TOPIC: Final = "webhooks"
_HOOK: Final = Webhook.__table__  # type: ignore[attr-defined]
_DELIVERY: Final = WebhookDelivery.__table__  # type: ignore[attr-defined]


def create_webhook(uow: UnitOfWork, *, spec: WebhookSpec, sealed_secret: bytes) -> None:
    """A webhook that hears of everything from now on. `webhook-invalid`, `webhook-exists`."""
    _refuse_invalid(spec)
    present = uow.execute(select(_HOOK.c.id)).scalars().all()
    if spec.webhook_id in present:
        raise WebhookExists(f"There already is a webhook {spec.webhook_id!r}.")
    if len(present) >= WEBHOOKS_MAX:
        raise WebhookInvalid(f"A plant has at most {WEBHOOKS_MAX} webhooks; remove one first.")
    values = {
        **_described(spec),
        "id": spec.webhook_id,
        "version": 1,
        "sealed_secret": sealed_secret,
        "old_secret_until_us": 0,
        "seq": head_seq(uow.session),
        "created_at_us": uow.now_us,
        "failures": 0,
        "blocked_until_us": 0,
    }
    uow.execute(insert(_HOOK).values(**values))
    _emit(uow, "webhook-created", spec.webhook_id, url=spec.url, event_types=list(spec.event_types))


def change_webhook(uow: UnitOfWork, *, spec: WebhookSpec, version: int) -> None:
    """Make it what `spec` says; switched on again, it goes on with the first event it has not told, at once.

    `webhook-not-found`, `version-conflict`, `webhook-invalid`.
    """
    _refuse_invalid(spec)
    row = _load(uow, spec.webhook_id)
    if row.version != version:
        raise VersionConflict(f"It is at version {row.version}, not {version}.")
    again: dict[str, Any] = {"blocked_until_us": 0} if spec.active else {}
    changes = {**_described(spec), **again, "version": row.version + 1}
    uow.execute(update(_HOOK).where(_HOOK.c.pk == row.pk).values(**changes))
    _emit(uow, "webhook-changed", spec.webhook_id, url=spec.url, active=spec.active)


def remove_webhook(uow: UnitOfWork, *, webhook_id: str) -> None:
    """It and everything that waits for it is gone. `webhook-not-found`."""
    row = _load(uow, webhook_id)
    uow.execute(delete(_DELIVERY).where(_DELIVERY.c.webhook_pk == row.pk))
    uow.execute(delete(_HOOK).where(_HOOK.c.pk == row.pk))
    _emit(uow, "webhook-removed", webhook_id, url=row.url)


def replace_secret(uow: UnitOfWork, *, webhook_id: str, sealed_secret: bytes) -> None:
    """Sign with another secret; the one before signs beside it for a day. `webhook-not-found`."""
    row = _load(uow, webhook_id)
    changes = {
        "sealed_secret": sealed_secret,
        "sealed_old_secret": row.sealed_secret,
        "old_secret_until_us": uow.now_us + OLD_SECRET_US,
        "version": row.version + 1,
    }
    uow.execute(update(_HOOK).where(_HOOK.c.pk == row.pk).values(**changes))
    _emit(uow, "webhook-secret-replaced", webhook_id)


def replay_deliveries(uow: UnitOfWork, *, webhook_id: str, delivery_ids: Collection[int] | None = None) -> int:
    """Send dead deliveries again, as if for the first time; None: all. Answers how many. `webhook-not-found`."""
    row = _load(uow, webhook_id)
    wanted = [_DELIVERY.c.webhook_pk == row.pk, _DELIVERY.c.state == DeliveryState.dead.value]
    if delivery_ids is not None:
        wanted.append(_DELIVERY.c.pk.in_(delivery_ids))
    anew = {"state": 0, "attempts": 0, "next_at_us": uow.now_us, "claimed_until_us": 0, "first_failed_at_us": None}
    replayed = uow.execute(update(_DELIVERY).where(*wanted).values(**anew)).rowcount  # type: ignore[attr-defined]
    uow.execute(update(_HOOK).where(_HOOK.c.pk == row.pk).values(blocked_until_us=0))
    _emit(uow, "webhook-deliveries-replayed", webhook_id, deliveries=replayed)
    return int(replayed)


def take_deliveries(uow: UnitOfWork, *, in_hand: Mapping[int, int]) -> tuple[Message, ...]:
    """Queue what is new in the outbox, and take what may be sent now. `in_hand`: webhook → attempts this process makes.

    Each is taken for `CLAIM_US`; a process that dies lets go of them by that.
    """
    _queue_news(uow)
    taken: list[int] = []
    counts = Counter(in_hand)
    busy = tuple(sorted(pk for pk, count in in_hand.items() if count >= IN_HAND_MAX))
    for delivery_pk, webhook_pk, failures in load_due(uow, busy=busy, limit=_LOOK_MAX):
        if counts.total() >= IN_HAND_OF_PLANT_MAX:
            break
        if counts[webhook_pk] < (1 if failures else IN_HAND_MAX):
            counts[webhook_pk] += 1
            taken.append(delivery_pk)
    if not taken:
        return ()
    claim(uow, tuple(taken), until_us=uow.now_us + CLAIM_US)
    return load_messages(uow, tuple(taken))


def record_outcome(uow: UnitOfWork, *, delivery_pk: int, outcome: Outcome) -> None:
    """What became of an attempt. A delivery that is no longer waiting, or is gone, stays as it is."""
    row = uow.execute(
        select(_DELIVERY, _HOOK.c.id.label("webhook_id"), _HOOK.c.failures, _HOOK.c.failing_since_us)
        .join(_HOOK, _HOOK.c.pk == _DELIVERY.c.webhook_pk)
        .where(_DELIVERY.c.pk == delivery_pk)
    ).first()
    if row is None or row.state != DeliveryState.waiting:
        return
    if outcome.kind is OutcomeKind.delivered:
        _note_delivered(uow, row, outcome)
    else:
        _note_failed(uow, row, outcome)


def forget_old_deliveries(uow: UnitOfWork) -> None:
    """What was delivered days ago is no longer listed."""
    before_us = uow.now_us - KEEP_DELIVERED_DAYS * 24 * 3_600 * SECOND_US
    delivered = _DELIVERY.c.state == DeliveryState.delivered.value
    uow.execute(delete(_DELIVERY).where(delivered, _DELIVERY.c.delivered_at_us < before_us))


def _refuse_invalid(spec: WebhookSpec) -> None:
    if fault := fault_of(spec):
        raise WebhookInvalid(fault)


def _described(spec: WebhookSpec) -> dict[str, Any]:
    return {
        "url": spec.url,
        "event_types": " ".join(dict.fromkeys(spec.event_types)),
        "description": spec.description,
        "active": spec.active,
        "private_addresses": spec.private_addresses,
        "note": "",
    }


def _load(uow: UnitOfWork, webhook_id: str) -> Any:
    row = uow.execute(select(_HOOK).where(_HOOK.c.id == webhook_id)).first()
    if row is None:
        raise WebhookNotFound(f"There is no webhook {webhook_id!r}.")
    return row


def _queue_news(uow: UnitOfWork) -> None:
    waiting = (
        select(func.count())
        .where(_DELIVERY.c.webhook_pk == _HOOK.c.pk, _DELIVERY.c.state == DeliveryState.waiting.value)
        .scalar_subquery()
    )
    head = head_seq(uow.session)
    hooks = uow.execute(
        select(_HOOK.c.pk, _HOOK.c.seq, _HOOK.c.event_types).where(
            _HOOK.c.active, _HOOK.c.seq < head, waiting < WAITING_MAX
        )
    ).all()
    for hook in hooks:
        wanted, seq = events_wanted(uow.session, after=hook.seq, types=tuple(hook.event_types.split()))
        if wanted:
            uow.execute(insert(_DELIVERY), [_queued(hook.pk, event, uow.now_us) for event in wanted])
        uow.execute(update(_HOOK).where(_HOOK.c.pk == hook.pk).values(seq=seq))


def _queued(webhook_pk: int, event: Any, now_us: int) -> dict[str, Any]:
    return {
        "webhook_pk": webhook_pk,
        "seq": event.seq,
        "event_type": event.type,
        "subject": event.subject,
        "state": DeliveryState.waiting.value,
        "attempts": 0,
        "status": 0,
        "said": "",
        "queued_at_us": now_us,
        "next_at_us": now_us,
        "claimed_until_us": 0,
    }


def _note_delivered(uow: UnitOfWork, row: Any, outcome: Outcome) -> None:
    changes = {
        "state": DeliveryState.delivered.value,
        "attempts": row.attempts + 1,
        "status": outcome.status,
        "said": "",
        "delivered_at_us": uow.now_us,
    }
    uow.execute(update(_DELIVERY).where(_DELIVERY.c.pk == row.pk).values(**changes))
    _note_reachable(uow, row)


def _note_reachable(uow: UnitOfWork, row: Any) -> None:
    if row.failures:
        well = {"failures": 0, "failing_since_us": None, "blocked_until_us": 0}
        uow.execute(update(_HOOK).where(_HOOK.c.pk == row.webhook_pk).values(**well))
        _emit(uow, "webhook-recovered", row.webhook_id)


def _note_failed(uow: UnitOfWork, row: Any, outcome: Outcome) -> None:
    first_us = row.first_failed_at_us if row.first_failed_at_us is not None else uow.now_us
    dead = is_given_up(uow.now_us, first_us)
    changes = {
        "state": (DeliveryState.dead if dead else DeliveryState.waiting).value,
        "attempts": row.attempts + 1,
        "status": outcome.status,
        "said": outcome.said,
        "first_failed_at_us": first_us,
        "next_at_us": next_attempt_us(uow.now_us, row.attempts + 1, outcome.retry_after_s),
        "claimed_until_us": 0,
    }
    uow.execute(update(_DELIVERY).where(_DELIVERY.c.pk == row.pk).values(**changes))
    if dead:
        _emit(uow, "webhook-delivery-given-up", row.webhook_id, event_type=row.event_type, about=row.subject)
    if outcome.kind is OutcomeKind.unreachable:
        _block(uow, row, outcome)
        return
    _note_reachable(uow, row)
    if outcome.kind is OutcomeKind.gone:
        _switch_off(uow, row)


def _switch_off(uow: UnitOfWork, row: Any) -> None:
    note = "The receiver answered 410: it wants no more."
    uow.execute(update(_HOOK).where(_HOOK.c.pk == row.webhook_pk).values(active=False, note=note))
    _emit(uow, "webhook-switched-off", row.webhook_id, reason=note)


def _block(uow: UnitOfWork, row: Any, outcome: Outcome) -> None:
    failures = row.failures + 1
    changes = {
        "failures": failures,
        "failing_since_us": row.failing_since_us if row.failing_since_us is not None else uow.now_us,
        "blocked_until_us": next_attempt_us(uow.now_us, failures, outcome.retry_after_s),
    }
    uow.execute(update(_HOOK).where(_HOOK.c.pk == row.webhook_pk).values(**changes))
    if failures == 1:
        _emit(uow, "webhook-failing", row.webhook_id, reason=outcome.said)


def _emit(uow: UnitOfWork, what: str, webhook_id: str, **payload: Any) -> None:
    uow.emit(
        f"exchange.{what}.v1",
        topics=[_TOPIC],
        subject=f"webhook/{webhook_id}",
        payload={"webhook_id": webhook_id, **payload},
    )
