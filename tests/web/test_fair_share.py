"""One plant's flood, and another plant's request in the middle of it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mes.kernel.plants import serving_plant
from web import fair_share
from web.fair_share import (
    ALONE_MAX,
    AT_WORK_MAX,
    FLOOD_MAX,
    FLOOD_S,
    FLOOD_WAITING,
    SMALL_BODY_BYTES,
    STAND_BACK_S,
    WAITING_MAX,
    FairShare,
    Turns,
)
from web.server import with_plant


class Directory:
    """Two plants with host names, one that is reached by its tokens."""

    def stands_for(self, host: str) -> str | None:
        return {"north.test": "north", "south.test": "south"}.get(host)

    def knows(self, plant_id: str) -> bool:
        return plant_id in ("default", "north", "south", "east")


class Floor:
    """Requests that are at work until they may go."""

    def __init__(self) -> None:
        self.at_work: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.go = asyncio.Event()
        self.working: deque[asyncio.Event] = deque()
        self.turns: dict[str, Turns] = {}

    async def work(self, request: Request) -> Response:
        plant = request.query_params["as"]
        self.at_work[plant] += 1
        self.most[plant] = max(self.most[plant], self.at_work[plant])
        self.working.append(alone := asyncio.Event())
        waits = [asyncio.ensure_future(event.wait()) for event in (self.go, alone)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        self.at_work[plant] -= 1
        return Response()

    async def let_go(self, count: int) -> None:
        """One after the other."""
        for _ in range(count):
            self.working.popleft().set()
            await settled()

    async def let_all_go(self, *asked: asyncio.Task[int]) -> None:
        self.go.set()
        assert set(await asyncio.gather(*asked)) == {200}


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.fixture
def client(floor: Floor) -> httpx.AsyncClient:
    app = Starlette(
        routes=[Route(path, floor.work) for path in ("/x", "/api/v1/events", "/static/x")],
        middleware=[Middleware(FairShare, turns=floor.turns)],
    )
    app.state.plants = Directory()
    return httpx.AsyncClient(transport=httpx.ASGITransport(app))


async def settled() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


def ask(client: httpx.AsyncClient, plant: str, count: int, path: str = "/x", **more: Any) -> list[asyncio.Task[int]]:
    async def one() -> int:
        host = f"{plant}.test"
        return (await client.get(f"http://{host}{path}?as={plant}", **more)).status_code

    return [asyncio.ensure_future(one()) for _ in range(count)]


async def test_a_plant_that_is_alone_has_more_at_work_than_one_that_is_not(
    client: httpx.AsyncClient, floor: Floor
) -> None:
    alone = ask(client, "north", 40)
    await settled()
    assert floor.at_work == {"north": ALONE_MAX}
    beside = ask(client, "south", 40)
    await settled()
    assert floor.at_work["south"] == AT_WORK_MAX, "the flood that was there before is not before it"
    await floor.let_all_go(*alone, *beside)
    assert floor.most["south"] <= AT_WORK_MAX


async def _flood_beside_one(client: httpx.AsyncClient, floor: Floor) -> tuple[list[asyncio.Task[int]], asyncio.Event]:
    """North's flood, down to its one at work, and south's request, which is at work until the event says."""
    (other,) = ask(client, "south", 1)
    await settled()
    others_end = floor.working.popleft()
    flood = ask(client, "north", 5 * AT_WORK_MAX)
    await settled()
    assert floor.at_work["north"] == AT_WORK_MAX
    await asyncio.sleep(2 * FLOOD_S)
    await floor.let_go(AT_WORK_MAX - 1)
    assert floor.at_work["north"] == 1, "nobody is let in until the flood has one at work"
    return [*flood, other], others_end


@pytest.fixture
async def standing_back(
    client: httpx.AsyncClient, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[asyncio.Task[int]], asyncio.Event]:
    """North's flood has none at work while south's request is."""
    monkeypatch.setattr(fair_share, "STAND_BACK_S", 60.0)
    asked, others_end = await _flood_beside_one(client, floor)
    await floor.let_go(1)
    assert floor.at_work == {"north": 0, "south": 1}
    return asked, others_end


async def test_who_floods_is_served_one_at_a_time_and_after_a_burst_nobody_is(
    client: httpx.AsyncClient, floor: Floor
) -> None:
    asked, others_end = await _flood_beside_one(client, floor)
    others_end.set()
    await settled()
    floor.most.clear()
    await floor.let_go(AT_WORK_MAX)
    assert floor.most["north"] == FLOOD_MAX
    await floor.let_all_go(*asked)
    floor.go.clear()
    burst = ask(client, "north", 2 * AT_WORK_MAX)
    await settled()
    assert floor.at_work["north"] == AT_WORK_MAX
    await floor.let_all_go(*burst)


async def test_many_that_wait_are_a_flood_at_once_and_a_few_are_not(client: httpx.AsyncClient, floor: Floor) -> None:
    (beside,) = ask(client, "south", 1)
    await settled()
    floor.working.clear()
    asked = ask(client, "north", AT_WORK_MAX + FLOOD_WAITING)
    await settled()
    await floor.let_go(1)
    assert floor.at_work["north"] == AT_WORK_MAX - 1, "nobody is let in"
    await floor.let_all_go(beside, *asked)
    floor.go.clear()
    floor.working.clear()
    asked = ask(client, "north", AT_WORK_MAX + FLOOD_WAITING - 1)
    await settled()
    await floor.let_go(1)
    assert floor.at_work["north"] == AT_WORK_MAX
    await floor.let_all_go(*asked)


async def test_a_flood_stands_back_while_others_have_something_at_work(
    floor: Floor, standing_back: tuple[list[asyncio.Task[int]], asyncio.Event]
) -> None:
    asked, others_end = standing_back
    others_end.set()
    await settled()
    assert floor.at_work == {"north": FLOOD_MAX, "south": 0}, "it goes on as soon as nobody else is served"
    await floor.let_all_go(*asked)


async def test_a_flood_is_served_though_others_are_at_work_all_the_time(
    client: httpx.AsyncClient, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair_share, "STAND_BACK_S", 60.0)
    monkeypatch.setattr(fair_share, "STAND_BACK_TIMES", 0.2)
    asked, _ = await _flood_beside_one(client, floor)
    for _ in range(3):
        await floor.let_go(1)
        assert floor.at_work == {"north": 0, "south": 1}
        await asyncio.sleep(0.1)
        assert floor.at_work == {"north": FLOOD_MAX, "south": 1}
    await floor.let_all_go(*asked)


async def test_a_flood_does_not_stand_back_for_what_has_been_at_work_for_long(
    client: httpx.AsyncClient, floor: Floor
) -> None:
    """A report, or an answer that somebody reads slowly."""
    asked, _ = await _flood_beside_one(client, floor)
    await asyncio.sleep(STAND_BACK_S)
    await floor.let_go(3)
    assert floor.at_work == {"north": FLOOD_MAX, "south": 1}
    await floor.let_all_go(*asked)


async def test_who_had_a_burst_beside_plants_that_are_never_idle_is_soon_no_flood_any_more() -> None:
    """Ten short requests a second; others have always something at work that has just begun."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.005 if dict(scope["headers"])[b"host"] == b"north.test" else 0.03)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    state = Starlette()
    state.state.plants = Directory()
    turns: dict[str, Turns] = {}
    share = FairShare(app, turns=turns)

    async def ask_once(host: bytes) -> None:
        scope = {"type": "http", "method": "GET", "path": "/x", "headers": [(b"host", host)], "app": state}
        await share(scope, receive_nothing, send_nowhere)

    async def ask_always(host: bytes) -> None:
        while True:
            await ask_once(host)

    others = []
    for _ in range(3):
        others.append(asyncio.ensure_future(ask_always(b"south.test")))
        await asyncio.sleep(0.01)
    asked = [asyncio.ensure_future(ask_once(b"north.test")) for _ in range(100)]
    await asyncio.sleep(2 * FLOOD_S)
    async with asyncio.timeout(10):
        while turns["north"].waiting:
            asked.append(asyncio.ensure_future(ask_once(b"north.test")))
            await asyncio.sleep(0.1)
    await asyncio.gather(*asked)
    for other in others:
        other.cancel()


