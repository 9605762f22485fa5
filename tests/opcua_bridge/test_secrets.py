"""Secrets come from environment, file or system keyring; the server's certificate from whoever the company trusts."""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from typing import ClassVar

import keyring
import keyring.backend
import keyring.errors
import pytest

from opcua_bridge.agent import make_client
from opcua_bridge.credentials import Credentials, credentials_of
from opcua_bridge.refusals import SecretMissing
from opcua_bridge.settings import SettingsRefused, load_settings
from opcua_bridge.tag_map import Endpoint
from tests.opcua_bridge.certificates import Made, made_certificate
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import TOKEN, Mes, environment, machine, tag_map_text, until
from tests.opcua_bridge.test_source import COUNT

QUIET_S = 2.0
"""How long it is watched that nothing is sent."""
URL = "opc.tcp://press.example:4840/"


class Drawer(keyring.backend.KeyringBackend):
    """A system keyring of a test."""

    priority: ClassVar[float] = 1
    locked = False

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise keyring.errors.KeyringLocked("the drawer is locked")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def drawer(monkeypatch: pytest.MonkeyPatch) -> Drawer:
    it = Drawer()
    monkeypatch.setattr(keyring.core, "_keyring_backend", it)
    return it


def user(**options: str) -> Credentials:
    return credentials_of(Endpoint(name="press", url=URL, username="mes", **options))


def test_a_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESS_PASSWORD", "from the environment")
    assert user(password_env="PRESS_PASSWORD").password == "from the environment"
    with pytest.raises(SecretMissing, match=r"the environment has no LATHE_PASSWORD \(password of press\)"):
        user(password_env="LATHE_PASSWORD")


def test_a_password_comes_from_a_file_that_others_should_not_read(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from the file\n")
    file.chmod(0o640)
    assert user(password_file=str(file)) == Credentials("mes", "from the file")
    file.chmod(0o644)
    assert user(password_file=str(file)).warnings == (
        f"{file} can be read by everybody on this computer: chmod o-r {file}",
    )
    with pytest.raises(SecretMissing, match="No such file"):
        user(password_file=str(tmp_path / "none"))


def test_a_password_comes_from_the_keyring(drawer: Drawer) -> None:
    drawer.set_password("lineside", "mes", "from the drawer")
    assert user(password_keyring="lineside").password == "from the drawer"
    with pytest.raises(SecretMissing, match="nothing for 'mes' under 'other': keyring set other mes"):
        user(password_keyring="other")
    drawer.locked = True
    with pytest.raises(SecretMissing, match="does not answer: the drawer is locked"):
        user(password_keyring="lineside")


def test_without_the_keyring_library_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SecretMissing, match=r"install lineside\[keyring\]"):
        user(password_keyring="lineside")


def test_nobody_prints_a_password_by_accident() -> None:
    assert "secret" not in repr(Credentials("mes", "secret", key=b"secret"))


def test_the_token_comes_from_the_keyring_too(drawer: Drawer) -> None:
    drawer.set_password("lineside", "token", TOKEN)
    with environment({"LINESIDE_BRIDGE_TOKEN_KEYRING": "lineside"}):
        assert load_settings().read_token() == TOKEN
    with environment({"LINESIDE_BRIDGE_TOKEN_KEYRING": "other"}), pytest.raises(SettingsRefused, match="TOKEN_KEYRING"):
        load_settings().read_token()


def test_a_token_file_that_everybody_can_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    for mode, warnings in ((0o600, 0), (0o644, 1)):
        file.chmod(mode)
        with environment({"LINESIDE_BRIDGE_TOKEN_FILE": str(file)}):
            assert len(load_settings().warnings()) == warnings


# ------------------------------------------------------------------ bridge to server, TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A certificate that no computer knows by itself."""
    return made_certificate(tmp_path_factory.mktemp("tls"), application_uri="urn:test:server")


def tls_of(made: Made) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.pem, made.key)
    return context


async def test_the_server_may_be_known_to_the_company_only(bridges: Bridges, authority: Made) -> None:
    async with Mes(tls=tls_of(authority)) as mes, machine(COUNT) as it:
        bridges.use(mes)
        text = tag_map_text(it.url, {"Count": "counter"})
        agent = await bridges.start(text, LINESIDE_BRIDGE_SERVER_CA_FILE=str(authority.pem))
        await until(lambda: mes.good("Count") and not agent.uplink.health.error)


async def test_a_server_that_nobody_vouches_for_gets_no_token(bridges: Bridges, authority: Made) -> None:
    async with Mes(tls=tls_of(authority)) as mes, machine(COUNT) as it:
        bridges.use(mes)
        agent = await bridges.start(tag_map_text(it.url, {"Count": "counter"}))
        await until(lambda: "CERTIFICATE_VERIFY_FAILED" in agent.uplink.health.error)
        assert mes.requests == []


async def test_a_token_that_was_revoked_is_told_and_not_sent_in_a_storm(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it:
        agent = await bridges.start(tag_map_text(it.url, {"Count": "counter"}))
        await until(lambda: mes.good("Count"))
        mes.token = "another, since somebody has revoked ours"
        refused = "the server does not accept the bridge's token (not-signed-in)"
        await until(lambda: agent.uplink.health.error == refused)
        before = sum("ingest" in request for request in mes.requests)
        await it.write("Count", 1)
        await until(lambda: agent.journal.depth)
        await asyncio.sleep(QUIET_S)
        assert sum("ingest" in request for request in mes.requests) == before


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_is_none_is_refused_at_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with (
        environment({"LINESIDE_BRIDGE_SERVER_CA_FILE": str(file)}),
        pytest.raises(SettingsRefused, match="LINESIDE_BRIDGE_SERVER_CA_FILE"),
    ):
        make_client(load_settings())
