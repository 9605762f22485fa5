"""Waiting for the outbox to grow: woken by this process's commits, and looking each second for those of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakKeyDictionary

from mes.exchange.feed.errors import TooManyListeners
from mes.exchange.feed.types import LISTENERS_MAX
from mes.kernel.db import Database

LOOK_S: Final = 1.0
PAUSE_S: Final = 0.05
"""Between two looks, however much is committed."""
_listening: WeakKeyDictionary[Database, int] = WeakKeyDictionary()


class Listener:
    """One reader that waits."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._woken.set)

    async def rest(self) -> None:
        """Until something was committed, or may have been elsewhere."""
        await asyncio.sleep(PAUSE_S)
        try:
            async with asyncio.timeout(LOOK_S):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()


@asynccontextmanager
async def listening(database: Database) -> AsyncIterator[Listener]:
    """A listener to a plant's commits. `too-many-listeners`."""
    if _listening.get(database, 0) >= LISTENERS_MAX:
        raise TooManyListeners(f"{LISTENERS_MAX} readers wait already.")
    listener = Listener()
    unsubscribe = database.on_commit(listener.wake)
    _listening[database] = _listening.get(database, 0) + 1
    try:
        yield listener
    finally:
        unsubscribe()
        _listening[database] -= 1
