"""The composition root: what every answer has, whatever route made it."""

from __future__ import annotations

import ast
import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

import web
from mes.kernel.errors import Conflict, FieldError, Unavailable
from web.caretaker import tick
from web.fair_share import ALONE_MAX
from web.main import create_app
from web.problems import ErrorBoundary
from web.server import LOG_FORMAT, OneLine
from web.settings import Settings
from web.system.prose import read_prose


class Planted(Conflict):
    code = "planted"
    title = "Planted"
    next_step = "Nothing."


async def _refuse() -> None:
    raise Planted("It was planted.", errors=[FieldError("a.b", "no", "bad")], extra_number=7)


async def _weather() -> None:
    raise Unavailable("It rains.", code="rain", retry_after_s=9)


async def _bug() -> None:
    raise RuntimeError("a secret")


@pytest.fixture
def app(data_dir: Path) -> FastAPI:
    app = create_app(Settings(data_dir=data_dir, allowed_hosts="testserver"))
    for prefix in ("/api/planted", "/planted"):
        app.get(f"{prefix}/refusal")(_refuse)
        app.get(f"{prefix}/weather")(_weather)
        app.get(f"{prefix}/bug")(_bug)
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            yield client


async def test_it_is_alive_and_ready(client: httpx.AsyncClient) -> None:
    for path, status in (("/healthz", "alive"), ("/readyz", "ready")):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.json()["status"] == status


