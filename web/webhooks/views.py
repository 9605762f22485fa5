"""View models of webhooks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from mes.exchange.webhooks.types import DeliveryState, DeliveryView, Outcome, OutcomeKind, WebhookView
from web.wording import RefusalWords

TONES: Final[Mapping[str, tuple[str, str]]] = {
    "well": ("run", "check"),
    "failing": ("down", "octagon-alert"),
    "given-up": ("warn", "triangle-alert"),
    "paused": ("idle", "pause"),
    "switched-off": ("down", "ban"),
}
"""Tone and icon of how a webhook stands."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`state` is one of `TONES`; `since`: nothing gets through since then."""

    state: str
    tone: str
    icon: str
    since: datetime | None
    next_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered. `status` 0: nobody answered, or what was answered was no HTTP."""

    ok: bool
    status: int
    said: str


@dataclass(frozen=True, slots=True)
class HookRow:
    href: str
    webhook_id: str
    url: str
    description: str
    standing: Standing
    answer: Answer | None
    waiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed into the form of a new one."""

    webhook_id: str = ""
    url: str = ""
    event_types: str = ""
    description: str = ""
    private_addresses: bool = False


@dataclass(frozen=True, slots=True)
class HooksPage:
    hooks: tuple[HookRow, ...]
    typed: Typed
    said: RefusalWords | None


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """An event on its way, or given up."""

    delivery_id: int
    event_type: str
    subject: str
    queued_at: datetime
    next_at: datetime
    attempts: int
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class HookPage:
    """`secret`: shown this once, else ""; `trial`: what came of a trial message just now."""

    base: str
    webhook_id: str
    url: str
    event_types: str
    description: str
    private_addresses: bool
    active: bool
    version: int
    standing: Standing
    behind: int
    dead_count: int
    dead: tuple[DeliveryRow, ...]
    waiting_count: int
    waiting: tuple[DeliveryRow, ...]
    secret: str
    trial: Answer | None
    said: RefusalWords | None


def base_of(webhook_id: str) -> str:
    return f"/webhooks/{quote(webhook_id, safe='')}"


def hooks_page(
    hooks: Iterable[WebhookView],
    answers: Mapping[str, DeliveryView],
    zone: ZoneInfo,
    typed: Typed,
    said: RefusalWords | None,
) -> HooksPage:
    rows = (
        HookRow(
            base_of(hook.webhook_id),
            hook.webhook_id,
            hook.url,
            hook.description,
            standing(hook, zone),
            _answer_of(answers.get(hook.webhook_id)),
            hook.waiting,
            hook.dead,
        )
        for hook in hooks
    )
    return HooksPage(tuple(rows), typed, said)


def standing(hook: WebhookView, zone: ZoneInfo) -> Standing:
    state = _state(hook)
    tone, icon = TONES[state]
    return Standing(state, tone, icon, _local(hook.failing_since, zone), _local(hook.next_attempt_at, zone), hook.note)


def _state(hook: WebhookView) -> str:
    if not hook.active:
        return "switched-off" if hook.note else "paused"
    if hook.failing_since is not None:
        return "failing"
    return "given-up" if hook.dead else "well"


def _local(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if at is None else at.astimezone(zone)


def _answer_of(delivery: DeliveryView | None) -> Answer | None:
    if delivery is None or delivery.attempts == 0:
        return None
    return Answer(delivery.state is DeliveryState.delivered, delivery.status, delivery.said)


def trial_answer(outcome: Outcome) -> Answer:
    return Answer(outcome.kind is OutcomeKind.delivered, outcome.status, outcome.said)


def hook_page(
    hook: WebhookView,
    dead: Iterable[DeliveryView],
    waiting: Iterable[DeliveryView],
    zone: ZoneInfo,
    *,
    secret: str = "",
    trial: Answer | None = None,
    said: RefusalWords | None = None,
) -> HookPage:
    return HookPage(
        base_of(hook.webhook_id),
        hook.webhook_id,
        hook.url,
        " ".join(hook.event_types),
        hook.description,
        hook.private_addresses,
        hook.active,
        hook.version,
        standing(hook, zone),
        hook.behind,
        hook.dead,
        tuple(_row(one, zone) for one in dead),
        hook.waiting,
        tuple(_row(one, zone) for one in waiting),
        secret,
        trial,
        said,
    )


def _row(delivery: DeliveryView, zone: ZoneInfo) -> DeliveryRow:
    return DeliveryRow(
        delivery.delivery_id,
        delivery.event_type,
        delivery.subject,
        delivery.queued_at.astimezone(zone),
        delivery.next_attempt_at.astimezone(zone),
        delivery.attempts,
        _answer_of(delivery),
    )
