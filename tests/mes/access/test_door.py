"""The door, through real HTTP and a real socket: two plants, one application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection

from mes.access import door, queries, service
from mes.access.door import (
    Caller,
    caller,
    close_code,
    device_cookie,
    device_of,
    may_subscribe,
    plant_database,
    session_cookie,
    signed_out_among,
    websocket_caller,
)
from mes.access.permissions import Permission
from mes.access.recent import RecentCredentials
from mes.access.tokens import digest, new_device_value
from mes.access.types import Role, StoredCredential
from mes.kernel.db import Database
from mes.kernel.errors import Refusal
from mes.kernel.plants import Migrate, Plants
from mes.kernel.sqltypes import to_us
from tests.conftest import SettableClock
from tests.web.asgi_socket import SocketClosed, open_socket
from tests.web.cast import Member, hire, hire_cast

Cast = dict[Role, Member]
Operator = Annotated[Caller, Depends(caller(Permission.operate))]


@pytest.fixture(autouse=True)
def own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory no other test has taught to distrust everything."""
    memory = RecentCredentials()
    monkeypatch.setattr(door, "RECENT", memory)
    monkeypatch.setattr(service, "RECENT", memory)


@pytest.fixture
def plants(tmp_path: Path, at_once: Migrate, clock: SettableClock) -> Iterator[Plants]:
    plants = Plants(data_dir=tmp_path, migrate=at_once, clock=clock)
    plants.create("other")
    plants.map_host("other.test", "other")
    yield plants
    plants.close()


@pytest.fixture
def plant(plants: Plants) -> Database:
    return plants.default


@pytest.fixture
def cast(plant: Database) -> Cast:
    return hire_cast(plant)


@pytest.fixture
def app(plants: Plants) -> FastAPI:
    app = FastAPI()
    app.state.plants = plants

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return JSONResponse({"code": refusal.code}, refusal.status)

    async def who(caller: Operator) -> dict[str, Any]:
        return {"plant": caller.database.plant_id, "id": caller.principal_id, "at": caller.work_unit_id}

    app.get("/api/v1/who")(who)
    app.get("/screen")(who)
    app.post("/screen")(who)

    @app.get("/open")
    async def open_to_all(request: Request) -> dict[str, str]:
        return {"plant": (await plant_database(request)).plant_id, "device": device_of(request).address_key}

    @app.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        found = await websocket_caller(websocket)
        if isinstance(found, Refusal):
            await websocket.close(close_code(found), found.code)
            return
        async for topic in websocket.iter_text():
            await websocket.send_json(
                [not await signed_out_among(found.database, [found]), may_subscribe(found, topic)]
            )

    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("10.0.0.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://mes.test") as client:
        yield client


async def ask(client: httpx.AsyncClient, path: str, **headers: str) -> tuple[int, str]:
    answer = await client.get(path, headers=headers)
    return answer.status_code, answer.json().get("code", "")


async def test_a_token_opens_the_api_and_nothing_else(client: httpx.AsyncClient, cast: Cast) -> None:
    ada = cast[Role.operator]
    bearer = {"authorization": f"bearer {ada.token}"}
    assert await ask(client, "/api/v1/who", **bearer) == (200, "")
    assert await ask(client, "/screen", **bearer) == (401, "not-signed-in")
    assert await ask(client, "/screen", cookie=f"lineside_session={ada.token}") == (401, "credential-unknown")


async def test_a_limited_token_opens_what_it_is_limited_to(client: httpx.AsyncClient, plant: Database) -> None:
    hire(plant, "ada", Role.operator)
    for permission, expected in ((Permission.operate, (200, "")), (Permission.view_floor, (403, "permission-missing"))):
        new = plant.write_now(
            service.create_token,
            actor=None,
            plant_id=plant.plant_id,
            principal_id="ada",
            label="script",
            permissions=[permission],
        )
        assert await ask(client, "/api/v1/who", authorization=f"Bearer {new.token}") == expected


async def test_a_cookie_opens_screens_and_nothing_else(client: httpx.AsyncClient, cast: Cast) -> None:
    ada = cast[Role.operator]
    cookie = {"cookie": f"lineside_session={ada.session}"}
    assert await ask(client, "/screen", **cookie) == (200, "")
    assert await ask(client, "/api/v1/who", **cookie) == (401, "not-signed-in")
    assert await ask(client, "/api/v1/who", authorization=f"Bearer {ada.session}") == (401, "credential-unknown")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "not-signed-in"),
        ("Bearer", "not-signed-in"),
        ("Basic YWRhOjQ3MTE=", "not-signed-in"),
        ("Bearer nonsense", "credential-unknown"),
        ("Bearer lst_default_" + "A" * 43, "credential-unknown"),
        ("Bearer lst_nowhere_" + "A" * 43, "wrong-plant"),
    ],
)
async def test_what_opens_nothing(client: httpx.AsyncClient, cast: Cast, header: str, code: str) -> None:
    assert await ask(client, "/api/v1/who", authorization=header) == (401, code)


