"""Where an ERP's name leads: inside only where the connection allows it, and to the very address that was looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from mes.exchange.erp.agreement import ErpAway
from mes.exchange.erp.reaching import Reaching
from mes.kernel.addresses import Resolve


def leading_to(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:
        if not addresses:
            raise OSError(host)
        return addresses

    return resolve


async def asked(way: Reaching, url: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=way, trust_env=False, timeout=5) as http:
        return await http.post(url, content=b"body")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fe80::1", "::ffff:192.168.1.1"]
)
async def test_a_name_that_leads_inside_is_not_called(address: str) -> None:
    for addresses in ((address,), ("9.9.9.9", address)):
        way = Reaching(private=False, resolve=leading_to(*addresses))
        with pytest.raises(ErpAway, match="leads to a private address"):
            await asked(way, "https://erp.example")


async def test_it_is_called_by_its_name_at_the_address_that_was_looked_at() -> None:
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"body"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        way = Reaching(private=True, resolve=leading_to("::1", "127.0.0.1"))
        response = await asked(way, f"http://erp.example:{port}/plant/rpc/")
    assert response.status_code == 200
    assert heard[0].startswith(b"POST /plant/rpc/ HTTP/1.1\r\nHost: erp.example:%d\r\n" % port)


async def test_a_name_nobody_knows_is_away() -> None:
    with pytest.raises(ErpAway, match="cannot be resolved"):
        await asked(Reaching(private=True, resolve=leading_to()), "https://erp.example")
