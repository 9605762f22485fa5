"""The way to an ERP: its name is looked up, refused where it would lead inside, and called at the address looked at.

A name that resolves differently a moment later leads nowhere else. TLS is checked against the name.
"""

from __future__ import annotations

import asyncio
from typing import Final

import httpx

from mes.exchange.erp.agreement import ErpAway
from mes.kernel.addresses import Resolve, is_public, resolve

LOOK_UP_S: Final = 10.0


class Reaching(httpx.AsyncBaseTransport):
    """Of one ERP: each request has its host. `private`: it may be inside. ErpAway where it may not, or has no name."""

    def __init__(self, *, private: bool, resolve: Resolve = resolve) -> None:
        self._private = private
        self._resolve = resolve
        self._way = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        named = request.url
        away: httpx.ConnectError | None = None
        for address in await self._addresses(named):
            request.url = named.copy_with(host=address)
            request.extensions = {**request.extensions, "sni_hostname": named.host}
            try:
                return await self._way.handle_async_request(request)
            except httpx.ConnectError as error:
                away = error
        raise away or ErpAway(f"The name {named.host} has no address.")

    async def aclose(self) -> None:
        await self._way.aclose()

    async def _addresses(self, named: httpx.URL) -> list[str]:
        port = named.port or (443 if named.scheme == "https" else 80)
        try:
            async with asyncio.timeout(LOOK_UP_S):
                addresses = list(await self._resolve(named.host, port))
        except OSError:  # TimeoutError is one
            raise ErpAway(f"The name {named.host} cannot be resolved.") from None
        if not self._private and not all(map(is_public, addresses)):
            raise ErpAway(f"{named.host} leads to a private address, which this connection does not allow.")
        return addresses
