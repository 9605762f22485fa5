"""Looks after the plants of a server process: the directory, periodic work, webhooks, ERPs, history, and rest.

A plant that nobody uses is closed. It is woken now and then for what time alone brings about (a floor life that ends, a
delivery that is due, data that have become too old), and is closed again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any, Final

from mes.access.recent import RECENT
from mes.exchange.erp.kinds import MAKERS
from mes.exchange.erp.rounds import Rounds
from mes.exchange.webhooks.deliveries import Deliveries
from mes.exchange.webhooks.sending import Sender
from mes.history.keeper import Keeper
from mes.kernel.db import Database
from mes.kernel.errors import Unavailable
from mes.kernel.plants import DEFAULT_PLANT, Plants, serving_plant
from mes.kernel.sqltypes import to_us
from mes.ticks import HOURLY, list_due_ticks
from web.live.relay import Relays
from web.live.wakeup import Announcements
from web.rights import follow_rights
from web.supervision import supervise

_LOG = logging.getLogger(__name__)
LOOK_S: Final = 1.0
"""How often the directory is asked: a plant that was suspended is no longer served so long afterwards."""
TICK_S: Final = 1.0
USED_S: Final = 60.0
UNUSED_TICK_S: Final = 10.0
"""Between two ticks where nobody, no bridge either, has asked for anything for USED_S: what an undo or a silent bridge
waits for has come by then."""
HOUR_S: Final = 3_600.0
IDLE_S: Final = 300.0
"""A plant without sockets that nobody asked for so long is closed."""
ROUND_S: Final = 900.0
"""How often a plant that rests is woken."""
AWAKE_S: Final = 75.0
"""For so long: a round of sealing history is in it (`mes.history.keeper.SEAL_S`)."""


class Caretaker:
    """Made by the composition root; `run` until cancelled, then `stop`. Runs on one event loop."""

    def __init__(
        self, plants: Plants, relays: Relays, sender: Sender, *, idle_s: float = IDLE_S, round_s: float = ROUND_S
    ) -> None:
        self._plants = plants
        self._relays = relays
        self._sender = sender
        self._idle_s = idle_s
        self._round_s = round_s
        self._cared_for: dict[str, Care] = {}
        self._awake_until: dict[str, float] = {}
        self._next_round: dict[str, float] = {}
        self._leaving: set[str] = set()

    async def run(self) -> None:
        """Look, wake, care for, let rest."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._look(group)
                await asyncio.sleep(LOOK_S)

    async def stop(self) -> None:
        """End all care; the plants stay open."""
        await asyncio.gather(*(care.end() for care in self._cared_for.values()))
        self._cared_for.clear()

    async def _look(self, group: asyncio.TaskGroup) -> None:
        try:
            await asyncio.to_thread(self._plants.look)
        except Unavailable as weather:
            _LOG.warning("%s", weather.detail)
            return
        served = set(self._plants.ids())
        for plant_id in set(self._plants.open_ids()) - self._leaving:
            if plant_id not in served or self._may_rest(plant_id):
                self._let_go(plant_id, group)
            elif plant_id not in self._cared_for:
                database = await self._plants.wake(plant_id)
                self._cared_for[plant_id] = Care(database, self._plants.unused_s, self._sender, group)
        await self._wake_one(served - set(self._plants.open_ids()) - self._leaving)

    def _may_rest(self, plant_id: str) -> bool:
        if plant_id == DEFAULT_PLANT or self._relays.is_watched(plant_id):
            return False
        is_awake = time.monotonic() < self._awake_until.get(plant_id, 0.0)
        return self._plants.unused_s(plant_id) > self._idle_s and not is_awake

    def _let_go(self, plant_id: str, group: asyncio.TaskGroup) -> None:
        """Whoever asks from now on opens the plant anew; who is at work in it finishes."""
        RECENT.distrust()
        self._leaving.add(plant_id)
        self._next_round[plant_id] = time.monotonic() + self._round_s
        care, database = self._cared_for.pop(plant_id, None), self._plants.take_out(plant_id)

        async def end() -> None:
            try:
                await self._relays.end(plant_id)
                if care is not None:
                    await care.end()
                if database is not None:
                    await asyncio.to_thread(database.close)
            finally:
                self._leaving.discard(plant_id)

        group.create_task(end())

    async def _wake_one(self, resting: Collection[str]) -> None:
        """The one that has rested longest, if it is due: one a look, so that a start is no storm."""
        now = time.monotonic()
        due = min(resting, key=lambda plant_id: self._next_round.get(plant_id, 0.0), default=None)
        if due is None or now < self._next_round.get(due, 0.0):
            return
        self._next_round[due] = now + self._round_s
        self._awake_until[due] = now + AWAKE_S
        try:
            await self._plants.wake(due)
        except Exception:  # noqa: BLE001 (a supervisor goes on: one plant that cannot be opened is not the others' trouble)
            _LOG.exception("plant %s cannot be opened", due)


