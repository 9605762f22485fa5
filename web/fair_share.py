"""Requests of one plant take turns, so that one plant's flood is not every plant's.

An event loop serves whoever is ready in turn: of a plant that sends a thousand requests at once, a thousand stood
before another plant's tap. So a few of each plant are at work, and the others of that plant wait behind them: one at a
time where the plant asks for more than it is served. The next one then stands back a moment for what others have just
begun: a tap shares the processor with what a flood had begun before it, and hardly with what comes after. A plant that
is alone may have more at work, which makes for larger commits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mes.access.door import PLANT_IN_PATH
from mes.access.tokens import TOKEN_PREFIX, plant_of
from mes.kernel.plants import DEFAULT_PLANT, Plants
from standards.lineside.problem import MEDIA_TYPE, TYPE_PREFIX, Problem

AT_WORK_MAX: Final = 4
"""Requests of one plant that are at work, while another plant asks for something too."""
ALONE_MAX: Final = 16
FLOOD_MAX: Final = 1
"""The same, where a plant asks for more than it is served: FLOOD_WAITING of its requests wait, or somebody of it has
had to wait all the time for FLOOD_S."""
FLOOD_WAITING: Final = 8
FLOOD_S: Final = 0.05
STAND_BACK_S: Final = 0.05
"""A flood's next request stands back for what others began so long ago at most: that is what a tap takes. Whoever
waits for a slow client or a long report holds nobody up."""
STAND_BACK_TIMES: Final = 3
"""And no longer than so many times what its last one took: a quarter of one after the other it has in any case."""
ALONE_S: Final = 60.0
"""No other plant has asked for anything for so long."""
WAITING_MAX: Final = 512
"""Requests of one plant that wait; more are answered 503 `plant-busy`."""
READ_FIRST_BYTES: Final = 262_144
"""Of a body, before its request takes a turn."""
READ_FIRST_ALTOGETHER: Final = 67_108_864
"""Of all bodies whose requests have no turn yet; beyond it only the small ones are read, the others wait for room."""
SMALL_BODY_BYTES: Final = 8_192
HELD_OPEN: Final = ("/api/v1/bridge/commands", "/api/v1/events", "/api/v1/events/stream")
"""They wait for something to happen, at no cost; they have limits of their own."""
_WITHOUT_BODY: Final = ("GET", "HEAD", "OPTIONS")
OF_NO_PLANT: Final = ("/static/", "/healthz", "/readyz", "/problems/")
_BUSY: Final = Problem(
    type=TYPE_PREFIX + "plant-busy",
    title="Too many requests of this plant are waiting",
    status=503,
    code="plant-busy",
    detail=f"{WAITING_MAX} of them wait already.",
    next_step="Send fewer at a time, and try again in a second.",
)


class _Room:
    """What is held of bodies before their turns, and who waits to send more."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._freed = asyncio.Event()

    async def wait(self) -> None:
        while self._left <= 0:
            self._freed.clear()
            await self._freed.wait()

    def take(self, size: int) -> None:
        self._left -= size

    def give(self, size: int) -> None:
        self._left += size
        self._freed.set()


class _Body:
    """A body, so much of which is read first that slowness is no trick: whoever sends slowly holds no turn."""

    def __init__(self, receive: Receive, room: _Room) -> None:
        self._receive = receive
        self._room = room
        self._messages: deque[Message] = deque()
        self._read = 0

    async def read_first(self) -> None:
        while self._read < READ_FIRST_BYTES:
            if self._read >= SMALL_BODY_BYTES:
                await self._room.wait()
            self._messages.append(message := await self._receive())
            size = len(message.get("body", b""))
            self._read += size
            self._room.take(size)
            if not message.get("more_body", False):
                return

    def leave_room(self) -> None:
        """Its request has its turn, or has gone."""
        self._room.give(self._read)
        self._read = 0

    async def receive(self) -> Message:
        return self._messages.popleft() if self._messages else await self._receive()


@dataclass(slots=True, eq=False)
class Turns:
    """Those of one plant."""

    at_work: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    waiting_since: float = float("inf")
    """Since then there was always somebody."""
    began_at: float = float("-inf")
    """The newest that is or was at work."""
    stands_back_until: float = float("-inf")
    asked_at: float = float("-inf")
    asked: int = 0
    refused: int = 0
    """`plant-busy`."""

    def is_flood(self, now: float) -> bool:
        """More is asked for than is served."""
        return len(self.waiting) >= FLOOD_WAITING or now - self.waiting_since > FLOOD_S

    def is_quick(self, now: float) -> bool:
        """It has something at work that may be a tap."""
        return self.at_work > 0 and now - self.began_at < STAND_BACK_S and not self.is_flood(now)


