"""The ERP's and the bridge's door over HTTP: same answers, clear refusals, bounded bodies."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from mes.access.types import Role
from mes.kernel.db import Database
from tests.support.plants import BRIDGE, LINE, Box
from tests.web.cast import Member, as_, hire, hire_cast

ORDER = {"id": "PO-1", "material_id": "BOARD", "quantity": "50"}


@pytest.fixture
def cast(plant: Database) -> dict[Role, Member]:
    return hire_cast(plant)


class TestOrders:
    async def test_the_same_order_again_changes_nothing(
        self, http: httpx.AsyncClient, cast: dict[Role, Member]
    ) -> None:
        erp = as_(cast[Role.integration])
        first = await http.post("/api/v1/operations-requests", json=ORDER, headers=erp)
        again = await http.post("/api/v1/operations-requests", json=ORDER, headers=erp)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["job_order_ids"] == again.json()["job_order_ids"]

    async def test_other_content_is_a_409_with_a_code(self, http: httpx.AsyncClient, cast: dict[Role, Member]) -> None:
        erp = as_(cast[Role.integration])
        await http.post("/api/v1/operations-requests", json=ORDER, headers=erp)
        other = await http.post("/api/v1/operations-requests", json={**ORDER, "quantity": "51"}, headers=erp)
        assert (other.status_code, other.headers["content-type"]) == (409, "application/problem+json")
        assert other.json()["code"] == "operations-request-differs"
        assert other.json()["next_step"]

    async def test_an_idempotency_key_repeats_the_answer_itself(
        self, http: httpx.AsyncClient, cast: dict[Role, Member]
    ) -> None:
        erp = as_(cast[Role.integration], **{"Idempotency-Key": "k-1"})
        first = await http.post("/api/v1/operations-requests", json=ORDER, headers=erp)
        again = await http.post("/api/v1/operations-requests", json=ORDER, headers=erp)
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        other = await http.post("/api/v1/operations-requests", json={**ORDER, "id": "PO-2"}, headers=erp)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-reused")

    async def test_orders_posted_at_once_are_taken_or_refused_each_for_itself(
        self, http: httpx.AsyncClient, cast: dict[Role, Member]
    ) -> None:
        """Their routings are looked up together."""

        async def post(number: int) -> tuple[int, str]:
            material = {"material_id": "NOT-MADE"} if number % 3 == 0 else {}
            headers = as_(cast[Role.integration], **({"Idempotency-Key": f"k-{number}"} if number % 2 else {}))
            body = {**ORDER, "id": f"PO-{number}", **material}
            answer = await http.post("/api/v1/operations-requests", json=body, headers=headers)
            return answer.status_code, answer.json().get("code", "")

        found = await asyncio.gather(*map(post, range(12)))
        assert found == [(404, "operations-definition-not-found") if n % 3 == 0 else (201, "") for n in range(12)]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"quantity": "0"},
            {"quantity": "NaN"},
            {"quantity": "1.0000001"},
            {"id": ""},
            {"id": "a b"},
            {"due_at": "2026-12-01T14:00:00"},
            {"priority": 101},
            {"surprise": 1},
            {"description": "a\u0000b"},
        ],
    )
    async def test_bad_input_says_where(
        self, http: httpx.AsyncClient, cast: dict[Role, Member], wrong: dict[str, object]
    ) -> None:
        erp = as_(cast[Role.integration])
        answer = await http.post("/api/v1/operations-requests", json={**ORDER, **wrong}, headers=erp)
        assert answer.status_code == 422
        assert next(iter(wrong)) in json.dumps(answer.json()["errors"])

    async def test_listings_page_by_cursor(self, http: httpx.AsyncClient, cast: dict[Role, Member]) -> None:
        erp = as_(cast[Role.integration])
        for n in range(3):
            await http.post("/api/v1/operations-requests", json={**ORDER, "id": f"PO-{n}"}, headers=erp)
        seen, cursor = [], None
        while True:
            params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await http.get("/api/v1/operations-requests", params=params, headers=erp)).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == ["PO-0", "PO-1", "PO-2"]
        one = await http.get("/api/v1/operations-requests/PO-1", headers=erp)
        assert [job["quantity"] for job in one.json()["job_orders"]] == ["56", "50", "50"]


class TestBridge:
    @pytest.fixture
    def bridge(self, plant: Database) -> Member:
        return hire(plant, BRIDGE, Role.bridge)

    async def test_a_batch_is_taken_and_a_command_comes_back(
        self, http: httpx.AsyncClient, cast: dict[Role, Member], bridge: Member, box: Box
    ) -> None:
        items = [
            {"kind": "sample", "tag": f"{LINE}.State", "value": 4, "observed_at_us": box.at_us()},
            {"kind": "sample", "tag": f"{LINE}.Remote", "value": True, "observed_at_us": box.at_us()},
        ]
        batch = {"journal_id": "j", "first_seq": 1, "items": items}
        taken = await http.post("/api/v1/bridge/ingest", json=batch, headers=as_(bridge))
        assert taken.json() == {"accepted_through": 2, "duplicates": 0, "quarantined": 0}
        hole = await http.post("/api/v1/bridge/ingest", json={**batch, "first_seq": 5}, headers=as_(bridge))
        assert (hole.status_code, hole.json()["code"], hole.json()["expected_seq"]) == (409, "ingest-sequence-gap", 3)
        await http.post("/api/v1/operations-requests", json=ORDER, headers=as_(cast[Role.integration]))
        released = await http.post(
            "/api/v1/job-orders/release", json={"versions": {"PO-1-LINE": 1}}, headers=as_(cast[Role.supervisor])
        )
        assert released.status_code == 204
        (command,) = (await http.get("/api/v1/bridge/commands", headers=as_(bridge))).json()["commands"]
        assert (command["kind"], command["payload"]["job_order_id"]) == ("job", "PO-1-LINE")
        address = f"/api/v1/bridge/commands/{command['id']}/result"
        done = await http.post(address, json={"outcome": "done"}, headers=as_(bridge))
        assert done.status_code == 204
        assert (await http.get("/api/v1/bridge/commands", headers=as_(bridge))).json()["commands"] == []

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{",
            b'{"journal_id": "", "first_seq": 1, "items": []}',
            b'{"journal_id": "j", "first_seq": 0, "items": []}',
            b'{"journal_id": "j", "first_seq": 1, "items": [{"kind": "rumour"}]}',
            b"[" * 100_000,
        ],
    )
    async def test_what_is_no_batch_is_refused_whole(
        self, http: httpx.AsyncClient, bridge: Member, body: bytes
    ) -> None:
        answer = await http.post("/api/v1/bridge/ingest", content=body, headers=as_(bridge))
        assert (answer.status_code, answer.json()["code"]) == (400, "ingest-unreadable")
