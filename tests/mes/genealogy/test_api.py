"""Genealogy over REST: recorded by scans, asked as JSON, CSV and text; only a supervisor overrides."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mes.access.types import Role
from mes.genealogy.statements import load_lots
from mes.kernel.db import Database
from tests.support.plants import PRESS
from tests.web.cast import Member, hire

BASE = "/api/v1/genealogy"


@pytest.fixture
def ada(plant: Database) -> Member:
    return hire(plant, "ada", Role.operator)


async def send(http: httpx.AsyncClient, who: Member, path: str, status: int = 201, **body: Any) -> Any:
    answer = await http.post(f"{BASE}/{path}", json=body, headers=who.headers(BASE))
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_unit_is_made_and_told(http: httpx.AsyncClient, plant: Database, ada: Member) -> None:
    engineer, sven = hire(plant, "eve", Role.engineer), hire(plant, "sven", Role.supervisor)
    recorded = await send(
        http,
        engineer,
        "recordings",
        request_id="rec-1",
        lots=[{"id": "REEL", "material_id": "BOARD", "quantity": "100", "kind": "lot"}],
        acts=[{"kind": "mounted", "lot_id": "REEL", "at": "2026-03-02T07:00:00Z", "equipment_id": PRESS}],
        mounts=[{"act": 0, "slot_id": "F1", "lot_id": "REEL", "from_sequence": 1}],
    )
    assert recorded["acts"] == 1
    passed = {"lot_id": "SN-1", "equipment_id": PRESS, "material_id": "BOARD", "context": {"program": "P1"}}
    assert (await send(http, ada, "passes", request_id="p1", **passed)) == {"sequence": 1}
    headers = ada.headers(BASE)
    answer = (await http.get(f"{BASE}/lots/SN-1/made-of", headers=headers)).json()
    columns, rows = answer["links"]["columns"], answer["links"]["rows"]
    assert [dict(zip(columns, row, strict=True))["parent_id"] for row in rows] == ["REEL"]
    assert answer["truncated"] == ""
    csv = await http.get(f"{BASE}/lots/REEL/used-in?table=lots", headers={**headers, "accept": "text/csv"})
    assert csv.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[0] for line in csv.text.splitlines()] == ["lot_id", "REEL", "SN-1"]
    text = await http.get(f"{BASE}/lots/SN-1/as-built?format=text&table=acts", headers=headers)
    assert "P1" in text.text
    wrong = await http.get(f"{BASE}/lots/SN-1/as-built?format=csv&table=nothing", headers=headers)
    assert wrong.json()["code"] == "genealogy-invalid"
    assert (await send(http, sven, "recall/holds", 200, lot_ids=["REEL"], reason="paste")) == {"held": 2}
    refused = await send(http, ada, "scans", 409, request_id="s1", parent_id="SN-1", child_id="REEL")
    assert refused["code"] == "lot-on-hold"
    release = {"lot_ids": ["REEL"], "hold_reason": "paste", "reason": "measured"}
    assert (await send(http, ada, "recall/release", 403, **release))["code"] == "permission-missing"
    released = {"released": 2, "held_otherwise": {}, "not_held": 0, "closed": 0}
    assert await send(http, sven, "recall/release", 200, **release) == released


async def test_only_a_supervisor_overrides(http: httpx.AsyncClient, plant: Database, ada: Member) -> None:
    sven, engineer = hire(plant, "sven", Role.supervisor), hire(plant, "eve", Role.engineer)
    lots = [{"id": name, "material_id": "BOARD"} for name in ("A", "B")]
    await send(http, engineer, "recordings", request_id="rec-1", lots=lots)
    asked = {"request_id": "s1", "parent_id": "A", "child_id": "B", "quantity": "2", "override": {"reason": "agreed"}}
    assert (await send(http, ada, "scans", 403, **asked))["code"] == "permission-missing"
    act = (await send(http, sven, "scans", **asked))["act"]
    await send(http, sven, f"acts/{act}/reversal", request_id="x", reason="not agreed after all")
    links = (await http.get(f"{BASE}/lots/B/made-of", headers=ada.headers(BASE))).json()["links"]["rows"]
    assert links == []


async def test_an_engineer_records_the_past_but_does_not_override(http: httpx.AsyncClient, plant: Database) -> None:
    eve, adam = hire(plant, "eve", Role.engineer), hire(plant, "adam", Role.administrator)
    lots = [
        {"id": "REEL", "material_id": "BOARD", "quantity": "9", "kind": "lot"},
        {"id": "SN", "material_id": "BOARD"},
    ]
    await send(http, eve, "recordings", request_id="rec-1", lots=lots)
    await send(http, eve, "recall/holds", 200, lot_ids=["REEL"], reason="paste")
    asked = {
        "request_id": "rec-2",
        "acts": [{"kind": "consumed", "lot_id": "SN", "at": "2026-03-02T07:00:00Z"}],
        "links": [{"act": 0, "parent_id": "REEL", "child_id": "SN"}],
    }
    assert (await send(http, eve, "recordings", 409, **asked))["code"] == "lot-on-hold"
    override = {"reason": "it was built before the hold"}
    refused = await send(http, eve, "recordings", 403, **asked, override=override)
    assert refused["code"] == "permission-missing"
    assert (await send(http, adam, "recordings", **asked, override=override))["overridden"] == ["REEL"]


async def test_a_recording_sent_again_counts_once(http: httpx.AsyncClient, plant: Database) -> None:
    eve = hire(plant, "eve", Role.engineer)
    lots = [
        {"id": "REEL", "material_id": "BOARD", "quantity": "9", "kind": "lot"},
        {"id": "SN", "material_id": "BOARD"},
    ]
    await send(http, eve, "recordings", request_id="rec-1", lots=lots)
    acts = [{"kind": "consumed", "lot_id": "SN", "at": "2026-03-02T07:00:00Z"}]
    taken = {"request_id": "rec-2", "acts": acts, "links": [{"act": 0, "parent_id": "REEL", "child_id": "SN"}]}
    first = await send(http, eve, "recordings", **taken)
    assert await send(http, eve, "recordings", **taken) == first
    assert plant.read_now(load_lots, ids=["REEL"])["REEL"].used_e6 == 1_000_000
    other = await send(http, eve, "recordings", 409, **taken | {"links": []})
    assert other["code"] == "idempotency-key-reused"


NUL = "\x00"
SCAN = {"request_id": "s-1", "parent_id": "A", "child_id": "B"}
PASS = {"request_id": "p-1", "lot_id": "A", "equipment_id": PRESS}
REFUSED_IN_WORDS: list[tuple[str, dict[str, Any]]] = [
    ("scans", SCAN | {"request_id": f"s{NUL}1"}),
    ("scans", SCAN | {"material_id": NUL}),
    ("scans", SCAN | {"override": {"reason": NUL}}),
    ("passes", PASS | {"context": {"program": NUL}}),
    ("passes", PASS | {"context": {"parameters": {"speed": "x" * 1_001}}}),
    ("passes", PASS | {"context": {"parameters": {NUL: 1}}}),
    ("recall", {"program": NUL}),
    ("recall", {"from_lot_id": NUL, "to_lot_id": "Z"}),
    (f"acts/{10**30}/reversal", {"request_id": "r-1", "reason": "x"}),
    ("acts/0/reversal", {"request_id": "r-1", "reason": "x"}),
]


async def test_what_no_database_keeps_is_refused_in_words(http: httpx.AsyncClient, plant: Database) -> None:
    adam = hire(plant, "adam", Role.administrator)
    for path, body in REFUSED_IN_WORDS:
        answer = await http.post(f"{BASE}/{path}", json=body, headers=adam.headers(BASE))
        assert answer.status_code == 422, (path, body, answer.text)
    headers = adam.headers(BASE)
    for address in ("lots/%00/made-of", "difference?first_id=%00&second_id=A"):
        assert (await http.get(f"{BASE}/{address}", headers=headers)).status_code == 422
    receipt = {"request_id": "receipt-1", "material_id": "BOARD", "quantity": "1", "unit": "pcs"}
    for address, body in (("receipts/proposal", {"label": NUL}), ("receipts", receipt | {"supplier": NUL})):
        assert (await http.post(f"/api/v1/{address}", json=body, headers=headers)).status_code == 422
