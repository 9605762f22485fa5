"""What the ERP was told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Text, UniqueConstraint
from sqlmodel import Field

from mes.kernel.tables import TableModel, micros

_KEY = BigInteger().with_variant(Integer, "sqlite")


class JobReportRow(TableModel, table=True):
    """One version of a job's response. `pk` is the ERP's cursor: it grows in commit order."""

    __tablename__ = "job_report"
    __table_args__ = (UniqueConstraint("job_pk", "version"), Index("ix_job_report_request", "operations_request_pk"))

    pk: int | None = Field(default=None, sa_column=Column(_KEY, primary_key=True, autoincrement=True))
    job_pk: int = Field(foreign_key="job_order.pk")
    operations_request_pk: int = Field(foreign_key="operations_request.pk")
    version: int
    content: str = Field(sa_column=Column(Text, nullable=False))
    content_sha256: str = Field(max_length=64)
    created_at_us: int = Field(sa_column=micros())
