"""How far a machine's clock is from the bridge's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from asyncua import ua

from opcua_bridge.channel import Channel
from opcua_bridge.clock import Clock

EVERY_S: Final = 30.0


async def watch_clock(channel: Channel, clock: Clock, tell: Callable[[float | None], None]) -> None:
    """Ask for the machine server's time for ever; a server that does not say is no reason to give up a connection."""
    while True:
        try:
            tell(await clock_skew(channel, clock))
        except (ua.UaError, TimeoutError):
            tell(None)
        await asyncio.sleep(EVERY_S)


async def clock_skew(channel: Channel, clock: Clock) -> float | None:
    """Machine minus bridge, seconds, to half the time of an answer; None if the server does not say."""
    asked_us = clock.now_us()
    there_us = await channel.read_clock()
    return skew_s(asked_us, there_us, clock.now_us())


def skew_s(asked_us: int, there_us: int | None, answered_us: int) -> float | None:
    """The other clock was read somewhere between asking and being answered: the middle is the best guess."""
    if there_us is None:
        return None
    return round((there_us - (asked_us + answered_us) / 2) / 1_000_000, 3)
