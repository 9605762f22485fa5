"""Values of first articles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from mes.orders.types import FirstArticle
from mes.quality.types import Measurement

MEASUREMENTS_MAX: Final = 100
ACTS_MAX: Final = 200
"""Of one job, the newest."""


@dataclass(frozen=True, slots=True)
class FirstArticleAct:
    """What was done about the first article of a job. `pieces`: of `wanted` how many; else made of the job by then."""

    act: FirstArticle
    pieces: Decimal
    equipment_id: str
    at: datetime
    actor: int | None
    note: str
    measurements: tuple[Measurement, ...]
