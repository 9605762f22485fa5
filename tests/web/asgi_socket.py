"""A websocket client for an ASGI application in this process, as httpx.ASGITransport is for requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.types import ASGIApp, Message


class SocketClosed(Exception):
    """The application closed the socket, or refused it (`accepted` False)."""

    def __init__(self, code: int, reason: str, *, accepted: bool) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason
        self.accepted = accepted


class Socket:
    """One open socket. What it receives after a close raises SocketClosed."""

    def __init__(self) -> None:
        self.to_app: asyncio.Queue[Message] = asyncio.Queue()
        self.from_app: asyncio.Queue[Message] = asyncio.Queue()
        self.accepted = False

    async def send_text(self, text: str) -> None:
        await self.to_app.put({"type": "websocket.receive", "text": text})

    async def receive_json(self) -> Any:
        message = await self.next_message()
        return orjson.loads(message.get("text") or message["bytes"])

    async def next_message(self) -> Message:
        async with asyncio.timeout(5):
            message = await self.from_app.get()
        if message["type"] == "websocket.accept":
            self.accepted = True
            return await self.next_message()
        if message["type"] == "websocket.close":
            raise SocketClosed(message.get("code", 1000), message.get("reason") or "", accepted=self.accepted)
        return message


@asynccontextmanager
async def open_socket(app: ASGIApp, url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Socket]:
    """Connect; leaving disconnects and waits until the application has let go of the socket (at most 5 s)."""
    path, _, query = url.partition("?")
    sent = {"host": "mes.test", **(headers or {})}
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("mes.test", 80),
        "subprotocols": [],
        "state": {},
        "extensions": {},
    }
    socket = Socket()
    await socket.to_app.put({"type": "websocket.connect"})
    async with asyncio.TaskGroup() as group:
        call: Any = app(scope, socket.to_app.get, socket.from_app.put)
        running = group.create_task(call)
        yield socket
        await socket.to_app.put({"type": "websocket.disconnect", "code": 1001})
        async with asyncio.timeout(5):
            await running
