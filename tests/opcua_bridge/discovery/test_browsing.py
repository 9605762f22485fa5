"""Browsing keeps to the limits of the server and to ours, and leaves nothing open behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from opcua_bridge.channel import Channel
from opcua_bridge.discovery.browsing import Bounds, Connection, browse
from opcua_bridge.discovery.tree import Tree
from opcua_bridge.lasting import lasting
from opcua_bridge.tag_map import Endpoint, Security
from opcua_bridge.trust import Trust
from tests.opcua_bridge.discovery.small_server import Limits, small
from tests.opcua_bridge.support import URI, Machine, Network, machine

INT = ua.VariantType.Int32
SIGNALS = {f"Signal{n:02}": (n, INT) for n in range(37)}
BELOW = f"nsu={URI};Machine"


@pytest.fixture
async def press() -> AsyncIterator[Machine]:
    async with machine(SIGNALS) as it:
        yield it


def connection(it: Machine, folder: Path) -> Connection:
    return Connection(Endpoint(name="press", url=it.url, security=Security.none), Trust(folder))


async def browsed(it: Machine, folder: Path, **bounds: Any) -> Tree:
    async with connection(it, folder) as channel:
        return await browse(channel, bounds=Bounds(**bounds))


@pytest.mark.parametrize("tells", [True, False])
async def test_tiny_limits_hide_nothing(press: Machine, tmp_path: Path, tells: bool) -> None:
    limits = Limits(references=10, nodes_per_read=5)
    if tells:
        await limits.tell(press.server)
    with small(limits):
        tree = await browsed(press, tmp_path)
    assert {v.name: v.value for v in tree.variables} == {name: value for name, (value, _) in SIGNALS.items()}
    assert tree.complete
    assert limits.most_open > 0
    assert limits.open == {}
    assert (limits.refused == 0) is tells


async def test_a_server_out_of_continuation_points_is_asked_one_node_at_a_time(tmp_path: Path) -> None:
    limits = Limits(references=2, points=1, nodes_per_browse=50, nodes_per_read=50)
    async with machine(SIGNALS) as it:
        for cell in range(4):
            folder = await it.server.nodes.objects.add_object(it.space, f"Cell{cell}")
            for number in range(5):
                await folder.add_variable(it.space, f"Value{number}", number, INT)
        with small(limits):
            tree = await browsed(it, tmp_path)
    assert len(tree.variables) == len(SIGNALS) + 20
    assert limits.most_open == 1
    assert limits.open == {}


async def test_as_many_references_are_asked_for_as_wanted(press: Machine, tmp_path: Path) -> None:
    limits = Limits(references=1_000)
    with small(limits):
        tree = await browsed(press, tmp_path, references=3)
    assert len(tree.variables) == len(SIGNALS)
    assert limits.most_open > 0
    assert limits.open == {}


async def test_bounds_are_kept_and_said(press: Machine, tmp_path: Path) -> None:
    few = await browsed(press, tmp_path, max_nodes=12)
    assert len(few.nodes) == 12
    assert few.remarks == ("not more than 12 nodes",)
    flat = await browsed(press, tmp_path, max_depth=1)
    assert flat.variables == []
    assert not flat.complete
    assert flat.remarks == ("not deeper than 1 levels",)


@pytest.mark.parametrize("delay_s", [0.0, 0.3])
@pytest.mark.parametrize("point", [1, 2, 7])
async def test_a_cancelled_browse_leaves_no_continuation_point(
    press: Machine, tmp_path: Path, point: int, delay_s: float
) -> None:
    """Cancelled while the answer that names the point is still under way."""
    limits = Limits(references=2)
    async with connection(press, tmp_path) as channel:
        with small(limits):
            going = asyncio.ensure_future(browse(channel))
            limits.delay_s, limits.at_point = delay_s, (point, going.cancel)
            with pytest.raises(asyncio.CancelledError):
                await going
            assert limits.open == {}
            assert limits.released > 0
        assert len((await browse(channel)).variables) == len(SIGNALS)


async def test_whatever_the_limits_the_same_is_found_and_nothing_left_open(tmp_path: Path) -> None:
    async with machine({f"V{n}": (n, INT) for n in range(4)}) as it:
        for cell in range(3):
            folder = await it.folder.add_object(it.space, f"Cell{cell}")
            for number in range(4):
                await folder.add_variable(it.space, f"Value{number}", number, INT)
        whole = await browsed(it, tmp_path)
        for seed in range(8):
            chance = random.Random(seed)
            limits = Limits(
                references=chance.randint(1, 5),
                nodes_per_read=chance.randint(5, 9),
                nodes_per_browse=chance.randint(1, 5),
                points=chance.randint(1, 4),
            )
            with small(limits):
                tree = await browsed(it, tmp_path, references=chance.choice([0, 1, 3]))
            assert (tree.nodes, tree.children, tree.remarks) == (whole.nodes, whole.children, ()), seed
            assert limits.open == {}, seed


async def test_two_nodes_of_one_name_are_no_browse_path(tmp_path: Path) -> None:
    async with machine({"A": (1, INT)}) as it:
        for number in (1, 2):
            await it.folder.add_variable(ua.NodeId(7_000 + number, it.space), f"{it.space}:Twin", number, INT)
        tree = await browsed(it, tmp_path)
    assert tree.ambiguous == {(BELOW, f"nsu={URI};Twin")}
    assert sorted(v.value for v in tree.variables if v.name == "Twin") == [1, 2]


async def test_units_types_and_unreadable_values_are_told(tmp_path: Path) -> None:
    async with machine({}) as it:
        speed = await it.folder.add_variable(it.space, "Speed", 3.5)
        unit = ua.EUInformation(DisplayName=ua.LocalizedText("m/s"))
        await speed.add_property(ua.NodeId(7_100, it.space), "0:EngineeringUnits", unit)
        await it.folder.add_variable(it.space, "Limits", ua.Range(0, 10))
        tree = await browsed(it, tmp_path)
    by_name = {v.name: v for v in tree.variables}
    assert (by_name["Speed"].unit, by_name["Speed"].data_type, by_name["Speed"].value) == ("m/s", "Double", 3.5)
    assert by_name["Speed"].types[:2] == ("i=63", "i=62")
    assert by_name["EngineeringUnits"].is_property
    assert not by_name["Limits"].is_readable


async def test_a_root_that_is_not_there_is_said(press: Machine, tmp_path: Path) -> None:
    async with connection(press, tmp_path) as channel:
        with pytest.raises(LookupError):
            await browse(channel, root="nsu=urn:nobody;s=x")
        tree = await browse(channel, root="i=4711000")
    assert not tree.complete
    assert "BadNodeId" in tree.remarks[0]


async def test_a_machine_that_goes_away_meanwhile_is_an_error_soon(press: Machine, tmp_path: Path) -> None:
    limits = Limits(references=2)
    async with Network(press.port) as network:
        endpoint = Endpoint(name="press", url=network.url, security=Security.none)
        limits.at_point = (3, lambda: network.cut(refuse=True))

        async def go() -> None:
            async with asyncio.timeout(20), Connection(endpoint, Trust(tmp_path)) as channel:
                await browse(channel)

        with small(limits), pytest.raises(ConnectionError):
            await lasting(go)
    assert limits.open


async def test_a_connection_that_fails_leaves_no_socket(tmp_path: Path) -> None:
    endpoint = Endpoint(name="nobody", url="opc.tcp://127.0.0.1:9/", security=Security.none)
    with pytest.raises(OSError):
        async with Connection(endpoint, Trust(tmp_path)):
            pass
    assert not Channel(endpoint, Trust(tmp_path)).is_open
