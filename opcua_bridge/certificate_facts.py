"""What a certificate says, and what is wrong with it, in words."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from cryptography import x509

WARN_DAYS: Final = (30, 7, 1)
"""Whole days before the end at which somebody is told."""


class Flaw(StrEnum):
    """What a certificate may be told off for although somebody has approved it (OPC 10000-4 clause 6.1.3)."""

    expired = "expired"
    not_yet_valid = "not-yet-valid"
    wrong_host = "wrong-host"
    wrong_application_uri = "wrong-application-uri"


@dataclass(frozen=True)
class CertificateFacts:
    thumbprint: str
    """SHA-256, lower-case hex."""
    subject: str
    issuer: str
    begins_at: datetime
    ends_at: datetime
    application_uris: tuple[str, ...]
    hosts: tuple[str, ...]
    """DNS names and addresses."""

    def days_left(self, now: datetime) -> int:
        """Whole days until it ends; negative once it has."""
        return (self.ends_at - now) // timedelta(days=1)

    def warning_level(self, now: datetime) -> int | None:
        """The smallest of WARN_DAYS that is reached, 0 when it has ended; None while there is time."""
        if now >= self.ends_at:
            return 0
        left = self.ends_at - now
        return min((days for days in WARN_DAYS if left <= timedelta(days=days)), default=None)


def leaf(certificates: bytes) -> bytes:
    """The first certificate of a chain, DER one after another. ValueError if it is cut short."""
    if len(certificates) < 2 or certificates[0] != 0x30:
        raise ValueError("not a certificate")
    first = certificates[1]
    size, length = (first, 2) if first < 0x80 else _long_size(certificates, first & 0x7F)
    if len(certificates) < size + length:
        raise ValueError("the certificate is cut short")
    return certificates[: size + length]


def _long_size(certificates: bytes, octets: int) -> tuple[int, int]:
    return int.from_bytes(certificates[2 : 2 + octets], "big"), 2 + octets


def thumbprint(certificate: bytes) -> str:
    """SHA-256, lower-case hex."""
    return hashlib.sha256(certificate).hexdigest()


@lru_cache(maxsize=256)
def facts(certificate: bytes) -> CertificateFacts:
    """Read one certificate (DER). ValueError if it is none."""
    read = x509.load_der_x509_certificate(certificate)
    names = _alternative_names(read)
    return CertificateFacts(
        thumbprint=thumbprint(certificate),
        subject=read.subject.rfc4514_string(),
        issuer=read.issuer.rfc4514_string(),
        begins_at=read.not_valid_before_utc,
        ends_at=read.not_valid_after_utc,
        application_uris=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)) if names else (),
        hosts=_hosts(names),
    )


def certificate_ends_us(certificate: bytes) -> int | None:
    """End of its validity, microseconds since 1970. None for what is no certificate."""
    try:
        return int(facts(leaf(certificate)).ends_at.timestamp()) * 1_000_000
    except ValueError:
        return None


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _hosts(names: x509.SubjectAlternativeName | None) -> tuple[str, ...]:
    if names is None:
        return ()
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def flaws(certificate: CertificateFacts, *, host: str, application_uri: str, now: datetime) -> dict[Flaw, str]:
    """All that is wrong with a server's certificate, each with a sentence. `application_uri`: what the server calls
    itself; `host`: where the bridge looks for it."""
    found: dict[Flaw, str] = {}
    if now >= certificate.ends_at:
        found[Flaw.expired] = f"it expired on {_day(certificate.ends_at)}"
    if now < certificate.begins_at:
        found[Flaw.not_yet_valid] = f"it is not valid before {_instant(certificate.begins_at)}; is a clock wrong?"
    if not _names_host(certificate, host):
        found[Flaw.wrong_host] = f"it is made out for {_listed(certificate.hosts)}, not for {host}"
    if application_uri not in certificate.application_uris:
        found[Flaw.wrong_application_uri] = (
            f"it names the application {_listed(certificate.application_uris)}, "
            f"the server calls itself {application_uri or 'nothing'}"
        )
    return found


def _names_host(certificate: CertificateFacts, host: str) -> bool:
    """Any name of this computer will do for a loopback address: it goes nowhere else."""
    known = {name.lower().rstrip(".") for name in certificate.hosts}
    return host.lower().rstrip(".") in known or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(names) or "nobody"


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
