"""A machine that counts, a mean OPC UA server before it, the real bridge, and the real server behind its HTTP door.

Nothing of ours is replaced: the bridge's client speaks to the server's application through httpx.ASGITransport. The
machine knows the truth; `Rig.claims` is what the plant says of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mes.access.types import Role
from mes.api import router
from mes.edge.service import put_tag_bindings
from mes.edge.types import PIECE_E6, TagBindingSpec
from mes.history.queries import list_samples
from mes.history.types import TIME_MAX_US
from mes.kernel.db import Database, ReadSession
from mes.kernel.sqltypes import to_us
from opcua_bridge import backfill
from opcua_bridge import source as source_module
from opcua_bridge import uplink as uplink_module
from opcua_bridge.agent import Agent
from opcua_bridge.journal import Journal
from opcua_bridge.settings import load_settings
from opcua_bridge.simulator.strict_server import StrictServer
from tests.opcua_bridge.support import URI, bridge_environment, environment, tag_map_text
from tests.support.plants import BENCH, BRIDGE, CELL, PRESS, build_plant
from tests.web.cast import hire
from web.problems import install_problem_handlers

MAX_PER_S: Final = 2_000.0
TICK_S: Final = 0.03
TOLD, KEPT, PLAIN = f"{CELL}.Good", f"{PRESS}.Good", f"{BENCH}.Good"
"""Counters: its machine tells of restarts; it survives them (and ends early); nobody can tell."""
MARKER: Final = f"{CELL}.StartedAt"
HEAT: Final = f"{PRESS}.Temperature"
"""A measurement of which the machine's server keeps a history."""
COUNTERS: Final = (TOLD, KEPT, PLAIN)
MODULUS: Final = 60_000
BEGIN: Final = {TOLD: 0, KEPT: MODULUS - 20, PLAIN: 0}
TYPES: Final = {MARKER: "String", TOLD: "UInt32", KEPT: "UInt16", PLAIN: "UInt32"}
SETTLED_WITHIN_S: Final = 60.0


class Directory:
    """Knows one plant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_reached_by(self, _host: str, plant_id: str, *, by_token: bool) -> bool:
        return plant_id == self._database.plant_id

    async def reach(self, _plant_id: str) -> Database:
        return self._database


class Killed(BaseException):
    """The bridge's process is gone, in the middle of a statement."""


