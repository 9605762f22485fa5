"""View models of readings in quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from mes.ingest.quarantine.types import QuarantineList, QuarantineView

KNOWN_REASONS: Final = frozenset(
    {
        *("unknown-serial", "no-read", "bad-serial", "uncertain-serial", "serial-too-long", "not-a-unit"),
        *("serial-taken", "no-job-at-its-time", "no-pieces-per-panel", "no-board-numbers", "goes-into-itself"),
        *("uncertain-lot", "unknown-lot", "lot-not-usable", "told-late"),
        *("lot-on-hold", "wrong-material", "lot-used-up", "lot-expired", "lot-open-too-long", "floor-life-over"),
        *("part-not-approved", "lot-not-warm"),
        *("uncertain-verdict", "unknown-verdict", "no-serial", "defect-code-not-found", "result-invalid"),
        *("result-differs", "unknown-tag", "bad-value", "bad-time", "late-value"),
    }
)
"""Those that the words have a sentence for."""


@dataclass(frozen=True, slots=True)
class ReadingCard:
    """One reading; `reason` is a key of the words, or empty where there are none, then `code` stands for itself."""

    pk: int
    tag: str
    place: str
    value: str
    at: datetime
    reason: str
    code: str
    may_retry: bool


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    readings: tuple[ReadingCard, ...]
    older: str
    """Address of the older ones; empty: there are none."""
    may_decide: bool


def quarantine_page(found: QuarantineList, zone: ZoneInfo, *, may_decide: bool) -> QuarantinePage:
    """What waits for a decision."""
    cards = tuple(_card(view, zone) for view in found.page.items)
    older = found.page.next_cursor
    return QuarantinePage(cards, f"?cursor={older}" if older else "", may_decide)


def _card(view: QuarantineView, zone: ZoneInfo) -> ReadingCard:
    reason = view.reason if view.reason in KNOWN_REASONS else ""
    place = view.equipment_id or view.bridge_id
    at = (view.at or view.recorded_at).astimezone(zone)
    return ReadingCard(view.pk, view.tag, place, view.value, at, reason, view.reason, view.may_retry)
