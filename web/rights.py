"""Who may do what, as other processes change it: known here with the next wake-up, not when a memory lapses."""

from __future__ import annotations

import asyncio
from typing import Final

from mes.access.recent import RECENT, may_take_rights
from mes.kernel.db import Database
from mes.kernel.outbox import head_seq, list_changes
from web.live.limits import RELAY_BATCH_MAX
from web.live.wakeup import WakeUp, watch_of

PAUSE_S: Final = 0.1
"""Between two looks, however much is committed."""


async def follow_rights(database: Database) -> None:
    """Until cancelled: forget remembered credentials where somebody changed rights in this plant, here or elsewhere.

    A wake-up that is lost costs what is left of `KEEP_S`, so nothing is read without one.
    """
    wake_up = WakeUp()
    watch = watch_of(database)  # in no thread: cancelled meanwhile, it would be closed by nobody
    try:
        seq = await database.read(head_seq)
        RECENT.forget()
        while True:
            await watch.wait(wake_up)
            if wake_up.is_poked:
                wake_up.clear()
                seq = await _look(database, seq)
            await asyncio.sleep(PAUSE_S)
    finally:
        watch.close()


async def _look(database: Database, seq: int) -> int:
    """Up to where it has looked: what is written meanwhile is for the next time, however fast it comes."""
    is_behind = True
    while is_behind:
        changes = await database.glance(list_changes, after=seq, limit=RELAY_BATCH_MAX)
        if any(may_take_rights(event_type) for _, _, event_type in changes):
            RECENT.forget()
        seq = changes[-1][0] if changes else seq
        is_behind = len(changes) == RELAY_BATCH_MAX
    return seq
