"""How long what machines measured is kept."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from standards.lineside.events_v1.base import Event


class RetentionDays(Struct, frozen=True):
    """For how many days samples and roll-ups are kept."""

    samples_days: int
    rollups_days: int


class RetentionSet(Event, frozen=True, kw_only=True):
    """How long samples and roll-ups are kept was set."""

    its_subject: ClassVar[str] = "history"
    samples_days: int
    rollups_days: int
    before: RetentionDays
