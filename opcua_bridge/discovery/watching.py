"""Look at values for a while. Polled: what comes and goes between two looks is not seen, and not claimed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from opcua_bridge.channel import Channel
from opcua_bridge.discovery.behaviour import Observed
from opcua_bridge.values import sample_of

LOOK_EVERY_S: Final = 0.25


async def watch(channel: Channel, nodes: Sequence[str], *, seconds: float) -> dict[str, Observed]:
    """What these nodes do for so long; at least one look, each node in every look."""
    seen = {node: Observed() for node in nodes}
    began = time.monotonic()
    while nodes:
        at = time.monotonic()
        for node, value in zip(nodes, await channel.read(nodes), strict=True):
            sample = sample_of(node, value, observed_at_us=0)
            seen[node].add(at - began, sample.value, sample.status)
        left = seconds - (time.monotonic() - began)
        if left <= 0:
            break
        await asyncio.sleep(min(left, max(0.0, LOOK_EVERY_S - (time.monotonic() - at))))
    return seen
