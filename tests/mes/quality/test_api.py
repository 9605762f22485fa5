"""Results over HTTP: numbers stay exact, rows are refused one by one, bodies are bounded."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mes.access.types import Role
from mes.kernel.db import Database
from tests.mes.quality.test_service import result, take
from tests.web.cast import Member, as_, hire_cast

pytestmark = pytest.mark.usefixtures("codes")
RESULT = {
    "result_id": "R1",
    "unit_id": "SN-1",
    "equipment_id": "BENCH",
    "outcome": "failed",
    "at": "2026-03-02T08:00:00Z",
    "measurements": [{"name": "U1", "value": 3.3, "unit": "V", "low": "3.4"}],
    "defects": [{"code": "MISSING", "position": "C4"}],
}


@pytest.fixture
def cast(plant: Database) -> dict[Role, Member]:
    return hire_cast(plant)


async def send(http: httpx.AsyncClient, who: Member, *results: dict[str, Any]) -> httpx.Response:
    return await http.post("/api/v1/test-results", json={"results": list(results)}, headers=as_(who))


async def test_a_result_comes_back_as_it_was_told(http: httpx.AsyncClient, cast: dict[Role, Member]) -> None:
    tester, ada = cast[Role.integration], cast[Role.operator]
    answer = await send(http, tester, RESULT)
    assert answer.json() == {"recorded": 1, "known": 0, "refused": []}
    (found,) = (await http.get("/api/v1/units/SN-1/results", headers=as_(ada))).json()["items"]
    assert (found["source"], found["verdict"], found["at"]) == ("BENCH", "failed", "2026-03-02T08:00:00Z")
    assert found["measurements"] == [
        {"name": "U1", "value": "3.3", "unit": "V", "low": "3.4", "high": "", "verdict": "failed"}
    ]
    assert [(d["code"], d["position"]) for d in found["defects"]] == [("MISSING", "C4")]
    page = (await http.get("/api/v1/test-results?verdict=failed&unit_id=SN-1", headers=as_(ada))).json()
    assert page == {"items": [found], "next_cursor": None}


async def test_a_bad_row_is_told_and_keeps_out_no_other(http: httpx.AsyncClient, cast: dict[Role, Member]) -> None:
    other = {**RESULT, "result_id": "R2", "equipment_id": "NOWHERE"}
    answer = (await send(http, cast[Role.bridge], other, RESULT)).json()
    assert (answer["recorded"], answer["refused"][0]["row"], answer["refused"][0]["code"]) == (
        1,
        0,
        "equipment-not-found",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit_id": "SN 1"},
        {"at": "2026-03-02T08:00:00"},
        {"outcome": "good"},
        {"surprise": 1},
        {"note": "x" * 501},
        {"program": "a\u0000b"},
        {"measurements": [{"name": "U", "value": 0.1234567890123456}]},
        {"defects": [{"code": "MISSING", "position": "x" * 101}]},
    ],
)
async def test_bad_input_says_where(
    http: httpx.AsyncClient, cast: dict[Role, Member], wrong: dict[str, object]
) -> None:
    answer = await send(http, cast[Role.integration], {**RESULT, **wrong})
    assert answer.status_code == 422
    assert next(iter(wrong)) in answer.text


async def test_yields_are_exact_texts(
    http: httpx.AsyncClient, cast: dict[Role, Member], plant: Database, bench_runs: str
) -> None:
    take(plant, *(result(plant, n, unit_id=f"SN-{n}") for n in range(3)))
    answer = await http.get(f"/api/v1/yields/job-orders/{bench_runs}", headers=as_(cast[Role.operator]))
    (step,) = answer.json()["steps"]
    assert (step["units"], step["first_pass_yield"], step["final_yield_low"]) == (3, "1.0000", "1.0000")


async def test_what_a_step_asks_is_said_with_a_version(http: httpx.AsyncClient, cast: dict[Role, Member]) -> None:
    url, who = "/api/v1/quality-requirements/WM-BENCH", as_(cast[Role.engineer])
    assert (await http.get(url, headers=who)).json()["code"] == "quality-requirement-not-found"
    first = await http.put(url, json={"unit_check": "passed", "version": 0}, headers=who)
    assert (first.status_code, first.json()["version"], first.headers["etag"]) == (200, 1, '"1"')
    again = await http.put(url, json={"unit_check": "nothing", "version": 0}, headers=who)
    assert (again.status_code, again.json()["code"]) == (409, "version-conflict")
    unknown = await http.put(
        "/api/v1/quality-requirements/NO", json={"unit_check": "passed", "version": 0}, headers=who
    )
    assert unknown.json()["code"] == "work-master-not-found"
