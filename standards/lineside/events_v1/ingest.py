"""What machines told that was odd."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from standards.lineside.events_v1.base import Event


class BaselinesForgotten(Event, frozen=True, kw_only=True):
    """A bridge begins anew: counters are counted from what they say next."""

    its_subject: ClassVar[str] = "bridge/…"


class CounterAnomaly(Event, frozen=True, kw_only=True):
    """A counter did not simply count on."""

    its_subject: ClassVar[str] = "tag/…"
    tag: str
    kind: Annotated[str, Meta(description="reset, rollover, gap, retyped …")]
    low: Annotated[int, Meta(description="Pieces at least.")]
    high: Annotated[int | None, Meta(description="Pieces at most; null: nobody knows.")]


class ReadingDecided(Event, frozen=True, kw_only=True):
    """Somebody decided about readings that nobody could use."""

    its_subject: ClassVar[str] = "quarantine/…"
    pk: int
    tag: str
    reason: Annotated[str, Meta(description="Why nobody could use it.")]
    decision: str
    note: str
    count: int
