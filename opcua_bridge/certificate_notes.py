"""What the health document says of the certificates of machines' servers. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from opcua_bridge.certificate_facts import CertificateFacts, Flaw, flaws
from opcua_bridge.trust import KnownCertificate
from standards.lineside.health_v1 import MAX_CERTIFICATES, MAX_NAME, MAX_TEXT, CertificateNote, CertificateState

LATEST_US: Final = 4_102_444_799_000_000
"""2099: certificates that end later exist, and end then for us."""


def notes_of(known: Iterable[KnownCertificate], now: datetime) -> list[CertificateNote]:
    """At most 64, in the order given."""
    return [_note(one, now) for one, _ in zip(known, range(MAX_CERTIFICATES), strict=False)]


def _note(one: KnownCertificate, now: datetime) -> CertificateNote:
    about = one.about
    return CertificateNote(
        thumbprint=one.thumbprint,
        state=CertificateState(one.state.value),
        subject=one.subject[:MAX_TEXT],
        issuer=one.issuer[:MAX_TEXT],
        application_uri=", ".join(one.application_uris)[:MAX_TEXT],
        hosts=", ".join(one.hosts)[:MAX_TEXT],
        begins_us=_us(one.begins_at),
        ends_us=_us(one.ends_at),
        endpoint=about.endpoint[:MAX_NAME],
        url=about.url[:MAX_TEXT],
        seen_at_us=_us(about.last_seen_at),
        decided_at_us=_us(about.decided_at),
        replaces=about.replaces[:MAX_NAME],
        flaws=[flaw.value for flaw in _flaws(one, now)],
    )


def _flaws(one: KnownCertificate, now: datetime) -> Iterable[Flaw]:
    """Host and application can only be judged where it was seen at an address."""
    about = one.about
    content = CertificateFacts(
        thumbprint=one.thumbprint,
        subject=one.subject,
        issuer=one.issuer,
        begins_at=datetime.fromisoformat(one.begins_at),
        ends_at=datetime.fromisoformat(one.ends_at),
        application_uris=one.application_uris,
        hosts=one.hosts,
    )
    found = flaws(content, host=_host(about.url), application_uri=about.application_uri, now=now)
    of_time = (Flaw.expired, Flaw.not_yet_valid)
    return [flaw for flaw in found if about.url or flaw in of_time]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _us(instant: str) -> int:
    return min(max(0, int(datetime.fromisoformat(instant).timestamp()) * 1_000_000), LATEST_US) if instant else 0
