"""The mean PLC is as mean as it says, seen by a stock client and by a client that knows how to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asyncua import Client, ua

from opcua_bridge.simulator.strict_server import StrictServer


@pytest.fixture
async def plc() -> AsyncIterator[StrictServer]:
    async with StrictServer() as server:
        await server.add("M.Count", "UInt32", 0)
        yield server


class Seen:
    """Everything a subscription was told."""

    def __init__(self) -> None:
        self.items: list[tuple[int, Any, int]] = []
        self.messages: list[int] = []
        self.news = asyncio.Event()

    async def __call__(self, result: ua.PublishResult) -> None:
        message = result.NotificationMessage
        if message.NotificationData:
            self.messages.append(message.SequenceNumber)
            self.take(message)

    def take(self, message: ua.NotificationMessage) -> None:
        for data in message.NotificationData:
            for item in getattr(data, "MonitoredItems", ()):
                status = item.Value.StatusCode.value if item.Value.StatusCode else 0
                self.news.set()
                self.items.append((item.ClientHandle, item.Value.Value.Value if item.Value.Value else None, status))

    @property
    def values(self) -> list[Any]:
        return [value for _, value, _ in self.items]

    async def wait_for(self, value: Any) -> None:
        async with asyncio.timeout(30):
            while value not in self.values:
                self.news.clear()
                await self.news.wait()


def plain_client(plc: StrictServer) -> Client:
    return Client(plc.endpoint, timeout=20, watchdog_intervall=3600)


async def subscribe(client: Client, seen: Seen, tag: str = "M.Count", queue: int = 1000) -> tuple[int, Any]:
    parameters = ua.CreateSubscriptionParameters(
        RequestedPublishingInterval=50,
        RequestedLifetimeCount=10_000,
        RequestedMaxKeepAliveCount=10,
        PublishingEnabled=True,
    )
    subscription = await client.uaclient.create_subscription(parameters, seen)
    number = subscription.SubscriptionId
    return number, (await monitor(client, number, tag, queue))


async def monitor(client: Client, subscription: int, tag: str, queue: int) -> Any:
    index = await client.get_namespace_index("urn:lineside:strict")
    item = ua.MonitoredItemCreateRequest()
    item.ItemToMonitor.NodeId, item.ItemToMonitor.AttributeId = ua.NodeId(tag, index), ua.AttributeIds.Value
    item.MonitoringMode = ua.MonitoringMode.Reporting
    item.RequestedParameters.ClientHandle, item.RequestedParameters.QueueSize = 1, queue
    (result,) = await client.uaclient.create_monitored_items(
        ua.CreateMonitoredItemsParameters(SubscriptionId=subscription, ItemsToCreate=[item])
    )
    return result


def kill(client: Client) -> ua.NodeId:
    """What kill -9 leaves of a client: its session's token, nothing closed properly."""
    token = client.uaclient.session.authentication_token
    client.disconnect_socket()
    return token


async def reattach(plc: StrictServer, token: ua.NodeId) -> Client:
    """What a new process does: a fresh connection, no CreateSession, the old token."""
    client = plain_client(plc)
    await client.connect_socket()
    await client.send_hello()
    await client.open_secure_channel()
    client.uaclient.session.restore_authentication_token(token)
    await client._activate_with_credentials()
    return client


async def republish_from(client: Client, subscription: int, number: int, seen: Seen) -> int:
    while True:
        try:
            message = await client.uaclient.session.republish(subscription, number)
        except ua.uaerrors.BadMessageNotAvailable:
            return number
        seen.take(message)
        number += 1


async def publish(client: Client, seen: Seen, acknowledged: list[ua.SubscriptionAcknowledgement]) -> None:
    response = await client.uaclient.publish(acknowledged)
    await seen(response.Parameters if hasattr(response, "Parameters") else response)


async def lost_client(plc: StrictServer) -> tuple[ua.NodeId, int, int]:
    """A client that got the first value and died while three more were written: token, subscription, next number."""
    client, seen = plain_client(plc), Seen()
    await client.connect()
    subscription, _ = await subscribe(client, seen)
    await seen.wait_for(0)
    following = seen.messages[-1] + 1
    token = kill(client)
    for value in (1, 2, 3):
        await plc.write("M.Count", value)
        await asyncio.sleep(0.08)
    return token, subscription, following


