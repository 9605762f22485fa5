"""What is told to the ERP."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from standards.lineside.events_v1.base import Event

Pieces = Annotated[str, Meta(description="A decimal number of `unit`.")]


class JobResponsePublished(Event, frozen=True, kw_only=True):
    """There is a report of a job, or a new version of it: the figures an ERP books.

    What was used, and of which lots, is in the report itself (`GET /api/v1/operations-performance`).
    """

    its_subject: ClassVar[str] = "job/…"
    job_order_id: str
    version: int
    operations_request_id: str
    state: str
    final: Annotated[bool, Meta(description="Whether no other version is expected.")]
    unit: str
    good: Pieces
    scrap: Pieces
    machine_time_s: int | None
    labour_time_s: int | None
