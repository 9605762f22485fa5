"""A cancellation that nobody asked for is a lost connection; one that somebody asked for is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def lasting(work: Callable[[], Awaitable[T]]) -> T:
    """Do it. Cancelled though nobody asked this task to end, it has lost the connection: ConnectionError.

    asyncua cancels what waits when a connection goes, and under Python 3.11 the subclass of CancelledError that its
    `wait_for` raises, where an answer comes in the very moment of a time-out, gets through `asyncio.timeout`. A
    TaskGroup takes either for an orderly end: nobody would watch the connection any more, or answer the command.
    """
    try:
        return await work()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionError("a request was given up with its connection") from None


def is_ending() -> bool:
    """Whether somebody asked this task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def end_if_asked_to() -> None:
    """For whoever goes on after an error: the cancellation that it may have taken the place of.

    A request that fails in the very moment in which its task is cancelled ends with its own error, and who only goes by
    that would go on for ever.
    """
    if is_ending():
        raise asyncio.CancelledError
