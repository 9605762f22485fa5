"""REST models of the change feed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from mes.exchange.feed.types import FeedEvent, FeedPage


class EventOut(BaseModel):
    """Something that happened in the plant."""

    seq: int = Field(description="Its place in the commit order of the plant; the cursor.")
    event_id: str = Field(description="UUIDv7, the same wherever the event is told.")
    type: str = Field(examples=["orders.job-ended.v1"])
    subject: str = Field(description="What it is about.", examples=["job/PO-1001-LINE"])
    occurred_at: AwareDatetime
    recorded_at: AwareDatetime
    data: dict[str, Any] = Field(
        description="By `type`: `webhooks` names the schema of each, of `orders.job-ended.v1` it is OrdersJobEndedV1. "
        "Types and members are added; names ending in `_e6` are millionths, in `_us` microseconds since 1970."
    )

    @classmethod
    def of(cls, event: FeedEvent) -> EventOut:
        return cls(**asdict(event))


class EventPage(BaseModel):
    """Events in commit order. Ask again with `after=next_after`, also where no event was wanted."""

    items: list[EventOut]
    next_after: int

    @classmethod
    def of(cls, page: FeedPage) -> EventPage:
        return cls(items=[EventOut.of(event) for event in page.events], next_after=page.next_after)
