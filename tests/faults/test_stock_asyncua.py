"""What stock asyncua was measured to lose (docs/upstream-asyncua.md), and the bridge does not.

The stock half shows the failure with the very version we pin. When one of these fails because stock has become better,
strike it from the list and think again about what the bridge does itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.client.ua_session import UaSession

from opcua_bridge.simulator.manners import Republish, Transfer
from opcua_bridge.simulator.strict_server import DECOY, StrictServer
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import URI, Mes, tag_map_text, until
from tests.opcua_bridge.test_source import without_rereads

TAGS = ("Count", "Other")


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)


@pytest.fixture
async def plc() -> AsyncIterator[StrictServer]:
    async with StrictServer(URI) as server:
        for tag in TAGS:
            await server.add(tag, "UInt32", 0)
        yield server


class Stock:
    """asyncua as its documentation has it: auto_reconnect, create_subscription, subscribe_data_change."""

    def __init__(self, plc: StrictServer) -> None:
        self.client = Client(plc.endpoint, timeout=4, auto_reconnect=True)
        self.told: dict[str, list[Any]] = {tag: [] for tag in TAGS}

    async def __aenter__(self) -> Stock:
        await self.client.connect()
        index = await self.client.get_namespace_index(URI)
        self.subscription = await self.client.create_subscription(50, self)
        nodes = [self.client.get_node(ua.NodeId(tag, index)) for tag in TAGS]
        await self.subscription.subscribe_data_change(nodes, queuesize=1000)
        await until(lambda: all(self.told.values()), what="stock is told the first values")
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(10):
                await self.client.disconnect()

    def datachange_notification(self, node: Any, value: Any, _data: Any) -> None:
        self.told[node.nodeid.Identifier].append(value)


async def bridged(plc: StrictServer, bridges: Bridges, mes: Mes) -> None:
    await bridges.start(tag_map_text(plc.endpoint, dict.fromkeys(TAGS, "counter")))
    await until(lambda: all(mes.good(tag) for tag in TAGS), what="the bridge has the first values")


async def count(plc: StrictServer, first: int, last: int, *, every_s: float = 0.02) -> None:
    for value in range(first, last + 1):
        await plc.write("Count", value)
        await asyncio.sleep(every_s)


async def cut_for_two_seconds(plc: StrictServer) -> None:
    """The machine counts on, once every 20 ms. Its server answers a transfer like node-opcua's."""
    plc.manners.transfer = Transfer.nothing
    plc.refuse_connections()
    plc.drop_connections()
    await count(plc, 1, 100)
    plc.refuse_connections(False)
    await asyncio.sleep(0.2)


async def test_a_cut_of_two_seconds_loses_values_in_stock(plc: StrictServer) -> None:
    async with Stock(plc) as stock:
        await cut_for_two_seconds(plc)
        await plc.write("Count", 101)
        await until(lambda: stock.told["Count"][-1] >= 100, what="stock is back")
        missing = set(range(102)) - set(stock.told["Count"])
        assert len(missing) > 50


async def test_a_cut_of_two_seconds_loses_nothing_in_the_bridge(plc: StrictServer, bridges: Bridges, mes: Mes) -> None:
    await bridged(plc, bridges, mes)
    await cut_for_two_seconds(plc)
    await plc.write("Count", 101)
    await until(lambda: mes.good("Count")[-1] == 101)
    assert without_rereads(mes.good("Count")) == list(range(102))
    assert not mes.gaps()


class Republished:
    """How often Republish is asked for, by whomever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        republish = UaSession.republish

        async def counted(session: UaSession, *args: Any, **kwargs: Any) -> Any:
            self.times += 1
            return await republish(session, *args, **kwargs)

        monkeypatch.setattr(UaSession, "republish", counted)


async def test_stock_republishes_for_ever_where_the_server_answers_good_and_nothing(
    plc: StrictServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plc.manners.republish = Republish.empty
    republished = Republished(monkeypatch)
    async with Stock(plc):
        plc.drop_connections()
        await until(lambda: republished.times > 200, what="stock goes on asking")


async def test_the_bridge_asks_once_for_what_is_not_there(
    plc: StrictServer, bridges: Bridges, mes: Mes, monkeypatch: pytest.MonkeyPatch
) -> None:
    plc.manners.republish = Republish.empty
    republished = Republished(monkeypatch)
    await bridged(plc, bridges, mes)
    plc.drop_connections()
    await plc.write("Count", 5)
    await until(lambda: 5 in mes.good("Count"))
    assert republished.times <= 3


async def shifted(plc: StrictServer) -> None:
    await plc.restart(shift_namespace=1)
    for value in range(1, 51):
        await plc.write("Count", value)
        await asyncio.sleep(0.1)


async def test_stock_watches_other_nodes_after_the_namespaces_have_moved(plc: StrictServer) -> None:
    """What had the old index is another machine's node now; stock is connected, and takes its word for ours."""
    async with Stock(plc) as stock:
        await shifted(plc)
        await until(lambda: DECOY in stock.told["Count"], what="stock is back")
        await plc.write("Count", 51)
        await asyncio.sleep(1.0)
        assert not set(stock.told["Count"]) & set(range(1, 52))


