"""The change feed: nothing skipped, nothing twice, with waiting and as a stream, whatever is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from mes.access.queries import list_tokens
from mes.access.service import revoke_token
from mes.access.types import Role
from mes.exchange.feed import following
from mes.kernel.db import Database
from mes.kernel.outbox import ARCHIVED, head_seq, move_cursor
from tests.mes.exchange.webhooks.test_service import happen
from tests.web.cast import Member, as_, hire_cast

EVENTS = "/api/v1/events"


@pytest.fixture
def iris(plant: Database) -> Member:
    return hire_cast(plant)[Role.integration]


async def read(http: httpx.AsyncClient, who: Member, **params: Any) -> dict[str, Any]:
    answer = await http.get(EVENTS, params=params, headers=as_(who))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_page_by_page_everything_comes_once(http: httpx.AsyncClient, iris: Member, plant: Database) -> None:
    start = plant.read_now(head_seq)
    happen(plant, *(f"job/{n}" for n in range(7)))
    seqs, after = [], start
    while items := (page := await read(http, iris, after=after, limit=3))["items"]:
        seqs += [item["seq"] for item in items]
        after = page["next_after"]
    assert seqs == list(range(start + 1, start + 8))
    (first,) = (await read(http, iris, after=start, limit=1))["items"]
    assert (first["type"], first["subject"], first["data"]) == ("orders.something.v1", "job/0", {"n": 1})


async def test_filters_go_on_behind_what_was_not_wanted(http: httpx.AsyncClient, iris: Member, plant: Database) -> None:
    start = plant.read_now(head_seq)
    happen(plant, "job/1", "job/2")
    happen(plant, "unit/1", event="quality.something.v1")
    happen(plant, "token/1", event="access.something.v1")
    page = await read(http, iris, after=start, types=["quality.*", "orders.other.v1"])
    assert [item["subject"] for item in page["items"]] == ["unit/1"]
    assert page["next_after"] == plant.read_now(head_seq)
    assert [i["subject"] for i in (await read(http, iris, after=start, subject="job/2"))["items"]] == ["job/2"]
    assert len((await read(http, iris, after=start))["items"]) == 3


async def test_waiting_ends_with_the_first_event_or_the_time(
    http: httpx.AsyncClient, iris: Member, plant: Database
) -> None:
    start = plant.read_now(head_seq)
    asked = asyncio.create_task(read(http, iris, after=start, types="orders.*", wait_s=20))
    await asyncio.sleep(0.2)
    await asyncio.to_thread(happen, plant, "unit/1", event="quality.something.v1")
    await asyncio.sleep(0.2)
    assert not asked.done()
    await asyncio.to_thread(happen, plant, "job/1")
    assert [item["subject"] for item in (await asked)["items"]] == ["job/1"]
    late = await read(http, iris, after=plant.read_now(head_seq), wait_s=0.1)
    assert late["items"] == []


async def test_a_stream_goes_on_where_the_reader_was(http: httpx.AsyncClient, iris: Member, plant: Database) -> None:
    start = plant.read_now(head_seq)
    happen(plant, "job/1", "job/2")
    url = f"{EVENTS}/stream?for_s=0.3"
    answer = await http.get(url, headers={**as_(iris), "Last-Event-ID": str(start + 1)})
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.splitlines() if line and not line.startswith(":")]
    assert [line for line in lines if line.startswith("id:")] == [f"id: {start + 2}"]
    assert "event: orders.something.v1" in lines
    assert '"subject":"job/2"' in answer.text


async def test_a_stream_ends_with_its_token(http: httpx.AsyncClient, iris: Member, plant: Database) -> None:
    stream = asyncio.create_task(http.get(f"{EVENTS}/stream?for_s=60", headers=as_(iris)))
    await asyncio.sleep(0.3)
    assert not stream.done()
    await plant.write(revoke_token, actor=None, token_id=_token_id(plant))
    async with asyncio.timeout(10):
        assert (await stream).status_code == 200


async def test_a_reader_before_what_was_archived_is_told_so(
    http: httpx.AsyncClient, iris: Member, plant: Database
) -> None:
    head = plant.read_now(head_seq)
    plant.write_now(move_cursor, actor=None, consumer=ARCHIVED, seq=head)
    for path in (EVENTS, f"{EVENTS}/stream"):
        refused = await http.get(path, params={"after": head - 1}, headers=as_(iris))
        told = refused.json()
        assert (refused.status_code, told["code"], told["archived_to"]) == (410, "events-archived", head)
    assert (await read(http, iris, after=head))["items"] == []


async def test_places_for_waiting_readers_are_counted(
    http: httpx.AsyncClient, iris: Member, plant: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LISTENERS_MAX", 1)
    question = {"after": 2**40, "wait_s": 0.1}
    async with following.listening(plant):
        for path in (EVENTS, f"{EVENTS}/stream"):
            refused = await http.get(path, params=question, headers=as_(iris))
            assert (refused.status_code, refused.json()["code"]) == (429, "too-many-listeners")
    assert (await http.get(EVENTS, params=question, headers=as_(iris))).status_code == 200


@pytest.mark.parametrize(
    "params", [{"types": "orders"}, {"after": -1}, {"limit": 1_001}, {"wait_s": 61}, {"types": ["*"] * 51}]
)
async def test_bad_questions_are_refused(http: httpx.AsyncClient, iris: Member, params: dict[str, Any]) -> None:
    answer = await http.get(EVENTS, params=params, headers=as_(iris))
    assert answer.status_code == 422
    assert answer.json()["code"] in ("event-type-invalid", "invalid")


def _token_id(plant: Database) -> int:
    (token,) = plant.read_now(list_tokens, principal_id="iris").items
    return token.token_id
