"""The uplink against a server that keeps the contract: in order, once, whatever the network does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from opcua_bridge import uplink as uplink_module
from opcua_bridge.clock import Clock
from opcua_bridge.journal import BegunAnew, Journal, SourceRecord
from opcua_bridge.uplink import Uplink
from standards.lineside.ingest_v1 import Sample
from tests.opcua_bridge.support import TOKEN, Mes, until


def samples(*values: int) -> list[Sample]:
    return [Sample(tag="a", value=v, observed_at_us=v) for v in values]


class Line:
    def __init__(self, journal: Journal, uplink: Uplink, mes: Mes) -> None:
        self.journal, self.uplink, self.mes = journal, uplink, mes

    async def send(self, *values: int) -> None:
        await self.journal.append(samples(*values), source="s")

    def arrived(self) -> list[int]:
        return [i["value"] for i in self.mes.items if i["kind"] == "sample"]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink_module, "BACKOFF_FIRST_S", 0.02)
    monkeypatch.setattr(uplink_module, "REFUSED_RETRY_S", 0.2)


@pytest.fixture
async def client(mes: Mes) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=mes.url) as client:
        yield client


@pytest.fixture
async def line(tmp_path: Path, mes: Mes) -> AsyncIterator[Line]:
    journal = Journal(tmp_path / "j.sqlite")
    async with httpx.AsyncClient(base_url=mes.url) as client:
        uplink = Uplink(journal, client, token=TOKEN, clock=Clock(), sources=["s"])
        task = asyncio.create_task(uplink.run())
        yield Line(journal, uplink, mes)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    journal.close()


async def test_what_is_appended_is_sent_at_once_and_forgotten_when_held(line: Line) -> None:
    await line.send(1, 2)
    await line.send(3)
    await until(lambda: line.arrived() == [1, 2, 3])
    await until(lambda: line.journal.depth == 0)


async def test_a_lost_answer_brings_no_second_copy(line: Line) -> None:
    line.mes.lose_answers = 1
    await line.send(1, 2)
    await line.send(3)
    await until(lambda: line.uplink.health.acknowledged_seq == 3)
    assert line.arrived() == [1, 2, 3]
    assert line.mes.duplicates >= 2


@pytest.mark.parametrize("status", [500, 502, 503, 429, 400, 401, 403])
async def test_trouble_is_waited_out_and_nothing_is_lost(line: Line, status: int) -> None:
    line.mes.failing = [status]
    await line.send(1)
    await line.send(2)
    await until(lambda: line.arrived() == [1, 2])
    assert not line.mes.failing


async def test_a_server_that_misses_something_gets_it_again(line: Line) -> None:
    """It answered, and then lost what it had answered for: the bridge still has it, not yet deleted."""
    await line.send(1, 2, 3)
    await until(lambda: line.uplink.health.acknowledged_seq == 3)
    line.uplink._cursor = 5  # as if the bridge believed more to be held
    await line.send(4, 5, 6)
    await until(lambda: line.arrived() == [1, 2, 3, 4, 5, 6])
    assert line.uplink.health.rewinds == 1


async def test_a_server_from_an_old_backup_gets_a_gap_and_a_new_journal(line: Line) -> None:
    await line.send(1, 2, 3)
    await until(lambda: line.journal.depth == 0)
    old = line.journal.journal_id
    line.mes.cursors[old] = 1
    await line.send(4)
    await until(lambda: 4 in line.arrived())
    assert line.journal.journal_id != old
    assert [(i["kind"], i.get("reason"), i.get("value")) for i in line.mes.items[3:]] == [
        ("gap", "bridge-stopped", None),
        ("sample", None, 4),
    ]


async def test_a_bridge_from_an_old_backup_does_not_pass_new_items_off_as_old_ones(line: Line) -> None:
    await line.send(1)
    await until(lambda: line.journal.depth == 0)
    line.mes.cursors[line.journal.journal_id] = 50
    await line.send(2)
    await until(lambda: 2 in line.arrived())
    assert line.uplink.health.anew == 1


async def test_a_journal_out_of_a_backup_is_told_before_anything_is_sent(
    tmp_path: Path, mes: Mes, client: httpx.AsyncClient
) -> None:
    journal = Journal(tmp_path / "old.sqlite")
    await journal.append(samples(1, 2), source="s")
    await journal.append([], source="s", record=SourceRecord("s", token="i=7", known_us=1_000), whole_record=True)
    old = journal.journal_id
    journal.close()
    journal = Journal(tmp_path / "old.sqlite")
    record = await journal.load_source("s")
    await journal.append(samples(3), source="s")
    mes.cursors[old] = 3
    uplink = Uplink(journal, client, token=TOKEN, clock=Clock(), sources=["s"])
    task = asyncio.create_task(uplink.run())
    await until(mes.gaps)
    task.cancel()
    [gap] = mes.items
    assert (gap["source"], gap["from_at_us"], gap["reason"]) == ("s", 1_000, "bridge-stopped")
    assert journal.journal_id != old
    assert (await journal.load_source("s")).token == ""
    with pytest.raises(BegunAnew):
        await journal.append(samples(4), source="s", record=record)
    with pytest.raises(BegunAnew):
        await journal.save_source(record)
    journal.close()


@pytest.mark.parametrize("status", [400, 413, 500])
async def test_a_server_that_cannot_say_how_far_it_is_gets_nothing_yet(
    tmp_path: Path, mes: Mes, client: httpx.AsyncClient, status: int
) -> None:
    journal = Journal(tmp_path / "old.sqlite")
    await journal.append(samples(1), source="s")
    journal.close()
    journal = Journal(tmp_path / "old.sqlite")
    mes.failing = [status] * 3
    uplink = Uplink(journal, client, token=TOKEN, clock=Clock(), sources=["s"])
    task = asyncio.create_task(uplink.run())
    await until(lambda: not mes.failing)
    await until(lambda: len(mes.items) == 1)
    task.cancel()
    assert len(mes.requests) == 5
    journal.close()


async def test_batches_too_large_are_halved_until_they_fit(line: Line) -> None:
    line.mes.max_items = 3
    await line.send(*range(20))
    await until(lambda: line.arrived() == list(range(20)))


async def test_an_item_no_server_takes_gives_way_to_a_gap(line: Line) -> None:
    line.mes.max_items = 0
    await line.send(1)
    await until(lambda: line.mes.requests[3:])
    line.mes.max_items = 5
    await line.send(2)
    await until(lambda: line.arrived() == [2])
    assert [g["lost"] for g in line.mes.gaps()] == [1]


async def test_one_item_the_server_cannot_read_does_not_block_the_others(line: Line) -> None:
    line.mes.unreadable = 3
    await line.send(1, 2, 3, 4, 5)
    await until(lambda: line.arrived() == [1, 2, 4, 5])
    assert [g["lost"] for g in line.mes.gaps()] == [1]


async def test_a_bridge_with_nothing_to_tell_says_so(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty batch at the next sequence: the server knows that the bridge lives and that it holds everything."""
    monkeypatch.setattr(uplink_module, "HEARTBEAT_S", 0.05)
    await line.send(1)
    await until(lambda: line.arrived() == [1])
    before = line.mes.batches
    await until(lambda: line.mes.batches >= before + 2)
    assert line.uplink.health.error == ""
    await line.send(2)
    await until(lambda: line.arrived() == [1, 2])
    assert line.mes.duplicates == 0
