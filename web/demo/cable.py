"""The cable between bridge and machines: a TCP proxy that can be pulled. Pulled is silent, not closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

_CHUNK: Final = 64 * 1024


class Cable:
    """Carries bytes both ways between whoever connects and one port of this computer."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._in = asyncio.Event()
        self._in.set()
        self._wires: set[asyncio.StreamWriter] = set()
        self._all_cut = asyncio.Event()
        self._all_cut.set()

    @property
    def is_in(self) -> bool:
        """Whether bytes get through."""
        return self._in.is_set()

    def pull(self) -> None:
        """From now on nothing gets through, and nobody is told."""
        self._in.clear()

    def plug_in(self) -> None:
        """Whatever waited goes on."""
        self._in.set()

    @asynccontextmanager
    async def laid(self, port: int) -> AsyncIterator[int]:
        """Listen on a loopback port (0: any) while the block lasts; gives the port."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            self._in.set()
            for wire in tuple(self._wires):
                wire.transport.abort()
            await self._all_cut.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._wires.add(writer)
        self._all_cut.clear()
        try:
            await self._in.wait()
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
            self._wires.add(there_writer)
            try:
                await self._carry_both_ways((reader, writer), (there_reader, there_writer))
            finally:
                self._wires.discard(there_writer)
                there_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._wires.discard(writer)
            writer.transport.abort()
            if not self._wires:
                self._all_cut.set()

    async def _carry_both_ways(
        self,
        here: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        with suppress(_Ended):
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._carry(here[0], there[1]))
                    group.create_task(self._carry(there[0], here[1]))
            except* (OSError, _Ended):
                raise _Ended from None

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._in.wait()
            writer.write(data)
            await writer.drain()
        raise _Ended


class _Ended(Exception):
    """One side has hung up."""
