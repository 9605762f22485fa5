"""The loop: what happens arrives, in order per subject, also after a receiver was away; processes share the work."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
from cryptography.fernet import Fernet

from mes.exchange.webhooks.deliveries import Deliveries
from mes.exchange.webhooks.queries import get_webhook
from mes.exchange.webhooks.sending import Sender
from mes.exchange.webhooks.service import create_webhook
from mes.exchange.webhooks.types import WebhookSpec
from mes.kernel.db import Database
from mes.kernel.vault import Vault
from tests.conftest import SettableClock
from tests.mes.exchange.webhooks.receiver import Received, Receiver, receiving
from tests.mes.exchange.webhooks.test_service import happen

VAULT = Vault([Fernet.generate_key()])


@asynccontextmanager
async def delivering(*databases: Database) -> AsyncIterator[None]:
    async with Sender(VAULT) as sender:
        tasks = [asyncio.create_task(Deliveries(database, sender).run()) for database in databases]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def hooked(database: Database, receiver: Receiver) -> None:
    spec = WebhookSpec("erp", receiver.url, ("orders.*",), private_addresses=True)
    sealed = VAULT.seal("whsec_c2VjcmV0")
    database.write_now(create_webhook, actor=None, spec=spec, sealed_secret=sealed)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 (what it waits for is in a database)
            await asyncio.sleep(0.02)


async def test_everything_arrives_in_order_per_subject_and_is_done(database: Database) -> None:
    async with receiving() as receiver, delivering(database):
        hooked(database, receiver)
        for n in range(30):
            happen(database, f"job/{n % 7}")
        await until(lambda: len(receiver.came) >= 30)
        await until(lambda: database.read_now(get_webhook, webhook_id="erp").waiting == 0)
    assert len(receiver.seqs) == len(set(receiver.seqs)) == 30
    assert_in_order(receiver)


async def test_a_receiver_that_was_away_gets_everything_afterwards(database: Database, clock: SettableClock) -> None:
    def away(_: Received) -> str:
        return "503 Away"

    async with receiving(away) as receiver, delivering(database):
        hooked(database, receiver)
        happen(database, *(f"job/{n % 3}" for n in range(9)))
        await until(lambda: database.read_now(get_webhook, webhook_id="erp").failing_since is not None)
        came = len(receiver.came)
        await asyncio.sleep(1.5)
        assert len(receiver.came) <= came + 3, "it is left alone"
        receiver.answer = lambda _: "200 OK"
        receiver.came.clear()
        clock.advance(minutes=2)
        await until(lambda: len(receiver.came) >= 9)
        await until(lambda: database.read_now(get_webhook, webhook_id="erp").waiting == 0)
    assert_in_order(receiver)


async def test_two_processes_on_one_plant_send_each_event_once(database: Database) -> None:
    other = Database(database.url, clock=database.clock)
    try:
        async with receiving() as receiver, delivering(database, other):
            hooked(database, receiver)
            receiver.delay_s = 0.01
            for n in range(40):
                happen(database, f"job/{n}")
            await until(
                lambda: database.read_now(get_webhook, webhook_id="erp").waiting == 0 and len(receiver.came) >= 40
            )
        assert sorted(receiver.seqs) == sorted(set(receiver.seqs))
        assert len(receiver.seqs) == 40
    finally:
        other.close()


def assert_in_order(receiver: Receiver) -> None:
    by_subject = defaultdict(list)
    for one in receiver.came:
        by_subject[_subject(one)].append(one.seq)
    assert all(seqs == sorted(seqs) for seqs in by_subject.values()), by_subject


def _subject(one: Received) -> str:
    return str(orjson.loads(one.body)["subject"])
