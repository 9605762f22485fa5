"""Nobody of one plant gets anything of another: by every route, host name, path, cursor, socket, cookie and memory."""

from __future__ import annotations

import asyncio
import re
from decimal import Decimal
from typing import Final

import httpx
import pytest

from mes.access.service import create_principal, open_session
from mes.access.tokens import digest
from mes.access.types import ROLE_KIND, PrincipalKind, Role
from mes.definitions.service import put_scrap_reasons
from mes.definitions.types import ScrapReasonSpec
from mes.edge.service import put_bridge
from mes.equipment.service import put_equipment
from mes.equipment.types import EquipmentSpec
from mes.kernel.outbox import head_seq
from mes.kernel.uow import UnitOfWork
from mes.materials.service import create_lot, put_materials
from mes.materials.types import LotSpec, MaterialSpec
from mes.orders.service import submit_operations_request
from standards.isa95.equipment_hierarchy import EquipmentLevel
from tests.web.asgi_socket import open_socket
from tests.web.authorisation_table import MOUNT, PUBLIC, ROWS, SOCKET, Row
from tests.web.cast import Member, by_token
from tests.web.stage import OTHER_HOST, OTHER_PLANT, Stage
from web.live.region import live_url
from web.live.relay import Relays

READS: Final = [row for row in ROWS if row.method == "GET" and row.allowed is not PUBLIC]
WRITES: Final = [row for row in ROWS if row.method not in ("GET", SOCKET, MOUNT) and row.allowed is not PUBLIC]
CANARY: Final = "CANARY"
NEXT_CURSOR: Final = re.compile(r'"next_cursor": ?"([^"]+)"')
SEEN_AT_LEAST: Final = 16
"""Routes whose answers show our own people the sign: else it would prove nothing that strangers do not see it."""


def mark(uow: UnitOfWork) -> None:
    """Signs of the first plant that nobody of the other may ever see."""
    put_materials(uow, specs=[MaterialSpec(f"{CANARY}-BOARD", "pcs", CANARY)])
    put_equipment(uow, specs=[EquipmentSpec(f"{CANARY}-HALL", EquipmentLevel.Area, "SITE", CANARY)])
    put_scrap_reasons(uow, specs=[ScrapReasonSpec(CANARY, CANARY)])
    put_bridge(uow, bridge_id=f"{CANARY}-BOX")
    create_principal(uow, principal_id=f"{CANARY}-EVE", role=Role.operator, display_name=CANARY)
    submit_operations_request(uow, id=f"{CANARY}-ORDER", quantity=Decimal(1), material_id="BOARD")
    create_lot(uow, spec=LotSpec(f"{CANARY}-LOT", "BOARD", Decimal(1), "pcs"))


@pytest.fixture(scope="module")
def stage(stage: Stage) -> Stage:
    stage.do(mark)
    return stage


def caller_of(row: Row, cast: dict[Role, Member]) -> Member:
    """Somebody who may, in the plant whose cast it is."""
    assert row.allowed
    known = [role for role in row.allowed if by_token(row.path) or ROLE_KIND[role] is PrincipalKind.person]
    return cast[min(known)]


@pytest.mark.parametrize("step", [8, pytest.param(1, marks=pytest.mark.long)])
async def test_no_route_reads_anything_of_another_plant(stage: Stage, client: httpx.AsyncClient, step: int) -> None:
    seen: list[str] = []
    for row in READS[::step]:
        sample = row.sample(stage)
        url, more = sample.url, sample.headers
        ours = await client.get(url, headers={**more, **caller_of(row, stage.cast).headers(row.path)})
        seen += [row.path] if CANARY in ours.text else []
        theirs = caller_of(row, stage.strangers).headers(row.path)
        ways = [f"http://{OTHER_HOST}{url}", *([f"/plants/{OTHER_PLANT}{url}"] if by_token(row.path) else [])]
        if cursor := NEXT_CURSOR.search(ours.text):
            ways.append(f"{ways[0]}{'&' if '?' in url else '?'}cursor={cursor[1]}")
        for way in ways:
            answer = await client.get(way, headers={**more, **theirs})
            assert answer.status_code in (200, 204, 303, 304, 400, 404, 409, 422), (way, answer.text[:300])
            assert not answer.headers.get("location", "").startswith("/signin"), way
            assert CANARY not in answer.text, way
        if by_token(row.path):
            refused = await client.get(f"/plants/default{url}", headers={**more, **theirs})
            assert (refused.status_code, "wrong-plant" in refused.text) == (401, True), (url, refused.text[:300])
    assert len(seen) >= SEEN_AT_LEAST // step, seen


