"""What the machine's server says in place of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from asyncua import ua

from opcua_bridge.channel import Channel
from opcua_bridge.tag_map import Endpoint, parse_tag_map
from opcua_bridge.trust import Trust
from tests.opcua_bridge.support import Network, machine, tag_map_text
from tests.opcua_bridge.test_source import COUNT


@asynccontextmanager
async def channel_to(url: str, folder: Path) -> AsyncIterator[Channel]:
    """With a session."""
    channel = Channel(endpoint_at(url), Trust(folder / "trust"))
    await channel.open()
    try:
        await channel.create_session()
        yield channel
    finally:
        channel.close()


def endpoint_at(url: str) -> Endpoint:
    return parse_tag_map(tag_map_text(url, {"Count": "counter"})).endpoints[0]


async def test_a_fault_in_place_of_a_notification_is_the_servers_status(tmp_path: Path) -> None:
    async with machine(COUNT) as it, channel_to(it.url, tmp_path) as channel, asyncio.timeout(10):
        with pytest.raises(ua.uaerrors.BadNoSubscription):
            await channel.publish(1, [])


async def test_waiting_for_a_notification_ends_with_the_connection(tmp_path: Path) -> None:
    async with machine(COUNT) as it, Network(it.port) as network, channel_to(network.url, tmp_path) as channel:
        async with asyncio.timeout(20):
            number = int((await channel.create_subscription(endpoint_at(network.url))).SubscriptionId)
            assert not (await channel.publish(number, [])).message.has_data
            waiting = asyncio.create_task(channel.publish(number, []))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            network.cut()
            with pytest.raises(OSError):
                await waiting
            with pytest.raises(ConnectionError):
                await channel.publish(number, [])