async def test_new_process_takes_up_session_and_loses_nothing(plc: StrictServer) -> None:
    token, subscription, following = await lost_client(plc)
    client, seen = await reattach(plc, token), Seen()
    for _ in range(2):  # a message stays until it is acknowledged
        await republish_from(client, subscription, following, seen)
    while 3 not in seen.values:
        await publish(client, seen, [])
    assert sorted(set(seen.values)) == [1, 2, 3]
    kill(client)


async def test_new_session_takes_over_subscription(plc: StrictServer) -> None:
    _, subscription, following = await lost_client(plc)
    client, seen = plain_client(plc), Seen()
    await client.connect()
    (result,) = await client.uaclient.transfer_subscriptions(
        ua.TransferSubscriptionsParameters(SubscriptionIds=[subscription])
    )
    result.StatusCode.check()
    await republish_from(client, subscription, following, seen)
    await plc.write("M.Count", 4)
    async with asyncio.timeout(30):
        while 4 not in seen.values:
            await publish(client, seen, [])
    assert seen.values == [1, 2, 3, 4]
    await client.disconnect()


async def test_forgotten_session_is_refused(plc: StrictServer) -> None:
    token, _, _ = await lost_client(plc)
    await plc.forget_sessions()
    with pytest.raises(ua.uaerrors.BadSessionIdInvalid):
        await reattach(plc, token)


async def test_overflow_is_marked_on_the_oldest_value_left(plc: StrictServer) -> None:
    plc.limit_queue(3)
    async with plain_client(plc) as client:
        seen = Seen()
        subscription, item = await subscribe(client, seen, queue=1000)
        assert item.RevisedQueueSize == 3
        await seen.wait_for(0)
        for value in range(1, 11):
            await plc.write("M.Count", value)
        await seen.wait_for(10)
        assert [(value, status) for _, value, status in seen.items[1:]] == [(8, 0x480), (9, 0), (10, 0)]
        assert subscription


async def test_frozen_server_answers_nothing_then_everything(plc: StrictServer) -> None:
    async with plain_client(plc) as client:
        seen = Seen()
        await subscribe(client, seen)
        await seen.wait_for(0)
        plc.freeze()
        await plc.write("M.Count", 1)
        await asyncio.sleep(0.3)
        assert seen.values == [0]
        plc.thaw()
        await seen.wait_for(1)


async def test_refused_node_is_unknown(plc: StrictServer) -> None:
    plc.refuse_node("M.Count")
    async with plain_client(plc) as client:
        _, item = await subscribe(client, Seen())
    assert item.StatusCode.value == ua.StatusCodes.BadNodeIdUnknown


async def test_restart_moves_the_namespace(plc: StrictServer) -> None:
    async with plain_client(plc) as client:
        before = await client.get_namespace_index("urn:lineside:strict")
    await plc.write("M.Count", 7)
    await plc.restart(shift_namespace=2)
    async with plain_client(plc) as client:
        after = await client.get_namespace_index("urn:lineside:strict")
        assert await client.get_node(ua.NodeId("M.Count", after)).read_value() == 7
    assert after == before + 2


async def test_bad_status_other_type_and_clock(plc: StrictServer) -> None:
    async with plain_client(plc) as client:
        seen = Seen()
        await subscribe(client, seen)
        await plc.write("M.Count", 1, status=ua.StatusCodes.BadSensorFailure)
        await plc.write("M.Count", "five", data_type="String")
        await seen.wait_for("five")
        assert seen.items[1:] == [(1, None, ua.StatusCodes.BadSensorFailure), (1, "five", 0)]
        plc.shift_clock(-3600)
        before = plc.now()
        await plc.write("M.Count", "six")
        index = await client.get_namespace_index("urn:lineside:strict")
        data = await client.get_node(ua.NodeId("M.Count", index)).read_data_value()
        assert abs((data.SourceTimestamp - before).total_seconds()) < 5


async def test_forgotten_subscription_is_silent_and_a_skipped_message_leaves_a_gap(plc: StrictServer) -> None:
    async with plain_client(plc) as client:
        seen = Seen()
        await subscribe(client, seen)
        await seen.wait_for(0)
        plc.skip_message()
        await plc.write("M.Count", 1)
        await seen.wait_for(1)
        assert seen.messages == [1, 3]
        await plc.forget_subscriptions()
        await plc.write("M.Count", 2)
        await asyncio.sleep(0.3)
        assert seen.values == [0, 1]
