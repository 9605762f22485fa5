"""What all routes of a kind have in common, asked of every one of them by the samples of the authorisation table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from mes.access.door.routing import REHEARSAL, api_router, leaving, wanted_fields
from mes.access.types import Role
from mes.kernel.outbox import head_seq
from tests.web.authorisation_table import ROWS, Row, Sample
from tests.web.stage import Stage
from web.openapi import described

pytestmark = pytest.mark.xdist_group("openapi")
Document = dict[str, Any]


OWN_REHEARSAL = ("POST", "/api/v1/imports")
"""Answered as the request itself is: tests/mes/exchange/table_files/test_doors.py."""


def rows_with(document: Document, parameter: str) -> list[Row]:
    """Rows of the operations that take this parameter."""
    taking = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if any(one["name"] == parameter for one in operation.get("parameters", ()))
    }
    return [row for row in ROWS if (row.method, row.path.replace(":path", "")) in taking]


async def call(client: httpx.AsyncClient, stage: Stage, row: Row, sample: Sample, **params: str) -> httpx.Response:
    assert row.allowed
    role = Role.administrator if Role.administrator in row.allowed else min(row.allowed)
    return await client.request(
        row.method,
        httpx.URL(sample.url).copy_merge_params(params),
        json=sample.json,
        content=sample.content,
        headers={**sample.headers, **stage.cast[role].headers(row.path)},
    )


async def test_every_change_can_be_tried_without_effect(
    stage: Stage, client: httpx.AsyncClient, document: Document
) -> None:
    rows = [row for row in rows_with(document, "dry_run") if row.key != OWN_REHEARSAL]
    assert len(rows) > 80
    for row in rows:
        sample = row.sample(stage)
        before = stage.database.read_now(head_seq)
        tried = await call(client, stage, row, sample, dry_run="true")
        assert (row.key, tried.status_code, tried.headers["content-type"]) == (row.key, 200, REHEARSAL), tried.text
        assert stage.database.read_now(head_seq) == before, row.key
        done = await call(client, stage, row, sample)
        assert (row.key, done.status_code) == (row.key, row.status), done.text


async def test_a_trial_says_what_would_have_happened_or_why_not(stage: Stage, client: httpx.AsyncClient) -> None:
    headers = stage.cast[Role.engineer].headers("/api/")
    body = {"id": stage.fresh("new"), "unit": "pcs"}
    url = "/api/v1/material-definitions"
    told = (await client.post(f"{url}?dry_run=true", json=body, headers=headers)).json()
    assert told["dry_run"] is True
    assert [event["subject"] for event in told["events"]] == [f"material/{body['id']}"]
    assert (await client.get(f"{url}/{body['id']}", headers=headers)).status_code == 404
    refused = await client.post(f"{url}?dry_run=true", json={"id": "BOARD", "unit": "pcs"}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "material-exists")
    unclear = await client.post(f"{url}?dry_run=maybe", json=body, headers=headers)
    assert (unclear.status_code, unclear.json()["code"]) == (422, "dry-run-unclear")


async def test_every_list_has_pages(stage: Stage, client: httpx.AsyncClient, document: Document) -> None:
    rows = rows_with(document, "cursor")
    lists = [
        op["operationId"] for p in document["paths"].values() for op in p.values() if op["operationId"][:5] == "list_"
    ]
    assert len(rows) > 25
    several = 0
    for row in rows:
        row.sample(stage)
        sample = row.sample(stage)  # so that most have two
        first = await call(client, stage, row, sample, limit="1")
        page = first.json()
        assert (row.key, first.status_code) == (row.key, 200), first.text
        assert set(page) >= {"items", "next_cursor"}, row.key
        assert len(page["items"]) <= 1
        if page["next_cursor"] is not None:
            several += 1
            second = (await call(client, stage, row, sample, limit="1", cursor=page["next_cursor"])).json()
            assert len(second["items"]) == 1, row.key
            assert second["items"] != page["items"], row.key
        bad = await call(client, stage, row, sample, cursor="nonsense!")
        assert (row.key, bad.status_code, bad.json()["code"]) == (row.key, 400, "bad-cursor")
    assert several > 8
    assert len(lists) >= len(rows)


async def test_every_answer_can_be_thinned_out(stage: Stage, client: httpx.AsyncClient, document: Document) -> None:
    rows = rows_with(document, "fields")
    assert len(rows) > 50
    for row in rows:
        sample = row.sample(stage)
        whole = (await call(client, stage, row, sample)).json()
        items = whole.get("items")
        if (one := whole if items is None else next(iter(items), None)) is None:
            continue
        name = min(one)
        thin = (await call(client, stage, row, sample, fields=name)).json()
        shown = thin if items is None else thin["items"][0]
        assert (row.key, list(shown)) == (row.key, [name])
        assert items is None or set(thin) == set(whole)
        unknown = await call(client, stage, row, sample, fields=f"{name},nonsense")
        assert (unknown.status_code, unknown.json()["code"]) == (422, "fields-unknown")


async def test_every_versioned_resource_has_an_etag(
    stage: Stage, client: httpx.AsyncClient, document: Document
) -> None:
    schemas = document["components"]["schemas"]
    for row in ROWS:
        operation = document["paths"].get(row.path.replace(":path", ""), {}).get("get") if row.method == "GET" else None
        answer = (operation or {}).get("responses", {}).get("200", {})
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        versioned = "$ref" in schema and "version" in schemas[schema["$ref"].rpartition("/")[2]].get("properties", {})
        if versioned:
            shown = await call(client, stage, row, row.sample(stage))
            assert "ETag" in answer["headers"]
            assert "etag" in shown.headers, row.key
            again = await client.get(
                shown.request.url, headers={**shown.request.headers, "If-None-Match": shown.headers["etag"]}
            )
            assert (again.status_code, again.content) == (304, b""), row.key


async def test_rows_of_a_bulk_stand_alone_or_together(stage: Stage, client: httpx.AsyncClient) -> None:
    """A refused row keeps out no other, unless all or none was asked for; the same again changes nothing."""
    ids = [stage.fresh("bulk") for _ in range(5)]
    rows = [{"id": id, "unit": "pcs"} for id in ids]
    rows[2] = {"id": "BOARD", "unit": "kg"}
    url, headers = "/api/v1/material-definitions/bulk", stage.cast[Role.engineer].headers("/api/")
    refused = await client.post(f"{url}?atomic=true", json={"rows": rows}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "material-unit-fixed")
    assert (await client.get(f"/api/v1/material-definitions/{ids[0]}", headers=headers)).status_code == 404
    alone = (await client.post(url, json={"rows": rows}, headers=headers)).json()
    assert [row["outcome"] for row in alone["rows"]] == ["created", "created", "refused", "created", "created"]
    assert (alone["refused"], alone["rows"][2]["code"]) == (1, "material-unit-fixed")
    rows[0]["description"] = "new"
    again = (await client.post(url, json={"rows": rows}, headers=headers)).json()
    assert [row["outcome"] for row in again["rows"]] == ["updated", "unchanged", "refused", "unchanged", "unchanged"]
    twice = await client.post(url, json={"rows": [rows[0], rows[0]]}, headers=headers)
    assert (twice.status_code, twice.json()["code"]) == (422, "bulk-row-repeated")


async def test_persons_in_bulk_are_told_apart(stage: Stage, client: httpx.AsyncClient) -> None:
    headers = stage.cast[Role.engineer].headers("/api/")
    row = {"id": stage.fresh("person"), "name": "Ann"}
    for name, outcome in (("Ann", "created"), ("Ann", "unchanged"), ("Anne", "updated")):
        body = {"rows": [{**row, "name": name}]}
        told = (await client.post("/api/v1/persons/bulk", json=body, headers=headers)).json()
        assert told["rows"][0]["outcome"] == outcome
    body = {"rows": [{**row, "role": "administrator"}]}
    assert (await client.post("/api/v1/persons/bulk", json=body, headers=headers)).status_code == 403


async def test_a_route_that_will_go_says_so() -> None:
    """RFC 9745 and RFC 8594, in every answer and in the description."""
    app, router = FastAPI(), api_router("orders")
    since, until = datetime(2026, 11, 28, 9, tzinfo=UTC), datetime(2027, 11, 28, 9, tzinfo=UTC)

    @router.get("/old-things", openapi_extra=leaving(since, until=until, instead="/api/v1/things"))
    async def list_old_things() -> dict[str, str]:
        """Things as they were."""
        return {}

    app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mes.test") as client:
        answer = await client.get("/api/v1/old-things")
    assert answer.headers["deprecation"] == f"@{int(since.timestamp())}"
    assert answer.headers["sunset"] == "Sun, 28 Nov 2027 09:00:00 GMT"
    assert answer.headers["link"] == '</api/v1/things>; rel="successor-version"'
    told = described(app.openapi())["paths"]["/api/v1/old-things"]["get"]
    assert told["deprecated"] is True
    assert told["description"].endswith("Goes on 2027-11-28; call /api/v1/things instead.")


def test_names_of_fields_may_have_spaces_around_them() -> None:
    assert wanted_fields(" id, unit", frozenset({"id", "unit", "version"})) == {"id", "unit"}
