"""Values of what a job follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mes.definitions.queries import InstructionView, ResolvedMaterial
from mes.definitions.types import ParameterLimit


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A person has read it."""

    principal_id: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FollowedInstruction:
    """A step of the work instruction, and who has read it for this job, in order."""

    step: InstructionView
    read_by: tuple[Acknowledgement, ...]


@dataclass(frozen=True, slots=True)
class NeededMaterial:
    """`needed_e6` is what the job's pieces need, scrap allowance included; scaled by 10^6, in the material's unit."""

    material: ResolvedMaterial
    needed_e6: int


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """A supervisor set it for this job; `given` is what its recipe or step says."""

    given: str
    reason: str
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FollowedParameter:
    id: str
    value: str
    limit: ParameterLimit | None
    """None: the recipe sets none; it changes with its version alone."""
    change: ParameterChange | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """What one job follows, whatever became of the definition since."""

    job_id: str
    job_version: int
    description: str
    operations_request_id: str
    definition_id: str
    definition_version: str
    segment_id: str
    work_master_id: str
    work_master_version: str
    equipment_id: str
    equipment_ids: tuple[str, ...]
    """Where it may be done, in order of preference."""
    personnel_class_ids: tuple[str, ...]
    parameters: tuple[FollowedParameter, ...]
    materials: tuple[NeededMaterial, ...]
    instructions: tuple[FollowedInstruction, ...]


@dataclass(frozen=True, slots=True)
class FollowingJob:
    """A job of an order, the version it follows, and where else it could be done; `begun`: it stays as it is."""

    job_id: str
    description: str
    definition_version: str
    equipment_id: str
    equipment_ids: tuple[str, ...]
    begun: bool
    version: int


@dataclass(frozen=True, slots=True)
class FollowingOrder:
    """The version an order follows, its jobs that were not cancelled, and the released versions it may be moved to."""

    operations_request_id: str
    definition_id: str
    definition_version: str
    other_versions: tuple[str, ...]
    jobs: tuple[FollowingJob, ...]


@dataclass(frozen=True, slots=True)
class InstructionCount:
    """Steps of a job's work instruction, and how many of them somebody has read."""

    steps: int
    read: int


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a station says of a job besides its counts. `qualifications` are descriptions of personnel classes."""

    instructions: InstructionCount
    qualifications: tuple[str, ...]
    parameters: tuple[FollowedParameter, ...] = ()
