"""Somebody puts a backup of the bridge's journal back. What the plant holds already is not counted again, numbers used
twice hide nothing, and what nobody can know is a gap."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from sqlalchemy import text

from mes.kernel.db import ReadSession
from tests.faults.rig import COUNTERS, PLAIN, Rig, prepared, rig
from tests.faults.test_matrix import agree, drawn, measured_truly


async def count(it: Rig, times: int) -> None:
    for _ in range(times):
        for tag in COUNTERS:
            await it.machine.count(tag, it.chance.randint(1, 3))
        await asyncio.sleep(0.01)


def gap_begins(it: Rig, at_us: int) -> int:
    """Of the gaps that were over after an instant, when the first began."""

    def read(session: ReadSession) -> int:
        found = session.execute(text("SELECT min(from_at_us) FROM gap WHERE to_at_us >= :at"), {"at": at_us})
        return int(found.scalar_one())

    return it.database.read_now(read)


def journals(it: Rig) -> int:
    def read(session: ReadSession) -> int:
        return int(session.execute(text("SELECT count(*) FROM ingest_cursor")).scalar_one())

    return it.database.read_now(read)


@pytest.mark.parametrize("more", [1, 60], ids=["few-since-the-backup", "many-since-the-backup"])
@pytest.mark.parametrize("server", ["there", "away"])
async def test_a_journal_out_of_a_backup(
    more: int,
    server: str,
    tmp_path: Path,
    sqlite_template: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seed = drawn()
    story = [f"LINESIDE_FAULT_SEED={seed}"]
    folder = prepared(tmp_path / "rig", sqlite_template)
    async with rig(folder, random.Random(seed), monkeypatch, url=database_url) as it:
        it.machine.works = False
        it.wire.away = True
        await count(it, 5)
        await asyncio.sleep(0.5)
        await it.kill_bridge()
        backed_up_us = int(it.plc.now().timestamp() * 1_000_000)
        backup = it.back_up_journal()
        it.wire.away = False
        await it.start_bridge()
        await count(it, more)
        await it.settle()
        await it.kill_bridge()
        await count(it, 2)
        restored_us = int(it.plc.now().timestamp() * 1_000_000)
        it.restore_journal(backup)
        it.wire.away = server == "away"
        await it.start_bridge()
        it.inexact.add(PLAIN)
        await asyncio.sleep(1.5)
        await count(it, 30)
        it.wire.away = False
        await it.settle()
        agree(it, story)
        measured_truly(it, story)
        assert journals(it) == 2
        assert gap_begins(it, restored_us) <= backed_up_us
        assert it.agent is not None
        assert it.agent.uplink.health.anew == 1


async def test_a_journal_put_back_that_the_plant_has_not_overtaken_goes_on(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kill: nothing that it tells is new to nobody."""
    seed = drawn()
    async with rig(prepared(tmp_path / "rig", sqlite_template), random.Random(seed), monkeypatch) as it:
        await it.settle()
        await it.kill_bridge()
        it.restore_journal(it.back_up_journal())
        await it.start_bridge()
        await count(it, 5)
        await it.settle()
        agree(it, [f"LINESIDE_FAULT_SEED={seed}"])
        assert journals(it) == 1