async def test_a_role_without_the_permission_is_told_so(client: httpx.AsyncClient, cast: Cast) -> None:
    iris = cast[Role.integration]
    assert await ask(client, "/api/v1/who", authorization=f"Bearer {iris.token}") == (403, "permission-missing")


async def test_each_plant_has_its_own_people(client: httpx.AsyncClient, plants: Plants, cast: Cast) -> None:
    mallory = hire(plants.get("other"), "mallory", Role.administrator)
    token = {"authorization": f"Bearer {mallory.token}"}
    assert await ask(client, "/api/v1/who", **token) == (401, "wrong-plant")
    assert await ask(client, "/screen", cookie=f"lineside_session={mallory.session}") == (401, "wrong-plant")
    answer = await client.get("/api/v1/who", headers={**token, "host": "other.test"})
    assert answer.json() == {"plant": "other", "id": "mallory", "at": None}
    renamed = mallory.token.replace("lst_other_", "lst_default_")
    assert await ask(client, "/api/v1/who", authorization=f"Bearer {renamed}") == (401, "credential-unknown")
    ada = {"authorization": f"Bearer {cast[Role.operator].token}", "host": "other.test"}
    assert await ask(client, "/api/v1/who", **ada) == (401, "wrong-plant")


async def test_a_revoked_token_is_refused_at_once(client: httpx.AsyncClient, plant: Database, cast: Cast) -> None:
    bearer = {"authorization": f"Bearer {cast[Role.operator].token}"}
    assert await ask(client, "/api/v1/who", **bearer) == (200, "")  # now it is remembered
    (token,) = plant.read_now(queries.list_tokens, principal_id="ada").items
    await plant.write(service.revoke_token, actor=None, token_id=token.token_id)
    assert await ask(client, "/api/v1/who", **bearer) == (401, "token-revoked")


async def test_a_disabled_principal_is_refused_at_once(client: httpx.AsyncClient, plant: Database, cast: Cast) -> None:
    ada = cast[Role.operator]
    bearer, cookie = {"authorization": f"Bearer {ada.token}"}, {"cookie": f"lineside_session={ada.session}"}
    assert await ask(client, "/api/v1/who", **bearer) == await ask(client, "/screen", **cookie) == (200, "")
    await plant.write(service.disable_principal, actor=None, principal_id="ada")
    assert await ask(client, "/api/v1/who", **bearer) == (401, "principal-disabled")
    assert await ask(client, "/screen", **cookie) == (401, "session-over")


async def test_a_lesser_role_holds_at_once(client: httpx.AsyncClient, plant: Database, cast: Cast) -> None:
    sven = hire(plant, "sam", Role.supervisor)
    bearer = {"authorization": f"Bearer {sven.token}"}
    seen: list[Role] = []
    for role in (Role.supervisor, Role.operator):
        await plant.write(service.set_role, actor=None, principal_id="sam", role=role)
        assert await ask(client, "/api/v1/who", **bearer) == (200, "")
        found = plant.read_now(queries.find_token, token_sha256=digest(sven.token))
        assert found is not None
        seen.append(found.role)
    assert seen == [Role.supervisor, Role.operator]


async def test_signing_out_is_for_good(client: httpx.AsyncClient, plant: Database, cast: Cast) -> None:
    session = cast[Role.operator].session
    assert session is not None
    cookie = {"cookie": f"lineside_session={session}"}
    assert await ask(client, "/screen", **cookie) == (200, "")
    await plant.write(service.sign_out, actor=None, session_sha256=digest(session))
    assert await ask(client, "/screen", **cookie) == (401, "session-over")


async def test_an_expired_token(client: httpx.AsyncClient, plant: Database, cast: Cast, clock: SettableClock) -> None:
    until = clock() + timedelta(seconds=1)
    new = await plant.write(
        service.create_token, actor=None, plant_id="default", principal_id="ada", label="x", expires_at=until
    )
    bearer = {"authorization": f"Bearer {new.token}"}
    assert await ask(client, "/api/v1/who", **bearer) == (200, "")
    clock.advance(seconds=1)
    assert await ask(client, "/api/v1/who", **bearer) == (401, "token-expired")


