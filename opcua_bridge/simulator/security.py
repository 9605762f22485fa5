"""The simulator's server with certificates: three policies, SignAndEncrypt or Sign, and only clients it knows.

The folder has `own/`, `trusted/` and `rejected/`: a client is let in once its certificate has been moved from
`rejected/` to `trusted/` (DER, named by its SHA-256 thumbprint).
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

POLICIES: Final = [
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]


async def secure(server: Server, folder: Path, *, application_uri: str, endpoint: str) -> None:
    """Give the server a certificate, made if there is none, and have it refuse clients it does not know."""
    own = folder / "own"
    await asyncio.to_thread(own.mkdir, parents=True, exist_ok=True)
    certificate, key = own / "certificate.der", own / "key.pem"
    host = urlsplit(endpoint).hostname or "localhost"
    await setup_self_signed_certificate(key, certificate, application_uri, host, [ExtendedKeyUsageOID.SERVER_AUTH], {})
    await server.load_certificate(certificate)
    await server.load_private_key(key)
    server.set_security_policy(POLICIES)
    server.set_certificate_validator(KnownClients(folder))


class KnownClients:
    """asyncua's certificate validator."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __call__(self, certificate: x509.Certificate, _application: ua.ApplicationDescription) -> None:
        content = certificate.public_bytes(Encoding.DER)
        if not await asyncio.to_thread(self._is_known, content):
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    def _is_known(self, content: bytes) -> bool:
        name = f"{hashlib.sha256(content).hexdigest()}.der"
        if (self._folder / "trusted" / name).is_file():
            return True
        rejected = self._folder / "rejected"
        rejected.mkdir(parents=True, exist_ok=True)
        (rejected / name).write_bytes(content)
        return False
