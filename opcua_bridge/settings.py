"""Settings of the bridge: environment variables LINESIDE_BRIDGE_*, read once, passed on."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import httpx
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from opcua_bridge.credentials import from_keyring, readable_by_others
from opcua_bridge.refusals import SecretMissing

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
MIN_TOKEN: Final = 32


class SettingsRefused(Exception):
    """The bridge does not start with these settings; the text says which and why."""


class BridgeSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="LINESIDE_BRIDGE_", frozen=True, extra="ignore")

    environment: Literal["production", "development", "test"] = Field(
        "production", validation_alias="LINESIDE_ENVIRONMENT"
    )
    server_url: str = "http://127.0.0.1:8080"
    token: SecretStr | None = None
    token_file: Path | None = None
    token_keyring: str = ""
    """Service under which the system keyring has the token, for the name `token`."""
    server_ca_file: Path | None = None
    """PEM: who has issued the server's certificate, if it is none of those that every computer knows."""
    tag_map: Path = Path("tag_map.toml")
    journal: Path = Path("bridge-journal.sqlite")
    journal_max_bytes: int = Field(512 * 1024 * 1024, ge=64 * 1024)
    trust_folder: Path | None = None
    """Certificates; `trust` beside the journal if not given."""
    strict_certificates: bool = False
    """Refuse a machine server's certificate that is expired, not yet valid or made out for another, though approved."""
    status_file: Path | None = None
    """Where the health document is written; beside the journal if not given."""
    endpoint_urls: dict[str, str] = {}
    """JSON object: endpoint name -> address, in place of the one in the tag map."""
    observe_only: bool = False
    """Write nothing to any machine, whatever the server asks."""

    metrics_port: int | None = Field(None, ge=0, le=65_535)
    """Prometheus metrics at `http://<metrics_host>:<metrics_port>/metrics`; none if not given, 0: a free port."""
    metrics_host: str = "127.0.0.1"
    """Nobody has to sign in there: other than loopback only where the network is trusted."""

    @model_validator(mode="after")
    def _safe(self) -> BridgeSettings:
        url = urlsplit(self.server_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"LINESIDE_BRIDGE_SERVER_URL is not a web address: {self.server_url!r}")
        if self.environment == "production" and url.scheme == "http" and url.hostname not in LOOPBACK:
            raise ValueError("LINESIDE_BRIDGE_SERVER_URL sends the token in clear over the network: use https")
        if sum(map(bool, (self.token, self.token_file, self.token_keyring))) > 1:
            raise ValueError("give one of LINESIDE_BRIDGE_TOKEN, _TOKEN_FILE and _TOKEN_KEYRING, not several")
        return self

    @property
    def status_path(self) -> Path:
        return self.status_file or self.journal.with_name(self.journal.name + ".status.json")

    @property
    def trust_path(self) -> Path:
        return self.trust_folder or self.journal.parent / "trust"

    def read_token(self) -> str:
        """The bridge's token. Raises SettingsRefused if there is none or it is too short to be one."""
        if self.token is not None:
            token = self.token.get_secret_value()
        elif self.token_file is not None:
            try:
                token = self.token_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsRefused(f"LINESIDE_BRIDGE_TOKEN_FILE: {error}") from error
        elif self.token_keyring:
            token = self._token_of_keyring()
        else:
            raise SettingsRefused("no token: set LINESIDE_BRIDGE_TOKEN, _TOKEN_FILE or _TOKEN_KEYRING")
        if len(token) < MIN_TOKEN:
            raise SettingsRefused(f"the token has {len(token)} characters; tokens have at least {MIN_TOKEN}")
        return token

    def _token_of_keyring(self) -> str:
        try:
            return from_keyring(self.token_keyring, "token")
        except SecretMissing as missing:
            raise SettingsRefused(f"LINESIDE_BRIDGE_TOKEN_KEYRING: {missing}") from missing

    def warnings(self) -> tuple[str, ...]:
        """What is not wrong enough not to start."""
        return readable_by_others(self.token_file) if self.token_file is not None else ()

    def tls(self) -> ssl.SSLContext:
        """How the server's certificate is checked. Raises SettingsRefused if the file is none."""
        context = httpx.create_ssl_context()
        if self.server_ca_file is not None:
            try:
                context.load_verify_locations(cafile=str(self.server_ca_file))
            except (OSError, ssl.SSLError) as error:
                raise SettingsRefused(f"LINESIDE_BRIDGE_SERVER_CA_FILE: {self.server_ca_file}: {error}") from error
        return context


def load_settings() -> BridgeSettings:
    """Settings from the environment. Raises SettingsRefused with every reason in words."""
    try:
        return BridgeSettings()
    except ValidationError as error:
        reasons = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}".removeprefix(": ") for e in error.errors()]
        raise SettingsRefused("; ".join(reasons)) from error
