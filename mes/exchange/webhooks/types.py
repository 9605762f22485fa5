"""Webhooks: who wants to hear of what, and how each delivery stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final

WEBHOOKS_MAX: Final = 50
"""Webhooks of one plant."""
WAITING_MAX: Final = 1_000
"""Deliveries of one webhook that wait; the events after them wait in the outbox, which keeps them for it."""
EVENTS_A_LOOK: Final = 500
SAID_MAX: Final = 200
"""Characters kept of what a receiver answered."""
REPLAY_MAX: Final = 1_000
KEEP_DELIVERED_DAYS: Final = 7


class DeliveryState(IntEnum):
    waiting = 0
    delivered = 1
    dead = 2
    """Given up after days; it is kept until somebody sends it again or removes the webhook."""


class OutcomeKind(StrEnum):
    delivered = "delivered"
    refused = "refused"
    """The receiver answered that it does not want this one, or failed at it: this subject waits, others go on."""
    unreachable = "unreachable"
    """Nobody answered, or asked to be left alone for a while: the whole webhook waits."""
    gone = "gone"
    """410: the receiver wants no more at all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt. `status` 0: no HTTP answer."""

    kind: OutcomeKind
    status: int = 0
    said: str = ""
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class WebhookSpec:
    """What an administrator asks for. `event_types` as `feed.rules.is_wanted` reads them."""

    webhook_id: str
    url: str
    event_types: tuple[str, ...]
    description: str = ""
    active: bool = True
    private_addresses: bool = False
    """Whether it may lead into the plant's own network: loopback, private and link-local addresses, and plain HTTP."""


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook as it may be shown: never its secret. `failing_since`: nothing got through since then."""

    webhook_id: str
    url: str
    event_types: tuple[str, ...]
    description: str
    active: bool
    private_addresses: bool
    version: int
    created_at: datetime
    note: str
    failing_since: datetime | None
    next_attempt_at: datetime | None
    waiting: int
    dead: int
    behind: int
    """Events of the outbox it has not looked at yet."""


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One event on its way to one webhook."""

    delivery_id: int
    seq: int
    event_id: str
    event_type: str
    subject: str
    state: DeliveryState
    attempts: int
    status: int
    said: str
    queued_at: datetime
    next_attempt_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """One event, and where it goes. `sealed_secrets`: the present one, and the one before while it still counts."""

    delivery_pk: int
    webhook_pk: int
    url: str
    private_addresses: bool
    sealed_secrets: tuple[bytes, ...]
    event_id: str
    event_type: str
    seq: int
    subject: str
    payload: str
    occurred_at_us: int
