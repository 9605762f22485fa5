"""REST models of webhooks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mes.exchange.feed.types import TYPES_MAX
from mes.exchange.webhooks.types import (
    REPLAY_MAX,
    DeliveryView,
    Outcome,
    OutcomeKind,
    WebhookSpec,
    WebhookView,
)
from mes.kernel.addresses import URL_MAX
from mes.kernel.limits import ID_MAX, RowNumber, Version

StateName = Literal["waiting", "delivered", "dead"]
EventType = Annotated[str, Field(max_length=100, examples=["orders.*"])]


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=URL_MAX, examples=["https://erp.example/hooks/lineside"])
    event_types: list[EventType] = Field(min_length=1, max_length=TYPES_MAX)
    description: str = Field(default="", max_length=500)
    active: bool = True
    private_addresses: bool = Field(
        default=False, description="Whether it may lead into the plant's own network, and go without TLS there."
    )


class WebhookIn(_Described):
    """A new webhook."""

    id: str = Field(min_length=1, max_length=ID_MAX, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", examples=["erp"])

    def spec(self) -> WebhookSpec:
        return _spec(self, self.id)


class WebhookChange(_Described):
    """What a webhook shall be. `version` as it was read, here or in `If-Match`."""

    version: Version | None = Field(default=None, ge=1)

    def spec(self, webhook_id: str) -> WebhookSpec:
        return _spec(self, webhook_id)


class WebhookOut(BaseModel):
    """A webhook. `behind`: events it has not looked at; `failing_since`: nothing got through since then."""

    id: str
    url: str
    event_types: list[str]
    description: str
    active: bool
    private_addresses: bool
    version: int
    created_at: AwareDatetime
    note: str = Field(description="Why the server switched it off, where it did.")
    failing_since: AwareDatetime | None
    next_attempt_at: AwareDatetime | None
    waiting: int
    dead: int
    behind: int

    @classmethod
    def of(cls, view: WebhookView) -> WebhookOut:
        values = asdict(view)
        return cls(id=values.pop("webhook_id"), **values)


class WebhookWithSecret(WebhookOut):
    """A webhook at the only moment its secret is shown."""

    secret: str = Field(description="Verify signatures with it (Standard Webhooks).", examples=["whsec_…"])


class DeliveryOut(BaseModel):
    """One event on its way to a webhook. `status` 0: nobody answered."""

    delivery_id: int
    seq: int
    event_id: str
    event_type: str
    subject: str
    state: StateName
    attempts: int
    status: int
    said: str
    queued_at: AwareDatetime
    next_attempt_at: AwareDatetime
    delivered_at: AwareDatetime | None

    @classmethod
    def of(cls, view: DeliveryView) -> DeliveryOut:
        return cls(**{**asdict(view), "state": view.state.name})


class DeliveryPage(BaseModel):
    items: list[DeliveryOut]
    next_cursor: str | None


class ReplayIn(BaseModel):
    """Which dead deliveries to send again; null: all."""

    model_config = ConfigDict(extra="forbid")

    delivery_ids: list[RowNumber] | None = Field(default=None, max_length=REPLAY_MAX)


class ReplayOut(BaseModel):
    replayed: int


class AttemptOut(BaseModel):
    """What became of a trial message. `status` 0: nobody answered."""

    delivered: bool
    status: int
    said: str

    @classmethod
    def of(cls, outcome: Outcome) -> AttemptOut:
        return cls(delivered=outcome.kind is OutcomeKind.delivered, status=outcome.status, said=outcome.said)


def _spec(described: _Described, webhook_id: str) -> WebhookSpec:
    return WebhookSpec(
        webhook_id,
        described.url,
        tuple(described.event_types),
        described.description,
        described.active,
        described.private_addresses,
    )
