"""A tag by its browse path: looked up at every connect, whatever ids and namespace indexes the server uses today."""

from __future__ import annotations

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from opcua_bridge.browse_path import STANDARD, address, canonical_step, has_path, split_address, split_step, step_of
from opcua_bridge.tag_map import TagMapRefused, parse_tag_map
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import URI, Machine, Mes, free_port, until

UINT = ua.VariantType.UInt32
HEAD = f'[namespaces]\nm = "{URI}"\n[[endpoint]]\nname = "machine"\nurl = "URL"\nsecurity = "none"\n'
OPTIONS = "publishing_interval_ms = 50\nkeep_alive_s = 0.5\ngrace_s = 0.3\n"
PARTS = '[[endpoint.tag]]\ntag = "Parts"\nnode = "i=85"\npath = ["m;Machine", "m;Parts"]\nclass = "counter"\n'
uris = st.text(st.characters(exclude_characters=";⟶"), min_size=1)
names = st.text(st.characters(exclude_characters="⟶"), min_size=1)


@given(uris | st.just(STANDARD), names)
def test_a_browse_name_comes_back_as_it_was(uri: str, name: str) -> None:
    space, read = split_step(step_of(uri, name))
    assert read == name
    assert space.removeprefix("nsu=") == (uri if space else "")
    assert space or uri == STANDARD


@given(st.lists(st.tuples(uris, names)))
def test_an_address_comes_back_as_it_was(pairs: list[tuple[str, str]]) -> None:
    steps = tuple(step_of(uri, name) for uri, name in pairs)
    node = address("i=85", steps)
    assert split_address(node) == ("i=85", steps)
    assert has_path(node) is bool(steps)


def test_aliases_are_written_out() -> None:
    [endpoint] = parse_tag_map(HEAD.replace("URL", "opc.tcp://h:1/") + PARTS).endpoints
    assert endpoint.tag[0].node == f"i=85 ⟶ nsu={URI};Machine ⟶ nsu={URI};Parts"
    assert endpoint.tag[0].path == ()
    assert canonical_step("Plain", {}) == "Plain"


@pytest.mark.parametrize(
    ("path", "code"),
    [('["x;Machine"]', "unknown-namespace"), ('["m;"]', "bad-path"), ('[""]', "bad-path"), ('"m;Parts"', "bad-entry")],
)
def test_errors_in_a_path_say_what_and_where(path: str, code: str) -> None:
    text = HEAD.replace("URL", "opc.tcp://h:1/") + PARTS.replace('["m;Machine", "m;Parts"]', path)
    with pytest.raises(TagMapRefused) as refused:
        parse_tag_map(text)
    assert (refused.value.errors[0].code, refused.value.errors[0].line) == (code, 8)


class Shifting(Machine):
    """Its counter has another numeric id, and its namespace another index, at every start."""

    async def start_as(self, node: int, parts: int) -> Shifting:
        await self.start({})
        await self.add_parts(node, parts)
        return self

    async def add_parts(self, node: int, parts: int) -> None:
        name = ua.QualifiedName("Parts", self.space)
        self.nodes["Parts"] = await self.folder.add_variable(ua.NodeId(node, self.space), name, parts, UINT)


async def test_a_path_survives_new_ids_and_a_shuffled_namespace(bridges: Bridges, mes: Mes) -> None:
    port = free_port()
    first = await Shifting(port).start_as(7001, 10)
    try:
        agent = await bridges.start(HEAD.replace("URL", first.url) + OPTIONS + PARTS)
        await until(lambda: mes.good("Parts") == [10])
    finally:
        await first.stop()
    second = await Shifting(port, spaces_before=3).start_as(9_555, 17)
    try:
        await until(lambda: mes.good("Parts")[-1:] == [17])
        assert second.space != first.space
        assert agent.source("machine").health.refused == {}
        await second.write("Parts", 18)
        await until(lambda: mes.good("Parts")[-1:] == [18])
    finally:
        await bridges.stop()
        await second.stop()


async def test_a_path_that_leads_nowhere_or_to_two_is_bad_until_it_leads_somewhere(bridges: Bridges, mes: Mes) -> None:
    it = await Shifting().start_as(7001, 5)
    try:
        twin = await it.folder.add_variable(ua.NodeId(7002, it.space), f"{it.space}:Parts", 6, UINT)
        agent = await bridges.start(HEAD.replace("URL", it.url) + OPTIONS + PARTS)
        source = agent.source("machine")
        source._retry_first_s = source._retry_last_s = 0.1
        await until(lambda: mes.bad("Parts"))
        assert [s["status"] for s in mes.bad("Parts")][-1] == ua.StatusCodes.BadNodeIdUnknown
        assert mes.good("Parts") == []
        await it.server.delete_nodes([twin])
        await until(lambda: mes.good("Parts") == [5])
        assert source.health.refused == {}
    finally:
        await bridges.stop()
        await it.stop()
