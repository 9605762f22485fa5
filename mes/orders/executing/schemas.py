"""REST models of what is done at a station. A transition carries the version it saw, a count a request id."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mes.orders.schemas import PrintableId

JobId = Annotated[str, Field(min_length=1, max_length=250)]
Pieces = Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=6, allow_inf_nan=False)]
Counted = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=6, allow_inf_nan=False)]
RequestId = Annotated[str, Field(min_length=8, max_length=90, pattern=r"^[A-Za-z0-9._:-]+$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class JobMoveIn(_In):
    """`version` as it was seen."""

    job_id: JobId
    version: int = Field(ge=0, le=2**31 - 1)


class GoodPiecesIn(_In):
    job_id: JobId
    quantity: Pieces
    request_id: RequestId


class ScrapPiecesIn(GoodPiecesIn):
    reason_id: PrintableId


class SettledCountIn(_In):
    """`quantity_scrap` null: as the machines prove it."""

    job_id: JobId
    quantity_good: Counted
    quantity_scrap: Counted | None = None
    request_id: RequestId


class UndoCountIn(_In):
    """`request_id` of the count that is taken back. `job_id`: it has to be of this job, which whoever has a role at
    places has to say."""

    request_id: RequestId
    job_id: JobId | None = None
