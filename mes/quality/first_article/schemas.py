"""REST documents of first articles."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from mes.definitions.types import FIRST_ARTICLE_MAX
from mes.orders.schemas import Exact
from mes.orders.supervising.schemas import JobId, Reason, Version
from mes.quality.first_article.types import MEASUREMENTS_MAX, FirstArticleAct
from mes.quality.schemas import Document, MeasurementIn, MeasurementOut, Note


class FirstArticleIn(Document):
    """`version` of the job as it was seen. A failure needs a note."""

    job_id: JobId
    version: Version
    outcome: Literal["passed", "failed"]
    note: Note = ""
    measurements: list[MeasurementIn] = Field(default=[], max_length=MEASUREMENTS_MAX)


class FirstArticleAskIn(Document):
    """A new first article is wanted. `pieces` null: as many as the step asks for, else one."""

    job_id: JobId
    version: Version
    reason: Reason
    pieces: Annotated[Decimal, Field(gt=0, le=FIRST_ARTICLE_MAX, decimal_places=6)] | None = None


class FirstArticleOut(Document):
    """`act` is wanted, due, passed or failed."""

    act: str
    pieces: Exact
    equipment_id: str
    at: datetime
    actor: int | None
    note: str
    measurements: list[MeasurementOut]

    @classmethod
    def of(cls, act: FirstArticleAct) -> FirstArticleOut:
        return cls(
            act=act.act,
            pieces=act.pieces,
            equipment_id=act.equipment_id,
            at=act.at,
            actor=act.actor,
            note=act.note,
            measurements=[MeasurementOut(**one._asdict()) for one in act.measurements],
        )
