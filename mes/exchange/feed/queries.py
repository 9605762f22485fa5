"""Reads of the change feed."""

from __future__ import annotations

from mes.exchange.feed.rules import is_wanted
from mes.exchange.feed.types import LOOK_MAX, FeedEvent, FeedPage
from mes.kernel.db import ReadSession
from mes.kernel.errors import EventsArchived
from mes.kernel.outbox import Event, archived_to, list_events
from mes.kernel.sqltypes import from_us

_LOOK = 1_000


def refuse_archived(session: ReadSession, *, after: int) -> None:
    """`events-archived` where some after a sequence have been removed."""
    if after < (whole_after := archived_to(session).seq):
        raise EventsArchived(f"Events up to {whole_after} are in archives.", archived_to=whole_after)


def read_feed(session: ReadSession, *, after: int, types: tuple[str, ...], subject: str | None, limit: int) -> FeedPage:
    """Up to `limit` events after a sequence, of some types and of one subject (None: any), in commit order.

    `events-archived` where some after it have been removed.
    """
    refuse_archived(session, after=after)
    found: list[FeedEvent] = []
    for _ in range(LOOK_MAX // _LOOK):
        events = list_events(session, after=after, limit=_LOOK)
        for event in events:
            after = event.seq
            if is_wanted(event.type, types) and subject in (None, event.subject):
                found.append(_shown(event))
                if len(found) == limit:
                    return FeedPage(tuple(found), after, False)
        if len(events) < _LOOK:
            return FeedPage(tuple(found), after, True)
    return FeedPage(tuple(found), after, False)


def _shown(event: Event) -> FeedEvent:
    return FeedEvent(
        seq=event.seq,
        event_id=event.event_id,
        type=event.type,
        subject=event.subject,
        occurred_at=from_us(event.occurred_at_us),
        recorded_at=from_us(event.recorded_at_us),
        data=event.payload,
    )
