"""The live push over real sockets: who is told what, how often it is rendered, and what one client costs the others."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import ConnectionClosed

from mes.access.service import sign_out
from mes.access.tokens import digest
from mes.kernel.plants import Plants
from tests.web.live.served import Floor, Page, Served, serving, until
from web.live import limits, sockets
from web.live import routes as live
from web.live.region import live_url
from web.templating import STATIC


async def test_a_client_gets_a_snapshot_and_then_what_changes(served: Served) -> None:
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A", "B") as page:
        first = await page.frame()
        assert '<hx-partial hx-target="#tile-A" hx-swap="outerHTML"><p id="tile-A">A 0 en</p></hx-partial>' in first
        assert '<p id="tile-B">B 0 en</p>' in first
        await served.happen("equipment/B", "board")
        second = await page.frame()
        assert "B 1 en" in second
        assert "tile-A" not in second


async def test_who_comes_later_is_not_sent_what_was_composed_for_an_earlier_one(
    served: Served, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing happened, but time went by: an age or an end in sight is not what it was."""
    monkeypatch.setattr("web.live.hub.SNAPSHOT_AGE_MAX_S", 0.05)
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A") as early:
        assert "A 0 en" in await early.frame()
        floor.older = 7
        await asyncio.sleep(0.1)
        async with served.client(cookie, "A") as late:
            assert "A 7 en" in await late.frame()


async def test_a_region_is_rendered_once_for_all_who_show_it_and_once_a_language(served: Served, floor: Floor) -> None:
    english, german = await served.sign_in("ada"), await served.sign_in("bea", language="de")
    async with AsyncExitStack() as stack:
        pages = [
            await stack.enter_async_context(served.client(cookie, "A")) for cookie in [english] * 20 + [german] * 20
        ]
        await asyncio.gather(*(page.frame() for page in pages))
        hub = (await served.relay()).hub
        for _ in range(5):
            floor.built.clear()
            before = hub.renders
            await served.happen("equipment/A")
            contents = await asyncio.gather(*(page.frame() for page in pages))
            assert len(set(contents)) == 2
            assert hub.renders - before == 2
            assert floor.built == ["A", "A"]
            await asyncio.sleep(0.11)


async def test_no_client_is_sent_more_than_its_rate_and_the_last_state_arrives(served: Served) -> None:
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A", rate="tablet") as page:
        await page.frame()
        started, frames, content = time.monotonic(), 0, ""
        for _ in range(60):
            await served.happen("equipment/A")
            await asyncio.sleep(0.01)
        while "A 60 " not in content:
            content = await page.frame()
            frames += 1
        elapsed = time.monotonic() - started
        assert frames <= elapsed * limits.RATE_HZ["tablet"] + 2


