"""Wake-ups: another process's commit reaches the screens of this one, on both databases."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from mes.kernel.db import Database
from tests.web.live.served import happened, until
from web.live import wakeup
from web.live.relay import Relay
from web.live.wakeup import WakeUp, announce, watch_of

WRITER = """
import sys
from mes.kernel.db import Database
from tests.web.live.served import happened
from web.live.wakeup import announce
database = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
database.write_now(happened, actor=None, topics=["equipment/A"])
announce(database)
database.close()
"""


async def test_a_commit_of_this_process_wakes_at_once(database: Database) -> None:
    wake_up = WakeUp()
    stop = database.on_commit(wake_up.poke)
    assert not await wake_up.wait(0.01)
    await database.write(happened, actor=None, topics=["board"])
    assert await wake_up.wait(1)
    wake_up.clear()
    assert not await wake_up.wait(0.01)
    stop()
    await database.write(happened, actor=None, topics=["board"])
    assert not await wake_up.wait(0.05)


async def test_a_poke_while_clearing_is_not_lost() -> None:
    wake_up = WakeUp()
    lost = 0
    for _ in range(300):
        poker = threading.Thread(target=wake_up.poke)
        poker.start()
        wake_up.clear()
        poker.join()
        wake_up.poke()
        lost += not await wake_up.wait(1)
        wake_up.clear()
    assert lost == 0


async def test_a_commit_of_another_process_arrives(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeup, "SLOW_POLL_S", 60.0)
    relay = Relay(database)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(relay.run())
        await relay.ready.wait()
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, database.url, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        assert writer.stdin is not None
        await writer.stdout.readline()
        before = relay.hub.seq
        writer.stdin.write(b"go\n")
        writer.stdin.close()
        await until(lambda: relay.hub.seq > before)
        await writer.wait()
        task.cancel()


async def test_many_commits_are_announced_at_most_a_hundred_times_a_second(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.dialect == "sqlite":
        return
    sent: list[float] = []
    notify = wakeup._notify

    def counted(connection: object, plant_id: str) -> None:
        sent.append(time.monotonic())
        notify(connection, plant_id)  # type: ignore[arg-type]

    monkeypatch.setattr(wakeup, "_notify", counted)
    watch = watch_of(database)
    started = time.monotonic()
    while time.monotonic() - started < 0.5:
        await database.write(happened, actor=None, topics=["board"])
    watch.close()
    assert 2 <= len(sent) <= 0.5 * 100 + 5


async def test_a_lost_connection_of_the_listener_is_made_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeup, "_RECONNECT_S", 0.05)
    database = Database(postgres_url)
    wake_up = WakeUp()
    watch = watch_of(database)
    try:
        await _until_heard(database, watch, wake_up)
        await database.write(_throw_out, actor=None)
        await _until_heard(database, watch, wake_up)
    finally:
        watch.close()
        database.close()


async def _until_heard(database: Database, watch: wakeup.Watch, wake_up: WakeUp) -> None:
    for _ in range(50):
        wake_up.clear()
        await asyncio.to_thread(announce, database)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await watch.wait(wake_up)
        if wake_up.is_poked:
            return
    pytest.fail("no notification was heard")


def _throw_out(uow: object) -> None:
    uow.driver_execute(  # type: ignore[attr-defined]
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND pid <> pg_backend_pid()"
    )


async def test_a_poke_that_was_seen_to_wakes_nobody_later() -> None:
    """The loop hears of a poke a moment later; by then somebody may have looked, and waits for the next."""
    wake_up = WakeUp()
    wake_up.poke()
    wake_up.clear()
    assert not await wake_up.wait(0.02)
    wake_up.poke()
    assert await wake_up.wait(1.0)
    assert wake_up.is_poked
