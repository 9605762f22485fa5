"""REST documents of quality. Measured numbers are decimal texts, never floats."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

from mes.kernel.sqltypes import to_us
from mes.materials.rules import exact_number
from mes.quality.types import (
    DEFECTS_MAX,
    HELD_MAX,
    MEASUREMENTS_MAX,
    NOTE_MAX,
    NUMBER_MAX,
    POSITION_MAX,
    RESULTS_MAX,
    DefectCodeSpec,
    DefectCodeView,
    DefectView,
    FoundDefect,
    Measurement,
    Recorded,
    RequirementSpec,
    RequirementView,
    ResultSpec,
    ResultView,
    StepCheck,
    Verdict,
    YieldReport,
    YieldView,
)

ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Key = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
"""What a scanner or a tester says: printable, no blanks."""
Text = Annotated[str, StringConstraints(max_length=500)]
Note = Annotated[str, StringConstraints(max_length=NOTE_MAX, pattern=r"^[^\x00]*$")]
Word = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")]
JobId = Annotated[str, StringConstraints(max_length=250, pattern=r"^[^\x00]*$")]
Position = Annotated[str, StringConstraints(max_length=POSITION_MAX, pattern=r"^[^\x00]*$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=NOTE_MAX, pattern=r"^[^\x00]*$")]
RequestId = Annotated[str, StringConstraints(min_length=8, max_length=100, pattern=r"^[!-~]+$")]
Exact = Annotated[Decimal, PlainSerializer(str, return_type=str)]


def _number(value: Any) -> Any:
    """A JSON number as the text it was; a float that cannot tell what was meant is refused."""
    if isinstance(value, bool):
        return value
    return str(exact_number(value)) if isinstance(value, int | float | Decimal) else value


Number = Annotated[str, BeforeValidator(_number), StringConstraints(max_length=NUMBER_MAX)]


class Document(BaseModel):
    """A document of this API: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DefectCodeChange(Document):
    """The whole code as it is to be."""

    description: Text
    active: bool = True
    version: int | None = None
    """The version that was read; or send If-Match."""

    def spec(self, code_id: str) -> DefectCodeSpec:
        return DefectCodeSpec(code_id, self.description, self.active)


class DefectCodeIn(Document):
    id: Id
    description: Text
    active: bool = True

    def spec(self) -> DefectCodeSpec:
        return DefectCodeSpec(self.id, self.description, self.active)


class DefectCodeOut(Document):
    id: str
    description: str
    active: bool
    version: int

    @classmethod
    def of(cls, view: DefectCodeView) -> DefectCodeOut:
        return cls(id=view.code_id, description=view.description, active=view.active, version=view.version)


class RequirementChange(Document):
    """What the step of a work master asks of a unit: nothing, to have been there (worked), or a verdict (passed)."""

    unit_check: StepCheck
    version: int | None = Field(default=None, description="The version that was read, 0 where there was none.")

    def spec(self, work_master_id: str) -> RequirementSpec:
        return RequirementSpec(work_master_id, self.unit_check)


class RequirementOut(Document):
    work_master_id: str
    unit_check: StepCheck
    version: int

    @classmethod
    def of(cls, view: RequirementView) -> RequirementOut:
        return cls(work_master_id=view.work_master_id, unit_check=view.unit_check, version=view.version)


class MeasurementIn(Document):
    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    value: Number
    unit: Annotated[str, StringConstraints(max_length=20, pattern=r"^[^\x00]*$")] = ""
    low: Number = ""
    high: Number = ""
    verdict: Literal["", "passed", "failed"] = ""

    def measurement(self) -> Measurement:
        return Measurement(self.name, self.value, self.unit, self.low, self.high, self.verdict)


class FoundDefectIn(Document):
    code: Id
    position: Position = ""
    note: Note = ""

    def defect(self) -> FoundDefect:
        return FoundDefect(self.code, self.position, self.note)


class ResultIn(Document):
    """What a tester found of one unit."""

    source: Key | None = Field(default=None, description="Who says so; default: that of the call, else the equipment.")
    result_id: Key = Field(description="The tester's own number; the same again changes nothing.")
    unit_id: Key
    equipment_id: Id
    outcome: Literal["passed", "failed", "aborted"]
    at: AwareDatetime
    job_order_id: JobId = ""
    segment_id: Word = ""
    program: Word = ""
    program_revision: Word = ""
    note: Note = ""
    measurements: list[MeasurementIn] = Field(default=[], max_length=MEASUREMENTS_MAX)
    defects: list[FoundDefectIn] = Field(default=[], max_length=DEFECTS_MAX)

    def spec(self, source: str | None = None) -> ResultSpec:
        return ResultSpec(
            source=self.source or source or self.equipment_id,
            result_id=self.result_id,
            unit_id=self.unit_id,
            equipment_id=self.equipment_id,
            verdict=Verdict[self.outcome],
            at_us=to_us(self.at),
            job_id=self.job_order_id,
            segment_id=self.segment_id,
            program=self.program,
            program_revision=self.program_revision,
            note=self.note,
            measurements=tuple(one.measurement() for one in self.measurements),
            defects=tuple(one.defect() for one in self.defects),
        )


