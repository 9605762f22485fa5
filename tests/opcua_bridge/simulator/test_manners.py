"""Every habit of the mean PLC, seen by a plain client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from opcua_bridge.simulator.manners import Republish, Transfer
from opcua_bridge.simulator.strict_server import DECOY, StrictServer
from tests.opcua_bridge.simulator.test_strict_server import (
    Seen,
    kill,
    lost_client,
    monitor,
    plain_client,
    publish,
    reattach,
    subscribe,
)

OVERFLOW = 0x480


@pytest.fixture
async def plc() -> AsyncIterator[StrictServer]:
    async with StrictServer() as server:
        await server.add("M.Count", "UInt32", 0)
        yield server


async def seen_of_a_burst(plc: StrictServer, *, queue: int = 1000, discard_oldest: bool = True) -> tuple[Any, Seen]:
    """What is seen of 0 and then 1 … 10 written at once, and what the server made of the item."""
    async with plain_client(plc) as client:
        seen = Seen()
        subscription = await client.uaclient.create_subscription(
            ua.CreateSubscriptionParameters(
                RequestedPublishingInterval=300,
                RequestedLifetimeCount=10_000,
                RequestedMaxKeepAliveCount=10,
                PublishingEnabled=True,
            ),
            seen,
        )
        index = await client.get_namespace_index("urn:lineside:strict")
        item = ua.MonitoredItemCreateRequest()
        item.ItemToMonitor.NodeId, item.ItemToMonitor.AttributeId = ua.NodeId("M.Count", index), ua.AttributeIds.Value
        item.MonitoringMode = ua.MonitoringMode.Reporting
        item.RequestedParameters = ua.MonitoringParameters(
            ClientHandle=1, SamplingInterval=0.0, QueueSize=queue, DiscardOldest=discard_oldest
        )
        (result,) = await client.uaclient.create_monitored_items(
            ua.CreateMonitoredItemsParameters(SubscriptionId=subscription.SubscriptionId, ItemsToCreate=[item])
        )
        await seen.wait_for(0)
        for value in range(1, 11):
            await plc.write("M.Count", value)
        async with asyncio.timeout(30):
            while len(seen.messages) < 2:
                seen.news.clear()
                await seen.news.wait()
        return result, seen


def of_burst(seen: Seen) -> list[tuple[Any, int]]:
    return [(value, status) for _, value, status in seen.items[1:]]


async def test_the_oldest_go_where_the_client_wants_the_newest(plc: StrictServer) -> None:
    plc.manners.queue_limit = 3
    item, seen = await seen_of_a_burst(plc)
    assert item.RevisedQueueSize == 3
    assert of_burst(seen) == [(8, OVERFLOW), (9, 0), (10, 0)]


async def test_the_newest_is_overwritten_where_the_client_wants_the_oldest(plc: StrictServer) -> None:
    _, seen = await seen_of_a_burst(plc, queue=3, discard_oldest=False)
    assert of_burst(seen) == [(1, 0), (2, 0), (10, OVERFLOW)]


@pytest.mark.parametrize("discard_oldest", [True, False])
async def test_a_queue_of_one_says_nothing_of_what_it_dropped(plc: StrictServer, discard_oldest: bool) -> None:
    _, seen = await seen_of_a_burst(plc, queue=1, discard_oldest=discard_oldest)
    assert of_burst(seen) == [(10, 0)]


async def test_some_servers_never_say_that_they_dropped_values(plc: StrictServer) -> None:
    plc.manners.overflow_bit = False
    _, seen = await seen_of_a_burst(plc, queue=3)
    assert of_burst(seen) == [(8, 0), (9, 0), (10, 0)]


async def test_what_changes_between_two_samples_is_never_seen_and_nothing_says_so(plc: StrictServer) -> None:
    item, _ = await seen_of_a_burst(plc)
    assert item.RevisedSamplingInterval == 0.0
    plc.manners.sampling_ms = 3_600_000.0
    await plc.write("M.Count", 0)
    item, seen = await seen_of_a_burst(plc)
    assert item.RevisedSamplingInterval == 3_600_000.0
    assert of_burst(seen) == [(10, 0)]


async def test_too_many_items_in_one_call_are_refused_together(plc: StrictServer) -> None:
    plc.manners.items_per_call = 1
    async with plain_client(plc) as client:
        number, first = await subscribe(client, Seen())
        assert first.StatusCode.is_good()
        item = ua.MonitoredItemCreateRequest()
        with pytest.raises(ua.uaerrors.BadTooManyOperations):
            await client.uaclient.create_monitored_items(
                ua.CreateMonitoredItemsParameters(SubscriptionId=number, ItemsToCreate=[item, item])
            )


async def test_an_item_is_refused_with_the_status_that_was_asked_for(plc: StrictServer) -> None:
    plc.manners.denied["M.Count"] = ua.StatusCodes.BadNotReadable
    async with plain_client(plc) as client:
        _, item = await subscribe(client, Seen())
    assert item.StatusCode.value == ua.StatusCodes.BadNotReadable


@pytest.mark.parametrize(
    ("habit", "error"),
    [(Republish.never, ua.uaerrors.BadMessageNotAvailable), (Republish.unsupported, ua.uaerrors.BadServiceUnsupported)],
)
async def test_republish_is_not_to_be_had(plc: StrictServer, habit: Republish, error: type[Exception]) -> None:
    token, subscription, following = await lost_client(plc)
    plc.manners.republish = habit
    client = await reattach(plc, token)
    with pytest.raises(error):
        await client.uaclient.session.republish(subscription, following)
    kill(client)


async def test_republish_answers_good_and_nothing(plc: StrictServer) -> None:
    token, subscription, following = await lost_client(plc)
    plc.manners.republish = Republish.empty
    client = await reattach(plc, token)
    message = await client.uaclient.session.republish(subscription, following)
    assert (message.SequenceNumber, message.NotificationData) == (0, [])
    kill(client)


@pytest.mark.parametrize(
    ("habit", "status"),
    [(Transfer.refused, ua.StatusCodes.BadUserAccessDenied), (Transfer.nothing, ua.StatusCodes.BadNothingToDo)],
)
async def test_a_transfer_is_answered_otherwise(plc: StrictServer, habit: Transfer, status: int) -> None:
    _, subscription, _ = await lost_client(plc)
    plc.manners.transfer = habit
    async with plain_client(plc) as client:
        wanted = ua.TransferSubscriptionsParameters(SubscriptionIds=[subscription])
        (result,) = await client.uaclient.transfer_subscriptions(wanted)
        assert result.StatusCode.value == status


async def test_a_server_may_know_no_transfer(plc: StrictServer) -> None:
    plc.manners.transfer = Transfer.unsupported
    async with plain_client(plc) as client:
        with pytest.raises(ua.uaerrors.BadServiceUnsupported):
            await client.uaclient.transfer_subscriptions(ua.TransferSubscriptionsParameters(SubscriptionIds=[1]))


async def start_of(client: Client) -> datetime:
    found: datetime = await client.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_StartTime)).read_value()
    return found


async def test_sessions_that_are_persisted_outlive_a_restart(plc: StrictServer) -> None:
    async with plain_client(plc) as client:
        before = await start_of(client)
    token, subscription, following = await lost_client(plc)
    await plc.restart(keep_sessions=True)
    client, seen = await reattach(plc, token), Seen()
    assert await start_of(client) > before
    message = await client.uaclient.session.republish(subscription, following)
    seen.take(message)
    assert seen.values[0] == 1
    kill(client)


async def test_an_item_of_a_node_made_again_stays_silent(plc: StrictServer) -> None:
    async with plain_client(plc) as client:
        seen = Seen()
        number, _ = await subscribe(client, seen)
        await seen.wait_for(0)
        plc.refuse_node("M.Count")
        await plc.write("M.Count", 1)
        await plc.remake("M.Count")
        await plc.write("M.Count", 2)
        await asyncio.sleep(0.3)
        assert seen.values == [0]
        assert (await monitor(client, number, "M.Count", 10)).StatusCode.is_good()
        await seen.wait_for(2)


async def test_messages_and_status_have_the_time_of_the_plc(plc: StrictServer) -> None:
    token, _, _ = await lost_client(plc)
    plc.shift_clock(-7200)
    await plc.write("M.Count", 9)
    client = await reattach(plc, token)
    async with asyncio.timeout(30):
        while True:
            response = await client.uaclient.publish([])
            message = getattr(response, "Parameters", response).NotificationMessage
            if (datetime.now(UTC) - message.PublishTime).total_seconds() > 7000:
                break
    await asyncio.sleep(0.5)
    assert (datetime.now(UTC) - await time_of(client)).total_seconds() > 7000
    kill(client)


async def time_of(client: Client) -> datetime:
    found: datetime = await client.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)).read_value()
    return found


async def test_a_subscription_that_is_ended_says_so(plc: StrictServer) -> None:
    token, _, _ = await lost_client(plc)
    client = await reattach(plc, token)
    seen = Seen()
    async with asyncio.timeout(30):
        while 3 not in seen.values:
            await publish(client, seen, [])
        last = asyncio.ensure_future(client.uaclient.publish([]))
        await asyncio.sleep(0.1)
        await plc.end_subscriptions()
        (change,) = (await last).Parameters.NotificationMessage.NotificationData
    assert change.Status.value == ua.StatusCodes.BadTimeout
    kill(client)


async def test_the_old_index_leads_to_another_node_of_the_same_name(plc: StrictServer) -> None:
    async with plain_client(plc) as client:
        before = await client.get_namespace_index("urn:lineside:strict")
    await plc.write("M.Count", 7)
    await plc.restart(shift_namespace=1)
    async with plain_client(plc) as client:
        assert await client.get_node(ua.NodeId("M.Count", before)).read_value() == DECOY


async def test_a_slow_line_is_slow_and_keeps_the_order(plc: StrictServer) -> None:
    async with plain_client(plc) as client:
        seen = Seen()
        await subscribe(client, seen)
        await seen.wait_for(0)
        plc.delay(0.2)
        for value in (1, 2, 3):
            await plc.write("M.Count", value)
        assert seen.values == [0]
        await seen.wait_for(3)
        assert seen.values == [0, 1, 2, 3]


async def test_a_connection_may_end_in_one_direction(plc: StrictServer) -> None:
    port = int(plc.endpoint.split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.1)
    plc.half_close()
    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.write(b"x")
    await writer.drain()
    writer.close()


async def test_a_renewed_certificate_is_another_one(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    async with StrictServer(certificates=folder) as plc:
        before = (folder / "certificate.der").read_bytes()
        await plc.renew_certificate()
        assert (folder / "certificate.der").read_bytes() != before
        client = plain_client(plc)
        [endpoint] = await client.connect_and_get_server_endpoints()
        assert endpoint.SecurityMode == ua.MessageSecurityMode.SignAndEncrypt
        assert endpoint.ServerCertificate == (folder / "certificate.der").read_bytes()


async def test_everything_shown_is_remembered(plc: StrictServer) -> None:
    await plc.write("M.Count", 1)
    await plc.write("M.Count", 2, status=ua.StatusCodes.BadSensorFailure)
    assert [(value, status) for value, status, _ in plc.told["M.Count"]] == [
        (0, 0),
        (1, 0),
        (None, ua.StatusCodes.BadSensorFailure),
    ]
