"""uvicorn's websocket protocol with two short cuts that the live push takes where it finds them.

A frame that 200 clients get is put on the wire as the same ready-made bytes, without being serialised 200 times; and
an acknowledgement, one small text frame, is read on the spot, without waking a task and pausing the socket. Together
they are more than half of the processor time per message (benchmarks/push.py). Everything else, and every other
server, goes the plain ASGI way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from fastapi import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION: Final = "lineside.direct"
_FINAL_TEXT: Final = 0x81
_MASKED: Final = 0x80
_HEADER: Final = 6
_SMALL: Final = 125


class DirectProtocol(WebSocketsSansIOProtocol):
    """For `uvicorn.Config(ws=DirectProtocol)`; serves every websocket as its base does."""

    on_text: Callable[[bytes], bool] | None = None
    """Takes a text message at once; what it answers False to goes the usual way."""
    _between_frames = True

    def handle_connect(self, event: Any) -> None:
        """Offer the short cuts to the application."""
        super().handle_connect(event)
        if not self.close_sent:
            cast(dict[str, Any], self.scope["extensions"])[EXTENSION] = self

    def data_received(self, data: bytes) -> None:
        """The common case is one small masked text frame and nothing else; the rest is left to the parser."""
        if self.on_text is not None and self._between_frames and not self.close_sent:
            if is_small_text(data):
                if self.on_text(unmasked(data)):
                    return
            else:
                self._between_frames = ends_between_frames(data)
        super().data_received(data)

    def send_receive_event_to_app(self) -> None:
        """A message has arrived whole, through the parser."""
        if self.on_text is not None and self.curr_msg_data_type == "text" and not self.close_sent:
            text = b"".join(self.frames)
            if self.on_text(text):
                self.frames = []
                return
        super().send_receive_event_to_app()

    def write_ready(self, frame: bytes) -> bool:
        """Put a ready-made frame on the wire. False, and nothing done, where the peer is slow or the socket ends."""
        if self.close_sent or self.disconnected or not self.writable.is_set() or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True


def is_small_text(data: bytes) -> bool:
    """Whether these bytes are exactly one final masked text frame of at most 125 bytes (RFC 6455 section 5.2)."""
    length = len(data) - _HEADER
    return 0 <= length <= _SMALL and data[0] == _FINAL_TEXT and data[1] == _MASKED | length


def unmasked(data: bytes) -> bytes:
    """The payload of such a frame."""
    length = len(data) - _HEADER
    mask = int.from_bytes((data[2:_HEADER] * (length // 4 + 1))[:length], "little")
    return (int.from_bytes(data[_HEADER:], "little") ^ mask).to_bytes(length, "little")


def ends_between_frames(data: bytes) -> bool:
    """Whether bytes that begin with a masked frame also end with one. If in doubt, no: the parser goes on."""
    at = 0
    while at + 2 <= len(data):
        length = data[at + 1] & 0x7F
        if length > _SMALL:
            return False
        at += _HEADER + length
    return at == len(data)


def direct_socket(websocket: WebSocket) -> DirectProtocol | None:
    """The short cuts of this socket, if its server has them."""
    found = websocket.scope.get("extensions", {}).get(EXTENSION)
    return found if isinstance(found, DirectProtocol) else None