class ResultsIn(Document):
    source: Key | None = None
    results: list[ResultIn] = Field(min_length=1, max_length=RESULTS_MAX)

    def specs(self) -> list[ResultSpec]:
        return [result.spec(self.source) for result in self.results]


class RowRefusalOut(Document):
    row: int = Field(description="Counted from 0.")
    code: str
    detail: str


class ResultsRecordedOut(Document):
    """Each row is recorded, known from before, or refused."""

    recorded: int
    known: int
    refused: list[RowRefusalOut]

    @classmethod
    def of(cls, done: Recorded) -> ResultsRecordedOut:
        refused = [RowRefusalOut(row=r.row, code=r.code, detail=r.detail) for r in done.refused]
        return cls(recorded=done.recorded, known=done.known, refused=refused)


class DefectOut(Document):
    id: int
    unit_id: str
    code: str
    description: str
    position: str
    note: str
    segment_id: str
    at: datetime
    repaired_at: datetime | None

    @classmethod
    def of(cls, view: DefectView) -> DefectOut:
        return cls(
            id=view.pk,
            unit_id=view.unit_id,
            code=view.code_id,
            description=view.description,
            position=view.position,
            note=view.note,
            segment_id=view.segment_id,
            at=view.at,
            repaired_at=view.repaired_at,
        )


class MeasurementOut(Document):
    name: str
    value: str
    unit: str
    low: str
    high: str
    verdict: str


class ResultOut(Document):
    source: str
    result_id: str
    unit_id: str
    verdict: str
    segment_id: str
    job_order_id: str
    equipment_id: str
    program: str
    program_revision: str
    at: datetime
    recorded_at: datetime
    note: str
    flag: str = Field(description="What it would have been refused with, had the MES been asked.")
    taken_back: bool = Field(description="A later one, `reversed`, says that it never was.")
    measurements: list[MeasurementOut]
    defects: list[DefectOut]

    @classmethod
    def of(cls, view: ResultView) -> ResultOut:
        return cls(
            source=view.source,
            result_id=view.result_id,
            unit_id=view.unit_id,
            verdict=view.verdict.name,
            segment_id=view.segment_id,
            job_order_id=view.job_id,
            equipment_id=view.equipment_id,
            program=view.program,
            program_revision=view.program_revision,
            at=view.at,
            recorded_at=view.recorded_at,
            note=view.note,
            flag=view.flag,
            taken_back=view.ended_by is not None,
            measurements=[MeasurementOut(**one._asdict()) for one in view.measurements],
            defects=[DefectOut.of(one) for one in view.defects],
        )


class ResultPage(Document):
    items: list[ResultOut]
    next_cursor: str | None


class UnitReworkIn(Document):
    """A failed unit goes back to a step; `repaired_defects` are ids of its open defects."""

    return_segment_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    request_id: RequestId
    note: Note = ""
    repaired_defects: list[int] = Field(default=[], max_length=DEFECTS_MAX)


class ScrapIn(Document):
    request_id: RequestId
    note: Note = ""


class LotHoldIn(Document):
    lot_ids: list[Key] = Field(min_length=1, max_length=HELD_MAX)
    reason: Reason


class YieldOut(Document):
    """Units, each counted once. The final yield lies between its bounds while units are in rework."""

    segment_id: str
    units: int
    first_passed: int
    good: int
    lost: int
    in_rework: int
    first_pass_yield: Exact | None
    final_yield_low: Exact | None
    final_yield_high: Exact | None

    @classmethod
    def of(cls, view: YieldView) -> YieldOut:
        return cls(
            segment_id=view.segment_id,
            units=view.counted.units,
            first_passed=view.counted.first_passed,
            good=view.counted.good,
            lost=view.counted.lost,
            in_rework=view.counted.open,
            first_pass_yield=view.first_pass,
            final_yield_low=view.final_low,
            final_yield_high=view.final_high,
        )


class YieldReportOut(Document):
    steps: list[YieldOut]
    truncated: bool

    @classmethod
    def of(cls, report: YieldReport) -> YieldReportOut:
        return cls(steps=[YieldOut.of(step) for step in report.steps], truncated=report.truncated)
