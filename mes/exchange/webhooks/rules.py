"""Pure rules of webhooks: what is wanted, how it is signed, when it is tried again, where it may go."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from mes.exchange.feed.rules import fault_of_types
from mes.exchange.webhooks.types import URL_MAX, WebhookSpec

SECOND_US: Final = 1_000_000
DELAYS_S: Final = (5, 30, 120, 600, 1_800, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 24 * 3_600)
"""After the first failure, the second, and so on; the last one repeats."""
GIVE_UP_AFTER_US: Final = 5 * 24 * 3_600 * SECOND_US
"""A delivery is dead when its first failure is this long ago: a long weekend is survived."""
SECRET_PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


def fault_of(spec: WebhookSpec) -> str:
    """What is wrong with a webhook, in words; empty: nothing."""
    return fault_of_types(spec.event_types) or _fault_of_url(spec.url, private=spec.private_addresses)


def _fault_of_url(url: str, *, private: bool) -> str:
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        return "The address cannot be read."
    if len(url) > URL_MAX or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        return f"The address has to be at most {URL_MAX} plain characters without spaces."
    if parts.scheme not in ("https", "http") or not host or port == 0:
        return "The address has to begin with https:// and name a host."
    if parts.username is not None or parts.fragment:
        return "The address may hold neither a user name nor a fragment; requests are signed instead."
    if parts.scheme == "http" and not private:
        return "Plain http:// is for private addresses only: allow them, or use https://."
    if not private and is_address(host) and not is_public(host):
        return "The address is a private one, which this webhook does not allow."
    return ""


def is_address(host: str) -> bool:
    """Whether a host is written as a number."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet, looked at through the wrappings of IPv4 in IPv6."""
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or _translated(ip)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def _translated(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None


def next_attempt_us(now_us: int, failures: int, retry_after_s: int | None = None) -> int:
    """When to try again after so many failures in a row (1: the first); never sooner than the receiver asked for."""
    delay_s = DELAYS_S[min(max(failures, 1), len(DELAYS_S)) - 1]
    return now_us + max(delay_s, min(retry_after_s or 0, DELAYS_S[-1])) * SECOND_US


def is_given_up(now_us: int, first_failed_at_us: int) -> bool:
    """Whether a delivery has failed for so long that it is dead."""
    return now_us - first_failed_at_us >= GIVE_UP_AFTER_US


def secret_text(key: bytes) -> str:
    """A signing key as Standard Webhooks writes it: `whsec_` and base64."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signatures(secrets: Sequence[str], *, message_id: str, timestamp_s: int, body: bytes) -> str:
    """The header `webhook-signature`: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, one per secret.

    Standard Webhooks 1.0, "Signature scheme" (symmetric). ValueError: a text is no secret.
    """
    content = f"{message_id}.{timestamp_s}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.new(_key(secret), content, hashlib.sha256).digest()).decode()
        for secret in secrets
    )


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("no signing secret") from error
