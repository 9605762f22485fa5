"""Pure: what moving an order to another version of its routing does to its jobs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from standards.isa95.job_control import DispatchStatus, JobState

NOT_BEGUN = frozenset({JobState.NotAllowedToStart, JobState.AllowedToStart})
WITH_NOBODY = frozenset({DispatchStatus.Waiting, DispatchStatus.Pending, DispatchStatus.Held})


class JobStand(NamedTuple):
    """How far a job is, for this. A job begun is one that ran, or that its machine has or was asked to take."""

    pk: int
    segment_id: str
    begun: bool
    cancelled: bool


def has_begun(state: JobState, dispatch_status: DispatchStatus, started_at_us: int | None) -> bool:
    """Whether a job may no longer be changed under the hands of whoever does it."""
    if dispatch_status is DispatchStatus.Cancelled:
        return False
    return started_at_us is not None or state not in NOT_BEGUN or dispatch_status not in WITH_NOBODY


@dataclass(frozen=True, slots=True)
class VersionPlan:
    """What becomes of the jobs: left as they are, changed in place, revived, made anew (segment ids), or cancelled."""

    kept: tuple[int, ...]
    changed: tuple[int, ...]
    revived: tuple[int, ...]
    added: tuple[str, ...]
    cancelled: tuple[int, ...]


def version_plan(jobs: Sequence[JobStand], was: Collection[str], becomes: Sequence[str]) -> VersionPlan:
    """Jobs begun stay. Others follow the step of their id in the new version, or go with it; new steps get a job.

    `was` and `becomes` are the segment ids of the two versions. A cancelled job stays cancelled, unless its step was
    not in the version that is left: then it went with an earlier move, and comes back.
    """
    live = [job for job in jobs if not job.cancelled]
    waiting = [job for job in live if not job.begun]
    covered = {job.segment_id for job in live}
    gone = {job.segment_id: job.pk for job in jobs if job.cancelled and job.segment_id not in covered}
    open_steps = [step for step in becomes if step not in covered]
    return VersionPlan(
        kept=tuple(job.pk for job in live if job.begun),
        changed=tuple(job.pk for job in waiting if job.segment_id in becomes),
        revived=tuple(gone[step] for step in open_steps if step in gone and step not in was),
        added=tuple(step for step in open_steps if step not in gone),
        cancelled=tuple(job.pk for job in waiting if job.segment_id not in becomes),
    )
