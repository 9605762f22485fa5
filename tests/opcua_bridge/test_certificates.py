"""Certificates in a running bridge: changed, flawed, revoked, renewed; users refused; no retry storm."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.server.internal_session import InternalSession
from asyncua.server.user_managers import UserManager

from opcua_bridge.agent import Agent
from opcua_bridge.certificate_facts import thumbprint
from opcua_bridge.certificate_keeper import CertificateKeeper
from opcua_bridge.own_certificate import RENEW_DAYS, VALID_DAYS
from opcua_bridge.simulator.security import KnownClients
from opcua_bridge.tag_map import Endpoint
from opcua_bridge.trust import Trust
from standards.lineside.health_v1 import certificate_days
from tests.opcua_bridge.certificates import made_certificate
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import Machine, Mes, Network, machine, tag_map_text, until
from tests.opcua_bridge.test_source import COUNT

APPLICATION = "urn:test:secured"
TAGS = {"Count": "counter"}
DAY = timedelta(days=1)
QUIET_S = 3.0
"""How long it is watched that nothing is tried: without a pause there would be tens of tries."""


@asynccontextmanager
async def secured(
    folder: Path, *, port: int | None = None, name: str = "one", clients: Path | None = None, **options: Any
) -> AsyncIterator[Machine]:
    """A machine with SignAndEncrypt only; `options` are those of its certificate."""
    made = await asyncio.to_thread(made_certificate, folder, name=name, **options)
    it = Machine(port)
    it.policies = [ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt]

    async def prepare() -> None:
        await it.server.set_application_uri(APPLICATION)
        await it.server.load_certificate(str(made.certificate))
        await it.server.load_private_key(str(made.key))
        if clients is not None:
            it.server.set_certificate_validator(KnownClients(clients))

    it.prepare = prepare
    await it.start(COUNT)
    try:
        yield it
    finally:
        await it.stop()


def map_of(url: str, **options: Any) -> str:
    return tag_map_text(url, TAGS, **options).replace('security = "none"\n', "")


def approved_beforehand(folder: Path, name: str = "one") -> None:
    """As if somebody had approved the machine's certificate before."""
    trust = Trust(folder / "trust")
    assert trust.approve(trust.remember_rejected((folder / f"{name}.der").read_bytes()))


def error_of(agent: Agent) -> str:
    return agent.source("machine").health.error


async def test_a_changed_certificate_is_refused_and_told_until_somebody_approves_it(
    bridges: Bridges, mes: Mes, tmp_path: Path
) -> None:
    async with secured(tmp_path) as it:
        approved_beforehand(tmp_path)
        agent = await bridges.start(map_of(it.url))
        await until(lambda: mes.good("Count"))
    before = len(mes.good("Count"))
    async with secured(tmp_path, port=it.port, name="two"):
        old, new = (thumbprint((tmp_path / f"{n}.der").read_bytes()) for n in ("one", "two"))
        await until(lambda: f"has changed: it was {old}, it is {new}" in error_of(agent))
        assert len(mes.good("Count")) == before
        mes.command("t", "trust", {"action": "approve", "thumbprint": new})
        await until(lambda: len(mes.good("Count")) > before)


FLAWED = [
    ({"begins_in": -9 * DAY, "ends_in": -1 * DAY}, "it expired on"),
    ({"begins_in": 1 * DAY}, "it is not valid before"),
    ({"application_uri": "urn:test:other"}, "it names the application urn:test:other, the server calls itself"),
]


@pytest.mark.parametrize(("flaw", "words"), FLAWED)
async def test_an_approved_certificate_with_a_flaw_is_told_and_used(
    bridges: Bridges, mes: Mes, tmp_path: Path, flaw: dict[str, Any], words: str
) -> None:
    async with secured(tmp_path, **flaw) as it:
        agent = await bridges.start(map_of(it.url))
        await until(lambda: "UntrustedServer" in error_of(agent))
        assert f"; mind that {words}" in error_of(agent), "who approves it is told"
        approved_beforehand(tmp_path)
        await until(lambda: mes.good("Count"))
        [warning] = agent.source("machine").health.warnings
        assert words in warning