@dataclass
class Machine:
    """Counts for as long as it runs; `truth` is what it made since the plant's first reading."""

    plc: StrictServer
    chance: random.Random
    truth: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    shows: dict[str, int] = field(default_factory=lambda: dict(BEGIN))
    types: dict[str, str] = field(default_factory=lambda: dict(TYPES))
    boot: int = 1
    heat: float = 20.0
    works: bool = True

    async def count(self, tag: str, pieces: int) -> None:
        self.truth[tag] += pieces
        self.shows[tag] += pieces
        if tag == KEPT:
            self.shows[tag] %= MODULUS
        await self.show(tag)

    async def show(self, tag: str) -> None:
        await self.plc.write(tag, self.shows[tag], data_type=self.types[tag])

    async def restart(self) -> None:
        """The machine itself, not its OPC UA server: it says so where it can, and begins at 0 where it forgets."""
        self.works = False
        self.boot += 1
        await self.plc.write(MARKER, f"boot-{self.boot}")
        for tag in (TOLD, PLAIN):
            self.shows[tag] = 0
            await self.show(tag)
        await asyncio.sleep(0.25)
        self.works = True

    async def live(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.heat += 0.125
            await self.plc.write(HEAT, self.heat)
            if self.works:
                await self.count(self.chance.choice(COUNTERS), self.chance.randint(1, 3))


class Wire(httpx.AsyncBaseTransport):
    """Between bridge and server: may be away, lose answers, and bring batches again, late and in any order."""

    def __init__(self, app: FastAPI) -> None:
        self._inner = httpx.ASGITransport(app=app)
        self.away = False
        self.failing: list[int] = []
        self.lose_answers = 0
        self.repeat = 0
        self._before: list[tuple[httpx.URL, httpx.Headers, bytes]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("the server is away")
        if self.failing:
            return httpx.Response(self.failing.pop(), request=request)
        if not request.url.path.endswith("/ingest"):
            return await self._inner.handle_async_request(request)
        body = await request.aread()
        response = await self._passed(request.url, request.headers, body)
        if self.repeat:
            self.repeat -= 1
            for old in reversed([*self._before, (request.url, request.headers, body)]):
                await self._passed(*old)
        self._before = [*self._before[-3:], (request.url, request.headers, body)]
        if self.lose_answers:
            self.lose_answers -= 1
            raise httpx.ReadError("the answer is lost")
        return response

    async def _passed(self, url: httpx.URL, headers: httpx.Headers, body: bytes) -> httpx.Response:
        response = await self._inner.handle_async_request(httpx.Request("POST", url, headers=headers, content=body))
        await response.aread()
        return response


class Rig:
    """Everything together. `lost` and `doubtful` say what evidence the faults so far have destroyed."""

    def __init__(
        self, folder: Path, database: Database, plc: StrictServer, chance: random.Random, *, secured: bool
    ) -> None:
        self.folder, self.database, self.plc, self.chance = folder, database, plc, chance
        self.machine = Machine(plc, chance)
        self.secured = secured
        self._token = hire(database, BRIDGE, Role.bridge).token
        app = FastAPI()
        app.state.plants = Directory(database)
        install_problem_handlers(app)
        app.include_router(router)
        self.wire = Wire(app)
        self._client = httpx.AsyncClient(transport=self.wire, base_url="http://plant")
        self.agent: Agent | None = None
        self._task: asyncio.Task[None] | None = None
        self._crash_at: tuple[str, int] | None = None
        self.inexact: set[str] = set()
        """Counters of which evidence is lost, so that an interval is all there can be."""

    # ------------------------------------------------------------------ bridge

    async def start_bridge(self) -> None:
        kinds = {tag: "state" if tag == MARKER else "counter" for tag in TYPES}
        kinds[HEAT] = "measurement"
        tag_map = tag_map_text(self.plc.endpoint, kinds, keep_alive_s=0.3, grace_s=0.2)
        if self.secured:
            tag_map = tag_map.replace('security = "none"', 'security = "Basic256Sha256"')
        values = bridge_environment(self.folder, "http://127.0.0.1:1", tag_map)
        with environment(values | {"LINESIDE_BRIDGE_TOKEN": self._token}):
            settings = load_settings()
        self.agent = Agent(settings, self._client)
        for one in self.agent._sources.values():
            one.audit_every_s = 0.3
            one._retry_first_s = one._retry_last_s = 0.2
        self._task = asyncio.create_task(self._run(self.agent))

    async def _run(self, agent: Agent) -> None:
        with contextlib.suppress(Killed, BaseExceptionGroup):
            await agent.run()

    async def stop_bridge(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def kill_bridge(self) -> None:
        """What kill -9 leaves: nothing is finished, nothing said, only what was committed is there."""
        assert self.agent is not None
        torn(self.agent.journal)
        await self.stop_bridge()

    async def crash_bridge(self, place: str, hits: int) -> None:
        """The same at the moment when it comes to a marked place for the nth time."""
        self._crash_at = (place, hits)
        assert self._task is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5.0):
                await asyncio.gather(self._task, return_exceptions=True)
        self._crash_at = None
        if not self._task.done():
            await self.kill_bridge()

    def crash_point(self, name: str) -> None:
        if self._crash_at is None or self._crash_at[0] != name or self.agent is None:
            return
        self._crash_at = (name, self._crash_at[1] - 1)
        if self._crash_at[1] <= 0:
            torn(self.agent.journal)
            raise Killed

    def swap_disk(self) -> None:
        for file in self.folder.glob("journal.sqlite*"):
            file.unlink()

    def back_up_journal(self) -> Path:
        """The bridge is stopped: its files, as they are."""
        place = self.folder / "backup"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for file in self.folder.glob("journal.sqlite*"):
            shutil.copy(file, place)
        return place

    def restore_journal(self, place: Path) -> None:
        self.swap_disk()
        for file in place.iterdir():
            shutil.copy(file, self.folder)

    @property
    def source(self) -> Any:
        assert self.agent is not None
        return self.agent.source("machine")

    def approve(self) -> None:
        """Somebody at the machine has compared thumbprints."""
        assert self.agent is not None
        for file in (self.agent._settings.trust_path / "rejected").glob("*.der"):
            self.agent.trust.approve(file.stem)

    # ------------------------------------------------------------------- claims

    def claims(self, tag: str) -> tuple[int, int | None]:
        return self.database.read_now(_claimed, tag=tag)

    def gaps(self, tag: str) -> list[tuple[object, ...]]:
        """Where an interval is all that is claimed, and by how far the machine's clock was set."""
        return [*self.database.read_now(_gaps, tag=tag), (self.plc.now() - datetime.now(UTC),)]

    def measured(self) -> dict[int, float]:
        """What the plant knows of the temperature, by instant."""
        pk = self.database.read_now(_pk_of, tag=HEAT)
        window = {"tag_pk": pk, "from_us": 0, "to_us": TIME_MAX_US, "limit": 1_000_000}
        samples, _ = self.database.read_now(list_samples, **window)
        pairs = zip(samples.at_us.tolist(), samples.value.tolist(), strict=True)
        return {at_us: value for at_us, value in pairs if value == value}

    def told_heat(self) -> dict[int, float]:
        """What the machine's server showed of it."""
        return {to_us(at): value for value, status, at in self.plc.told[HEAT] if not status}

    async def filled(self) -> None:
        """All of the temperature since the first that is known has arrived, one way or the other."""
        end = time.monotonic() + SETTLED_WITHIN_S
        while True:
            known, told = self.measured(), self.told_heat()
            begin, now = min(known), max(told) - 1_000_000
            missing = {at: value for at, value in told.items() if begin <= at <= now and at not in known}
            if not missing:
                return
            if time.monotonic() > end:
                raise AssertionError(f"not there: {len(missing)} of {len(told)}; {self.source.health.backfill}")
            await asyncio.sleep(0.3)

    def is_settled(self, tags: Sequence[str] = COUNTERS) -> bool:
        """Whether the plant has the last reading of these counters, and waits for no other."""
        seen = self.database.read_now(_baselines)
        return all(seen.get(tag) == (self.machine.shows[tag], None, None) for tag in tags)

    async def settle(self, tags: Sequence[str] = COUNTERS) -> None:
        """The machine counts on until it is seen; then it stands still."""
        end = time.monotonic() + SETTLED_WITHIN_S
        self.machine.works = False
        await asyncio.sleep(0.1)
        while not self.is_settled(tags):
            if time.monotonic() > end:
                raise AssertionError(f"not settled: {self.state()}")
            await asyncio.sleep(0.3)
            for tag in tags:
                if not self.is_settled(tags):
                    await self.machine.count(tag, 1)
            await asyncio.sleep(0.3)

    def state(self) -> dict[str, Any]:
        assert self.agent is not None
        return {
            "shows": self.machine.shows,
            "baselines": self.database.read_now(_baselines),
            "source": self.source.health,
            "uplink": self.agent.uplink.health,
        }


def torn(journal: Journal) -> None:
    """The journal's process is gone: what is not committed never was."""
    if journal._thread.is_alive():
        journal._jobs.put(None)
        journal._thread.join()
    with contextlib.suppress(Exception):
        journal._db.rollback()
    journal._db.close()


def _pk_of(session: ReadSession, *, tag: str) -> int:
    return int(session.execute(text("SELECT pk FROM tag_binding WHERE tag = :tag"), {"tag": tag}).scalar_one())


def _claimed(session: ReadSession, *, tag: str) -> tuple[int, int | None]:
    facts = session.execute(text("SELECT low_e6, high_e6 FROM count_fact WHERE tag = :tag"), {"tag": tag}).all()
    high = None if any(fact[1] is None for fact in facts) else sum(fact[1] for fact in facts) // PIECE_E6
    return sum(fact[0] for fact in facts) // PIECE_E6, high


def _gaps(session: ReadSession, *, tag: str) -> list[tuple[object, ...]]:
    sql = "SELECT * FROM count_fact WHERE tag = :tag AND (high_e6 IS NULL OR high_e6 <> low_e6)"
    return [tuple(row._mapping.items()) for row in session.execute(text(sql), {"tag": tag})]


def _baselines(session: ReadSession) -> dict[str, tuple[int, int | None, int | None]]:
    rows = session.execute(
        text(
            "SELECT b.tag, c.value, c.suspect_value, c.gap_from_us FROM counter_baseline c "
            "JOIN tag_binding b ON b.pk = c.binding_pk"
        )
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def bindings() -> list[TagBindingSpec]:
    more = {"max_per_s": MAX_PER_S}
    return [
        TagBindingSpec(TOLD, "counter", CELL, "good", counting_point_of="LINE", **more),
        TagBindingSpec(
            KEPT, "counter", PRESS, "good", counting_point_of=PRESS, modulus=MODULUS, retentive=True, **more
        ),
        TagBindingSpec(PLAIN, "counter", BENCH, "good", counting_point_of=BENCH, **more),
        TagBindingSpec(MARKER, "restart-marker", CELL),
        TagBindingSpec(HEAT, "measurement", PRESS, unit="°C"),
    ]


def prepared(folder: Path, template: Path) -> Path:
    """A folder with a plant's empty database."""
    (folder / "certificates").mkdir(parents=True)
    shutil.copy(template, folder / "plant.sqlite")
    return folder


@contextlib.asynccontextmanager
async def rig(
    folder: Path,
    chance: random.Random,
    monkeypatch: pytest.MonkeyPatch,
    *,
    secured: bool = False,
    url: str = "",
) -> AsyncIterator[Rig]:
    """Running, with a first reading of every counter in the plant. `folder` is from `prepared`; `url`: another database
    than its SQLite file, empty and migrated."""
    monkeypatch.setattr(uplink_module, "BACKOFF_LAST_S", 0.3)
    monkeypatch.setattr(source_module, "SILENT_RESUMES", 2)
    monkeypatch.setattr(backfill, "SETTLE_S", 0.1)
    monkeypatch.setattr(backfill, "LEAST_PAUSE_S", 0.02)
    database = Database(url or f"sqlite:///{folder / 'plant.sqlite'}", clock=lambda: datetime.now(UTC))
    database.write_now(build_plant, actor=None)
    database.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=bindings())
    certificates = folder / "certificates" if secured else None
    async with StrictServer(URI, certificates=certificates) as plc:
        for tag, kind in TYPES.items():
            await plc.add(tag, kind, BEGIN.get(tag, "boot-1"))
        await plc.add(HEAT, "Double", 20.0)
        await plc.keep_history(HEAT)
        it = Rig(folder, database, plc, chance, secured=secured)
        for module in (source_module, uplink_module):
            monkeypatch.setattr(module, "crash_point", it.crash_point)
        await it.start_bridge()
        try:
            await _first_reading(it)
            life = asyncio.create_task(it.machine.live())
            yield it
            life.cancel()
        finally:
            plc.thaw()
            it.wire.away = False
            await it.stop_bridge()
            await it._client.aclose()
            database.close()


async def _first_reading(it: Rig) -> None:
    end = time.monotonic() + SETTLED_WITHIN_S
    while not it.is_settled():
        assert time.monotonic() < end, it.state()
        it.approve()
        await asyncio.sleep(0.05)
