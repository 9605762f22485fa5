"""The relay of one plant: wake-up → outbox rows after the cursor → topics → hub. And the relays of all plants."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType

from mes.kernel.db import Database
from mes.kernel.errors import Unavailable
from mes.kernel.outbox import head_seq
from mes.kernel.plants import Plants
from web.live.hub import Hub
from web.live.limits import RELAY_BATCH_MAX, RELAY_PAUSE_S, RENDER_WORKERS
from web.live.render import renderer
from web.live.sockets import OpenSockets
from web.live.wakeup import WakeUp, Watch, watch_of
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
        watch = await asyncio.to_thread(watch_of, self.database)
        try:
            await self._start()
            while True:
                wake_up.clear()
                await self._catch_up(watch)
                await asyncio.sleep(RELAY_PAUSE_S)
                await watch.wait(wake_up)
        finally:
            unsubscribe()
            watch.close()

    async def _start(self) -> None:
        if not self.ready.is_set():
            self.hub.start_at(await self.database.read(head_seq))
            self.ready.set()

    async def _catch_up(self, watch: Watch) -> None:
        more = True
        while more:
            more = await self._read_batch(watch)

    async def _read_batch(self, watch: Watch) -> bool:
        try:
            changes = await watch.changes(after=self.hub.seq, limit=RELAY_BATCH_MAX)
        except Unavailable as weather:
            _LOG.warning("the outbox cannot be read: %s", weather.detail)
            await asyncio.sleep(weather.retry_after_s)
            return True
        if changes:
            self.hub.publish(changes[-1][0], {topic for _, topics in changes for topic in topics.split()})
        return len(changes) == RELAY_BATCH_MAX


class Relays:
    """The relays of a server; a plant's starts with its first socket."""

    def __init__(self, plants: Plants) -> None:
        self._plants = plants
        self._running: dict[str, Relay] = {}
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Relays:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(kind, error, trace)

    async def of(self, plant_id: str) -> Relay:
        """The running relay of a plant. NoSuchPlant if the directory does not know it."""
        relay = self._running.get(plant_id)
        if relay is None:
            relay = self._running[plant_id] = Relay(self._plants.get(plant_id))
            self._tasks.append(self._group.create_task(relay.run()))
        await relay.ready.wait()
        return relay
