"""The short cuts into uvicorn's protocol: taken, in agreement with the parser, and not needed."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from mes.kernel.plants import Plants
from tests.web.live.served import Floor, Served, serving
from web.live.direct import ends_between_frames, is_small_text, unmasked
from web.live.hub import Client, make_frame, wire_header

PAYLOADS = st.binary(max_size=300)


def on_the_wire(payload: bytes) -> bytes:
    """As a browser sends it."""
    return Frame(Opcode.TEXT, payload).serialize(mask=True)


@given(PAYLOADS)
def test_a_small_frame_is_read_as_the_parser_reads_it(payload: bytes) -> None:
    data = on_the_wire(payload)
    assert is_small_text(data) is (len(payload) <= 125)
    if len(payload) <= 125:
        assert unmasked(data) == payload


@given(st.lists(PAYLOADS, max_size=4), st.integers(0, 20))
def test_a_stream_of_frames_is_cut_where_it_may_be(payloads: list[bytes], missing: int) -> None:
    data = b"".join(on_the_wire(payload) for payload in payloads)
    cut = data[: len(data) - missing]
    if ends_between_frames(cut):
        whole = 0
        while whole < len(cut):
            whole += 6 + (cut[whole + 1] & 0x7F)
        assert whole == len(cut)
    if not missing and all(len(payload) <= 125 for payload in payloads):
        assert ends_between_frames(data)


@given(st.integers(0, 200_000))
def test_a_header_is_what_the_library_writes(length: int) -> None:
    library = Frame(Opcode.TEXT, b"x" * length).serialize(mask=False)
    assert wire_header(length) == library[: len(library) - length]


def test_the_ready_bytes_are_the_text() -> None:
    frame = make_frame("ab", 7, "<p>ä</p>")
    assert frame.wire.endswith(frame.text.encode())
    assert json.loads(frame.text) == {"epoch": "ab", "seq": 7, "content": "<p>ä</p>"}
    assert "content" not in json.loads(make_frame("ab", 7, "").text)


async def test_the_short_cut_is_taken(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    clients: list[Client] = []
    hub = (await served.relay()).hub
    join = hub.join
    monkeypatch.setattr(hub, "join", lambda client, *rest: (clients.append(client), join(client, *rest))[1])
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A") as page:
        await page.frame()
        for _ in range(3):
            await served.happen("equipment/A")
            await page.frame()
            await asyncio.sleep(0.12)
    (client,) = clients
    assert (client.frames_sent, client.frames_written) == (4, 3)


async def test_without_the_short_cut_all_is_the_same(plants: Plants, floor: Floor) -> None:
    async with serving(plants, floor, "websockets-sansio") as plain:
        cookie = await plain.sign_in("ada")
        async with plain.client(cookie, "A") as page:
            assert "A 0 " in await page.frame()
            for count in range(1, 5):
                await plain.happen("equipment/A")
                assert f"A {count} " in await page.frame()


async def test_acknowledgements_may_come_in_pieces_or_together(served: Served) -> None:
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A") as page:
        await page.frame(acknowledge=False)
        await served.happen("equipment/A")
        await page.frame(acknowledge=False)
        frame = on_the_wire(json.dumps({"ack": page.seq}).encode())
        transport = page.socket.transport
        transport.write(frame[:5])
        await asyncio.sleep(0.05)
        transport.write(frame[5:])
        await served.happen("equipment/A")
        assert "A 2 " in await page.frame(acknowledge=False)
        transport.write(on_the_wire(b"nonsense") + on_the_wire(json.dumps({"ack": page.seq}).encode()))
        await served.happen("equipment/A")
        assert "A 3 " in await page.frame()
        await page.socket.ping()
        await served.happen("equipment/A")
        assert "A 4 " in await page.frame()