@pytest.mark.parametrize(("flaw", "words"), FLAWED)
async def test_with_strict_certificates_it_is_told_and_refused(
    bridges: Bridges, mes: Mes, tmp_path: Path, flaw: dict[str, Any], words: str
) -> None:
    async with secured(tmp_path, **flaw) as it:
        approved_beforehand(tmp_path)
        agent = await bridges.start(map_of(it.url), LINESIDE_BRIDGE_STRICT_CERTIFICATES="true")
        await until(lambda: "FlawedCertificate" in error_of(agent))
        assert words in error_of(agent)
        assert not mes.good("Count")


async def test_a_revoked_certificate_ends_its_connection(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    async with secured(tmp_path) as it:
        approved_beforehand(tmp_path)
        agent = await bridges.start(map_of(it.url))
        await until(lambda: mes.good("Count"))
        mes.command("r", "trust", {"action": "revoke", "thumbprint": thumbprint((tmp_path / "one.der").read_bytes())})
        await until(lambda: "was revoked on" in error_of(agent))
        assert mes.results["r"] == {"outcome": "done"}
        await until(lambda: mes.bad("Count"), what="nobody shows the last value as if it were current")


async def test_a_command_about_a_certificate_nobody_has_seen_is_refused(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it:
        await bridges.start(tag_map_text(it.url, TAGS))
        for action in ("approve", "reject", "revoke"):
            mes.command(action, "trust", {"action": action, "thumbprint": "0" * 64})
        mes.command("bad", "trust", {"action": "love"})
        await until(lambda: len(mes.results) == 4)
        codes = {name: (result["outcome"], result["code"]) for name, result in mes.results.items()}
        unknown = ("refused", "unknown-certificate")
        assert codes == {
            "approve": unknown, "reject": unknown, "revoke": unknown, "bad": ("refused", "bad-payload"),
        }  # fmt: skip


# ----------------------------------------------------------------------- no retry storm


async def quiet(network: Network) -> None:
    before = network.accepted
    await asyncio.sleep(QUIET_S)
    assert network.accepted == before


async def test_a_certificate_nobody_has_approved_is_not_asked_for_again_and_again(
    bridges: Bridges, tmp_path: Path
) -> None:
    async with secured(tmp_path) as it, Network(it.port) as network:
        agent = await bridges.start(map_of(network.url))
        await until(lambda: "UntrustedServer" in error_of(agent))
        assert network.accepted == 1
        await quiet(network)
        approved_beforehand(tmp_path)
        await until(lambda: agent.source("machine").health.connected, what="a decision is seen at once")


async def test_an_answer_lost_while_a_session_is_taken_up_keeps_nobody_out(
    bridges: Bridges, mes: Mes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has a new nonce of which the bridge never heard: what it signs is wrong until it begins anew."""
    activate, taken_up = InternalSession.activate_session, 0
    async with secured(tmp_path) as it, Network(it.port) as network:

        def activated(session: InternalSession, *args: Any) -> Any:
            nonlocal taken_up
            answer, taken_up = activate(session, *args), taken_up + 1
            if taken_up == 2:
                network.cut()
            return answer

        monkeypatch.setattr(InternalSession, "activate_session", activated)
        approved_beforehand(tmp_path)
        await bridges.start(map_of(network.url))
        await until(lambda: mes.good("Count"))
        network.cut()
        await until(lambda: taken_up >= 2)
        before = len(mes.good("Count"))
        await it.write("Count", 77)
        await until(lambda: len(mes.good("Count")) > before)


class Doorman(UserManager):
    """Lets in whoever says `right`; counts."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def get_user(self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None) -> Any:
        self.asked.append(password)
        return iserver.isession.user if password == "right" else None


async def test_a_wrong_password_is_tried_once_and_never_in_clear(
    bridges: Bridges, mes: Mes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doorman = Doorman()
    async with secured(tmp_path) as it, Network(it.port) as network:
        it.server.iserver.user_manager = doorman
        approved_beforehand(tmp_path)
        monkeypatch.setenv("MACHINE_PASSWORD", "wrong")
        agent = await bridges.start(map_of(network.url, username='"mes"', password_env='"MACHINE_PASSWORD"'))
        await until(lambda: "the server does not let this user in" in error_of(agent))
        assert doorman.asked == ["wrong"]
        assert agent.source("machine").health.retry_s == 30
        await quiet(network)
        assert doorman.asked == ["wrong"]


async def test_a_password_is_not_sent_in_clear_unless_somebody_says_so(
    bridges: Bridges, mes: Mes, monkeypatch: pytest.MonkeyPatch
) -> None:
    doorman = Doorman()
    monkeypatch.setenv("MACHINE_PASSWORD", "right")
    user = {"username": '"mes"', "password_env": '"MACHINE_PASSWORD"'}
    async with machine(COUNT) as it:
        it.server.iserver.user_manager = doorman
        agent = await bridges.start(tag_map_text(it.url, TAGS, **user))
        await until(lambda: "PasswordInClear" in error_of(agent))
        assert doorman.asked == []
        agent.apply_map(tag_map_text(it.url, TAGS, **user, password_in_clear="true"))
        await until(lambda: mes.good("Count"))
        assert "right" in doorman.asked
        assert agent.source("machine").health.warnings == ["the password goes over the network readable"]


# ------------------------------------------------------------------- the own certificate


async def test_the_next_certificate_is_in_use_when_every_machine_takes_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    trust = Trust(tmp_path / "trust", now=lambda: now)
    clients = tmp_path / "clients"
    async with secured(tmp_path, clients=clients, ends_in=2 * VALID_DAYS * DAY) as it:
        approved_beforehand(tmp_path)
        endpoints = [Endpoint(name="machine", url=it.url)]
        keeper = CertificateKeeper(trust, lambda: endpoints)
        old = trust.own.current()
        await keeper.look()
        assert trust.own.next() is None, "there is time"
        now += (VALID_DAYS - RENEW_DAYS + 1) * DAY
        with caplog.at_level(logging.WARNING):
            await keeper.look()
        following = trust.own.next()
        assert following is not None
        assert "approve it at the machines" in caplog.text
        assert "the bridge's certificate ends at" in caplog.text
        assert keeper.not_accepted == {
            "machine": "the server does not accept this bridge's certificate; "
            "approve it at the machine (BadCertificateUntrusted)"
        }
        assert trust.own.current() == old, "kept until the new one is trusted"
        (clients / "rejected").rename(clients / "trusted")
        await keeper.look()
        assert not keeper.not_accepted
        assert trust.own.current() == following


async def test_when_the_old_one_has_ended_the_next_is_used_whoever_takes_it(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    trust = Trust(tmp_path, now=lambda: now)
    keeper = CertificateKeeper(trust, lambda: [Endpoint(name="away", url="opc.tcp://127.0.0.1:9/")])
    trust.own.current()
    now += (VALID_DAYS - 1) * DAY
    await keeper.look()
    following = trust.own.next()
    assert following is not None
    assert "away" in keeper.not_accepted
    now += 2 * DAY
    await keeper.look()
    assert trust.own.current() == following


@pytest.mark.parametrize(("days", "times"), [(40, 0), (29, 1), (6, 2), (0.5, 3)])
async def test_the_end_of_the_own_certificate_is_announced_at_each_step_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, days: float, times: int
) -> None:
    now = datetime.now(UTC)
    trust = Trust(tmp_path, now=lambda: now)
    keeper = CertificateKeeper(trust, lambda: [Endpoint(name="away", url="opc.tcp://127.0.0.1:9/")])
    ends = trust.own.current().facts.ends_at
    for left in (40, 29, 28, 6, 5, 0.5):
        if left >= days:
            now = ends - left * DAY
            await keeper.look()
    assert caplog.text.count("the bridge's certificate ends at") == times


async def test_the_health_document_has_the_certificates(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    async with secured(tmp_path) as it:
        agent = await bridges.start(map_of(it.url))
        await until(lambda: "UntrustedServer" in error_of(agent))
        waiting = [thumbprint((tmp_path / "one.der").read_bytes())]
        told = await agent.health()
        assert (told.certificate, told.certificates_waiting) == ("", waiting), "none is made before it is needed"
        approved_beforehand(tmp_path)
        await until(lambda: mes.good("Count"))
        told = await agent.health()
        assert told.certificates_waiting == []
        assert certificate_days(told.certificate_ends_us or 0, told.at_us) in (VALID_DAYS, VALID_DAYS - 1)
        assert told.certificate == agent.trust.own.current().facts.thumbprint
        assert told.endpoints[0].security == "Aes256Sha256RsaPss SignAndEncrypt"
        assert told.endpoints[0].warnings == []


async def test_a_servers_certificate_that_ends_soon_is_told(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    async with secured(tmp_path, ends_in=6 * DAY) as it:
        approved_beforehand(tmp_path)
        agent = await bridges.start(map_of(it.url))
        await until(lambda: mes.good("Count"))
        [warning] = agent.source("machine").health.warnings
        assert "it ends on 20" in warning
