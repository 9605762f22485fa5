"""REST documents of the question and of a station's report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from mes.equipment.types import WhenAway
from mes.genealogy.may_i.types import Permission
from mes.kernel.texts import NO_NUL
from mes.orders.supervising.schemas import JobId, Reason
from mes.quality.schemas import Document, FoundDefectIn, Id, Note, RequestId
from mes.quality.types import DEFECTS_MAX

Word = Annotated[str, Field(max_length=100), NO_NUL]


class PermissionOut(Document):
    """`code` is empty where it is allowed; `other` is the step, or the lot, that stands in the way."""

    unit_id: str
    allowed: bool
    code: str
    segment_id: str
    job_order_id: str
    other: str
    overridden: str = Field(description="What it would be refused for, had a supervisor not let it be done.")
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
            overridden=found.overridden or "",
            when_away=found.when_away,
        )


class ProgramOverrideIn(Document):
    """The program and its revision exactly as the machine tells them; empty where it does not."""

    job_order_id: JobId
    program: Word = ""
    program_revision: Word = ""
    reason: Reason
    request_id: RequestId


class StepIn(Document):
    """What became of a unit at its step. `program` and `program_revision`: what the machine ran, where it knows."""

    equipment_id: Id
    outcome: Literal["passed", "failed"]
    request_id: RequestId
    defects: list[FoundDefectIn] = Field(default=[], max_length=DEFECTS_MAX)
    note: Note = ""
    program: Word = ""
    program_revision: Word = ""
    done_at: AwareDatetime | None = Field(
        default=None,
        description="It was done then, while the MES could not be asked: recorded all the same, and flagged.",
    )
