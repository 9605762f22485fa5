"""REST of the change feed: by cursor, with waiting, and as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from mes.access.door import Caller, caller, identify, require
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.exchange.feed.errors import EventTypeInvalid
from mes.exchange.feed.following import Listener, listening
from mes.exchange.feed.queries import read_feed, refuse_archived
from mes.exchange.feed.rules import fault_of_types
from mes.exchange.feed.schemas import EventOut, EventPage
from mes.exchange.feed.types import TYPES_MAX, WAIT_MAX_S, FeedPage
from mes.kernel.errors import Refusal
from mes.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX

router = api_router("events")
_EVENT: Final = 'id: 42\nevent: orders.job-order-ended.v1\ndata: {"seq": 42, "subject": "order/PO-1001", …}\n\n'
Reader = Annotated[Caller, Depends(caller(Permission.read_events))]
AFTER_MAX: Final = 2**62
After = Annotated[int, Query(ge=0, le=AFTER_MAX, description="The last sequence you have.")]
Types = Annotated[
    list[str], Query(max_length=TYPES_MAX, description="`*`, `orders.*` or `orders.job-ended.v1`; may be repeated.")
]
Subject = Annotated[str | None, Query(max_length=200, description="Only events about this, `job/…` or `order/…`.")]
STREAM_LIMIT: Final = 500
STREAM_MAX_S: Final = 3_600.0


@router.get("/events", openapi_extra=refuses("event-type-invalid events-archived too-many-listeners"))
async def list_events(
    caller: Reader,
    after: After = 0,
    types: Types = ["*"],  # noqa: B006 (FastAPI copies it)
    subject: Subject = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    wait_s: Annotated[float, Query(ge=0, le=WAIT_MAX_S, description="Wait so long for the first event.")] = 0,
) -> EventPage:
    """What happened after a cursor, in commit order: none is skipped, none told twice. Keep `next_after`.

    `wait_s` holds the answer until there is something to tell, so that nobody has to poll.
    """
    feed = _Feed(caller, _checked(types), subject, limit)
    page = await feed.read(after)
    if page.events or not wait_s:
        return EventPage.of(page)
    async with listening(caller.database) as listener:
        return EventPage.of(await feed.wait(page, listener, wait_s))


class _Feed:
    """One reader's question, asked again and again."""

    def __init__(self, caller: Caller, types: tuple[str, ...], subject: str | None, limit: int) -> None:
        self._caller, self._types, self._subject, self._limit = caller, types, subject, limit

    async def read(self, after: int) -> FeedPage:
        return await self._caller.read(
            read_feed, after=after, types=self._types, subject=self._subject, limit=self._limit
        )

    async def wait(self, page: FeedPage, listener: Listener, wait_s: float) -> FeedPage:
        """Until something wanted happens, or the time is over."""
        until = asyncio.get_running_loop().time() + wait_s
        while not page.events and asyncio.get_running_loop().time() < until:
            if page.is_all:
                await listener.rest()
            page = await self.read(page.next_after)
        return page


@dataclass(frozen=True, slots=True)
class _Stream:
    """A reader's question and where it begins, with its place among those who wait."""

    feed: _Feed
    after: int
    listener: Listener


async def _stream(
    caller: Reader,
    after: After = 0,
    types: Types = ["*"],  # noqa: B006 (FastAPI copies it)
    subject: Subject = None,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> AsyncIterator[_Stream]:
    """What is refused is refused here: the stream itself has answered 200 before its first event."""
    feed = _Feed(caller, _checked(types), subject, STREAM_LIMIT)
    if last_event_id is not None and last_event_id.isdigit():
        after = min(int(last_event_id), AFTER_MAX)
    await caller.read(refuse_archived, after=after)
    async with listening(caller.database) as listener:
        yield _Stream(feed, after, listener)


@router.get(
    "/events/stream",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"example": _EVENT}}}},
    openapi_extra=refuses("event-type-invalid events-archived too-many-listeners"),
)
async def stream_events(
    request: Request,
    stream: Annotated[_Stream, Depends(_stream)],
    for_s: Annotated[
        float, Query(gt=0, le=STREAM_MAX_S, description="When the stream ends at the latest.")
    ] = STREAM_MAX_S,
) -> AsyncIterator[ServerSentEvent]:
    """The same as server-sent events; `id` is the sequence, so a reader that reconnects goes on where it was.

    The stream ends with the credential and after `for_s`; readers of this kind reconnect by themselves.
    """
    after, until = stream.after, asyncio.get_running_loop().time() + for_s
    while asyncio.get_running_loop().time() < until and await _may_go_on(request):
        page = await stream.feed.read(after)
        after = page.next_after
        for event in page.events:
            yield ServerSentEvent(data=EventOut.of(event), event=event.type, id=str(event.seq))
        if page.is_all:
            await stream.listener.rest()


async def _may_go_on(request: Request) -> bool:
    """Whether the reader is still there, and still who may read."""
    try:
        require(await identify(request), Permission.read_events)
    except Refusal:
        return False
    return not await request.is_disconnected()


def _checked(types: list[str]) -> tuple[str, ...]:
    if fault := fault_of_types(types):
        raise EventTypeInvalid(fault)
    return tuple(types)
