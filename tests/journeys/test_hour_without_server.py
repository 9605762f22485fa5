"""An hour's values while the server is away: the bridge's memory and its journal keep to their bounds, what found no
room is a gap with its number, and once the server is back it is told all the rest.

5,000 values a second for an hour, as fast as the bridge takes them: 18,000 notifications of 1,000 values each.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from benchmarks._load_server import NAMESPACE, item_name
from mes.access.service import create_principal, create_token
from mes.access.types import Role
from mes.edge.queries import get_bridge
from mes.exchange.plant_file import check_plant_file, load_plant
from mes.history.queries import list_samples
from mes.ingest.queries import list_gaps
from mes.kernel.db import ReadSession
from mes.reporting.measurements.queries import get_measurement
from tests.support.ports import free_port
from web.plants import open_plants
from web.settings import Settings

pytestmark = [pytest.mark.journey, pytest.mark.long]
ROOT: Final = Path(__file__).resolve().parents[2]
TAGS: Final = 1_000
HOUR: Final = 18_000
"""Notifications."""
JOURNAL_BYTES: Final = 32 * 2**20
LOG_BYTES: Final = 8 * 2**20
"""SQLite's log beside the journal, whatever the bound."""
BRIDGE_GROWS: Final = 16 * 2**20
"""Bytes of memory at most, after the first tenth of the hour."""
SERVER_GROWS: Final = 192 * 2**20
"""The same of the server, after the first tenth of what waited for it: it seals a chunk of the history now and then."""
MIB: Final = 2**20
Numbers = np.ndarray[Any, np.dtype[np.float64]]
_log = logging.getLogger(__name__)


@dataclass
class Watched:
    """A process, and how much memory it was seen to have."""

    process: asyncio.subprocess.Process
    log: Path
    seen: list[int] = field(default_factory=list)
    """Bytes of resident memory, at every look."""

    def look(self) -> None:
        assert self.process.returncode is None, self.log.read_text()[-2_000:]
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        self.seen.append(int(pages) * os.sysconf("SC_PAGE_SIZE"))

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        async with asyncio.timeout(60):
            await self.process.wait()


