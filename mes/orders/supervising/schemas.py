"""REST models of a supervisor's acts. A transition carries the version it saw, an additive act a request id."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mes.orders.planning.types import DispatchList, MaterialNeed
from mes.orders.schemas import Exact, JobOut, PrintableId, Text
from mes.orders.service import Correction
from mes.orders.types import REASON_MAX, SEQUENCE_MAX, CountKind, Remainder

JobId = Annotated[str, Field(min_length=1, max_length=250)]
Version = Annotated[int, Field(ge=0, le=2**31 - 1)]
Reason = Annotated[Text, Field(min_length=1, max_length=REASON_MAX)]
Pieces = Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=6, allow_inf_nan=False)]
Change = Annotated[Decimal, Field(max_digits=15, decimal_places=6, allow_inf_nan=False)]
RequestId = Annotated[str, Field(min_length=8, max_length=90, pattern=r"^[A-Za-z0-9._:-]+$")]
Versions = Annotated[dict[str, Version], Field(min_length=1, max_length=SEQUENCE_MAX)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class JobActIn(_In):
    """`version` as it was seen."""

    job_id: JobId
    version: Version
    reason: Reason


class LiftHoldIn(_In):
    job_id: JobId
    version: Version
    reason: Text = ""


class SplitJobIn(JobActIn):
    quantity: Pieces


class CompleteIn(_In):
    """`accepted_reason`: why what is outside the order's tolerance is accepted."""

    job_id: JobId
    version: Version
    remainder: Remainder = Remainder.closed
    accepted_reason: Text = ""


class MergeJobsIn(_In):
    into: JobId
    versions: Versions
    reason: Reason


class SequenceIn(_In):
    """Waiting jobs of one station in the order they are to be made."""

    equipment_id: PrintableId
    versions: Versions


class JobReworkIn(_In):
    """`reason_id` is one of the scrap reasons, `return_segment_id` the step the pieces go to after rework."""

    job_id: JobId
    quantity: Pieces
    reason_id: PrintableId
    equipment_id: PrintableId
    return_segment_id: PrintableId
    request_id: RequestId


class CorrectionLineIn(_In):
    kind: Literal["good", "scrap"]
    quantity: Change = Field(description="How many more there were; negative: fewer.")
    reason_id: str = Field(default="", max_length=100, description="The scrap reason.")
    was: Change | None = Field(default=None, description="What was seen; refused where it is no longer so.")

    def line(self) -> Correction:
        return Correction(CountKind(self.kind), self.quantity, self.reason_id, self.was)


class CorrectionIn(_In):
    job_id: JobId
    lines: list[CorrectionLineIn] = Field(min_length=1, max_length=50)
    reason: Reason
    request_id: RequestId


class OrderActIn(_In):
    """`revision` as it was seen."""

    operations_request_id: PrintableId
    revision: Version
    reason: Reason


class SplitOrderIn(OrderActIn):
    quantity: Pieces


class ChangeQuantityIn(OrderActIn):
    """`quantity` is what the whole order is to make from now on."""

    quantity: Pieces


class ChangeOrderIn(OrderActIn):
    """What is left out stays; `due_at` null: no due date."""

    priority: int | None = Field(default=None, ge=0, le=100)
    due_at: AwareDatetime | None = None


class NewJobsOut(BaseModel):
    job_order_ids: list[str]


class TakerOut(BaseModel):
    """A released job that takes from the same stock."""

    job_order_id: str
    quantity: Exact


class SubstituteStockOut(BaseModel):
    """`taken` of it, in its unit, stands for `covers` of the first choice."""

    material_id: str
    unit: str
    usable: Exact
    taken: Exact
    covers: Exact


class MaterialNeedOut(BaseModel):
    """In the material's own unit. `needed` has `allowance` (for scrap) in it; of `usable` other released jobs will take
    `reserved` (`takers`, the largest). Without `tracked` no lot of it was ever recorded, and nobody can say."""

    material_id: str
    unit: str
    needed: Exact
    usable: Exact
    blocked: Exact
    missing: Exact
    tracked: bool
    allowance: Exact
    reserved: Exact
    takers: list[TakerOut]
    substitutes: list[SubstituteStockOut]

    @classmethod
    def of(cls, need: MaterialNeed) -> MaterialNeedOut:
        return cls(
            material_id=need.material_id,
            unit=need.unit,
            needed=need.needed,
            usable=need.usable,
            blocked=need.blocked,
            missing=need.missing,
            tracked=need.tracked,
            allowance=need.allowance,
            reserved=need.reserved,
            takers=[TakerOut(job_order_id=one.job_id, quantity=one.quantity) for one in need.takers],
            substitutes=[
                SubstituteStockOut(
                    material_id=one.material_id,
                    unit=one.unit,
                    usable=one.usable,
                    taken=one.taken,
                    covers=one.covers,
                )
                for one in need.substitutes
            ],
        )


class DispatchListOut(BaseModel):
    """`suggested`: the same waiting jobs with fewer set-ups, no priority passed, nothing made late by it."""

    equipment_id: str
    active: list[JobOut]
    waiting: list[JobOut]
    suggested: list[str]
    mounted_setup_family: str
    setups: int
    setups_suggested: int

    @classmethod
    def of(cls, found: DispatchList) -> DispatchListOut:
        return cls(
            equipment_id=found.equipment_id,
            active=[JobOut.of(job) for job in found.active],
            waiting=[JobOut.of(job) for job in found.waiting],
            suggested=list(found.suggested),
            mounted_setup_family=found.mounted,
            setups=found.setups,
            setups_suggested=found.setups_suggested,
        )
