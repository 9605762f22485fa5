"""The bridge's own certificates: the one in use, and the one that will take its place.

`own/certificate.der` is in use, `own/next.der` waits until the machines trust it, `own/old-<thumbprint>.der` is what
was; each one's key is `own/<thumbprint>.pem`, so that a certificate is put in use by one rename. (`own/key.pem` is the
key of one made by an earlier version.)
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from asyncua.crypto.cert_gen import dump_private_key_as_pem, generate_private_key, generate_self_signed_app_certificate
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from opcua_bridge.certificate_facts import CertificateFacts, facts, thumbprint
from opcua_bridge.clock import utc_now

VALID_DAYS: Final = 1_095
"""Three years: each new one has to be approved at each machine."""
RENEW_DAYS: Final = 30


@dataclass(frozen=True)
class OwnCertificate:
    certificate: bytes
    """DER."""
    key: bytes
    """PEM."""

    @property
    def facts(self) -> CertificateFacts:
        return facts(self.certificate)

    @property
    def application_uri(self) -> str:
        return next(iter(self.facts.application_uris), "")


class OwnCertificates:
    """Reads and writes files; call it from a thread. Not to be shared by two bridges."""

    def __init__(self, folder: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        self._folder, self._now = folder, now
        self._making = threading.Lock()

    @property
    def file(self) -> Path:
        """The certificate in use, to be taken to a machine."""
        return self._folder / "certificate.der"

    @property
    def next_file(self) -> Path:
        return self._folder / "next.der"

    @property
    def application_uri(self) -> str:
        """What this bridge calls itself, whether it has a certificate yet or not."""
        return self._pair(self.file).application_uri if self.file.is_file() else _default_uri()

    def current(self) -> OwnCertificate:
        """The one in use, made if there is none. ValueError if its key is gone."""
        with self._making:
            if not self.file.is_file():
                self._make(self.file, _default_uri())
        return self._pair(self.file)

    def next(self) -> OwnCertificate | None:
        return self._pair(self.next_file) if self.next_file.is_file() else None

    def is_due(self) -> bool:
        """Whether the one in use ends within RENEW_DAYS and nothing is there to take its place."""
        if not self.file.is_file() or self.next_file.is_file():
            return False
        return self.current().facts.days_left(self._now()) < RENEW_DAYS

    def prepare_next(self) -> OwnCertificate:
        """The one that will take its place, made if there is none; same application, new key."""
        if not self.next_file.is_file():
            self._make(self.next_file, self.current().application_uri)
        return self._pair(self.next_file)

    def promote(self) -> None:
        """Put the next one in use and keep the old one. ValueError if there is none."""
        if not self.next_file.is_file():
            raise ValueError("there is no next certificate")
        old = self.file.read_bytes()
        _write(self._folder / f"old-{thumbprint(old)}.der", old)
        self.next_file.replace(self.file)

    def has_ended(self) -> bool:
        return self._now() >= self.current().facts.ends_at

    def _make(self, file: Path, application_uri: str) -> None:
        key = generate_private_key()
        host = socket.gethostname()
        certificate = generate_self_signed_app_certificate(
            key,
            f"Lineside bridge on {host}"[:64],
            {},
            [x509.UniformResourceIdentifier(application_uri), x509.DNSName(host)],
            [ExtendedKeyUsageOID.CLIENT_AUTH],
            VALID_DAYS,
        ).public_bytes(Encoding.DER)
        self._folder.mkdir(parents=True, exist_ok=True)
        _write(self._folder / f"{thumbprint(certificate)}.pem", dump_private_key_as_pem(key))
        _write(file, certificate)

    def _pair(self, file: Path) -> OwnCertificate:
        certificate = file.read_bytes()
        for key in (self._folder / f"{thumbprint(certificate)}.pem", self._folder / "key.pem"):
            if key.is_file():
                key.chmod(0o600)
                return OwnCertificate(certificate, key.read_bytes())
        raise ValueError(f"the key of {file} is gone; remove the certificate and a new one is made")


def _default_uri() -> str:
    return f"urn:{socket.gethostname()}:lineside:bridge"


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, readable by nobody else."""
    scratch = file.with_name(file.name + ".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    scratch.replace(file)
