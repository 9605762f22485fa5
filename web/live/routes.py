"""The live socket: who is there, what may they see, then a reader beside a writer until one of them ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketDisconnected

from mes.access.door import Caller, close_code, may_subscribe, websocket_caller
from mes.kernel.errors import Refusal, Unavailable
from web.live.direct import direct_socket
from web.live.hub import NOTHING, Audience, Client, Hub, Shown
from web.live.limits import (
    INCOMING_FRAME_BYTES_MAX,
    RATE_HZ,
    REGIONS_PER_SOCKET_MAX,
)
from web.live.region import LIVE_PATH, RESERVED, Region, dom_id, read_shown
from web.live.relay import Relays
from web.live.sockets import TRY_AGAIN_LATER, OpenSocket, TooManySockets

REFUSED: Final = 4403
MALFORMED: Final = 4400
TOO_MANY: Final = 4429
TOO_BIG: Final = 1009
"""Close codes. hx-ws does not connect again after 1009 and those from 4000 on; after 1012 (restart) it does."""


_ACKNOWLEDGEMENT: Final = re.compile(rb'\{"ack": ?(\d{1,18})\}').fullmatch


class NotSubscribed(Exception):
    """The socket is closed with this code and reason; nothing was subscribed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Asked:
    """What a socket's address asks for."""

    shown: tuple[Shown, ...]
    hz: float
    since: int
    epoch: str


def live_routes(regions: Sequence[Region]) -> APIRouter:
    """The socket for these regions; `app.state.relays` are the `Relays`. ValueError where two have one name.

    `web.security.SameOrigin` has refused other sites' pages before this route is reached.
    """
    by_name = {region.name: region for region in regions}
    if len(by_name) != len(regions):
        raise ValueError("two live regions have the same name")
    router = APIRouter()

    @router.websocket(LIVE_PATH)
    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            found = await _known_caller(websocket)
            asked = _asked(websocket, by_name, found)
            relays: Relays = websocket.app.state.relays
            try:
                relay = await relays.of(found.database.plant_id)
            except Unavailable as weather:
                raise NotSubscribed(TRY_AGAIN_LATER, weather.detail) from weather
            with relay.sockets.one_more(found) as ours:
                await _serve(websocket, relay.hub, asked, ours)
        except NotSubscribed as no:
            await websocket.close(no.code, no.reason)
        except TooManySockets:
            await websocket.close(TOO_MANY, "too many live pages of one principal")

    return router


async def _known_caller(websocket: WebSocket) -> Caller:
    try:
        found = await websocket_caller(websocket)
    except Unavailable as weather:
        raise NotSubscribed(TRY_AGAIN_LATER, weather.detail) from weather
    if isinstance(found, Refusal):
        raise NotSubscribed(close_code(found), found.title)
    return found


def _asked(websocket: WebSocket, by_name: Mapping[str, Region], found: Caller) -> Asked:
    query = websocket.query_params
    shared = {key: value for key, value in query.items() if key not in RESERVED}
    wanted = query.getlist("r")
    if not 0 < len(wanted) <= REGIONS_PER_SOCKET_MAX:
        raise NotSubscribed(MALFORMED, f"1 to {REGIONS_PER_SOCKET_MAX} regions a socket")
    shown = tuple(_shown(text, shared, by_name, found) for text in wanted)
    for one in shown:
        if not all(may_subscribe(found, topic) for topic in one.topics):
            raise NotSubscribed(REFUSED, f"region {one.region.name} is not for {found.role}")
    since = query.get("since", "")
    return Asked(
        shown=tuple(dict.fromkeys(shown)),
        hz=RATE_HZ.get(query.get("rate", "tablet"), RATE_HZ["tablet"]),
        since=int(since) if since.isdecimal() and len(since) < 19 else NOTHING,
        epoch=query.get("epoch", ""),
    )


def _shown(text: str, shared: Mapping[str, str], by_name: Mapping[str, Region], found: Caller) -> Shown:
    try:
        name, own = read_shown(text)
        shown = Shown(
            region=by_name[name],
            params=tuple(sorted({**shared, **own}.items())),
            dom_id=dom_id(name, own),
            language=found.language,
        )
        _ = shown.topics
    except (ValueError, KeyError) as error:
        raise NotSubscribed(MALFORMED, f"no such region: {text[:60]}") from error
    return shown


async def _serve(websocket: WebSocket, hub: Hub, asked: Asked, ours: OpenSocket) -> None:
    known = asked.epoch == hub.epoch and asked.since <= hub.seq
    socket = direct_socket(websocket)
    since = asked.since if known else NOTHING
    client = Client(websocket.send_text, write=None if socket is None else socket.write_ready, since=since)
    audience = hub.join(client, asked.shown, asked.hz)
    if socket is not None:
        socket.on_text = lambda text: _take_acknowledgement(text, client, audience)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = (
                group.create_task(client.write_for_ever(audience)),
                group.create_task(_close_when_over(websocket, ours)),
            )
            await _read_acknowledgements(websocket, client, audience)
            for task in tasks:
                task.cancel()
    except* (WebSocketDisconnect, WebSocketDisconnected, _Gone):
        pass
    finally:
        if socket is not None:
            socket.on_text = None
        hub.leave(client, audience)


class _Gone(Exception):
    """We closed the socket ourselves."""


async def _read_acknowledgements(websocket: WebSocket, client: Client, audience: Audience) -> None:
    """The reader beside the writer: without it a client that left is never noticed (experiments.md, fact 10)."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = (message.get("text") or "").encode()
        if not _take_acknowledgement(text, client, audience):
            await websocket.close(TOO_BIG, "acknowledgements only")
            raise _Gone


def _take_acknowledgement(text: bytes, client: Client, audience: Audience) -> bool:
    """False if it is longer than anything a client of ours sends; nonsense is ignored."""
    if len(text) > INCOMING_FRAME_BYTES_MAX:
        return False
    if found := _ACKNOWLEDGEMENT(text):
        client.acknowledge(audience, int(found[1]))
    return True


async def _close_when_over(websocket: WebSocket, ours: OpenSocket) -> None:
    await ours.over.wait()
    await websocket.close(ours.code, ours.reason)
    raise _Gone
