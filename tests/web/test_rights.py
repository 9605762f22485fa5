"""Two processes at one plant: what one takes away, the other refuses with the next wake-up. On both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from mes.access import door, service
from mes.access.door import Caller, caller
from mes.access.permissions import Permission
from mes.access.queries import list_tokens
from mes.access.recent import RecentCredentials, may_take_rights
from mes.access.tokens import digest
from mes.access.types import Role
from mes.kernel.db import Database
from mes.kernel.errors import Refusal
from mes.kernel.outbox import head_seq, list_changes
from tests.conftest import SettableClock
from tests.web.cast import Member, OnePlant, as_, hire
from web import rights
from web.live.wakeup import announce
from web.rights import follow_rights

WHO = "/api/v1/who"


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> RecentCredentials:
    """Of this process: it keeps for an hour what nobody says has changed. Verbs run in the other."""
    memory = RecentCredentials(keep_s=3_600)
    monkeypatch.setattr("mes.access.recent.READ_S", 0.0)
    monkeypatch.setattr(door, "RECENT", memory)
    monkeypatch.setattr(rights, "RECENT", memory)
    monkeypatch.setattr(service, "RECENT", RecentCredentials())
    return memory


@pytest.fixture
def elsewhere(database: Database, clock: SettableClock) -> Iterator[Database]:
    other = Database(database.url, schema=database.schema, clock=clock)
    yield other
    other.close()


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.state.plants = OnePlant(database)

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return JSONResponse({"code": refusal.code}, refusal.status)

    @app.get(WHO)
    async def who(caller: Annotated[Caller, Depends(caller(Permission.operate))]) -> str:
        return caller.principal_id

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mes.test") as client:
        yield client


async def test_what_was_taken_away_elsewhere_is_refused_here(
    client: httpx.AsyncClient, database: Database, elsewhere: Database, memory: RecentCredentials
) -> None:
    async def status(member: Member) -> int:
        return (await client.get(WHO, headers=as_(member))).status_code

    def revoke(member: Member) -> None:
        (token,) = elsewhere.read_now(list_tokens, principal_id=member.name).items
        elsewhere.write_now(service.revoke_token, actor=None, token_id=token.token_id)
        announce(elsewhere)

    ada, bo, cy = (hire(database, name, Role.operator) for name in ("ada", "bo", "cy"))
    assert await status(ada) == 200
    await asyncio.to_thread(revoke, ada)
    assert await status(ada) == 200  # nobody has told this process
    following = asyncio.create_task(follow_rights(database))
    try:
        await until_refused(lambda: status(ada))  # it has begun
        assert (await status(bo), await status(cy)) == (200, 200)
        assert memory.get(digest(bo.token)) is not None
        await asyncio.to_thread(revoke, bo)
        await until_refused(lambda: status(bo))
        await asyncio.to_thread(elsewhere.write_now, service.disable_principal, actor=None, principal_id="cy")
        await asyncio.to_thread(announce, elsewhere)
        await until_refused(lambda: status(cy))
    finally:
        following.cancel()
        await asyncio.wait([following])


async def until_refused(ask: Callable[[], Awaitable[int]]) -> None:
    async with asyncio.timeout(5):
        while await ask() != 401:  # noqa: ASYNC110 (nobody tells us)
            await asyncio.sleep(0.02)


def test_what_takes_nothing_from_anybody_forgets_nothing(database: Database) -> None:
    def may_take(after: int) -> list[bool]:
        return [may_take_rights(kind) for _, _, kind in database.read_now(list_changes, after=after)]

    ada = hire(database, "ada", Role.operator)
    hired = may_take(0)
    assert hired
    assert not any(hired)
    seq = database.read_now(head_seq)
    database.write_now(service.set_role, actor=None, principal_id=ada.name, role=Role.supervisor)
    assert any(may_take(seq))
