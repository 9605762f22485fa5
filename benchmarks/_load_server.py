"""An OPC UA server that costs next to nothing: asyncua does handshake, session and monitored items; every
PublishRequest is answered at once with one value of each item, from bytes made once, in which counters and times are
renewed.

    python benchmarks/_load_server.py PORT ITEMS [FAST]

After FAST notifications the client gets one each 200 ms.
"""

from __future__ import annotations

import asyncio
import math
import struct
import sys
import time
from dataclasses import dataclass
from typing import Any, Final

from asyncua import Server, ua
from asyncua.server import internal_subscription, uaprocessor

NAMESPACE: Final = "urn:lineside:load"
KINDS: Final = ("Double",) * 4 + ("Int32",) * 2 + ("UInt32",) + ("Boolean",) * 2 + ("String",)
"""Types of every ten items."""
_LAYOUT: Final = {"Double": (11, "<d"), "Int32": (6, "<i"), "UInt32": (7, "<I"), "Boolean": (1, "<?")}
_TEXT: Final = b"PCB-00001234"
_MASK: Final = 0b1101
"""Value, source time, server time."""
SLOW_S: Final = 0.2
_PUBLISH: Final = ua.NodeId(ua.ObjectIds.PublishRequest_Encoding_DefaultBinary)


def item_name(number: int) -> str:
    """The node's identifier."""
    return f"V{number}"


class Notification:
    """One value of each item, as bytes."""

    def __init__(self, handles: list[int]) -> None:
        self._counters: list[tuple[int, str]] = []
        self._times: list[int] = []
        self._count = 0
        self.body = bytearray()
        for number, handle in enumerate(handles):
            self._add(handle, KINDS[number % len(KINDS)])

    def _add(self, handle: int, kind: str) -> None:
        body = self.body
        if kind == "String":
            body += struct.pack("<IBBi", handle, _MASK, 12, len(_TEXT)) + _TEXT
        else:
            code, layout = _LAYOUT[kind]
            body += struct.pack("<IBB", handle, _MASK, code)
            if kind != "Boolean":
                self._counters.append((len(body), layout))
            body += struct.pack(layout, 0)
        self._times.append(len(body))
        body += bytes(16)

    def renew(self) -> bytes:
        """Every counter one more, every time now."""
        self._count += 1
        now = filetime()
        for at, layout in self._counters:
            struct.pack_into(layout, self.body, at, self._count)
        for at in self._times:
            struct.pack_into("<qq", self.body, at, now, now)
        return bytes(self.body)


def filetime() -> int:
    """Now, in steps of 100 ns since 1601."""
    return time.time_ns() // 100 + 116_444_736_000_000_000


@dataclass
class Stream:
    """What one subscription is sent."""

    items: int
    notification: Notification
    sequence: int = 0
    sent_at: float = 0.0

    def response(self, subscription_id: int, request_handle: int, acknowledged: int) -> bytes:
        """The next PublishResponse."""
        self.sequence += 1
        values, now = self.notification.renew(), filetime()
        return b"".join(
            (
                struct.pack("<BBHqIIBiHB", 1, 0, 829, now, request_handle, 0, 0, 0, 0, 0),
                struct.pack("<IiI?", subscription_id, 1, self.sequence, False),
                struct.pack("<IqiBBHB", self.sequence, now, 1, 1, 0, 811, 1),
                struct.pack("<ii", 8 + len(values), self.items),
                values,
                struct.pack("<ii", 0, acknowledged),
                bytes(4 * acknowledged),
                struct.pack("<i", 0),
            )
        )


class Publisher:
    """Stands in for asyncua's publishing."""

    def __init__(self, items: int, fast: float = math.inf) -> None:
        self._items, self._fast = items, fast
        self._streams: dict[int, Stream] = {}
        self._waiting: list[tuple[Any, Any, Any, int]] = []

    def install(self) -> None:
        """Into asyncua's server classes of this process."""
        process = uaprocessor.UaProcessor._process_message

        async def processed(processor: Any, type_id: Any, header: Any, sequence: Any, body: Any) -> bool:
            if type_id != _PUBLISH:
                return bool(await process(processor, type_id, header, sequence, body))
            processor.session.touch()
            acknowledged = struct.unpack_from("<i", bytes(body))[0]
            self._answer(processor, header, sequence, max(acknowledged, 0))
            return True

        async def silent(*_: Any) -> bool:
            return False

        uaprocessor.UaProcessor._process_message = processed
        internal_subscription.InternalSubscription.publish_results = silent

    def _answer(self, processor: Any, header: Any, sequence: Any, acknowledged: int) -> None:
        found = self._stream_of(processor)
        if found is None:
            self._waiting.append((processor, header, sequence, acknowledged))
            return
        subscription_id, stream = found
        if stream.sequence >= self._fast and stream.sent_at + SLOW_S > time.monotonic():
            self._waiting.append((processor, header, sequence, acknowledged))
            return
        stream.sent_at = time.monotonic()
        body = stream.response(subscription_id, header.RequestHandle, acknowledged)
        processor._transport.write(processor._connection.message_to_binary(body, request_id=sequence.RequestId))

    def _stream_of(self, processor: Any) -> tuple[int, Stream] | None:
        subscriptions = processor.iserver.subscription_service.subscriptions
        for number, subscription in subscriptions.items():
            items = subscription.monitored_item_srv._monitored_items
            if subscription.session_id == processor.session.session_id and len(items) >= self._items:
                handles = [int(item.client_handle) for item in items.values()]
                return number, self._streams.setdefault(number, Stream(len(handles), Notification(handles)))
        return None

    async def serve_waiting(self) -> None:
        """Answer requests that came before their items, or before it is time. Never returns."""
        while True:
            await asyncio.sleep(0.02)
            waiting, self._waiting = self._waiting, []
            for processor, header, sequence, acknowledged in waiting:
                if not processor._transport.is_closing():
                    self._answer(processor, header, sequence, acknowledged)


async def serve(port: int, items: int, fast: float = math.inf) -> None:
    """Prints "ready"; never returns."""
    publisher = Publisher(items, fast)
    publisher.install()
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    space = await server.register_namespace(NAMESPACE)
    for number in range(items):
        if number % 100 == 0:
            folder = await server.nodes.objects.add_object(space, f"Group{number // 100}")
        kind = ua.VariantType[KINDS[number % len(KINDS)]]
        value: Any = {"String": "", "Double": 0.0, "Boolean": False}.get(kind.name, 0)
        await folder.add_variable(ua.NodeId(item_name(number), space), item_name(number), value, kind)
    async with server:
        print("ready", flush=True)
        await publisher.serve_waiting()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:])))
