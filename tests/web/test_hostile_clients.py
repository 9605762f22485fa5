"""A real server under clients that mean it no good: everybody else is served while they are at it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.plants import BENCH
from tests.web.site import Site
from web.fair_share import ALONE_MAX
from web.live.region import LIVE_PATH

SOON_S = 0.4
HEAD = b"GET /signin HTTP/1.1\r\nHost: 127.0.0.1\r\n"
SLOW_FORM = (
    b"POST /signin HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 900\r\n\r\nperson="
)


@pytest.fixture(scope="module")
def tablet(site: Site) -> Iterator[httpx.Client]:
    """Somebody who works."""
    with site.client("ADA") as client:
        yield client


@contextmanager
def connections(site: Site, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    address = urlsplit(site.address)
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection((address.hostname, address.port))) for _ in range(count)]
        for one in opened:
            one.settimeout(10)
            one.sendall(sent)
        yield opened


def works(tablet: httpx.Client) -> None:
    assert tablet.get(f"/s/{BENCH}").status_code == 200


def heard(connection: socket.socket) -> bytes:
    """All that the server says until it closes."""
    said = b""
    try:
        while part := connection.recv(4096):
            said += part
    except ConnectionResetError:
        pass
    return said


def test_heads_that_never_end_are_given_up(site: Site, tablet: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.connections.HEAD_S", SOON_S)
    with connections(site, 100, HEAD) as slow:
        works(tablet)
        for one in slow:
            one.sendall(b"X-More: 1\r\n")
        assert {heard(one).split(b"\r\n")[0] for one in slow} == {b"HTTP/1.1 408 Request Timeout"}


def test_a_connection_that_says_nothing_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.connections.HEAD_S", SOON_S)
    with connections(site, 1, b"") as [silent]:
        assert heard(silent).startswith(b"HTTP/1.1 408")


def test_bodies_that_come_slowly_take_no_turn_from_others(site: Site, tablet: httpx.Client) -> None:
    with connections(site, 3 * ALONE_MAX, SLOW_FORM):
        works(tablet)
        assert tablet.post("/signin", data={"person": "ADA", "pin": ""}).status_code < 500


def test_a_body_that_never_ends_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.connections.BODY_S", SOON_S)
    with connections(site, 1, SLOW_FORM) as [slow]:
        assert heard(slow) == b""


@pytest.mark.parametrize("sent", [b"X-Long: " + b"x" * 200_000, b"X-Many: 1\r\n" * 20_000], ids=["long", "many"])
def test_a_head_without_end_is_not_read_on(site: Site, sent: bytes) -> None:
    with connections(site, 1, HEAD) as [endless]:
        try:
            endless.sendall(sent)
        except (BrokenPipeError, ConnectionResetError):
            return
        assert heard(endless)[:12] in (b"HTTP/1.1 431", b"")


def test_one_more_than_there_may_be_takes_the_place_of_an_idle_one(
    site: Site, tablet: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.connections.CONNECTIONS_MAX", 20)
    with connections(site, 40, b"") as idle:
        with site.client(None) as newcomer:
            assert newcomer.get("/signin").status_code == 200
        idle[0].settimeout(1)
        assert heard(idle[0]) == b""
    works(tablet)


def test_a_flood_of_sockets_of_nobody_is_turned_away(site: Site, tablet: httpx.Client) -> None:
    address = f"{site.address.replace('http', 'ws', 1)}{LIVE_PATH}?r=nothing"

    def closed_with(_: int) -> int:
        with connect(address, proxy=None) as ours:
            try:
                ours.recv(timeout=20)
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 0
        return -1

    with ThreadPoolExecutor(20) as crowd:
        codes = crowd.map(closed_with, range(150))
        works(tablet)
        assert set(codes) == {4401}


def test_a_storm_of_guesses_is_refused_and_who_works_goes_on(site: Site, tablet: httpx.Client) -> None:
    def guess(number: int) -> int:
        with site.client(None) as stranger:
            return stranger.post("/signin", data={"person": f"X-{number}", "pin": "000000"}).status_code

    with ThreadPoolExecutor(20) as crowd:
        answers = crowd.map(guess, range(60))
        for _ in range(5):
            works(tablet)
            time.sleep(0.05)
        assert set(answers) <= {401, 403, 422, 429}
