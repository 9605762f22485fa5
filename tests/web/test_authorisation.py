"""Every cell of role × route × own or other plant, of the application as it is put together."""

from __future__ import annotations

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount, WebSocketRoute

from mes.access.types import ROLE_KIND, PrincipalKind, Role
from mes.kernel.db import ReadSession
from mes.kernel.outbox import head_seq
from tests.web.asgi_socket import SocketClosed, open_socket
from tests.web.authorisation_table import MOUNT, PUBLIC, ROWS, SOCKET, Row, Sample
from tests.web.cast import Member, by_token, hire
from tests.web.stage import Stage
from web.live.relay import Relays

REQUESTS = [row for row in ROWS if row.method != SOCKET]
GUARDED = [row for row in REQUESTS if row.allowed is not PUBLIC]
OPEN = [row for row in REQUESTS if row.allowed is PUBLIC]
SOCKETS = [row for row in ROWS if row.method == SOCKET]
name_of = "{0.method} {0.path}".format


async def call(client: httpx.AsyncClient, row: Row, sample: Sample, who: Member | None) -> httpx.Response:
    headers = {**sample.headers, **({} if who is None else who.headers(row.path))}
    method = "GET" if row.method == MOUNT else row.method
    return await client.request(
        method, sample.url, json=sample.json, data=sample.form, content=sample.content, headers=headers
    )


def refused_with(answer: httpx.Response) -> int | None:
    """401 (a screen then leads to the sign-in), 403, or None: not refused."""
    if answer.status_code == 303 and answer.headers["location"].startswith("/signin"):
        return 401
    return answer.status_code if answer.status_code in (401, 403) else None


def expected_refusal(row: Row, role: Role) -> int:
    """Machines have no session, so a screen does not know them at all."""
    known = by_token(row.path) or ROLE_KIND[role] is PrincipalKind.person
    return 403 if known else 401


def test_every_route_has_its_row_and_every_row_its_route(stage: Stage) -> None:
    routes = set()
    for context in iter_route_contexts(stage.app.routes):
        original = context.original_route
        if isinstance(original, WebSocketRoute):
            routes.add((SOCKET, context.path))
        elif isinstance(original, Mount):
            routes.add((MOUNT, context.path))
        else:
            routes |= {(method, context.path) for method in context.methods or () if method != "HEAD"}
    rows = [row.key for row in ROWS]
    assert len(rows) == len(set(rows))
    assert routes - set(rows) == set(), "give each of these a row in tests/web/authorisation_table.py"
    assert set(rows) - routes == set(), "these rows have no route any more"


@pytest.mark.parametrize("row", GUARDED, ids=name_of)
async def test_who_may(stage: Stage, client: httpx.AsyncClient, row: Row) -> None:
    """And what they did is answered for: each event says who, and from where."""
    assert row.allowed
    for role in row.allowed:
        sample = row.sample(stage)
        before = stage.database.read_now(head_seq)
        answer = await call(client, row, sample, stage.cast[role])
        assert (role, answer.status_code, refused_with(answer)) == (role, row.status, None), answer.text[:500]
        assert stage.database.read_now(unanswered, after=before) == []


def unanswered(session: ReadSession, *, after: int) -> list[str]:
    """Types of the events after one that do not say who did it, or not from where."""
    sql = (
        "SELECT e.type FROM outbox_event e LEFT JOIN act_origin o ON o.id = e.origin_id "
        "WHERE e.seq > ? AND (e.actor IS NULL OR o.id IS NULL OR o.credential = '' OR o.address IS NULL)"
    )
    return [row[0] for row in session.driver_query(sql, (after,))]


@pytest.mark.parametrize("row", GUARDED, ids=name_of)
async def test_who_may_not(stage: Stage, client: httpx.AsyncClient, row: Row) -> None:
    assert row.allowed
    sample = row.sample(stage)
    callers: list[tuple[Member | None, int]] = [(None, 401)]
    callers += [(stranger, 401) for stranger in stage.strangers.values()]
    callers += [(member, expected_refusal(row, role)) for role, member in stage.cast.items() if role not in row.allowed]
    before = stage.database.read_now(head_seq)
    for who, expected in callers:
        answer = await call(client, row, sample, who)
        assert (who, refused_with(answer)) == (who, expected), answer.text[:500]
        if by_token(row.path):
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"] in ("not-signed-in", "wrong-plant", "permission-missing")
    assert stage.database.read_now(head_seq) == before


@pytest.mark.parametrize("row", OPEN, ids=name_of)
async def test_what_is_open_is_open_to_all(stage: Stage, client: httpx.AsyncClient, row: Row) -> None:
    everybody = [hire(stage.database, stage.fresh("guest"), role) for role in Role]
    for who in (None, *everybody, *stage.strangers.values()):
        answer = await call(client, row, row.sample(stage), who)
        assert answer.status_code == row.status, answer.text[:500]


@pytest.mark.parametrize("row", SOCKETS, ids=name_of)
async def test_who_may_listen(stage: Stage, row: Row) -> None:
    everybody: list[Member | None] = [None, *stage.cast.values(), *stage.strangers.values()]
    async with Relays(stage.plants) as relays:
        stage.app.state.relays = relays
        for who in everybody:
            may = who in stage.cast.values() and who is not None and who.role in (row.allowed or ())
            headers = {} if who is None else who.headers(row.path)
            async with open_socket(stage.app, row.sample(stage).url, headers) as socket:
                if may:
                    assert (await socket.next_message())["type"] == "websocket.send"
                else:
                    with pytest.raises(SocketClosed) as end:
                        await socket.next_message()
                    assert end.value.code == 4401


async def test_only_an_administrator_gives_a_person_a_role(stage: Stage, client: httpx.AsyncClient) -> None:
    """Else an engineer could make an administrator."""
    for role, expected in ((Role.engineer, 403), (Role.administrator, 201)):
        body = {"id": stage.fresh("person"), "name": "Eve", "role": "administrator"}
        answer = await client.post("/api/v1/persons", json=body, headers=stage.cast[role].headers("/api/v1/persons"))
        assert answer.status_code == expected
        body = {"name": "Eve", "language": "en", "qualifications": [], "role": "operator", "version": 1}
        answer = await client.put(
            f"/api/v1/persons/{stage.person()}", json=body, headers=stage.cast[role].headers("/api/v1/persons")
        )
        assert answer.status_code == (200 if expected == 201 else 403)
