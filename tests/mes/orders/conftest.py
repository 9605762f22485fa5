from __future__ import annotations

import pytest

from mes.kernel.db import Database
from tests.mes.orders.acts import Acts, build_benches


@pytest.fixture
def acts(plant: Database) -> Acts:
    """The plant with three benches in a row and one for rework."""
    plant.write_now(build_benches, actor=None)
    return Acts(plant)
