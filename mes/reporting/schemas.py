"""REST models of operations performance."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class PerformanceOut(BaseModel):
    """One version of what became of one job. A higher `job_response.version` replaces the lower ones.

    `job_response.final` false: `quantity` is the proven minimum, and the final version comes when a person has counted.
    `job_response.material_actual` has what was made first, then the lots that were used (`use` Consumed), each in its
    own unit; of more than 1,000 lots their sums by material, without `material_lot_id`.
    """

    cursor: int = Field(description="Go on from here: `after=` this.")
    operations_request_id: str
    operations_request_version: str
    published_at: str
    operations_response: dict[str, Any]
    job_response: dict[str, Any]


class PerformancePage(BaseModel):
    items: list[PerformanceOut]
    next_after: int = Field(description="The next request's `after`; unchanged if nothing new was there.")
