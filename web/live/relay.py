"""The relay of one plant: wake-up → outbox rows after the cursor → topics → hub. And the relays of all plants."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType

from mes.kernel.db import Database
from mes.kernel.errors import PlantSuspended, Unavailable
from mes.kernel.outbox import head_seq, list_changes
from mes.kernel.plants import Plants
from web.live.hub import Hub
from web.live.limits import RELAY_BATCH_MAX, RELAY_PAUSE_S, RENDER_WORKERS
from web.live.render import renderer
from web.live.sockets import OpenSockets
from web.live.wakeup import WakeUp, watch_of
from web.supervision import supervise

_LOG = logging.getLogger(__name__)


class Relay:
    """Follows one plant's outbox from its head, and feeds the hub."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.hub = Hub(renderer(database))
        self.ready = asyncio.Event()
        """Set once the head of the outbox is known: before that nobody may join."""
        self.sockets = OpenSockets(database)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            self.hub.on_new_audience(lambda audience: group.create_task(audience.pump()))
            for _ in range(RENDER_WORKERS):
                group.create_task(supervise("rendering of live regions", self.hub.render_for_ever))
            group.create_task(supervise("live relay", self._follow))
            group.create_task(supervise("live sessions", self.sockets.look_for_ever))
            group.create_task(supervise("live windows", self.hub.open_stuck_windows_for_ever))

    async def _follow(self) -> None:
        wake_up = WakeUp()
        unsubscribe = self.database.on_commit(wake_up.poke)
        watch = watch_of(self.database)
        try:
            await self._start()
            while True:
                wake_up.clear()
                await self._catch_up()
                await asyncio.sleep(RELAY_PAUSE_S)
                await watch.wait(wake_up)
        finally:
            unsubscribe()
            watch.close()

    async def _start(self) -> None:
        if not self.ready.is_set():
            self.hub.start_at(await self.database.read(head_seq))
            self.ready.set()

    async def _catch_up(self) -> None:
        more = True
        while more:
            more = await self._read_batch()

    async def _read_batch(self) -> bool:
        try:
            changes = await self.database.glance(list_changes, after=self.hub.seq, limit=RELAY_BATCH_MAX)
        except Unavailable as weather:
            _LOG.warning("the outbox cannot be read: %s", weather.detail)
            await asyncio.sleep(weather.retry_after_s)
            return True
        if changes:
            self.hub.publish(changes[-1][0], {topic for _, topics, _ in changes for topic in topics.split()})
        return len(changes) == RELAY_BATCH_MAX


class Relays:
    """The relays of a server; a plant's starts with its first socket."""

    def __init__(self, plants: Plants) -> None:
        self._plants = plants
        self._running: dict[str, tuple[Relay, asyncio.Task[None]]] = {}
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Relays:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, task in self._running.values():
            task.cancel()
        await self._group.__aexit__(kind, error, trace)

    async def of(self, plant_id: str) -> Relay:
        """The running relay of a plant. NoSuchPlant, PlantSuspended."""
        database = await self._plants.reach(plant_id)
        running = self._running.get(plant_id)
        if running is None:
            relay = Relay(database)
            running = self._running[plant_id] = relay, self._group.create_task(relay.run())
        await running[0].ready.wait()
        if self._running.get(plant_id) is not running:
            raise PlantSuspended()
        return running[0]

    def count_sockets(self, plant_id: str) -> int:
        """How many of a plant are open here."""
        running = self._running.get(plant_id)
        return 0 if running is None else len(running[0].sockets)

    def is_watched(self, plant_id: str) -> bool:
        """Whether somebody has a socket open."""
        return self.count_sockets(plant_id) > 0

    async def end(self, plant_id: str) -> None:
        """Close the sockets of a plant and follow it no more."""
        running = self._running.pop(plant_id, None)
        if running is None:
            return
        relay, task = running
        relay.sockets.end()
        relay.ready.set()
        task.cancel()
        await asyncio.wait([task])
