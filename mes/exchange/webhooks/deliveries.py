"""The delivery loop of one plant: woken by commits and by time, it takes what may be sent, sends it, records it.

At least once: an attempt is recorded after it is made, so a process killed in between makes it again. Several processes
may run it on one plant; a delivery is in one hand at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from mes.exchange.feed.following import Listener, listening
from mes.exchange.webhooks.queries import has_news
from mes.exchange.webhooks.sending import Sender
from mes.exchange.webhooks.service import record_outcome, take_deliveries
from mes.exchange.webhooks.types import Message
from mes.kernel.crash import crash_point
from mes.kernel.db import Database
from mes.kernel.errors import Unavailable
from mes.kernel.sqltypes import to_us

_LOG = logging.getLogger(__name__)


class Deliveries:
    """Made by the composition root, one a plant; `run` until cancelled."""

    def __init__(self, database: Database, sender: Sender) -> None:
        self._database = database
        self._sender = sender
        self._in_hand: Counter[int] = Counter()

    async def run(self) -> None:
        self._in_hand.clear()
        async with listening(self._database) as listener, asyncio.TaskGroup() as group:
            while True:
                for message in await self._take():
                    self._in_hand[message.webhook_pk] += 1
                    group.create_task(self._deliver(message, listener))
                await listener.rest()

    async def _take(self) -> tuple[Message, ...]:
        try:
            if not await self._database.glance(has_news, now_us=to_us(self._database.clock())):
                return ()
            return await self._database.write(take_deliveries, actor=None, in_hand=dict(self._in_hand))
        except Unavailable as weather:
            _LOG.warning("webhooks of %s wait: %s", self._database.plant_id, weather.detail)
            return ()

    async def _deliver(self, message: Message, listener: Listener) -> None:
        try:
            outcome = await self._sender.send(message)
            crash_point("webhook-sent")
            await self._database.write(record_outcome, actor=None, delivery_pk=message.delivery_pk, outcome=outcome)
        except Unavailable as weather:
            _LOG.warning("a delivery of %s is made again later: %s", self._database.plant_id, weather.detail)
        finally:
            self._in_hand[message.webhook_pk] -= 1
            listener.wake()
