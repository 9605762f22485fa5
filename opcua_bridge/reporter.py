"""Tells the server how the bridge is: every few seconds, and at once when an endpoint comes or goes.

Not through the journal: it is no fact of production, and yesterday's health is of no use. A server that does not know
the door (404) is asked again now and then; nothing here disturbs the uplink.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import httpx
import msgspec

from opcua_bridge.clock import Clock
from opcua_bridge.lasting import end_if_asked_to
from opcua_bridge.skew import skew_s
from standards.lineside.health_v1 import BridgeHealth, decode_health_answer, encode

HEALTH_PATH: Final = "/api/v1/bridge/health"
EVERY_S: Final = 5.0
LEAST_S: Final = 0.5
"""Between two reports, however much changes."""
FAILED_S: Final = 10.0
REFUSED_S: Final = 60.0
"""After a server that has no such door, or does not accept the token."""
TIMEOUT_S: Final = 5.0
_log = logging.getLogger(__name__)


class Reporter:
    """`run` never returns; cancel it. `client` has the server's base address."""

    def __init__(
        self, client: httpx.AsyncClient, health: Callable[[], Awaitable[BridgeHealth]], *, token: str, clock: Clock
    ) -> None:
        self._client, self._health, self._clock = client, health, clock
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._news = asyncio.Event()
        self.error = ""
        self.server_skew_s: float | None = None
        """Server's clock minus ours, as it last said; None while it does not say."""

    def wake(self) -> None:
        """Something has changed that somebody should see at once."""
        self._news.set()

    async def run(self) -> None:
        while True:
            pause_s = await self._report()
            await asyncio.sleep(LEAST_S)
            if pause_s <= EVERY_S:
                await self._until_news(pause_s - LEAST_S)
            else:
                await asyncio.sleep(pause_s - LEAST_S)

    async def _until_news(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    async def _report(self) -> float:
        """Send what is now; seconds until the next time."""
        self._news.clear()
        body = encode(await self._health())
        try:
            asked_us = self._clock.now_us()
            response = await self._client.post(HEALTH_PATH, content=body, headers=self._headers, timeout=TIMEOUT_S)
            if response.status_code == 200:
                answer = decode_health_answer(response.content)
                self.server_skew_s = skew_s(asked_us, answer.server_at_us, self._clock.now_us())
                self.error = ""
                return EVERY_S
            return self._failed(f"the server answered {response.status_code}", response.status_code)
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError) as error:
            end_if_asked_to()
            return self._failed(str(error) or type(error).__name__)

    def _failed(self, text: str, status: int = 0) -> float:
        if text != self.error:
            _log.info("health report: %s", text)
        self.error, self.server_skew_s = text, None
        return REFUSED_S if status in (401, 403, 404, 405) else FAILED_S if status else EVERY_S
