"""The bridge as a whole: sources, uplink, commander and health under one TaskGroup."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import httpx

from opcua_bridge.asker import Asker, Policy
from opcua_bridge.certificate_keeper import CertificateKeeper
from opcua_bridge.certificate_notes import notes_of
from opcua_bridge.clock import Clock
from opcua_bridge.commander import Commander
from opcua_bridge.health import RideThroughs, endpoint_health, fitted, listed, tag_ride_throughs, write_status_forever
from opcua_bridge.journal import Journal
from opcua_bridge.lasting import end_if_asked_to
from opcua_bridge.map_editing import with_endpoint
from opcua_bridge.metrics import metrics_served
from opcua_bridge.reporter import Reporter
from opcua_bridge.settings import BridgeSettings
from opcua_bridge.source import NotConnected, Source
from opcua_bridge.tag_map import Endpoint, TagMap, load_tag_map, parse_tag_map
from opcua_bridge.trust import Trust
from opcua_bridge.uplink import Uplink
from opcua_bridge.values import to_us
from standards.lineside.commands_v1 import MapEndpoint
from standards.lineside.health_v1 import (
    MAX_LISTED,
    MAX_TEXT,
    STALE_AFTER_S,
    BridgeHealth,
    JournalHealth,
    TagRideThrough,
    UplinkHealth,
)

RESTART_S: Final = 1.0
OLDEST_WITHIN_S: Final = 1.0
"""A journal on a stalled disk must not keep the bridge from saying so."""
CONFIRMED_WITHIN_S: Final = 1.0
"""How long the machines wait for the server to say that the journal is no old one: not for a server that is away."""
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
        self._client, self._token = client, token
        self.policy = Policy(settings.journal.with_name("when_away"))
        self.trust = Trust(settings.trust_path, strict=settings.strict_certificates)
        self.keeper = CertificateKeeper(self.trust, lambda: self.tag_map.endpoints)
        for warning in settings.warnings():
            _log.warning("%s", warning)
        self.clock = Clock()
        self.journal = Journal(settings.journal, max_bytes=settings.journal_max_bytes)
        self._map_changed = asyncio.Event()
        self.uplink = Uplink(self.journal, client, token=token, clock=self.clock)
        self.reporter = Reporter(client, self.health, token=token, clock=self.clock)
        self._rides = RideThroughs()
        self.started_at_us = self.clock.now_us()
        self.last_health: tuple[float, BridgeHealth | None] = (0.0, None)
        """The document last made, and when (monotonic); the metrics port shows it."""
        self.metrics_port: int | None = None
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

    def apply_endpoint(self, endpoint: MapEndpoint) -> None:
        """Put one machine into the tag map and use it. TagMapRefused or OSError: the old map stays."""
        self.apply_map(with_endpoint(self._settings.tag_map.read_text(encoding="utf-8"), endpoint))

    def _use(self, tag_map: TagMap) -> None:
        self.tag_map = tag_map
        self.uplink.sources = tuple(e.name for e in tag_map.endpoints)
        self._sources = {e.name: self._source(e) for e in tag_map.endpoints}

    async def run(self) -> None:
        try:
            with self._metrics():
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._run_sources())
                    tasks.create_task(self.uplink.run())
                    tasks.create_task(self.commander.run())
                    tasks.create_task(self.keeper.run())
                    tasks.create_task(self._kept_up(self.reporter.run))
                    tasks.create_task(self._kept_up(self._write_status))
        finally:
            await asyncio.to_thread(self.journal.close)

    async def _run_sources(self) -> None:
        """All endpoints of the tag map, anew whenever it changes. Subscriptions go on where they were."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONFIRMED_WITHIN_S):
                await self.uplink.confirmed.wait()
        while True:
            self._map_changed.clear()
            sources = list(self._sources.values())
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(self._supervised(s)) for s in sources]
                running += [tasks.create_task(self._kept_up(asker.run)) for asker in self._askers(sources)]
                try:
                    await self._map_changed.wait()
                finally:
                    for source in sources:
                        source.stop()
                for task in running:
                    task.cancel()

    def _askers(self, sources: Sequence[Source]) -> list[Asker]:
        """One for each endpoint with machines that ask; none where the bridge may not write."""
        asking = [source for source in sources if source.endpoint.ask and not self._settings.observe_only]
        return [Asker(source, self._client, token=self._token, policy=self.policy) for source in asking]

    def _source(self, endpoint: Endpoint) -> Source:
        is_alone = len(self.tag_map.endpoints) == 1
        source = Source(endpoint, journal=self.journal, clock=self.clock, trust=self.trust, is_alone=is_alone)
        source.health.since_us, source.health.on_change = self.clock.now_us(), self.reporter.wake
        return source

    async def _supervised(self, source: Source) -> None:
        """One endpoint's trouble is not the others'."""
        while not source.is_stopping:
            try:
                await source.run()
            except Exception:  # noqa: BLE001  (supervisor)
                end_if_asked_to()
                _log.exception("%s: restarting", source.endpoint.name)
                await asyncio.sleep(RESTART_S)

    @contextlib.contextmanager
    def _metrics(self) -> Iterator[None]:
        """The metrics port, if one is wanted. That it is taken is no reason to lose a machine's values."""
        host, port = self._settings.metrics_host, self._settings.metrics_port
        with contextlib.ExitStack() as served:
            if port is not None:
                try:
                    self.metrics_port = served.enter_context(metrics_served(host, port, self._fresh_health))
                except OSError as error:
                    _log.error("no metrics on %s:%d: %s", host, port, error)
            yield

    def _fresh_health(self) -> BridgeHealth | None:
        """Called by the metrics port's threads. What was made too long ago says nothing about now."""
        made_at, health = self.last_health
        return health if time.monotonic() - made_at <= STALE_AFTER_S else None

    async def _kept_up(self, work: Callable[[], Awaitable[None]]) -> None:
        """Whatever goes wrong with what is not its machines' values does not end the bridge."""
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001  (supervisor)
                end_if_asked_to()
                _log.exception("%s: restarting", getattr(work, "__qualname__", "work"))
            await asyncio.sleep(RESTART_S)

    async def _write_status(self) -> None:
        await write_status_forever(self._settings.status_path, self.health, self.every_tag)

    async def health(self) -> BridgeHealth:
        """The health document as of now."""
        now_us = self.clock.now_us()
        endpoints = [endpoint_health(s, now_us, await self._rides.of(s)) for s in list(self._sources.values())]
        server_skew_s = self.reporter.server_skew_s
        document = BridgeHealth(
            at_us=now_us,
            started_at_us=self.started_at_us,
            version=version(),
            observe_only=self._settings.observe_only,
            endpoints=listed(endpoints),
            endpoints_total=len(endpoints),
            journal=await self._journal_health(),
            uplink=self._uplink_health(),
            commands_error=self.commander.health.error[:MAX_TEXT],
            server_skew_s=self.commander.health.server_skew_s if server_skew_s is None else server_skew_s,
            **self._certificates(),
        )
        fitting = fitted(document)
        self.last_health = (time.monotonic(), fitting)
        return fitting

    def every_tag(self) -> dict[str, list[TagRideThrough]]:
        """Ride-through of every tag, by endpoint: as long as the tag map."""
        return {name: tag_ride_throughs(source) for name, source in self._sources.items()}

    async def _journal_health(self) -> JournalHealth:
        journal, oldest_at_us = self.journal, None
        with contextlib.suppress(TimeoutError, sqlite3.Error):
            async with asyncio.timeout(OLDEST_WITHIN_S):
                oldest_at_us = await journal.oldest_at_us()
        return JournalHealth(journal.depth, journal.bytes, journal.max_bytes, oldest_at_us, journal.dropped)

    def _uplink_health(self) -> UplinkHealth:
        known = self.uplink.health
        return UplinkHealth(
            error=known.error[:MAX_TEXT],
            error_at_us=known.error_at_us,
            acknowledged_at_us=known.acknowledged_at_us,
            acknowledged_seq=known.acknowledged_seq,
            delay_s=self.uplink.delay.last_s,
            sent_items=known.sent_items,
            duplicates=known.duplicates,
            quarantined=known.quarantined,
            rewinds=known.rewinds,
            anew=known.anew,
        )

    def _certificates(self) -> dict[str, Any]:
        """The own one, if one was needed yet, and those of machines' servers."""
        known = self.trust.known_lately()
        told = {
            "certificates_waiting": self.trust.waiting()[:MAX_LISTED],
            "certificates": notes_of(known, self.trust.now()),
            "certificates_total": len(known),
        }
        if not self.trust.own.file.is_file():
            return told
        try:
            own = self.trust.own.current().facts
        except (OSError, ValueError):
            return told
        return {**told, "certificate": own.thumbprint, "certificate_ends_us": to_us(own.ends_at)}


def version() -> str:
    """The installed version; empty when run without being installed."""
    try:
        return metadata.version("lineside")
    except metadata.PackageNotFoundError:
        return ""


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
