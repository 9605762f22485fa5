"""Who may do what, as other processes change it: known here with the next wake-up, not when a memory lapses."""

from __future__ import annotations

import asyncio
from typing import Final

from mes.access.queries import rights_changed
from mes.access.recent import RECENT
from mes.kernel.db import Database
from mes.kernel.outbox import head_seq
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
                seq, changed = await database.read(rights_changed, after=seq)
                if changed:
                    RECENT.forget()
            await asyncio.sleep(PAUSE_S)
    finally:
        watch.close()
