"""The peers of another make do what the tests rely on, and say one sentence where they are not installed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import Client

from tests.opcua_bridge.support import until
from tests.support import node_peer
from tests.support.node_peer import NodeClient, NodeServer, PeerError, PeerMissing, counters, install_peers, mixed


def node(name: str) -> str:
    return f"nsu={NodeServer.uri};s={name}"


async def test_the_client_sees_what_the_servers_ledger_says(tmp_path: Path) -> None:
    names = ["Count0", "Count1", "Text"]
    variables = [*counters(2), {"name": "Text", "kind": "text", "type": "String", "every_ms": 40}]
    async with (
        NodeServer(tmp_path / "server", variables=variables) as server,
        NodeClient(tmp_path / "client") as client,
    ):
        answer = await client.subscribe(server.url, [node(n) for n in names], queue_size=500, print=True)
        assert [(i["status"], i["queue_size"], i["sampling_ms"]) for i in answer["items"]] == [(0, 500, 0)] * 3
        await until(lambda: all(len(client.values(node(n))) > 30 for n in names))
        await server.ask("pause")
        written = {name: [value for value, *_ in rows] for name, rows in server.ledger().items()}
        await until(lambda: all(client.values(node(n))[-1] == written[n][-1] for n in names))
        for name in names:
            seen = client.values(node(name))
            assert seen == written[name][-len(seen) :]
        assert await server.ask("status") == {
            "sessions": 1, "subscriptions": 1, "items": 3, "channels": 1, "rejected_sessions": 0,
        }  # fmt: skip
        report = await client.ask("stop")
        assert report["values"] > 90
        assert report["cpu_us_per_value"] > 0


async def test_a_restart_may_move_the_namespaces_and_a_kill_keeps_the_ledger(tmp_path: Path) -> None:
    async with NodeServer(tmp_path / "server", variables=counters(1, every_ms=0)) as server:
        assert server.namespaces.index(server.uri) == 2
        port = server.port
        await server.ask("set", name="Count0", value=7)
        await server.restart(keep_values=True, namespaces=["urn:test:before", server.uri])
        assert server.namespaces.index(server.uri) == 3
        assert await server.ask("values") == {"Count0": 7}
        await server.kill()
        with pytest.raises(PeerError, match="not running"):
            await server.ask("values")
        await server.launch()
        await server.start()
        assert server.port == port
        assert [value for value, *_ in server.ledger()["Count0"]] == [0, 7, 7, 0]


async def test_what_was_can_be_read_afterwards(tmp_path: Path) -> None:
    variables = [{**counters(1)[0], "history": True}]
    async with NodeServer(tmp_path / "server", variables=variables) as server:
        await until(lambda: len(server.ledger()["Count0"]) > 30)
        await server.ask("pause")
        begin, end = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC)
        async with Client(server.url) as client:
            index = await client.get_namespace_index(server.uri)
            past = await client.get_node(f"ns={index};s=Count0").read_raw_history(begin, end)
        assert [value.Value.Value for value in past] == [value for value, *_ in server.ledger()["Count0"]]


async def test_whatever_goes_wrong_in_a_peer_is_told_in_its_words(tmp_path: Path) -> None:
    async with NodeServer(tmp_path / "server", variables=counters(1)) as server:
        with pytest.raises(PeerError, match='there is no "nonsense"'):
            await server.ask("nonsense")
        async with NodeClient(tmp_path / "client") as client:
            with pytest.raises(PeerError, match="no namespace urn:other"):
                await client.subscribe(server.url, ["nsu=urn:other;s=Count0"])


def test_mixed_has_the_shares_that_the_benchmarks_name() -> None:
    types = [variable["type"] for variable in mixed(1000, every_ms=100)]
    shares = {kind: types.count(kind) for kind in types}
    assert shares == {"Double": 400, "Int32": 200, "UInt32": 100, "Boolean": 200, "String": 100}


def test_without_packages_one_sentence_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_peer, "PACKAGES", tmp_path / "peers")
    with pytest.raises(PeerMissing, match="run `make prepare`"):
        node_peer.find_peers()


def test_without_network_one_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_peer, "PACKAGES", tmp_path / "peers")
    for name, value in (("registry", "http://127.0.0.1:9/"), ("cache", str(tmp_path / "cache"))):
        monkeypatch.setenv(f"npm_config_{name}", value)
    with pytest.raises(PeerMissing, match="where npm can reach its registry"):
        install_peers()
    assert not (tmp_path / "peers").exists()
