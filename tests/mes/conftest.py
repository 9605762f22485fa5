from __future__ import annotations

import pytest

from mes.kernel.db import Database
from tests.support.plants import Box, build_plant


@pytest.fixture
def plant(database: Database) -> Database:
    database.write_now(build_plant, actor=None)
    return database


@pytest.fixture
def box(plant: Database) -> Box:
    return Box(plant)
