"""Values of reporting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class PerformanceEntry:
    """One entry of the ERP's feed. `cursor` is where to go on from."""

    cursor: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReportVersion:
    """A report as a screen shows it. The newest version of a job counts; older ones stay readable."""

    at: datetime
    job_id: str
    version: int
    state: str
    good: Decimal
    good_upper: Decimal | None
    scrap: Decimal
    scrap_upper: Decimal | None
    unit: str
    newest: bool