@dataclass
class Outage:
    """Machine, bridge and, later, server."""

    folder: Path
    machine_port: int = field(default_factory=free_port)
    server_port: int = field(default_factory=free_port)
    on_disk: int = 0
    """The most bytes that the journal was seen to have on disk."""

    @property
    def journal(self) -> Path:
        return self.folder / "journal.sqlite"

    @property
    def files(self) -> tuple[Path, Path]:
        return self.journal, self.journal.with_name(self.journal.name + "-wal")

    def health(self) -> dict[str, Any]:
        """As the bridge wrote it last; empty as long as it wrote nothing."""
        path = self.journal.with_name(self.journal.name + ".status.json")
        health: dict[str, Any] = json.loads(path.read_text())["health"] if path.exists() else {}
        return health

    def taken(self) -> int:
        """Values the bridge has had of the machine."""
        endpoints = self.health().get("endpoints") or [{}]
        return int(endpoints[0].get("values", 0))

    def waits(self) -> int:
        """Values in the journal."""
        return int(self.health()["journal"].get("depth", 0))

    async def until(self, condition: Callable[[], bool], watched: Sequence[Watched], *, within_s: float) -> None:
        """Looking at memory and disk all the while."""
        end = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < end, f"not within {within_s} s: {self.health()}"
            for process in watched:
                process.look()
            self.on_disk = max(self.on_disk, sum(p.stat().st_size for p in self.files if p.exists()))
            await asyncio.sleep(0.2)

    @asynccontextmanager
    async def running(self, name: str, *command: str, **environment: str) -> AsyncIterator[Watched]:
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, env={**os.environ, **environment}, cwd=ROOT, stdout=out, stderr=out
            )
        try:
            yield (watched := Watched(process, log))
            await watched.stop()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def prepare(self) -> None:
        """A plant in which every tag is a measurement, a bridge with a token, its tag map."""
        names = [item_name(number) for number in range(TAGS)]
        text = json.dumps({"equipment": EQUIPMENT, "bridges": [{"id": "EDGE", "tags": [_binding(n) for n in names]}]})
        plants = open_plants(Settings(data_dir=self.folder / "data"))
        database = plants.default
        database.write_now(load_plant, actor=None, plant=check_plant_file(text, filename="outage.json"))
        database.write_now(create_principal, actor=None, principal_id="EDGE", role=Role.bridge, display_name="EDGE")
        token = database.write_now(create_token, actor=None, plant_id="default", principal_id="EDGE", label="outage")
        plants.close()
        (self.folder / "token").write_text(token.token)
        (self.folder / "token").chmod(0o600)
        (self.folder / "tag_map.toml").write_text(self._tag_map(names))

    def _tag_map(self, names: Sequence[str]) -> str:
        url = f"opc.tcp://127.0.0.1:{self.machine_port}/"
        head = f'[namespaces]\nb = "{NAMESPACE}"\n[[endpoint]]\nname = "machine"\nurl = "{url}"\nsecurity = "none"\n'
        tag = '[[endpoint.tag]]\ntag = "{0}"\nnode = "b;s={0}"\nclass = "measurement"\n'
        return head + "".join(tag.format(name) for name in names)

    def bridge_environment(self) -> Mapping[str, str]:
        return {
            "LINESIDE_BRIDGE_SERVER_URL": f"http://127.0.0.1:{self.server_port}",
            "LINESIDE_BRIDGE_TOKEN_FILE": str(self.folder / "token"),
            "LINESIDE_BRIDGE_TAG_MAP": str(self.folder / "tag_map.toml"),
            "LINESIDE_BRIDGE_JOURNAL": str(self.journal),
            "LINESIDE_BRIDGE_JOURNAL_MAX_BYTES": str(JOURNAL_BYTES),
        }

    def told(self) -> tuple[Numbers, int]:
        """What the server holds of the first tag, in order; how many values it was told are lost."""
        plants = open_plants(Settings(data_dir=self.folder / "data"))
        try:
            return plants.default.read_now(_told, until_us=time.time_ns() // 1_000)
        finally:
            plants.close()


def _told(session: ReadSession, *, until_us: int) -> tuple[Numbers, int]:
    tag_pk = get_measurement(session, bridge_id="EDGE", tag=item_name(0)).pk
    values: list[Numbers] = []
    from_us: int | None = until_us - 3_600_000_000
    while from_us is not None:
        some, from_us = list_samples(session, tag_pk=tag_pk, from_us=from_us, to_us=until_us)
        values.append(some.value[~np.isnan(some.value)])
    gaps = list_gaps(session, bridge_pk=get_bridge(session, bridge_id="EDGE").pk)
    return np.concatenate(values), sum(gap.lost or 0 for gap in gaps if gap.reason == "journal-full")


EQUIPMENT: Final = [
    {"id": "E", "level": "Enterprise"},
    {"id": "S", "level": "Site", "parent": "E"},
    {"id": "A", "level": "Area", "parent": "S"},
    {"id": "C", "level": "WorkCenter", "parent": "A"},
    {"id": "U", "level": "WorkUnit", "parent": "C"},
]


def _binding(name: str) -> dict[str, str]:
    return {"tag": name, "signal": "measurement", "equipment": "U", "unit": "V"}


async def test_an_hour_without_the_server_costs_no_more_memory_than_six_minutes(tmp_path: Path) -> None:
    it = Outage(tmp_path)
    it.prepare()
    started_at = time.monotonic()
    machine_script = str(ROOT / "benchmarks" / "_load_server.py")
    async with AsyncExitStack() as stack:
        machine = await stack.enter_async_context(
            it.running("machine", machine_script, str(it.machine_port), str(TAGS), str(HOUR))
        )
        bridge = await stack.enter_async_context(
            it.running("bridge", "-m", "opcua_bridge", "run", **it.bridge_environment())
        )
        await it.until(lambda: it.taken() >= HOUR * TAGS // 10, [bridge], within_s=120)
        began, bridge.seen = bridge.seen[-1], []
        await it.until(lambda: it.taken() >= HOUR * TAGS, [bridge], within_s=300)
        while_away, bridge.seen = max(bridge.seen), []
        assert it.health()["uplink"]["error"]
        assert it.health()["journal"]["dropped"] > 0
        waited, back_at = it.waits(), time.monotonic()
        server = await stack.enter_async_context(
            it.running(
                "server", "-m", "web", "serve", "--port", str(it.server_port), LINESIDE_DATA_DIR=str(tmp_path / "data")
            )
        )
        await it.until(lambda: it.waits() < waited * 0.9, [bridge, server], within_s=120)
        server_began, server.seen = server.seen[-1], []
        await it.until(lambda: it.waits() < 10 * TAGS, [bridge, server], within_s=300)
        await machine.stop()
        await it.until(lambda: it.waits() == 0, [bridge, server], within_s=60)
    _log.warning(
        "bridge %.0f MiB after a tenth, then at most %.0f, %.0f while the server was told; journal %.0f MiB on disk; "
        "server %.0f MiB after a tenth, then at most %.0f; %d values waited; %.0f s, %.0f s",
        *(n / MIB for n in (began, while_away, max(bridge.seen), it.on_disk, server_began, max(server.seen))), waited,
        *(back_at - started_at, time.monotonic() - back_at),
    )  # fmt: skip
    assert max(while_away, *bridge.seen) < began + BRIDGE_GROWS
    assert max(server.seen) < server_began + SERVER_GROWS
    assert it.on_disk <= JOURNAL_BYTES + LOG_BYTES
    values, lost = it.told()
    assert len(values) > 1
    assert (np.diff(values) >= 1).all()
    assert lost > 0
    assert lost == TAGS * (values[-1] - len(values))
