"""After a gap, the machine's own history: what it has arrives once, at its own time; what it has not stays a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from opcua_bridge import backfill
from opcua_bridge.agent import Agent
from opcua_bridge.simulator.strict_server import StrictServer
from standards.lineside.health_v1 import HistoryNote
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import (
    URI,
    BridgeProcess,
    Mes,
    Network,
    bridge_environment,
    tag_map_text,
    until,
)
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


async def test_a_bridge_killed_in_the_middle_goes_on_where_it_was(mes: Mes, tmp_path: Path) -> None:
    async with oven(tmp_path) as server, Network(server.port) as network:
        environment = bridge_environment(tmp_path, mes.url, tag_map_text(network.url, TAGS))
        async with BridgeProcess(environment) as bridge:
            await bridge.start(LINESIDE_CRASH_AT="after-history-before-journal")
            await until(lambda: len(told(mes, TEMP, late=False)) > 30)
            await outage(server, network)
            assert await bridge.died() == 137
            assert not told(mes, TEMP, late=True)
            await bridge.start()
            await until(lambda: told(mes, TEMP, late=True))
            all_there(mes, TEMP, await written(server, mes, TEMP))
        assert len(mes.gaps()) == 1


# -------------------------------------------------------------- a mean history


@pytest.fixture
async def plc() -> AsyncIterator[StrictServer]:
    async with StrictServer(URI) as server:
        for tag in (TEMP, PLAIN):
            await server.add(tag, "Double", 0.0)
            await server.keep_history(tag)
        await server.add(COUNT, "UInt32", 0)
        await server.keep_history(COUNT)
        yield server


async def change(plc: StrictServer, count: int = 1) -> None:
    for _ in range(count):
        for tag in (TEMP, PLAIN):
            await plc.write(tag, len(plc.told[tag]) + 0.5)
        await plc.write(COUNT, len(plc.told[COUNT]))
        await asyncio.sleep(0.002)


async def cut_off(plc: StrictServer, changes: int = 40) -> None:
    """So many changes that nobody saw."""
    plc.refuse_connections()
    plc.drop_connections()
    await plc.forget_sessions(with_subscriptions=True)
    await asyncio.sleep(0.1)
    await change(plc, changes)
    plc.refuse_connections(False)


async def connected(bridges: Bridges, mes: Mes, plc: StrictServer, **options: Any) -> Agent:
    agent = await bridges.start(tag_map_text(plc.endpoint, TAGS, **options))
    await until(lambda: all(told(mes, tag, late=False) for tag in TAGS))
    await change(plc, 3)
    await until(lambda: told(mes, COUNT, late=False)[-1][0] == plc.told[COUNT][-1][0])
    await asyncio.sleep(0.3)
    return agent


async def back(mes: Mes, agent: Agent, plc: StrictServer) -> HistoryNote:
    """Connected again, the present is there, and nothing waits to be asked about."""
    await change(plc)
    await until(lambda: mes.gaps() and told(mes, COUNT, late=False)[-1][0] == plc.told[COUNT][-1][0])
    await until(lambda: not agent.source("machine").health.backfill.waiting)
    note = (await agent.health()).endpoints[0].history
    return note or HistoryNote()


def shown(plc: StrictServer, tag: str) -> list[Any]:
    """Good values in order."""
    return [value for value, status, _ in plc.told[tag] if not status]


def values(mes: Mes, tag: str) -> set[Any]:
    """All that arrived, now or later."""
    return {value for late in (False, True) for value, _ in told(mes, tag, late=late)}


async def test_answers_come_in_parts_and_no_continuation_point_is_left(
    bridges: Bridges, mes: Mes, plc: StrictServer
) -> None:
    plc.manners.past.values = 7
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    note = await back(mes, agent, plc)
    await until(lambda: all(values(mes, tag) >= set(shown(plc, tag)) for tag in (TEMP, PLAIN)))
    assert plc.manners.past.asked > 5
    assert not plc.manners.past.held
    assert (note.tags, note.left_out, note.cut_short) == (2, 0, 0)
    assert not told(mes, COUNT, late=True)


async def test_what_is_too_much_is_cut_short_and_its_continuation_point_released(
    bridges: Bridges, mes: Mes, plc: StrictServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "MAX_VALUES", 20)
    plc.manners.past.values = 7
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    note = await back(mes, agent, plc)
    await until(lambda: len(told(mes, TEMP, late=True)) == 20)
    assert note.cut_short == 2
    assert not plc.manners.past.held


async def test_a_history_without_end_is_left(bridges: Bridges, mes: Mes, plc: StrictServer) -> None:
    plc.manners.past.endless = True
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    note = await back(mes, agent, plc)
    assert (note.values, note.cut_short) == (0, 2)
    assert not plc.manners.past.held


@pytest.mark.parametrize("code", [0x80720000, 0x800B0000, 0x801F0000])
async def test_a_server_that_refuses_the_service_leaves_a_gap_and_a_word(
    bridges: Bridges, mes: Mes, plc: StrictServer, code: int
) -> None:
    plc.manners.past.fault = code
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    note = await back(mes, agent, plc)
    assert note.values == 0
    assert note.left_out
    assert "Bad" in note.error
    assert agent.source("machine").health.reconnects == 1


async def test_an_error_without_end_is_left(bridges: Bridges, mes: Mes, plc: StrictServer) -> None:
    plc.manners.past.endless = True
    plc.manners.past.denied |= dict.fromkeys(TAGS, 0x801F0000)
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    note = await back(mes, agent, plc)
    assert (note.values, note.cut_short) == (0, 2)
    assert plc.manners.past.asked == backfill.MAX_EMPTY


async def test_answers_that_are_too_few_cost_the_history_and_not_the_connection(
    bridges: Bridges, mes: Mes, plc: StrictServer
) -> None:
    plc.manners.past.swallows = 1
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    note = await back(mes, agent, plc)
    assert (note.values, note.left_out) == (0, 1)
    assert "1 answers to 2 questions" in note.error
    assert agent.source("machine").health.reconnects == 1


async def test_a_server_that_hangs_up_when_asked_is_asked_three_times(
    bridges: Bridges, mes: Mes, plc: StrictServer
) -> None:
    plc.manners.past.on_request = plc.drop_connections
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    note = await back(mes, agent, plc)
    assert plc.manners.past.asked == backfill.MAX_TRIES
    assert (note.values, note.left_out, note.waiting) == (0, 1, 0)
    assert "gave up" in note.error
    assert len(mes.gaps()) == 1
    reconnects = agent.source("machine").health.reconnects
    await asyncio.sleep(1.0)
    assert agent.source("machine").health.reconnects == reconnects


async def test_of_two_machines_a_gap_names_the_tags_of_its_own(bridges: Bridges, mes: Mes, plc: StrictServer) -> None:
    async with StrictServer(URI) as other:
        await other.add("Else", "Double", 0.0)
        second = tag_map_text(other.endpoint, {"Else": "measurement"}).partition("[[endpoint]]")[2]
        extra = "[[endpoint]]" + second.replace('"machine"', '"other"')
        agent = await connected(bridges, mes, plc, extra=extra)
        await until(lambda: told(mes, "Else", late=False))
        await cut_off(plc)
        await back(mes, agent, plc)
        [gap] = mes.gaps()
        assert (gap["source"], sorted(gap["tags"])) == ("machine", sorted(TAGS))
        await until(lambda: values(mes, TEMP) >= set(shown(plc, TEMP)))
        assert not agent.source("machine").health.last_gaps[0].tags


async def test_a_refused_tag_is_left_out_and_the_others_are_not(bridges: Bridges, mes: Mes, plc: StrictServer) -> None:
    plc.manners.past.denied[PLAIN] = 0x801F0000
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    note = await back(mes, agent, plc)
    await until(lambda: values(mes, TEMP) >= set(shown(plc, TEMP)))
    assert not told(mes, PLAIN, late=True)
    assert (note.tags, note.left_out, note.error) == (1, 1, "Plain: BadUserAccessDenied")


async def test_no_data_is_nothing_and_no_error(bridges: Bridges, mes: Mes, plc: StrictServer) -> None:
    plc.manners.past.denied |= dict.fromkeys(TAGS, 0x809B0000)
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    assert await back(mes, agent, plc) == HistoryNote()
    assert plc.manners.past.asked == 1
    assert len(mes.gaps()) == 1


async def test_of_what_the_server_missed_itself_nothing_comes(bridges: Bridges, mes: Mes, plc: StrictServer) -> None:
    agent = await connected(bridges, mes, plc)
    plc.refuse_connections()
    plc.drop_connections()
    await plc.forget_sessions(with_subscriptions=True)
    await change(plc, 10)
    begin = plc.now()
    await change(plc, 10)
    plc.manners.past.hole = (begin, plc.now())
    lost = shown(plc, TEMP)[-10:]
    await change(plc, 10)
    plc.refuse_connections(False)
    await back(mes, agent, plc)
    await until(lambda: values(mes, TEMP) >= set(shown(plc, TEMP)) - set(lost))
    assert not values(mes, TEMP) & set(lost)
    assert len(mes.gaps()) == 1


async def test_what_was_worked_out_is_no_value(bridges: Bridges, mes: Mes, plc: StrictServer) -> None:
    plc.manners.past.worked_out = True
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    assert (await back(mes, agent, plc)).values == 0


async def test_fewer_nodes_at_a_time_where_the_server_takes_no_more(
    bridges: Bridges, mes: Mes, plc: StrictServer
) -> None:
    plc.manners.past.nodes = 1
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    note = await back(mes, agent, plc)
    assert (note.tags, note.left_out) == (2, 0)


async def test_a_second_cut_in_the_middle_leaves_nothing_half_told(
    bridges: Bridges, mes: Mes, plc: StrictServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "NODES", 1)
    plc.manners.past.values, plc.manners.past.delay_s = 5, 0.1
    agent = await connected(bridges, mes, plc)
    await cut_off(plc)
    await until(lambda: plc.manners.past.asked == 3)
    await cut_off(plc, 10)
    assert not told(mes, PLAIN, late=True)
    plc.manners.past.delay_s = 0.0
    await back(mes, agent, plc)
    await until(lambda: all(values(mes, tag) >= set(shown(plc, tag)) for tag in (TEMP, PLAIN)))
    assert len(mes.gaps()) == 2


@pytest.mark.parametrize("why", ["switched-off", "no-history-bit", "not-historizing"])
async def test_nobody_is_asked_for_what_is_not_there(bridges: Bridges, mes: Mes, plc: StrictServer, why: str) -> None:
    if why == "no-history-bit":
        plc.manners.past.tags.clear()
        await plc.restart()
    if why == "not-historizing":
        for tag in TAGS:
            await plc.say_not_historizing(tag)
    options = {"backfill": "false"} if why == "switched-off" else {}
    agent = await connected(bridges, mes, plc, **options)
    await cut_off(plc)
    assert await back(mes, agent, plc) == HistoryNote()
    await asyncio.sleep(0.5)
    assert plc.manners.past.asked == 0
