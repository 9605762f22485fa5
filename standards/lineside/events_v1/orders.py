"""What is to be made, and how it goes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType, field

from standards.isa95.job_control import DispatchStatus
from standards.lineside.events_v1.base import Bounds, Change, Event, JobStateName, Millionths, Reason, Row

Substate = Annotated[int, Meta(description="The number of the sub-state, OPC 10031-4; 0: none.")]
Confirmer = Annotated[str, Meta(description="Who says so: machine, operator; empty: nobody on the floor.")]
Lines = Annotated[list[Row], Meta(description="Each [kind, reason_id, low_e6, high_e6, cause].")]
Unassigned = Annotated[list[Row], Meta(description="Each [number of the equipment, kind, why, low_e6, high_e6].")]
Corrected = Annotated[list[Row], Meta(description="Each [kind, reason_id, difference in millionths].")]
Measurements = Annotated[list[list[str]], Meta(description="Each [name, value, unit, low, high, verdict].")]
Short = Annotated[list[str], Meta(description="Materials that are missing, where that was accepted.")]
Priorities = Annotated[list[int], Meta(min_length=2, max_length=2, description="Before and after.")]
Dates = Annotated[
    list[int | None], Meta(min_length=2, max_length=2, description="Before and after, microseconds since 1970, UTC.")
]


class _OfJob(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "job/…"
    job_order_id: str


class _OfOrder(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "order/…"
    operations_request_id: str


class _Moved(_OfJob, frozen=True, kw_only=True):
    operations_request_id: str
    equipment_id: str
    from_: JobStateName = field(name="from")
    state: JobStateName
    substate: Substate
    dispatch_status: DispatchStatus
    confirmed_by: Confirmer


class _OfFirstArticle(_OfJob, frozen=True, kw_only=True):
    """Where the job is over its state did not change, and nothing is told of it."""

    equipment_id: str
    reason: Annotated[str, Meta(description="What was said of it, or why the job waits.")]
    operations_request_id: str | UnsetType = UNSET
    from_: JobStateName | UnsetType = field(name="from", default=UNSET)
    state: JobStateName | UnsetType = UNSET
    substate: Substate | UnsetType = UNSET
    dispatch_status: DispatchStatus | UnsetType = UNSET
    confirmed_by: Confirmer | UnsetType = UNSET


class FirstArticleDue(_OfFirstArticle, frozen=True, kw_only=True):
    """The first pieces of a job are there; it waits until somebody has looked at them."""

    made_e6: Millionths


class FirstArticleFailed(_OfFirstArticle, frozen=True, kw_only=True):
    """The first pieces of a job are no good."""

    made_e6: Millionths
    measurements: Measurements


class FirstArticlePassed(_OfFirstArticle, frozen=True, kw_only=True):
    """The first pieces of a job are good; it may go on."""

    made_e6: Millionths
    measurements: Measurements


class FirstArticleWanted(_OfFirstArticle, frozen=True, kw_only=True):
    """A job will wait after so many pieces until somebody has looked at them."""

    pieces_e6: Millionths


class InstructionAcknowledged(_OfJob, frozen=True, kw_only=True):
    """Somebody has read a step of the instructions."""

    equipment_id: str
    step: int
    title: str


class JobAborted(_Moved, frozen=True, kw_only=True):
    """A job was given up after it had begun."""

    reason: Reason | UnsetType = UNSET


class JobAccepted(_Moved, frozen=True, kw_only=True):
    """The machine has the job."""


class JobCancelled(_Moved, frozen=True, kw_only=True):
    """A job that nobody had begun will not be made."""

    reason: Reason


class JobCommandFailed(_OfJob, frozen=True, kw_only=True):
    """The machine did not do what it was asked."""

    action: str | None
    outcome: Annotated[str, Meta(description="refused, failed, expired or unknown.")]
    message: str


class JobCommandPut(_OfJob, frozen=True, kw_only=True):
    """The machine was asked to do something with the job."""

    action: str
    command_id: str
    reason: Reason


class JobCorrected(_OfJob, frozen=True, kw_only=True):
    """A supervisor corrected what was counted."""

    equipment_id: str
    reason: Reason
    lines: Corrected
    good_e6: Change
    scrap_e6: Change


class JobCountUndone(_OfJob, frozen=True, kw_only=True):
    """What a person counted of a job counts no more."""

    equipment_id: str


class JobCounted(_OfJob, frozen=True, kw_only=True):
    """A person counted the pieces of an ended job."""

    equipment_id: str
    good_e6: Annotated[int | None, Meta(description="In millionths; null: not counted.")]
    scrap_e6: Annotated[int | None, Meta(description="In millionths; null: not counted.")]
    proven_good_e6: Bounds
    proven_scrap_e6: Bounds


class JobDispatched(_OfJob, frozen=True, kw_only=True):
    """The job is on its way to the machine."""

    equipment_id: str
    command_id: str


class JobEndUndone(_Moved, frozen=True, kw_only=True):
    """The end of a job was taken back."""


class JobEnded(_Moved, frozen=True, kw_only=True):
    """A job is done."""

    remainder: Annotated[str, Meta(description="What becomes of the rest: closed or split-off.")] | UnsetType = UNSET
    deviation: Annotated[str, Meta(description="under or over, where that was accepted.")] | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET


class JobForgotten(_Moved, frozen=True, kw_only=True):
    """The machine does not know the job any more."""


class JobHoldLifted(_Moved, frozen=True, kw_only=True):
    """A job that was held may go on."""

    reason: Reason
    held_for: Annotated[str, Meta(description="Why it was held.")]


class JobHoldPlaced(_Moved, frozen=True, kw_only=True):
    """A job is held."""

    reason: Reason


class JobInterrupted(_Moved, frozen=True, kw_only=True):
    """A job pauses."""


class JobMerged(_Moved, frozen=True, kw_only=True):
    """The work of a job is part of another from now on."""

    into: Annotated[str, Meta(description="The id of that job.")]
    reason: Reason
    quantity_e6: Millionths


class JobMoved(_OfJob, frozen=True, kw_only=True):
    """A job is made at another station."""

    operations_request_id: str
    equipment_id: Annotated[str, Meta(description="Where it is made now.")]
    from_: str = field(name="from")
    reason: Reason


class JobNoteChanged(_OfJob, frozen=True, kw_only=True):
    """Why a job waits is another reason now."""

    note: Annotated[str, Meta(description="predecessor, not-its-turn, machine-local …; empty: nothing is in its way.")]


class JobParametersChanged(_OfJob, frozen=True, kw_only=True):
    """Parameters of a job were set."""

    operations_request_id: str
    changes: Annotated[dict[str, list[str]], Meta(description="By parameter: before and after.")]
    reason: Reason


class JobReleaseRevoked(_Moved, frozen=True, kw_only=True):
    """A job may not begin any more."""


class JobReleased(_Moved, frozen=True, kw_only=True):
    """A job may begin."""

    short: (
        Annotated[list[str], Meta(description="Materials that are missing, where that was accepted.")] | UnsetType
    ) = UNSET
    reason: Reason | UnsetType = UNSET


class JobResumed(_Moved, frozen=True, kw_only=True):
    """A job that paused goes on."""


class JobSplit(_OfJob, frozen=True, kw_only=True):
    """A part of a job is a job of its own."""

    new_job_order_id: str
    stays_e6: Millionths
    goes_e6: Millionths
    reason: Reason


class JobStarted(_Moved, frozen=True, kw_only=True):
    """A job has begun."""


class JobsMerged(_OfJob, frozen=True, kw_only=True):
    """Jobs became one; `job_order_id` is that one."""

    merged: list[str]
    quantity_e6: Millionths
    reason: Reason


class JobsSequenced(Event, frozen=True, kw_only=True):
    """Somebody said in which order the jobs of a place are made."""

    its_subject: ClassVar[str] = "equipment/…"
    equipment_id: str
    job_order_ids: Annotated[list[str], Meta(description="First the one that is made first.")]


class OperationsRequestAccepted(_OfOrder, frozen=True, kw_only=True):
    """A production order was taken, or another version of it."""

    version: str
    work_request_id: str
    material_id: str
    definition_id: str
    definition_version: str
    quantity_e6: Millionths
    job_order_ids: list[str]


class OperationsRequestCancelled(_OfOrder, frozen=True, kw_only=True):
    """A production order will not be made any further."""

    reason: Reason


class OperationsRequestChanged(_OfOrder, frozen=True, kw_only=True):
    """A production order has another priority or due date."""

    reason: Reason
    priority: Priorities
    due_at_us: Dates


class OperationsRequestQuantityChanged(_OfOrder, frozen=True, kw_only=True):
    """A production order is for more or less."""

    reason: Reason
    quantity_e6: Change


class OrderMovedToVersion(_OfOrder, frozen=True, kw_only=True):
    """A production order follows another version of its routing."""

    definition_id: str
    from_: str = field(name="from")
    to: str
    reason: Reason
    kept: Annotated[list[str], Meta(description="Jobs that stay as they are.")]
    changed: Annotated[list[str], Meta(description="Jobs that follow the new version.")]
    cancelled: Annotated[list[str], Meta(description="Jobs that the new version has not.")]


class PiecesCounted(_OfJob, frozen=True, kw_only=True):
    """Pieces of a job were counted; what it has now."""

    good_e6: Bounds
    scrap_e6: Bounds
    counts: Lines


class PiecesSentToRework(_OfJob, frozen=True, kw_only=True):
    """Pieces of a job are mended."""

    equipment_id: str
    rework_equipment_id: str
    return_segment_id: Annotated[str, Meta(description="The step they come back to.")]
    quantity_e6: Millionths
    reason_id: str


class PiecesUnassigned(Event, frozen=True, kw_only=True):
    """Pieces were counted that belong to no job."""

    its_subject: ClassVar[str] = "unassigned"
    counts: Unassigned


class QualificationOverridden(_OfJob, frozen=True, kw_only=True):
    """Somebody began a job without the qualification it asks for."""

    equipment_id: str
    personnel_class_ids: Annotated[list[str], Meta(description="What was missing.")]
    reason: Reason