async def receive_nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def send_nowhere(_message: Message) -> None:
    pass


async def test_two_floods_do_not_stand_back_for_one_another(
    client: httpx.AsyncClient, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair_share, "STAND_BACK_S", 60.0)
    ask(client, "east", 1)
    asked = ask(client, "north", 3 * AT_WORK_MAX) + ask(client, "south", 3 * AT_WORK_MAX)
    await settled()
    await asyncio.sleep(2 * FLOOD_S)
    await floor.let_go(2 * AT_WORK_MAX + 2)
    assert floor.at_work == {"north": FLOOD_MAX, "south": FLOOD_MAX, "east": 0}
    await floor.let_all_go(*asked)


async def test_a_flood_that_stands_back_and_gives_up_leaves_nothing_behind(
    client: httpx.AsyncClient, floor: Floor, standing_back: tuple[list[asyncio.Task[int]], asyncio.Event]
) -> None:
    asked, others_end = standing_back
    for task in asked[:-1]:
        task.cancel()
    (after,) = ask(client, "north", 1)
    others_end.set()
    await settled()
    assert floor.at_work == {"north": 1, "south": 0}
    floor.go.set()
    assert (await asked[-1], await after) == (200, 200)


async def test_a_flood_beyond_all_measure_is_refused_and_is_that_plants_alone(
    client: httpx.AsyncClient, floor: Floor
) -> None:
    flood = ask(client, "north", ALONE_MAX + WAITING_MAX + 3)
    await settled()
    (other,) = ask(client, "south", 1)
    await settled()
    assert floor.at_work["south"] == 1
    floor.go.set()
    assert Counter(await asyncio.gather(*flood)) == {200: ALONE_MAX + WAITING_MAX, 503: 3}
    assert await other == 200
    assert await ask(client, "north", 1)[0] == 200
    assert {plant: turns.refused for plant, turns in floor.turns.items()} == {"north": 3, "south": 0}