@pytest.mark.parametrize("step", [12, pytest.param(1, marks=pytest.mark.long)])
async def test_no_route_writes_anything_into_another_plant(stage: Stage, client: httpx.AsyncClient, step: int) -> None:
    """The same request, with the names of our plant in it, at the door of theirs; at the wrong door it is refused."""
    for row in WRITES[::step]:
        sample = row.sample(stage)
        before = stage.database.read_now(head_seq)
        headers = {**sample.headers, **caller_of(row, stage.strangers).headers(row.path)}
        answer = await client.request(
            row.method,
            f"http://{OTHER_HOST}{sample.url}",
            json=sample.json,
            data=sample.form,
            content=sample.content,
            headers=headers,
        )
        assert answer.status_code not in (401, 500), (row.key, answer.text[:300])
        assert CANARY not in answer.text
        assert stage.database.read_now(head_seq) == before, row.key


async def test_a_socket_hears_nothing_of_another_plant(stage: Stage) -> None:
    ours, theirs = stage.cast[Role.operator], stage.strangers[Role.operator]
    other = stage.plants.get(OTHER_PLANT)
    url = live_url(("board-orders", {}))

    def happened(uow: UnitOfWork) -> None:
        uow.emit("tests.happened.v1", topics=["board", "orders"], subject="x", payload={})

    async with Relays(stage.plants) as relays:
        stage.app.state.relays = relays
        async with (
            open_socket(stage.app, url, ours.headers("/live")) as our_page,
            open_socket(stage.app, url, {**theirs.headers("/live"), "host": OTHER_HOST}) as their_page,
        ):
            assert CANARY in str(await our_page.receive_json())
            assert CANARY not in str(await their_page.receive_json())
            hub = (await relays.of(OTHER_PLANT)).hub
            heard = hub.seq
            await stage.database.write(happened, actor=None)
            await asyncio.sleep(0.3)
            assert hub.seq == heard
            assert their_page.from_app.empty()
            await other.write(happened, actor=None)
            async with asyncio.timeout(5):
                while hub.seq == heard:  # noqa: ASYNC110 (nobody tells us)
                    await asyncio.sleep(0.01)


async def test_a_secret_of_one_plant_is_none_of_another(stage: Stage, client: httpx.AsyncClient) -> None:
    """Neither under the other plant's name nor out of the memory of what was looked up a moment ago."""
    for path, member in (("/api/v1/principals", stage.cast[Role.administrator]), ("/board", stage.cast[Role.operator])):
        headers = member.headers(path)
        assert (await client.get(path, headers=headers)).status_code == 200
        forged = {name: value.replace("_default_", f"_{OTHER_PLANT}_") for name, value in headers.items()}
        for host, sent in ((OTHER_HOST, forged), (OTHER_HOST, headers), ("mes.test", forged)):
            answer = await client.get(f"http://{host}{path}", headers=sent)
            assert answer.status_code == 401 or answer.headers["location"].startswith("/signin"), (host, sent)


async def test_signing_in_is_at_the_plant_of_the_host(stage: Stage, client: httpx.AsyncClient) -> None:
    """A name on the sign-in page is one of that plant, and a cookie opens that plant alone."""
    page = await client.get(f"http://{OTHER_HOST}/signin")
    assert page.status_code == 200
    assert CANARY not in page.text
    value = f"ls_{OTHER_PLANT}_{'q' * 43}"
    who = stage.strangers[Role.operator].name
    stage.plants.get(OTHER_PLANT).write_now(open_session, actor=None, principal_id=who, session_sha256=digest(value))
    cookie = {"cookie": f"lineside_session={value}"}
    assert (await client.get(f"http://{OTHER_HOST}/board", headers=cookie)).status_code == 200
    assert (await client.get("/board", headers=cookie)).headers["location"].startswith("/signin")
