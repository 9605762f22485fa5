"""REST documents of what a job follows. Quantities are decimal strings."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mes.definitions.types import ParameterLimit
from mes.orders.following.types import (
    Acknowledgement,
    Followed,
    FollowedInstruction,
    FollowedParameter,
    NeededMaterial,
    ParameterChange,
)
from mes.orders.schemas import Exact, Text
from mes.orders.service import MovedOrder
from standards.isa95.quantity import from_e6

Name = Annotated[str, Field(min_length=1, max_length=100)]
Why = Annotated[Text, Field(min_length=1)]
VALUE_MAX = 500
PARAMETERS_MAX = 200


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MoveJobIn(_In):
    version: int = Field(description="The job's version that was looked at.")
    equipment_id: Name
    reason: Text = ""


class StartOverrideIn(_In):
    version: int = Field(description="The job's version that was looked at.")
    reason: Why = Field(description="Why it is all right without the qualification.")


class ParametersIn(_In):
    """Values by parameter; null: as its recipe or step has it again."""

    version: int = Field(description="The job's version that was looked at.")
    values: dict[Name, Annotated[Text, Field(max_length=VALUE_MAX)] | None] = Field(
        min_length=1, max_length=PARAMETERS_MAX
    )
    reason: Why


class MoveOrderIn(_In):
    from_version: Name = Field(description="The version that was looked at; the order must still follow it.")
    to_version: Name
    reason: Why


class MovedOrderOut(BaseModel):
    """Jobs that stayed as they are, that follow the new version, and that went."""

    operations_request_id: str
    operations_definition_id: str
    from_version: str
    to_version: str
    kept: list[str]
    changed: list[str]
    cancelled: list[str]

    @classmethod
    def of(cls, done: MovedOrder) -> MovedOrderOut:
        return cls(
            operations_request_id=done.operations_request_id,
            operations_definition_id=done.definition_id,
            from_version=done.from_label,
            to_version=done.to_label,
            kept=list(done.kept),
            changed=list(done.changed),
            cancelled=list(done.cancelled),
        )


class ReadByOut(BaseModel):
    principal_id: str
    name: str
    at: datetime

    @classmethod
    def of(cls, one: Acknowledgement) -> ReadByOut:
        return cls(principal_id=one.principal_id, name=one.name, at=one.at)


class InstructionStepOut(BaseModel):
    """`document` is the address of a picture or drawing; null: there is none."""

    step: int
    title: str
    text: str
    document: str | None
    media_type: str | None
    acknowledged: list[ReadByOut]

    @classmethod
    def of(cls, one: FollowedInstruction) -> InstructionStepOut:
        step = one.step
        return cls(
            step=step.sequence,
            title=step.title,
            text=step.text,
            document=f"/api/v1/instruction-documents/{step.document_sha256}" if step.document_sha256 else None,
            media_type=step.media_type,
            acknowledged=[ReadByOut.of(read) for read in one.read_by],
        )


class SubstituteOut(BaseModel):
    material_id: str
    unit: str
    quantity: Exact


class NeededMaterialOut(BaseModel):
    """`quantity` is for one piece, `needed` for the job with the scrap allowance (percent) on top."""

    material_id: str
    use: str
    unit: str
    quantity: Exact
    scrap_allowance: Exact
    needed: Exact
    substitutes: list[SubstituteOut]

    @classmethod
    def of(cls, one: NeededMaterial) -> NeededMaterialOut:
        material = one.material
        return cls(
            material_id=material.material_id,
            use=material.use,
            unit=material.unit,
            quantity=from_e6(material.quantity_e6),
            scrap_allowance=from_e6(material.allowance_e6),
            needed=from_e6(one.needed_e6),
            substitutes=[
                SubstituteOut(material_id=s.material_id, unit=s.unit, quantity=from_e6(s.quantity_e6))
                for s in material.substitutes
            ],
        )


class ParameterChangeOut(BaseModel):
    """A supervisor set it for this job; `given` is what its recipe or step says."""

    given: str
    reason: str
    who: str
    at: datetime

    @classmethod
    def of(cls, change: ParameterChange) -> ParameterChangeOut:
        return cls(given=change.given, reason=change.reason, who=change.who, at=change.at)


class ParameterOut(BaseModel):
    id: str
    value: str
    data_type: str
    unit: str
    low: Decimal | None
    high: Decimal | None
    changeable: bool = Field(description="Its recipe limits it, so that a supervisor may set it for one job.")
    changed: ParameterChangeOut | None

    @classmethod
    def of(cls, one: FollowedParameter) -> ParameterOut:
        limit = one.limit or ParameterLimit()
        return cls(
            id=one.id,
            value=one.value,
            data_type=limit.data_type,
            unit=limit.unit,
            low=limit.low,
            high=limit.high,
            changeable=one.limit is not None,
            changed=ParameterChangeOut.of(one.change) if one.change else None,
        )


class FollowedOut(BaseModel):
    """What a job follows, whatever became of the definition since."""

    job_order_id: str
    job_version: int
    operations_request_id: str
    operations_definition_id: str
    operations_definition_version: str
    segment_id: str
    work_master_id: str
    work_master_version: str
    equipment_id: str
    equipment_ids: list[str]
    personnel_class_ids: list[str]
    parameters: list[ParameterOut]
    materials: list[NeededMaterialOut]
    instructions: list[InstructionStepOut]

    @classmethod
    def of(cls, found: Followed) -> FollowedOut:
        return cls(
            job_order_id=found.job_id,
            job_version=found.job_version,
            operations_request_id=found.operations_request_id,
            operations_definition_id=found.definition_id,
            operations_definition_version=found.definition_version,
            segment_id=found.segment_id,
            work_master_id=found.work_master_id,
            work_master_version=found.work_master_version,
            equipment_id=found.equipment_id,
            equipment_ids=list(found.equipment_ids),
            personnel_class_ids=list(found.personnel_class_ids),
            parameters=[ParameterOut.of(p) for p in found.parameters],
            materials=[NeededMaterialOut.of(m) for m in found.materials],
            instructions=[InstructionStepOut.of(i) for i in found.instructions],
        )
