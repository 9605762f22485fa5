"""Results, verdicts, holds."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from standards.lineside.events_v1.base import Event, Named, Reason, Written


class _OfUnit(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "unit/…"
    unit_id: str
    segment_id: Annotated[str, Meta(description="The step; empty: unknown.")]


class _OfLots(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "quality"
    lots: Annotated[int, Meta(description="How many.")]
    lot_ids: Named
    reason: Reason


class DefectCodePut(Event, frozen=True, kw_only=True):
    """A code of defects was made or changed."""

    its_subject: ClassVar[str] = "defect-code/…"
    code_id: str
    outcome: Written


class LotsHeld(_OfLots, frozen=True, kw_only=True):
    """Lots and serials may not be used."""


class LotsReleased(_OfLots, frozen=True, kw_only=True):
    """Lots and serials that were held may be used."""


class RequirementPut(Event, frozen=True, kw_only=True):
    """What a recipe asks of each unit was set."""

    its_subject: ClassVar[str] = "work-master/…"
    work_master_id: str
    outcome: Written


class ResultsRecorded(Event, frozen=True, kw_only=True):
    """Units were tested or inspected."""

    its_subject: ClassVar[str] = "unit/… of one unit, else equipment/…"
    equipment_id: str
    segment_id: Annotated[str, Meta(description="The step; empty: unknown.")]
    passed: int
    failed: int
    aborted: int
    failed_unit_ids: Annotated[list[str], Meta(description="The first of them.")]


class UnitScrapped(_OfUnit, frozen=True, kw_only=True):
    """A unit was scrapped."""

    note: str


class UnitSentToRework(_OfUnit, frozen=True, kw_only=True):
    """A unit is mended."""

    note: str


class VerdictTakenBack(_OfUnit, frozen=True, kw_only=True):
    """A decision about a unit counts no more."""

    verdict: Annotated[str, Meta(description="The one that was taken back.")]
    reason: Reason
