from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import Conflict, IdempotencyKeyReused
from mes.kernel.idempotency import KEEP_US, StoredAnswer, fingerprint, forget_old_answers, run_once
from mes.kernel.uow import UnitOfWork
from tests.conftest import SettableClock


def add(uow: UnitOfWork, *, refuse: bool = False) -> tuple[int, bytes]:
    uow.execute(text("UPDATE tally SET value = value + 1"))
    if refuse:
        raise Conflict("not now")
    return 201, b"made"


async def once(tally: Database, key: str, body: str = "x", actor: int = 1, *, refuse: bool = False) -> StoredAnswer:
    return await tally.write(
        run_once, actor=actor, key=key, request_fingerprint=fingerprint(body), verb=add, refuse=refuse
    )


def value_of(session: ReadSession) -> int:
    return int(session.execute(text("SELECT value FROM tally")).scalar_one())


async def test_the_first_answer_is_given_again_whatever_the_race(tally: Database) -> None:
    answers = await asyncio.gather(*(once(tally, "k") for _ in range(30)))
    assert sum(answer.replayed for answer in answers) == 29
    assert {(answer.status, answer.body) for answer in answers} == {(201, b"made")}
    assert await tally.read(value_of) == 1


async def test_a_key_belongs_to_one_request_of_one_principal(tally: Database) -> None:
    await once(tally, "k")
    with pytest.raises(IdempotencyKeyReused):
        await once(tally, "k", body="other")
    assert not (await once(tally, "k", body="other", actor=2)).replayed


async def test_a_refused_request_may_be_repeated(tally: Database) -> None:
    with pytest.raises(Conflict):
        await once(tally, "k", refuse=True)
    assert not (await once(tally, "k")).replayed
    assert await tally.read(value_of) == 1


async def test_answers_are_forgotten_after_thirty_days(tally: Database, clock: SettableClock) -> None:
    await once(tally, "k")
    clock.advance(microseconds=KEEP_US + 1)
    await tally.write(forget_old_answers, actor=None)
    assert not (await once(tally, "k")).replayed


def test_fingerprints_do_not_run_together() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