async def test_nobody_is_told_what_is_asked(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/security.md: no telemetry, whatever the machine has set up for FastAPI to send it to."""
    looked: list[str] = []
    for where in ("trace.get_tracer_provider", "metrics.get_meter_provider", "_logs.get_logger_provider"):
        monkeypatch.setattr(f"opentelemetry.{where}", lambda where=where: looked.append(where))
    assert (await client.get("/healthz")).status_code == 200
    assert looked == []


def test_every_application_that_is_shipped_tells_nobody() -> None:
    made = {
        path: [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        for path in Path(web.__file__).parent.rglob("*.py")
    }
    applications = [
        (path.name, {word.arg for word in call.keywords})
        for path, calls in made.items()
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in ("FastAPI", "Api")
    ]
    assert len(applications) >= 2
    assert [name for name, words in applications if "telemetry" not in words] == []


async def test_what_one_plant_has_aside_leaves_room(client: httpx.AsyncClient) -> None:
    """Twice as many files being read as one plant may have at work, and a plant is opened all the same."""
    assert client is not None
    over = threading.Event()
    try:
        waiting = [asyncio.create_task(asyncio.to_thread(over.wait)) for _ in range(2 * ALONE_MAX)]
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(int, "7") == 7
    finally:
        over.set()
    await asyncio.gather(*waiting)


async def test_a_refusal_is_problem_json_for_programs(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/planted/refusal")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/problems/planted",
        "title": "Planted",
        "status": 409,
        "code": "planted",
        "detail": "It was planted.",
        "next_step": "Nothing.",
        "errors": [{"where": "a.b", "message": "no", "code": "bad"}],
        "extra_number": 7,
    }


async def test_a_refusal_is_a_page_or_a_partial_for_people(client: httpx.AsyncClient) -> None:
    page = await client.get("/planted/refusal")
    assert page.status_code == 409
    assert "<!doctype html>" in page.text
    assert "It was planted." in page.text
    partial = await client.get("/planted/refusal", headers={"HX-Request": "true"})
    assert partial.status_code == 409
    assert "<!doctype html>" not in partial.text
    assert 'role="alert"' in partial.text


async def test_weather_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/planted/weather")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (503, "9", "rain")


@pytest.mark.parametrize("path", ["/api/planted/bug", "/planted/bug"])
async def test_a_bug_says_nothing_but_its_reference(
    client: httpx.AsyncClient, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get(path, headers={"X-Correlation-Id": "ABC-123"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "ABC-123" in answer.text
    assert answer.headers["x-correlation-id"] == "ABC-123"
    assert "content-security-policy" in answer.headers
    assert any("ABC-123" in record.getMessage() for record in caplog.records)


async def test_every_answer_has_a_correlation_id_and_a_strange_one_is_not_echoed(client: httpx.AsyncClient) -> None:
    assert len((await client.get("/healthz")).headers["x-correlation-id"]) == 8
    strange = await client.get("/healthz", headers={"X-Correlation-Id": "<script>"})
    assert "<" not in strange.headers["x-correlation-id"]


async def test_what_is_not_there_and_what_is_not_valid(client: httpx.AsyncClient) -> None:
    missing = await client.get("/api/v1/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")
    wrong_method = await client.delete("/api/v1/operations-requests")
    assert (wrong_method.status_code, wrong_method.json()["code"]) == (405, "method-not-allowed")
    assert (await client.get("/nothing")).status_code == 404


async def test_nobody_signed_in_is_sent_to_the_sign_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/board")
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=/board")
    partial = await client.get("/board/board-orders", headers={"HX-Request": "true"})
    assert (partial.status_code, partial.headers["hx-redirect"]) == (401, "/signin")


async def test_problem_pages_explain_codes(client: httpx.AsyncClient) -> None:
    page = await client.get("/problems/internal-error")
    assert page.status_code == 200
    assert "<h1>Something broke here</h1>" in page.text
    assert (await client.get("/problems/no-such-thing-at-all")).status_code == 404
    assert (await client.get("/problems/..%2f..%2fREADME")).status_code == 404


async def test_assets_are_kept_for_ever_when_their_address_says_the_version(client: httpx.AsyncClient) -> None:
    kept = await client.get("/static/app.css?v=abc")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await client.get("/static/app.css")).headers["cache-control"] == "no-cache"


async def test_the_description_of_the_api_is_openapi_3_1_and_complete(client: httpx.AsyncClient) -> None:
    described = (await client.get("/api/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    assert "/api/v1/operations-requests" in described["paths"]
    elsewhere = {path for path in described["paths"] if not path.startswith("/api/") and "planted" not in path}
    assert elsewhere == {"/b2mml"}


async def test_other_hosts_are_not_served(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz", headers={"Host": "evil.example"})).status_code == 400


async def test_one_failing_tick_does_not_stop_the_others(
    client: httpx.AsyncClient, app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def fails(uow: object) -> None:
        raise RuntimeError("planted")

    def works(uow: object) -> None:
        done.append("yes")

    await tick(app.state.plants.default, (fails, works))
    assert done == ["yes"]
    assert "fails failed in plant default" in caplog.text


async def test_a_bug_after_the_answer_began_is_not_answered_twice() -> None:
    sent: list[str] = []

    async def half(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        raise RuntimeError("planted")

    async def send(message: dict[str, object]) -> None:
        sent.append(str(message["type"]))

    with pytest.raises(RuntimeError, match="planted"):
        await ErrorBoundary(half)(  # type: ignore[arg-type]
            {"type": "http", "method": "GET", "path": "/x"},
            asyncio.Event().wait,
            send,  # type: ignore[arg-type]
        )
    assert sent == ["http.response.start"]


@pytest.mark.parametrize(
    "unsafe",
    [
        {"allowed_hosts": "*"},
        {"allowed_hosts": ""},
        {"trust_proxy": "*"},
        {"database_url": "mysql://x"},
        {"port": 70_000},
        {"no_such_setting": 1},
    ],
)
def test_unsafe_or_unknown_settings_refuse_to_start(unsafe: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings(**unsafe)  # type: ignore[arg-type]


def test_development_may_be_unsafe() -> None:
    assert Settings(environment="development", allowed_hosts="*").hosts == ("*",)


def test_prose_reads_what_problem_pages_are_written_in() -> None:
    prose = read_prose(
        "# Title\n\n`code`, **bold** text\nover two lines\n\n## More\n\n- one\n- two `x`\n\n```\nraw *text*\n```\n"
    )
    assert prose.title == "Title"
    assert [block.kind for block in prose.blocks] == ["paragraph", "heading", "list", "code"]
    assert [(span.text, span.mark) for span in prose.blocks[0].lines[0]] == [
        ("code", "code"),
        (", ", ""),
        ("bold", "strong"),
        (" text over two lines", ""),
    ]
    assert prose.blocks[3].lines[0][0].text == "raw *text*"


def test_a_line_of_the_log_is_one_line_in_utc() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "%s\n%s", ("a\r\x1b[31m", "2026 INFO forged"), None)
    record.plant, record.created, record.msecs = "-", 0.0, 7.0
    line = OneLine(LOG_FORMAT).format(record)
    assert line == r"1970-01-01T00:00:00.007Z INFO [-] x: a\r\x1b[31m\n2026 INFO forged"


def test_no_line_of_a_traceback_looks_like_one_of_the_log() -> None:
    error = ValueError("a\r\x1b[31m\n2026 INFO forged")
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "it broke", (), (ValueError, error, None))
    record.plant, record.created, record.msecs = "-", 0.0, 7.0
    first, *more = OneLine(LOG_FORMAT).format(record).split("\n")
    assert first == "1970-01-01T00:00:00.007Z ERROR [-] x: it broke"
    assert more == [r"  ValueError: a\r\x1b[31m", "  2026 INFO forged"]
