"""REST models of operations performance."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, WithJsonSchema

_LABOUR: Final = {"quantity": "5400", "unit": "s"}
_SCRAP: Final = {"quantity": "1", "quantity_upper": "1", "exact": True}
_MADE: Final = {
    "material_id": "CB-100",
    "use": "Produced",
    "unit": "pcs",
    "quantity_ordered": "50",
    "quantity": "49",
    "quantity_upper": "49",
    "exact": True,
    "scrap": {**_SCRAP, "reasons": [{"reason_id": "scratch", **_SCRAP}]},
}
_USED: Final = {
    "material_id": "R12",
    "material_lot_id": "R-00000001",
    "use": "Consumed",
    "unit": "pcs",
    "quantity": "100",
    "quantity_upper": "100",
    "exact": True,
}
Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""As it was written down when the report was made."""


class AmountOut(BaseModel):
    """`quantity` is the proven minimum, `quantity_upper` the most it can be: null where no bound is known."""

    quantity: str
    quantity_upper: str | None
    exact: bool


class ScrapOfReasonOut(AmountOut):
    """So much of the scrap has this reason."""

    reason_id: str


class ScrapOut(AmountOut):
    """Scrap of a job, in the unit of its good pieces."""

    reasons: list[ScrapOfReasonOut]


class ReworkOut(BaseModel):
    """`sent`: neither good nor scrap here. `returned`: what rework gave back to a step that counts them."""

    sent: str = "0"
    returned: AmountOut | None = None


class MaterialActualOut(AmountOut):
    """First what was made, with `quantity_ordered` and `scrap`; then the lots that were used, each in its own unit.

    Of more than 1,000 lots their sums by material, without `material_lot_id`. `rework`: only where there was some.
    """

    material_id: str
    material_lot_id: str = ""
    use: Literal["Produced", "Consumed"]
    unit: str
    quantity_ordered: str = "0"
    scrap: ScrapOut | None = None
    rework: ReworkOut | None = None


class DurationOut(BaseModel):
    """How long; left out where it is none."""

    quantity: str = Field(default="0", description="Whole seconds, pauses left out.")
    unit: Literal["s"] = "s"


class EquipmentActualOut(DurationOut):
    """The job's place first, with the machine time (ISO 22400-2: APT) where a machine ran it; others without."""

    equipment_id: str


class PhysicalAssetActualOut(BaseModel):
    """A machine that filled the place while the job ran."""

    physical_asset_id: str


class PersonnelActualOut(DurationOut):
    """Who worked on it, as far as the plant lets that be said; last, without a person, the labour time (APWT).

    Nobody is clocked in: the labour time is how long the job ran at a station where people run it, however many.
    """

    person_id: str = ""


class JobResponseOut(BaseModel):
    """What became of a job (ISA-95 part 4). A higher `version` replaces the lower ones.

    `final` false: `quantity` is the proven minimum, and the final version comes when a person has counted.
    """

    id: str = Field(examples=["PO-1001-PACK"])
    version: int = Field(ge=1, examples=[1])
    job_order_id: str
    segment_id: str
    work_master_id: str
    work_master_version: str
    state: Literal["Completed", "Aborted", "Cancelled"]
    final: bool
    start_time: Instant | None
    end_time: Instant | None = Field(examples=["2026-12-01T15:30:00Z"])
    equipment_actual: list[EquipmentActualOut] = Field(examples=[[{"equipment_id": "BENCH"}]])
    physical_asset_actual: list[PhysicalAssetActualOut]
    personnel_actual: list[PersonnelActualOut] = Field(examples=[[{"person_id": "ada"}, _LABOUR]])
    material_actual: list[MaterialActualOut] = Field(examples=[[_MADE, _USED]])


class OperationsResponseOut(BaseModel):
    """The order that the job is of, as it stood when the report was made."""

    id: str = Field(examples=["PO-1001"])
    state: str = Field(examples=["Completed"])
    work_request_id: str


class PerformanceOut(BaseModel):
    """One version of what became of one job."""

    cursor: int = Field(description="Go on from here: `after=` this.")
    operations_request_id: str
    operations_request_version: str
    published_at: Instant
    operations_response: OperationsResponseOut
    job_response: JobResponseOut


class PerformancePage(BaseModel):
    items: list[PerformanceOut]
    next_after: int = Field(description="The next request's `after`; unchanged if nothing new was there.")
