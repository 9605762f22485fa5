"""A stock OPC UA client that drives the simulator as a bridge would, for its tests."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from asyncua import Client, ua

from tests.opcua_bridge.support import holds

_TYPES = {"Cycles": ua.VariantType.Int32, "Trigger": ua.VariantType.UInt32}


class MachineClient:
    """Subscribed to every tag from the start; remembers all it was told."""

    def __init__(self, endpoint: str, tags: list[str]) -> None:
        self._client = Client(endpoint, timeout=20, watchdog_intervall=3600)
        self._tags = tags
        self._triggers = itertools.count(1)
        self._index = 0
        self._news = asyncio.Event()
        self.told: dict[str, list[tuple[datetime, Any]]] = {tag: [] for tag in tags}
        self.events: list[Any] = []

    async def __aenter__(self) -> Self:
        await self._client.connect()
        self._index = await self._client.get_namespace_index("urn:lineside:simulator")
        subscription = await self._client.create_subscription(50, self)
        await subscription.subscribe_events()
        await subscription.subscribe_data_change([self._node(tag) for tag in self._tags], queuesize=10_000)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.disconnect()

    def _node(self, tag: str) -> Any:
        return self._client.get_node(ua.NodeId(tag, self._index))

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        self.told[node.nodeid.Identifier].append((data.monitored_item.Value.SourceTimestamp, value))
        self._news.set()

    def event_notification(self, event: Any) -> None:
        self.events.append(event)
        self._news.set()

    def values(self, tag: str) -> list[Any]:
        return [value for _, value in self.told[tag]]

    async def until(self, condition: Callable[[], Any], timeout_s: float = 60.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not holds(condition):
                self._news.clear()
                await self._news.wait()

    async def command(self, target: str, action: str, job: str, *, token: str, cycles: int = 0, **fields: str) -> str:
        """Write the fields, the trigger last; answer what the machine said."""
        values: dict[str, Any] = {"Token": token, "OrderId": job, "Action": action, "Cycles": cycles} | fields
        values["Trigger"] = next(self._triggers)
        for field, value in values.items():
            kind = _TYPES.get(field, ua.VariantType.String)
            await self._node(f"{target}.Cmd.{field}").write_value(ua.Variant(value, kind))
        assert await self._node(f"{target}.Cmd.AckToken").read_value() == token
        return str(await self._node(f"{target}.Cmd.AckResult").read_value())
