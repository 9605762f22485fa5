"""What follows from verbs is done once for a run of them, in their transaction, and falls with who asked for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from typing import Any

import pytest
from sqlalchemy import text

from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import Conflict
from mes.kernel.outbox import list_events
from mes.kernel.uow import Calls, UnitOfWork, loaded_together


def _nothing(_uow: UnitOfWork, _calls: Calls) -> dict[tuple[str, str], Any]:
    return {}


def add_up(uow: UnitOfWork, names: Collection[str]) -> None:
    """Moves every row to the sum of what was put; breaks on a value that was never meant to be there."""
    total = uow.driver_query("SELECT sum(value) FROM tally")[0][0]
    if total >= 1_000:
        raise RuntimeError("no such sum")
    uow.emit("tally.summed.v1", topics=["tally"], subject="all", payload={"names": sorted(names), "total": int(total)})
    uow.afterwards(tell)


def tell(uow: UnitOfWork, _abouts: Collection[None]) -> None:
    uow.emit("tally.told.v1", topics=["tally"], subject="all", payload={})


@loaded_together(_nothing)
def put(uow: UnitOfWork, *, name: str, value: int) -> str:
    uow.driver_write("UPDATE tally SET value = ? WHERE name = ?", (value, name))
    uow.afterwards(add_up, name)
    if value < 0:
        raise Conflict("not this one")
    return name


def put_alone(uow: UnitOfWork, *, name: str, value: int) -> str:
    return put(uow, name=name, value=value)


async def together(database: Database, *calls: tuple[Callable[..., Any], str, int]) -> list[Any]:
    """Calls in one batch: the writer is kept busy until all of them wait."""
    go = threading.Event()
    busy = asyncio.create_task(database.write(lambda _uow: go.wait(10), actor=None))
    await asyncio.sleep(0.05)
    waiting = [asyncio.create_task(database.write(verb, actor=None, name=n, value=v)) for verb, n, v in calls]
    await asyncio.sleep(0.05)
    go.set()
    await busy
    return await asyncio.gather(*waiting, return_exceptions=True)


def summed(session: ReadSession) -> list[tuple[list[str], int]]:
    events = list_events(session, after=0, limit=100)
    return [(e.payload["names"], e.payload["total"]) for e in events if e.type == "tally.summed.v1"]


def told(session: ReadSession) -> int:
    return sum(event.type == "tally.told.v1" for event in list_events(session, after=0, limit=100))


def values(session: ReadSession) -> dict[str, int]:
    return {row.name: row.value for row in session.execute(text("SELECT name, value FROM tally"))}


async def test_once_for_verbs_that_are_loaded_together(wide: Database) -> None:
    assert await together(wide, (put, "a", 1), (put, "b", 2), (put, "c", 3)) == ["a", "b", "c"]
    assert await wide.read(summed) == [(["a", "b", "c"], 6)]
    assert await wide.read(told) == 1, "what follows from what follows"


async def test_before_any_other_verb(wide: Database) -> None:
    await together(wide, (put, "a", 1), (put_alone, "b", 2), (put, "c", 3))
    assert await wide.read(summed) == [(["a"], 1), (["b"], 3), (["c"], 6)]


async def test_a_refused_verb_asks_for_nothing(wide: Database) -> None:
    one, two, three = await together(wide, (put, "a", 1), (put, "b", -1), (put, "c", 3))
    assert (one, three) == ("a", "c")
    assert isinstance(two, Conflict)
    assert await wide.read(summed) == [(["a", "c"], 4)]


async def test_what_fails_falls_with_who_asked_for_it_alone(wide: Database) -> None:
    one, two, three = await together(wide, (put, "a", 1), (put, "b", 1_000), (put, "c", 3))
    assert (one, three) == ("a", "c")
    assert isinstance(two, RuntimeError)
    assert await wide.read(values) == {"a": 1, "b": 0, "c": 3}
    assert await wide.read(summed) == [(["a"], 1), (["c"], 4)]


async def test_a_rehearsal_tells_of_it_and_undoes_it(wide: Database) -> None:
    events = await wide.rehearse(put, actor=None, name="a", value=5)
    assert [event.type for event in events] == ["tally.summed.v1", "tally.told.v1"]
    assert (await wide.read(values))["a"] == 0
    with pytest.raises(RuntimeError, match="no such sum"):
        await wide.rehearse(put, actor=None, name="a", value=1_000)
