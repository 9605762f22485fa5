"""What stands before every route, seen from outside it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import Body, FastAPI, Request, Response, WebSocket
from starlette.types import ASGIApp

from tests.web.asgi_socket import SocketClosed, open_socket
from web.security import (
    CONTENT_SECURITY_POLICY,
    SECURITY_HEADERS,
    BodyLimit,
    is_same_origin,
    security_middleware,
)

LIMIT = 1_000
INGEST_LIMIT = 4_000


def application(hosts: tuple[str, ...] = (), trusted_origins: tuple[str, ...] = ()) -> FastAPI:
    app = FastAPI(
        middleware=security_middleware(
            hosts=hosts, body_limit=LIMIT, body_limits={"/api/ingest": INGEST_LIMIT}, trusted_origins=trusted_origins
        )
    )

    @app.get("/page")
    async def page() -> str:
        return "page"

    @app.get("/own-policy")
    async def own_policy() -> Response:
        return Response("x", headers={"content-security-policy": "camera"})

    @app.post("/form")
    @app.post("/api/ingest")
    async def length(request: Request) -> int:
        return len(await request.body())

    @app.post("/json")
    async def parsed(value: dict[str, str] = Body()) -> int:
        return len(value)

    @app.get("/api/things")
    async def things() -> list[int]:
        return []

    @app.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json("open")
        async for _ in websocket.iter_text():
            pass

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application()) as client:
        yield client


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mes.test")  # type: ignore[arg-type]


# --- headers


@pytest.mark.parametrize("path", ["/page", "/api/things", "/nothing-here"])
async def test_every_answer_has_the_headers(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == dict(SECURITY_HEADERS)
    assert answer.headers.get("cache-control") == "no-store"
    assert "strict-transport-security" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_who_came_by_https_is_told_to_stay_there() -> None:
    async with client_of(application()) as client:
        answer = await client.get("https://mes.test/page")
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


async def test_refusals_have_them_too(client: httpx.AsyncClient) -> None:
    for answer in (
        await client.post("/form", content=b"x" * (LIMIT + 1)),
        await client.post("/form", headers={"sec-fetch-site": "cross-site"}),
    ):
        assert answer.is_client_error
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


async def test_a_route_may_say_otherwise(client: httpx.AsyncClient) -> None:
    answer = await client.get("/own-policy")
    assert answer.headers.get_list("content-security-policy") == ["camera"]


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    directives = dict(part.strip().split(" ", 1) for part in CONTENT_SECURITY_POLICY.split(";"))
    assert directives.pop("img-src") == "'self' data:"
    assert directives.pop("default-src") == "'none'"
    assert {directives.pop(name) for name in ("frame-ancestors", "base-uri")} == {"'none'"}
    assert set(directives.values()) == {"'self'"}
    assert "script-src" in directives


# --- same origin

HOST = {"host": "mes.test:8080"}


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),  # no browser
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://mes.test:8080"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "http://evil.test"}, True),  # the browser knows better
        ({"origin": "http://mes.test:8080"}, True),
        ({"origin": "http://mes.test"}, False),
        ({"origin": "http://evil.test:8080"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "http://evil.test", "authorization": "Bearer lst_default_x"}, True),
        ({"origin": "http://evil.test", "authorization": "Basic x"}, False),
    ],
)
async def test_unsafe_requests(client: httpx.AsyncClient, headers: dict[str, str], allowed: bool) -> None:
    answer = await client.post("/form", headers={**HOST, **headers})
    assert (answer.status_code, answer.json() if not allowed else {}) == (
        (200, {}) if allowed else (403, answer.json() | {"code": "cross-site-request"})
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_every_other_method_is_unsafe(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/form", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


async def test_links_from_elsewhere_work(client: httpx.AsyncClient) -> None:
    assert (await client.get("/page", headers={"sec-fetch-site": "cross-site"})).status_code == 200


async def test_trusted_origins() -> None:
    async with client_of(application(trusted_origins=("https://intranet.test/",))) as client:
        for origin, expected in (("https://intranet.test", 200), ("https://intranet.test.evil.test", 403)):
            answer = await client.post("/form", headers={"origin": origin, "sec-fetch-site": "cross-site"})
            assert answer.status_code == expected


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://mes.lan", "mes.lan", True),
        ("https://mes.lan", "mes.lan:443", True),
        ("https://mes.lan:443", "mes.lan", True),
        ("http://mes.lan", "mes.lan:443", False),
        ("http://MES.lan", "mes.LAN", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://mes.lan@evil.test", "mes.lan", False),
        ("http://mes.lan/path", "mes.lan", False),
        ("ftp://mes.lan", "mes.lan", False),
        ("http://mes.lan:port", "mes.lan:port", False),
        ("http://[", "[", False),
        ("http://", "", False),
    ],
)
def test_same_origin(origin: str, host: str, same: bool) -> None:
    assert is_same_origin(origin, host) is same


@pytest.mark.parametrize(
    ("headers", "opens"),
    [
        ({}, True),
        ({"origin": "http://mes.test"}, True),
        ({"origin": "http://evil.test"}, False),
        ({"origin": "http://mes.test", "sec-fetch-site": "cross-site"}, False),
    ],
)
async def test_live_sockets(headers: dict[str, str], opens: bool) -> None:
    async with open_socket(application(), "/live", headers) as socket:
        if opens:
            assert await socket.receive_json() == "open"
        else:
            with pytest.raises(SocketClosed) as end:
                await socket.receive_json()
            assert (end.value.code, end.value.accepted) == (4403, True)


# --- hosts


@pytest.mark.parametrize(
    ("host", "status"),
    [("mes.lan", 200), ("MES.lan:8080", 200), ("[::1]:8080", 200), ("evil.test", 400), ("", 400), ("[", 400)],
)
async def test_hosts(host: str, status: int) -> None:
    async with client_of(application(hosts=("mes.lan", "[::1]"))) as client:
        answer = await client.get("/page", headers={"host": host})
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["code"] == "host-not-allowed"


async def test_a_star_is_every_host() -> None:
    async with client_of(application(hosts=("*",))) as client:
        assert (await client.get("/page", headers={"host": "anything"})).status_code == 200


# --- bodies


async def stream(size: int) -> AsyncIterator[bytes]:
    """A body without a declared length."""
    for _ in range(size // 100):
        yield b"x" * 100


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/form", LIMIT, 200),
        ("/form", LIMIT + 100, 413),
        ("/json", LIMIT + 100, 413),
        ("/api/ingest", LIMIT + 100, 200),
        ("/api/ingest", INGEST_LIMIT, 200),
        ("/api/ingest", INGEST_LIMIT + 100, 413),
    ],
)
async def test_body_limits(client: httpx.AsyncClient, path: str, size: int, status: int, declared: bool) -> None:
    content = b"x" * size if declared else stream(size)
    answer = await client.post(path, content=content)
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["code"] == "body-too-large"
        assert answer.headers["content-type"] == "application/problem+json"
    else:
        assert answer.json() == size


@pytest.mark.parametrize("length", ["-1", "1e3", "ten", "١٢"])
async def test_a_length_that_is_none(length: str) -> None:
    answered = []

    async def send(message: dict[str, object]) -> None:
        answered.append(message)

    async def never(*_: object) -> dict[str, object]:
        raise AssertionError("read on")

    headers = [(b"content-length", length.encode())]
    scope = {"type": "http", "method": "POST", "path": "/form", "headers": headers}
    await BodyLimit(never)(scope, never, send)  # type: ignore[arg-type]
    assert answered[0]["status"] == 413


async def test_an_answer_under_way_is_cut_off_not_mended() -> None:
    """The answer had begun when the body went over: nothing can be taken back, and nothing more is read."""
    read = 0

    async def receive() -> dict[str, object]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 600, "more_body": True}

    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def echo(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        while True:
            message = await receive()  # type: ignore[operator]
            await send({"type": "http.response.body", "body": message["body"], "more_body": True})  # type: ignore[operator]

    scope = {"type": "http", "method": "POST", "path": "/form", "headers": []}
    await BodyLimit(echo, limit=LIMIT)(scope, receive, send)  # type: ignore[arg-type]
    assert read == 2
    assert [message.get("status") for message in sent] == [200, None]
