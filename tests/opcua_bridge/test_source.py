"""From the machine's server to the MES: exact through whatever happens in between."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from opcua_bridge.clock import Clock
from opcua_bridge.journal import Journal
from opcua_bridge.simulator.strict_server import StrictServer
from opcua_bridge.source import Source
from opcua_bridge.tag_map import Endpoint, Security, Tag, TagClass
from opcua_bridge.trust import Trust
from standards.lineside.ingest_v1 import MAX_BATCH_BYTES, pack
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import URI, Machine, Mes, Network, machine, tag_map_text, until

COUNT = {"Count": (0, ua.VariantType.UInt32)}
COUNT_AND_STATE = COUNT | {"State": (6, ua.VariantType.Int32)}
TAGS = {"Count": "counter", "State": "state"}


class Ticking:
    """Counts one up every 20 ms for as long as the block lasts."""

    def __init__(self, it: Machine, name: str = "Count") -> None:
        self._machine, self._name, self.value = it, name, 0

    async def __aenter__(self) -> Ticking:
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _tick(self) -> None:
        while True:
            self.value += 1
            await self._machine.write(self._name, self.value)
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def ticking(it: Machine) -> AsyncIterator[Ticking]:
    async with Ticking(it) as counter:
        yield counter


async def exact(mes: Mes, last: int, *, timeout_s: float = 30.0) -> None:
    """Every count once, in order, up to the last."""
    await until(lambda: mes.good("Count")[-1:] == [last], timeout_s=timeout_s, what=f"count {last}")
    assert without_rereads(mes.good("Count")) == list(range(last + 1))


def without_rereads(values: list[int]) -> list[int]:
    """Reading a value again after an outage repeats it; it is the same reading, not another count."""
    return [v for v, before in zip(values, [None, *values[:-1]], strict=True) if v != before]


async def test_values_reach_the_server_with_their_source_time_type_and_quality(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT_AND_STATE) as it:
        await bridges.start(tag_map_text(it.url, TAGS))
        await until(lambda: mes.good("Count") and mes.good("State"))
        at = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
        await it.write("State", 5, at=at)
        await until(lambda: len(mes.good("State")) == 2)
        sample = mes.samples("State")[-1]
        assert (sample["value"], sample["data_type"]) == (5, "Int32")
        assert sample["source_at_us"] == (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        await it.write("State", 5, status=0x80000000)
        await until(lambda: mes.bad("State"))
        assert mes.bad("State")[0]["status"] == 0x80000000
        assert not mes.gaps()


async def test_a_cut_connection_loses_nothing_and_says_nothing_if_it_is_back_at_once(
    bridges: Bridges, mes: Mes
) -> None:
    async with machine(COUNT) as it, Network(it.port) as network:
        await bridges.start(tag_map_text(network.url, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        async with ticking(it) as counter:
            for _ in range(3):
                await asyncio.sleep(0.4)
                network.cut()
        await exact(mes, counter.value)
        assert not mes.gaps()
        assert not mes.bad("Count")


async def test_a_slow_disk_when_the_cable_is_pulled_brings_no_second_copy(
    bridges: Bridges, mes: Mes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The append that was under way is finished by its thread; what it holds must not be asked for again."""
    insert = Journal._insert

    def slow_insert(self: Journal, *args: Any, **options: Any) -> int:
        time.sleep(0.15)
        return insert(self, *args, **options)

    monkeypatch.setattr(Journal, "_insert", slow_insert)
    async with machine(COUNT) as it, Network(it.port) as network:
        await bridges.start(tag_map_text(network.url, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        async with ticking(it) as counter:
            for _ in range(6):
                await asyncio.sleep(0.3)
                network.cut()
        await exact(mes, counter.value)
        assert not mes.gaps()


async def test_a_longer_outage_shows_as_unknown_and_then_every_value_comes(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT_AND_STATE) as it, Network(it.port) as network:
        await bridges.start(tag_map_text(network.url, TAGS))
        await until(lambda: mes.good("State"))
        async with ticking(it) as counter:
            await asyncio.sleep(0.3)
            network.cut(refuse=True)
            await until(lambda: mes.bad("State"))
            await asyncio.sleep(0.5)
            network.heal()
            await until(lambda: mes.good("State")[1:], what="the unchanged state is good again")
        await exact(mes, counter.value)
        assert not mes.gaps()
        assert [s.get("quality", "good") for s in mes.samples("State")] == ["good", "bad", "good"]
        first, lost, again = mes.samples("State")
        assert lost["status"] == 0x80310000
        assert "source_at_us" not in lost
        assert again["source_at_us"] == first["source_at_us"]


async def test_a_frozen_connection_is_noticed_and_loses_nothing(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it, Network(it.port) as network:
        await bridges.start(tag_map_text(network.url, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        async with ticking(it) as counter:
            await asyncio.sleep(0.2)
            network.freeze()
            await until(lambda: mes.bad("Count"), what="silence is noticed")
            network.thaw()
            await asyncio.sleep(0.5)
        await exact(mes, counter.value)
        assert not mes.gaps()


async def test_a_forgotten_session_is_a_recorded_gap_that_contains_what_was_missed(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it, Network(it.port) as network:
        await bridges.start(tag_map_text(network.url, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        network.cut(refuse=True)
        await it.forget_sessions()
        await it.write("Count", 7)
        await it.write("Count", 8)
        network.heal()
        await until(lambda: 8 in mes.good("Count"))
        assert mes.good("Count") == [0, 8]
        [gap] = mes.gaps()
        assert gap["reason"] == "connection-lost"
        assert gap["from_at_us"] <= mes.samples("Count")[-1]["source_at_us"] <= gap["to_at_us"]
        kinds = [(i["kind"], i.get("value")) for i in mes.items]
        assert kinds.index(("gap", None)) < kinds.index(("sample", 8))


@pytest.mark.parametrize(
    ("count", "is_alone", "named"), [(3, True, None), (3, False, 3), (4_000, False, None), (4_000, True, None)]
)
async def test_a_gap_of_an_endpoint_beside_others_names_its_tags_if_they_are_not_too_many(
    tmp_path: Path, count: int, is_alone: bool, named: int | None
) -> None:
    tags = tuple(Tag(tag=f"{n:0200d}", node=f"i={n}", tag_class=TagClass.counter) for n in range(count))
    endpoint = Endpoint(name="press", url="opc.tcp://press:4840/", security=Security.none, tag=tags)
    journal = Journal(tmp_path / "j.sqlite")
    source = Source(endpoint, journal=journal, clock=Clock(), trust=Trust(tmp_path), is_alone=is_alone)
    gap = source.sequence_gap(5)
    assert (None if gap.tags is None else len(gap.tags)) == named
    assert len(pack(gap)) < MAX_BATCH_BYTES / 4
    journal.close()


async def test_a_subscription_deleted_under_us_is_noticed_and_recorded(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it:
        await bridges.start(tag_map_text(it.url, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        await it.forget_subscriptions()
        await it.write("Count", 5)
        await until(lambda: 5 in mes.good("Count"))
        assert [g["reason"] for g in mes.gaps()] == ["subscription-lost"]


async def test_a_restarted_server_with_shifted_namespaces_is_found_again_by_uri(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as first:
        await bridges.start(tag_map_text(first.url, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        port = first.port
    async with machine({"Count": (41, ua.VariantType.UInt32)}, port=port, spaces_before=2) as second:
        await until(lambda: 41 in mes.good("Count"))
        await second.write("Count", 42)
        await until(lambda: 42 in mes.good("Count"))
        assert [g["reason"] for g in mes.gaps()] == ["server-restarted"]


async def test_a_node_that_is_not_there_is_bad_is_retried_and_fails_nothing_else(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it:
        agent = await bridges.start(tag_map_text(it.url, {"Count": "counter", "Late": "state"}))
        await until(lambda: mes.good("Count") and mes.bad("Late"))
        assert mes.bad("Late")[0]["status"] == ua.StatusCodes.BadNodeIdUnknown
        source = agent.source("machine")
        assert source.health.refused == {"Late": ua.StatusCodes.BadNodeIdUnknown}
        await it.add("Late", 3, ua.VariantType.Int32)
        source._refused["Late"].try_at = 0.0
        await until(lambda: mes.good("Late") == [3])
        assert source.health.refused == {}


async def test_a_queue_of_one_keeps_the_total_and_is_shown(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT, max_queue_size=1) as it:
        agent = await bridges.start(tag_map_text(it.url, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        for value in range(1, 200):
            await it.write("Count", value)
        await until(lambda: mes.good("Count")[-1] == 199)
        assert agent.source("machine").health.small_queues == {"Count": 1}


async def test_a_full_queue_is_a_gap_though_the_server_says_nothing(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT, max_queue_size=10) as it:
        await bridges.start(tag_map_text(it.url, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        for value in range(1, 100):
            await it.write("Count", value)
        await until(lambda: mes.good("Count")[-1] == 99)
        gap = mes.gaps()[0]
        assert (gap["reason"], gap["tags"]) == ("queue-overflow", ["Count"])
        before = [i.get("value") for i in mes.items].index(90)
        assert mes.items.index(gap) < before


async def test_the_machines_clock_may_jump_and_the_order_stays(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it:
        await bridges.start(tag_map_text(it.url, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        now = datetime.now(UTC)
        for value, hours in ((1, 0), (2, -5), (3, 24)):
            await it.write("Count", value, at=now + timedelta(hours=hours))
        await until(lambda: mes.good("Count")[-1] == 3)
        assert mes.good("Count") == [0, 1, 2, 3]
        assert [s["observed_at_us"] for s in mes.samples("Count")] == sorted(
            s["observed_at_us"] for s in mes.samples("Count")
        )


async def test_a_full_journal_makes_the_machine_wait_and_loses_nothing(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT | {"Note": ("", ua.VariantType.String)}) as it:
        agent = await bridges.start(
            tag_map_text(it.url, {"Count": "counter", "Note": "identity"}),
            LINESIDE_BRIDGE_JOURNAL_MAX_BYTES=str(64 * 1024),
        )
        await until(lambda: mes.good("Count"))
        mes.down = True
        for value in range(1, 901):
            await it.write("Count", value)
            await it.write("Note", f"{value} ".ljust(120, "."))
        await until(lambda: "journal full" in agent.source("machine").health.error)
        mes.down = False
        await exact(mes, 900)
        assert not mes.gaps()


async def test_a_clean_stop_and_start_goes_on_with_the_same_subscription(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it:
        text = tag_map_text(it.url, {"Count": "counter"})
        await bridges.start(text)
        await until(lambda: mes.good("Count"))
        async with ticking(it) as counter:
            await asyncio.sleep(0.2)
            await bridges.stop()
            await asyncio.sleep(0.3)
            await bridges.start(text)
            await asyncio.sleep(0.3)
        await exact(mes, counter.value)
        assert not mes.gaps()
        assert len(it.subscriptions) == 1


async def test_a_changed_map_adds_and_removes_tags_and_disturbs_no_other(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT_AND_STATE | {"Mode": (1, ua.VariantType.Int32)}) as it:
        agent = await bridges.start(tag_map_text(it.url, TAGS))
        await until(lambda: mes.good("Count") and mes.good("State"))
        async with ticking(it) as counter:
            await asyncio.sleep(0.1)
            agent.apply_map(tag_map_text(it.url, {"Count": "counter", "Mode": "state"}))
            await until(lambda: mes.good("Mode") == [1])
        await exact(mes, counter.value)
        [subscription] = it.subscriptions.values()
        await until(lambda: len(subscription.monitored_item_srv._monitored_items) == 2)
        assert not mes.gaps()


async def test_two_bridges_worth_of_tokens_do_not_take_over_each_others_session(bridges: Bridges, mes: Mes) -> None:
    """asyncua's session tokens are small numbers: after a restart an old one may be somebody else's."""
    async with machine(COUNT) as first:
        agent = await bridges.start(tag_map_text(first.url, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        port, token = first.port, agent.source("machine").record.token
        await bridges.stop()
    async with machine(COUNT, port=port) as second:
        theirs = second.server.iserver.create_session("another client", external=True)
        theirs.auth_token, theirs.session_timeout, theirs.nonce = ua.NodeId.from_string(token), 60.0, b"n" * 32
        second.server.iserver.register_external_session(theirs)
        agent = await bridges.start(tag_map_text(second.url, {"Count": "counter"}))
        await until(lambda: len(mes.good("Count")) == 2)
        assert agent.source("machine").record.token != token
        assert [g["reason"] for g in mes.gaps()] == ["server-restarted"]
        await theirs.close_session()


async def test_a_bridge_stopped_in_the_moment_its_machine_goes_away_stops(bridges: Bridges, mes: Mes) -> None:
    """A TaskGroup whose child fails in that moment forgets the cancellation (before Python 3.13)."""
    for _ in range(3):
        async with machine(COUNT) as it, Network(it.port) as network:
            await bridges.start(tag_map_text(network.url, {"Count": "counter"}))
            seen = len(mes.items)
            await until(lambda seen=seen: len(mes.items) > seen)
            network.cut(refuse=True)
            for _ in range(3):
                await asyncio.sleep(0)
            async with asyncio.timeout(20):
                await bridges.stop()


async def test_a_gap_is_as_long_as_it_was_whatever_the_machines_clock_was_set_to(bridges: Bridges, mes: Mes) -> None:
    """A PLC that loses its power loses its clock; what could be counted meanwhile is bounded by how long it took."""
    async with StrictServer(URI) as plc:
        await plc.add("Count", "UInt32", 0)
        await bridges.start(tag_map_text(plc.endpoint, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        await plc.write("Count", 3)
        await until(lambda: 3 in mes.good("Count"))
        await plc.stop()
        went = time.monotonic()
        await asyncio.sleep(1.5)
        plc.shift_clock(-3600)
        lasted_us = (time.monotonic() - went) * 1_000_000
        await plc.start()
        await plc.write("Count", 1)
        await until(lambda: 1 in mes.good("Count"))
        [gap] = mes.gaps()
        assert gap["reason"] == "server-restarted"
        assert gap["to_at_us"] - gap["from_at_us"] >= lasted_us
        assert abs(gap["to_at_us"] - time.time_ns() // 1000 + 3600 * 1_000_000) < 60 * 1_000_000


async def test_a_node_deleted_and_made_again_is_monitored_again_with_a_gap(bridges: Bridges, mes: Mes) -> None:
    """Connection and subscription are well, and the server says nothing."""
    async with StrictServer(URI) as plc:
        for tag in ("Count", "Other"):
            await plc.add(tag, "UInt32", 0)
        agent = await bridges.start(tag_map_text(plc.endpoint, {"Count": "counter", "Other": "counter"}))
        source = agent.source("machine")
        source.audit_every_s = 0.2
        await until(lambda: mes.good("Count") and mes.good("Other"))
        await plc.write("Count", 4)
        await until(lambda: 4 in mes.good("Count"))
        plc.refuse_node("Count")
        await until(lambda: mes.bad("Count"), what="it is not known any more")
        await plc.write("Count", 7)
        await plc.remake("Count")
        source._refused["Count"].try_at = 0.0
        await until(lambda: 7 in mes.good("Count"))
        assert {(g["reason"], *g["tags"]) for g in mes.gaps()} == {("item-lost", "Count")}
        assert mes.items.index(mes.gaps()[0]) < mes.items.index(mes.samples("Count")[-1])
        assert not mes.bad("Other")


async def test_an_item_the_server_forgot_is_noticed(bridges: Bridges, mes: Mes) -> None:
    async with StrictServer(URI) as plc:
        await plc.add("Count", "UInt32", 0)
        agent = await bridges.start(tag_map_text(plc.endpoint, {"Count": "counter"}))
        agent.source("machine").audit_every_s = 0.2
        await until(lambda: mes.good("Count"))
        plc.refuse_node("Count")
        await plc.remake("Count")
        await plc.write("Count", 5)
        await until(lambda: 5 in mes.good("Count"))
        assert [g["reason"] for g in mes.gaps()] == ["item-lost"]
        assert not mes.bad("Count")


async def test_an_item_that_was_lost_while_the_bridge_was_away_is_noticed(bridges: Bridges, mes: Mes) -> None:
    """Its subscription lives on, and the next bridge is told nothing of it: it knows it from one reading alone."""
    async with StrictServer(URI) as plc:
        await plc.add("Count", "UInt32", 0)
        text = tag_map_text(plc.endpoint, {"Count": "counter"})
        await bridges.start(text)
        await until(lambda: mes.good("Count"))
        await bridges.stop()
        plc.refuse_node("Count")
        await plc.remake("Count")
        await plc.write("Count", 4)
        agent = await bridges.start(text)
        agent.source("machine").audit_every_s = 0.2
        await until(lambda: 4 in mes.good("Count"), what="it is read")
        await plc.write("Count", 5)
        await until(lambda: 5 in mes.good("Count"), what="it is monitored again")
        [gap] = mes.gaps()
        assert (gap["reason"], gap["tags"]) == ("item-lost", ["Count"])
        assert time.time_ns() // 1000 - gap["from_at_us"] < 60 * 1_000_000, (
            "it begins when the bridge did, not with time"
        )
