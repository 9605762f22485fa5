"""Somebody who receives webhooks: a real HTTP server on a free port; it answers as it is told and keeps what came."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def seq(self) -> int:
        return int(orjson.loads(self.body)["seq"])


Answer = Callable[[Received], str]


@dataclass
class Receiver:
    """`answer` gives a status line with headers, and what follows the first blank line is the body."""

    port: int = 0
    answer: Answer = lambda _: "204 No Content"
    delay_s: float = 0
    came: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=1"

    @property
    def seqs(self) -> list[int]:
        return [one.seq for one in self.came]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (received := await _read(reader)) is not None:
                self.came.append(received)
                await asyncio.sleep(self.delay_s)
                head, _, body = self.answer(received).partition("\n\n")
                length = "" if head.startswith("204") else f"\r\nContent-Length: {len(body)}"
                writer.write(("HTTP/1.1 " + head.replace("\n", "\r\n") + length + "\r\n\r\n" + body).encode())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(head[0].split()[1], headers, body)


@asynccontextmanager
async def receiving(answer: Answer | None = None, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    if answer is not None:
        receiver.answer = answer
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
