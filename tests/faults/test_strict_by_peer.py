"""The strict server as a client of another make sees it: the behaviours of servers that were measured, one by one.

25 changes in a publishing interval of 500 ms, as measured: what a queue holds, what is dropped, what is said of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from opcua_bridge.simulator.strict_server import NAMESPACE, StrictServer
from tests.opcua_bridge.support import until
from tests.support.node_peer import NodeClient, Peer, PeerError

JUDGES: Final = (("node-opcua-client", None),)

NODE = f"nsu={NAMESPACE};s=M.Count"
CHANGES = 25


class KeepOldestClient(NodeClient):
    def __init__(self, folder: Path) -> None:
        Peer.__init__(self, "keep_oldest_client.js", folder)


@pytest.fixture
async def plc() -> AsyncIterator[StrictServer]:
    async with StrictServer() as server:
        await server.add("M.Count", "UInt32", 0)
        yield server


async def told(plc: StrictServer, client: NodeClient, **config: Any) -> tuple[dict[str, Any], list[tuple[Any, bool]]]:
    """What the server made of the item, and what the client is told of 25 changes at once: value, overflow."""
    settings = {"publishing_ms": 500, "print": True} | config
    answer = await client.subscribe(plc.endpoint, [NODE], **settings)
    await until(lambda: client.values(NODE) == [0], what="the first value")
    for value in range(1, CHANGES + 1):
        await plc.write("M.Count", value)
    await until(lambda: CHANGES in client.values(NODE), what="the last value")
    return answer["items"][0], [(line["value"], line["overflow"]) for line in client.lines[1:]]


@pytest.mark.parametrize("queue", [1, 10, 100])
async def test_a_queue_keeps_its_newest_and_marks_the_first_of_them(
    plc: StrictServer, tmp_path: Path, queue: int
) -> None:
    """The bit is for queues of more than one (OPC 10000-4 clause 7.22.1)."""
    async with NodeClient(tmp_path) as client:
        item, seen = await told(plc, client, queue_size=queue)
    assert item["queue_size"] == queue
    kept = list(range(max(1, CHANGES + 1 - queue), CHANGES + 1))
    assert seen == [(value, queue == 10 and value == kept[0]) for value in kept]


async def test_a_queue_keeps_its_oldest_if_it_is_asked_to(plc: StrictServer, tmp_path: Path) -> None:
    async with KeepOldestClient(tmp_path) as client:
        _, seen = await told(plc, client, queue_size=10)
    assert seen == [*((value, False) for value in range(1, 10)), (CHANGES, True)]


async def test_some_servers_drop_and_say_nothing(plc: StrictServer, tmp_path: Path) -> None:
    plc.manners.overflow_bit = False
    async with NodeClient(tmp_path) as client:
        _, seen = await told(plc, client, queue_size=10)
    assert seen == [(value, False) for value in range(16, CHANGES + 1)]


async def test_a_queue_is_revised(plc: StrictServer, tmp_path: Path) -> None:
    plc.manners.queue_limit = 5
    async with NodeClient(tmp_path) as client:
        item, seen = await told(plc, client, queue_size=100_000)
    assert item["queue_size"] == 5
    assert len(seen) == 5


async def test_sampling_is_revised_and_hides_what_is_between(plc: StrictServer, tmp_path: Path) -> None:
    async with NodeClient(tmp_path / "before") as client:
        item, _ = await told(plc, client)
        assert item["sampling_ms"] == 0
    plc.manners.sampling_ms = 3_600_000.0
    await plc.write("M.Count", 0)
    async with NodeClient(tmp_path / "after") as client:
        item, seen = await told(plc, client, queue_size=100)
    assert item["sampling_ms"] == 3_600_000.0
    assert seen == [(CHANGES, False)]


async def test_a_bad_node_and_too_many_items(plc: StrictServer, tmp_path: Path) -> None:
    plc.manners.denied["M.Count"] = 0x803A0000
    async with NodeClient(tmp_path / "node") as client:
        answer = await client.subscribe(plc.endpoint, [NODE])
    assert answer["items"][0]["status"] == 0x803A0000
    plc.manners.denied.clear()
    plc.manners.items_per_call = 1
    async with NodeClient(tmp_path / "call") as client:
        with pytest.raises(PeerError, match="BadTooManyOperations"):
            await client.subscribe(plc.endpoint, [NODE, NODE])