async def test_who_gives_up_waiting_leaves_the_turn_to_the_next(client: httpx.AsyncClient, floor: Floor) -> None:
    asked = ask(client, "north", ALONE_MAX + 2)
    await settled()
    asked[ALONE_MAX].cancel()
    await settled()
    floor.go.set()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [result for result in results if result != 200] == [results[ALONE_MAX]]
    assert await ask(client, "north", 1)[0] == 200


class Sender:
    """A request whose body comes when the test says so."""

    def __init__(self, app: ASGIApp, state: Starlette) -> None:
        self.parts: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue()
        self.taken = 0
        self.answered = False
        scope = {"type": "http", "method": "POST", "path": "/x", "headers": [(b"host", b"north.test")], "app": state}
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        body, more = await self.parts.get()
        self.taken += len(body)
        return {"type": "http.request", "body": body, "more_body": more}

    async def _send(self, _message: Message) -> None:
        self.answered = True


async def test_bodies_before_their_turns_have_room_for_so_much_altogether() -> None:
    """Small ones pass; who sends much waits until somebody with much has had a turn or has gone."""

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})

    state = Starlette()
    state.state.plants = Directory()
    share = FairShare(app, read_first=2 * SMALL_BODY_BYTES)
    slow, waiting, small = (Sender(share, state) for _ in range(3))
    slow.parts.put_nowait((bytes(2 * SMALL_BODY_BYTES), True))
    await settled()
    waiting.parts.put_nowait((bytes(SMALL_BODY_BYTES), True))
    waiting.parts.put_nowait((bytes(SMALL_BODY_BYTES), False))
    small.parts.put_nowait((b"{}", False))
    await settled()
    assert (small.answered, waiting.answered, waiting.taken) == (True, False, SMALL_BODY_BYTES)
    slow.task.cancel()
    await settled()
    assert (waiting.answered, waiting.taken) == (True, 2 * SMALL_BODY_BYTES)


async def test_what_waits_for_something_to_happen_takes_nobodys_turn(client: httpx.AsyncClient, floor: Floor) -> None:
    waiting = ask(client, "north", 40, "/api/v1/events") + ask(client, "north", 1, "/static/x")
    await settled()
    assert floor.at_work == {"north": 41}
    floor.go.set()
    await asyncio.gather(*waiting)


async def test_a_plant_is_known_by_its_token_and_made_up_ones_share_a_turn(
    client: httpx.AsyncClient, floor: Floor
) -> None:
    for plant in ("east", "made-up"):
        token = {"Authorization": f"Bearer lst_{plant}_{'x' * 43}"}
        ask(client, plant, 40, headers=token)
        await settled()
    strangers = ask(client, "nowhere", 40)
    await settled()
    assert floor.at_work == {"east": ALONE_MAX, "made-up": AT_WORK_MAX}
    floor.go.set()
    await asyncio.gather(*strangers)


@pytest.mark.parametrize(
    ("serving", "thread", "told"),
    [("north", "MainThread", "north"), ("", "write-south-2", "south-2"), ("", "read-south_1", "south"), ("", "x", "-")],
)
def test_each_line_of_the_log_names_its_plant(serving: str, thread: str, told: str) -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "said", None, None)
    record.threadName = thread
    token = serving_plant.set(serving)
    try:
        assert with_plant(record)
    finally:
        serving_plant.reset(token)
    assert record.plant == told  # type: ignore[attr-defined]
