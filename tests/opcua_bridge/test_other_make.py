"""The bridge against an OPC UA server of another make (npm node-opcua), which keeps a ledger of all it ever wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from opcua_bridge import refusal_words
from opcua_bridge.simulator.server import running
from opcua_bridge.simulator.settings import SimulatorSettings
from opcua_bridge.source import Source
from tests.opcua_bridge.certificates import made_certificate
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import BridgeProcess, Mes, Network, bridge_environment, tag_map_text, until
from tests.support.node_peer import NodeClient, NodeServer, PeerError, counters

JUDGES: Final = (("node-opcua-server", None),)

NAMES = [f"Count{n}" for n in range(5)]
TAGS = dict.fromkeys(NAMES, "counter")
POLICIES = {
    "Basic256Sha256": "Basic256Sha256",
    "Aes128Sha256RsaOaep": "Aes128_Sha256_RsaOaep",
    "Aes256Sha256RsaPss": "Aes256_Sha256_RsaPss",
}
"""Our name -> node-opcua's."""
LONG = pytest.mark.long
"""Another policy or mode of the same: each on its own is seen with the simulator."""
Reading = tuple[Any, int]
"""Value and source time, µs."""


@asynccontextmanager
async def fifty_hertz(folder: Path, **config: Any) -> AsyncIterator[NodeServer]:
    async with NodeServer(folder / "machine", variables=counters(5, every_ms=20), **config) as server:
        yield server


def received(mes: Mes, tag: str) -> list[Reading]:
    """Good readings in the order they came; one that was read again after an outage is the same reading."""
    found = [(s["value"], s["source_at_us"]) for s in mes.samples(tag) if s.get("quality", "good") == "good"]
    return [b for a, b in pairwise([None, *found]) if a != b]


async def all_arrived(mes: Mes, server: NodeServer) -> dict[str, list[Reading]]:
    """What the server wrote since the bridge's first reading, once the last of it has arrived."""
    await server.ask("pause")
    written = {name: [(value, at_us) for value, at_us, _ in rows] for name, rows in server.ledger().items()}
    await until(lambda: all(received(mes, n)[-1:] == written[n][-1:] for n in NAMES), timeout_s=60)
    return {name: written[name][written[name].index(received(mes, name)[0]) :] for name in NAMES}


async def seen(mes: Mes, more: int) -> None:
    """Wait until so many more readings of every counter have arrived."""
    least = {name: len(received(mes, name)) + more for name in NAMES}
    await until(lambda: all(len(received(mes, n)) >= least[n] for n in NAMES), timeout_s=60)


