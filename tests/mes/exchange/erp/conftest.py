from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mes.kernel.db import Database
from tests.conftest import SettableClock
from tests.mes.exchange.erp.floor import Floor
from tests.support.tryton import ErpUser, Tryton


@pytest.fixture
async def floor(
    built_plant: None, sqlite_database: Database, clock: SettableClock, tmp_path: Path
) -> AsyncIterator[Floor]:
    """On SQLite: what depends on the database is in test_service.py."""
    floor = Floor(sqlite_database, clock, tmp_path)
    yield floor
    await floor.rounds.close()


@pytest.fixture
def tryton(tmp_path: Path) -> Iterator[Tryton]:
    """A Tryton with the plant of tests/peers/tryton/plant.py."""
    with Tryton(tmp_path / "tryton") as erp:
        yield erp


@pytest.fixture
def planner(tryton: Tryton) -> Iterator[ErpUser]:
    """A person at Tryton."""
    with ErpUser(tryton) as user:
        yield user
