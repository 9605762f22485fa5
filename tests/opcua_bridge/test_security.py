"""Encrypted connections, certificates nobody has approved yet, alarms, and settings that are not safe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID

from opcua_bridge.settings import SettingsRefused, load_settings
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import TOKEN, Machine, Mes, Network, environment, machine, tag_map_text, until
from tests.opcua_bridge.test_source import COUNT, Ticking, exact

APPLICATION = "urn:test:secured"


@asynccontextmanager
async def secured(folder: Path) -> AsyncIterator[Machine]:
    key, certificate = folder / "server.pem", folder / "server.der"
    use = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    await setup_self_signed_certificate(key, certificate, APPLICATION, "localhost", use, {})
    it = Machine()
    it.policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]

    async def prepare() -> None:
        await it.server.set_application_uri(APPLICATION)
        await it.server.load_certificate(str(certificate))
        await it.server.load_private_key(str(key))

    it.prepare = prepare
    await it.start(COUNT)
    try:
        yield it
    finally:
        await it.stop()


async def test_an_encrypted_connection_waits_for_approval_and_survives_a_cut(
    bridges: Bridges, mes: Mes, tmp_path: Path
) -> None:
    async with secured(tmp_path) as it, Network(it.port) as network:
        text = tag_map_text(network.url, {"Count": "counter"}).replace('"none"', '"Basic256Sha256"')
        agent = await bridges.start(text)
        source = agent.source("machine")
        await until(lambda: "UntrustedServer" in source.health.error, timeout_s=20)
        [rejected] = (tmp_path / "trust" / "rejected").iterdir()
        assert rejected.stem in source.health.error
        mes.command("t", "trust", {"thumbprint": rejected.stem})
        await until(lambda: mes.good("Count"), timeout_s=20)
        assert mes.results["t"] == {"outcome": "done"}
        token = source.record.token
        async with Ticking(it) as counter:
            network.cut()
            await until(lambda: len(mes.good("Count")) > 20)
        await exact(mes, counter.value)
        assert source.record.token == token, "the session was taken up again"
        assert not mes.gaps()


async def test_alarms_arrive_with_their_source_and_state(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it:
        fields = [("Code", ua.VariantType.String), ("Active", ua.VariantType.Boolean)]
        kind = await it.server.create_custom_event_type(it.space, "MachineAlarm", ua.ObjectIds.BaseEventType, fields)
        alarms = await it.server.get_event_generator(kind, it.server.nodes.server)
        events = '\n[[endpoint.events]]\ntag = "{source}.Alarm"\nactive = "m;Active"\n'
        await bridges.start(tag_map_text(it.url, {"Count": "counter"}, extra=events))
        await until(lambda: mes.good("Count"))
        alarms.event.SourceName, alarms.event.Severity, alarms.event.Active = "OVEN", 700, True
        await alarms.trigger(message="E12 too hot")
        await until(lambda: [i for i in mes.items if i["kind"] == "event"])
        event: dict[str, Any] = next(i for i in mes.items if i["kind"] == "event")
        found = {k: event[k] for k in ("tag", "message", "severity", "active")}
        assert found == {"tag": "OVEN.Alarm", "message": "E12 too hot", "severity": 700, "active": True}
        assert event["source_at_us"]
        assert event["event_id"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"SERVER_URL": "http://mes.example.com"}, "use https"),
        ({"SERVER_URL": "ftp://127.0.0.1"}, "not a web address"),
        ({"TOKEN_FILE": "/nonexistent", "TOKEN": TOKEN}, "not several"),
        ({"JOURNAL_MAX_BYTES": "10"}, "journal_max_bytes"),
    ],
)
def test_settings_that_are_not_safe_do_not_start(values: dict[str, str], words: str) -> None:
    with (
        environment({f"LINESIDE_BRIDGE_{key}": value for key, value in values.items()}),
        pytest.raises(SettingsRefused, match=words),
    ):
        load_settings()


@pytest.mark.parametrize(
    "values", [{}, {"LINESIDE_BRIDGE_TOKEN": "short"}, {"LINESIDE_BRIDGE_TOKEN_FILE": "/nonexistent"}]
)
def test_no_token_no_start(values: dict[str, str]) -> None:
    with environment(values), pytest.raises(SettingsRefused):
        load_settings().read_token()
