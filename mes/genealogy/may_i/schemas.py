"""REST documents of the question and of a station's report."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from mes.equipment.types import WhenAway
from mes.genealogy.may_i.types import Permission
from mes.quality.schemas import Document, FoundDefectIn, Id, Note, RequestId
from mes.quality.types import DEFECTS_MAX


class PermissionOut(Document):
    """`code` is empty where it is allowed; `other` is the step, or the lot, that stands in the way."""

    unit_id: str
    allowed: bool
    code: str
    segment_id: str
    job_order_id: str
    other: str
    when_away: WhenAway = Field(description="What the plant wants done while the MES cannot be asked.")

    @classmethod
    def of(cls, found: Permission) -> PermissionOut:
        return cls(
            unit_id=found.unit_id,
            allowed=found.allowed,
            code=found.why or "",
            segment_id=found.segment_id,
            job_order_id=found.job_id,
            other=found.other,
            when_away=found.when_away,
        )


class StepIn(Document):
    """What became of a unit at its step."""

    equipment_id: Id
    outcome: Literal["passed", "failed"]
    request_id: RequestId
    defects: list[FoundDefectIn] = Field(default=[], max_length=DEFECTS_MAX)
    note: Note = ""
    done_at: AwareDatetime | None = Field(
        default=None,
        description="It was done then, while the MES could not be asked: recorded all the same, and flagged.",
    )
