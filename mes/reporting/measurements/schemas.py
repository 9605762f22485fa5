"""REST models of measurements. What can be long comes as columns: one list a field, all of one length."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from mes.history.types import NOT_KNOWN, Retention, Summary
from mes.kernel.limits import RowNumber
from mes.kernel.paging import Page
from mes.kernel.sqltypes import from_us, from_us_or_none
from mes.reporting.measurements.types import JobRecord, TagLast, TagRecord, TagView

QUALITIES = ("good", "uncertain", "bad")


class TagOut(BaseModel):
    """A tag with a history: numbers of a measurement, texts of an identity."""

    bridge_id: str
    tag: str
    equipment_id: str
    kind: Literal["measurement", "identity"]
    what: str
    unit: str

    @classmethod
    def of(cls, view: TagView) -> TagOut:
        return cls(
            bridge_id=view.bridge_id,
            tag=view.tag,
            equipment_id=view.equipment_id,
            kind="measurement" if view.kind == "measurement" else "identity",
            what=view.what,
            unit=view.unit,
        )


class TagPage(BaseModel):
    items: list[TagOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[TagView]) -> TagPage:
        return cls(items=[TagOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class LastOut(BaseModel):
    """The newest sample of a measurement; `at` null before the first, `value` null while it is not known."""

    tag: TagOut
    at: datetime | None
    value: float | None
    quality: Literal["good", "uncertain", "bad"]

    @classmethod
    def of(cls, found: TagLast) -> LastOut:
        last = found.last
        return cls(
            tag=TagOut.of(found.tag),
            at=None if last is None else from_us(last.at_us),
            value=None if last is None else last.value,
            quality=QUALITIES[NOT_KNOWN if last is None else last.quality],
        )


class LastPage(BaseModel):
    items: list[LastOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[TagLast]) -> LastPage:
        return cls(items=[LastOut.of(found) for found in page.items], next_cursor=page.next_cursor)


class SamplesOut(BaseModel):
    """Samples as columns, oldest first."""

    at_us: list[int] = Field(description="Microseconds since 1970-01-01T00:00:00Z.")
    value: list[float | None] = Field(description="null: not known from this instant on.")
    quality: list[int] = Field(description="0 good, 1 uncertain, 2 not known.")
    next_from_at: datetime | None = Field(default=None, description="Ask again from here; null: that was all.")


class RollupsOut(BaseModel):
    """One tag by the minute or by the hour as columns; spans without a sample are absent."""

    start_us: list[int]
    n: list[int] = Field(description="Known values.")
    minimum: list[float | None]
    maximum: list[float | None]
    total: list[float | None]
    first: list[float | None]
    last: list[float | None]
    first_at_us: list[int]
    last_at_us: list[int]
    held_us: list[int] = Field(description="Between first and last: for how long a value was known.")
    held_mean: list[float | None] = Field(description="The mean over that time, each value holding until the next.")


class RunOut(BaseModel):
    equipment_id: str
    started_at: datetime
    ended_at: datetime | None


class MeasurementRecordOut(BaseModel):
    """What one measurement did while the job ran; numbers are null where nothing was known."""

    tag: TagOut
    n: int
    minimum: float | None
    maximum: float | None
    mean: float | None = Field(description="Of the samples.")
    held_mean: float | None = Field(description="Over time, each value holding until the next.")
    known_s: float = Field(description="For how long a value was known.")
    whole_minutes: bool = Field(description="The samples are gone by age: ends are widened to whole minutes.")

    @classmethod
    def of(cls, record: TagRecord) -> MeasurementRecordOut:
        found = record.summary or Summary(0, None, None, None, None, 0, whole_minutes=False)
        return cls(
            tag=TagOut.of(record.tag),
            n=found.n,
            minimum=found.minimum,
            maximum=found.maximum,
            mean=found.mean,
            held_mean=found.held_mean,
            known_s=found.known_us / 1_000_000,
            whole_minutes=found.whole_minutes,
        )


class JobRecordOut(BaseModel):
    """The as-built record of a job: its runs, and the measurements of its equipment over them."""

    job_id: str
    runs: list[RunOut]
    measurements: list[MeasurementRecordOut]

    @classmethod
    def of(cls, record: JobRecord) -> JobRecordOut:
        return cls(
            job_id=record.job_id,
            runs=[
                RunOut(
                    equipment_id=run.equipment_id,
                    started_at=from_us(run.started_at_us),
                    ended_at=from_us_or_none(run.ended_at_us),
                )
                for run in record.runs
            ],
            measurements=[MeasurementRecordOut.of(one) for one in record.measurements],
        )


class RetentionBody(BaseModel):
    """For how many days samples (and texts), and for how many roll-ups by the minute are kept."""

    samples_days: RowNumber
    rollups_days: RowNumber

    @classmethod
    def of(cls, retention: Retention) -> RetentionBody:
        return cls(samples_days=retention.samples_days, rollups_days=retention.rollups_days)
