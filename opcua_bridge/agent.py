"""The bridge as a whole: sources, uplink, commander and health under one TaskGroup."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import httpx

from opcua_bridge.certificate_keeper import CertificateKeeper
from opcua_bridge.clock import Clock
from opcua_bridge.commander import Commander
from opcua_bridge.health import write_status_forever
from opcua_bridge.journal import Journal
from opcua_bridge.settings import BridgeSettings
from opcua_bridge.source import NotConnected, Source
from opcua_bridge.tag_map import Endpoint, TagMap, load_tag_map, parse_tag_map
from opcua_bridge.trust import Trust
from opcua_bridge.uplink import Uplink

RESTART_S: Final = 1.0
_log = logging.getLogger(__name__)


class Agent:
    """`run` never returns; cancel it. Then nothing is lost: sessions stay at the machines for the next start.

    `client` has the server's base address and is closed by whoever made it. Raises TagMapRefused or SettingsRefused
    from the constructor, never later.
    """

    def __init__(self, settings: BridgeSettings, client: httpx.AsyncClient) -> None:
        self._settings = settings
        token = settings.read_token()
        self.tag_map: TagMap = load_tag_map(settings.tag_map, urls=settings.endpoint_urls)
        self.trust = Trust(settings.trust_path, strict=settings.strict_certificates)
        self.keeper = CertificateKeeper(self.trust, lambda: self.tag_map.endpoints)
        for warning in settings.warnings():
            _log.warning("%s", warning)
        self.clock = Clock()
        self.journal = Journal(settings.journal, max_bytes=settings.journal_max_bytes)
        self._map_changed = asyncio.Event()
        self.uplink = Uplink(self.journal, client, token=token, clock=self.clock)
        self._use(self.tag_map)
        self.commander = Commander(
            self.journal, client, self, token=token, clock=self.clock, observe_only=settings.observe_only
        )

    def source(self, endpoint: str) -> Source:
        """Raises NotConnected if the tag map has no such endpoint."""
        try:
            return self._sources[endpoint]
        except KeyError:
            raise NotConnected(f"there is no endpoint {endpoint!r}") from None

    def apply_map(self, text: str) -> None:
        """Check a tag map, put it in the place of the old one, use it. TagMapRefused or OSError: the old one stays."""
        tag_map = parse_tag_map(text, urls=self._settings.endpoint_urls)
        _write_atomically(self._settings.tag_map, text)
        self._use(tag_map)
        self._map_changed.set()

    def _use(self, tag_map: TagMap) -> None:
        self.tag_map = tag_map
        self.uplink.sources = tuple(e.name for e in tag_map.endpoints)
        self._sources = {e.name: self._source(e) for e in tag_map.endpoints}

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._run_sources())
                tasks.create_task(self.uplink.run())
                tasks.create_task(self.commander.run())
                tasks.create_task(self.keeper.run())
                tasks.create_task(write_status_forever(self._settings.status_path, self.status))
        finally:
            await asyncio.to_thread(self.journal.close)

    async def _run_sources(self) -> None:
        """All endpoints of the tag map, anew whenever it changes. Subscriptions go on where they were."""
        while True:
            self._map_changed.clear()
            sources = list(self._sources.values())
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(self._supervised(s)) for s in sources]
                try:
                    await self._map_changed.wait()
                finally:
                    for source in sources:
                        source.stop()
                for task in running:
                    task.cancel()

    def _source(self, endpoint: Endpoint) -> Source:
        return Source(endpoint, journal=self.journal, clock=self.clock, trust=self.trust)

    async def _supervised(self, source: Source) -> None:
        """One endpoint's trouble is not the others'."""
        while not source.is_stopping:
            try:
                await source.run()
            except Exception:  # noqa: BLE001  (supervisor)
                _log.exception("%s: restarting", source.endpoint.name)
                await asyncio.sleep(RESTART_S)

    def status(self) -> dict[str, Any]:
        """The health document."""
        return {
            "sources": {name: asdict(s.health) for name, s in self._sources.items()},
            "journal": {
                "journal_id": self.journal.journal_id,
                "depth": self.journal.depth,
                "bytes": self.journal.bytes,
                "last_seq": self.journal.last_seq,
                "dropped": self.journal.dropped,
            },
            "uplink": asdict(self.uplink.health),
            "commander": vars(self.commander.health),
            "observe_only": self._settings.observe_only,
            "trust": self.trust_status(),
        }

    def trust_status(self) -> dict[str, Any]:
        """The own certificate, who does not accept the next one yet, and how many servers wait for a decision."""
        waiting, own = self.trust.waiting(), self.trust.own
        if not own.file.is_file():
            return {"thumbprint": "", "waiting": waiting}
        try:
            now, following = own.current().facts, own.next()
        except (OSError, ValueError) as error:
            return {"error": str(error), "waiting": waiting}
        return {
            "thumbprint": now.thumbprint,
            "ends_at": now.ends_at.isoformat(),
            "days_left": now.days_left(self.trust.now()),
            "next_thumbprint": "" if following is None else following.facts.thumbprint,
            "next_not_accepted": dict(self.keeper.not_accepted),
            "waiting": waiting,
        }


def make_client(settings: BridgeSettings) -> httpx.AsyncClient:
    """One connection pool for uplink and commander. Raises SettingsRefused."""
    timeout = httpx.Timeout(15.0, connect=5.0)
    return httpx.AsyncClient(base_url=settings.server_url, timeout=timeout, verify=settings.tls())


def _write_atomically(path: Path, text: str) -> None:
    scratch = path.with_name(path.name + ".new")
    with scratch.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