class FairShare:
    """Knows plants by what a request says of itself; whether that is true the door finds out."""

    def __init__(
        self, app: ASGIApp, *, turns: dict[str, Turns] | None = None, read_first: int = READ_FIRST_ALTOGETHER
    ) -> None:
        self.app = app
        self._turns = {} if turns is None else turns
        self._room = _Room(read_first)
        self._standing_back: dict[Turns, asyncio.TimerHandle] = {}
        """Floods that have none at work, and when each comes back at the latest."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _takes_no_turn(scope):
            await self.app(scope, receive, send)
            return
        body = _Body(receive, self._room)
        turns = None
        try:
            if scope["method"] not in _WITHOUT_BODY:
                await body.read_first()
            turns = await self._turn(_plant_of(scope))
        finally:
            body.leave_room()
        if turns is None:
            await _refuse(send)
            return
        began_at = turns.began_at
        try:
            await self.app(scope, body.receive, send)
        finally:
            self._leave(turns, began_at)

    async def _turn(self, plant_id: str) -> Turns | None:
        """One of the plant's, when it comes; None: too many wait."""
        turns = self._turns.setdefault(plant_id, Turns())
        turns.asked_at = asyncio.get_running_loop().time()
        turns.asked += 1
        if not turns.waiting and turns.at_work < self._limit(turns):
            turns.at_work += 1
        elif len(turns.waiting) < WAITING_MAX:
            await self._wait(turns)
        else:
            turns.refused += 1
            return None
        turns.began_at = asyncio.get_running_loop().time()
        return turns

    async def _wait(self, turns: Turns) -> None:
        """Until somebody who has finished counts this one as at work."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        turns.waiting.append(turn)
        turns.waiting_since = min(turns.waiting_since, loop.time())
        self._let_in(turns)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was let in, and goes: the next may
                self._leave(turns, loop.time())
            raise

    def _leave(self, turns: Turns, began_at: float) -> None:
        """One is done, or has gone: the next may, and a flood that stood back for it."""
        now = asyncio.get_running_loop().time()
        turns.at_work -= 1
        turns.stands_back_until = now + min(STAND_BACK_S, STAND_BACK_TIMES * (now - began_at))
        self._let_in(turns)
        if not turns.at_work:
            for flood in tuple(self._standing_back):
                self._let_in(flood)

    def _limit(self, turns: Turns) -> int:
        now, since = asyncio.get_running_loop().time(), turns.asked_at - ALONE_S
        others = [other for other in self._turns.values() if other is not turns and other.asked_at >= since]
        if not others:
            return ALONE_MAX
        if not turns.is_flood(now):
            return AT_WORK_MAX
        stands_back = now < turns.stands_back_until and any(other.is_quick(now) for other in others)
        return 0 if stands_back else FLOOD_MAX

    def _let_in(self, turns: Turns) -> None:
        if not turns.waiting and turns not in self._standing_back:
            return
        limit = self._limit(turns)
        while turns.waiting and turns.at_work < limit:
            following = turns.waiting.popleft()
            if not following.done():
                turns.at_work += 1
                following.set_result(None)
        if not turns.waiting:
            turns.waiting_since = float("inf")
        stands_back = turns.waiting and not turns.at_work
        if stands_back and turns not in self._standing_back:
            loop = asyncio.get_running_loop()
            self._standing_back[turns] = loop.call_at(turns.stands_back_until, self._come_back, turns)
        elif not stands_back and (timer := self._standing_back.pop(turns, None)):
            timer.cancel()

    def _come_back(self, turns: Turns) -> None:
        """It has stood back for long enough."""
        del self._standing_back[turns]
        self._let_in(turns)


def _takes_no_turn(scope: Scope) -> bool:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path in HELD_OPEN or path.startswith(OF_NO_PLANT)


def _plant_of(scope: Scope) -> str:
    """The plant a request is of, as far as one can see from outside: strangers share the default plant's turns."""
    plants: Plants = scope["app"].state.plants
    headers = Headers(scope=scope)
    named = scope.get(PLANT_IN_PATH) or plants.stands_for(headers.get("host", "")) or _in_credential(headers)
    return named if named is not None and plants.knows(named) else DEFAULT_PLANT


def _in_credential(headers: Headers) -> str | None:
    """A session names no other plant than its host does."""
    return plant_of(headers.get("authorization", "").partition(" ")[2].strip(), TOKEN_PREFIX)


async def _refuse(send: Send) -> None:
    body = msgspec.json.encode(_BUSY)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": _BUSY.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
