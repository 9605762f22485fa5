"""How long the server waits for a client, for how much, and for how many at once.

uvicorn waits for ever for the head of a request and takes one of any length: a few hundred connections that send a
byte now and then would be all that it has room for.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_S: Final = 10.0
"""From the first byte of a request, or from the connection on, until its head is there."""
BODY_S: Final = 120.0
"""From the head on until its body is there."""
HEAD_BYTES_MAX: Final = 65_536
CONNECTIONS_MAX: Final = 4_096
"""Live sockets among them. One more takes the place of the one that has waited longest without a request."""
OTHER_FILES: Final = 1_024
"""Open files that are no connections: databases of plants, mostly."""


class BoundedProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=BoundedProtocol)`; what keeps its bounds is served as its base does."""

    since = 0.0
    """Loop time since which it waits for a request."""
    _timer: asyncio.TimerHandle | None = None
    _in_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """One more than there may be: somebody goes who has nothing in hand, else this one."""
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) > CONNECTIONS_MAX:
            waiting = (one for one in self.connections if isinstance(one, BoundedProtocol) and one.has_nothing_in_hand)
            min(waiting, key=lambda one: one.since, default=self).transport.close()

    @property
    def has_nothing_in_hand(self) -> bool:
        """No request of it is being answered, and it is not about to go."""
        return (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A head that is too long is answered 431 and not read on."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(431)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()
        self._timer = self.loop.call_later(BODY_S, self.transport.close)

    def on_message_complete(self) -> None:
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self.since = self.loop.time()
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        """From here on it is the socket's."""
        self._stop_waiting()
        super().handle_websocket_upgrade()

    def _await_head(self) -> None:
        self.since = self.loop.time()
        self._in_head, self._head_bytes = True, 0
        self._timer = self.loop.call_later(HEAD_S, self._refuse, 408)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()


def make_room_for_connections() -> None:
    """As many open files as they need, where the system counts them and lets this process have so many."""
    if sys.platform == "win32":
        return
    import resource

    have, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + OTHER_FILES
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    if have != resource.RLIM_INFINITY and have < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
