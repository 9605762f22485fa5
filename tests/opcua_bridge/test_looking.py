"""What the server may ask about a machine that no tag map has yet, and one machine put into a map that people wrote."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from opcua_bridge.map_editing import with_endpoint
from opcua_bridge.tag_map import TagMapRefused, load_tag_map, parse_tag_map
from standards.lineside.commands_v1 import (
    MAX_LOOK_NODES,
    MapEndpoint,
    MapTag,
    NodeList,
    Proposals,
    ProposedTag,
    SeenList,
    read_document,
)
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.discovery.small_server import Limits, small
from tests.opcua_bridge.support import URI, Machine, Mes, machine, until
from tests.opcua_bridge.test_security import secured

COUNTERS = {
    "Press.GoodCount": (100, ua.VariantType.UInt32),
    "Press.State": (6, ua.VariantType.Int32),
    "Press.Temperature": (21.5, ua.VariantType.Double),
}
GOOD = f"nsu={URI};s=Press.GoodCount"


async def asked(mes: Mes, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """The result of a command."""
    name = f"c{len(mes.results)}"
    mes.command(name, kind, payload)
    await until(lambda: name in mes.results, what=f"{kind} {payload}")
    return mes.results[name]


@contextlib.asynccontextmanager
async def counting(it: Machine) -> AsyncIterator[None]:
    async def count() -> None:
        value = 100
        while True:
            value += 1 + value % 3
            await it.write("Press.GoodCount", value)
            await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(count())
        try:
            yield
        finally:
            task.cancel()


async def test_a_bridge_without_machines_looks_at_one_and_proposes_and_watches(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNTERS) as it, counting(it):
        await bridges.start("")
        look = await asked(mes, "browse", {"url": it.url})
        level = read_document(look["document"], NodeList)
        assert [(node.name, node.kind) for node in level.nodes] == [("Machine", "object")]
        below = await asked(mes, "browse", {"url": it.url, "root": level.nodes[0].key})
        nodes = {node.name: node for node in read_document(below["document"], NodeList).nodes}
        assert nodes["Press.State"].value == "6"
        assert nodes["Press.GoodCount"].key == GOOD
        proposals = await proposed(mes, it.url)
        good = proposals[GOOD]
        assert (good.slot, good.tag_class, good.tag) == ("good", "counter", "Press.GoodCount")
        assert good.confidence > 0.8
        assert any("rose from" in reason for reason in good.evidence)
        watched = await asked(mes, "watch", {"url": it.url, "keys": [GOOD, f"nsu={URI};s=None"], "seconds": 2})
        seen, missing = read_document(watched["document"], SeenList).seen
        assert (seen.pattern, seen.falls) == ("rising", 0)
        assert 1 <= seen.rise_least <= seen.rise_most <= 9
        assert seen.changes >= 4
        assert (missing.pattern, missing.status) == ("unreadable", "BadNodeIdUnknown")


async def proposed(mes: Mes, url: str) -> dict[str, ProposedTag]:
    result = await asked(mes, "browse", {"url": url, "propose": True, "watch_s": 2})
    return {tag.at.key: tag for tag in read_document(result["document"], Proposals).tags}


async def test_numeric_ids_are_found_again_by_their_way_from_objects(bridges: Bridges, mes: Mes) -> None:
    async with machine({}) as it:
        part = await it.folder.add_object(ua.NodeId(7001, it.space), "Part")
        await part.add_variable(ua.NodeId(7002, it.space), "GoodCount", 3, ua.VariantType.UInt32)
        await bridges.start("")
        [top] = read_document((await asked(mes, "browse", {"url": it.url}))["document"], NodeList).nodes
        [inner] = read_document(
            (await asked(mes, "browse", {"url": it.url, "root": top.key}))["document"], NodeList
        ).nodes
        [count] = read_document(
            (await asked(mes, "browse", {"url": it.url, "root": inner.key}))["document"], NodeList
        ).nodes
        assert "7002" not in count.key
        assert count.path[-1] == "GoodCount"
        [same] = [tag.at for tag in (await proposed(mes, it.url)).values() if tag.at.name == "GoodCount"]
        assert same.path == ["nsu=urn:test:machine;Machine", "Part", "GoodCount"]
        assert (count.key, count.path) == (same.key, same.path)
        watched = await asked(mes, "watch", {"url": it.url, "keys": [count.key], "seconds": 0.1})
        assert [seen.first for seen in read_document(watched["document"], SeenList).seen] == ["3"]


async def test_a_large_level_is_cut_and_says_so_and_limits_are_kept(bridges: Bridges, mes: Mes) -> None:
    many = {f"V{n:03}": (n, ua.VariantType.Int32) for n in range(MAX_LOOK_NODES + 20)}
    limits = Limits(references=40, nodes_per_read=50)
    async with machine(many) as it:
        with small(limits):
            await limits.tell(it.server)
            await bridges.start("")
            [top] = read_document((await asked(mes, "browse", {"url": it.url}))["document"], NodeList).nodes
            result = await asked(mes, "browse", {"url": it.url, "root": top.key})
        found = read_document(result["document"], NodeList)
        assert (len(found.nodes), found.complete) == (MAX_LOOK_NODES, False)
        assert found.remarks == [f"not more than {MAX_LOOK_NODES} nodes"]
        assert limits.refused == 0
        assert limits.open == {}


async def test_what_cannot_be_looked_at_is_refused_with_a_code(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    await bridges.start("")
    assert (await asked(mes, "browse", {"url": "http://x"}))["code"] == "bad-url"
    assert (await asked(mes, "browse", {"url": "opc.tcp://127.0.0.1:1/"}))["code"] == "machine-not-reachable"
    assert (await asked(mes, "browse", {"url": 5}))["code"] == "bad-payload"
    assert (await asked(mes, "watch", {"url": "opc.tcp://127.0.0.1:1/"}))["code"] == "bad-payload"
    async with secured(tmp_path) as it:
        result = await asked(mes, "browse", {"url": it.url, "name": "PRESS-9"})
        [rejected] = (tmp_path / "trust" / "rejected").iterdir()
        assert (result["outcome"], result["code"]) == ("refused", "certificate-untrusted")
        assert result["document"] == {"thumbprint": rejected.stem}
        await asked(mes, "trust", {"thumbprint": rejected.stem})
        assert (await asked(mes, "browse", {"url": it.url}))["outcome"] == "done"
    async with machine({}) as it:
        assert (await asked(mes, "browse", {"url": it.url, "root": f"nsu={URI};s=None"}))["outcome"] == "done"
        assert (await asked(mes, "browse", {"url": it.url, "root": "nsu=urn:no;s=x"}))["code"] == "no-such-node"


async def test_a_machine_is_put_into_the_map_and_its_values_come(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    async with machine(COUNTERS) as it:
        await bridges.start("# mine\n")
        endpoint = {
            "name": "PRESS-9",
            "url": it.url,
            "tags": [{"tag": "PRESS-9.Good", "node": GOOD, "tag_class": "counter"}],
        }
        assert await asked(mes, "apply-map", {"endpoint": endpoint}) == {"outcome": "done"}
        await until(lambda: mes.good("PRESS-9.Good"))
        wrong = endpoint | {"tags": [{"tag": "PRESS-9.Good", "node": "GoodCount", "tag_class": "counter"}]}
        assert (await asked(mes, "apply-map", {"endpoint": wrong}))["code"] == "tag-map-refused"
        assert [e.name for e in load_tag_map(tmp_path / "tag_map.toml").endpoints] == ["PRESS-9"]
        assert (tmp_path / "tag_map.toml").read_text().startswith("# mine\n")


# ----------------------------------------------------------------- the map as text

BY_HAND = """# who, when, why
[namespaces]
m = "urn:m"

