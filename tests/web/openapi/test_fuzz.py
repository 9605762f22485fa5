"""schemathesis, a judge from outside, asks every operation of the API what its description allows and what it does not.

No answer may be a 5xx, and each must be one that the description declares: status, media type, body and problem code.
`make test` asks little with a fixed seed, `make test-fuzz` much with a new one (LINESIDE_FUZZ examples an operation).
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote, urlencode

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mes.access.door import SESSION_COOKIE
from mes.access.door.routing import REFUSALS_KEY
from mes.access.types import Role
from mes.kernel.plants import Plants
from mes.migrations.upgrade import upgrade
from tests.conftest import SettableClock
from tests.fuzz.damage import NONSENSE
from tests.web.authorisation_table import ROWS, Row
from tests.web.stage import Stage, set_stage
from web.main import create_app
from web.openapi import EVERY
from web.settings import Settings

pytestmark = pytest.mark.xdist_group("openapi")
EXAMPLES = int(os.environ.get("LINESIDE_FUZZ", "1"))
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SHORT = {"wait_s": 0, "for_s": 0.01}
"""Answers that are held open are not waited for."""
PROFILE = settings(
    max_examples=EXAMPLES,
    derandomize="LINESIDE_FUZZ" not in os.environ,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Fuzz:
    """The API with a caller of every role, on a loop of its own."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.loop = asyncio.new_event_loop()
        transport = httpx.ASGITransport(stage.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://mes.test")
        self.rows = {(row.method, row.path.replace(":path", "")): row for row in ROWS}

    def close(self) -> None:
        self.loop.run_until_complete(self.client.aclose())
        self.loop.close()

    def ask(self, case: Any) -> None:
        row = self.rows[case.method.upper(), case.path]
        role = Role.administrator if Role.administrator in (row.allowed or ()) else min(row.allowed or ())
        case.headers = {**(case.headers or {}), **self.stage.cast[role].headers(row.path)}
        taken = {parameter["name"] for parameter in case.operation.definition.raw.get("parameters", ())}
        case.query = {**(case.query or {}), **{name: value for name, value in SHORT.items() if name in taken}}
        wanted = case.as_transport_kwargs(base_url="http://mes.test")
        wanted.pop("cookies", None)
        request = httpx.Request(**_as_httpx(wanted))
        answer = self.loop.run_until_complete(self.client.send(request))
        case.validate_response(answer, checks=CHECKS)
        if answer.headers.get("content-type") == "application/problem+json":
            declared = {*case.operation.definition.raw[REFUSALS_KEY], *EVERY}
            assert answer.json()["code"] in declared, f"{case.operation.label}: {answer.text}"


PLACES = ("/signin", "/signin/badge", "/signout")
FIELDS = ("person", "pin", "station", "next", "by", "code", "badge")
said = st.sampled_from([*NONSENSE, "ada", "BENCH", "password", "https://other.example/", "//other.example", "/board"])
forms = st.dictionaries(st.sampled_from(FIELDS), st.lists(said | st.text(max_size=20), min_size=1, max_size=2))
header = st.binary(max_size=60).map(lambda data: data.translate(None, b"\0\r\n"))
cookies = header | st.tuples(st.sampled_from([SESSION_COOKIE, "language", "device"]), header).map(
    lambda pair: pair[0].encode() + b"=" + pair[1]
)


@settings(PROFILE, max_examples=max(EXAMPLES, 8))
@given(
    place=st.sampled_from(PLACES),
    form=forms.map(lambda fields: urlencode(fields, doseq=True, errors="replace").encode()) | st.binary(max_size=60),
    kind=st.sampled_from(
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "\xff"]
    ),
    cookie=cookies,
)
def test_any_form_and_cookie_open_no_session(fuzz: Fuzz, place: str, form: bytes, kind: str, cookie: bytes) -> None:
    headers = [(b"content-type", kind.encode("latin-1")), (b"cookie", cookie), (b"sec-fetch-site", b"same-origin")]
    for request in (
        httpx.Request("POST", f"http://mes.test{place}", content=form, headers=headers),
        httpx.Request("GET", f"http://mes.test/signin?{quote(form, safe='=&+')}", headers=headers[1:]),
    ):
        answer = fuzz.loop.run_until_complete(fuzz.client.send(request))
        assert answer.status_code < 500, (request, answer.text)
        assert not answer.cookies.get(SESSION_COOKIE)
        assert "other.example" not in answer.headers.get("location", "")


def _as_httpx(wanted: dict[str, Any]) -> dict[str, Any]:
    names = ("method", "url", "params", "headers", "json", "data", "content", "files")
    told = {name: wanted[name] for name in names if wanted.get(name) is not None}
    if "data" in told and isinstance(told["data"], (bytes, str)):
        told["content"] = told.pop("data")
    return told


def _places(row: Row, stage: Stage) -> dict[str, str]:
    """The path of a request that finds something."""
    pattern = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+)", row.path)
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
    found = re.fullmatch(pattern, row.sample(stage).url.partition("?")[0])
    assert found is not None, row.path
    return {name: unquote(value) for name, value in found.groupdict().items()}


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzz]:
    folder = tmp_path_factory.mktemp("fuzz")
    app = create_app(Settings(data_dir=folder, environment="development", allowed_hosts="*"))
    plants = Plants(data_dir=folder, migrate=upgrade, clock=SettableClock())
    fuzz = Fuzz(set_stage(app, plants))
    yield fuzz
    fuzz.close()
    plants.close()


def test_every_operation_answers_as_described(fuzz: Fuzz, document: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(document)
    asked, faults = 0, []
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in MODES:
            try:
                _ask_often(fuzz, operation, mode)
            except Exception as fault:
                faults.append(f"{operation.label} {mode.value}: {fault}")
        asked += 1
    assert asked > 150
    assert faults == [], "\n\n".join(faults)


def _ask_often(fuzz: Fuzz, operation: Any, mode: schemathesis.GenerationMode) -> None:
    row = fuzz.rows[operation.method.upper(), operation.path]
    turns = iter(range(1_000_000))

    @PROFILE
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if next(turns) % 2 == 0 and case.path_parameters:
            case.path_parameters = _places(row, fuzz.stage)
        fuzz.ask(case)

    ask()