def session_row(plant: Database, member: Member) -> StoredCredential:
    assert member.session is not None
    found = plant.read_now(queries.find_session, token_sha256=digest(member.session))
    assert found is not None
    return found


async def test_taps_keep_a_session_alive_and_a_polling_page_does_not(
    client: httpx.AsyncClient, plant: Database, cast: Cast, clock: SettableClock
) -> None:
    """A desk's session idles out after an hour."""
    ada = cast[Role.operator]
    cookie = {"cookie": f"lineside_session={ada.session}"}
    for _ in range(3):
        clock.advance(minutes=50)
        assert (await client.post("/screen", headers=cookie)).status_code == 200
    assert session_row(plant, ada).last_used_at_us == to_us(clock())
    for _ in range(11):
        clock.advance(minutes=5)
        assert await ask(client, "/screen", **cookie, **{"sec-fetch-mode": "cors"}) == (200, "")
    clock.advance(minutes=5)
    assert await ask(client, "/screen", **cookie, **{"sec-fetch-mode": "cors"}) == (401, "session-over")


async def test_a_use_is_recorded_once_a_minute(
    client: httpx.AsyncClient, plant: Database, cast: Cast, clock: SettableClock
) -> None:
    ada = cast[Role.operator]
    cookie = {"cookie": f"lineside_session={ada.session}"}
    opened = to_us(clock())
    recorded = []
    for _ in range(6):
        clock.advance(seconds=29)
        assert (await client.post("/screen", headers=cookie)).status_code == 200
        recorded.append(((session_row(plant, ada).last_used_at_us or 0) - opened) // 1_000_000)
    assert recorded == [0, 0, 87, 87, 87, 174]


async def test_a_token_tells_when_it_was_used(
    client: httpx.AsyncClient, plant: Database, cast: Cast, clock: SettableClock
) -> None:
    bearer = {"authorization": f"Bearer {cast[Role.operator].token}"}
    first = clock()
    await ask(client, "/api/v1/who", **bearer)
    clock.advance(minutes=9)
    await ask(client, "/api/v1/who", **bearer)
    (token,) = plant.read_now(queries.list_tokens, principal_id="ada").items
    assert token.last_used_at == first


async def test_before_anybody_signs_in(client: httpx.AsyncClient) -> None:
    answers = [(await client.get("/open", headers={"host": host})).json() for host in ("mes.test", "other.test:8080")]
    assert [answer["plant"] for answer in answers] == ["default", "other"]
    assert len({answer["device"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("role", "closed"), [(Role.operator, None), (Role.administrator, None), (None, 4401), (Role.integration, 4401)]
)
async def test_who_may_open_a_live_socket(app: FastAPI, cast: Cast, role: Role | None, closed: int | None) -> None:
    headers = {} if role is None else cast[role].headers("/live")
    async with open_socket(app, "/live", headers) as socket:
        if closed is None:
            await socket.send_text("board")
            assert await socket.receive_json() == [True, True]
        else:
            with pytest.raises(SocketClosed) as end:
                await socket.receive_json()
            assert end.value.code == closed


async def test_topics_are_asked_for_one_by_one_and_a_session_may_end_meanwhile(
    app: FastAPI, plant: Database, cast: Cast
) -> None:
    ada = cast[Role.operator]
    assert ada.session is not None
    async with open_socket(app, "/live", ada.headers("/live")) as socket:
        for topic, expected in (("order/1", True), ("bridge/edge-1", False), ("nonsense", False)):
            await socket.send_text(topic)
            assert await socket.receive_json() == [True, expected]
        await plant.write(service.sign_out, actor=None, session_sha256=digest(ada.session))
        await socket.send_text("board")
        assert await socket.receive_json() == [False, True]


@pytest.mark.parametrize(("scheme", "prefix"), [("http", ""), ("https", "__Host-"), ("wss", "__Host-")])
def test_by_https_the_cookie_is_one_that_no_other_host_can_set(scheme: str, prefix: str) -> None:
    connection = HTTPConnection({"type": "http", "scheme": scheme, "headers": []})
    assert session_cookie(connection) == f"{prefix}lineside_session"
    assert device_cookie(connection) == f"{prefix}lineside_device"


def test_a_device_is_known_by_a_cookie_of_ours_on_screens_alone() -> None:
    ours = new_device_value()

    def device(path: str, cookie: str) -> str:
        headers = [(b"cookie", f"lineside_device={cookie}".encode())]
        return device_of(HTTPConnection({"type": "http", "path": path, "headers": headers})).cookie

    assert device("/signin", ours) == ours
    assert device("/signin", "guessable") == ""
    assert device("/api/v1/signatures", ours) == ""