async def test_a_cut_of_two_seconds_loses_nothing(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    async with fifty_hertz(tmp_path) as server, Network(server.port) as network:
        await bridges.start(tag_map_text(network.url, TAGS))
        await seen(mes, 30)
        network.cut(refuse=True)
        await asyncio.sleep(2.0)
        network.heal()
        await seen(mes, 30)
        written = await all_arrived(mes, server)
        assert {name: received(mes, name) for name in NAMES} == written
        assert not mes.gaps()


async def test_a_killed_bridge_takes_up_its_session_and_loses_nothing(mes: Mes, tmp_path: Path) -> None:
    async with fifty_hertz(tmp_path) as server:
        environment = bridge_environment(tmp_path, mes.url, tag_map_text(server.url, TAGS))
        async with BridgeProcess(environment) as bridge:
            await bridge.start()
            for _ in range(2):
                await seen(mes, 30)
                await bridge.kill()
                await bridge.start()
            await seen(mes, 30)
            written = await all_arrived(mes, server)
            assert {name: received(mes, name) for name in NAMES} == written
            assert not mes.gaps()
            assert (await server.ask("status"))["subscriptions"] == 1


@pytest.mark.parametrize("remanent", [True, False], ids=["remanent-counters", "counters-from-zero"])
async def test_a_restart_that_moves_the_namespaces_is_one_gap_and_all_else_arrives(
    bridges: Bridges, mes: Mes, tmp_path: Path, *, remanent: bool
) -> None:
    async with fifty_hertz(tmp_path) as server:
        await bridges.start(tag_map_text(server.url, TAGS))
        await seen(mes, 30)
        await server.restart(keep_values=remanent, namespaces=["urn:test:a", "urn:test:b", server.uri], delay_ms=200)
        assert server.namespaces.index(server.uri) == 4
        await seen(mes, 30)
        written = await all_arrived(mes, server)
        [gap] = mes.gaps()
        assert gap["reason"] == "server-restarted"
        for name in NAMES:
            missing = in_order_but_for(received(mes, name), written[name])
            assert all(gap["from_at_us"] <= at_us <= gap["to_at_us"] for _, at_us in missing), (gap, missing)
            if remanent:
                total = written[name][-1][0] - written[name][0][0]
                assert received(mes, name)[-1][0] - received(mes, name)[0][0] == total


async def test_a_killed_server_is_one_gap_and_all_else_arrives(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    async with fifty_hertz(tmp_path) as server:
        await bridges.start(tag_map_text(server.url, TAGS))
        await seen(mes, 30)
        await server.kill_and_start()
        await seen(mes, 30)
        written = await all_arrived(mes, server)
        [gap] = mes.gaps()
        assert gap["reason"] == "server-restarted"
        for name in NAMES:
            missing = in_order_but_for(received(mes, name), written[name])
            assert all(gap["from_at_us"] <= at_us <= gap["to_at_us"] for _, at_us in missing), (gap, missing)


async def test_the_servers_limits_per_call_are_kept(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    limits = {"maxMonitoredItemsPerCall": 2, "maxNodesPerRead": 5}
    async with fifty_hertz(tmp_path, limits=limits) as server:
        await bridges.start(tag_map_text(server.url, TAGS))
        await seen(mes, 10)
        written = await all_arrived(mes, server)
        assert {name: received(mes, name) for name in NAMES} == written


def in_order_but_for(arrived: list[Reading], written: list[Reading]) -> list[Reading]:
    """What was written and did not arrive; what arrived was written, each once and in this order."""
    assert len(set(arrived)) == len(arrived)
    rest = iter(written)
    assert all(reading in rest for reading in arrived)
    return [reading for reading in written if reading not in set(arrived)]


# -------------------------------------------------------------------------- security


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals are tried again soon: in a test nobody's account is locked."""
    monkeypatch.setattr(refusal_words, "CERTIFICATE_RETRY_S", (0.3, 0.5))
    monkeypatch.setattr(refusal_words, "USER_RETRY_S", (0.3, 0.5))


async def approve_both_ways(source: Source, mes: Mes, server: NodeServer) -> None:
    """First the bridge refuses the server, then the server the bridge; each is approved by a person."""
    await until(lambda: "UntrustedServer" in source.health.error)
    mes.command("list", "trust", {"action": "list"})
    await until(lambda: "list" in mes.results)
    [waiting] = [c for c in mes.results["list"]["document"]["certificates"] if c["state"] == "waiting"]
    assert waiting["application_uris"] == ["urn:test:node-opcua"]
    mes.command("approve", "trust", {"thumbprint": waiting["thumbprint"]})
    await until(lambda: "does not accept this bridge's certificate" in source.health.error)
    assert await server.ask("trust_rejected") == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("policy", ["Basic256Sha256", *(pytest.param(p, marks=LONG) for p in list(POLICIES)[1:])])
async def test_each_policy_encrypts_between_two_that_trust_each_other_and_survives_a_cut(
    bridges: Bridges, mes: Mes, tmp_path: Path, policy: str
) -> None:
    secured = {"policies": [POLICIES[policy]], "modes": ["SignAndEncrypt"]}
    async with fifty_hertz(tmp_path, **secured) as server, Network(server.port) as network:
        text = tag_map_text(network.url, TAGS).replace('"none"', f'"{policy}"')
        source = (await bridges.start(text)).source("machine")
        await approve_both_ways(source, mes, server)
        await seen(mes, 30)
        network.cut()
        await seen(mes, 30)
        assert not mes.gaps()
        written = await all_arrived(mes, server)
        assert {name: received(mes, name) for name in NAMES} == written
        assert source.health.security == f"{policy} SignAndEncrypt"
        assert not source.health.warnings


@pytest.mark.usefixtures("impatient")
async def test_the_best_is_taken_unasked_and_given_up_never(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    offered = ["None", *POLICIES.values()]
    async with fifty_hertz(tmp_path, policies=offered) as server:
        text = tag_map_text(server.url, TAGS).replace('security = "none"\n', "")
        source = (await bridges.start(text)).source("machine")
        await approve_both_ways(source, mes, server)
        await seen(mes, 5)
        assert source.health.security == "Aes256Sha256RsaPss SignAndEncrypt"
        await server.restart(policies=["None"], modes=["None"])
        await until(lambda: "now offers only no security" in source.health.error)
        before = len(mes.good(NAMES[0]))
        await server.restart(policies=["None", "Basic256Sha256"], modes=["None", "Sign"])
        await until(lambda: "now offers only Basic256Sha256 Sign;" in source.health.error)
        assert len(mes.good(NAMES[0])) == before
        await server.restart(policies=["None", "Basic256Sha256"], modes=["None", "SignAndEncrypt"])
        await seen(mes, 5)
        assert source.health.security == "Basic256Sha256 SignAndEncrypt"


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_offers_no_security_is_connected_to_and_told(
    bridges: Bridges, mes: Mes, tmp_path: Path
) -> None:
    async with fifty_hertz(tmp_path) as server:
        text = tag_map_text(server.url, TAGS).replace('security = "none"\n', "")
        source = (await bridges.start(text)).source("machine")
        await seen(mes, 5)
        assert source.health.security == "none"
        assert source.health.warnings == ["the connection is not encrypted: the server offers nothing else"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("mode", ["SignAndEncrypt", pytest.param("Sign", marks=LONG)])
async def test_a_user_name_is_let_in_once_its_password_is_right(
    bridges: Bridges, mes: Mes, tmp_path: Path, mode: str
) -> None:
    secured = {"policies": ["Basic256Sha256"], "modes": [mode], "anonymous": False}
    async with fifty_hertz(tmp_path, users={"mes": "right"}, **secured) as server:
        secret = tmp_path / "password"
        secret.write_text("wrong\n")
        secret.chmod(0o600)
        text = tag_map_text(server.url, TAGS, username='"mes"', password_file=f'"{secret}"').replace('"none"', '"auto"')
        source = (await bridges.start(text)).source("machine")
        await approve_both_ways(source, mes, server)
        await until(lambda: "the server does not let this user in (BadUserAccessDenied)" in source.health.error)
        secret.write_text("right\n")
        await seen(mes, 5)
        assert not source.health.warnings


@pytest.mark.usefixtures("impatient")
async def test_a_password_without_a_secured_channel_is_encrypted_for_an_approved_certificate_only(
    bridges: Bridges, mes: Mes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MACHINE_PASSWORD", "right")
    offered = {"policies": ["None", "Basic256Sha256"], "anonymous": False, "users": {"mes": "right"}}
    async with fifty_hertz(tmp_path, **offered) as server:
        text = tag_map_text(server.url, TAGS, username='"mes"', password_env='"MACHINE_PASSWORD"')
        agent = await bridges.start(text)
        source = agent.source("machine")
        await until(lambda: "UntrustedServer" in source.health.error)
        assert (await server.ask("status"))["items"] == 0
        [mark] = agent.trust.waiting()
        agent.trust.approve(mark)
        await seen(mes, 5)
        assert (source.health.security, source.health.warnings) == ("none", [])


@pytest.mark.usefixtures("impatient")
async def test_a_users_certificate_is_let_in_once_it_is_approved(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    secured = {"policies": ["Aes256_Sha256_RsaPss"], "modes": ["SignAndEncrypt"], "anonymous": False}
    async with fifty_hertz(tmp_path, **secured) as server:
        user = made_certificate(tmp_path / "user", application_uri="urn:test:user")
        options = {"user_certificate": f'"{user.certificate}"', "user_key": f'"{user.key}"'}
        text = tag_map_text(server.url, TAGS, **options).replace('"none"', '"auto"')
        source = (await bridges.start(text)).source("machine")
        await approve_both_ways(source, mes, server)
        await until(lambda: "does not accept this user name, password or user certificate" in source.health.error)
        assert await server.ask("trust_rejected") == 1
        await seen(mes, 5)
        assert not source.health.warnings


# --------------------------------------------------- the other way: their client, our simulator


@pytest.mark.parametrize(
    "policy", ["Aes256_Sha256_RsaPss", *(pytest.param(p, marks=LONG) for p in list(POLICIES.values())[:-1])]
)
async def test_their_client_reads_our_simulator_encrypted_once_each_trusts_the_other(
    tmp_path: Path, policy: str
) -> None:
    folder = tmp_path / "simulator"
    settings = SimulatorSettings(
        endpoint="opc.tcp://127.0.0.1:0/lineside/", ledger=tmp_path / "ledger.jsonl", speed=50.0, certificates=folder
    )
    node = "nsu=urn:lineside:simulator;s=SMT-1-AOI.GoodCount"
    how = {"policy": policy, "mode": "SignAndEncrypt", "print": True}
    async with running(settings) as simulator, NodeClient(tmp_path / "client") as client:
        with pytest.raises(PeerError, match=r"(?i)untrusted"):
            await client.subscribe(simulator.endpoint, [node], **how)
        with pytest.raises(PeerError, match=r"BadCertificateUntrusted|BadSecurityChecksFailed"):
            await client.subscribe(simulator.endpoint, [node], accept_unknown=True, **how)
        (folder / "rejected").rename(folder / "trusted")
        answer = await client.subscribe(simulator.endpoint, [node], accept_unknown=True, **how)
        assert [item["status"] for item in answer["items"]] == [0]
        await until(lambda: client.values(node))
        await client.ask("stop")
