"""Settings of the server: read once from the environment (prefix LINESIDE_) in the composition root, then passed on."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mes.kernel.vault import KEY_FILE

Environment = Literal["production", "development", "test"]
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
MAX_INGEST_BYTES: Final = 64 * 1024 * 1024


class Settings(BaseSettings):
    """Every value has a safe default. Outside development an unsafe value refuses to start.

    `LINESIDE_ALLOWED_HOSTS` is comma-separated: the host names people type; `*` only in development.
    """

    model_config = SettingsConfigDict(env_prefix="LINESIDE_", frozen=True, extra="forbid")

    environment: Environment = "production"
    """`test` is production that may be killed at marked places (`mes.kernel.crash`)."""
    data_dir: Path = Path("lineside-data")
    """Where the SQLite files are; with PostgreSQL only what is not in the database."""
    database_url: str | None = None
    """`postgresql://…`; empty: SQLite in `data_dir`."""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)
    allowed_hosts: str = "127.0.0.1,localhost,[::1]"
    secure_cookies: bool | None = None
    """None: cookies are Secure when the request came by https."""
    trust_proxy: str = ""
    """Addresses of proxies whose X-Forwarded-* are believed; empty: none."""
    max_body_bytes: int = Field(default=1024 * 1024, ge=1024, le=16 * 1024 * 1024)
    max_ingest_bytes: int = Field(default=4 * 1024 * 1024, ge=64 * 1024, le=MAX_INGEST_BYTES)
    chained_audit: bool = False
    """Each outbox row carries the hash of its predecessor."""
    secret_key_file: Path | None = None
    """The key of secrets the server has to read again; empty: `secret.key` in `data_dir`, made at the first start."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("database_url")
    @classmethod
    def _postgres_only(cls, url: str | None) -> str | None:
        if url in (None, ""):
            return None
        if not str(url).startswith(("postgresql://", "postgresql+psycopg://")):
            raise ValueError("a postgresql:// address, or nothing for SQLite in the data directory")
        return url

    @property
    def key_file(self) -> Path:
        """Where the key of secrets is."""
        return self.secret_key_file or self.data_dir / KEY_FILE

    @property
    def development(self) -> bool:
        """Whether this is somebody's own computer."""
        return self.environment == "development"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The allowed host names."""
        return tuple(host.strip() for host in self.allowed_hosts.split(",") if host.strip())

    @property
    def proxies(self) -> tuple[str, ...]:
        """The trusted proxies."""
        return tuple(proxy.strip() for proxy in self.trust_proxy.split(",") if proxy.strip())

    @model_validator(mode="after")
    def _refuse_what_is_unsafe(self) -> Settings:
        if self.development:
            return self
        if not self.hosts or "*" in self.hosts:
            raise ValueError("LINESIDE_ALLOWED_HOSTS must name the hosts people use; `*` is for development")
        if "*" in self.proxies:
            raise ValueError("LINESIDE_TRUST_PROXY must name the proxies; `*` would believe anybody")
        if self.host not in LOOPBACK and self.secure_cookies is False:
            raise ValueError("LINESIDE_SECURE_COOKIES=false is for development; leave it unset")
        return self
