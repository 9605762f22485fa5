"""What has to last does not end in silence: a cancellation nobody asked for is a lost connection."""

from __future__ import annotations

import asyncio
import time

import pytest
from asyncua.common.utils import wait_for as asyncuas_way_to_wait

from opcua_bridge.lasting import lasting

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
