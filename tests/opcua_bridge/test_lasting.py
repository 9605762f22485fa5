"""What has to last does not end in silence: a cancellation nobody asked for is a lost connection."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest
from asyncua.common.utils import wait_for as asyncuas_way_to_wait

from opcua_bridge.clock import Clock
from opcua_bridge.commander import Commander
from opcua_bridge.journal import Journal
from opcua_bridge.lasting import end_if_asked_to, lasting
from opcua_bridge.reporter import Reporter
from opcua_bridge.uplink import Uplink
from standards.lineside.health_v1 import BridgeHealth
from tests.opcua_bridge.support import TOKEN

TIMEOUT_S = 0.05


async def test_an_answer_in_the_moment_of_its_time_out_is_no_orderly_end() -> None:
    """Both are due while the loop is held up, as on a busy machine. On 3.11 the cancellation escapes `timeout`."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[None] = loop.create_future()

    async def ask() -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await asyncuas_way_to_wait(answer, 10)

    task = asyncio.create_task(lasting(ask))
    await asyncio.sleep(0)
    loop.call_later(TIMEOUT_S, answer.set_result, None)
    time.sleep(4 * TIMEOUT_S)  # noqa: ASYNC251 (the loop is held up)
    await asyncio.wait([task])
    assert not task.cancelled()
    assert isinstance(task.exception(), OSError | None)


async def test_what_waits_on_a_lost_connection_says_so() -> None:
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def ask() -> None:
        await answer

    task = asyncio.create_task(lasting(ask))
    await asyncio.sleep(0)
    answer.cancel()
    with pytest.raises(ConnectionError, match="given up"):
        await task


async def test_a_task_that_is_told_to_end_ends() -> None:
    task = asyncio.create_task(lasting(asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Vanishing(httpx.AsyncBaseTransport):
    """A network that breaks in the very moment in which somebody gives up waiting for it."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise httpx.ReadError("the connection is gone") from None
        raise AssertionError


@pytest.mark.parametrize("part", ["uplink", "commander", "reporter"])
async def test_a_bridge_that_is_to_end_ends_though_its_network_breaks_that_moment(tmp_path: Path, part: str) -> None:
    journal, network, clock = Journal(tmp_path / "j.sqlite"), Vanishing(), Clock()

    async def health() -> BridgeHealth:
        return BridgeHealth(at_us=1, started_at_us=1, version="1")

    async with httpx.AsyncClient(base_url="http://mes", transport=network) as client:
        parts = {
            "uplink": Uplink(journal, client, token=TOKEN, clock=clock, sources=["s"]),
            "commander": Commander(journal, client, machines=None, token=TOKEN, clock=clock),  # type: ignore[arg-type]
            "reporter": Reporter(client, health, token=TOKEN, clock=clock),
        }
        task = asyncio.create_task(parts[part].run())
        await network.asked.wait()
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=2)
        assert done, "it goes on for ever"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    journal.close()


async def test_an_error_of_its_own_ends_nothing() -> None:
    end_if_asked_to()