async def test_a_client_that_does_not_acknowledge_has_two_frames_and_then_one_merged(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.live.hub.ACK_TIMEOUT_S", 3.0)
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A", "B") as page:
        await page.frame(acknowledge=False)
        for name in "ABAB":
            await served.happen(f"equipment/{name}")
            await asyncio.sleep(0.15)
        await page.frame(acknowledge=False)
        await served.happen("equipment/B")
        with pytest.raises(TimeoutError):
            await page.frame(timeout_s=0.05, acknowledge=False)
        merged = await page.frame(acknowledge=False)
        assert "A 2 " in merged
        assert "B 3 " in merged


async def test_an_acknowledgement_opens_the_window_at_once(served: Served) -> None:
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A") as page:
        await page.frame(acknowledge=False)
        await served.happen("equipment/A")
        await page.frame(acknowledge=False)
        await served.happen("equipment/A")
        with pytest.raises(TimeoutError):
            await page.frame(timeout_s=0.3, acknowledge=False)
        await page.socket.send(json.dumps({"ack": page.seq}))
        assert "A 2 " in await page.frame(timeout_s=1)


async def test_one_that_stops_reading_does_not_delay_the_others(served: Served) -> None:
    cookie = await served.sign_in("ada")
    many = [f"M{n}" for n in range(20)]
    async with AsyncExitStack() as stack:
        stalled = await stack.enter_async_context(served.client(cookie, *many))
        stalled.socket.transport.pause_reading()
        good = [await stack.enter_async_context(served.client(cookie, *many)) for _ in range(10)]
        await asyncio.gather(*(page.frame() for page in good))
        worst = 0.0
        for _ in range(8):
            at = time.monotonic()
            await served.happen(*(f"equipment/{name}" for name in many))
            await asyncio.gather(*(page.frame() for page in good))
            worst = max(worst, time.monotonic() - at)
            await asyncio.sleep(0.1)
        assert worst < 1.0


async def test_a_returning_client_is_sent_only_what_it_missed(served: Served) -> None:
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A", "B") as other:
        await other.frame()
        async with served.client(cookie, "A", "B") as page:
            await page.frame()
        await served.happen("equipment/B")
        await other.frame()
        async with served.client(cookie, "A", "B", since=page.seq, epoch=page.epoch) as back:
            missed = await back.frame()
            assert "tile-B" in missed
            assert "tile-A" not in missed


async def test_a_returning_client_of_an_earlier_process_gets_everything(plants: Plants, floor: Floor) -> None:
    async with serving(plants, floor) as first:
        cookie = await first.sign_in("ada")
        for _ in range(3):
            await first.happen("equipment/A")
        async with first.client(cookie, "A", "B") as page:
            await page.frame()
    async with (
        serving(plants, floor) as second,
        second.client(cookie, "A", "B", since=page.seq, epoch=page.epoch) as back,
    ):
        everything = await back.frame()
        assert "tile-A" in everything
        assert "tile-B" in everything
        assert back.epoch != page.epoch


async def test_fifty_clients_that_leave_are_forgotten(served: Served) -> None:
    cookie = await served.sign_in("ada")
    hub = (await served.relay()).hub
    async with AsyncExitStack() as stack:
        for _ in range(50):
            page = await stack.enter_async_context(served.client(cookie, "A"))
            await page.frame()
        assert hub.clients == 50
    await until(lambda: not hub.clients)
    assert hub.is_idle
    assert not (await served.relay()).sockets


async def test_without_a_reader_they_would_be_kept(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The naive, push-only socket: nothing is read, so nobody is seen leaving (experiments.md, fact 10)."""

    end = asyncio.Event()

    async def never_read(*_: object) -> None:
        await end.wait()

    monkeypatch.setattr(live, "_read_acknowledgements", never_read)
    cookie = await served.sign_in("ada")
    hub = (await served.relay()).hub
    async with AsyncExitStack() as stack:
        for _ in range(10):
            await (await stack.enter_async_context(served.client(cookie, "A"))).frame()
    await asyncio.sleep(0.3)
    assert hub.clients == 10
    end.set()
    await until(lambda: not hub.clients)


async def test_a_region_that_fails_says_so_and_the_others_stay_live(served: Served, floor: Floor) -> None:
    cookie = await served.sign_in("ada")
    floor.broken.add("A")
    async with served.client(cookie, "A", "B") as page:
        first = await page.frame()
        assert 'id="tile-A"' in first
        assert "planted" not in first
        assert "B 0 en" in first
        floor.broken.clear()
        await served.happen("equipment/A")
        assert "A 1 en" in await page.frame()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (live_url("secret", params={"equipment": "A"}), live.REFUSED),
        (live_url("nothing-of-ours"), live.MALFORMED),
        ("/live?r=tile", live.MALFORMED),
        ("/live", live.MALFORMED),
        (live_url(*(("tile", {"equipment": f"M{n}"}) for n in range(65))), live.MALFORMED),
    ],
)
async def test_what_may_not_be_seen_is_refused_at_subscribe_time(served: Served, url: str, code: int) -> None:
    cookie = await served.sign_in("ada")
    assert await _close_code(served, cookie, url) == code
    assert (await served.relay()).hub.clients == 0


async def test_nobody_and_other_sites_are_refused(served: Served) -> None:
    url = live_url("tile", params={"equipment": "A"})
    cookie = await served.sign_in("ada")
    assert await _close_code(served, "lss_default_" + "x" * 43, url) == 4401
    assert await _close_code(served, cookie, url, origin="https://evil.example") == 4403


async def test_signing_out_ends_the_socket(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SESSION_CHECK_S", 0.05)
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A") as page:
        await page.frame()
        await served.database.write(sign_out, actor=None, session_sha256=digest(cookie))
        with pytest.raises(ConnectionClosed) as closed:
            await page.frame(timeout_s=2)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == sockets.SESSION_OVER


@pytest.mark.parametrize("bound", ["SOCKETS_PER_PRINCIPAL_MAX", "SOCKETS_PER_PLANT_MAX"])
async def test_a_principal_and_a_plant_have_so_many_sockets_and_no_more(
    served: Served, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(sockets, bound, 2)
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A") as one, served.client(cookie, "A") as two:
        await asyncio.gather(one.frame(), two.frame())
        assert await _close_code(served, cookie, live_url("tile", params={"equipment": "A"})) == live.TOO_MANY


async def test_a_long_frame_from_a_client_ends_its_socket(served: Served) -> None:
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A") as page:
        await page.frame()
        await page.socket.send("x" * (limits.INCOMING_FRAME_BYTES_MAX + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await page.frame(timeout_s=2)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == live.TOO_BIG


async def test_nonsense_from_a_client_is_ignored(served: Served) -> None:
    cookie = await served.sign_in("ada")
    async with served.client(cookie, "A") as page:
        await page.frame()
        for nonsense in ("", "[]", "1", '{"ack": "x"}', "{", '{"headers": {}}'):
            await page.socket.send(nonsense)
        await served.happen("equipment/A")
        assert "A 1 " in await page.frame()


async def test_a_stopping_server_says_restart_and_does_not_hang(plants: Plants, floor: Floor) -> None:
    async with AsyncExitStack() as stack:
        async with serving(plants, floor) as served:
            cookie = await served.sign_in("ada")
            page: Page = await stack.enter_async_context(served.client(cookie, "A"))
            await page.frame()
            at = time.monotonic()
        assert time.monotonic() - at < 2
        with pytest.raises(ConnectionClosed) as closed:
            await page.frame()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012


async def _close_code(served: Served, cookie: str, url: str, origin: str | None = None) -> int:
    async with served.socket(cookie, url, origin) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(3):
                await socket.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_the_browser_acknowledges_as_often_as_the_server_waits_for_it() -> None:
    script = (STATIC / "live.js").read_text(encoding="utf-8")
    assert f"const WINDOW = {limits.WINDOW};" in script
