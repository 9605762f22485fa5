"""What supervisors do over HTTP: what is left out stays, versions guard, bodies are bounded."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mes.access.types import Role
from mes.kernel.db import Database
from tests.web.cast import Member, as_, hire_cast

ORDER = {"id": "PO-1", "material_id": "BOARD", "quantity": "50", "due_at": "2026-03-03T08:00:00Z"}
URL = "/api/v1/operations-requests"
WHY = "customer called"


@pytest.fixture
def cast(plant: Database) -> dict[Role, Member]:
    return hire_cast(plant)


@pytest.fixture
async def sven(http: httpx.AsyncClient, cast: dict[Role, Member]) -> dict[str, str]:
    """An order of the ERP's is here, and the headers of a supervisor."""
    body = {**ORDER, "under_percent": "2.5"}
    made = await http.post(URL, json=body, headers=as_(cast[Role.integration]))
    assert made.status_code == 201
    return as_(cast[Role.supervisor])


async def order(http: httpx.AsyncClient, sven: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get(f"{URL}/PO-1", headers=sven)).json()
    return found


async def test_what_is_left_out_of_a_change_stays(http: httpx.AsyncClient, sven: dict[str, str]) -> None:
    change = {"operations_request_id": "PO-1", "reason": WHY}
    done = await http.post(f"{URL}/change", json={**change, "revision": 1, "priority": 80}, headers=sven)
    assert done.status_code == 204
    seen = await order(http, sven)
    assert (seen["priority"], seen["due_at"], seen["revision"]) == (80, "2026-03-03T08:00:00Z", 2)
    assert (seen["under_percent"], seen["over_percent"]) == ("2.5", None)
    await http.post(f"{URL}/change", json={**change, "revision": 2, "due_at": None}, headers=sven)
    seen = await order(http, sven)
    assert (seen["priority"], seen["due_at"]) == (80, None)
    stale = await http.post(f"{URL}/change", json={**change, "revision": 2, "priority": 1}, headers=sven)
    assert (stale.status_code, stale.json()["code"]) == (409, "order-version-conflict")


async def test_parts_are_answered_by_their_ids(http: httpx.AsyncClient, sven: dict[str, str]) -> None:
    split = {"job_id": "PO-1-LINE", "version": 1, "quantity": "16", "reason": WHY}
    made = await http.post("/api/v1/job-orders/split", json=split, headers=sven)
    assert made.json() == {"job_order_ids": ["PO-1-LINE.2"]}
    jobs = {job["id"]: job for job in (await order(http, sven))["job_orders"]}
    assert (jobs["PO-1-LINE"]["quantity"], jobs["PO-1-LINE.2"]["role"]) == ("40", "part")
    again = await http.post("/api/v1/job-orders/split", json=split, headers=sven)
    assert (again.status_code, again.json()["code"]) == (409, "job-version-conflict")


async def test_the_dispatch_list_has_its_jobs_and_why_one_is_held(
    http: httpx.AsyncClient, sven: dict[str, str]
) -> None:
    hold = {"job_id": "PO-1-BENCH", "version": 1, "reason": WHY}
    assert (await http.post("/api/v1/job-orders/hold", json=hold, headers=sven)).status_code == 204
    (bench,) = (await http.get("/api/v1/dispatch-lists/BENCHES", headers=sven)).json()
    (job,) = bench["waiting"]
    assert (job["id"], job["dispatch_status"], job["hold_reason"], job["setup_family"]) == (
        "PO-1-BENCH",
        "Held",
        WHY,
        "WM-BENCH",
    )
    assert bench["suggested"] == ["PO-1-BENCH"]
    unknown = await http.get("/api/v1/dispatch-lists/NOWHERE", headers=sven)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "equipment-not-found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("job-orders/hold", {"job_id": "PO-1-LINE", "version": 1, "reason": ""}),
        ("job-orders/hold", {"job_id": "PO-1-LINE", "version": 1, "reason": "x" * 501}),
        ("job-orders/hold", {"job_id": "PO-1-LINE", "version": -1, "reason": WHY}),
        ("job-orders/split", {"job_id": "PO-1-LINE", "version": 1, "quantity": "NaN", "reason": WHY}),
        ("job-orders/split", {"job_id": "PO-1-LINE", "version": 1, "quantity": "-1", "reason": WHY}),
        ("job-orders/merge", {"into": "a", "versions": {}, "reason": WHY}),
        ("job-orders/merge", {"into": "a", "versions": {str(n): 1 for n in range(201)}, "reason": WHY}),
        ("job-orders/corrections", {"job_id": "a", "lines": [], "reason": WHY, "request_id": "r-0000001"}),
        (
            "job-orders/corrections",
            {"job_id": "a", "lines": [{"kind": "rework", "quantity": "1"}], "reason": WHY, "request_id": "r-0000001"},
        ),
        (
            "operations-requests/change",
            {"operations_request_id": "PO-1", "revision": 1, "priority": 101, "reason": WHY},
        ),
        ("job-orders/complete", {"job_id": "PO-1-LINE", "version": 1, "remainder": "lost"}),
    ],
)
async def test_what_is_out_of_bounds_is_refused(
    http: httpx.AsyncClient, sven: dict[str, str], path: str, body: dict[str, Any]
) -> None:
    answer = await http.post(f"/api/v1/{path}", json=body, headers=sven)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
