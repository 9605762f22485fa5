"""Orders, jobs, and the facts counted for them. Quantities are integers scaled by 10^6, times int64 microseconds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Text, UniqueConstraint, false, text
from sqlmodel import Field

from mes.kernel.tables import TableModel, micros


def _e6(*, nullable: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=nullable)


class OperationsRequestRow(TableModel, table=True):
    """What the ERP asks: one row a version; the newest is `current`."""

    __tablename__ = "operations_request"
    __table_args__ = (UniqueConstraint("id", "version_label"),)

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=100)
    version_label: str = Field(max_length=30)
    current: bool = True
    content_sha256: str = Field(max_length=64)
    description: str = Field(default="", max_length=500)
    material_pk: int = Field(foreign_key="material_definition.pk")
    definition_pk: int = Field(foreign_key="operations_definition.pk")
    quantity_e6: int = Field(sa_column=_e6())
    unit: str = Field(max_length=30)
    priority: int
    due_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    state: str = Field(max_length=20, index=True)
    created_at_us: int = Field(sa_column=micros())
    revision: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    under_tolerance_bp: int | None = None
    over_tolerance_bp: int | None = None
    """Hundredths of a percent of what is asked."""
    cancelled: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class WorkRequestRow(TableModel, table=True):
    """Our answer to an operations request: a set of jobs."""

    __tablename__ = "work_request"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=140, unique=True)
    operations_request_pk: int = Field(foreign_key="operations_request.pk", index=True)
    created_at_us: int = Field(sa_column=micros())


class JobOrderRow(TableModel, table=True):
    """One piece of work for one work centre or unit, with its running totals."""

    __tablename__ = "job_order"
    __table_args__ = (
        Index("ix_job_order_equipment_ended", "equipment_pk", "ended_at_us"),
        Index("ix_job_order_ended", "ended_at_us"),
        Index(
            "ix_job_order_awaits_count",
            "equipment_pk",
            sqlite_where=text("awaits_count = 1"),
            postgresql_where=text("awaits_count"),
        ),
        Index("ix_job_order_report_due", "report_due_at_us", sqlite_where=text("report_due_at_us IS NOT NULL")),
    )

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=250, unique=True)
    work_request_pk: int = Field(foreign_key="work_request.pk", index=True)
    segment_id: str = Field(max_length=100)
    segment_pk: int | None = Field(default=None, foreign_key="operations_segment.pk", index=True)
    """The step, of one version of the routing, that it was made from and goes on to follow."""
    description: str = Field(default="", max_length=500)
    material_pk: int = Field(foreign_key="material_definition.pk")
    work_master_pk: int = Field(foreign_key="work_master.pk")
    work_master_id: str = Field(max_length=100)
    work_master_version: str = Field(max_length=30)
    equipment_pk: int = Field(foreign_key="equipment.pk")
    sequence: int
    priority: int
    due_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    quantity_e6: int = Field(sa_column=_e6())
    unit: str = Field(max_length=30)
    cycles: int
    cycle_unit: str = Field(default="", max_length=30)
    quantity_per_cycle_e6: int = Field(sa_column=_e6())
    nominal_cycle_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    manual: bool
    state: int
    substate: int = 0
    dispatch_status: str = Field(max_length=20)
    released_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    note: str = Field(default="", max_length=40)
    note_text: str = Field(default="", max_length=500)
    command_id: str | None = Field(default=None, max_length=36)
    retry_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    started_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    ended_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    confirmed_by: str = Field(default="", max_length=20)
    undo_until_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    counted_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    awaits_count: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    good_low_e6: int = Field(default=0, sa_column=_e6())
    good_high_e6: int | None = Field(default=0, sa_column=_e6(nullable=True))
    scrap_low_e6: int = Field(default=0, sa_column=_e6())
    scrap_high_e6: int | None = Field(default=0, sa_column=_e6(nullable=True))
    report_version: int = 0
    report_due_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    parameters: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    """What a supervisor set for this job alone, by parameter: `value`, `reason`, `actor`, `at_us`."""
    version: int = 1
    role: str = Field(default="", max_length=10, sa_column_kwargs={"server_default": ""})
    setup_family: str = Field(default="", max_length=100, sa_column_kwargs={"server_default": ""})
    rank: int | None = None
    hold_reason: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
    rework_e6: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    first_article_e6: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """Pieces somebody has to pass before more are made; 0: none."""
    first_article: str = Field(default="", max_length=10, sa_column_kwargs={"server_default": ""})
    first_article_at_e6: int | None = Field(default=None, sa_column=_e6(nullable=True))
    """The job is held when so much is made of it; None: nothing is waited for."""


class FirstArticleActRow(TableModel, table=True):
    """What was done about a job's first article: wanted, due, passed, failed. Append-only."""

    __tablename__ = "first_article_act"
    __table_args__ = (Index("ix_first_article_act_step", "segment_pk", "equipment_pk"),)

    pk: int | None = Field(default=None, primary_key=True)
    job_pk: int = Field(foreign_key="job_order.pk", index=True)
    segment_pk: int | None = None
    equipment_pk: int
    act: str = Field(max_length=10)
    pieces_e6: int = Field(sa_column=_e6())
    """Wanted: how many; else made of the job by then."""
    at_us: int = Field(sa_column=micros())
    actor: int | None = None
    note: str = Field(default="", max_length=500)
    measurements: str = Field(default="[]", sa_column=Column(Text, nullable=False))
    """JSON: a list of name, value, unit, low, high, verdict."""