class Care:
    """What goes on in one plant as long as this process has it open."""

    def __init__(
        self, database: Database, unused_s: Callable[[str], float], sender: Sender, group: asyncio.TaskGroup
    ) -> None:
        self._database = database
        self._unused_s = unused_s
        self._keeper = Keeper(database)
        self._announcements = Announcements(database) if database.dialect == "postgresql" else None
        name = database.plant_id
        works: dict[str, Callable[[], Awaitable[None]]] = {
            f"ticks of {name}": self._tick_for_ever,
            f"rights in {name}": partial(follow_rights, database),
            f"webhooks of {name}": Deliveries(database, sender).run,
            f"ERP connections of {name}": Rounds(database, sender.vault, MAKERS).run,
        }
        self._tasks = [group.create_task(self._supervised(work, run)) for work, run in works.items()]

    async def end(self) -> None:
        """Finish nothing that can be done again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await asyncio.to_thread(self._keeper.stop)
        if self._announcements is not None:
            await asyncio.to_thread(self._announcements.close)

    async def _supervised(self, work: str, run: Callable[[], Awaitable[None]]) -> None:
        serving_plant.set(self._database.plant_id)
        await supervise(work, run)

    async def _tick_for_ever(self) -> None:
        """What must happen because time passes (silence becomes unknown, undo lapses): each second while it is used."""
        loop = asyncio.get_running_loop()
        next_at, next_hour_at = loop.time(), loop.time()
        while True:
            is_hour = loop.time() >= next_hour_at
            await tick(self._database, await self._due() + (HOURLY if is_hour else ()))
            next_hour_at += HOUR_S if is_hour else 0.0
            is_used = self._unused_s(self._database.plant_id) < USED_S
            next_at = max(next_at + (TICK_S if is_used else UNUSED_TICK_S), loop.time())
            await asyncio.sleep(next_at - loop.time())

    async def _due(self) -> tuple[Callable[..., Any], ...]:
        try:
            return await self._database.glance(list_due_ticks, now_us=to_us(self._database.clock()))
        except Unavailable as weather:
            _LOG.warning("the periodic work of %s waits: %s", self._database.plant_id, weather.detail)
            return ()


async def tick(database: Database, verbs: Sequence[Callable[..., Any]]) -> None:
    """One round of periodic verbs, in one transaction; weather is left to the next round, a bug to the log."""
    async with asyncio.TaskGroup() as group:
        for verb in verbs:
            group.create_task(_run(database, verb))


async def _run(database: Database, verb: Callable[..., Any]) -> None:
    try:
        await database.write(verb, actor=None)
    except Unavailable as weather:
        _LOG.warning("the periodic work of %s waits: %s", database.plant_id, weather.detail)
    except Exception:  # noqa: BLE001 (a supervisor goes on: one verb must not stop the others)
        _LOG.exception("%s failed in plant %s", verb.__name__, database.plant_id)
