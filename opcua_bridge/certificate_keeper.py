"""Looks after the bridge's own certificate: warns 30, 7 and 1 days before it ends, makes the next one in time, shows it
to the machines, and puts it in use when all of them accept it, or when the old one has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from asyncua import ua

from opcua_bridge.channel import Channel
from opcua_bridge.refusal_words import is_refusal, words_of
from opcua_bridge.tag_map import Endpoint, Security
from opcua_bridge.trust import Trust

EVERY_S: Final = 3_600.0
_log = logging.getLogger(__name__)


class CertificateKeeper:
    """`run` never returns; cancel it. `endpoints` answers those of the tag map in force."""

    def __init__(self, trust: Trust, endpoints: Callable[[], Sequence[Endpoint]], *, every_s: float = EVERY_S) -> None:
        self._trust, self._endpoints, self._every_s = trust, endpoints, every_s
        self._warned: int | None = None
        self.not_accepted: dict[str, str] = {}
        """Endpoints that do not take the next certificate yet, and their words."""

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except (OSError, ValueError) as error:
                _log.error("own certificate: %s", error)
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Once: make the next certificate if it is time, show it, put it in use if it may be."""
        own = self._trust.own
        if not own.file.is_file():
            return  # none has been needed so far
        if await asyncio.to_thread(own.is_due):
            made = await asyncio.to_thread(own.prepare_next)
            _log.warning(
                "a new certificate of the bridge is ready: %s; approve it at the machines", made.facts.thumbprint
            )
        await self._warn()
        if own.next() is None:
            return
        await self._show_next()
        if not self.not_accepted or own.has_ended():
            own.promote()
            self.not_accepted.clear()
            self._warned = None
            _log.warning("the new certificate of the bridge is in use: %s", own.current().facts.thumbprint)

    async def _warn(self) -> None:
        content = (await asyncio.to_thread(self._trust.own.current)).facts
        level = content.warning_level(self._trust.now())
        if level is not None and level != self._warned:
            _log.warning("the bridge's certificate ends at %s (%s)", content.ends_at.isoformat(), content.thumbprint)
        self._warned = level

    async def _show_next(self) -> None:
        """A machine that does not know it will list it among its rejected ones: there a person approves it."""
        self.not_accepted = {}
        for endpoint in self._endpoints():
            words = await self._shown_to(endpoint)
            if words:
                self.not_accepted[endpoint.name] = words

    async def _shown_to(self, endpoint: Endpoint) -> str:
        """Why this machine's server does not accept the next certificate, or nobody knows; empty if it does."""
        if endpoint.security is Security.none:
            return ""
        own = self._trust.own.next()
        channel = Channel(endpoint, self._trust, own=own)
        try:
            await channel.open()
            await channel.create_session()
            await channel.leave()
        except (OSError, ua.UaError) as error:
            return words_of(error) or type(error).__name__
        except Exception as error:
            if not is_refusal(error):
                raise
            return words_of(error)
        finally:
            channel.close()
        return ""