async def test_the_bridge_finds_its_nodes_by_uri_again(plc: StrictServer, bridges: Bridges, mes: Mes) -> None:
    await bridged(plc, bridges, mes)
    await shifted(plc)
    await until(lambda: mes.good("Count")[-1] == 50)
    assert [g["reason"] for g in mes.gaps()] == ["server-restarted"]


async def without_a_node(plc: StrictServer, node: str) -> None:
    plc.manners.denied[node] = ua.StatusCodes.BadNodeIdUnknown
    await plc.restart()
    for value in range(1, 31):
        await plc.write("Other", value)
        await asyncio.sleep(0.1)


async def test_stock_drops_a_node_that_is_missing_once_for_good(plc: StrictServer) -> None:
    async with Stock(plc) as stock:
        await without_a_node(plc, "Count")
        await until(lambda: stock.told["Other"][-1] > 0, what="stock is back")
        plc.manners.denied.clear()
        await plc.write("Count", 7)
        await asyncio.sleep(3.0)
        assert 7 not in stock.told["Count"]


async def test_the_bridge_asks_again_for_a_node_that_was_missing(plc: StrictServer, bridges: Bridges, mes: Mes) -> None:
    agent = await bridges.start(tag_map_text(plc.endpoint, dict.fromkeys(TAGS, "counter")))
    agent.source("machine")._retry_first_s = 0.3
    await until(lambda: all(mes.good(tag) for tag in TAGS))
    await without_a_node(plc, "Count")
    await until(lambda: mes.bad("Count"), what="that it is missing is said")
    plc.manners.denied.clear()
    await plc.write("Count", 7)
    await until(lambda: 7 in mes.good("Count"))


async def test_stock_does_not_notice_that_its_subscription_is_gone(plc: StrictServer) -> None:
    async with Stock(plc) as stock:
        await plc.forget_subscriptions()
        await count(plc, 1, 50, every_s=0.1)
        assert stock.told["Count"] == [0]


async def test_the_bridge_notices_within_seconds_that_its_subscription_is_gone(
    plc: StrictServer, bridges: Bridges, mes: Mes
) -> None:
    await bridged(plc, bridges, mes)
    await plc.forget_subscriptions()
    await plc.write("Count", 3)
    await until(lambda: 3 in mes.good("Count"), timeout_s=10)
    assert [g["reason"] for g in mes.gaps()] == ["subscription-lost"]


async def test_stock_does_not_notice_a_message_that_never_came(plc: StrictServer) -> None:
    """It has no word for it: no callback, no exception, not even a line in the log."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("asyncua.client")
    async with Stock(plc) as stock:
        logger.setLevel(logging.WARNING)
        logger.addHandler(handler)
        try:
            plc.skip_message()
            await plc.write("Count", 1)
            await until(lambda: stock.told["Count"][-1] == 1)
            assert not said
        finally:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)


async def test_the_bridge_records_a_message_that_never_came(plc: StrictServer, bridges: Bridges, mes: Mes) -> None:
    await bridged(plc, bridges, mes)
    plc.skip_message()
    await plc.write("Count", 1)
    await until(lambda: mes.good("Count")[-1] == 1)
    assert [g["reason"] for g in mes.gaps()] == ["sequence-gap"]


BURST = 1500


async def test_stocks_iterator_drops_what_its_queue_does_not_hold(plc: StrictServer) -> None:
    """1000 by default, the oldest go, and nothing says so."""
    async with Client(plc.endpoint, timeout=4) as client:
        index = await client.get_namespace_index(URI)
        subscription = await client.create_subscription(200)
        await subscription.subscribe_data_change(client.get_node(ua.NodeId("Count", index)), queuesize=10_000)
        await asyncio.sleep(0.5)
        for value in range(1, BURST + 1):
            await plc.write("Count", value)
        await asyncio.sleep(2.0)
        told = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                async for event in subscription:
                    told.append(event.value)
                    if event.value == BURST:
                        break
    assert told[-1] == BURST
    assert len(told) < BURST


async def test_the_bridge_keeps_a_burst_whole(plc: StrictServer, bridges: Bridges, mes: Mes) -> None:
    await bridged(plc, bridges, mes)
    for value in range(1, BURST + 1):
        await plc.write("Count", value)
    await until(lambda: mes.good("Count")[-1] == BURST)
    assert without_rereads(mes.good("Count")) == list(range(BURST + 1))
