"""REST models of orders and jobs. Quantities are decimal strings, never floats."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from mes.kernel.limits import Version
from mes.kernel.texts import NO_NUL
from mes.orders.rules import hold_text
from mes.orders.types import JobView, OrderCard, RequestSpec, RequestState, UnassignedCount

PrintableId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
Exact = Annotated[Decimal, PlainSerializer(str, return_type=str)]


Text = Annotated[str, Field(max_length=500), NO_NUL]


Tolerance = Annotated[Decimal | None, Field(ge=0, le=100, decimal_places=2, allow_inf_nan=False)]


class OperationsRequestIn(BaseModel):
    """An ERP's production order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"id": "PO-1001", "material_id": "CB-100", "quantity": "50", "due_at": "2026-12-01T14:00:00Z"}
        },
    )

    id: PrintableId = Field(description="The ERP's order number.")
    version: str = Field(default="1", min_length=1, max_length=30, pattern=r"^[A-Za-z0-9._-]+$")
    material_id: PrintableId | None = Field(default=None, description="What to make; its one definition is used.")
    operations_definition_id: PrintableId | None = Field(
        default=None, description="How to make it, where several exist."
    )
    quantity: Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=6, allow_inf_nan=False)]
    unit: str | None = Field(default=None, max_length=30, description="Must be the material's unit.")
    description: Text = ""
    priority: int = Field(default=50, ge=0, le=100, description="Higher goes first.")
    due_at: AwareDatetime | None = None
    under_percent: Tolerance = Field(default=None, description="How much less than asked a job may deliver.")
    over_percent: Tolerance = Field(default=None, description="How much more than asked a job may deliver.")

    def spec(self) -> RequestSpec:
        return RequestSpec(**vars(self))


class SubmittedOut(BaseModel):
    operations_request_id: str
    version: str
    work_request_id: str
    job_order_ids: list[str]
    created: bool = Field(description="False: exactly this was here already, nothing changed.")


class JobOut(BaseModel):
    """A job. `quantity_good` is proven; `quantity_good_upper` null means that no upper bound is known."""

    id: str
    operations_request_id: str
    work_request_id: str
    segment_id: str
    description: str
    material_id: str
    work_master_id: str
    equipment_id: str
    sequence: int
    priority: int
    due_at: datetime | None
    job_state: str
    job_substate: int
    dispatch_status: str
    note: str
    quantity: Exact
    unit: str
    cycles: int
    cycle_unit: str
    quantity_good: Exact
    quantity_good_upper: Exact | None
    quantity_scrap: Exact
    quantity_scrap_upper: Exact | None
    started_at: datetime | None
    ended_at: datetime | None
    confirmed_by: str
    version: int
    role: str = Field(description="part, rework, repair or repeat; empty for the job its step began with.")
    hold_reason: str = Field(description="Why it is held and what to do; empty: it is not.")
    first_article: str = Field(description="wanted, due, failed or passed; empty: none is asked for.")
    setup_family: str
    quantity_rework: Exact = Field(description="Sent to rework: neither good nor scrap here.")
    deviation: str = Field(description="under or over where it ended outside the order's tolerance.")

    @classmethod
    def of(cls, job: JobView) -> JobOut:
        return cls(
            id=job.job_id,
            operations_request_id=job.operations_request_id,
            work_request_id=job.work_request_id,
            segment_id=job.segment_id,
            description=job.description,
            material_id=job.material_id,
            work_master_id=job.work_master_id,
            equipment_id=job.equipment_id,
            sequence=job.sequence,
            priority=job.priority,
            due_at=job.due_at,
            job_state=job.state.name,
            job_substate=job.substate,
            dispatch_status=job.dispatch_status,
            note=job.note,
            quantity=job.quantity,
            unit=job.unit,
            cycles=job.cycles,
            cycle_unit=job.cycle_unit,
            quantity_good=job.good_low,
            quantity_good_upper=job.good_high,
            quantity_scrap=job.scrap_low,
            quantity_scrap_upper=job.scrap_high,
            started_at=job.started_at,
            ended_at=job.ended_at,
            confirmed_by=job.confirmed_by,
            version=job.version,
            role=job.role,
            hold_reason=hold_text(job.hold_reason, job.first_article),
            first_article=job.first_article,
            setup_family=job.setup_family,
            quantity_rework=job.rework,
            deviation=job.deviation,
        )


class JobPage(BaseModel):
    items: list[JobOut]
    next_cursor: str | None


class OperationsRequestOut(BaseModel):
    id: str
    version: str
    description: str
    material_id: str
    quantity: Exact
    unit: str
    priority: int
    due_at: datetime | None
    state: RequestState
    late: bool
    revision: int
    under_percent: Exact | None
    over_percent: Exact | None
    job_orders: list[JobOut]

    @classmethod
    def of(cls, card: OrderCard) -> OperationsRequestOut:
        return cls(
            id=card.operations_request_id,
            version=card.version,
            description=card.description,
            material_id=card.material_id,
            quantity=card.quantity,
            unit=card.unit,
            priority=card.priority,
            due_at=card.due_at,
            state=card.state,
            late=card.late,
            revision=card.revision,
            under_percent=card.under_percent,
            over_percent=card.over_percent,
            job_orders=[JobOut.of(job) for job in card.jobs],
        )


class OperationsRequestPage(BaseModel):
    items: list[OperationsRequestOut]
    next_cursor: str | None


class ReleaseIn(BaseModel):
    """Jobs to release, each with the version that was looked at."""

    model_config = ConfigDict(extra="forbid")

    versions: dict[str, Version] = Field(min_length=1, max_length=200)


class ReleaseJobsIn(ReleaseIn):
    shortage_reason: Text = Field(default="", description="Why they are released though material is short.")


class UnassignedOut(BaseModel):
    equipment_id: str
    at: datetime
    kind: str
    reason: str
    quantity: Exact
    quantity_upper: Exact | None

    @classmethod
    def of(cls, count: UnassignedCount) -> UnassignedOut:
        return cls(
            equipment_id=count.equipment_id,
            at=count.at,
            kind=count.kind,
            reason=count.reason,
            quantity=count.quantity,
            quantity_upper=count.quantity_high,
        )
