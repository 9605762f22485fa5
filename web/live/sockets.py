"""The open sockets of one plant: how many a principal has, and whose session has ended meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from mes.access.door import Caller, signed_out_among
from mes.kernel.db import Database
from mes.kernel.errors import Unavailable
from web.live.limits import SESSION_CHECK_S, SOCKETS_PER_PLANT_MAX, SOCKETS_PER_PRINCIPAL_MAX

SESSION_OVER: Final = 4401
TRY_AGAIN_LATER: Final = 1013


class TooManySockets(Exception):
    """A principal may have SOCKETS_PER_PRINCIPAL_MAX, a plant SOCKETS_PER_PLANT_MAX."""


@dataclass(eq=False, slots=True)
class OpenSocket:
    """Somebody's; `over` is set once it has to be closed, with `code` and `reason`."""

    caller: Caller
    over: asyncio.Event = field(default_factory=asyncio.Event)
    code: int = SESSION_OVER
    reason: str = "signed out"


class OpenSockets:
    """Runs on one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: set[OpenSocket] = set()
        self._of_principal: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def one_more(self, caller: Caller) -> Iterator[OpenSocket]:
        """A socket, as long as it is open. TooManySockets."""
        is_full = len(self._open) >= SOCKETS_PER_PLANT_MAX
        if is_full or self._of_principal[caller.principal_pk] >= SOCKETS_PER_PRINCIPAL_MAX:
            raise TooManySockets
        socket = OpenSocket(caller)
        self._open.add(socket)
        self._of_principal[caller.principal_pk] += 1
        try:
            yield socket
        finally:
            self._open.remove(socket)
            self._of_principal[caller.principal_pk] -= 1
            self._of_principal += Counter()  # drops what is zero

    async def look_for_ever(self) -> None:
        """All sessions in one read, every SESSION_CHECK_S."""
        while True:
            await asyncio.sleep(SESSION_CHECK_S)
            with suppress(Unavailable):
                await self._look()

    async def _look(self) -> None:
        sockets = tuple(self._open)
        over = await signed_out_among(self._database, {socket.caller for socket in sockets})
        for socket in sockets:
            if socket.caller in over:
                socket.over.set()

    def end(self) -> None:
        """The plant is closed here: browsers come back, and are answered when it is open again."""
        for socket in self._open:
            socket.code, socket.reason = TRY_AGAIN_LATER, "the plant is out of service"
            socket.over.set()
