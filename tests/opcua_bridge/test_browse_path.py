"""A tag by its browse path: looked up at every connect, whatever ids and namespace indexes the server uses today."""

from __future__ import annotations

import msgspec
import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from opcua_bridge.agent import Agent
from opcua_bridge.browse_path import STANDARD, address, canonical_step, has_path, split_address, split_step, step_of
from opcua_bridge.drivers.isa95_job_control import Isa95JobControl
from opcua_bridge.tag_map import TagMapRefused, parse_tag_map
from standards.lineside.commands_v1 import JobAction, JobCommand
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.job_machine import receiver_machine
from tests.opcua_bridge.support import URI, Machine, Mes, until
from tests.support.ports import free_port

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


EVENTS = '[[endpoint.events]]\ntag = "Panel.Alarm"\nnode = "i=85"\npath = ["m;Machine", "m;Panel"]\n'
TARGET = """
[[endpoint.job_target]]
equipment = "M"
driver = "isa95-job-control"
receiver = "i=85"
receiver_path = ["m;Machine", "m;Receiver"]
responses = "i=85"
responses_path = ["m;Machine", "m;Provider"]
remote = "i=85"
remote_path = ["m;Machine", "M.Remote"]
ack_timeout_s = 0.5
"""


def test_paths_of_events_and_job_targets_are_written_out() -> None:
    [endpoint] = parse_tag_map(HEAD.replace("URL", "opc.tcp://h:1/") + EVENTS + TARGET).endpoints
    assert (endpoint.events[0].node, endpoint.events[0].path) == (f"i=85 ⟶ nsu={URI};Machine ⟶ nsu={URI};Panel", ())
    [target] = endpoint.job_target
    assert target.receiver == f"i=85 ⟶ nsu={URI};Machine ⟶ nsu={URI};Receiver"
    assert target.remote.endswith("M.Remote")
    assert not any(target.paths.values())


@pytest.mark.parametrize(
    ("wrong", "right", "code"),
    [
        ('"m;Panel"]', '"x;Panel"]', "unknown-namespace"),
        ('"m;Panel"]', '"m;"]', "bad-path"),
        ('"m;Receiver"]', '"x;Receiver"]', "unknown-namespace"),
        ('responses = "i=85"\n', "", "bad-path"),
    ],
)
def test_errors_in_paths_of_events_and_job_targets_are_told(wrong: str, right: str, code: str) -> None:
    text = (HEAD.replace("URL", "opc.tcp://h:1/") + EVENTS + TARGET).replace(wrong, right)
    with pytest.raises(TagMapRefused) as refused:
        parse_tag_map(text)
    assert [error.code for error in refused.value.errors] == [code]
    assert refused.value.errors[0].line


async def test_events_of_a_notifier_by_its_path_come_whatever_its_id(bridges: Bridges, mes: Mes) -> None:
    port = free_port()

    def words() -> list[str]:
        return [i["message"] for i in mes.items if i["kind"] == "event"]

    agent: Agent | None = None
    for node, spaces in ((6_001, 0), (8_002, 3)):
        it = await Shifting(port, spaces_before=spaces).start_as(node + 1, 5)
        panel = await it.folder.add_object(ua.NodeId(node, it.space), f"{it.space}:Panel")
        bell = await it.server.get_event_generator(emitting_node=panel)
        try:
            agent = agent or await bridges.start(HEAD.replace("URL", it.url) + OPTIONS + PARTS + EVENTS)
            source = agent.source("machine")
            source._retry_first_s = source._retry_last_s = 0.2
            await until(lambda it=it: it.subscriptions)
            await until(lambda source=source: source.health.connected and len(source.record.items) == 2)
            await bell.trigger(message=f"door {node}")
            await until(lambda node=node: f"door {node}" in words())
            assert source.health.refused == {}
        finally:
            if node == 8_002:
                await bridges.stop()
            await it.stop()
    assert words() == ["door 6001", "door 8002"]


async def test_a_job_target_by_its_path(bridges: Bridges, mes: Mes) -> None:
    async with receiver_machine(spaces_before=2) as machine:
        agent = await bridges.start(HEAD.replace("URL", machine.it.url) + OPTIONS + TARGET)
        machine.jobs["J-1"] = (3, 0)
        await machine.publish()
        await until(lambda: mes.good("M.Job.State")[-1:] == [3])
        source = agent.source("machine")
        [target] = source.endpoint.job_target
        driver = Isa95JobControl(target, source.channel)
        stop = JobCommand(JobAction.stop, "M", "J-1")
        result = await driver.execute(stop, token="c-1", expired=lambda: False)
        assert (result.outcome, machine.calls) == ("done", [("Stop", "J-1")])
        await until(lambda: mes.good("M.Job.State")[-1:] == [5])
        await machine.it.write("M.Remote", False)
        result = await driver.execute(stop, token="c-2", expired=lambda: False)
        assert result.code == "local-mode"
        nowhere = msgspec.structs.replace(target, remote="", receiver=target.receiver.replace("Receiver", "Gone"))
        result = await Isa95JobControl(nowhere, source.channel).execute(stop, token="c-3", expired=lambda: False)
        assert (result.code, "no such path" in result.message) == ("no-job-receiver", True)
