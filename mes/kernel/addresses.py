"""Addresses on the network: what is outside, what is inside, and where a name leads."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
URL_MAX: Final = 2_000
"""Characters of an address we call."""
_NAME: Final = re.compile(r"(?=.{1,254}\Z)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
"""A host's name (RFC 1035, section 2.3.4); with underscores, which the names of containers have."""
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host; OSError where there are none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # no name at all: an empty label, or one that is too long
        raise OSError(f"{host[:100]!r} is no name of a host") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet, looked at through the wrappings of IPv4 in IPv6."""
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or _translated(ip)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def _translated(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None


def fault_of_url(url: str, *, private: bool) -> str:
    """What is wrong with an address we are to call, in words; empty: nothing. `private`: it may be inside."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        return "The address cannot be read."
    if len(url) > URL_MAX or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        return f"The address has to be at most {URL_MAX} plain characters without spaces."
    if parts.scheme not in ("https", "http") or not host or port == 0:
        return "The address has to begin with https:// and name a host."
    if not is_address(host) and ("[" in parts.netloc or not _NAME.fullmatch(host)):
        return "The host has no name that can be looked up."
    if parts.username is not None or parts.fragment:
        return "The address may hold neither a user name nor a fragment; it is no secret."
    if parts.scheme == "http" and not private:
        return "Plain http:// is for private addresses only: allow them, or use https://."
    if not private and is_address(host) and not is_public(host):
        return "The address is a private one, which is not allowed."
    return ""


def is_address(host: str) -> bool:
    """Whether a host is written as a number."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