[[endpoint]]
name = "hand"
url = "opc.tcp://hand:4840/"   # do not touch
  [[endpoint.tag]]
  tag = "A"
  node = "m;s=A"
  class = "counter"
"""
NEW = MapEndpoint(
    "PRESS-9",
    "opc.tcp://press:4840/",
    [MapTag('P."Good"', 'nsu=urn:p;s="DB"."Good"', "counter"), MapTag("P.S", "i=85", "state", ["nsu=urn:p;S"])],
)


def test_what_people_wrote_stays_word_for_word() -> None:
    made = with_endpoint(BY_HAND, NEW)
    assert made.startswith(BY_HAND.rstrip() + "\n")
    hand, new = parse_tag_map(made).endpoints
    assert (hand.name, new.name) == ("hand", "PRESS-9")
    assert [tag.node for tag in new.tag] == ['nsu=urn:p;s="DB"."Good"', "i=85 ⟶ nsu=urn:p;S"]
    assert with_endpoint(made, NEW) == made
    other = MapEndpoint("PRESS-10", "opc.tcp://press:4841/", [MapTag("Q", "i=2258", "measurement")])
    both = with_endpoint(made, other)
    assert [e.name for e in parse_tag_map(both).endpoints] == ["hand", "PRESS-9", "PRESS-10"]
    fewer = with_endpoint(both, MapEndpoint("PRESS-9", NEW.url, NEW.tags[:1]))
    assert {e.name: len(e.tag) for e in parse_tag_map(fewer).endpoints} == {"hand": 1, "PRESS-9": 1, "PRESS-10": 1}
    assert parse_tag_map(with_endpoint("", NEW)).endpoints == (new,)


@pytest.mark.parametrize(
    ("text", "endpoint", "code"),
    [
        (BY_HAND, MapEndpoint("hand", "opc.tcp://x/", []), "endpoint-exists"),
        (BY_HAND, MapEndpoint("new", "opc.tcp://x/", [MapTag("A", "i=2258", "state")]), "twice"),
        (BY_HAND, MapEndpoint("new", "http://x/", []), "bad-url"),
        (BY_HAND, MapEndpoint("new", "opc.tcp://x/", [MapTag("B", "i=2258", "voltage")]), "bad-entry"),
        ('endpoint = [{name = "a", url = "opc.tcp://a/"}]\n', NEW, "not-toml"),
        ("[[endpoint\n", NEW, "not-toml"),
    ],
)
def test_what_does_not_fit_changes_nothing(text: str, endpoint: MapEndpoint, code: str) -> None:
    with pytest.raises(TagMapRefused) as refused:
        with_endpoint(text, endpoint)
    assert code in {error.code for error in refused.value.errors}


def test_a_name_cannot_write_other_lines_into_the_map() -> None:
    name = 'x"\n[[endpoint]]\nname = "y'
    [only] = parse_tag_map(with_endpoint("", MapEndpoint(name, "opc.tcp://x/", []))).endpoints
    assert only.name == name


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_a_name_that_looks_like_two_lines_is_one(separator: str) -> None:
    node = f"nsu=urn:p;s=Good{separator}Count"
    endpoint = MapEndpoint("PRESS-9", NEW.url, [MapTag("P.Good", node, "counter")])
    made = with_endpoint(BY_HAND, endpoint)
    assert parse_tag_map(made).endpoints[-1].tag[0].node == node
    assert with_endpoint(made, endpoint) == made
    other = MapEndpoint("PRESS-10", "opc.tcp://press:4841/", [MapTag("Q", "i=2258", "measurement")])
    assert len(parse_tag_map(with_endpoint(made, other)).endpoints) == 3
