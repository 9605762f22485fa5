from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import jinja2
import pytest

from mes.kernel.plants import Plants
from tests.web.live.plant import create_tables
from tests.web.live.served import TEMPLATES, Floor, Served, serving
from web.templating import environment


@pytest.fixture
def floor() -> Iterator[Floor]:
    loader = environment().loader
    assert isinstance(loader, jinja2.ChoiceLoader)
    mine = jinja2.DictLoader(TEMPLATES)
    loader.loaders = [*loader.loaders, mine]
    yield Floor()
    loader.loaders = [other for other in loader.loaders if other is not mine]


@pytest.fixture
def plants(tmp_path: Path) -> Iterator[Plants]:
    plants = Plants(data_dir=tmp_path / "data", migrate=create_tables)
    yield plants
    plants.close()


@pytest.fixture
async def served(plants: Plants, floor: Floor) -> AsyncIterator[Served]:
    async with serving(plants, floor) as running:
        yield running