class JobLinkRow(TableModel, table=True):
    """So many pieces to make (or to rework) went from one job to another. Append-only."""

    __tablename__ = "job_link"

    pk: int | None = Field(default=None, primary_key=True)
    from_job_pk: int = Field(foreign_key="job_order.pk", index=True)
    to_job_pk: int = Field(foreign_key="job_order.pk", index=True)
    kind: str = Field(max_length=10)
    quantity_e6: int = Field(sa_column=_e6())
    at_us: int = Field(sa_column=micros())


class JobDependencyRow(TableModel, table=True):
    """A job waits for another: until it ended (AfterEnd) or started (AfterStart)."""

    __tablename__ = "job_dependency"

    job_pk: int = Field(foreign_key="job_order.pk", primary_key=True)
    after_job_pk: int = Field(foreign_key="job_order.pk", primary_key=True, index=True)
    kind: str = Field(max_length=20)


class JobRunRow(TableModel, table=True):
    """When a job had its equipment, by the machine's (or the operator's) word."""

    __tablename__ = "job_run"
    __table_args__ = (Index("ix_job_run_equipment", "equipment_pk", "started_at_us"),)

    pk: int | None = Field(default=None, primary_key=True)
    job_pk: int = Field(foreign_key="job_order.pk", index=True)
    equipment_pk: int = Field(foreign_key="equipment.pk")
    started_at_us: int = Field(sa_column=micros())
    ended_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))


class CountFactRow(TableModel, table=True):
    """Pieces counted. Append-only: a correction is another row that reverses this one."""

    __tablename__ = "count_fact"
    __table_args__ = (
        Index("ix_count_fact_job", "job_pk"),
        Index("ix_count_fact_equipment", "equipment_pk", "source_at_us"),
        Index(
            "ix_count_fact_unassigned",
            "source_at_us",
            sqlite_where=text("job_pk IS NULL"),
            postgresql_where=text("job_pk IS NULL"),
        ),
        Index("ix_count_fact_request", "request_id"),
    )

    pk: int | None = Field(default=None, primary_key=True)
    job_pk: int | None = Field(default=None, foreign_key="job_order.pk")
    equipment_pk: int = Field(foreign_key="equipment.pk")
    kind: str = Field(max_length=10)
    reason_id: str = Field(default="", max_length=100)
    low_e6: int = Field(sa_column=_e6())
    high_e6: int | None = Field(default=None, sa_column=_e6(nullable=True))
    from_at_us: int = Field(sa_column=micros())
    source_at_us: int = Field(sa_column=micros())
    recorded_at_us: int = Field(sa_column=micros())
    cause: str = Field(max_length=10)
    unassigned: str = Field(default="", max_length=20)
    tag: str = Field(default="", max_length=200)
    request_id: str | None = Field(default=None, max_length=100)
    actor: int | None = None
    undone: bool = False


class JobActRow(TableModel, table=True):
    """Additive acts that were done, by their request id, so that the same tap is never done twice."""

    __tablename__ = "job_act"

    request_id: str = Field(primary_key=True, max_length=100)
    job_pk: int = Field(foreign_key="job_order.pk", index=True)
    act: str = Field(sa_column=Column(Text, nullable=False))
    at_us: int = Field(sa_column=micros())
    undone: bool = False
    content_hash: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """Of everything that was told with it."""


class InstructionAcknowledgementRow(TableModel, table=True):
    """A person has read a step of the work instruction for a job."""

    __tablename__ = "instruction_acknowledgement"

    job_pk: int = Field(foreign_key="job_order.pk", primary_key=True)
    instruction_pk: int = Field(foreign_key="segment_instruction.pk", primary_key=True, index=True)
    principal_pk: int = Field(foreign_key="principal.pk", primary_key=True)
    at_us: int = Field(sa_column=micros())
