"""Whom the bridge trusts: its own certificate, and the approved certificates of machine servers.

The folder has `own/` (key and certificate, made on first use), `trusted/` and `rejected/` with one DER file per server
certificate, named by its SHA-256 thumbprint. Approving is moving a file from `rejected/` to `trusted/`.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from standards.lineside.health_v1 import Trouble

if TYPE_CHECKING:
    from asyncua import Client

THUMBPRINT: Final = re.compile(r"^[0-9a-f]{64}$")


class UntrustedServer(Exception):
    """The machine server's certificate is not approved yet; `thumbprint` says which."""

    trouble = Trouble.untrusted

    def __init__(self, thumbprint: str) -> None:
        super().__init__(f"server certificate {thumbprint} is not trusted")
        self.thumbprint = thumbprint


class Trust:
    application_uri: Final = "urn:lineside:bridge"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: tuple[bytes, bytes] | None = None

    async def own_certificate(self, client: Client) -> tuple[bytes, bytes]:
        """Certificate (DER) and key (PEM) of this bridge, made if there are none."""
        if self._own is None:
            own = self._folder / "own"
            certificate, key = own / "certificate.der", own / "key.pem"
            await client.setup_self_signed_certificate(key, certificate)
            self._own = await asyncio.to_thread(_read_pair, certificate, key)
        return self._own

    def is_trusted(self, certificate: bytes) -> bool:
        return self._file("trusted", thumbprint(certificate)).is_file()

    def remember_rejected(self, certificate: bytes) -> str:
        """Keep it for somebody to look at; answers its thumbprint."""
        mark = thumbprint(certificate)
        file = self._file("rejected", mark)
        if certificate and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(certificate)
        return mark

    def approve(self, mark: str) -> bool:
        """Trust a certificate seen before. False if none with this thumbprint has been seen."""
        if not THUMBPRINT.match(mark):
            return False
        trusted, rejected = self._file("trusted", mark), self._file("rejected", mark)
        if trusted.is_file():
            return True
        if not rejected.is_file():
            return False
        trusted.parent.mkdir(parents=True, exist_ok=True)
        rejected.replace(trusted)
        return True

    def _file(self, kind: str, mark: str) -> Path:
        return self._folder / kind / f"{mark}.der"


def _read_pair(certificate: Path, key: Path) -> tuple[bytes, bytes]:
    key.chmod(0o600)
    return certificate.read_bytes(), key.read_bytes()


def thumbprint(certificate: bytes) -> str:
    """SHA-256, lower-case hex."""
    return hashlib.sha256(certificate).hexdigest()
