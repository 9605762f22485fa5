"""A TCP relay before a server: the cable that can be pulled, or go quiet without anybody noticing."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Relay:
    """Forwards a port to another one on loopback. The listening port stays the same as long as the relay lives."""

    def __init__(self) -> None:
        self.port = 0
        self._behind = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._accepting = True
        self._delay_s = 0.0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._near: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.thaw()
        self.cut()
        await self._server.wait_closed()

    def lead_to(self, port: int) -> None:
        self._behind = port

    def freeze(self) -> None:
        """Nothing passes in either direction; connections stay open, new ones are accepted and hear nothing."""
        self._flowing.clear()

    def thaw(self) -> None:
        """What was held up is delivered."""
        self._flowing.set()

    def cut(self) -> None:
        """Close every connection; what was under way is lost."""
        for writer in list(self._writers):
            writer.transport.abort()

    def delay(self, seconds: float) -> None:
        """What passes from now on arrives this much later, in its order; 0: at once."""
        self._delay_s = seconds

    def half_close(self) -> None:
        """Whoever connected is told that nothing more will come, and may still talk."""
        for writer in list(self._near):
            if writer.can_write_eof() and not writer.is_closing():
                writer.write_eof()

    def refuse(self, refusing: bool = True) -> None:
        """Accept new connections and close them at once, as a port forwarder does when nobody is behind it."""
        self._accepting = not refusing

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self._near.add(writer)
        try:
            if self._accepting:
                await self._join(reader, writer)
        except* OSError:
            pass
        finally:
            self._writers.discard(writer)
            self._near.discard(writer)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._behind)
        self._writers.add(inner_writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, inner_writer))
                group.create_task(self._pump(inner_reader, writer))
        finally:
            self._writers.discard(inner_writer)
            inner_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until either side has nothing more to say, or does not listen any more."""
        while data := await reader.read(65536):
            await self._flowing.wait()
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            try:
                writer.write(data)
            except RuntimeError as closed:  # half closed: nothing more may be said to that side
                raise ConnectionResetError from closed
            await writer.drain()
        raise ConnectionResetError
