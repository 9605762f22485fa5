"""After a gap, the machine's own history: what it has arrives once, at its own time; what it has not stays a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from opcua_bridge import backfill
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import BridgeProcess, Mes, Network, bridge_environment, tag_map_text, until
from tests.support.node_peer import NodeServer

TEMP, COUNT, PLAIN = "Temp", "Count", "Plain"
TAGS = {TEMP: "measurement", COUNT: "counter", PLAIN: "measurement"}
Reading = tuple[Any, int]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "LEAST_PAUSE_S", 0.01)
    monkeypatch.setattr(backfill, "SETTLE_S", 0.3)


@asynccontextmanager
async def oven(folder: Path, **config: Any) -> AsyncIterator[NodeServer]:
    """Three variables at 50 Hz, two of which their server has a history of."""
    variables = [
        {"name": TEMP, "kind": "measurement", "type": "Double", "every_ms": 20, "history": True},
        {"name": COUNT, "kind": "counter", "type": "UInt32", "every_ms": 20, "history": True},
        {"name": PLAIN, "kind": "measurement", "type": "Double", "every_ms": 20},
    ]
    async with NodeServer(folder / "machine", variables=variables, **config) as server:
        yield server


def told(mes: Mes, tag: str, *, late: bool) -> list[Reading]:
    good = [s for s in mes.samples(tag) if s.get("quality", "good") == "good" and ("history_of" in s) is late]
    return [(s["value"], s["source_at_us"]) for s in good]


async def outage(server: NodeServer, network: Network, seconds: float = 1.5) -> None:
    """So long that the machine's server has forgotten us."""
    network.cut(refuse=True)
    await server.ask("forget_sessions")
    await asyncio.sleep(seconds)
    network.heal()


async def written(server: NodeServer, mes: Mes, tag: str) -> list[Reading]:
    """All there ever was, once the last of it has arrived."""
    await server.ask("pause")
    rows = [(value, at_us) for value, at_us, _ in server.ledger()[tag]]
    await until(lambda: told(mes, tag, late=False)[-1] == rows[-1])
    return rows


def all_there(mes: Mes, tag: str, truth: list[Reading]) -> None:
    """Everything since the first reading has arrived, and what came out of the history is true and came once."""
    live, late = told(mes, tag, late=False), told(mes, tag, late=True)
    assert set(truth[truth.index(live[0]) :]) <= set(live) | set(late)
    assert set(late) <= set(truth)
    assert len(late) == len(set(late))


async def test_what_was_missed_arrives_at_its_own_time(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    async with oven(tmp_path) as server, Network(server.port) as network:
        agent = await bridges.start(tag_map_text(network.url, TAGS))
        await until(lambda: len(told(mes, TEMP, late=False)) > 30)
        await outage(server, network)
        await until(lambda: agent.source("machine").health.backfill.values)
        [gap] = mes.gaps()
        truth = await written(server, mes, TEMP)
        all_there(mes, TEMP, truth)
        late = told(mes, TEMP, late=True)
        assert len(set(late) - set(told(mes, TEMP, late=False))) > 50
        for sample in (s for s in mes.samples(TEMP) if "history_of" in s):
            assert sample["history_of"] == {
                "source": "machine", "from_at_us": gap["from_at_us"], "to_at_us": gap["to_at_us"]
            }  # fmt: skip
        assert not told(mes, COUNT, late=True)
        assert not told(mes, PLAIN, late=True)
        note = (await agent.health()).endpoints[0].history
        assert note is not None
        assert (note.values, note.tags, note.waiting, note.left_out) == (len(late), 1, 0, 0)
