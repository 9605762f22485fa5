"""`kill -9` of the server between what was sent and what is known to be sent: it comes again, under the same id."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest
from sqlalchemy import text

from mes.exchange.webhooks.queries import get_webhook
from mes.exchange.webhooks.service import create_webhook
from mes.exchange.webhooks.types import WebhookSpec
from mes.kernel.db import Database
from mes.kernel.uow import UnitOfWork
from mes.kernel.vault import open_vault
from tests.mes.exchange.webhooks.receiver import receiving
from tests.mes.exchange.webhooks.test_deliveries import until
from tests.mes.exchange.webhooks.test_service import happen


@pytest.mark.parametrize("place", ["webhook-sent", "before-commit#2"])
async def test_killed_in_between_it_comes_again(database_url: str, tmp_path: Path, place: str) -> None:
    key = tmp_path / "secret.key"
    database = Database(database_url)
    try:
        async with receiving() as receiver:
            spec = WebhookSpec("erp", receiver.url, ("orders.*",), private_addresses=True)
            sealed = open_vault(key).seal("whsec_c2VjcmV0")
            database.write_now(create_webhook, actor=None, spec=spec, sealed_secret=sealed)
            happen(database, "job/1")
            killed = await start(database_url, key, LINESIDE_CRASH_AT=place)
            assert await killed.wait() == 137
            (first,) = receiver.came
            database.write_now(a_minute_later, actor=None)
            other = await start(database_url, key)
            await until(lambda: database.read_now(get_webhook, webhook_id="erp").waiting == 0)
            other.kill()
            await other.wait()
        assert [one.headers["webhook-id"] for one in receiver.came] == 2 * [first.headers["webhook-id"]]
    finally:
        database.close()


def a_minute_later(uow: UnitOfWork) -> None:
    """As if the minute were over for which the killed process had it in hand."""
    uow.execute(text("UPDATE webhook_delivery SET claimed_until_us = 0"))


async def start(url: str, key: Path, **environment: str) -> Process:
    command = [sys.executable, "-m", "tests.mes.exchange.webhooks.worker", url, str(key)]
    return await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "LINESIDE_ENVIRONMENT": "test", **environment}
    )
