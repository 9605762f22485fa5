"""Keeps a long-running coroutine running: it is started again after a pause, and every failure is logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

_LOG = logging.getLogger(__name__)
RESTART_S: Final = 1.0


async def supervise(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run it until it returns; after an error wait RESTART_S and run it again. Ends by being cancelled."""
    while True:
        try:
            return await run()
        except Exception:  # noqa: BLE001 (a supervisor goes on)
            _LOG.exception("%s failed; starting it again in %.0f s", name, RESTART_S)
        await asyncio.sleep(RESTART_S)
